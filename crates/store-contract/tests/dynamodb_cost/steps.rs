//! The cost of recorded steps, of their replay, and of a wait for a callback.

use std::time::Duration;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::operations::callbacks::{Accepted, Callbacks, Said};
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords, StepState};
use a2a_lambda_core::{Clock as _, Command, End, Failure, Sealed, TaskKey, sweep};
use a2a_lambda_protocol::{Json, Timestamp};
use a2a_lambda_testing::{Scripted, script, sending, user};

use super::meter::Written;
use super::stage::Stage;
use super::{Bench, chunk, token};

fn result(bytes: usize) -> Json {
    Json::from_value(&"x".repeat(bytes)).unwrap()
}

/// A record such as a runner makes, with ids of the usual lengths.
fn record(number: u64, write: u64, state: StepState) -> StepRecord {
    let now = Timestamp::from_millis(1_760_000_000_000);
    StepRecord {
        key: RecordKey::parse(&format!("{number:032x}")).unwrap(),
        name: "ask the model".to_owned(),
        arguments: "0123456789abcdef0123456789abcdef".to_owned(),
        tries: 1,
        begun_at: now,
        recorded_at: now,
        state,
        token: Sealed::default(),
        write: WriteId::new(format!("00000000-0000-0000-0000-{write:012x}")),
        expires_at: now,
    }
}

/// The write units of an update of this size.
async fn update(bench: &mut Bench, bytes: usize) -> Written {
    bench.meter.take();
    bench.apply(Command::Emit { token: token(), updates: vec![chunk(bytes)] }).await;
    let (requests, written) = bench.meter.take_written();
    assert_eq!(requests, ["UpdateItem"]);
    written
}

#[tokio::test]
async fn a_step_takes_one_conditional_write_of_its_own_size() {
    let mut bench = Bench::new().await;
    let scope = ScopeKey::of(&bench.task.head);
    for (number, (bytes, units)) in
        (0..).zip([(10, 1.0), (500, 1.0), (1_024, 2.0), (10_000, 11.0), (100_000, 99.0)])
    {
        bench.meter.take();
        let done = record(number, number, StepState::Done(result(bytes)));
        assert_eq!(bench.store.put_step(&scope, None, &done).await.unwrap(), Put::Stored);
        let (requests, written) = bench.meter.take_written();
        assert_eq!(requests, ["PutItem"], "no transaction");
        assert_eq!(written, Written { table: units, ..Written::default() }, "{bytes} bytes");
    }
    // Records are no part of the head, so they cost its commits nothing. A step of 1 KB, with an update
    // that it shows, takes two units more than the update alone.
    let without = update(&mut Bench::new().await, 100).await;
    assert_eq!(update(&mut bench, 100).await, without);
}

#[tokio::test]
async fn an_at_most_once_step_takes_one_more() {
    let bench = Bench::new().await;
    let scope = ScopeKey::of(&bench.task.head);
    bench.meter.take();
    let begun = record(1, 1, StepState::Begun);
    let done = record(1, 2, StepState::Done(result(1_024)));
    assert_eq!(bench.store.put_step(&scope, None, &begun).await.unwrap(), Put::Stored);
    assert_eq!(bench.store.put_step(&scope, Some(&begun.write), &done).await.unwrap(), Put::Stored);
    let (requests, written) = bench.meter.take_written();
    assert_eq!((requests, written.table), (vec!["PutItem", "PutItem"], 3.0));
    // The loser of a race pays for its write, and reads nothing to learn of the winner.
    let late = record(1, 3, StepState::Done(result(10)));
    assert!(matches!(bench.store.put_step(&scope, None, &late).await.unwrap(), Put::Other(_)));
    assert_eq!(bench.meter.take().0.len(), 1);
}

/// Makes this many steps with results of 1 KB, and fails after them in its first `fails` attempts.
fn steps(count: usize, at_most_once: bool, fails: u32) -> Scripted {
    script!(|turn, _| {
        for _ in 0..count {
            let step = turn.step("ask the model").with("a question");
            let step = if at_most_once { step.once() } else { step };
            step.run(|_| async { Ok("x".repeat(1_024)) }).await?;
        }
        if turn.attempt() <= fails {
            return Err(Failure::retryable("again"));
        }
        Ok(End::completed())
    })
}

impl Stage {
    async fn submit(&self) -> TaskKey {
        let task = self.send(sending(user("hello"))).await;
        self.meter.take();
        task
    }

    /// One invocation of the runner. Returns its requests to the store, and their units.
    async fn cost_of_turn(&self, task: &TaskKey) -> (Vec<&'static str>, f64, f64) {
        self.attend(task).await;
        self.took()
    }

    fn took(&self) -> (Vec<&'static str>, f64, f64) {
        let (requests, read, written) = self.meter.take_both();
        (requests, read, written.table + written.list + written.due)
    }
}

async fn first_attempt(count: usize, at_most_once: bool) -> (Vec<&'static str>, f64, f64) {
    let stage = Stage::of(steps(count, at_most_once, 0)).await;
    let task = stage.submit().await;
    stage.cost_of_turn(&task).await
}

/// A first attempt has nothing to replay, and so it reads no records.
#[tokio::test(start_paused = true)]
async fn a_first_attempt_pays_for_its_records_alone() {
    let (without, read, written) = first_attempt(0, false).await;
    for (at_most_once, requests, units) in [(false, 20, 40.0), (true, 40, 60.0)] {
        let (asked, of_steps, written_too) = first_attempt(20, at_most_once).await;
        assert_eq!(asked.len(), without.len() + requests);
        assert_eq!((of_steps, written_too), (read, written + units), "{at_most_once}");
    }
}

/// One query reads all records, 4 KB for a read unit.
#[tokio::test(start_paused = true)]
async fn a_replay_reads_the_records_once_and_writes_none() {
    let stage = Stage::of(steps(20, false, 1)).await;
    let task = stage.submit().await;
    stage.cost_of_turn(&task).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (requests, read, written) = stage.cost_of_turn(&task).await;
    assert_eq!(requests, ["GetItem", "UpdateItem", "Query", "UpdateItem"]);
    assert!(written <= 5.0, "{written} units: a claim and an end");
    assert!(read <= 8.0, "{read} units: the head, and 20 records of 1.4 KB");
}

/// The task may be deleted, and the records with it: one look tells.
#[tokio::test(start_paused = true)]
async fn a_replay_looks_at_the_task_before_it_begins_at_most_once_steps() {
    let agent = script!(|turn, _| {
        turn.step("plan").run(async |_| Ok(())).await?;
        if turn.attempt() == 1 {
            return Err(Failure::retryable("not this time"));
        }
        for name in ["charge", "ship"] {
            turn.step(name).once().run(async |_| Ok(())).await?;
        }
        Ok(End::completed())
    });
    let stage = Stage::of(agent).await;
    let task = stage.submit().await;
    stage.cost_of_turn(&task).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (requests, read, _) = stage.cost_of_turn(&task).await;
    let (claim, end) = (["GetItem", "UpdateItem"], ["UpdateItem"]);
    let (look, steps) = (["Query", "GetItem"], ["PutItem", "PutItem", "PutItem", "PutItem"]);
    assert_eq!(requests, [&claim[..], &look, &steps, &end].concat());
    assert!(
        read <= 2.5,
        "{read} units: the head twice, once as it was a moment ago, and one record"
    );
}

/// While a task waits for an hour, no executor runs, nothing is written, and the sweeps read no more than
/// without it.
#[tokio::test(start_paused = true)]
async fn a_wait_for_a_callback_is_free() {
    let agent = script!(|turn, diary| {
        let approval = turn.callback("approve", Duration::from_hours(2)).await?;
        diary.note(approval.token());
        approval.result::<String>().await?;
        Ok(End::completed())
    });
    let diary = agent.diary.clone();
    let stage = Stage::of(agent).await;
    let idle = {
        Box::pin(sweep(&stage.engine, stage.doubles.deadline())).await;
        stage.took()
    };
    let task = stage.submit().await;
    let (requests, _, written) = stage.cost_of_turn(&task).await;
    // The claim, the callback's record, a look for an early answer, and the end of the turn.
    assert_eq!(requests, ["GetItem", "UpdateItem", "PutItem", "GetItem", "UpdateItem"]);
    assert!(written <= 7.0, "{written} units: 3 for the claim, 2 for the index of due tasks");
    let arrived = || {
        let now = stage.doubles.clock.now();
        let (queue, timer) = (&stage.doubles.queue, &stage.doubles.timer);
        queue.take_arrived(now).len() + timer.take_arrived(now).len()
    };
    // The signal of the submission.
    arrived();
    let (mut invocations, mut beyond_idle, mut units) = (0, 0, 0.0);
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        invocations += arrived();
        Box::pin(sweep(&stage.engine, stage.doubles.deadline())).await;
        let (requests, read, written) = stage.took();
        beyond_idle += requests.len() - idle.0.len();
        units += written + read - idle.1;
    }
    println!(
        "an hour of waiting: {invocations} invocations, {beyond_idle} requests, {units} units"
    );
    assert_eq!((invocations, beyond_idle, units), (0, 0, 0.0), "beside the sweeps that are anyway");
    let token = diary.read().remove(0);
    let said = Said::Result(Json::from_value("yes").unwrap());
    let answered = Callbacks::new(stage.engine.clone()).answer(&token, &said).await.unwrap();
    assert_eq!(answered, Accepted::Answered);
    let (requests, _, written) = stage.took();
    assert!(requests.len() <= 5 && written <= 4.0, "{requests:?}, {written} units");
    let (requests, ..) = stage.cost_of_turn(&task).await;
    assert_eq!(requests, ["GetItem", "UpdateItem", "Query", "UpdateItem"]);
}
