//! Tasks that ended, or began to wait, while retention was off.

use super::*;
use crate::support::completes;

/// The same with the retention that holds now.
fn now_keeping(mut world: World) -> World {
    let retention =
        Retention { ended: Some(KEPT), waiting: Some(WAITS), purge_after: PURGED_AFTER };
    let policy = Policy { retention: Some(retention), ..(*world.engine.policy).clone() };
    world.engine.policy = policy.into();
    world
}

/// Counts first, and then writes. Afterwards there is nothing left to do.
async fn give(world: &World, key: &TaskKey) {
    let operator = Operator::new(world.engine.clone());
    let before = world.memory.read(key, Depth::Full).await.unwrap().unwrap();
    assert!(operator.give_time(key, false).await.unwrap());
    assert_eq!(world.memory.read(key, Depth::Full).await.unwrap().unwrap(), before, "it counts");
    assert!(operator.give_time(key, true).await.unwrap());
    assert!(!operator.give_time(key, true).await.unwrap(), "it has its time");
}

#[tokio::test(start_paused = true)]
async fn a_small_task_is_given_a_time_to_live() {
    let world = World::new(completes());
    let key = ended(&world).await;
    let world = now_keeping(world);
    give(&world, &key).await;
    let head = world.memory.read(&key, Depth::Tail).await.unwrap().unwrap().head;
    let ttl = head.ttl.unwrap();
    assert!(ttl >= head.status_at.saturating_add(KEPT) && head.due.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_large_task_is_given_to_the_sweep_also_when_it_has_long_expired() {
    for late in [secs(0), secs(10_000)] {
        let world = World::new(says_much());
        let key = ended(&world).await;
        let world = now_keeping(world);
        tokio::time::sleep(late).await;
        give(&world, &key).await;
        tokio::time::sleep(KEPT + PURGED_AFTER).await;
        assert_eq!(world.sweep().await.expired, 1, "{late:?}");
        assert!(world.memory.read(&key, Depth::Tail).await.unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_is_canceled_at_its_time() {
    let (world, key) = World::with_attended("go", asks()).await;
    let world = now_keeping(world);
    give(&world, &key).await;
    tokio::time::sleep(WAITS).await;
    assert_eq!(world.sweep().await.lapsed, 1);
    assert_eq!(world.head(&key).await.state(), TaskState::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_task_with_an_expiry_or_a_later_write_is_left_alone() {
    let left_alone = async |world: &World, key: &TaskKey| {
        let before = world.memory.read(key, Depth::Tail).await.unwrap();
        let operator = Operator::new(world.engine.clone());
        for writes in [false, true] {
            assert!(!operator.give_time(key, writes).await.unwrap());
        }
        assert_eq!(world.memory.read(key, Depth::Tail).await.unwrap(), before);
    };
    let world = keeping(completes());
    left_alone(&world, &World::key("nobody")).await;
    let key = world.submit("go").await;
    left_alone(&world, &key).await;
    world.attend(&key).await;
    left_alone(&world, &key).await;
    // Nothing becomes of tasks with age.
    let world = World::new(completes());
    let key = ended(&world).await;
    left_alone(&world, &key).await;
    // It has an open push.
    world.register(&key, "hook").await;
    left_alone(&now_keeping(world), &key).await;
}
