//! A task at which a runner died runs alone, at once, and its neighbours run elsewhere.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::log::fold;
use a2a_lambda_core::{End, Signal, TaskKey};
use a2a_lambda_protocol::{PartContent, TaskState};
use a2a_lambda_testing::script;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Function, batch};

const INVOCATION: Duration = Duration::from_mins(15);

/// How many records a batch has at most.
const BATCH: usize = 10;

/// A task, and the body of its signal.
type Told = (TaskKey, String);

async fn tasks(function: &Function, texts: &[&str]) -> Vec<Told> {
    let mut tasks = Vec::new();
    for text in texts {
        tasks.push(function.task(text).await);
    }
    tasks
}

fn bodies<'a>(tasks: impl IntoIterator<Item = &'a Told>) -> Vec<String> {
    tasks.into_iter().map(|(_, body)| body.clone()).collect()
}

/// A record for each of these, which is named by its place.
fn records(bodies: &[String]) -> Value {
    let ids = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"];
    assert!(bodies.len() <= BATCH);
    batch(ids.into_iter().zip(bodies.iter().map(String::as_str)))
}

/// Tasks whose process was killed after half a second of work, and whose leases have expired.
async fn killed(function: &Function, count: usize) -> Vec<Told> {
    let tasks = tasks(function, &["work"].repeat(count)).await;
    let event = records(&bodies(&tasks));
    assert_eq!(function.handle_or_die(event, Duration::from_millis(500)).await, None);
    assert_eq!((function.runs(), function.most_at_once()), (count, count), "all were at work");
    function.forget_runs();
    tokio::time::sleep(function.policy().lease).await;
    tasks
}

/// Gives these signals to the function, and then those that it sends, as a queue with full batches
/// does: each batch to its own process, at once. Returns the signals whose processes died, by the
/// bodies of the whole batch.
async fn deliver(function: &Function, bodies: Vec<String>) -> Vec<Vec<String>> {
    let mut waiting = bodies;
    let mut invocations = JoinSet::new();
    let mut died = Vec::new();
    loop {
        while !waiting.is_empty() {
            let bodies: Vec<String> = waiting.drain(..waiting.len().min(BATCH)).collect();
            let (function, event) = (function.clone(), records(&bodies));
            invocations.spawn(async move {
                (function.handle_or_die(event, Duration::from_mins(1)).await, bodies)
            });
        }
        tokio::select! {
            biased;
            // The task that was sent on arrives at once, long before an agent is done.
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
            Some(ended) = invocations.join_next() => match ended.unwrap() {
                (Some(failures), _) => assert_eq!(failures, [""; 0]),
                (None, bodies) => died.push(bodies),
            },
        }
        waiting = function.take_bodies();
        if waiting.is_empty() && invocations.is_empty() {
            return died;
        }
    }
}

async fn assert_completed(function: &Function, (key, _): &Told, claims: u64) {
    let head = function.snapshot(key).await.head;
    assert_eq!((head.state(), head.fence.0), (TaskState::Completed, claims), "{key}");
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_a_killed_batch_run_side_by_side_each_in_a_process_of_its_own() {
    for swept in [false, true] {
        let function = Function::new();
        let suspects = killed(&function, 10).await;
        let mut signals = bodies(&suspects);
        if swept {
            // A task that the sweep found dead is equally suspect, and its signal is marked from
            // the start.
            tokio::time::sleep(function.policy().signal_grace).await;
            assert_eq!(function.sweep().await.dead_leases, 10);
            signals = function.take_bodies();
            assert!(signals.iter().all(|body| body.contains(r#""alone":true"#)), "{signals:?}");
        }
        let begin = Instant::now();
        assert_eq!(deliver(&function, signals).await, [[""; 0]; 0]);
        // Each works for a second, and one by one that would be ten.
        let took = begin.elapsed();
        assert!(took < Duration::from_millis(1_500), "{took:?}");
        assert_eq!((function.runs(), function.most_at_once()), (10, 10));
        for suspect in &suspects {
            assert_completed(&function, suspect, 2).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_runs_one_suspect_and_sends_all_other_records_on() {
    let function = Function::new();
    let suspects = killed(&function, 2).await;
    let fresh = tasks(&function, &["work"; 3]).await;
    let all = bodies(suspects.iter().chain(&fresh));
    // Nobody has told yet that they are suspects: the fresh tasks run, the others are sent on.
    assert_eq!(function.handle(records(&all), INVOCATION).await, [""; 0]);
    assert_eq!((function.runs(), function.most_at_once()), (3, 3));
    let marked = function.take_bodies();
    assert_eq!(marked.len(), 2);
    for task in &fresh {
        assert_completed(&function, task, 1).await;
    }
    function.forget_runs();

    // Now that is known: one of them runs, and nothing beside it.
    let fresh = function.task("work").await;
    let event = records(&[fresh.1.clone(), marked[0].clone(), marked[1].clone()]);
    assert_eq!(function.handle(event, INVOCATION).await, [""; 0]);
    let first = Signal::from_json(&marked[0]).unwrap().task_id;
    assert_eq!(function.begun(), [first.as_str()]);
    let sent_on: BTreeSet<_> = function.take_bodies().into_iter().collect();
    assert_eq!(sent_on, [fresh.1, marked[1].clone()].into(), "as they were");
    assert_eq!(function.take_deleted(), ["receipt of r0", "receipt of r2"], "at once");
    assert_eq!(function.take_hidden().pop().unwrap().1, ["receipt of r1"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_sent_on_is_redelivered() {
    let function = Function::new();
    let suspects = killed(&function, 2).await;
    function.set_queue_broken(true);
    assert_eq!(function.handle(records(&bodies(&suspects)), INVOCATION).await, ["r0", "r1"]);
    assert_eq!(function.runs(), 0);

    let [first, second] = [0, 1].map(|n| suspects[n].1.replace('}', r#","alone":true}"#));
    assert_eq!(function.handle(records(&[first, second]), INVOCATION).await, ["r1"]);
    assert_eq!(function.take_deleted(), [""; 0]);
    assert_completed(&function, &suspects[0], 2).await;
    assert_eq!(
        function.snapshot(&suspects[1].0).await.head.fence.0,
        1,
        "no attempt is spent on it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_kills_costs_the_others_of_its_batch_one_attempt() {
    for killer_goes_first in [false, true] {
        let function = Function::new();
        // Begun last, so that all are at work when it kills for the first time.
        let mut all = tasks(&function, &["work", "work", "work", "kill"]).await;
        let killer = all[3].0.clone();
        assert_eq!(function.handle_or_die(records(&bodies(&all)), INVOCATION).await, None);
        assert_eq!(function.most_at_once(), 4);
        // A queue redelivers in any order.
        if killer_goes_first {
            all.reverse();
        }
        let mut kills = 1;
        let mut again = vec![bodies(&all)];
        while !again.is_empty() {
            tokio::time::sleep(function.policy().lease).await;
            let begin = Instant::now();
            let died = deliver(&function, again.concat()).await;
            if kills == 1 {
                let took = begin.elapsed();
                assert!(took < Duration::from_millis(1_500), "{took:?}");
            }
            kills += died.len();
            assert!(kills <= 5, "no attempt is made beyond the limit");
            again = died;
        }
        assert_eq!(kills, 5);

        let snapshot = function.snapshot(&killer).await;
        let status = fold(&snapshot.head, &snapshot.tail).status;
        assert_eq!(status.state, TaskState::Failed);
        let text = "gave up after 5 attempts: in 5 of them the process died";
        assert_eq!(status.message.unwrap().parts[0].content, PartContent::Text(text.to_owned()));
        for other in all.iter().filter(|(key, _)| *key != killer) {
            assert_completed(&function, other, 2).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_alone_is_attended_to_at_once() {
    let function = Function::new();
    let suspect = &killed(&function, 3).await[1];
    assert_eq!(function.handle(records(&bodies([suspect])), INVOCATION).await, [""; 0]);
    assert_eq!(function.runs(), 1);
    assert_completed(&function, suspect, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_on_the_signal_of_a_task_that_needs_nothing_does_no_harm() {
    let function = Function::new();
    let done = function.task("work").await;
    assert_eq!(function.handle(records(&bodies([&done])), INVOCATION).await, [""; 0]);
    let marked = done.1.replace('}', r#","alone":true}"#);
    let unknown = r#"{"taskId":"nobody-made-this","alone":true}"#.to_owned();
    let fresh = function.task("work").await;
    assert_eq!(deliver(&function, vec![marked, unknown, fresh.1.clone()]).await, [[""; 0]; 0]);
    assert_completed(&function, &fresh, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_suspect_does_not_wait_for_the_fresh_tasks_of_its_batch() {
    // Works for most of its invocation.
    let slow = script!(|turn, _| {
        turn.sleep(Duration::from_secs(16)).await;
        Ok(End::completed())
    });
    let function = Function::of(Arc::new(slow));
    let suspects = tasks(&function, &["work"]).await;
    let handled = function.handle(records(&bodies(&suspects)), INVOCATION);
    assert!(tokio::time::timeout(Duration::from_secs(1), handled).await.is_err(), "it is killed");
    tokio::time::sleep(function.policy().lease).await;
    let fresh = function.task("work").await;
    let all = bodies(suspects.iter().chain([&fresh]));
    let slow = {
        let function = function.clone();
        tokio::spawn(async move { function.handle(records(&all), INVOCATION).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let marked = function.take_bodies();
    assert_eq!(marked.len(), 1, "it was sent on while the fresh task runs");
    assert_eq!(function.handle(records(&marked), INVOCATION).await, [""; 0]);
    assert_completed(&function, &suspects[0], 2).await;
    assert_eq!(slow.await.unwrap(), [""; 0]);
    assert_completed(&function, &fresh, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_agent_leaves_no_suspect() {
    let function = Function::new();
    let failed = function.task("panic").await;
    assert_eq!(function.handle(records(&bodies([&failed])), INVOCATION).await, [""; 0]);
    tokio::time::sleep(function.policy().retry_first).await;
    function.forget_runs();
    let fresh = function.task("work").await;
    let event = records(&bodies([&failed, &fresh]));
    assert_eq!(function.handle(event, INVOCATION).await, [""; 0]);
    assert_eq!(function.most_at_once(), 2);
    assert_completed(&function, &failed, 2).await;
}
