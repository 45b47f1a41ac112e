//! Everything together, around one agent.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::invariants::check_task;
use a2a_lambda_core::log::fold;
use a2a_lambda_core::operations::{Caller, SendOptions};
use a2a_lambda_core::push::{PushConfig, PushSecrets};
use a2a_lambda_core::store::{Depth, Snapshot};
use a2a_lambda_core::{
    Agents, Attended, Clock, Company, Engine, Head, MemoryStore, Operations, Policy, RunError,
    Runner, Swept, TaskId, TaskKey, TaskStore, Tenant, sweep,
};
use a2a_lambda_protocol::{
    A2aError, CancelTaskRequest, ListTasksRequest, Message, Task, Timestamp,
};

use a2a_lambda_testing::{
    Doubles, FaultyStore, Receivers, Signals, TestClock, TestVault, caller, sending, task_of, to,
};

use super::{Diary, Scripted, millis, secs, user};

/// How long an invocation of a runner lasts, as on Lambda.
const INVOCATION: Duration = secs(900);

/// How long [`World::settle`] goes on, at most.
const PATIENCE: Duration = secs(3_600);

/// A deployment in small: store, queue, timer, clock, agent.
pub(crate) struct World {
    pub(crate) doubles: Doubles,
    /// The store without its faults: tests look at it and interfere through it.
    pub(crate) memory: Arc<MemoryStore>,
    /// The store as the runner and the operations see it.
    pub(crate) faults: Arc<FaultyStore>,
    pub(crate) queue: Arc<Signals>,
    pub(crate) timer: Arc<Signals>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) diary: Diary,
    /// The receivers of pushes.
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) vault: Arc<TestVault>,
    pub(crate) engine: Engine,
    agents: Agents,
}

/// The policy of a world.
pub(crate) struct Under(Policy);

impl Under {
    pub(crate) fn with(self, agent: Scripted) -> World {
        let doubles = Doubles::of(TestClock::by_tokio(), self.0);
        let Doubles {
            clock, memory, store: faults, queue, timer, receivers, vault, engine, ..
        } = doubles.clone();
        let diary = agent.diary.clone();
        let agents = Agents::new(Arc::new(agent));
        World {
            doubles,
            memory,
            faults,
            queue,
            timer,
            clock,
            diary,
            receivers,
            vault,
            engine,
            agents,
        }
    }
}

impl World {
    pub(crate) fn new(agent: Scripted) -> Self {
        Under(Policy::default()).with(agent)
    }

    /// A world with the task of a message.
    pub(crate) async fn with_task(text: &str, agent: Scripted) -> (Self, TaskKey) {
        let world = Self::new(agent);
        let key = world.submit(text).await;
        (world, key)
    }

    /// The same, attended to.
    pub(crate) async fn with_attended(text: &str, agent: Scripted) -> (Self, TaskKey) {
        let (world, key) = Self::with_task(text, agent).await;
        world.attend(&key).await;
        (world, key)
    }

    /// A policy, which a world is then made [with](Under::with).
    pub(crate) fn under(adjust: impl FnOnce(&mut Policy)) -> Under {
        let mut policy = Policy::default();
        adjust(&mut policy);
        Under(policy)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How much time has passed since the test began.
    pub(crate) fn passed(&self) -> Duration {
        self.clock.passed()
    }

    pub(crate) fn operations(&self) -> Operations {
        Operations::new(self.engine.clone())
    }

    /// The engine without the store's faults: other clients and functions, who are well.
    pub(crate) fn healthy(&self) -> Engine {
        self.engine.clone().over(self.memory.clone())
    }

    pub(crate) fn runner(&self) -> Runner {
        Runner::new(self.engine.clone(), self.agents.clone())
    }

    /// The caller that tests use unless they need two.
    pub(crate) fn alice() -> Caller {
        caller("", "alice")
    }

    pub(crate) fn key(id: &str) -> TaskKey {
        TaskKey { tenant: Tenant::default(), task: TaskId::parse(id).unwrap() }
    }

    /// Submits a message for a new task, without waiting for the result.
    pub(crate) async fn submit(&self, text: &str) -> TaskKey {
        Self::key(&self.post(user(text)).await.unwrap().id)
    }

    /// Submits a message for a new task, and attends to it.
    pub(crate) async fn attended(&self, text: &str) -> TaskKey {
        let key = self.submit(text).await;
        self.attend(&key).await;
        key
    }

    /// Sends a message to a task, without waiting for the result.
    pub(crate) async fn follow_up(&self, key: &TaskKey, text: &str) -> Task {
        self.try_follow_up(key, text).await.unwrap()
    }

    pub(crate) async fn try_follow_up(&self, key: &TaskKey, text: &str) -> Result<Task, A2aError> {
        self.post(to(key, text)).await
    }

    /// Sends a message as Alice.
    pub(crate) async fn post(&self, message: Message) -> Result<Task, A2aError> {
        self.post_as(&Self::alice(), message).await
    }

    /// Sends a message, without waiting for the result.
    pub(crate) async fn post_as(
        &self,
        caller: &Caller,
        message: Message,
    ) -> Result<Task, A2aError> {
        let operations = Operations::new(self.healthy());
        let options = SendOptions::default();
        Box::pin(operations.send(caller, sending(message), &options)).await.map(task_of)
    }

    pub(crate) fn agents(&self) -> &Agents {
        &self.agents
    }

    pub(crate) async fn cancel(&self, key: &TaskKey) -> Task {
        self.try_cancel(key).await.unwrap()
    }

    pub(crate) async fn try_cancel(&self, key: &TaskKey) -> Result<Task, A2aError> {
        let request = CancelTaskRequest::of(key.task.as_str());
        Operations::new(self.healthy()).cancel(&Self::alice(), &request).await
    }

    /// Attends to a task in an invocation of the usual length.
    pub(crate) async fn attend(&self, key: &TaskKey) -> Attended {
        self.attend_for(key, INVOCATION).await.unwrap()
    }

    /// Attends to a task in an invocation that ends after a while.
    pub(crate) async fn attend_for(
        &self,
        key: &TaskKey,
        invocation: Duration,
    ) -> Result<Attended, RunError> {
        let deadline = self.now().saturating_add(invocation);
        // Futures of whole invocations are large, and tests have several side by side.
        Box::pin(self.runner().attend(key, deadline, Company::Alone)).await
    }

    /// Attends to a task until the runner is killed: its future is dropped where it stands.
    /// Returns whether it was over before.
    pub(crate) async fn attend_killed_after(&self, key: &TaskKey, life: Duration) -> bool {
        tokio::time::timeout(life, self.attend_for(key, INVOCATION)).await.is_ok()
    }

    /// The one task that Alice has.
    pub(crate) async fn list_one(&self) -> TaskKey {
        let operations = Operations::new(self.healthy());
        let listed = operations.list(&Self::alice(), &ListTasksRequest::default()).await.unwrap();
        assert_eq!(listed.tasks.len(), 1);
        Self::key(&listed.tasks[0].id)
    }

    /// Does some work while a runner without faults attends to every signal.
    pub(crate) fn served<'a, T>(
        &'a self,
        work: impl Future<Output = T> + 'a,
    ) -> Pin<Box<dyn Future<Output = T> + 'a>> {
        let runner = Runner::new(self.healthy(), self.agents.clone());
        let attend = async move {
            loop {
                for signal in self.queue.take_arrived(self.now()) {
                    let deadline = self.now().saturating_add(INVOCATION);
                    Box::pin(runner.attend(&signal.key(), deadline, Company::Alone)).await.unwrap();
                }
                tokio::time::sleep(millis(10)).await;
            }
        };
        Box::pin(async move {
            tokio::select! {
                biased;
                done = work => done,
                () = attend => unreachable!(),
            }
        })
    }

    /// Sweeps, in an invocation of a minute.
    pub(crate) async fn sweep(&self) -> Swept {
        Box::pin(sweep(&self.engine, self.now().saturating_add(secs(60)))).await
    }

    /// The configs that a task has, by id.
    pub(crate) async fn configs(&self, key: &TaskKey) -> Vec<PushConfig> {
        let head = self.head(key).await;
        self.healthy().configs(key, head.registrations()).await.unwrap()
    }

    /// Nothing is stored beside the configs that a task names.
    pub(crate) async fn assert_nothing_is_left_behind(&self, key: &TaskKey) {
        let head = self.memory.read(key, Depth::Tail).await.unwrap().map(|task| task.head);
        let named = head.map(|head| head.registrations().to_vec()).unwrap_or_default();
        for stored in self.memory.stored_configs(key) {
            assert!(named.contains(&stored.registration), "left behind: {stored:?}");
        }
    }

    /// The secrets that are sealed in a config of a task.
    pub(crate) async fn secrets(&self, key: &TaskKey, config: &PushConfig) -> PushSecrets {
        let context = PushConfig::seal_context(key, &config.id);
        self.engine.vault.open(&config.secrets, &context).await.unwrap()
    }

    pub(crate) async fn snapshot(&self, key: &TaskKey) -> Snapshot {
        self.memory.read(key, Depth::Full).await.unwrap().unwrap()
    }

    pub(crate) async fn head(&self, key: &TaskKey) -> Head {
        self.snapshot(key).await.head
    }

    /// The task as its log has it, once everything that must hold of it was found to.
    pub(crate) async fn task(&self, key: &TaskKey) -> Task {
        let Snapshot { head, tail, .. } = self.snapshot(key).await;
        check_task(&head, &tail).unwrap();
        fold(&head, &tail)
    }

    /// Lets time pass as in a deployment, where signals are delivered and a sweep comes every
    /// minute, until the task is over or waits for its user.
    pub(crate) async fn settle(&self, key: &TaskKey) -> Task {
        let begin = self.passed();
        let mut next_sweep = self.now();
        loop {
            let head = self.head(key).await;
            if head.is_settled() {
                return self.task(key).await;
            }
            assert!(self.passed() < begin + PATIENCE, "not settled in time: {head:?}");
            if self.now() >= next_sweep {
                next_sweep = self.now().saturating_add(secs(60));
                // A sweep that fails is made good by the next one.
                self.sweep().await;
            }
            let mut arrived = self.queue.take_arrived(self.now());
            arrived.extend(self.timer.take_arrived(self.now()));
            for signal in arrived {
                if self.attend_for(&signal.key(), INVOCATION).await.is_err() {
                    // As SQS does when a record fails: the signal comes again.
                    let again = self.now().saturating_add(secs(30));
                    self.engine
                        .queue
                        .send(&signal, again.saturating_since(self.now()))
                        .await
                        .unwrap();
                }
            }
            tokio::time::sleep(millis(500)).await;
        }
    }
}
