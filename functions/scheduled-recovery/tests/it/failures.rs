//! A sweep's failures: the answer names them, and they delay no other task.

use std::time::Duration;

use a2a_lambda_core::store::due_shard;
use a2a_lambda_scheduled_recovery::MARGIN;

use crate::support::{Function, TICK, wait};

#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_be_reached_fails_alone_and_stays_due() {
    let function = Function::new();
    let bad = function.task("work").await;
    let good = function.task("work").await;
    wait(Duration::from_mins(2)).await;
    function.refuse_commits_to(Some(&bad));
    let answer = function.handle(TICK).await.unwrap();
    assert_eq!((&answer["due"], &answer["lostSignals"]), (&2.into(), &1.into()), "{answer}");
    assert_eq!((&answer["failed"], &answer["unread"]), (&1.into(), &0.into()), "{answer}");
    let [error] = &answer["errors"].as_array().unwrap()[..] else { panic!("{answer}") };
    let error = error.as_str().unwrap();
    assert!(error.contains(bad.task.as_str()) && error.contains("the test says so"), "{error}");
    assert_eq!(function.take_signals(), [good]);

    function.refuse_commits_to(None);
    assert_eq!(function.handle(TICK).await.unwrap()["lostSignals"], 1);
    assert_eq!(function.take_signals(), [bad]);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_another_release_is_named_and_holds_up_no_other() {
    let function = Function::new();
    let foreign = function.task("work").await;
    let other = function.task("work").await;
    wait(Duration::from_mins(2)).await;
    function.set_of_other_release(Some(&foreign));
    for signaled in [&[other][..], &[], &[]] {
        // Each sweep looks at it again.
        let answer = function.handle(TICK).await.unwrap();
        assert_eq!((&answer["failed"], &answer["unread"]), (&1.into(), &0.into()), "{answer}");
        let error = answer["errors"][0].as_str().unwrap();
        assert!(error.starts_with(&format!("task {}", foreign.task)), "{error}");
        assert!(
            error.ends_with("the head has format 99, and this release reads format 1"),
            "{error}"
        );
        assert_eq!(function.take_signals(), signaled);
    }

    // The deployment has ended.
    function.set_of_other_release(None);
    assert_eq!(function.handle(TICK).await.unwrap()["lostSignals"], 1);
    assert_eq!(function.take_signals(), [foreign]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_away_is_reported_by_the_first_errors_and_tried_again() {
    let function = Function::new();
    for _ in 0..20 {
        function.task("work").await;
    }
    wait(Duration::from_mins(2)).await;
    function.refuse_signals(true);
    let answer = function.handle(TICK).await.unwrap();
    assert_eq!(answer["failed"], 20, "{answer}");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 5, "{answer}");

    function.refuse_signals(false);
    wait(Duration::from_mins(2)).await;
    assert_eq!(function.handle(TICK).await.unwrap()["lostSignals"], 20);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_cannot_be_read_is_counted_and_the_others_are_swept() {
    let function = Function::new();
    let shard = due_shard(&function.task("work").await);
    let mut others = 0;
    for _ in 0..20 {
        let key = function.task("work").await;
        others += usize::from(due_shard(&key) != shard);
    }
    wait(Duration::from_mins(2)).await;
    function.set_down(&[shard]);
    let answer = function.handle(TICK).await.unwrap();
    assert_eq!(answer["unread"], 1, "{answer}");
    assert_eq!(answer["lostSignals"], others, "{answer}");
    assert!(answer["errors"][0].as_str().unwrap().contains(&format!("shard {shard}")), "{answer}");

    function.set_down(&[]);
    assert_eq!(function.handle(TICK).await.unwrap()["lostSignals"], 21 - others);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_cannot_be_read_is_an_error_that_is_seen() {
    let function = Function::new();
    function.task("work").await;
    wait(Duration::from_mins(2)).await;
    function.set_down(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let error = function.handle(TICK).await.unwrap_err();
    assert!(error.starts_with("the due index could not be read: shard "), "{error}");
    assert!(error.contains("the test says so"), "{error}");
    function.set_down(&[]);
    assert_eq!(function.handle(TICK).await.unwrap()["lostSignals"], 1, "it is as it was");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_too_short_for_any_task_is_an_error() {
    let function = Function::new();
    assert_eq!(function.handle_within(MARGIN, TICK).await.unwrap()["due"], 0, "nothing is due");
    function.task("work").await;
    wait(Duration::from_mins(2)).await;
    let error = function.handle_within(MARGIN, TICK).await.unwrap_err();
    assert!(error.contains("longer timeout"), "{error}");
    let enough = MARGIN + Duration::from_secs(1);
    assert_eq!(function.handle_within(enough, TICK).await.unwrap()["lostSignals"], 1);
}
