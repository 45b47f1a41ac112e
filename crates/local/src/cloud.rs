//! The local cloud: the functions' handlers, fed with events, over an embedded DynamoDB and an
//! in-process queue and a clock that ticks.

use std::fs::{File, TryLockError};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_agents::AgentsError;
use a2a_lambda_aws::{ConfigError, RandomIds, SystemClock, Variables, process_environment};
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::head::DUE_SHARDS;
use a2a_lambda_core::{Agents, Clock, Engine, Policy, SignalError, StoreError};
use a2a_lambda_dynamodb::{CreateTableError, DynamoDbStore, create_table};
use a2a_lambda_http::HttpConfig;
use a2a_lambda_protocol::{HttpAuthSecurityScheme, SecurityScheme, Timestamp};
use aws_lambda_events::sqs::SqsBatchResponse;
use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use request::{Identity, ResponseMode};
use tokio::sync::Semaphore;
use tracing::{error, info, warn};

use crate::embedded::{EmbeddedDynamoDb, EmbeddedError};
use crate::endpoint::Endpoint;
use crate::events::{self, Arrival, ResponseBody};
use crate::local_queue::LocalQueue;
use crate::processes::Processes;
use crate::queue::{MAX_BATCH, MAX_WAIT, Message, Queue, QueueConfig};

const TABLE: &str = "tasks";

/// Lambda's limits, which hold here, too.
const FUNCTION_TIMEOUT: Duration = Duration::from_mins(15);

/// A little more than the function's timeout, as the mapping of a deployed queue has it.
const VISIBILITY: Duration = Duration::from_mins(16);

/// When a record that failed comes again. SQS would wait for its visibility to end.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How many executors run at a time: the concurrency limit of the queue's mapping.
const MAX_EXECUTORS: usize = 64;

const MAX_QUEUED: usize = 100_000;
const MAX_RECEIVES: u32 = 10;
const MAX_DEAD_LETTERS: usize = 1_000;

const SWEEP_EVERY: Duration = Duration::from_secs(1);
const RECOVERY_TIMEOUT: Duration = Duration::from_mins(1);

/// How many tasks that were under way are taken up again at the start, for each shard. The sweep
/// finds the rest.
const MAX_RESUMED_PER_SHARD: usize = 1_000;

/// Where the tasks are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In memory: they are gone when the process ends.
    Memory,
    /// In a folder, which is made if it is not there.
    Folder(PathBuf),
}

/// Why the local cloud could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no such agents.
    #[error(transparent)]
    Agent(#[from] AgentsError),
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
    /// The database does not open.
    #[error("the database cannot be opened")]
    Database(#[from] EmbeddedError),
    /// The table cannot be made.
    #[error("the database cannot be set up")]
    Table(#[from] CreateTableError),
    /// The tasks that were under way cannot be found.
    #[error("the tasks cannot be read")]
    Tasks(#[from] StoreError),
    /// A variable of the agent card cannot be used.
    #[error(transparent)]
    Card(#[from] ConfigError),
    /// The functions cannot run as processes.
    #[error("the functions' processes cannot be served")]
    Processes(#[source] std::io::Error),
    /// There are more of them than the queue holds.
    #[error("the tasks that were under way cannot be signaled")]
    Signal(#[from] SignalError),
}

/// How the local cloud is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The agents; see [`configured`](a2a_lambda_agents::configured).
    pub agent: Option<String>,
    /// Where the tasks are kept.
    pub data: Data,
    /// The folder of the functions' executables, if they are to run as processes of their own.
    pub bootstraps: Option<PathBuf>,
    /// How answers are given, as the front door would.
    pub response_mode: ResponseMode,
}

/// The functions.
enum Functions {
    /// In this process, by their handlers.
    Within {
        request: Box<request::Context>,
        executor: sqs_executor::Context,
        recovery: scheduled_recovery::Context,
    },
    /// As processes of their own, by their bootstraps.
    Processes { request: Processes, executor: Processes, recovery: Processes, _endpoint: Endpoint },
}

/// The local cloud.
pub struct Cloud {
    engine: Engine,
    queue: Arc<Queue>,
    functions: Functions,
    domain: String,
    /// Held for as long as the folder is in use.
    _lock: Option<File>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// The policy on one machine: what dies with the process is taken up again soon.
pub fn policy() -> Policy {
    Policy {
        lease: Duration::from_secs(10),
        signal_grace: Duration::from_secs(15),
        ..Policy::default()
    }
}

impl Cloud {
    /// Opens the tasks and takes up again what was under way. `domain` is the host and port at
    /// which the service will be reached.
    ///
    /// # Errors
    /// When the agent is not known, a variable cannot be used, or the tasks cannot be opened.
    pub async fn start(options: &Options, domain: String) -> Result<Arc<Self>, StartError> {
        let agents = a2a_lambda_agents::configured(options.agent.as_deref())?;
        let (database, lock) = open(&options.data)?;
        let store = Arc::new(store(&database).await?);
        let clock = Arc::new(SystemClock);
        let queue = Arc::new(new_queue());
        let local_queue = Arc::new(LocalQueue(queue.clone()));
        let engine = Engine {
            store: store.clone(),
            configs: store,
            queue: local_queue.clone(),
            timer: local_queue,
            clock,
            ids: Arc::new(RandomIds),
            policy: Arc::new(policy()),
        };
        let public_url = format!("http://{domain}");
        let http = http_config(engine.clock.now())?;
        let functions = if let Some(folder) = &options.bootstraps {
            processes(folder, options, database, queue.clone(), public_url, &http).await?
        } else {
            within(engine.clone(), agents, options, public_url, http)
        };
        let cloud = Self { functions, engine, queue, domain, _lock: lock };
        cloud.resume().await?;
        Ok(Arc::new(cloud))
    }

    /// The queue died with the last process: signals everything that was under way, now and once
    /// more when the leases that the last process held are over.
    async fn resume(&self) -> Result<(), StartError> {
        let forever = Timestamp::from_millis(i64::MAX);
        let mut resumed = 0;
        for shard in 0..DUE_SHARDS {
            let open = self.engine.store.due(shard, forever, None, MAX_RESUMED_PER_SHARD).await?;
            for task in open {
                let now = self.engine.clock.now();
                self.engine.signal(&task.key, now).await?;
                let after_leases = now.saturating_add(self.engine.policy.lease);
                self.engine.signal(&task.key, after_leases).await?;
                resumed += 1;
            }
        }
        if resumed > 0 {
            info!(resumed, "tasks that were under way are taken up again");
        }
        Ok(())
    }

    /// Runs executors and recovery, until the future is dropped.
    pub async fn run(self: &Arc<Self>) {
        tokio::join!(self.execute(), self.sweep());
    }

    /// Answers a request as a Function URL and the request function would.
    pub(crate) async fn request(
        &self,
        parts: &Parts,
        body: &Bytes,
        source_ip: String,
    ) -> Response<ResponseBody> {
        let now = self.engine.clock.now();
        let request_id = self.engine.ids.fresh();
        let arrival = Arrival {
            request_id: &request_id,
            now_ms: now.as_millis(),
            source_ip,
            domain: &self.domain,
        };
        let event = events::http_event(parts, body, &arrival);
        match &self.functions {
            Functions::Processes { request, .. } => request.stream(event, FUNCTION_TIMEOUT).await,
            Functions::Within { request, .. } => match events::typed(&event) {
                Ok(event) => {
                    let deadline = now.saturating_add(FUNCTION_TIMEOUT);
                    events::http_response(request::handle(event, deadline, request).await)
                }
                Err(error) => {
                    warn!(error = chain(&error), "the request is no event");
                    events::refused(StatusCode::BAD_REQUEST, "Bad Request")
                }
            },
        }
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
                Err(error) => error!(error = chain(&error), "the queue does not answer"),
            }
        }
    }

    async fn invoke_executor(&self, messages: Vec<Message>) {
        let event = events::sqs_event(&messages);
        let failures = match &self.functions {
            Functions::Processes { executor, .. } => {
                let answer = executor.invoke(event, FUNCTION_TIMEOUT).await;
                answer.and_then(|answer| serde_json::from_slice(&answer).ok())
            }
            Functions::Within { executor, .. } => match events::typed(&event) {
                Ok(event) => {
                    let deadline = self.engine.clock.now().saturating_add(FUNCTION_TIMEOUT);
                    Some(sqs_executor::handle(event, deadline, executor).await)
                }
                Err(error) => return error!(error = chain(&error), "the messages are no event"),
            },
        };
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
                warn!(error = chain(&error), "a failed record comes again late");
            }
        }
    }

    async fn sweep(&self) {
        loop {
            self.engine.clock.sleep(SWEEP_EVERY).await;
            let now = self.engine.clock.now();
            let event = events::schedule_event(&self.engine.ids.fresh(), now);
            match &self.functions {
                // What fails has logged it.
                Functions::Processes { recovery, .. } => {
                    recovery.invoke(event, RECOVERY_TIMEOUT).await;
                }
                Functions::Within { recovery, .. } => match events::typed(&event) {
                    Ok(event) => {
                        let deadline = now.saturating_add(RECOVERY_TIMEOUT);
                        let swept = scheduled_recovery::handle(event, deadline, recovery).await;
                        if let Err(error) = swept {
                            warn!(error = chain(&error), "nothing was swept");
                        }
                    }
                    Err(error) => error!(error = chain(&error), "the tick is no event"),
                },
            }
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

/// How the bindings are served. Of the variables of the request function, those of the card are
/// those of this process, so that a card can be tried out.
fn http_config(now: Timestamp) -> Result<HttpConfig, ConfigError> {
    // Deployed is this cloud by being started.
    let mut http =
        HttpConfig { card_max_age_s: 0, card_modified: Some(now), ..HttpConfig::default() };
    request::card(&Variables::new(&process_environment), &mut http)?;
    if http.security_schemes.is_empty() {
        // What this cloud has for an authorizer, which nobody is required to use.
        let bearer = HttpAuthSecurityScheme {
            description: "The token is the caller's name: nothing is checked.".to_owned(),
            scheme: "Bearer".to_owned(),
            ..HttpAuthSecurityScheme::default()
        };
        http.security_schemes.insert("bearer".to_owned(), SecurityScheme::HttpAuth(bearer));
    }
    Ok(http)
}

fn within(
    engine: Engine,
    agents: Agents,
    options: &Options,
    public_url: String,
    http: HttpConfig,
) -> Functions {
    let config = request::Config {
        public_url: Some(public_url),
        response_mode: options.response_mode,
        identity: Identity { allow_anonymous: true, ..Identity::default() },
        http,
    };
    Functions::Within {
        request: Box::new(request::Context::new(engine.clone(), agents.clone(), config)),
        executor: sqs_executor::Context::new(engine.clone(), agents),
        recovery: scheduled_recovery::Context::new(engine),
    }
}

/// The functions as processes, which reach the database and the queue over the loopback interface.
async fn processes(
    folder: &Path,
    options: &Options,
    database: EmbeddedDynamoDb,
    queue: Arc<Queue>,
    public_url: String,
    http: &HttpConfig,
) -> Result<Functions, StartError> {
    let endpoint = Endpoint::start(database, queue).await.map_err(StartError::Processes)?;
    let mut variables = vec![
        ("TABLE_NAME", TABLE.to_owned()),
        ("QUEUE_URL", endpoint.queue_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.url()),
        ("AWS_ENDPOINT_URL_SQS", endpoint.url()),
        ("LEASE_SECONDS", policy().lease.as_secs().to_string()),
        ("PUBLIC_URL", public_url),
        ("ALLOW_ANONYMOUS", "true".to_owned()),
        ("RESPONSE_MODE", "stream".to_owned()),
    ];
    variables.extend(options.agent.clone().map(|agent| ("AGENT", agent)));
    let function = |name: &str, variables| {
        Processes::of(folder.join(name), variables).map_err(StartError::Processes)
    };
    let mut with_card = variables.clone();
    with_card.push(("CARD_MAX_AGE_SECONDS", http.card_max_age_s.to_string()));
    with_card.extend(http.card_modified.map(|at| ("CARD_MODIFIED", at.to_string())));
    let schemes = serde_json::to_string(&http.security_schemes);
    with_card.extend(schemes.ok().map(|schemes| ("CARD_SECURITY_SCHEMES", schemes)));
    // The last one of a name counts.
    let set = |name| process_environment(name).map(|value| (name, value));
    with_card.extend(request::CARD_VARIABLES.into_iter().filter_map(set));
    Ok(Functions::Processes {
        request: function("request", with_card)?,
        executor: function("sqs-executor", variables.clone())?,
        recovery: function("scheduled-recovery", variables)?,
        _endpoint: endpoint,
    })
}

fn open(data: &Data) -> Result<(EmbeddedDynamoDb, Option<File>), StartError> {
    Ok(match data {
        Data::Memory => (EmbeddedDynamoDb::memory()?, None),
        Data::Folder(folder) => {
            let lock = lock(folder)?;
            (EmbeddedDynamoDb::open(&folder.join("dynamodb.sqlite"))?, Some(lock))
        }
    })
}

async fn store(database: &EmbeddedDynamoDb) -> Result<DynamoDbStore, StartError> {
    let client = database.client();
    if client.describe_table().table_name(TABLE).send().await.is_err() {
        create_table(&client, TABLE).await?;
    }
    Ok(DynamoDbStore::new(client, TABLE))
}

fn lock(folder: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::Folder { folder: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(folder.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
