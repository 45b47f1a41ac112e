//! Streams over a store that fails.

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{Next, TaskKey};
use a2a_lambda_protocol::ErrorKind;

use super::{chunks, send_streaming};
use crate::support::{Call, Fault, World, drain, event, millis, secs, subscribe, told_by, user};

/// A stream that is read while requests of the store fail as `plan` says, and when it ended.
async fn under(
    plan: impl FnMut(Call<'_>) -> Option<Fault> + Send + 'static,
) -> (Vec<String>, u128) {
    let (world, key) = World::with_task("go", chunks(300, 10)).await;
    let mut tail = subscribe(&world, &key, None).await.unwrap();
    world.faults.plan(plan);
    let events = world.served(drain(&mut tail)).await;
    (told_by(&events), world.passed().as_millis())
}

async fn undisturbed() -> Vec<String> {
    under(|_| None).await.0
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_when_the_store_is_well_again() {
    let expected = undisturbed().await;
    assert_eq!(expected.len(), 13);
    for fault in [Fault::LoseRequest, Fault::LoseAnswer, Fault::LoseAnswerFor(millis(500))] {
        for period in [2, 3, 7] {
            let (events, ended) = under(move |c| (c.number % period != 0).then_some(fault)).await;
            assert_eq!(events, expected, "{fault:?}, {period}");
            assert!(ended <= 12_000, "{ended} ms");
        }
        // Away for the length of the task, so that everything comes at once.
        let (events, ended) = under(move |c| (c.number <= 8).then_some(fault)).await;
        assert_eq!(events, expected, "{fault:?}");
        assert!(ended <= 10_000, "{ended} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_can_fail_and_nothing_is_lost_or_repeated() {
    let expected = undisturbed().await;
    let faults = [
        Fault::LoseRequest,
        Fault::LoseAnswer,
        Fault::SlowRequest(secs(1)),
        Fault::SlowAnswer(secs(1)),
    ];
    for fault in faults {
        for nth in 1..40 {
            let (events, _) = under(move |call| (call.number == nth).then_some(fault)).await;
            assert_eq!(events, expected, "{fault:?} at {nth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_not_asked_too_often() {
    let (world, key) = World::with_task("go", chunks(300, 10)).await;
    let mut tail = subscribe(&world, &key, None).await.unwrap();
    event(&mut tail).await;
    world.faults.plan(|_| Some(Fault::LoseRequest));
    for _ in 0..4 {
        assert_eq!(tail.next(secs(15)).await, Next::Idle);
    }
    let reads = world.faults.count();
    assert!((55..=70).contains(&reads), "{reads} reads in a minute");
    // When it is well, it is soon as quick as ever.
    world.faults.heal();
    assert_eq!(tail.next(secs(15)).await, Next::Idle);
    assert!(world.faults.count() >= 65, "{} reads in 15 s", world.faults.count());
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_store_refuses_and_can_be_resumed() {
    let expected = undisturbed().await;
    for nth in 1..40 {
        let (world, key) = World::with_task("go", chunks(300, 10)).await;
        let mut tail = subscribe(&world, &key, None).await.unwrap();
        world.faults.plan(move |call| (call.number >= nth).then_some(Fault::Refuse));
        let rest = async {
            let mut events = drain(&mut tail).await;
            world.faults.heal();
            let last = events.last().unwrap().generation.0;
            let mut rest = subscribe(&world, &key, Some(last)).await.unwrap();
            events.extend(drain(&mut rest).await);
            events
        };
        assert_eq!(told_by(&world.served(rest).await), expected, "{nth}");
    }
}

/// Follows a task, from its beginning, until the store has it no more.
async fn until_gone(world: &World, key: &TaskKey) -> Vec<String> {
    let mut tail = subscribe(world, key, None).await.unwrap();
    world.faults.empty();
    told_by(&drain(&mut tail).await)
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_task_is_gone() {
    let (world, key) = World::with_task("go", chunks(300, 10)).await;
    assert_eq!(until_gone(&world, &key).await, ["1 task SUBMITTED"]);
    assert!(world.passed() <= millis(100));
    let error = subscribe(&world, &key, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TaskNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_does_not_keep_a_stream_beyond_its_end() {
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::SlowAnswer(secs(5_000))] {
        let world = World::new(chunks(300, 10));
        let answer_by = Some(world.now().saturating_add(secs(10)));
        let options = SendOptions { answer_by, ..SendOptions::default() };
        let mut tail = send_streaming(&world, user("go"), &options).await.unwrap();
        world.faults.plan(move |call| (call.number > 3).then_some(fault));
        let events = world.served(drain(&mut tail)).await;
        assert_eq!(told_by(&events)[0], "1 task SUBMITTED");
        assert_eq!(world.passed(), secs(10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_begin_says_so() {
    let (world, key) = World::with_task("go", chunks(300, 10)).await;
    world.faults.plan(|_| Some(Fault::LoseRequest));
    let error = subscribe(&world, &key, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let error = send_streaming(&world, user("go"), &SendOptions::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    world.faults.plan(|_| Some(Fault::Refuse));
    let error = subscribe(&world, &key, None).await.unwrap_err();
    assert_eq!((error.kind, world.faults.count()), (ErrorKind::Internal, 1));
    // A stream that stumbles still begins.
    world.faults.plan(|call| (call.number < 4).then_some(Fault::LoseRequest));
    assert!(subscribe(&world, &key, None).await.is_ok());
}
