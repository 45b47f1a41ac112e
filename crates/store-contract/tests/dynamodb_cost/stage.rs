//! A deployment in small, over a store whose requests are counted.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::{
    Agent, Agents, Clock as _, Company, Engine, Operations, Policy, Runner, SendOptions, TaskId,
    TaskKey,
};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_protocol::SendMessageRequest;
use a2a_lambda_testing::{Doubles, TestClock, TestIds, caller, task_of};

use super::meter::Meter;
use super::{TABLE, database, key};

/// An agent's runner, and the engine that it shares with senders.
pub(super) struct Stage {
    pub(super) doubles: Doubles,
    pub(super) engine: Engine,
    runner: Runner,
    pub(super) meter: Meter,
}

impl Stage {
    pub(super) async fn of(agent: impl Agent) -> Self {
        Self::metering(|_| agent).await
    }

    /// With an agent that looks at the meter, too.
    pub(super) async fn metering<A: Agent>(agent: impl FnOnce(Meter) -> A) -> Self {
        let (_, metered, meter) = database().await;
        let callback_url = Some("https://agents.example/callbacks".to_owned());
        let policy = Policy { callback_url, ..Policy::default() };
        let doubles = Doubles::of(TestClock::by_tokio(), policy);
        let ids = Arc::new(TestIds::uuids());
        let store = Arc::new(DynamoDbStore::new(metered, TABLE));
        let engine = Engine { ids, ..doubles.engine.clone().over(store) };
        let agents = Agents::new(Arc::new(agent(meter.clone())));
        let runner = Runner::new(engine.clone(), agents);
        Self { doubles, engine, runner, meter }
    }

    /// Makes a task. Its sender does not wait.
    pub(super) async fn send(&self, request: SendMessageRequest) -> TaskKey {
        let operations = Operations::new(self.engine.clone());
        let (alice, options) = (caller("", "alice"), SendOptions::default());
        let sent = Box::pin(operations.send(&alice, request, &options)).await;
        // The next status has another time, and so another place in the list index.
        self.doubles.clock.advance(Duration::from_millis(5));
        TaskKey { task: TaskId::parse(task_of(sent.unwrap()).id).unwrap(), ..key() }
    }

    /// One invocation of the runner.
    pub(super) async fn attend(&self, task: &TaskKey) {
        let attending = self.runner.attend(task, self.doubles.deadline(), Company::Alone);
        Box::pin(attending).await.unwrap();
    }

    /// An invocation of the runner for each signal that has arrived.
    pub(super) async fn attend_signaled(&self) {
        for signal in self.doubles.queue.take_arrived(self.doubles.clock.now()) {
            self.attend(&signal.key()).await;
        }
    }
}
