//! Runners that are killed, and answers that are lost, at every point there is.

use a2a_lambda_core::{End, Event};
use a2a_lambda_protocol::{Part, Task, TaskState};

use crate::support::{
    Call, Fault, Scripted, World, after, artifacts, history, millis, script, secs,
};

/// Shows an artifact in three chunks, with a pause and a flush between them, and completes.
fn storyteller() -> Scripted {
    script!(|turn, diary| {
        diary.note(format!("attempt {}", turn.attempt()));
        let mut chunks = turn.chunked("story");
        chunks.push([Part::text("once")]).await?;
        turn.flush().await?;
        turn.sleep(secs(2)).await;
        chunks.push([Part::text("upon")]).await?;
        turn.flush().await?;
        turn.sleep(secs(2)).await;
        chunks.finish([Part::text("a time")]).await?;
        Ok(End::Completed("the end".into()))
    })
}

/// The conditions on the story's task, after any faults.
async fn assert_told_once(world: &World, key: &a2a_lambda_core::TaskKey, task: &Task, how: &str) {
    assert_eq!(task.status.state, TaskState::Completed, "{how}");
    assert_eq!(artifacts(task), ["1-1: once|upon|a time"], "{how}");
    assert_eq!(history(task), ["tell"], "{how}");
    let log = world.snapshot(key).await.tail;
    let completed = log.iter().filter(|entry| {
        matches!(&entry.event, Event::Status(change) if change.state == TaskState::Completed)
    });
    assert_eq!(completed.count(), 1, "{how}");
}

/// Runs the story's task while the request with the given number has the fault. Returns whether
/// that request exists.
async fn told_in_spite_of(number: usize, fault: Fault, then_killed: bool) -> bool {
    let how = format!("{fault:?} of request {number}");
    let (world, key) = World::with_task("tell", storyteller()).await;
    world.faults.plan(move |call| (call.number == number).then_some(fault));
    if then_killed {
        world.attend_killed_after(&key, secs(30)).await;
    } else {
        // The store's failure may be the runner's: then the signal is redelivered.
        let _ = world.attend_for(&key, secs(900)).await;
    }
    let reached = world.faults.count() >= number;
    let task = world.settle(&key).await;
    assert_told_once(&world, &key, &task, &how).await;
    reached
}

/// Every number of a request that a run makes, in turn.
async fn at_every_request(fault: Fault, then_killed: bool) {
    let mut number = 1;
    while told_in_spite_of(number, fault, then_killed).await {
        number += 1;
        assert!(number < 100, "a run makes a handful of requests");
    }
    assert!(number > 6, "a run makes a few requests at least, not {number}");
}

#[tokio::test(start_paused = true)]
async fn killed_before_any_request() {
    at_every_request(Fault::HangBefore, true).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_request() {
    at_every_request(Fault::HangAfter, true).await;
}

#[tokio::test(start_paused = true)]
async fn any_request_lost() {
    at_every_request(Fault::LoseRequest, false).await;
}

#[tokio::test(start_paused = true)]
async fn any_answer_lost() {
    at_every_request(Fault::LoseAnswer, false).await;
}

#[tokio::test(start_paused = true)]
async fn any_request_slower_than_a_lease() {
    at_every_request(Fault::SlowRequest(secs(40)), false).await;
    at_every_request(Fault::SlowAnswer(secs(40)), false).await;
}

#[tokio::test(start_paused = true)]
async fn every_so_many_answers_lost() {
    for every in 2..12 {
        for fault in [Fault::LoseAnswer, Fault::LoseRequest] {
            let (world, key) = World::with_task("tell", storyteller()).await;
            world
                .faults
                .plan(move |call: Call<'_>| (call.number.is_multiple_of(every)).then_some(fault));
            let task = world.settle(&key).await;
            assert_told_once(&world, &key, &task, &format!("every {every} {fault:?}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_moment() {
    // The story takes a little over 4 s.
    for at in (0..4_500).step_by(50) {
        let (world, key) = World::with_task("tell", storyteller()).await;
        world.faults.plan(|_| Some(Fault::SlowAnswer(millis(20))));
        world.attend_killed_after(&key, millis(at)).await;
        world.faults.heal();
        let task = world.settle(&key).await;
        assert_told_once(&world, &key, &task, &format!("killed at {at} ms")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_twice_and_told_by_the_third() {
    let (world, key) = World::with_task("tell", storyteller()).await;
    for _ in 0..2 {
        world.attend_killed_after(&key, secs(3)).await;
        tokio::time::sleep(secs(31)).await;
    }
    let task = world.settle(&key).await;
    assert_told_once(&world, &key, &task, "killed twice").await;
    assert_eq!(world.diary.read(), ["attempt 1", "attempt 2", "attempt 3"]);
}

#[tokio::test(start_paused = true)]
async fn messages_are_seen_once_whenever_the_runner_is_killed() {
    for at in (0..8_000).step_by(250) {
        let world = World::new(script!(|turn, _| {
            turn.progress(format!("saw {}", turn.text().replace('\n', "+"))).await?;
            turn.sleep(secs(2)).await;
            Ok(End::Completed(format!("answered {}", turn.text().replace('\n', "+")).into()))
        }));
        let key = world.submit("one").await;
        world.faults.plan(|_| Some(Fault::SlowAnswer(millis(100))));
        tokio::join!(
            world.attend_killed_after(&key, millis(at)),
            after(millis(1_500), world.follow_up(&key, "two"))
        );
        world.faults.heal();
        let task = world.settle(&key).await;
        assert_eq!(task.status.state, TaskState::Completed, "killed at {at} ms");
        let mut answers = history(&task);
        answers.push(crate::support::status_text(&task));
        answers.retain(|text| text.starts_with("answered"));
        let answers = answers.join(", ");
        let expected = ["answered one, answered two", "answered one+two"];
        assert!(expected.contains(&answers.as_str()), "killed at {at} ms: {answers}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_ends_the_attempt_and_the_lease_brings_it_back() {
    let (world, key) = World::with_task("tell", storyteller()).await;
    // After the claim, nothing works for a while.
    world.faults.plan(|call| (call.number > 2).then_some(Fault::LoseRequest));
    assert!(world.attend_for(&key, secs(900)).await.is_err());
    assert!(world.head(&key).await.leased_until().is_some());
    world.faults.heal();
    let task = world.settle(&key).await;
    assert_told_once(&world, &key, &task, "down").await;
    // I4: within two sweeps.
    assert!(world.passed() < secs(125), "{:?}", world.passed());
}
