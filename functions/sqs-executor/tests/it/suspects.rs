//! A task at which a runner died is attended to after the others of its batch, and by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::log::fold;
use a2a_lambda_core::{Agent, AgentProfile, End, Failure, TaskKey, Turn};
use a2a_lambda_protocol::{PartContent, TaskState};
use async_trait::async_trait;
use serde_json::Value;

use crate::support::{Function, batch};

const INVOCATION: Duration = Duration::from_mins(15);

/// A task, and the body of its signal.
type Told = (TaskKey, String);

async fn tasks(function: &Function, texts: &[&str]) -> Vec<Told> {
    let mut tasks = Vec::new();
    for text in texts {
        tasks.push(function.task(text).await);
    }
    tasks
}

/// A record for each of these, which is named by its place.
fn records<'a>(tasks: impl IntoIterator<Item = &'a Told>) -> Value {
    let ids = ["r0", "r1", "r2", "r3", "r4", "r5"];
    batch(ids.into_iter().zip(tasks.into_iter().map(|(_, body)| body.as_str())))
}

/// Tasks whose process was killed when they had been at work for half a second, and whose leases
/// are over.
async fn killed(function: &Function, count: usize) -> Vec<Told> {
    let tasks = tasks(function, &["work"].repeat(count)).await;
    let answer = function.handle_or_die(records(&tasks), Duration::from_millis(500)).await;
    assert_eq!(answer, None);
    assert_eq!((function.runs(), function.most_at_once()), (count, count), "all were at work");
    function.forget_runs();
    tokio::time::sleep(function.policy().lease).await;
    tasks
}

async fn assert_completed(function: &Function, (key, _): &Told, claims: u64) {
    let head = function.snapshot(key).await.head;
    assert_eq!((head.state(), head.fence.0), (TaskState::Completed, claims), "{key}");
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_a_killed_batch_are_run_one_by_one_behind_a_fresh_one() {
    for swept in [false, true] {
        let function = Function::new();
        let suspects = killed(&function, 4).await;
        if swept {
            // What the sweep found dead waits for its next runner, and is no less suspect.
            tokio::time::sleep(function.policy().signal_grace).await;
            assert_eq!(function.sweep().await.dead_leases, 4);
            assert_eq!(function.take_signals().len(), 4);
        }
        let fresh = function.task("work").await;
        let event = records(suspects[..2].iter().chain([&fresh]).chain(&suspects[2..]));
        assert_eq!(function.handle(event, INVOCATION).await, [""; 0]);

        assert_eq!(function.most_at_once(), 1);
        let begun = function.begun();
        assert_eq!((begun[0].as_str(), begun.len()), (fresh.0.task.as_str(), 5));
        let rest: BTreeSet<_> = begun[1..].iter().map(String::as_str).collect();
        assert_eq!(rest, suspects.iter().map(|(key, _)| key.task.as_str()).collect());
        assert_completed(&function, &fresh, 1).await;
        for suspect in &suspects {
            assert_completed(&function, suspect, 2).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn fresh_tasks_are_run_together_beside_suspects() {
    let function = Function::new();
    let suspects = killed(&function, 2).await;
    let fresh = tasks(&function, &["work"; 3]).await;
    let event = records(suspects.iter().chain(&fresh));
    assert_eq!(function.handle(event, INVOCATION).await, [""; 0]);
    assert_eq!((function.runs(), function.most_at_once()), (5, 3));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_kills_costs_the_others_of_its_batch_one_attempt() {
    for killer_goes_first in [false, true] {
        let function = Function::new();
        // Begun last, so that all are at work when it kills for the first time.
        let mut all = tasks(&function, &["work", "work", "work", "kill"]).await;
        let killer = all[3].0.clone();
        assert_eq!(function.handle_or_die(records(&all), INVOCATION).await, None);
        assert_eq!(function.most_at_once(), 4);
        // A queue gives what comes again in any order.
        if killer_goes_first {
            all.reverse();
        }
        let mut kills = 1;
        let failures = loop {
            tokio::time::sleep(function.policy().lease).await;
            match function.handle_or_die(records(&all), INVOCATION).await {
                Some(failures) => break failures,
                None => kills += 1,
            }
            assert!(kills <= 5, "no attempt is made beyond the limit");
        };
        assert_eq!((failures, kills), (Vec::new(), 5));

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
    assert_eq!(function.handle(records([suspect]), INVOCATION).await, [""; 0]);
    assert_eq!(function.runs(), 1);
    assert_completed(&function, suspect, 2).await;
}

#[tokio::test(start_paused = true)]
async fn suspects_for_which_no_time_is_left_come_again() {
    // A second for the fresh one, and then too little for both, for the second one, for none.
    for (invocation, left) in [(6_500, &["r0", "r1"][..]), (7_500, &["r1"]), (8_500, &[])] {
        let function = Function::new();
        let suspects = killed(&function, 2).await;
        let fresh = function.task("work").await;
        let event = records(suspects.iter().chain([&fresh]));
        let failures = function.handle(event, Duration::from_millis(invocation)).await;
        assert_eq!(failures, left, "{invocation}");
        assert_completed(&function, &fresh, 1).await;
        for (id, suspect) in ["r0", "r1"].iter().zip(&suspects) {
            if left.contains(id) {
                let claims = function.snapshot(&suspect.0).await.head.fence.0;
                assert_eq!(claims, 1, "{id}: no attempt is spent on it");
            } else {
                assert_completed(&function, suspect, 2).await;
            }
        }
    }
}

/// Works for most of its invocation.
struct Slow;

#[async_trait]
impl Agent for Slow {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("slow", "works for 16 s", "1")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        turn.sleep(Duration::from_secs(16)).await;
        Ok(End::completed())
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspect_is_not_begun_with_what_another_has_left() {
    let function = Function::of(Arc::new(Slow));
    let suspects = tasks(&function, &["work", "work"]).await;
    let handled = function.handle(records(&suspects), INVOCATION);
    assert!(tokio::time::timeout(Duration::from_secs(1), handled).await.is_err(), "it is killed");
    tokio::time::sleep(function.policy().lease).await;
    let invocation = Duration::from_secs(30);
    assert_eq!(function.handle(records(&suspects), invocation).await, ["r1"]);
    assert_completed(&function, &suspects[0], 2).await;
    let claims = function.snapshot(&suspects[1].0).await.head.fence.0;
    assert_eq!(claims, 1, "no attempt is spent on it");
}

#[tokio::test(start_paused = true)]
async fn a_suspect_is_not_begun_with_what_a_fresh_task_has_left() {
    let function = Function::of(Arc::new(Slow));
    let suspects = tasks(&function, &["work"]).await;
    let handled = function.handle(records(&suspects), INVOCATION);
    assert!(tokio::time::timeout(Duration::from_secs(1), handled).await.is_err(), "it is killed");
    tokio::time::sleep(function.policy().lease).await;
    let fresh = function.task("work").await;
    let event = records(suspects.iter().chain([&fresh]));
    assert_eq!(function.handle(event, Duration::from_secs(30)).await, ["r0"]);
    assert_completed(&function, &fresh, 1).await;
    assert_eq!(
        function.snapshot(&suspects[0].0).await.head.fence.0,
        1,
        "no attempt is spent on it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_failed_killed_nobody() {
    let function = Function::new();
    let failed = function.task("panic").await;
    assert_eq!(function.handle(records([&failed]), INVOCATION).await, [""; 0]);
    tokio::time::sleep(function.policy().retry_first).await;
    function.forget_runs();
    let fresh = function.task("work").await;
    assert_eq!(function.handle(records([&failed, &fresh]), INVOCATION).await, [""; 0]);
    assert_eq!(function.most_at_once(), 2);
    assert_completed(&function, &failed, 2).await;
}
