//! The functions: in this process, by their handlers, or as processes of their own.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_authorizer::Failure;
use a2a_lambda_aws::Records;
use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::queue::Queue;
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{Agents, ApiKeys, Clock, Engine};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_request::Counters;
use a2a_lambda_runtime::table::{
    API_KEYS, AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_SQS, AWS_LAMBDA_FUNCTION_NAME, QUEUE_URL,
};
use a2a_lambda_runtime::{ConfigError, Reader, SystemClock, Variables, fetcher};
use aws_lambda_events::sqs::SqsBatchResponse;
use aws_lambda_events::streams::DynamoDbEventResponse;
use http::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tracing::{error, warn};

use crate::events::{self, Asked, ResponseBody, WholeAnswer};
use crate::processes::Processes;
use crate::variables::Settings;

/// Lambda's limits, which hold here, too.
const FUNCTION_TIMEOUT: Duration = Duration::from_mins(15);
const RECOVERY_TIMEOUT: Duration = Duration::from_mins(1);
const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// The functions.
pub(crate) enum Functions {
    /// In this process, by their handlers.
    Within(Box<Within>),
    /// As processes of their own, by their bootstraps.
    Processes(Bootstraps),
}

/// The handlers' contexts.
pub(crate) struct Within {
    clock: SystemClock,
    request: a2a_lambda_request::Context,
    executor: a2a_lambda_sqs_executor::Context,
    webhook: a2a_lambda_webhook_function::Context,
    /// The engine of the two recoveries.
    engine: Engine,
    /// With `--auth`.
    authorizer: Option<a2a_lambda_authorizer::Context>,
}

/// The processes, and the endpoints at which they reach the database and the queue.
pub(crate) struct Bootstraps {
    request: Processes,
    executor: Processes,
    stream_recovery: Processes,
    recovery: Processes,
    /// `None` if there is no such executable: a deployment may do without.
    webhook: Option<Processes>,
    /// With `--auth`.
    authorizer: Option<Processes>,
    _endpoint: Endpoint,
}

impl Functions {
    pub(crate) fn within(
        engine: Engine,
        agents: Agents,
        records: Arc<dyn Records>,
        table: Arc<DynamoDbStore>,
        settings: &Settings,
    ) -> Result<Self, ConfigError> {
        let lookup = |name: &str| settings.get(name);
        let variables = Variables::new(Reader::LocalCloud, &lookup);
        let config = a2a_lambda_request::config(&variables)?;
        let authorizer = settings.auth().then(|| authorizer(&variables, &table)).transpose()?;
        // Tasks outlive this process. All else that owners are limited in ends with it.
        let counters = Counters { tasks: table, ..Counters::default() };
        let request = a2a_lambda_request::Context::counting_in(
            counters,
            engine.clone(),
            agents.clone(),
            config,
        );
        Ok(Self::Within(Box::new(Within {
            clock: SystemClock,
            request,
            executor: a2a_lambda_sqs_executor::Context::new(engine.clone(), agents, records),
            webhook: a2a_lambda_webhook_function::Context::new(engine.clone()),
            engine,
            authorizer,
        })))
    }

    /// The executables in a folder, as processes.
    pub(crate) async fn processes(
        folder: &Path,
        database: EmbeddedDynamoDb,
        queue: Arc<Queue>,
        settings: &Settings,
    ) -> io::Result<Self> {
        let endpoint = Endpoint::start(database, queue).await?;
        let function = |function: Reader| {
            let mut variables = settings.of(function);
            let decided = [
                (QUEUE_URL.about.name, endpoint.queue_url()),
                (AWS_ENDPOINT_URL_DYNAMODB.about.name, endpoint.url()),
                (AWS_ENDPOINT_URL_SQS.about.name, endpoint.url()),
                (AWS_LAMBDA_FUNCTION_NAME.about.name, function.name().to_owned()),
            ];
            variables.extend(decided.map(|(name, value)| (name.to_owned(), value)));
            Processes::of(folder.join(function.name()), variables)
        };
        Ok(Self::Processes(Bootstraps {
            request: function(Reader::Request)?,
            executor: function(Reader::SqsExecutor)?,
            stream_recovery: function(Reader::StreamRecovery)?,
            recovery: function(Reader::ScheduledRecovery)?,
            webhook: has_webhook(folder).then(|| function(Reader::Webhook)).transpose()?,
            authorizer: settings.auth().then(|| function(Reader::Authorizer)).transpose()?,
            _endpoint: endpoint,
        }))
    }

    /// Asks the authorizer.
    pub(crate) async fn authorize(&self, event: Value) -> Asked {
        match self {
            Self::Processes(functions) => {
                let Some(authorizer) = &functions.authorizer else { return Asked::Failed };
                match authorizer.ask(event, AUTHORIZER_TIMEOUT).await {
                    Some(Ok(answer)) => typed(&answer).map_or(Asked::Failed, Asked::Answer),
                    Some(Err(report)) => Asked::reported(&report),
                    None => Asked::Failed,
                }
            }
            Self::Within(functions) => {
                let event = or_logged(events::typed::<Box<RawValue>>(&event));
                let (Some(event), Some(context)) = (event, &functions.authorizer) else {
                    return Asked::Failed;
                };
                let now = functions.clock.now();
                match a2a_lambda_authorizer::handle(&event, now, context).await {
                    Ok(answer) => Asked::Answer(answer),
                    Err(Failure::Unauthorized) => Asked::Unauthorized,
                    Err(error) => {
                        warn!(
                            event = "authorizer_failed",
                            error = chain(&error),
                            "the authorizer function failed"
                        );
                        Asked::Failed
                    }
                }
            }
        }
    }

    /// The answer to an HTTP event.
    pub(crate) async fn request(&self, event: Value) -> Response<ResponseBody> {
        match self {
            Self::Processes(functions) => functions.request.stream(event, FUNCTION_TIMEOUT).await,
            Self::Within(functions) => {
                let deadline = functions.deadline(FUNCTION_TIMEOUT);
                let Some(event) = or_logged(events::typed::<Box<RawValue>>(&event)) else {
                    return events::refused(StatusCode::BAD_REQUEST, "Bad Request");
                };
                match a2a_lambda_request::handle(&event, deadline, &functions.request).await {
                    Ok(answer) => events::http_response(answer),
                    Err(error) => {
                        error!(
                            event = "request_function_failed",
                            error = chain(&error),
                            "the request function failed"
                        );
                        events::refused(StatusCode::BAD_GATEWAY, "Internal Server Error")
                    }
                }
            }
        }
    }

    /// The answer to an HTTP event below `/callbacks`.
    pub(crate) async fn callback(&self, event: Value) -> Response<ResponseBody> {
        match self {
            Self::Processes(functions) => {
                let Some(webhook) = &functions.webhook else {
                    return events::refused(StatusCode::NOT_FOUND, "Not Found");
                };
                let answer = webhook.invoke(event, WEBHOOK_TIMEOUT).await;
                let answer = answer.and_then(|answer| typed::<WholeAnswer>(&answer));
                answer.and_then(WholeAnswer::response).unwrap_or_else(bad_gateway)
            }
            Self::Within(functions) => {
                let deadline = functions.deadline(WEBHOOK_TIMEOUT);
                let Some(event) = or_logged(events::typed::<Box<RawValue>>(&event)) else {
                    return events::refused(StatusCode::BAD_REQUEST, "Bad Request");
                };
                let context = &functions.webhook;
                match a2a_lambda_webhook_function::handle(&event, deadline, context).await {
                    Ok(answer) => events::whole(answer.into_response()),
                    Err(error) => {
                        error!(
                            event = "webhook_function_failed",
                            error = chain(&error),
                            "the webhook function failed"
                        );
                        bad_gateway()
                    }
                }
            }
        }
    }

    /// The failed records of a batch of messages; `None` if the function did not say.
    pub(crate) async fn execute(&self, event: Value) -> Option<SqsBatchResponse> {
        match self {
            Self::Processes(functions) => {
                typed(&functions.executor.invoke(event, FUNCTION_TIMEOUT).await?)
            }
            Self::Within(functions) => {
                let event = or_logged(events::typed(&event))?;
                let deadline = functions.deadline(FUNCTION_TIMEOUT);
                Some(a2a_lambda_sqs_executor::handle(event, deadline, &functions.executor).await)
            }
        }
    }

    /// The first failed record of a stream's batch; `None` if the function did not say.
    pub(crate) async fn recover(&self, event: Value) -> Option<DynamoDbEventResponse> {
        match self {
            Self::Processes(functions) => {
                typed(&functions.stream_recovery.invoke(event, RECOVERY_TIMEOUT).await?)
            }
            Self::Within(functions) => {
                let event = or_logged(events::typed(&event))?;
                let deadline = functions.deadline(RECOVERY_TIMEOUT);
                Some(a2a_lambda_stream_recovery::handle(event, deadline, &functions.engine).await)
            }
        }
    }

    /// Sweeps. Failures have been logged.
    pub(crate) async fn sweep(&self, event: Value) {
        match self {
            Self::Processes(functions) => {
                functions.recovery.invoke(event, RECOVERY_TIMEOUT).await;
            }
            Self::Within(functions) => {
                let deadline = functions.deadline(RECOVERY_TIMEOUT);
                let swept =
                    a2a_lambda_scheduled_recovery::handle(deadline, &functions.engine).await;
                if let Err(error) = swept {
                    warn!(
                        event = "sweep_failed",
                        error = chain(&error),
                        "the scheduled-recovery function failed"
                    );
                }
            }
        }
    }
}

/// Whether a folder of executables has the function that takes the answers to callbacks.
pub(crate) fn has_webhook(folder: &Path) -> bool {
    folder.join(Reader::Webhook.name()).is_file()
}

fn bad_gateway() -> Response<ResponseBody> {
    events::refused(StatusCode::BAD_GATEWAY, "Internal Server Error")
}

/// The authorizer, with the keys in this table.
///
/// # Errors
/// When one of its variables has a wrong value, or every caller would be refused.
pub(crate) fn authorizer(
    variables: &Variables<'_>,
    table: &Arc<DynamoDbStore>,
) -> Result<a2a_lambda_authorizer::Context, ConfigError> {
    let keys = variables.flag(&API_KEYS)?.then(|| table.clone() as Arc<dyn ApiKeys>);
    a2a_lambda_authorizer::context_with(variables, &fetcher(), keys)
}

impl Within {
    fn deadline(&self, timeout: Duration) -> Timestamp {
        self.clock.now().saturating_add(timeout)
    }
}

fn typed<T: DeserializeOwned>(answer: &[u8]) -> Option<T> {
    or_logged(serde_json::from_slice(answer))
}

fn or_logged<T>(read: Result<T, serde_json::Error>) -> Option<T> {
    let log = |error: &serde_json::Error| {
        let error = chain(error);
        error!(event = "function_response_malformed", error, "a function sent malformed JSON");
    };
    read.inspect_err(log).ok()
}
