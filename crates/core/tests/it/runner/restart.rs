//! The restart of a deployment that is one machine.

use a2a_lambda_core::{End, Former, Mark, Phase, Restarted, restart};
use a2a_lambda_protocol::TaskState;

use crate::support::{Scripted, World, script, secs};

fn sleeper() -> Scripted {
    script!(|turn, diary| {
        diary.note(format!("attempt {}", turn.attempt()));
        turn.sleep(secs(600)).await;
        Ok(End::completed())
    })
}

fn taken_up(signaled: usize, voided: usize) -> Restarted {
    Restarted { signaled, voided, failed: 0 }
}

#[tokio::test(start_paused = true)]
async fn a_task_of_ended_processes_runs_again_at_once() {
    let (world, key) = World::pushing_to("hook", sleeper()).await;
    world.attend_killed_after(&key, secs(1)).await;
    world.queue.take_times();
    let head = world.head(&key).await;
    assert!(matches!(head.mark(), Some(Mark::Claimed { .. })), "{head:?}");

    assert_eq!(restart(&world.engine, Former::Ended).await.unwrap(), taken_up(1, 1));
    assert_eq!(world.queue.take_times(), [secs(1)]);
    let head = world.head(&key).await;
    assert!(matches!(head.phase, Phase::Waiting { until } if until == world.now()), "{head:?}");
    assert_eq!(head.mark(), Some(&Mark::Open));
    assert_eq!(restart(&world.engine, Former::Ended).await.unwrap(), taken_up(1, 0));

    let task = world.settle(&key).await;
    assert_eq!(task.status.state, TaskState::Completed);
    assert_eq!(world.diary.read(), ["attempt 1", "attempt 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_may_live_keeps_its_lease() {
    let (world, key) = World::with_task("hello", sleeper()).await;
    world.attend_killed_after(&key, secs(1)).await;
    world.queue.take_times();
    let lease = world.head(&key).await.leased_until();
    assert_eq!(restart(&world.engine, Former::MayLive).await.unwrap(), taken_up(1, 0));
    assert_eq!(world.head(&key).await.leased_until(), lease);
    assert_eq!(world.queue.take_times(), [secs(30)], "at the end of the lease");
}

#[tokio::test(start_paused = true)]
async fn a_parked_task_still_waits_for_its_time() {
    let world = World::new(script!(|turn, _| {
        let wake_at = turn.now().saturating_add(secs(300));
        Ok(End::ParkUntil { wake_at, checkpoint: None })
    }));
    world.attended("hello").await;
    world.queue.take_times();
    assert_eq!(restart(&world.engine, Former::Ended).await.unwrap(), taken_up(1, 0));
    assert_eq!(world.queue.take_times(), [secs(300)]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_every_process_becomes_a_suspect_and_fails_after_the_last_attempt() {
    let (world, key) = World::with_task("hello", sleeper()).await;
    let mut suspect = Vec::new();
    for _ in 0..5 {
        world.attend_killed_after(&key, secs(1)).await;
        restart(&world.engine, Former::Ended).await.unwrap();
        suspect.push(world.head(&key).await.is_suspect(world.now()));
    }
    assert_eq!(suspect, [false, true, true, true, true]);
    world.attend(&key).await;
    assert_eq!(world.task(&key).await.status.state, TaskState::Failed);
}
