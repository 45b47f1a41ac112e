//! Tasks that wait for a time.

use a2a_lambda_core::{Attended, End, Phase};
use a2a_lambda_protocol::{Json, TaskState, Timestamp};

use crate::support::{Scripted, TestClock, World, ran, script, secs};

fn at(seconds: u64) -> Timestamp {
    TestClock::START.saturating_add(secs(seconds))
}

/// Parks until a time, then completes; records the input of each turn.
fn parks_until(seconds: u64) -> Scripted {
    script!(|turn, diary| {
        let left: Option<String> = turn.checkpoint()?;
        diary.note(format!("{left:?} {:?}", turn.text()));
        if turn.number() > 1 {
            return Ok(End::completed());
        }
        let checkpoint = Some(Json::parse(r#""parked""#)?);
        Ok(End::ParkUntil { wake_at: at(seconds), checkpoint })
    })
}

#[tokio::test(start_paused = true)]
async fn a_parked_task_has_no_lease_and_is_woken_in_time() {
    let (world, key) = World::with_task("hello", parks_until(600)).await;
    world.queue.take_times();
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Working));
    let head = world.head(&key).await;
    assert_eq!(head.phase, Phase::Waiting { until: at(600) });
    assert_eq!((world.queue.take_times(), world.timer.take_times()), (vec![secs(600)], vec![]));

    // An early signal leaves the task alone, and a new one comes in time.
    assert_eq!(world.attend(&key).await, Attended::NotBefore { at: at(600) });
    assert_eq!(world.queue.take_times(), [secs(600)]);

    tokio::time::sleep(secs(600)).await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
    assert_eq!(world.diary.read(), [r#"None "hello""#, r#"Some("parked") """#]);
}

#[tokio::test(start_paused = true)]
async fn a_signal_beyond_the_queue_s_delay_goes_to_the_timer() {
    for (wait, queue, timer) in [(900, vec![secs(900)], vec![]), (901, vec![], vec![secs(901)])] {
        let (world, key) = World::with_task("hello", parks_until(wait)).await;
        world.queue.take_times();
        world.attend(&key).await;
        let sent = (world.queue.take_times(), world.timer.take_times());
        assert_eq!(sent, (queue, timer), "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_wakes_a_parked_task_before_its_time() {
    let (world, key) = World::with_attended("hello", parks_until(50_000)).await;
    world.queue.take_times();
    tokio::time::sleep(secs(100)).await;
    world.follow_up(&key, "now").await;
    assert_eq!(world.queue.take_times().len(), 1);
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
    assert_eq!(world.diary.read(), [r#"None "hello""#, r#"Some("parked") "now""#]);
}

#[tokio::test(start_paused = true)]
async fn a_wake_time_that_has_passed_is_now() {
    let (world, key) = World::with_task("hello", parks_until(0)).await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    assert!(world.passed() < secs(5), "{:?}", world.passed());
}

#[tokio::test(start_paused = true)]
async fn a_lost_timer_is_made_good_by_the_sweep() {
    let (world, key) = World::with_task("hello", parks_until(3_000)).await;
    world.timer.set_down(true);
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    // The sweep grants a late signal a minute, comes once a minute itself, and signals.
    let late = world.passed().saturating_sub(secs(3_000));
    assert!(late <= secs(122), "{late:?} late");
}
