//! The agent in a deployment in small. Hours go by, and the tests take no time.

use std::time::Duration;

use a2a_lambda::testing::{Bed, at_every_crash};
use a2a_lambda_example_long_job::{STEP, Sum};

#[tokio::test]
async fn a_job_takes_longer_than_an_invocation() {
    let bed = Bed::new(Sum);
    let task = bed.send("100").await.completed().with_artifact("sum", "5050");
    assert!(bed.passed() >= STEP * 100, "{:?}", bed.passed());
    assert!(task.turns() >= 10, "{} turns", task.turns());
    assert!(task.events().contains(&"WORKING 50 of 100 are done".to_owned()), "{task}");
}

#[tokio::test]
async fn the_end_of_an_invocation_costs_no_more_than_the_step_under_way() {
    let bed = Bed::builder(Sum).invocation(Duration::from_mins(5)).build();
    let task = bed.send("9").await.completed().with_artifact("sum", "45");
    // No turn has come to the tenth step, and still there were some.
    assert!(task.turns() >= 2, "{} turns", task.turns());
    assert!(bed.passed() < STEP * 12, "{:?}", bed.passed());
}

#[tokio::test]
async fn a_crash_loses_only_unsaved_work() {
    let crashes = at_every_crash(
        || Bed::new(Sum),
        async |bed| {
            bed.send("25").await.completed().with_artifact("sum", "325");
            assert!(bed.passed() < STEP * 37, "{:?}", bed.passed());
        },
    );
    assert!(crashes.await >= 12, "the claim and the end of three turns, before and after");
}

#[tokio::test]
async fn the_agent_asks_for_a_number() {
    let bed = Bed::new(Sum);
    for wrong in ["", "many", "0", "10001", "-1"] {
        let task = bed.send(wrong).await.input_required();
        bed.answer(&task, "3").await.completed().with_artifact("sum", "6");
    }
}

#[tokio::test]
async fn a_job_is_called_off() {
    let bed = Bed::new(Sum);
    let task = bed.submit("1000").await;
    bed.advance(STEP * 15).await;
    bed.cancel(&bed.read(&task).await.working()).await.canceled();
    assert!(bed.passed() < STEP * 17, "{:?}", bed.passed());
}
