//! Tasks and push configs, made and canceled at random by the request side.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use a2a_lambda_core::{
    Caller, Operations, Owner, Position, ProtocolVersion, SendOptions, TaskId, TaskKey, Tenant,
};
use a2a_lambda_protocol::{
    A2aError, CancelTaskRequest, ErrorKind, Message, TaskPushNotificationConfig,
};
use a2a_lambda_testing::{Random, pushing, task_of, user};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::receiver::Receiver;
use crate::shared::{Aws, Client};

/// The agents: one that works for a second for the one tenant, one that is done at once for others.
pub(crate) const AGENTS: &str = "slow=poison,echo";

/// How many clients there are.
const CLIENTS: usize = 8;

/// How many signals may wait before the clients do.
const MAX_WAITING: usize = 40;

/// Of a hundred tasks, the numbers of those with a slow agent, with a config of version 0.3,
/// without a config of their own, with a second one, with a later one, and of those that are
/// canceled.
const SLOW: u64 = 30;
const OLD: u64 = 25;
const BARE: u64 = 10;
const SECOND: u64 = 35;
const LATE: u64 = 30;
const CANCELED: u64 = 25;

/// When something happens later, in milliseconds.
const LATER: (u64, u64) = (0, 3_000);
const SOON: (u64, u64) = (0, 1_200);

/// A config, as its owner knows it.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The receiver's number for it.
    pub(crate) number: usize,
    pub(crate) task: TaskKey,
    pub(crate) version: ProtocolVersion,
    /// The newest entry when it was made: at least, and at most.
    pub(crate) since: (Position, Position),
}

/// The token in each push of a config.
pub(crate) fn token(number: usize) -> String {
    format!("token-{number}")
}

/// The clients' tasks and configs.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) tasks: Vec<TaskKey>,
    pub(crate) configs: Vec<Config>,
    pub(crate) canceled: usize,
}

impl Made {
    fn and(mut self, other: Self) -> Self {
        self.tasks.extend(other.tasks);
        self.configs.extend(other.configs);
        self.canceled += other.canceled;
        self
    }
}

/// Makes so many tasks with their configs.
pub(crate) async fn work(
    tasks: usize,
    aws: &Arc<Aws>,
    client: &Client,
    receiver: &Arc<Receiver>,
    dice: &mut Random,
) -> Made {
    let numbers = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for place in 0..CLIENTS {
        let user =
            User { client: client.clone(), receiver: receiver.clone(), numbers: numbers.clone() };
        let (aws, mut dice) = (aws.clone(), dice.fork());
        clients.spawn(async move {
            let mut sent = JoinSet::new();
            for _ in (place..tasks).step_by(CLIENTS) {
                while aws.queue.depth().visible > MAX_WAITING {
                    sleep(Duration::from_millis(25)).await;
                }
                let story = Story::new(&mut dice);
                let begun = user.begin(&story).await;
                let user = user.clone();
                sent.spawn(async move { user.go_on(story, begun).await });
            }
            sent.join_all().await.into_iter().fold(Made::default(), Made::and)
        });
    }
    clients.join_all().await.into_iter().fold(Made::default(), Made::and)
}

/// The plan for a task.
struct Story {
    is_slow: bool,
    words: u64,
    first: Option<ProtocolVersion>,
    second: Option<ProtocolVersion>,
    late: Option<(ProtocolVersion, Duration)>,
    canceled: Option<Duration>,
}

impl Story {
    fn new(dice: &mut Random) -> Self {
        fn version(dice: &mut Random) -> ProtocolVersion {
            if dice.percent(OLD) { ProtocolVersion::V0_3 } else { ProtocolVersion::V1_0 }
        }
        fn time(dice: &mut Random, (least, below): (u64, u64)) -> Duration {
            Duration::from_millis(dice.within(least, below - 1))
        }
        let is_bare = dice.percent(BARE);
        Self {
            is_slow: dice.percent(SLOW),
            words: dice.within(1, 12),
            first: (!is_bare).then(|| version(dice)),
            second: dice.percent(SECOND).then(|| version(dice)),
            late: dice.percent(LATE).then(|| (version(dice), time(dice, LATER))),
            canceled: dice.percent(CANCELED).then(|| time(dice, SOON)),
        }
    }

    fn caller(&self) -> Caller {
        let tenant = if self.is_slow { "slow" } else { "" };
        let (tenant, owner) = (Tenant::parse(tenant).unwrap(), Owner::parse("alice").unwrap());
        Caller { tenant, owner }
    }
}

#[derive(Clone)]
struct User {
    client: Client,
    receiver: Arc<Receiver>,
    numbers: Arc<AtomicUsize>,
}

impl User {
    fn operations(&self) -> &Operations {
        &self.client.operations
    }

    fn config(&self, id: &str) -> (usize, TaskPushNotificationConfig) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let config = TaskPushNotificationConfig {
            id: id.to_owned(),
            token: token(number),
            ..TaskPushNotificationConfig::of("", self.receiver.url(number))
        };
        (number, config)
    }

    /// Makes a task, with its first configs.
    async fn begin(&self, story: &Story) -> Made {
        let caller = story.caller();
        let mut made = Made::default();
        let first = story.first.map(|version| (self.config(""), version));
        let task = self.submit(&caller, story, first.as_ref().map(|((_, c), v)| (c, *v))).await;
        if let Some(((number, _), version)) = first {
            // It is sent the task as the message made it.
            let since = (Position(1), Position(1));
            made.configs.push(Config { number, task: task.clone(), version, since });
        }
        if let Some(version) = story.second {
            made.configs.push(self.register(&caller, &task, "second", version).await);
        }
        made.tasks.push(task);
        made
    }

    /// The rest of its plan.
    async fn go_on(&self, story: Story, mut made: Made) -> Made {
        let (caller, task) = (story.caller(), made.tasks[0].clone());
        let late = async {
            let (version, after) = story.late?;
            sleep(after).await;
            Some(self.register(&caller, &task, "late", version).await)
        };
        let canceled = async {
            let Some(after) = story.canceled else { return false };
            sleep(after).await;
            self.cancel(&caller, &task).await
        };
        let (late, canceled) = tokio::join!(late, canceled);
        made.configs.extend(late);
        made.canceled = usize::from(canceled);
        made
    }

    async fn submit(
        &self,
        caller: &Caller,
        story: &Story,
        config: Option<(&TaskPushNotificationConfig, ProtocolVersion)>,
    ) -> TaskKey {
        let words: Vec<String> = (0..story.words).map(|word| format!("word{word}")).collect();
        let message = Message { message_id: "m1".to_owned(), ..user(&words.join(" ")) };
        let request = pushing(message, config.map(|(config, _)| config.clone()));
        let version = config.map(|(_, version)| version).unwrap_or_default();
        let options = SendOptions { version, ..SendOptions::default() };
        let sent = self.operations().send(caller, request, &options).await;
        let task = TaskId::parse(task_of(sent.unwrap()).id).unwrap();
        TaskKey { tenant: caller.tenant.clone(), task }
    }

    async fn register(
        &self,
        caller: &Caller,
        task: &TaskKey,
        id: &str,
        version: ProtocolVersion,
    ) -> Config {
        let (number, config) = self.config(id);
        let config =
            TaskPushNotificationConfig { task_id: task.task.as_str().to_owned(), ..config };
        let least = self.client.head(task).await.position;
        self.operations().create_push_config(caller, config, version).await.unwrap();
        let most = self.client.head(task).await.position;
        Config { number, task: task.clone(), version, since: (least, most) }
    }

    /// Whether it had not ended.
    async fn cancel(&self, caller: &Caller, task: &TaskKey) -> bool {
        let request = CancelTaskRequest::of(task.task.as_str());
        let canceled = self.operations().cancel(caller, &request).await;
        let is_over = |error: &A2aError| error.kind == ErrorKind::TaskNotCancelable;
        assert!(canceled.as_ref().err().is_none_or(is_over), "{canceled:?}");
        canceled.is_ok()
    }
}
