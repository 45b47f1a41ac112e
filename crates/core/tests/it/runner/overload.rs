//! A store that is asked for more than it can carry, and an index with most shards.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use a2a_lambda_core::store::DueShards;
use a2a_lambda_core::{Company, Head, MemoryStore, SendOptions, sweep};
use a2a_lambda_protocol::{ErrorKind, TaskState, Timestamp};
use a2a_lambda_testing::{Fault, FaultyStore, Kind, sending, submission};

use crate::support::{THROTTLED, World, completes, secs, user};

const FAR: Timestamp = Timestamp::MAX;

#[tokio::test(start_paused = true)]
async fn a_message_is_refused_soon_and_says_when_to_try_again() {
    let world = World::new(completes());
    world.faults.plan(|call| (call.kind == Kind::Create).then_some(THROTTLED));
    let before = world.passed();
    let (operations, options) = (world.operations(), SendOptions::default());
    let error = operations.send(&World::alice(), sending(user("hi")), &options).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after()), (ErrorKind::Unavailable, Some(5)));
    assert_eq!(world.faults.count_of(Kind::Create), 2);
    let took = world.passed().saturating_sub(before);
    assert!((25..=50).contains(&took.as_millis()), "{took:?}");
    assert!(world.queue.take_times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_work_of_a_turn_is_stored_when_there_is_room_again() {
    for throttled in [1, 7, 8] {
        let (world, key) = World::with_task("hi", completes()).await;
        let mut left = throttled;
        world.faults.plan(move |call| {
            let of_work = call.commit.is_some_and(|(base, _)| base.leased_until().is_some());
            let refused = call.kind == Kind::Commit && of_work && left > 0;
            left -= u32::from(refused);
            refused.then_some(THROTTLED)
        });
        let attended = world.runner().attend(&key, FAR, Company::Alone).await;
        let state = world.head(&key).await.state();
        if throttled < 8 {
            assert!(attended.is_ok(), "{attended:?}");
            assert_eq!(state, TaskState::Completed, "after {throttled} throttles");
            assert!(world.passed() <= secs(5));
        } else {
            assert!(attended.unwrap_err().is_throttled());
            assert_eq!(state, TaskState::Working);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_most_shards_asks_sixteen_at_a_time() {
    let world = World::new(completes());
    let memory = MemoryStore::with_due_shards(DueShards::configured(DueShards::MOST));
    let store = Arc::new(FaultyStore::new(Arc::new(memory)));
    let engine = world.engine.clone().over(store.clone());
    for number in 0..100 {
        let change = Head::submit(submission(&format!("task-{number}")), &engine.stamp());
        engine.create(&change).await.unwrap();
    }
    tokio::time::sleep(secs(100)).await;
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = asked.clone();
    store.plan(move |call| {
        seen.lock().unwrap().extend(call.shard);
        (call.kind == Kind::Due).then_some(Fault::SlowRequest(secs(1)))
    });
    let before = world.passed();
    let swept = sweep(&engine, FAR).await;
    assert_eq!((swept.due, swept.lost_signals, swept.more), (100, 100, false), "{swept:?}");
    assert_eq!(*asked.lock().unwrap(), (0..DueShards::MOST).collect());
    let queries = u64::try_from(store.count_of(Kind::Due)).unwrap();
    let took = world.passed().saturating_sub(before).as_secs();
    assert!((queries.div_ceil(16)..=queries.div_ceil(16) + 2).contains(&took), "{queries} {took}");
}
