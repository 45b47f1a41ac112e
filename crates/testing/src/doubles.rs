//! One of each port, together.

use std::sync::Arc;

use a2a_lambda_core::operations::{Caller, SendOptions};
use a2a_lambda_core::store::ListQuery;
use a2a_lambda_core::{
    Clock as _, Engine, MemoryStore, Operations, Owner, Policy, RunnerName, TaskId, TaskKey, Tenant,
};
use a2a_lambda_protocol::{
    Message, Role, SendMessageConfiguration, SendMessageRequest, SendMessageResponse, Task,
    TaskPushNotificationConfig, Timestamp,
};

use crate::{FaultyStore, INVOCATION, Receivers, Signals, TestClock, TestIds, TestVault};

/// An [`Engine`] of doubles, and each of them for the test to look at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Doubles {
    /// Time.
    pub clock: Arc<TestClock>,
    /// The stored tasks, for tests that look and interfere.
    pub memory: Arc<MemoryStore>,
    /// The store as the engine sees it.
    pub store: Arc<FaultyStore>,
    /// The queue.
    pub queue: Arc<Signals>,
    /// The timer.
    pub timer: Arc<Signals>,
    /// The receivers of pushes.
    pub receivers: Arc<Receivers>,
    /// The vault of their secrets.
    pub vault: Arc<TestVault>,
    /// All of them.
    pub engine: Engine,
}

impl Doubles {
    /// Doubles with a clock that goes [with tokio's](TestClock::by_tokio) time, and the policy that is the default.
    pub fn new() -> Self {
        Self::of(TestClock::by_tokio(), Policy::default())
    }

    /// Doubles with this clock and policy.
    pub fn of(clock: TestClock, policy: Policy) -> Self {
        let clock = Arc::new(clock);
        let memory = Arc::new(MemoryStore::new());
        let store = Arc::new(FaultyStore::new(memory.clone()));
        let queue = Arc::new(Signals::new(clock.clone()));
        let timer = Arc::new(Signals::new(clock.clone()));
        let receivers = Arc::new(Receivers::new(clock.clone()));
        let vault = Arc::new(TestVault::default());
        let engine = Engine {
            store: store.clone(),
            configs: store.clone(),
            steps: store.clone(),
            memory: store.clone(),
            queue: queue.clone(),
            timer: timer.clone(),
            clock: clock.clone(),
            ids: Arc::new(TestIds::counting()),
            webhook: receivers.clone(),
            vault: vault.clone(),
            policy: Arc::new(policy),
            runner: RunnerName::of("double"),
        };
        Self { clock, memory, store, queue, timer, receivers, vault, engine }
    }

    /// The engine without the store's faults: other clients and functions, who are well.
    pub fn healthy(&self) -> Engine {
        self.engine.clone().over(self.memory.clone())
    }

    /// The end of an invocation that begins now and has Lambda's full length.
    pub fn deadline(&self) -> Timestamp {
        self.clock.now().saturating_add(INVOCATION)
    }
}

impl Default for Doubles {
    fn default() -> Self {
        Self::new()
    }
}

/// A caller: this owner, of this tenant. An empty tenant is the default.
///
/// # Panics
/// When one of them cannot be.
pub fn caller(tenant: &str, owner: &str) -> Caller {
    match (Tenant::parse(tenant), Owner::parse(owner)) {
        (Ok(tenant), Ok(owner)) => Caller { tenant, owner },
        (Err(error), _) | (_, Err(error)) => panic!("{owner:?} of {tenant:?} cannot call: {error}"),
    }
}

/// The query for a caller's tasks, a hundred on a page.
pub fn listing(caller: &Caller) -> ListQuery {
    ListQuery {
        tenant: caller.tenant.clone(),
        owner: caller.owner.clone(),
        context: None,
        state: None,
        status_since: None,
        ended_after: None,
        after: None,
        hint: 0,
        limit: 100,
        count: false,
        only_status: false,
    }
}

/// A user's message with one part of text.
pub fn user(text: &str) -> Message {
    Message::text(format!("id of {text}"), Role::User, text)
}

/// A user's message to a task, with one part of text.
pub fn to(task: &TaskKey, text: &str) -> Message {
    Message { task_id: task.task.as_str().to_owned(), ..user(text) }
}

/// A request that sends a message and does not wait for the result.
pub fn sending(message: Message) -> SendMessageRequest {
    pushing(message, None)
}

/// The same, with a push config if there is one.
pub fn pushing(message: Message, config: Option<TaskPushNotificationConfig>) -> SendMessageRequest {
    let configuration = SendMessageConfiguration {
        return_immediately: true,
        task_push_notification_config: config,
        ..SendMessageConfiguration::default()
    };
    SendMessageRequest::of(message, configuration)
}

/// The task that is the answer to a message.
///
/// # Panics
/// When the agent has answered with a message.
pub fn task_of(answer: SendMessageResponse) -> Task {
    match answer {
        SendMessageResponse::Task(task) => task,
        SendMessageResponse::Message(message) => panic!("no task, but {message:?}"),
    }
}

/// Sends a text for a new task, and does not wait for the result.
///
/// # Panics
/// When it is refused.
pub async fn submit(engine: &Engine, caller: &Caller, text: &str) -> TaskKey {
    let operations = Operations::new(engine.clone());
    let request = sending(user(text));
    let sent = Box::pin(operations.send(caller, request, &SendOptions::default())).await;
    match sent {
        Ok(answer) => key(caller, &task_of(answer).id),
        Err(error) => panic!("it is refused: {error}"),
    }
}

/// The key of a task of the caller's tenant.
pub(crate) fn key(caller: &Caller, id: &str) -> TaskKey {
    match TaskId::parse(id) {
        Ok(task) => TaskKey { tenant: caller.tenant.clone(), task },
        Err(error) => panic!("{id:?} is no task's id: {error}"),
    }
}
