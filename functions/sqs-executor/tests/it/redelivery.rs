//! The records of an invocation that is killed are redelivered when its leases are over, and those
//! of one that lives are not.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::End;
use a2a_lambda_protocol::TaskState;
use a2a_lambda_testing::{Scripted, script};

use crate::support::{Function, batch, redelivered};

const INVOCATION: Duration = Duration::from_mins(15);

/// Works for as many seconds as its message says.
fn worker() -> Arc<Scripted> {
    Arc::new(script!(|turn, _| {
        turn.sleep(Duration::from_secs(turn.text().parse()?)).await;
        Ok(End::completed())
    }))
}

fn receipts(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| format!("receipt of {id}")).collect()
}

#[tokio::test(start_paused = true)]
async fn records_are_hidden_for_a_lease_until_all_are_done() {
    let function = Function::of(worker());
    let [(_, short), (_, long)] = [function.task("1").await, function.task("35").await];
    let (lost, unreachable) = function.task("1").await;
    function.set_unreachable(&lost, true);
    let event = batch([
        ("r0", short.as_str()),
        ("r1", "no signal"),
        ("r2", long.as_str()),
        ("r3", unreachable.as_str()),
    ]);
    assert_eq!(function.handle(event, INVOCATION).await, ["r1", "r3"]);
    let lease = function.policy().lease.as_secs();
    assert_eq!(lease, 30);
    // One request for the batch, and one for each renewal of the lease of a running task. The event
    // source mapping deletes the record of the finished task. SQS redelivers the failed record.
    let (begun, left) = (receipts(&["r0", "r2", "r3"]), receipts(&["r0", "r2"]));
    let expected = [(0, begun, 31), (10, left.clone(), 31), (20, left.clone(), 31), (30, left, 31)];
    assert_eq!(function.take_hidden(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_record_alone_that_fails_at_once_is_redelivered_after_a_lease() {
    let function = Function::of(worker());
    let (lost, body) = function.task("1").await;
    function.set_unreachable(&lost, true);
    assert_eq!(function.handle(batch([("r0", body.as_str())]), INVOCATION).await, ["r0"]);
    let (_, record, seconds) = function.take_hidden().pop().unwrap();
    assert_eq!((record, seconds), (receipts(&["r0"]), 31));
}

/// A request for one record is made only if its task takes longer than a moment.
#[tokio::test(start_paused = true)]
async fn a_record_alone_is_hidden_after_a_second() {
    let function = Function::of(worker());
    let record = receipts(&["r0"]);
    for (seconds, expected) in [("0", &[][..]), ("12", &[1, 11])] {
        let (_, body) = function.task(seconds).await;
        let began = function.take_hidden().len();
        assert_eq!(function.handle(batch([("r0", body.as_str())]), INVOCATION).await, [""; 0]);
        let expected: Vec<_> = expected.iter().map(|at| (*at, record.clone(), 31)).collect();
        assert_eq!((began, function.take_hidden()), (0, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_task_that_may_kill_is_hidden_before_the_task_begins() {
    let function = Function::new();
    function.set_hiding_takes(Duration::from_millis(50));
    let body = function.task("kill").await.1;
    let event = || batch([("r0", body.as_str())]);
    // Nobody suspects it yet: it runs at once, and is faster than the queue.
    assert_eq!(function.handle_or_die(event(), INVOCATION).await, None);
    assert!(function.take_hidden().is_empty());

    let marked = body.replace('}', r#","alone":true}"#);
    for suspect in [redelivered(event()), batch([("r0", marked.as_str())])] {
        tokio::time::sleep(function.policy().lease).await;
        assert_eq!(function.handle_or_die(suspect, INVOCATION).await, None);
        let hidden = function.take_hidden().pop().unwrap();
        assert_eq!((hidden.1, hidden.2), (receipts(&["r0"]), 31));
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_refuses_keeps_no_task_from_its_end() {
    let function = Function::of(worker());
    let (key, body) = function.task("35").await;
    function.set_queue_broken(true);
    assert_eq!(function.handle(batch([("r0", body.as_str())]), INVOCATION).await, [""; 0]);
    assert_eq!(function.state(&key).await, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_redelivered_too_early_is_replaced_by_a_signal_for_the_lease_s_end() {
    let function = Function::of(worker());
    let (key, body) = function.task("35").await;
    let event = || batch([("r0", body.as_str())]);
    let killed = function.handle(event(), INVOCATION);
    assert!(tokio::time::timeout(Duration::from_secs(5), killed).await.is_err());
    tokio::time::sleep(Duration::from_secs(2)).await;

    // A first delivery is another signal for the same task: the holder's own record still exists.
    assert_eq!(function.handle(event(), INVOCATION).await, [""; 0]);
    assert!(function.take_signals().is_empty());
    // A redelivered record may be the dead holder's.
    assert_eq!(function.handle(redelivered(event()), INVOCATION).await, [""; 0]);
    let (signal, delay) = function.take_signals().pop().unwrap();
    // The holder's last commit has shown the task in lists, after a second.
    assert_eq!((signal.key(), delay), (key.clone(), Duration::from_secs(31 - 7 + 1)));
    tokio::time::sleep(delay).await;
    let body = serde_json::to_string(&signal).unwrap();
    assert_eq!(function.handle(batch([("r1", body.as_str())]), INVOCATION).await, [""; 0]);
    assert_eq!(function.state(&key).await, TaskState::Completed);
    assert_eq!(function.snapshot(&key).await.head.fence.0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_signal_cannot_be_replaced_is_redelivered() {
    let function = Function::of(worker());
    let (_, body) = function.task("35").await;
    let event = || batch([("r0", body.as_str())]);
    let killed = function.handle(event(), INVOCATION);
    assert!(tokio::time::timeout(Duration::from_secs(5), killed).await.is_err());
    function.set_queue_broken(true);
    assert_eq!(function.handle(redelivered(event()), INVOCATION).await, ["r0"]);
}
