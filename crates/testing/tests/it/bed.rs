//! A bed and time.

use std::time::Duration;

use a2a_lambda_protocol::{TaskState, Timestamp};
use a2a_lambda_testing::{Bed, TaskView};

use crate::agents::{Told, complaint, long_job, secs};

#[tokio::test]
async fn a_task_is_run_to_its_end() {
    let task = Bed::new(Told).send("hi").await.completed().saying("there");
    assert_eq!(task.artifact_text("answer"), "hi done");
    assert_eq!(task.artifact_data::<Vec<String>>("data"), ["a", "b"]);
    assert_eq!(task.history(), ["user: hi", "agent: working"]);
    let events = [
        "WORKING",
        "WORKING working",
        "1-1: hi ",
        "1-1+ done.",
        r#"1-2: ["a","b"]."#,
        "COMPLETED there",
    ];
    assert_eq!(task.events(), events);
}

/// A test that does not pause its runtime's time, as this one, still waits for nothing.
#[tokio::test]
async fn no_real_time_passes() {
    let bed = Bed::builder(long_job()).starting_at(Timestamp::from_millis(0)).build();
    let task = bed.send("count").await.completed().saying("counted to 100");
    // 14 minutes of each invocation: the runner stops the agent before its end.
    assert_eq!(task.turns(), 8);
    assert!(bed.passed() >= Duration::from_mins(100), "{:?}", bed.passed());
    assert_eq!(bed.now().as_millis(), i64::try_from(bed.passed().as_millis()).unwrap());
}

#[tokio::test(start_paused = true)]
async fn time_that_is_paused_stays_so() {
    Bed::new(Told).send("work for an hour").await.failed();
}

#[tokio::test]
async fn shorter_invocations_make_more_turns() {
    let bed = Bed::builder(long_job()).invocation(Duration::from_mins(5)).build();
    assert_eq!(bed.send("count").await.completed().turns(), 25);
}

#[tokio::test]
async fn two_runs_are_the_same() {
    let run = async || {
        let bed = Bed::new(Told);
        bed.crash_after(2);
        bed.send("fail twice").await.to_string()
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn each_end_is_told_from_the_others() {
    let bed = Bed::new(Told);
    bed.send("reject").await.rejected().saying("no");
    bed.send("fail").await.failed().saying("it cannot be done");
    bed.send("log in").await.auth_required().saying("with what?");
    bed.send("panic").await.failed();
    assert!(bed.send("say").await.completed().saying("said").is_direct());
    assert!(!bed.send("hi").await.is_direct());
}

#[tokio::test]
async fn a_question_is_answered_or_runs_out_of_patience() {
    let bed = Bed::new(Told);
    let task = bed.send("ask").await.input_required().saying("which?");
    assert_eq!(task.checkpoint(), Some(7));
    let task = bed.answer(&task, "this").await.completed();
    assert_eq!(task.history()[..3], ["user: ask", "agent: which?", "user: this"]);
    assert!(bed.try_answer(&task, "more").await.is_err(), "it is over");

    let task = bed.send("ask").await.input_required();
    bed.advance(Duration::from_mins(9)).await;
    bed.read(&task).await.input_required();
    bed.advance(Duration::from_mins(2)).await;
    bed.read(&task).await.failed();
}

#[tokio::test]
async fn a_failed_refresh_is_retried_when_due() {
    let bed = Bed::new(Told);
    let task = bed.submit("fail twice").await.is(TaskState::Submitted);
    bed.advance(Duration::ZERO).await;
    let task = bed.read(&task).await.working();
    assert_eq!((task.attempts(), task.waits_for()), (1, Some(secs(1))));
    bed.advance(secs(1)).await;
    let task = bed.read(&task).await;
    assert_eq!((task.attempts(), task.waits_for()), (2, Some(secs(2))));
    bed.settle(&task).await.completed();
    assert_eq!(bed.passed(), secs(3));
}

#[tokio::test]
async fn a_parked_agent_holds_no_runner() {
    let bed = Bed::new(Told);
    let task = bed.send("park").await;
    assert_eq!(task.waits_for(), Some(Duration::from_mins(10)));
    bed.advance(Duration::from_mins(11)).await;
    bed.read(&task).await.completed();
}

#[tokio::test]
async fn a_task_is_called_off_while_its_agent_works() {
    let bed = Bed::new(Told);
    let task = bed.submit("work for an hour").await;
    bed.advance(secs(60)).await;
    bed.read(&task).await.is(TaskState::Working);
    bed.cancel(&task).await.canceled();
    // The agent was told soon, and given its time to stop.
    assert!(bed.passed() < secs(70), "{:?}", bed.passed());
}

#[tokio::test]
async fn owners_and_tenants_are_kept_apart() {
    let bed = Bed::builder(Told).owner("bob").tenant("acme").build();
    let task = bed.send("hi").await.completed();
    assert_eq!(bed.get(&task).await.unwrap().id, task.id());
    for other in [bed.as_owner("alice"), bed.as_tenant("other")] {
        assert!(other.get(&task).await.is_err(), "{other:?}");
    }
}

#[tokio::test]
async fn an_assertion_that_fails_tells_the_whole_story() {
    let bed = Bed::new(Told);
    let task: TaskView = bed.send("ask").await;
    let said = complaint(|| drop(task.clone().completed()));
    let story = "the task is INPUT_REQUIRED, not COMPLETED\n\
                 task id-2 after 0:00:00.000: it waits for its user\n  \
                 0:00:00.000  user: ask\n  \
                 0:00:00.000  WORKING\n  \
                 0:00:00.000  INPUT_REQUIRED which?";
    assert_eq!(said, story);
    for said in [
        complaint(|| drop(task.clone().saying("what?"))),
        complaint(|| drop(task.artifact_text("answer"))),
        complaint(|| drop(task.checkpoint::<String>())),
    ] {
        assert!(said.ends_with(story.split_once('\n').unwrap().1), "{said}");
    }
}

#[tokio::test]
#[should_panic(expected = "the task is not settled after 60s")]
async fn a_task_that_takes_too_long_fails_the_test() {
    Bed::builder(Told).settles_within(secs(60)).build().send("work for an hour").await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "a bed needs a single-threaded runtime")]
async fn many_threads_are_refused() {
    Bed::new(Told);
}

#[test]
#[should_panic(expected = "a bed needs a tokio runtime")]
fn a_test_without_a_runtime_is_refused() {
    Bed::new(Told);
}
