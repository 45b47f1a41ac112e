//! The commands that call an agent.

mod arguments;
mod text;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_client::{
    BadHeader, CardCache, Client, Config, Credentials, Error as CallError, EventStream, Fault,
    Limits, SendOptions, fetch_card,
};
use a2a_lambda_core::Clock as _;
use a2a_lambda_https::{Client as Https, ClientConfig, WallClock};
use a2a_lambda_protocol::{
    AgentCard, CancelTaskRequest, ErrorKind, GetTaskRequest, Message, Role,
    SendMessageConfiguration, SendMessageRequest, SendMessageResponse, StreamResponse, Task,
    TaskState,
};
use a2a_lambda_runtime::{NoRandomness, SystemClock, random_bytes};
use a2a_lambda_signing::{NoKeySet, VerifyingKeys};
use serde::Serialize;

use crate::{chain, complain, misused, print, run_to_end};
use arguments::{Arguments, COMMANDS, Command, Options, Sending, USAGE};

/// The most that is read of a file, or of the standard input, in bytes.
const MAX_INPUT_BYTES: u64 = 1 << 20;
/// How long the program waits before it asks for a task again whose updates cannot be streamed. It
/// doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Why something was not done. The remedy is in [`Failure::hint`].
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("{} has more than {MAX_INPUT_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    #[error("a line of the headers is not `Name: value`")]
    HeaderLine,
    #[error(transparent)]
    Header(#[from] BadHeader),
    #[error("the keys cannot be used")]
    Keys(#[from] NoKeySet),
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the message has no id: the system has no randomness")]
    NoRandomness(#[from] NoRandomness),
    /// The agent has the task, but tells no more of it.
    #[error("no more is known of task {0}")]
    Lost(String, #[source] CallError),
    #[error("task {0} is not over, and was waited for long enough")]
    Unsettled(String),
    #[error("the answer cannot be written")]
    Print(#[from] io::Error),
    #[error("the answer cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let watch = |task| Some(format!("`watch URL {task}` goes on with it").into());
        let hint = match self {
            Self::Call(error) | Self::Lost(_, error) if lacks_credentials(error) => {
                "set A2A_BEARER, or give --bearer-file or --header-file"
            }
            Self::Lost(task, error) if error.fault() != Fault::Caller => return watch(task),
            Self::Unsettled(task) => return watch(task),
            Self::Call(CallError::OtherOrigin(_)) => {
                "if the agent is to be called there, give --any-origin, or the URL there"
            }
            Self::Call(CallError::Http { status, .. }) if status.as_u16() == 404 => {
                "check the URL: the card is looked for behind it"
            }
            Self::Call(CallError::NoInterface) => {
                "`card` shows what it speaks; --binding and --a2a narrow what is taken"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}

fn lacks_credentials(error: &CallError) -> bool {
    match error {
        CallError::Http { status, .. } => matches!(status.as_u16(), 401 | 403),
        error => error.kind() == Some(ErrorKind::Unauthenticated),
    }
}

/// Whether a word is the name of one of these commands.
pub(crate) fn is_command(word: &str) -> bool {
    COMMANDS.contains(&word)
}

/// Runs a command. The arguments begin with its name.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return misused(error, USAGE),
    };
    run_to_end(done(arguments), |failure| {
        complain(text::safe(&chain(failure)));
        if let Some(hint) = failure.hint() {
            complain(text::safe(&hint));
        }
    })
}

/// Runs a command and prints its outcome. False if the task has failed.
async fn done(Arguments { command, options }: Arguments) -> Result<bool, Failure> {
    let json = options.json;
    match command {
        Command::Help => {
            print(USAGE)?;
            Ok(true)
        }
        Command::Card { url } => {
            let card = Agent::new(&options)?.card(&url).await?;
            show(json, &card, text::card)?;
            Ok(true)
        }
        Command::Send { url, text, message, waits } => {
            let (client, card) = Agent::new(&options)?.connect(&url).await?;
            let (request, options) = request(text, message, waits)?;
            let sent = match client.send(request, &options).await? {
                // An agent does not wait as long as a task may take.
                SendMessageResponse::Task(task) if waits && !is_settled(task.status.state) => {
                    SendMessageResponse::Task(outcome(&client, &card, &task).await?)
                }
                sent => sent,
            };
            show(json, &sent, text::answer)?;
            Ok(match &sent {
                SendMessageResponse::Task(task) => is_well(task.status.state),
                SendMessageResponse::Message(_) => true,
            })
        }
        Command::Stream { url, text, message } => {
            let (client, card) = Agent::new(&options)?.connect(&url).await?;
            let (request, options) = request(text, message, true)?;
            let mut shown = Shown::new(Form::of(json));
            if card.capabilities.streaming == Some(false) {
                complain("the agent does not stream: its answer comes at the end");
                let mut task = None;
                let event = match client.send(request, &options).await? {
                    SendMessageResponse::Task(it) => {
                        task = (!is_settled(it.status.state)).then(|| it.id.clone());
                        StreamResponse::Task(it)
                    }
                    SendMessageResponse::Message(message) => StreamResponse::Message(message),
                };
                shown.show("", &event)?;
                if let Some(task) = task {
                    poll(&client, &task, &mut shown).await?;
                }
                return Ok(shown.is_well());
            }
            follow(client.stream(request, &options).await?, &mut shown).await?;
            Ok(shown.is_well())
        }
        Command::Get { url, task } => {
            let (client, _) = Agent::new(&options)?.connect(&url).await?;
            show(json, &get(&client, &task).await?, text::task)?;
            Ok(true)
        }
        Command::Cancel { url, task } => {
            let (client, _) = Agent::new(&options)?.connect(&url).await?;
            show(json, &client.cancel(CancelTaskRequest::of(task)).await?, text::task)?;
            Ok(true)
        }
        Command::Watch { url, task, after } => {
            let (client, card) = Agent::new(&options)?.connect(&url).await?;
            let mut shown = Shown::new(Form::of(json));
            // The events behind that one may continue artifacts that the ones before it name. If the
            // task cannot be read, the subscription says why.
            if !json
                && after.is_some()
                && let Ok(task) = get(&client, &task).await
            {
                shown.events.learn(&task);
            }
            watch(&client, &card, &task, after.as_deref(), &mut shown).await?;
            Ok(shown.is_well())
        }
    }
}

/// Waits until a task has settled, and reads it then.
async fn outcome(client: &Client, card: &AgentCard, task: &Task) -> Result<Task, Failure> {
    let mut known = Shown::new(Form::Nothing);
    known.state = Some(task.status.state);
    let task = task.id.as_str();
    let watched = watch(client, card, task, None, &mut known).await;
    // The sender does not know the task yet.
    let lost = |error| Failure::Lost(task.to_owned(), error);
    watched.map_err(|failure| match failure {
        Failure::Call(error) => lost(error),
        failure => failure,
    })?;
    get(client, task).await.map_err(lost)
}

/// Shows a task's updates until it has settled.
async fn watch(
    client: &Client,
    card: &AgentCard,
    task: &str,
    after: Option<&str>,
    shown: &mut Shown,
) -> Result<(), Failure> {
    if card.capabilities.streaming != Some(false) {
        match client.subscribe(task, after).await {
            Ok(stream) => return follow(stream, shown).await,
            // This agent streams the answers to messages only.
            Err(error) if has_no_subscriptions(&error) => {}
            // The task is known, and can be asked for later.
            Err(error) if shown.state.is_some() && error.is_retryable() => {}
            Err(error) => return Err(error.into()),
        }
    }
    poll(client, task, shown).await
}

/// Whether an agent that refuses a subscription so may still be asked for the task.
fn has_no_subscriptions(error: &CallError) -> bool {
    match error {
        CallError::Http { status, .. } => matches!(status.as_u16(), 404 | 405 | 501),
        error => matches!(
            error.kind(),
            Some(ErrorKind::UnsupportedOperation | ErrorKind::MethodNotFound)
        ),
    }
}

/// Shows a stream to its end.
async fn follow(mut stream: EventStream, shown: &mut Shown) -> Result<(), Failure> {
    loop {
        match stream.next().await {
            Ok(Some(event)) => shown.show(&event.id, &event.response)?,
            Ok(None) => return shown.end(),
            Err(error) => {
                shown.end()?;
                return Err(match stream.task() {
                    Some(task) => Failure::Lost(task.to_owned(), error),
                    None => error.into(),
                });
            }
        }
    }
}

/// Asks for a task until it has settled, and shows it whenever its state is another.
async fn poll(client: &Client, id: &str, shown: &mut Shown) -> Result<(), Failure> {
    ask(async || get(client, id).await, id, shown).await
}

/// The same, by this question. A few errors in a row that may pass do not end it.
async fn ask(
    question: impl AsyncFn() -> Result<Task, CallError>,
    id: &str,
    shown: &mut Shown,
) -> Result<(), Failure> {
    let limits = Limits::default();
    let mut failed = 0;
    for pause in Pauses::new(limits.stream) {
        match question().await {
            Ok(task) => {
                failed = 0;
                let state = task.status.state;
                if shown.state != Some(state) {
                    shown.show("", &StreamResponse::Task(task))?;
                }
                if is_settled(state) {
                    return Ok(());
                }
            }
            // A first answer tells that there is such a task.
            Err(error)
                if shown.state.is_some() && error.is_retryable() && failed < limits.resumes =>
            {
                failed += 1;
            }
            Err(error) => return Err(Failure::Lost(id.to_owned(), error)),
        }
        tokio::time::sleep(pause).await;
    }
    Err(Failure::Unsettled(id.to_owned()))
}

/// The pauses behind the questions for a task: each is twice as long as the one before.
struct Pauses {
    next: Duration,
    left: Duration,
}

impl Pauses {
    /// Pauses that take this time in all.
    fn new(left: Duration) -> Self {
        Self { next: FIRST_PAUSE, left }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next.min(self.left);
        self.left -= pause;
        self.next = (2 * self.next).min(LONGEST_PAUSE);
        (!pause.is_zero()).then_some(pause)
    }
}

async fn get(client: &Client, task: &str) -> Result<Task, CallError> {
    client.get(GetTaskRequest::of(task)).await
}

/// Whether a task in this state is over, or asks something.
fn is_settled(state: TaskState) -> bool {
    state.is_terminal() || state.is_interrupted()
}

/// Whether a task in this state has not failed.
fn is_well(state: TaskState) -> bool {
    !matches!(state, TaskState::Failed | TaskState::Rejected)
}

fn show<T: Serialize>(json: bool, value: &T, text: fn(&T) -> String) -> Result<(), Failure> {
    let text = if json { serde_json::to_string_pretty(value)? + "\n" } else { text(value) };
    Ok(print(&text)?)
}

/// How events are shown.
enum Form {
    Text,
    Json,
    /// Not at all.
    Nothing,
}

impl Form {
    fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// The events that were shown.
struct Shown {
    form: Form,
    events: text::Events,
    state: Option<TaskState>,
}

/// An event as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(flatten)]
    response: &'a StreamResponse,
}

impl Shown {
    fn new(form: Form) -> Self {
        Self { form, events: text::Events::default(), state: None }
    }

    fn show(&mut self, id: &str, response: &StreamResponse) -> Result<(), Failure> {
        match response {
            StreamResponse::Task(task) => self.state = Some(task.status.state),
            StreamResponse::StatusUpdate(update) => self.state = Some(update.status.state),
            StreamResponse::Message(_) | StreamResponse::ArtifactUpdate(_) => {}
        }
        let text = match self.form {
            Form::Text => self.events.show(response),
            Form::Json => serde_json::to_string(&Line { id, response })? + "\n",
            Form::Nothing => return Ok(()),
        };
        Ok(print(&text)?)
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(print(&self.events.end())?)
    }

    fn is_well(&self) -> bool {
        self.state.is_none_or(is_well)
    }
}

/// The request that sends a text, with a fresh id for its message.
fn request(
    text: String,
    message: Sending,
    waits: bool,
) -> Result<(SendMessageRequest, SendOptions), Failure> {
    let text = if text == "-" { read(Path::new("-"))? } else { text };
    let Sending { task, context, key } = message;
    // The same key has the same message: that is how the agent knows it.
    let message_id = match &key {
        Some(key) => key.clone(),
        None => format!("{:032x}", u128::from_be_bytes(random_bytes()?)),
    };
    let message = Message {
        task_id: task.unwrap_or_default(),
        context_id: context.unwrap_or_default(),
        ..Message::text(message_id, Role::User, text)
    };
    let configuration = SendMessageConfiguration {
        return_immediately: !waits,
        ..SendMessageConfiguration::default()
    };
    let request = SendMessageRequest::of(message, configuration);
    let repeats = key.is_some();
    Ok((request, SendOptions { idempotency_key: key, repeats }))
}

/// The text of a file; of the standard input, if its name is `-`.
fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MAX_INPUT_BYTES + 1).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MAX_INPUT_BYTES + 1).read_to_string(&mut text))
    };
    match read {
        Ok(_) if text.len() as u64 > MAX_INPUT_BYTES => Err(Failure::TooLarge(path.to_owned())),
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::Read(path.to_owned(), error)),
    }
}

/// The client and the settings of the calls to an agent.
struct Agent {
    https: Https,
    config: Config,
    keys: Option<VerifyingKeys>,
    cache: CardCache,
}

impl Agent {
    fn new(options: &Options) -> Result<Self, Failure> {
        let credentials = credentials(options)?;
        let keys = match &options.key_file {
            Some(path) => Some(VerifyingKeys::from_json(read(path)?.as_bytes())?),
            None => None,
        };
        let wall: Arc<dyn WallClock> = Arc::new(|| SystemClock.now().as_millis());
        // The user of the program names the agent: there is nothing to guard.
        let https = Https::new(ClientConfig::new(wall.clone()));
        let https = https.map_err(|error| Failure::Tls(error.into()))?;
        let config = Config {
            // Without credentials there is nothing that another origin could learn.
            other_origins: options.any_origin || credentials.is_empty(),
            credentials,
            limits: Limits::default(),
            preference: options.preference,
            ..Config::default()
        };
        Ok(Self { https, config, keys, cache: CardCache::new(wall) })
    }

    async fn card(&self, url: &str) -> Result<AgentCard, Failure> {
        let Self { https, config, keys, cache } = self;
        let Config { credentials, limits, .. } = config;
        Ok(fetch_card(https, url, credentials, keys.as_ref(), limits, cache).await?)
    }

    async fn connect(self, url: &str) -> Result<(Client, AgentCard), Failure> {
        let Self { https, config, keys, cache } = self;
        Ok(Client::connect(Arc::new(https), url, config, keys.as_ref(), &cache).await?)
    }
}

fn credentials(options: &Options) -> Result<Credentials, Failure> {
    let mut credentials = Credentials::none();
    if let Some(path) = &options.header_file {
        for line in read(path)?.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Failure::HeaderLine)?;
            credentials = credentials.header(name.trim(), value.trim())?;
        }
    }
    let bearer = match &options.bearer_file {
        Some(path) => Some(read(path)?),
        None => variable("A2A_BEARER"),
    };
    match bearer.as_deref().map(str::trim) {
        Some(token) => Ok(credentials.bearer(token)?),
        None => Ok(credentials),
    }
}

#[expect(clippy::disallowed_methods, reason = "of a user's own program, not of a function")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use a2a_lambda_protocol::TaskStatus;
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let seconds = |all| Pauses::new(Duration::from_secs(all)).map(|it| it.as_secs());
        assert_eq!(seconds(600).collect::<Vec<_>>(), [5, 10, 20, 40, 80, 160, 285]);
        assert_eq!(seconds(1_000).collect::<Vec<_>>(), [5, 10, 20, 40, 80, 160, 300, 300, 85]);
        assert_eq!(seconds(24 * 60 * 60).sum::<u64>(), 24 * 60 * 60);
        assert_eq!(seconds(0).next(), None);
    }

    type Told = Result<TaskState, fn() -> CallError>;

    /// Asks until `answers` have come, each a state or an error; the last one comes again and again.
    /// Gives the seconds until the end.
    async fn asked(answers: &[Told]) -> (Result<(), String>, u64) {
        let left = RefCell::new(answers);
        let question = async || {
            let (answer, rest) = left.borrow().split_first().unwrap();
            if !rest.is_empty() {
                left.replace(rest);
            }
            let status = TaskStatus { state: answer.map_err(|make| make())?, ..Default::default() };
            Ok(Task { status, ..Task::default() })
        };
        let began = Instant::now();
        let done = ask(question, "t", &mut Shown::new(Form::Nothing)).await;
        (done.map_err(|failure| chain(&failure)), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_asked_for_until_it_has_settled_or_is_lost() {
        use TaskState::{Completed, InputRequired, Working};
        let cut: fn() -> CallError = || CallError::Cut(None);
        let refused: fn() -> CallError = || CallError::NoInterface;
        let lost = |why| Err(format!("no more is known of task t: {why}"));
        let broke = || lost("the stream is incomplete");
        assert_eq!(asked(&[Ok(Working), Ok(Working), Ok(Completed)]).await, (Ok(()), 15));
        assert_eq!(asked(&[Ok(Working), Err(cut), Ok(InputRequired)]).await, (Ok(()), 15));
        assert_eq!(asked(&[Err(cut)]).await, (broke(), 0), "no task is known");
        assert_eq!(asked(&[Ok(Working), Err(cut)]).await, (broke(), 5 + 10 + 20 + 40 + 80 + 160));
        let refusal = "the agent has no interface that is spoken here";
        assert_eq!(asked(&[Ok(Working), Err(refused)]).await, (lost(refusal), 5));
        let unsettled = Err("task t is not over, and was waited for long enough".to_owned());
        assert_eq!(asked(&[Ok(Working)]).await, (unsettled, 24 * 60 * 60));
    }
}
