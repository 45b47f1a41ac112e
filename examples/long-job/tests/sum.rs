//! The agent in a deployment in small. Hours go by, and the tests take no time.

use std::time::Duration;

use a2a_lambda::testing::{Bed, at_every_crash};
use a2a_lambda_example_long_job::{STEP, Sum};

#[tokio::test]
async fn a_job_takes_longer_than_an_invocation() {
    let bed = Bed::new(Sum);
    let task = bed.send("100").await.completed().with_artifact("sum", "5050");
    assert!(bed.passed() >= STEP * 100 && bed.passed() < STEP * 110, "{:?}", bed.passed());
    assert!(task.turns() >= 7, "{} turns", task.turns());
    let told = task.events().iter().filter(|event| event.ends_with(" of 100 are done")).count();
    assert_eq!(told, 10, "each once: {task}");
}

#[tokio::test]
async fn the_end_of_an_invocation_costs_no_more_than_the_step_under_way() {
    let bed = Bed::builder(Sum).invocation(Duration::from_mins(5)).build();
    let task = bed.send("9").await.completed().with_artifact("sum", "45");
    assert!(task.turns() >= 2, "{} turns", task.turns());
    assert!(bed.passed() < STEP * 12, "{:?}", bed.passed());
}

#[tokio::test]
async fn a_crash_loses_only_the_step_under_way() {
    let crashes = at_every_crash(
        || Bed::new(Sum),
        async |bed| {
            bed.send("25").await.completed().with_artifact("sum", "325");
            // A step, and the dead runner's lease.
            assert!(bed.passed() < STEP * 29, "{:?}", bed.passed());
        },
    );
    assert!(crashes.await >= 50, "before and after each step");
}

#[tokio::test]
async fn the_agent_asks_for_a_number() {
    let bed = Bed::new(Sum);
    for wrong in ["", "many", "0", "201", "-1"] {
        let task = bed.send(wrong).await.input_required();
        bed.answer(&task, "3").await.completed().with_artifact("sum", "6");
    }
}

#[tokio::test]
async fn a_job_is_called_off() {
    let bed = Bed::new(Sum);
    let task = bed.submit("100").await;
    bed.advance(STEP * 15).await;
    bed.cancel(&bed.read(&task).await.working()).await.canceled();
    assert!(bed.passed() < STEP * 17, "{:?}", bed.passed());
}
