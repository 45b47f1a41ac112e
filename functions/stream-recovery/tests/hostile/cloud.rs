//! The functions as processes, what feeds them, and what kills them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_aws_emulator::events::{schedule_event, sqs_event, stream_event};
use a2a_lambda_aws_emulator::queue::MAX_WAIT;
use a2a_lambda_aws_emulator::table_stream::to_come_again;
use a2a_lambda_core::{Signal, TaskKey};
use a2a_lambda_dynamodb::task_of_head;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::Random;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::receiver::Receiver;
use crate::shared::{Aws, Ended, Function as Process, Invoked, PATIENCE, failures, now};

/// The functions: their numbers of processes, their share of ten kills, and in milliseconds the
/// pause after a kill and the time from an invocation's beginning to its kill.
const EXECUTOR: Function = Function {
    name: "sqs-executor",
    processes: 5,
    share: 6,
    every: (500, 1_500),
    after: (20, 1_000),
};
const STREAM_RECOVERY: Function = Function {
    name: "stream-recovery",
    processes: 2,
    share: 3,
    every: (1_000, 3_000),
    after: (5, 150),
};
const SCHEDULED_RECOVERY: Function = Function {
    name: "scheduled-recovery",
    processes: 1,
    share: 1,
    every: (3_000, 6_000),
    after: (2, 20),
};

const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The time until the records of a killed process are redelivered.
const AFTER_DEATH: Duration = Duration::from_secs(3);

/// How many records of the stream make a batch.
const MAX_RECORDS: usize = 25;

struct Function {
    name: &'static str,
    processes: usize,
    share: usize,
    every: (u64, u64),
    after: (u64, u64),
}

/// A process that was killed amid an invocation.
#[derive(Debug)]
pub(crate) struct Kill {
    pub(crate) function: &'static str,
    pub(crate) at: Timestamp,
    /// When it was certainly dead.
    pub(crate) dead_at: Timestamp,
    /// The tasks that it was told to look at; `None` if it looks for them itself.
    pub(crate) given: Option<Vec<TaskKey>>,
}

/// The plan of kills, and its record.
pub(crate) struct Kills(Mutex<State>);

struct State {
    dice: Random,
    /// By function, how many are left, and when the next may be.
    left: BTreeMap<&'static str, (usize, Instant)>,
    made: Vec<Kill>,
}

impl Kills {
    /// About so many in all.
    pub(crate) fn new(kills: usize, dice: Random) -> Arc<Self> {
        let functions = [&EXECUTOR, &STREAM_RECOVERY, &SCHEDULED_RECOVERY];
        let left = functions.map(|f| (f.name, ((kills * f.share).div_ceil(10), Instant::now())));
        let (left, made) = (BTreeMap::from(left), Vec::new());
        Arc::new(Self(Mutex::new(State { dice, left, made })))
    }

    /// The time to kill an invocation, if it is its turn.
    fn plan(&self, function: &Function) -> Option<Plan> {
        let mut state = self.0.lock().unwrap();
        let State { dice, left, .. } = &mut *state;
        let (left, next) = left.get_mut(function.name)?;
        if *left == 0 || *next > Instant::now() {
            return None;
        }
        *left -= 1;
        let Function { every, after, .. } = function;
        *next = Instant::now() + Duration::from_millis(dice.within(every.0, every.1 - 1));
        let after = Duration::from_millis(dice.within(after.0, after.1 - 1));
        Some(Plan { after, at_success: dice.below(2) == 0 })
    }

    /// The invocation was over before that.
    fn take_back(&self, function: &Function) {
        let mut state = self.0.lock().unwrap();
        if let Some((left, next)) = state.left.get_mut(function.name) {
            *left += 1;
            *next = Instant::now();
        }
    }

    fn note(&self, kill: Kill) {
        self.0.lock().unwrap().made.push(kill);
    }

    /// Takes those that were made, in order.
    pub(crate) fn take(&self) -> Vec<Kill> {
        let mut made = std::mem::take(&mut self.0.lock().unwrap().made);
        made.sort_by_key(|kill| kill.at);
        made
    }
}

/// When to kill.
#[derive(Clone, Copy)]
struct Plan {
    /// How long after the invocation's beginning.
    after: Duration,
    /// Whether it has to be just when a receiver has answered with success, which the process will
    /// have no time to note.
    at_success: bool,
}

/// The environment of the functions.
#[derive(Clone)]
pub(crate) struct Cloud {
    pub(crate) aws: Arc<Aws>,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) kills: Arc<Kills>,
}

/// A process of a function, and another when that was killed.
struct Place {
    cloud: Cloud,
    function: &'static Function,
    process: Process,
}

impl Place {
    async fn new(cloud: Cloud, function: &'static Function) -> Self {
        let process = cloud.aws.process(function.name, &[]).await;
        Self { cloud, function, process }
    }

    /// Invokes the function. `None` if it was killed meanwhile.
    async fn invoke(&mut self, event: Value, given: Option<Vec<TaskKey>>) -> Option<Value> {
        let Cloud { aws, receiver, kills } = &self.cloud;
        let plan = kills.plan(self.function);
        let time_to_kill = async {
            let Some(plan) = plan else { return std::future::pending().await };
            sleep(plan.after).await;
            if let Some(tasks) = given.as_ref().filter(|_| plan.at_success) {
                receiver.success_of(tasks).await;
            }
        };
        let ended = tokio::select! {
            biased;
            ended = self.process.invoke(event, PATIENCE) => Some(ended),
            () = time_to_kill => None,
        };
        let Some(ended) = ended else {
            let at = now();
            self.process.kill().await;
            kills.note(Kill { function: self.function.name, at, dead_at: now(), given });
            self.process = aws.process(self.function.name, &[]).await;
            return None;
        };
        if plan.is_some() {
            kills.take_back(self.function);
        }
        match ended {
            Invoked::Answered(answer) => Some(answer),
            other => {
                let lines = self.process.bootstrap.lines().join("\n");
                panic!("{} was not killed, but {other:?}\n{lines}", self.function.name)
            }
        }
    }
}

/// Runs the functions until the set is dropped. None of them ends unless something is wrong.
pub(crate) fn run(cloud: &Cloud) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for _ in 0..EXECUTOR.processes {
        running.spawn(execute(cloud.clone()));
    }
    for _ in 0..STREAM_RECOVERY.processes {
        running.spawn(recover(cloud.clone()));
    }
    for _ in 0..SCHEDULED_RECOVERY.processes {
        running.spawn(sweep(cloud.clone()));
    }
    running
}

/// The queue's mapping.
async fn execute(cloud: Cloud) {
    let aws = cloud.aws.clone();
    let mut place = Place::new(cloud, &EXECUTOR).await;
    loop {
        let batch = aws.batch(MAX_WAIT).await;
        if batch.is_empty() {
            continue;
        }
        let task = |body: &str| serde_json::from_str::<Signal>(body).unwrap().key();
        let given = batch.iter().map(|message| task(&message.body)).collect();
        let answer = place.invoke(sqs_event(&batch), Some(given)).await;
        let ended = answer.map_or(Ended::Died, |answer| Ended::Answered(failures(&answer)));
        aws.settle(&batch, &ended);
    }
}

/// The stream's mapping.
async fn recover(cloud: Cloud) {
    let aws = cloud.aws.clone();
    let mut place = Place::new(cloud, &STREAM_RECOVERY).await;
    loop {
        let records = aws.stream.receive(MAX_RECORDS).await;
        let given = records.iter().map(|record| task_of_head(&record.pk, &record.sk).unwrap());
        let given = Some(given.collect());
        let answer = place.invoke(stream_event(&records, now()), given).await;
        let answer = answer.map(|answer| serde_json::from_value(answer).unwrap());
        let again = to_come_again(records, answer.as_ref());
        if !again.is_empty() {
            sleep(AFTER_DEATH).await;
            aws.stream.give_back(again);
        }
    }
}

/// The schedule.
async fn sweep(cloud: Cloud) {
    let mut place = Place::new(cloud, &SCHEDULED_RECOVERY).await;
    loop {
        sleep(SWEEP_EVERY).await;
        let Some(swept) = place.invoke(schedule_event("tick", now()), None).await else { continue };
        // More failures are allowed: a slow machine has them.
        assert_eq!((&swept["errors"], &swept["unread"]), (&json!([]), &json!(0)), "{swept}");
    }
}
