//! The sweep's finds, and the tasks that it leaves alone.

use a2a_lambda_core::{End, Phase, RunError, Swept, sweep};
use a2a_lambda_protocol::{TaskState, Timestamp};

use crate::support::{Fault, Kind, TestClock, World, millis, ran, script, secs, takes};

fn at(seconds: u64) -> Timestamp {
    TestClock::START.saturating_add(secs(seconds))
}

/// The result of a sweep of a world with one task.
async fn swept(world: &World) -> (usize, usize) {
    let swept = world.sweep().await;
    assert_eq!((swept.failed, swept.unread, swept.more), (0, 0, false), "{swept:?}");
    assert_eq!(swept.due, swept.signaled() + swept.settled, "{swept:?}");
    (swept.due, swept.signaled())
}

#[tokio::test(start_paused = true)]
async fn a_lost_signal_is_sent_again_once_it_is_late() {
    let world = World::new(takes(1));
    world.queue.set_down(true);
    let key = world.submit("hello").await;
    world.queue.set_down(false);

    tokio::time::sleep(secs(59)).await;
    assert_eq!(swept(&world).await, (0, 0), "it may be under way");
    tokio::time::sleep(secs(1)).await;
    assert_eq!(swept(&world).await, (1, 1));
    assert_eq!(world.queue.take_times().len(), 1);
    assert_eq!(swept(&world).await, (0, 0), "the new one is under way");
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
    tokio::time::sleep(secs(600)).await;
    assert_eq!(swept(&world).await, (0, 0), "it is over");
}

#[tokio::test(start_paused = true)]
async fn an_expired_lease_is_ended_and_signaled() {
    let (world, key) = World::with_task("hello", takes(600)).await;
    world.attend_killed_after(&key, secs(40)).await;
    world.queue.take_times();
    // Renewed last at 31.5 s, so it ends at 61.5 s; it was due at 60 s.
    tokio::time::sleep(secs(21)).await;
    assert_eq!(swept(&world).await, (1, 0), "it is not expired yet");
    assert_eq!(world.head(&key).await.due, world.head(&key).await.leased_until());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(swept(&world).await, (1, 1));
    assert_eq!(world.queue.take_times().len(), 1);
    let head = world.head(&key).await;
    assert!(matches!(head.phase, Phase::Waiting { until } if until <= world.now()), "{head:?}");
}

#[tokio::test(start_paused = true)]
async fn a_live_lease_is_left_alone() {
    let (world, key) = World::with_task("hello", takes(300)).await;
    world.queue.take_times();
    let (attended, ()) = tokio::join!(world.attend(&key), async {
        for _ in 0..9 {
            tokio::time::sleep(secs(30)).await;
            let (_, signaled) = swept(&world).await;
            assert_eq!(signaled, 0);
            assert!(world.head(&key).await.due.unwrap() > world.now());
        }
    });
    assert_eq!(attended, ran(1, TaskState::Completed));
    assert!(world.queue.take_times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wake_time_is_awaited_and_then_signaled() {
    let world = World::new(script!(|turn, _| {
        match turn.number() {
            1 => Ok(End::ParkUntil { wake_at: at(1_000), checkpoint: None }),
            _ => Ok(End::completed()),
        }
    }));
    let key = world.submit("hello").await;
    world.timer.set_down(true);
    let parked = world.attend_for(&key, secs(900)).await;
    assert!(matches!(parked, Err(RunError::Signal(_))), "SQS gives the record again: {parked:?}");
    world.queue.take_times();
    tokio::time::sleep(secs(60)).await;
    assert_eq!(swept(&world).await, (0, 0), "it is not yet time");
    assert_eq!(world.head(&key).await.due, Some(at(1_060)));
    tokio::time::sleep(secs(1_001)).await;
    assert_eq!(swept(&world).await, (1, 1));
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_user_is_not_due() {
    let world = World::new(script!(|_, _| { Ok(End::input_required("which one?")) }));
    world.attended("hello").await;
    tokio::time::sleep(secs(100_000)).await;
    assert_eq!(swept(&world).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_to_be_swept_stays_due_and_holds_up_no_other() {
    let world = World::new(takes(1));
    world.queue.set_down(true);
    for n in 0..5 {
        world.submit(&format!("m{n}")).await;
    }
    world.queue.set_down(false);
    tokio::time::sleep(secs(60)).await;
    world.faults.fail_nth(Kind::Commit, 1, Fault::Refuse);
    let first = world.sweep().await;
    assert_eq!((first.due, first.lost_signals, first.failed), (5, 4, 1));
    let [error] = &first.errors[..] else { panic!("{first:?}") };
    assert!(error.starts_with("task id-") && error.contains("of tenant \"\": "), "{error}");
    let second = world.sweep().await;
    assert_eq!(second, Swept { due: 1, lost_signals: 1, ..Swept::default() });
}

#[tokio::test(start_paused = true)]
async fn a_sweep_goes_on_page_by_page() {
    let world = World::under(|policy| policy.sweep_batch = 2).with(takes(1));
    for n in 0..60 {
        world.submit(&format!("m{n}")).await;
    }
    tokio::time::sleep(secs(100)).await;
    assert_eq!(swept(&world).await, (60, 60));
    assert_eq!(swept(&world).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_ends_in_time_and_the_next_goes_on() {
    let world = World::new(takes(1));
    for n in 0..60 {
        world.submit(&format!("m{n}")).await;
    }
    tokio::time::sleep(secs(100)).await;
    world.faults.fail_each(Kind::Commit, Fault::SlowRequest(secs(1)));
    let mut all = 0;
    for _ in 0..60 {
        let deadline = world.now().saturating_add(millis(2_500));
        let swept = sweep(&world.engine, deadline).await;
        assert!(swept.due <= 24, "three of each of eight shards");
        assert!(world.now() <= deadline.saturating_add(secs(1)));
        all += swept.lost_signals;
        if !swept.more {
            break;
        }
    }
    assert_eq!(all, 60);
}

#[tokio::test(start_paused = true)]
async fn tasks_that_cannot_be_swept_do_not_keep_the_sweep_from_others() {
    let world = World::under(|policy| policy.sweep_batch = 1).with(takes(1));
    for n in 0..20 {
        world.submit(&format!("m{n}")).await;
    }
    tokio::time::sleep(secs(60)).await;
    // Those that fail stay where they are, before the others.
    world
        .faults
        .plan(|call| (call.kind == Kind::Read && call.of_kind % 2 == 1).then_some(Fault::Refuse));
    let swept = world.sweep().await;
    assert_eq!((swept.due, swept.failed, swept.lost_signals), (20, 10, 10), "{swept:?}");
    assert_eq!(swept.errors.len(), 5, "the first ones");
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_cannot_be_read_is_reported() {
    let world = World::new(takes(1));
    world.faults.fail_each(Kind::Due, Fault::LoseRequest);
    let swept = world.sweep().await;
    assert_eq!((swept.unread, swept.due, swept.errors.len()), (8, 0, 5));
    assert!(swept.errors[0].starts_with("shard 0 of the due index: "), "{:?}", swept.errors);
}

#[tokio::test(start_paused = true)]
async fn sweeps_at_the_same_time_signal_once() {
    let world = World::new(takes(1));
    world.submit("hello").await;
    world.queue.take_times();
    tokio::time::sleep(secs(61)).await;
    world.faults.fail_each(Kind::Commit, Fault::SlowRequest(millis(9)));
    let (one, two) = tokio::join!(world.sweep(), world.sweep());
    assert_eq!(one.signaled() + two.signaled(), world.queue.take_times().len());
}
