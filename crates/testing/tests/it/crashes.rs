//! Runners that die.

use std::cell::Cell;

use a2a_lambda_testing::{Bed, Fault, Kind, at_every_crash};

use crate::agents::{Told, secs};

/// The claim, a commit at the flush, and the end.
const STEPS: [&str; 3] = ["running, 1 entry", "running, 2 entries", "completed, 3 entries"];

#[tokio::test]
async fn a_turn_has_its_steps() {
    let bed = Bed::new(Told);
    bed.send("hi").await.completed();
    assert_eq!(bed.steps(), STEPS);
}

#[tokio::test]
async fn a_runner_dies_before_or_after_a_step_and_another_one_tries_again() {
    for (after, events) in [(false, 1), (true, 3)] {
        let bed = Bed::new(Told);
        if after {
            bed.crash_after(2);
        } else {
            bed.crash_before(2);
        }
        let task = bed.submit("hi").await;
        bed.advance(secs(1)).await;
        assert!(bed.has_crashed());
        let task = bed.read(&task).await.working();
        assert_eq!(task.events().len(), events, "{task}");
        // The lease is not renewed any more: the next runner has it after half a minute at the earliest.
        let task = bed.settle(&task).await.completed();
        assert!(bed.passed() >= secs(30), "{:?}", bed.passed());
        assert_eq!(task.artifact_text("answer"), "hi done");
        assert_eq!(bed.steps()[..2], STEPS[..2]);
        assert!(bed.steps().len() > STEPS.len());
    }
}

#[tokio::test]
async fn each_step_has_two_crashes() {
    let ends = Cell::new(0);
    let crashes = at_every_crash(
        || Bed::new(Told),
        async |bed| {
            let task = bed.send("hi").await.completed();
            assert_eq!(task.artifact_text("answer"), "hi done");
            ends.set(ends.get() + 1);
        },
    );
    let crashes = crashes.await;
    assert_eq!(crashes, 2 * STEPS.len());
    assert_eq!(ends.get(), crashes + 1, "the last one ran without a crash");
}

/// An agent that is not repeatable is found out.
#[tokio::test]
async fn repeated_output_is_noticed() {
    let shown_twice = Cell::new(0);
    let check = async |bed: Bed| {
        let events = bed.send("hi").await.completed().events();
        let working = events.iter().filter(|event| *event == "WORKING working").count();
        shown_twice.set(shown_twice.get() + usize::from(working > 1));
    };
    at_every_crash(|| Bed::new(Told), check).await;
    // After the commit of the progress, and before the end.
    assert_eq!(shown_twice.get(), 2);
}

#[tokio::test]
async fn faults_of_the_store_are_for_runners_only() {
    let bed = Bed::new(Told);
    bed.store().plan(|call| {
        (call.kind == Kind::Commit && call.of_kind <= 6).then_some(Fault::LoseRequest)
    });
    bed.send("hi").await.completed();
    assert!(bed.store().count_of(Kind::Commit) > 6);
}
