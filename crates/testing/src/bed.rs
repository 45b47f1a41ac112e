//! A deployment in small around an agent, in which a test has the time in its hands.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::operations::callbacks::{Callbacks, Said};
use a2a_lambda_core::operations::{Caller, Next, StreamEvent};
use a2a_lambda_core::{Agent, Agents, Clock as _, Operations, Policy, ProtocolVersion, TaskKey};
use a2a_lambda_protocol::{
    A2aError, CancelTaskRequest, GetTaskRequest, Json, SendMessageResponse, Task,
    TaskPushNotificationConfig, Timestamp,
};
use serde::Serialize;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::deployment::{Deployment, Done};
use crate::doubles::{caller, key};
use crate::{Arrived, Doubles, FaultyStore, INVOCATION, Input, Receivers, TaskView, TestClock};

/// How long [`Bed::send`] and its like let time pass, at most, if the builder does not say.
const SETTLES_WITHIN: Duration = Duration::from_hours(7 * 24);

/// How many steps [`at_every_crash`] tries, at most.
const MOST_STEPS: usize = 1_000;

/// How long a stream of a test may be quiet at a time.
const QUIET: Duration = Duration::from_mins(1);

/// A deployment in small around an agent: a store, a queue, runners, a sweep, receivers of pushes,
/// and a clock that the test controls.
///
/// Time is tokio's paused time: nothing waits in real time, and each run is the same. A bed pauses
/// the time of the runtime that it is made in, which must be single-threaded, as that of
/// `#[tokio::test]` is. An agent that waits by [`Turn::sleep`](a2a_lambda_core::Turn::sleep) or by
/// `tokio::time` waits in this time, too. The clock does not wait for the network: give the agent a
/// fake of its remote services.
///
/// A clone is the same deployment.
#[derive(Clone)]
pub struct Bed {
    world: Arc<Deployment>,
    caller: Caller,
}

impl fmt::Debug for Bed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bed").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// The settings of a [`Bed`].
#[derive(Debug)]
#[must_use]
pub struct BedBuilder {
    agents: Agents,
    policy: Policy,
    tenant: String,
    owner: String,
    start: Timestamp,
    invocation: Duration,
    settles_within: Duration,
}

impl BedBuilder {
    fn new(agents: Agents) -> Self {
        Self {
            agents,
            policy: Policy {
                callback_url: Some("https://callbacks.test".to_owned()),
                ..Policy::default()
            },
            tenant: String::new(),
            owner: "alice".to_owned(),
            start: TestClock::START,
            invocation: INVOCATION,
            settles_within: SETTLES_WITHIN,
        }
    }

    /// Changes the deployment's numbers.
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// Sends as this owner; as `alice` if this does not say.
    pub fn owner(self, owner: &str) -> Self {
        Self { owner: owner.to_owned(), ..self }
    }

    /// Sends to this tenant; to the default one if this does not say.
    pub fn tenant(self, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..self }
    }

    /// Begins at this time.
    pub fn starting_at(self, start: Timestamp) -> Self {
        Self { start, ..self }
    }

    /// How long the invocations of runners last: 15 minutes if this does not say. Shortly before
    /// its end the runner asks the agent to stop.
    pub fn invocation(self, invocation: Duration) -> Self {
        Self { invocation, ..self }
    }

    /// The most time until a task ends, waits for its user, or waits for a time of its agent's; a
    /// week by default. A task that takes longer fails the test.
    pub fn settles_within(self, settles_within: Duration) -> Self {
        Self { settles_within, ..self }
    }

    /// The bed.
    ///
    /// # Panics
    /// Outside of a single-threaded tokio runtime, or when tenant or owner cannot be.
    #[track_caller]
    pub fn build(self) -> Bed {
        pause_time();
        let clock = TestClock::by_tokio().starting_at(self.start);
        let doubles = Doubles::of(clock, self.policy);
        let caller = caller(&self.tenant, &self.owner);
        let deployment =
            Deployment::new(doubles, self.agents, self.invocation, self.settles_within);
        Bed { world: Arc::new(deployment), caller }
    }
}

/// Pauses the runtime's time, if it is not.
#[track_caller]
fn pause_time() {
    let Ok(runtime) = Handle::try_current() else {
        panic!("a bed needs a tokio runtime: make it in a #[tokio::test]");
    };
    let is_single = runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
    assert!(is_single, "a bed needs a single-threaded runtime: a #[tokio::test] without a flavor");
    if !is_paused() {
        tokio::time::pause();
    }
}

/// Whether the runtime's time stands while the machine's goes on.
#[expect(clippy::disallowed_methods, reason = "it is only seen whether the machine's time moves")]
fn is_paused() -> bool {
    let before = tokio::time::Instant::now();
    let real = std::time::Instant::now();
    while std::time::Instant::now() == real {
        std::hint::spin_loop();
    }
    tokio::time::Instant::now() == before
}

impl Bed {
    /// A bed for an agent, with the policy that is the default.
    ///
    /// # Panics
    /// Outside of a single-threaded tokio runtime.
    #[track_caller]
    pub fn new(agent: impl Agent) -> Self {
        Self::builder(agent).build()
    }

    /// A builder of a bed for an agent.
    pub fn builder(agent: impl Agent) -> BedBuilder {
        Self::of(Agents::new(Arc::new(agent)))
    }

    /// A bed for agents, as a deployment's function `agents` makes them.
    pub fn of(agents: Agents) -> BedBuilder {
        BedBuilder::new(agents)
    }

    /// The same deployment, for another owner.
    ///
    /// # Panics
    /// When the owner cannot be.
    #[must_use]
    pub fn as_owner(&self, owner: &str) -> Self {
        let caller = caller(self.caller.tenant.as_str(), owner);
        Self { caller, ..self.clone() }
    }

    /// The same deployment, for another tenant.
    ///
    /// # Panics
    /// When the tenant cannot be.
    #[must_use]
    pub fn as_tenant(&self, tenant: &str) -> Self {
        let caller = caller(tenant, self.caller.owner.as_str());
        Self { caller, ..self.clone() }
    }

    /// Sends a message for a new task and runs the deployment until the task ends, waits for its
    /// user, or waits for a time of its agent's. Failed attempts are retried meanwhile, and jobs
    /// that continue run to their end.
    ///
    /// # Panics
    /// When the message is refused, or the task takes [too long](BedBuilder::settles_within).
    #[track_caller]
    pub fn send(&self, input: impl Into<Input>) -> impl Future<Output = TaskView> {
        self.sent(input.into(), None, true, Location::caller())
    }

    /// As [`send`](Self::send), to a task: the answer to its question, for instance.
    ///
    /// # Panics
    /// As [`send`](Self::send).
    #[track_caller]
    pub fn answer(
        &self,
        task: &TaskView,
        input: impl Into<Input>,
    ) -> impl Future<Output = TaskView> {
        self.sent(input.into(), Some(task.key().clone()), true, Location::caller())
    }

    /// As [`send`](Self::send), and returns when the message is accepted. No runner has begun: see
    /// [`advance`](Self::advance) and [`settle`](Self::settle).
    ///
    /// # Panics
    /// When the message is refused.
    #[track_caller]
    pub fn submit(&self, input: impl Into<Input>) -> impl Future<Output = TaskView> {
        self.sent(input.into(), None, false, Location::caller())
    }

    /// As [`submit`](Self::submit), to a task.
    ///
    /// # Panics
    /// When the message is refused.
    #[track_caller]
    pub fn submit_to(
        &self,
        task: &TaskView,
        input: impl Into<Input>,
    ) -> impl Future<Output = TaskView> {
        self.sent(input.into(), Some(task.key().clone()), false, Location::caller())
    }

    /// As [`send`](Self::send), for a message that may be refused.
    ///
    /// # Errors
    /// When it is.
    pub async fn try_send(&self, input: impl Into<Input>) -> Result<TaskView, A2aError> {
        let key = self.post(input.into(), None).await?;
        Ok(self.settled(&key).await)
    }

    /// As [`answer`](Self::answer), for a message that may be refused.
    ///
    /// # Errors
    /// When it is.
    pub async fn try_answer(
        &self,
        task: &TaskView,
        input: impl Into<Input>,
    ) -> Result<TaskView, A2aError> {
        let key = self.post(input.into(), Some(task.key())).await?;
        Ok(self.settled(&key).await)
    }

    /// Sends a message and reads its stream until the task ends or waits for its user.
    ///
    /// # Panics
    /// When the message is refused.
    #[track_caller]
    pub fn stream(&self, input: impl Into<Input>) -> impl Future<Output = Vec<StreamEvent>> {
        let (input, place) = (input.into(), Location::caller());
        async move {
            let may_answer_directly = self.may_answer_directly();
            let options = input.options(may_answer_directly);
            let request = input.request(self.fresh_id(), None);
            let operations = self.operations();
            let reading = async {
                let begun = Box::pin(operations.send_streaming(&self.caller, request, &options));
                let mut stream = accepted(begun.await, place);
                let mut events = Vec::new();
                loop {
                    match stream.next(QUIET).await {
                        Next::Event(event) => events.push(*event),
                        Next::Idle => {}
                        Next::End => return events,
                    }
                }
            };
            self.world.beside(Box::pin(reading)).await
        }
    }

    /// Lets the deployment work on a task, as [`send`](Self::send) does.
    ///
    /// # Panics
    /// When the task takes [too long](BedBuilder::settles_within).
    pub async fn settle(&self, task: &TaskView) -> TaskView {
        self.settled(task.key()).await
    }

    /// Lets time pass. Meanwhile signals arrive, failed work is tried again, questions run out of
    /// patience, and pushes are delivered.
    pub async fn advance(&self, time: Duration) {
        let until = self.now().saturating_add(time);
        self.world.go_on(Done::At(until)).await;
    }

    /// Calls a task off, and lets its agent stop.
    ///
    /// # Panics
    /// When the task cannot be called off.
    #[track_caller]
    pub fn cancel(&self, task: &TaskView) -> impl Future<Output = TaskView> {
        let place = Location::caller();
        async move {
            let request = CancelTaskRequest::of(task.id());
            accepted(self.operations().cancel(&self.caller, &request).await, place);
            self.world.go_on(Done::NobodyIsAt(task.key())).await;
            self.world.view(task.key()).await
        }
    }

    /// The task as it is now. No time passes.
    pub async fn read(&self, task: &TaskView) -> TaskView {
        self.world.view(task.key()).await
    }

    /// The task as this bed's owner reads it.
    ///
    /// # Errors
    /// When the owner has no such task.
    pub async fn get(&self, task: &TaskView) -> Result<Task, A2aError> {
        self.operations().get(&self.caller, &GetTaskRequest::of(task.id())).await
    }

    /// Has the updates of a task pushed to a URL, from here on.
    ///
    /// # Panics
    /// When that is refused.
    #[track_caller]
    pub fn push_to(&self, task: &TaskView, url: &str) -> impl Future<Output = ()> {
        let place = Location::caller();
        let config = TaskPushNotificationConfig::of(task.id(), url);
        async move {
            let operations = self.operations();
            let version = ProtocolVersion::V1_0;
            let made = operations.create_push_config(&self.caller, config, version).await;
            accepted(made, place);
        }
    }

    /// The receivers of pushes: their arrivals and their behaviour.
    pub fn receivers(&self) -> &Receivers {
        &self.world.doubles.receivers
    }

    /// A receiver has taken these pushes, in this order: `task SUBMITTED`, `status WORKING`,
    /// `artifact "text"`. Attempts that it did not take do not count.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn assert_pushed(&self, url: &str, told: &[&str]) {
        let arrived = self.receivers().arrived(url);
        let taken: Vec<_> = arrived.iter().filter(|it| it.taken).map(Arrived::told).collect();
        let attempts = arrived.len();
        assert!(taken == told, "{url} has taken {taken:?} in {attempts} attempts, not {told:?}");
    }

    /// Answers a [callback](a2a_lambda_core::Turn::callback) of the agent's with this JSON, by its URL,
    /// as the webhook function does. The agent goes on as time passes; see [`settle`](Self::settle).
    ///
    /// # Panics
    /// When the answer does not serialize, or is not accepted.
    #[track_caller]
    pub fn answer_callback<T: Serialize + ?Sized>(
        &self,
        url: &str,
        answer: &T,
    ) -> impl Future<Output = ()> {
        let place = Location::caller();
        let said = Json::from_value(answer).map(Said::Result);
        let token = url.rsplit('/').next().unwrap_or_default().to_owned();
        let callbacks = Callbacks::new(self.world.doubles.healthy());
        async move {
            let said = said.unwrap_or_else(|error| panic!("no JSON: {error}\n  at {place}"));
            if let Err(error) = callbacks.answer(&token, &said).await {
                panic!("the answer was refused: {error}\n  at {place}");
            }
        }
    }

    /// The next runner that makes this many steps dies before the last of them. Its lease expires,
    /// and another runner tries again. The claim is the first step, each commit of the agent's
    /// output and each record of a durable step is one, and the end of the turn is the last.
    pub fn crash_before(&self, step: usize) {
        self.world.crash_at(step, false);
    }

    /// As [`crash_before`](Self::crash_before), after the step is made and before the runner knows.
    pub fn crash_after(&self, step: usize) {
        self.world.crash_at(step, true);
    }

    /// Whether the crash that was wanted last has happened.
    pub fn has_crashed(&self) -> bool {
        self.world.has_crashed()
    }

    /// The steps that runners were about to make so far, such as `running` or `running, 2 entries`.
    pub fn steps(&self) -> Vec<String> {
        self.world.steps()
    }

    /// The store as runners see it: a plan of faults is for them only.
    pub fn store(&self) -> &FaultyStore {
        &self.world.doubles.store
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.world.doubles.clock.now()
    }

    /// How much time has passed since the bed was made.
    pub fn passed(&self) -> Duration {
        self.world.doubles.clock.passed()
    }

    async fn sent(
        &self,
        input: Input,
        task: Option<TaskKey>,
        settles: bool,
        place: &'static Location<'static>,
    ) -> TaskView {
        let key = accepted(self.post(input, task.as_ref()).await, place);
        if settles { self.settled(&key).await } else { self.world.view(&key).await }
    }

    async fn post(&self, input: Input, task: Option<&TaskKey>) -> Result<TaskKey, A2aError> {
        let options = input.options(false);
        let task = task.map(|key| key.task.as_str());
        let request = input.request(self.fresh_id(), task);
        let sent = Box::pin(self.operations().send(&self.caller, request, &options)).await?;
        match sent {
            SendMessageResponse::Task(task) => Ok(key(&self.caller, &task.id)),
            SendMessageResponse::Message(message) => {
                unreachable!("a sender that does not wait is given no message: {message:?}")
            }
        }
    }

    async fn settled(&self, key: &TaskKey) -> TaskView {
        self.world.go_on(Done::Quiet(key)).await;
        self.world.view(key).await
    }

    fn operations(&self) -> Operations {
        Operations::new(self.world.doubles.healthy()).telling(self.world.agents.clone())
    }

    fn may_answer_directly(&self) -> bool {
        let agent = self.world.agents.of(&self.caller.tenant);
        agent.is_some_and(|agent| agent.profile().answers_directly)
    }

    fn fresh_id(&self) -> String {
        self.world.doubles.engine.ids.fresh()
    }
}

fn accepted<T>(result: Result<T, A2aError>, place: &Location<'_>) -> T {
    result.unwrap_or_else(|error| panic!("it was refused: {error}\n  at {place}"))
}

/// Tests an agent under each crash: `check` gets a bed from `make` whose runner will die before its
/// first step, then one whose runner will die after it, and so on, until a runner makes no more
/// steps. Returns how many crashes there were.
///
/// An agent whose turn runs again must come to the same end:
///
/// ```
/// # use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
/// # use a2a_lambda_protocol::Part;
/// # use a2a_lambda_testing::{Bed, at_every_crash};
/// # struct Greeter;
/// # #[async_trait::async_trait]
/// # impl Agent for Greeter {
/// #     fn profile(&self) -> AgentProfile { AgentProfile::text("greeter", "Greets", "1") }
/// #     async fn run(&self, turn: &Turn) -> Result<End, Failure> {
/// #         turn.chunked("greeting").finish([Part::text("Hello!")]).await?;
/// #         Ok(End::completed())
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let crashes = at_every_crash(|| Bed::new(Greeter), async |bed| {
///     bed.send("Ada").await.completed().with_artifact("greeting", "Hello!");
/// })
/// .await;
/// assert!(crashes >= 4, "the claim and the end, before and after: {crashes}");
/// # }
/// ```
///
/// # Panics
/// When `check` does, or when the steps do not end.
pub async fn at_every_crash(make: impl Fn() -> Bed, check: impl AsyncFn(Bed)) -> usize {
    let mut crashes = 0;
    for step in 1..=MOST_STEPS {
        for after in [false, true] {
            let bed = make();
            bed.world.crash_at(step, after);
            let place = Place { bed: bed.clone(), step, after };
            Box::pin(check(bed.clone())).await;
            drop(place);
            if !bed.has_crashed() {
                return crashes;
            }
            crashes += 1;
        }
    }
    panic!("a runner makes more than {MOST_STEPS} steps");
}

/// Says at which crash a test has failed.
struct Place {
    bed: Bed,
    step: usize,
    after: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() && self.bed.has_crashed() {
            let when = if self.after { "after" } else { "before" };
            eprintln!("the runner died {when} step {} of {:?}", self.step, self.bed.steps());
        }
    }
}
