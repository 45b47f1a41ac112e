//! Executors as processes, and the AWS services that they need: DynamoDB, a queue, and the mapping
//! that feeds them from it.

pub(crate) mod killing;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::account::{Account, beside};
use a2a_lambda_aws_emulator::events::sqs_event;
use a2a_lambda_aws_emulator::queue::{MAX_BATCH, Message};
use a2a_lambda_core::ids::{TaskId, TaskKey};
use a2a_lambda_core::invariants::check_task;
use a2a_lambda_core::log::fold;
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{
    Caller, Clock, Engine, Event, Generation, GetOptions, Head, Operations, Policy, SendOptions,
    Snapshot,
};
use a2a_lambda_protocol::{
    CancelTaskRequest, GetTaskRequest, Message as UserMessage, Part, PartContent, Task, TaskState,
};
use a2a_lambda_runtime::{Reader, SystemClock, Variables};
use a2a_lambda_testing::{Random, caller, sending, task_of, user};
use serde_json::Value;

pub(crate) use a2a_lambda_aws_emulator::account::{Function, Invoked, PATIENCE};

/// The shortest lease that can be configured.
pub(crate) const LEASE: Duration = Duration::from_secs(6);

/// How long a message that was given to a process is hidden: longer than any test.
const VISIBILITY: Duration = Duration::from_mins(16);

/// For how long the mapping gathers a batch, once it has a message.
const BATCHING_WINDOW: Duration = Duration::from_millis(50);

/// The poison agent's answer to a harmless task.
pub(crate) const WORK: &str = "1 2 3 4 5 6 7 8 9 10";

/// An account, and its mapping of the queue.
pub(crate) struct Aws(Account);

impl Deref for Aws {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.0
    }
}

impl Aws {
    /// With these variables beside those that say where everything is. A message that was
    /// received `max_receives` times and not deleted becomes a dead letter.
    pub(crate) async fn start(max_receives: Option<u32>, more: &[(&'static str, &str)]) -> Self {
        let lease = LEASE.as_secs().to_string();
        let usual = [("AGENT", "echo"), ("LEASE_SECONDS", lease.as_str())];
        Self(Account::start(max_receives, &[&usual, more].concat()).await)
    }

    /// Starts a function of this workspace, with these variables instead of the account's.
    pub(crate) async fn process(&self, function: &str, more: &[(&'static str, &str)]) -> Function {
        let own = option_env!("CARGO_BIN_EXE_sqs-executor");
        let own = own.or(option_env!("CARGO_BIN_EXE_stream-recovery")).unwrap();
        self.function(beside(own, function), more).await
    }

    /// A client of the same tasks, in this process. `grace` is how long a signal may take before
    /// the client's sweep sends another.
    pub(crate) fn client(&self, grace: Duration) -> Client {
        let variables = self.variables(&[
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ]);
        let lookup = |name: &str| {
            let ours = variables.iter().rfind(|(known, _)| *known == name);
            ours.map(|(_, value)| value.clone())
        };
        let mut engine = a2a_lambda_aws::engine(&Variables::new(Reader::Request, &lookup)).unwrap();
        engine.policy = Arc::new(Policy {
            signal_grace: grace,
            // A test waits for nothing longer than it has to.
            poll_most: Duration::from_millis(100),
            ..(*engine.policy).clone()
        });
        Client { operations: Operations::new(engine), caller: caller("", "alice") }
    }

    /// The mapping's next batch for a process: up to ten messages. Empty if no message comes for
    /// this long.
    pub(crate) async fn batch(&self, wait: Duration) -> Vec<Message> {
        let mut batch = self.queue.receive(MAX_BATCH, VISIBILITY, wait).await.unwrap();
        if !batch.is_empty() && batch.len() < MAX_BATCH {
            tokio::time::sleep(BATCHING_WINDOW).await;
            let room = MAX_BATCH - batch.len();
            batch.extend(self.queue.receive(room, VISIBILITY, Duration::ZERO).await.unwrap());
        }
        batch
    }

    /// The mapping's work after an invocation. It deletes the messages that the function has not
    /// reported. Reported records are redelivered at once here, so that no test waits for them.
    /// Records of a dead process are redelivered when that process's time for them ends.
    pub(crate) fn settle(&self, batch: &[Message], ended: &Ended) {
        let Ended::Answered(failures) = ended else { return };
        for message in batch {
            let handle = &message.receipt_handle;
            if failures.contains(&message.id) {
                self.queue.change_visibility(handle, Duration::ZERO).unwrap();
            } else {
                // The function may have deleted it itself.
                self.queue.delete(handle);
            }
        }
    }
}

/// A user of the tasks, who reads their results.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) operations: Operations,
    caller: Caller,
}

impl Client {
    pub(crate) fn engine(&self) -> &Engine {
        self.operations.engine()
    }

    /// Submits a task, which agents know by the message's id or text.
    pub(crate) async fn submit(&self, message_id: &str, text: &str) -> TaskKey {
        let message = UserMessage { message_id: message_id.to_owned(), ..user(text) };
        let request = sending(message);
        let sent = self.operations.send(&self.caller, request, &SendOptions::default()).await;
        let task = TaskId::parse(task_of(sent.unwrap()).id).unwrap();
        TaskKey { tenant: self.caller.tenant.clone(), task }
    }

    /// Waits until there is something newer than a task's message.
    pub(crate) async fn begun(&self, key: &TaskKey) -> Task {
        let request = GetTaskRequest::of(key.task.as_str());
        let options = GetOptions { newer_than: Some(Generation(1)), answer_by: None };
        self.operations.get_newer(&self.caller, &request, &options).await.unwrap().0
    }

    pub(crate) async fn cancel(&self, key: &TaskKey) {
        let request = CancelTaskRequest::of(key.task.as_str());
        let task = self.operations.cancel(&self.caller, &request).await.unwrap();
        assert_eq!(task.status.state, TaskState::Canceled);
    }

    pub(crate) async fn head(&self, key: &TaskKey) -> Head {
        self.engine().read(key, Depth::Tail).await.unwrap().unwrap().head
    }

    /// A task that is over, with its whole log, of which all holds that must hold.
    pub(crate) async fn ended(&self, key: &TaskKey) -> Ending {
        let snapshot = self.engine().read(key, Depth::Full).await.unwrap().unwrap();
        let Snapshot { head, tail, .. } = &snapshot;
        check_task(head, tail).unwrap();
        assert!(head.is_terminal(), "{key} is {}", head.phase.name());
        let terminal = tail.iter().filter(
            |entry| matches!(&entry.event, Event::Status(status) if status.state.is_terminal()),
        );
        assert_eq!(terminal.count(), 1, "{key}");
        let task = fold(head, tail);
        Ending { snapshot, task }
    }
}

/// A task that is over.
pub(crate) struct Ending {
    pub(crate) snapshot: Snapshot,
    pub(crate) task: Task,
}

impl Ending {
    pub(crate) fn state(&self) -> TaskState {
        self.task.status.state
    }

    /// How often it was claimed.
    pub(crate) fn claims(&self) -> u64 {
        self.snapshot.head.fence.0
    }

    /// The last message of the agent or the system.
    pub(crate) fn message(&self) -> String {
        self.task.status.message.as_ref().map_or_else(String::new, |said| text(&said.parts))
    }

    /// The text of its one artifact.
    pub(crate) fn work(&self) -> String {
        assert_eq!(self.task.artifacts.len(), 1, "{}", self.task.id);
        text(&self.task.artifacts[0].parts)
    }
}

fn text(parts: &[Part]) -> String {
    let texts = parts.iter().map(|part| match &part.content {
        PartContent::Text(text) => text.as_str(),
        other => panic!("no text: {other:?}"),
    });
    texts.collect()
}

/// The end of an executor's invocation. An answer has the ids of the failed messages.
pub(crate) type Ended = Invoked<BTreeSet<String>>;

/// An executor's process.
pub(crate) struct Executor(pub(crate) Function);

impl Executor {
    pub(crate) async fn start(aws: &Aws) -> Self {
        Self::start_with(aws, &[]).await
    }

    /// With these variables instead of the account's.
    pub(crate) async fn start_with(aws: &Aws, more: &[(&'static str, &str)]) -> Self {
        Self(aws.process("sqs-executor", more).await)
    }

    /// Invokes the function. A process that has not answered by its deadline is ended, as on
    /// Lambda.
    pub(crate) async fn invoke(&mut self, batch: &[Message], limit: Duration) -> Ended {
        match self.0.invoke(sqs_event(batch), limit).await {
            Invoked::Answered(answer) => Ended::Answered(failures(&answer)),
            Invoked::Died => Ended::Died,
            Invoked::TimedOut => Ended::TimedOut,
        }
    }

    /// As [`invoke`](Self::invoke), where the process must live on: the messages that it reported.
    pub(crate) async fn answer(&self, batch: &[Message]) -> BTreeSet<String> {
        failures(&self.0.answer(sqs_event(batch)).await)
    }
}

/// The messages that an executor's answer reports.
pub(crate) fn failures(answer: &Value) -> BTreeSet<String> {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

/// The time.
pub(crate) fn now() -> a2a_lambda_protocol::Timestamp {
    SystemClock.now()
}

/// Random numbers of this seed, which is printed.
pub(crate) fn seeded(seed: u64) -> Random {
    println!("seed {seed}");
    Random::new(seed)
}

/// The value that so many percent of these are not above. There must be some.
pub(crate) fn percentile(values: &[Duration], percent: usize) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
