//! The local cloud: the functions' handlers, fed with events, over an embedded DynamoDB and an
//! in-process queue and a clock that ticks.

use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::{EmbeddedDynamoDb, EmbeddedError};
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::events::{schedule_event, sqs_event, stream_event};
use a2a_lambda_aws_emulator::queue::{MAX_BATCH, MAX_WAIT, Message, Queue, QueueConfig};
use a2a_lambda_aws_emulator::table_stream::{Record, TableStream, to_come_again};
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{
    Agents, Clock, Engine, Former, Nowhere, Restarted, StoreError, Vault, Webhook, restart,
};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_request::{ResponseMode, is_for_everybody};
use a2a_lambda_runtime::{
    ConfigError, RandomIds, Reader, SystemClock, Variables, agents, policy, process_environment,
    runner_name, table, vault::NoVault, webhook,
};
use aws_lambda_events::sqs::SqsBatchResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use bytes::Bytes;
use http::{Response, request::Parts};
use serde_json::json;
use tokio::sync::Semaphore;
use tracing::level_filters::LevelFilter;
use tracing::{error, info, warn};

use crate::events::{self, Arrival, ResponseBody};
use crate::folder::Folder;
use crate::functions::{Functions, authorizer, has_webhook};
use crate::local_queue::LocalQueue;
use crate::push_key::{local_vault, push_variables};
use crate::variables::{Settings, Way};

const TABLE: &str = "tasks";

/// The path below which callbacks are answered.
pub(crate) const CALLBACKS: &str = "/callbacks";

/// A little more than the function's timeout, as the mapping of a deployed queue has it.
const VISIBILITY: Duration = Duration::from_mins(16);

/// The time after which a failed record is redelivered. SQS would wait for its visibility to end.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How many executors run at a time: the concurrency limit of the queue's mapping.
const MAX_EXECUTORS: usize = 64;

const MAX_QUEUED: usize = 100_000;
const MAX_RECEIVES: u32 = 10;
const MAX_DEAD_LETTERS: usize = 1_000;

/// The stream's mapping: how many batches are under way at a time, and of how many records.
const MAX_RECOVERIES: usize = 10;
const MAX_RECORDS: usize = 25;

const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How long a lease lasts here, and how long a signal may take, unless the user says otherwise.
const LEASE_SECONDS: u32 = 10;
const SIGNAL_GRACE_SECONDS: u32 = 15;

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// The place of the tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Data {
    /// In memory: they are gone when the process ends.
    #[default]
    Memory,
    /// In a folder, which is made if it is not there.
    Folder(PathBuf),
}

/// Why the local cloud could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder cannot be used.
    #[error("the data folder {} cannot be used", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the folder.
    #[error("the data folder {} is in use by another process", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The database in memory cannot be made.
    #[error("the database in memory cannot be made")]
    Memory(#[from] EmbeddedError),
    /// The database's file cannot be used.
    #[error(
        "the database {} cannot be used: move it away to begin with an empty one, or choose another \
         folder by --data",
        file.display()
    )]
    Database {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The key of the folder's push configs cannot be used.
    #[error(
        "the key of the push configs' secrets, {}, is damaged: put the right one back, or move it away \
         to begin with a new one and make the configs that have secrets again",
        file.display()
    )]
    PushKey {
        /// The file.
        file: PathBuf,
        /// Why. It shows nothing of the key.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tasks that were under way cannot be found.
    #[error("the tasks cannot be read")]
    Tasks(#[from] StoreError),
    /// A variable cannot be used, or the agents cannot be made.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port for operators cannot be used.
    #[error("port {port} cannot be used for --aws-port")]
    AwsPort {
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The functions cannot run as processes.
    #[error("the functions' processes cannot be served")]
    Processes(#[source] std::io::Error),
}

/// The options of the local cloud. By default it runs in one process, and nothing outlasts it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The functions' variable `AGENT`, if it selects their agents.
    pub agent: Option<String>,
    /// The functions' variable `AGENT_COMMAND`, if the command line has it.
    pub agent_command: Option<String>,
    /// The place of the tasks.
    pub data: Data,
    /// The folder of the functions' executables, if they run as processes.
    pub bootstraps: Option<PathBuf>,
    /// The form of answers, as the front door would have it.
    pub response_mode: ResponseMode,
    /// The port at which the database and the queue are served, too, if they are: for operators. 0
    /// takes a free one.
    pub aws_port: Option<u16>,
    /// Whether callers are checked by the function `authorizer`, as a deployment has it.
    pub auth: bool,
    /// The least important lines that the functions' processes log, unless `LOG_LEVEL` says so, if the
    /// program was given any.
    pub log: Option<LevelFilter>,
}

/// The local cloud.
pub struct Cloud {
    engine: Engine,
    queue: Arc<Queue>,
    stream: Arc<TableStream>,
    functions: Functions,
    domain: String,
    auth: bool,
    endpoint: Option<Endpoint>,
    /// Keeps the folder locked while it is in use.
    _folder: Option<Folder>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl Cloud {
    /// Opens the tasks and resumes unfinished ones. `domain` is the host and port at which the
    /// service will be reached. `make` makes the agents; processes of their own make theirs.
    ///
    /// # Errors
    /// When the agents cannot be made, a variable cannot be used, or the tasks cannot be opened.
    pub async fn start<E: Into<Box<dyn Error + Send + Sync>>>(
        options: &Options,
        domain: String,
        make: &impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
    ) -> Result<Arc<Self>, StartError> {
        let clock = Arc::new(SystemClock);
        let (database, folder) = open(options, &clock).await?;
        let (database, stream) = database.streamed();
        let store = Arc::new(store(&database, folder.as_ref()).await?);
        let settings = settings(options, folder.as_ref(), &domain, clock.now())?;
        settings.warn();
        let lookup = |name: &str| settings.get(name);
        let variables = Variables::new(Reader::LocalCloud, &lookup);
        let ids = Arc::new(RandomIds);
        let (webhook, vault): (Arc<dyn Webhook>, Arc<dyn Vault>) = if settings.has_references()? {
            // Only the functions' processes read them, and only these push.
            (Arc::new(Nowhere), Arc::new(NoVault))
        } else {
            (webhook(&variables, ids.clone())?, local_vault(&variables)?)
        };
        let queue = Arc::new(new_queue());
        let local_queue = Arc::new(LocalQueue(queue.clone()));
        let engine = Engine {
            store: store.clone(),
            configs: store.clone(),
            steps: store.clone(),
            memory: store.clone(),
            queue: local_queue.clone(),
            timer: local_queue.clone(),
            clock,
            ids,
            webhook,
            vault,
            policy: Arc::new(policy(&variables)?),
            runner: runner_name(&variables)?,
        };
        let endpoint = match options.aws_port {
            Some(port) => Some(
                Endpoint::start_at(port, database.clone(), queue.clone())
                    .await
                    .map_err(|source| StartError::AwsPort { port, source })?,
            ),
            None => None,
        };
        let functions = if let Some(bootstraps) = &options.bootstraps {
            if options.auth {
                // Its process would fail at each request.
                authorizer(&variables, &store)?;
            }
            Functions::processes(bootstraps, database, queue.clone(), &settings)
                .await
                .map_err(StartError::Processes)?
        } else {
            let agents = agents(make, &variables).await?;
            Functions::within(engine.clone(), agents, local_queue, store, &settings)?
        };
        if let Some(folder) = &folder {
            take_up(&engine, folder.former()).await?;
        }
        let auth = options.auth;
        Ok(Arc::new(Self {
            engine,
            queue,
            stream,
            functions,
            domain,
            auth,
            endpoint,
            _folder: folder,
        }))
    }

    /// The variables by which operators reach the database and the queue, if
    /// [`Options::aws_port`] has them served. The credentials are anything: nothing is checked.
    pub fn operator_variables(&self) -> Option<Vec<(&'static str, String)>> {
        let endpoint = self.endpoint.as_ref()?;
        let mut variables = vec![
            ("TABLE_NAME", TABLE.to_owned()),
            ("QUEUE_URL", endpoint.queue_url()),
            ("DEAD_LETTER_QUEUE_URL", endpoint.dead_letter_queue_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.url()),
            ("AWS_ENDPOINT_URL_SQS", endpoint.url()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ];
        // Operators see the tasks that clients see.
        let days =
            |kept: Option<Duration>| (kept.map_or(0, |kept| kept.as_secs()) / DAY).to_string();
        match &self.engine.policy.retention {
            Some(retention) => variables.extend([
                (table::TASK_RETENTION_DAYS.about.name, days(retention.ended)),
                (table::WAITING_RETENTION_DAYS.about.name, days(retention.waiting)),
            ]),
            None => variables.push((table::STORED_FORMAT.about.name, "1".to_owned())),
        }
        Some(variables)
    }

    /// Runs executors and recovery, until the future is dropped.
    pub async fn run(self: &Arc<Self>) {
        tokio::join!(self.execute(), self.recover(), self.sweep());
    }

    /// Answers a request as a Function URL and the request function would.
    pub(crate) async fn request(
        &self,
        parts: &Parts,
        body: &Bytes,
        source_ip: String,
    ) -> Response<ResponseBody> {
        let mut event = self.http_event(parts, body, source_ip);
        let is_for_everybody = is_for_everybody(&parts.method, parts.uri.path());
        if self.auth && !is_for_everybody {
            let asked = self.functions.authorize(events::authorizer_event(parts, &event)).await;
            match events::authorized(asked) {
                Ok(context) => event["requestContext"]["authorizer"] = context,
                Err(refused) => return refused.response(),
            }
        } else if !self.auth {
            events::trust_bearer(&mut event, parts);
        }
        self.functions.request(event).await
    }

    /// Answers a request as the open Function URL of the function `webhook` would: nobody is asked who
    /// calls.
    pub(crate) async fn callback(
        &self,
        parts: &Parts,
        body: &Bytes,
        source_ip: String,
    ) -> Response<ResponseBody> {
        self.functions.callback(self.http_event(parts, body, source_ip)).await
    }

    fn http_event(&self, parts: &Parts, body: &Bytes, source_ip: String) -> serde_json::Value {
        let request_id = self.engine.ids.fresh();
        let arrival = Arrival {
            request_id: &request_id,
            now_ms: self.engine.clock.now().as_millis(),
            source_ip,
            domain: &self.domain,
        };
        events::http_event(parts, body, &arrival)
    }

    async fn execute(self: &Arc<Self>) {
        let executors = Arc::new(Semaphore::new(MAX_EXECUTORS));
        loop {
            // The semaphore is never closed.
            let Ok(permit) = executors.clone().acquire_owned().await else { return };
            match self.queue.receive(MAX_BATCH, VISIBILITY, MAX_WAIT).await {
                Ok(messages) if !messages.is_empty() => {
                    let cloud = self.clone();
                    tokio::spawn(async move {
                        cloud.invoke_executor(messages).await;
                        drop(permit);
                    });
                }
                Ok(_) => {}
                Err(error) => error!(
                    event = "queue_not_read",
                    error = chain(&error),
                    "the local cloud could not read its queue"
                ),
            }
        }
    }

    async fn invoke_executor(&self, messages: Vec<Message>) {
        let failures = self.functions.execute(sqs_event(&messages)).await;
        // A function that did not answer has failed all of them.
        let failed = |message: &Message| {
            failures.as_ref().is_none_or(|answer: &SqsBatchResponse| {
                let mut failed = answer.batch_item_failures.iter();
                failed.any(|failure| failure.item_identifier == message.id)
            })
        };
        for message in &messages {
            if !failed(message) {
                self.queue.delete(&message.receipt_handle);
            } else if let Err(error) =
                self.queue.change_visibility(&message.receipt_handle, RETRY_AFTER)
            {
                warn!(
                    event = "record_retry_late",
                    error = chain(&error),
                    "the queue will redeliver a failed record after its visibility timeout"
                );
            }
        }
    }

    /// Feeds stream recovery, as a mapping that reports item failures does.
    async fn recover(self: &Arc<Self>) {
        let invocations = Arc::new(Semaphore::new(MAX_RECOVERIES));
        loop {
            // The semaphore is never closed.
            let Ok(permit) = invocations.clone().acquire_owned().await else { return };
            let records = self.stream.receive(MAX_RECORDS).await;
            let cloud = self.clone();
            tokio::spawn(async move {
                cloud.invoke_stream_recovery(records).await;
                drop(permit);
            });
        }
    }

    async fn invoke_stream_recovery(&self, records: Vec<Record>) {
        let event = stream_event(&records, self.engine.clock.now());
        let answer = self.functions.recover(event).await;
        let again = to_come_again(records, answer.as_ref());
        if !again.is_empty() {
            self.engine.clock.sleep(RETRY_AFTER).await;
            self.stream.give_back(again);
        }
    }

    async fn sweep(&self) {
        loop {
            self.engine.clock.sleep(SWEEP_EVERY).await;
            let now = self.engine.clock.now();
            self.functions.sweep(schedule_event(&self.engine.ids.fresh(), now)).await;
        }
    }
}

fn new_queue() -> Queue {
    let config = QueueConfig {
        capacity: NonZeroUsize::new(MAX_QUEUED).unwrap_or(NonZeroUsize::MIN),
        max_receive_count: NonZeroU32::new(MAX_RECEIVES),
        dead_letter_capacity: NonZeroUsize::new(MAX_DEAD_LETTERS).unwrap_or(NonZeroUsize::MIN),
    };
    let clock = SystemClock;
    Queue::new(config, move || u64::try_from(clock.now().as_millis()).unwrap_or_default())
}

/// The functions' variables. The user may set every other variable.
fn settings(
    options: &Options,
    folder: Option<&Folder>,
    domain: &str,
    now: Timestamp,
) -> Result<Settings, StartError> {
    let has_own_key =
        process_environment(table::PUSH_SECRETS_KEY.about.name).is_some_and(|key| !key.is_empty());
    let mut defaults = push_variables(folder, has_own_key)?;
    defaults.extend([
        (table::PUBLIC_URL.about.name, format!("http://{domain}")),
        (table::LEASE_SECONDS.about.name, LEASE_SECONDS.to_string()),
        (table::SIGNAL_GRACE_SECONDS.about.name, SIGNAL_GRACE_SECONDS.to_string()),
        (table::CARD_MAX_AGE_SECONDS.about.name, "0".to_owned()),
        // Deployed is this cloud by being started.
        (table::CARD_MODIFIED.about.name, now.to_string()),
        (table::LOG_LEVEL.about.name, level_word(options.log.unwrap_or(LevelFilter::WARN))),
    ]);
    // Functions that are processes may be without that one.
    if options.bootstraps.as_deref().is_none_or(has_webhook) {
        defaults.push((table::CALLBACK_URL.about.name, format!("http://{domain}{CALLBACKS}")));
    }
    let response_mode = match options.response_mode {
        ResponseMode::Stream => "stream",
        ResponseMode::Buffer => "buffer",
    };
    if options.auth {
        defaults.extend(card_security(&process_environment)?);
    }
    let mut decided = vec![
        (table::TABLE_NAME.about.name, TABLE.to_owned()),
        (table::ALLOW_ANONYMOUS.about.name, (!options.auth).to_string()),
        (table::RESPONSE_MODE.about.name, response_mode.to_owned()),
    ];
    decided.extend(options.agent.clone().map(|agent| (table::AGENT.about.name, agent)));
    let command = options.agent_command.clone();
    decided.extend(command.map(|command| (table::AGENT_COMMAND.about.name, command)));
    let way = Way {
        auth: options.auth,
        processes: options.bootstraps.is_some(),
        names_agent: options.agent.is_some(),
        names_level: options.log.is_some(),
    };
    Ok(Settings::new(defaults, decided, way))
}

/// The card's security schemes, as in a deployment, unless the user sets them.
fn card_security(
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(&'static str, String)>, ConfigError> {
    let variables = Variables::new(Reader::LocalCloud, environment);
    let names = [&table::CARD_SECURITY_SCHEMES, &table::CARD_SECURITY_REQUIREMENTS];
    for name in names {
        if variables.text(name)?.is_some() {
            return Ok(Vec::new());
        }
    }
    let header = variables.required(&table::AUTHORIZER_HEADER)?;
    let has_tokens = variables.text(&table::JWT_ISSUERS)?.is_some();
    let scheme = match header.as_str() {
        "any" | "Authorization" if has_tokens => {
            r#"{"httpAuthSecurityScheme":{"scheme":"Bearer","bearerFormat":"JWT"}}"#.to_owned()
        }
        "any" | "Authorization" => r#"{"httpAuthSecurityScheme":{"scheme":"Bearer"}}"#.to_owned(),
        name => {
            let of_header = json!({ "location": "header", "name": name });
            format!(r#"{{"apiKeySecurityScheme":{of_header}}}"#)
        }
    };
    let [schemes, requirements] = names.map(|name| name.about.name);
    Ok(vec![
        (schemes, format!(r#"{{"caller":{scheme}}}"#)),
        (requirements, r#"[{"schemes":{"caller":{}}}]"#.to_owned()),
    ])
}

/// The word that `LOG_LEVEL` has for a level. It has none for no lines at all.
fn level_word(level: LevelFilter) -> String {
    level.max(LevelFilter::ERROR).to_string()
}

async fn open(
    options: &Options,
    clock: &SystemClock,
) -> Result<(EmbeddedDynamoDb, Option<Folder>), StartError> {
    Ok(match &options.data {
        Data::Memory => (EmbeddedDynamoDb::memory()?, None),
        Data::Folder(path) => {
            let folder = Folder::open(path, options.bootstraps.is_some(), clock).await?;
            (folder.database()?, Some(folder))
        }
    })
}

async fn store(
    database: &EmbeddedDynamoDb,
    folder: Option<&Folder>,
) -> Result<DynamoDbStore, StartError> {
    let file = || folder.map_or_else(|| PathBuf::from("in memory"), Folder::database_file);
    let failed = |source| StartError::Database { file: file(), source };
    let client = database.client();
    match client.describe_table().table_name(TABLE).send().await {
        Ok(_) => {}
        Err(error) if is_not_there(&error) => {
            create_table(&client, TABLE).await.map_err(|error| failed(error.into()))?;
        }
        Err(error) => return Err(failed(error.into())),
    }
    Ok(DynamoDbStore::new(client, TABLE))
}

fn is_not_there(error: &SdkError<DescribeTableError>) -> bool {
    error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception)
}

/// The queue died with the last process, so unfinished tasks get new signals. Leases and claims of
/// that process and its functions are void at once if the processes have certainly ended.
async fn take_up(engine: &Engine, former: Former) -> Result<(), StartError> {
    let taken_up = restart(engine, former).await?;
    if taken_up != Restarted::default() {
        let Restarted { signaled, voided, failed } = taken_up;
        info!(
            event = "tasks_resumed",
            signaled, voided, failed, "tasks of the earlier start go on"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use a2a_lambda_runtime::testing::lookup;

    use super::*;

    #[test]
    fn the_card_says_how_to_come_in_as_the_template_has_it() {
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
        let template = std::fs::read_to_string(template).unwrap();
        let said = |set: &[(&str, &str)]| card_security(&lookup(set)).unwrap();
        let (issuers, header) = ("JWT_ISSUERS", "AUTHORIZER_HEADER");
        for set in [
            &[(issuers, "https://a.example aud=b")][..],
            &[],
            &[(header, "any")],
            &[(header, "${AuthorizerHeader}"), (issuers, "https://a.example aud=b")],
        ] {
            for (name, value) in said(set) {
                let part = template.split(&format!("\n          {name}: ")).nth(1).unwrap();
                let end = part.find("CARD_SIGNING_KEY").unwrap();
                assert!(part[..end].contains(&format!("'{value}'")), "{name}: {value}");
            }
        }
        assert!(said(&[])[0].1.contains("Bearer") && !said(&[])[0].1.contains("JWT"));
        assert!(said(&[(header, "x-api-key")])[0].1.contains(r#""name":"x-api-key""#));
        for own in ["CARD_SECURITY_SCHEMES", "CARD_SECURITY_REQUIREMENTS"] {
            assert_eq!(said(&[(own, "{}")]), [], "the user's own");
        }
    }
}
