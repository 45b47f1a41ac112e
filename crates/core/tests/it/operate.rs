//! The operators' actions on pushes.

use std::collections::BTreeSet;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use a2a_lambda_core::ids::{ConfigId, WriteId};
use a2a_lambda_core::operator::{OperateError, Operator};
use a2a_lambda_core::push::{FailingConfig, FailingPage};
use a2a_lambda_core::{
    Delivered, End, Generation, Mark, MemoryStore, Position, PushConfig, PushConfigs, Reply,
    StoreError, Tally, TaskKey,
};
use a2a_lambda_protocol::{Artifact, Part, TaskState};
use futures_util::FutureExt as _;

use crate::delivery::{sent, url};
use crate::support::{Fault, Kind, Manner, Scripted, World, asks, millis, script, secs};

/// An agent that shows three artifacts, with pauses between, and is done.
fn shows_three(pause_ms: u64) -> Scripted {
    script!(|turn, _| {
        for text in ["a", "b", "c"] {
            turn.artifact(Artifact::new(text, [Part::text(text)])).await?;
            tokio::time::sleep(millis(pause_ms)).await;
        }
        Ok(End::Completed(Reply::from("done")))
    })
}

/// The receiver's pushes: the config is made with the task, and so the task comes first.
const ALL: [&str; 6] = [
    "task SUBMITTED",
    "status WORKING",
    "artifact \"a\"",
    "artifact \"b\"",
    "artifact \"c\"",
    "status COMPLETED",
];

fn id(name: &str) -> ConfigId {
    ConfigId::parse(name).unwrap()
}

impl World {
    fn operator(&self) -> Operator {
        Operator::new(self.engine.clone())
    }

    /// A task that is over, with a config that was disabled before it was sent anything.
    async fn with_disabled(&self, name: &str) -> TaskKey {
        self.receivers.script(&url(name), |_| Manner::Answers(410));
        let key = self.submit_for(name).await;
        self.attend(&key).await;
        assert!(self.config_of(&key, name).await.delivery.is_disabled());
        assert_eq!(self.head(&key).await.mark(), None, "nothing is tried any more");
        self.receivers.script(&url(name), |_| Manner::Answers(200));
        key
    }

    /// The failing configs, in pages of this size.
    async fn failing(&self, limit: usize) -> Vec<FailingConfig> {
        let mut all = Vec::new();
        let mut place = None;
        loop {
            let page = self.operator().failing(limit, place.as_ref()).await.unwrap();
            let FailingPage { configs, next } = page;
            assert!(configs.len() <= limit);
            all.extend(configs);
            match next {
                None => return all,
                next => place = next,
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_sends_the_same_again_in_order_with_ids_of_its_own() {
    let world = World::new(shows_three(100));
    let key = world.attended_for("hook").await;
    assert_eq!(world.told("hook"), ALL);
    let first = world.receivers.arrived(&url("hook"));

    let replayed = world.operator().replay(&key, &id("hook"), Generation(2)).await.unwrap();
    assert_eq!(replayed.delivery.cursor, Position(2));
    assert_eq!(world.head(&key).await.mark(), Some(&Mark::Open), "somebody is woken");
    assert_eq!(world.deliver(&key).await, sent(4));
    let all = world.receivers.arrived(&url("hook"));
    assert_eq!(world.told("hook")[6..], ALL[2..]);
    for (before, again) in first[2..].iter().zip(&all[6..]) {
        assert_eq!(before.push.body, again.push.body);
    }
    let all: BTreeSet<_> = world.ids("hook").into_iter().collect();
    assert_eq!(all.len(), 10, "no id stands for two pushes: {all:?}");
    assert_eq!(world.deliver(&key).await, Delivered::Nothing);
    assert_eq!(world.config_of(&key, "hook").await.delivery.cursor, Position(6));
}

#[tokio::test(start_paused = true)]
async fn entries_before_the_config_can_be_replayed() {
    let (world, key) = World::with_attended("go", shows_three(0)).await;
    world.register(&key, "late").await;
    assert_eq!(world.deliver(&key).await, sent(1));
    assert_eq!(world.told("late"), ["task COMPLETED"]);
    world.operator().replay(&key, &id("late"), Generation(0)).await.unwrap();
    world.deliver(&key).await;
    assert_eq!(world.told("late")[1..], ALL[1..], "the first entry is the user's own message");
}

#[tokio::test(start_paused = true)]
async fn messages_count_neither_for_a_replay_s_start_nor_as_delivered() {
    let all = ["task SUBMITTED", "status WORKING", "status INPUT_REQUIRED"];
    let all = [&all[..], &["status WORKING", "status COMPLETED"]].concat();
    let world = World::new(asks());
    let key = world.attended_for("hook").await;
    world.follow_up(&key, "this one").await;
    world.register(&key, "late").await;
    world.attend(&key).await;
    world.deliver(&key).await;
    assert_eq!(world.told("hook"), all);
    assert_eq!(world.told("late"), [&["task SUBMITTED"], &all[3..]].concat());
    let (operator, hook) = (world.operator(), id("hook"));
    for since in 1..=5 {
        let replayed = operator.replay(&key, &hook, Generation(since)).await.unwrap();
        assert_eq!(replayed.delivery.delivered, Generation(since));
        let before = world.told("hook").len();
        world.deliver(&key).await;
        let last = usize::try_from(since).unwrap();
        assert_eq!(world.told("hook")[before..], all[last..], "after {since}");
        let delivery = world.config_of(&key, "hook").await.delivery;
        assert_eq!((delivery.cursor, delivery.delivered), (Position(6), Generation(5)));
    }
    let error = operator.replay(&key, &hook, Generation(6)).await.unwrap_err();
    assert_eq!(error.to_string(), "the task has come to generation 5 only");
}

#[tokio::test(start_paused = true)]
async fn a_replay_to_where_it_has_not_come_passes_nothing_over() {
    let world = World::new(shows_three(0));
    let key = world.with_disabled("hook").await;
    let cursor = world.config_of(&key, "hook").await.delivery.cursor;
    let replayed = world.operator().replay(&key, &id("hook"), Generation(6)).await.unwrap();
    assert_eq!(replayed.delivery.cursor, cursor);
    assert!(!replayed.delivery.introduced, "it was not sent the task yet");
    assert_eq!(replayed.delivery.trouble, None);
    world.deliver(&key).await;
    assert_eq!(world.told("hook")[1..], ALL, "after the one that was answered 410");
}

#[tokio::test(start_paused = true)]
async fn an_enabled_config_continues_where_it_stopped() {
    let world = World::new(shows_three(100));
    world.receivers.script(&url("hook"), |n| Manner::Answers(if n == 4 { 410 } else { 200 }));
    let key = world.attended_for("hook").await;
    assert_eq!(world.told("hook"), ALL[..4]);
    assert_eq!(world.deliver(&key).await, Delivered::Nothing);

    let shown = world.operator().show(&key).await.unwrap();
    assert_eq!((shown.state, shown.generation), (TaskState::Completed, Generation(6)));
    assert_eq!(shown.mark, None);
    let delivery = &shown.configs[0].delivery;
    assert!(delivery.is_disabled());
    assert_eq!(delivery.trouble.as_ref().unwrap().failures, 1);

    let enabled = world.operator().enable(&key, &id("hook")).await.unwrap();
    assert_eq!(enabled.delivery.trouble, None);
    assert_eq!(enabled.delivery.cursor, delivery.cursor);
    assert_eq!(world.deliver(&key).await, sent(3));
    assert_eq!(world.told("hook")[4..], ALL[3..]);
    let ids = world.ids("hook");
    assert_eq!(ids[3], ids[4], "the same push, made again");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_delivers_without_a_signal() {
    let world = World::new(shows_three(0));
    let key = world.with_disabled("hook").await;
    world.operator().enable(&key, &id("hook")).await.unwrap();
    tokio::time::sleep(secs(61)).await;
    assert_eq!(world.sweep().await.pushes, 1);
    assert_eq!(world.told("hook").last().unwrap(), "status COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_push_is_tried_at_once_when_it_is_enabled() {
    let world = World::new(shows_three(0));
    world.receivers.script(&url("hook"), |n| Manner::Answers(if n < 3 { 503 } else { 200 }));
    let key = world.attended_for("hook").await;
    tokio::time::sleep(secs(6)).await;
    world.deliver(&key).await;
    assert!(matches!(world.deliver(&key).await, Delivered::NotBefore { .. }));
    world.operator().enable(&key, &id("hook")).await.unwrap();
    assert!(matches!(world.deliver(&key).await, Delivered::Ran(Tally { failed: 0, .. })));
    assert_eq!(world.told("hook").last().unwrap(), "status COMPLETED");
}

/// Replays while the third push of this receiver is under way, delivered by `deliver`.
async fn replay_under_way(manner: Manner) -> (World, TaskKey) {
    let (world, key) = World::with_attended("go", shows_three(0)).await;
    world.register(&key, "hook").await;
    world.deliver(&key).await;
    world.operator().replay(&key, &id("hook"), Generation(0)).await.unwrap();
    world.receivers.script(&url("hook"), move |n| match n {
        4 => manner,
        _ => Manner::Answers(200),
    });
    let operating = async {
        tokio::time::sleep(millis(500)).await;
        assert_eq!(world.told("hook").len(), 4, "one is under way");
        world.operator().replay(&key, &id("hook"), Generation(0)).await.unwrap();
    };
    tokio::join!(world.deliver(&key), operating);
    (world, key)
}

#[tokio::test(start_paused = true)]
async fn a_replay_while_a_push_is_under_way_is_not_lost() {
    for manner in [Manner::Slow(secs(2)), Manner::Hangs] {
        let (world, key) = replay_under_way(manner).await;
        // If the one under way took long, the rest is signaled.
        world.live(&key, secs(60)).await;
        let told = world.told("hook");
        assert_eq!(told[1..4], ALL[1..4]);
        assert_eq!(told[4..], ALL[1..], "all of it, whatever came of the one under way");
        let delivery = world.config_of(&key, "hook").await.delivery;
        assert_eq!((delivery.cursor, delivery.trouble.as_ref()), (Position(6), None));
        assert_eq!(world.head(&key).await.mark(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_beside_the_agent_is_delivered_by_its_runner() {
    let (world, key) = World::pushing_to("hook", shows_three(1_000)).await;
    let operating = async {
        tokio::time::sleep(millis(1_500)).await;
        assert_eq!(world.told("hook"), ALL[..4]);
        world.operator().replay(&key, &id("hook"), Generation(1)).await.unwrap();
    };
    tokio::join!(world.attend(&key), operating);
    // The cursor is behind the sent pushes, and so is the place that it goes back to.
    assert_eq!(world.told("hook")[4..], ALL);
    let mut ids = world.ids("hook");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4 + ALL.len());
    assert_eq!(world.head(&key).await.mark(), None);
}

#[tokio::test(start_paused = true)]
async fn operators_at_once_do_no_harm() {
    let world = World::new(shows_three(0));
    let key = world.with_disabled("hook").await;
    let (one, other, hook) = (world.operator(), world.operator(), id("hook"));
    let (replayed, enabled, delivered) = tokio::join!(
        one.replay(&key, &hook, Generation(0)),
        other.enable(&key, &hook),
        world.deliver(&key),
    );
    replayed.unwrap();
    enabled.unwrap();
    assert!(matches!(delivered, Delivered::Ran(_) | Delivered::Nothing), "{delivered:?}");
    world.deliver(&key).await;
    assert_eq!(world.told("hook")[1..], ALL);
}

/// Changes each config of a task, in nothing but its mark.
async fn change_again(memory: &MemoryStore, task: &TaskKey) {
    for theirs in memory.stored_configs(task) {
        let write = WriteId::new(format!("{}+", theirs.write.as_str()));
        memory.put(task, &PushConfig { write, ..theirs }).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn configs_are_not_changed_over_others_changes_for_ever() {
    let world = World::new(shows_three(0));
    let key = world.with_disabled("hook").await;
    // Somebody else writes between each read and its write.
    let (memory, task) = (world.memory.clone(), key.clone());
    world.faults.plan(move |call| {
        if call.kind == Kind::AdvanceConfig {
            let changed = change_again(&memory, &task).now_or_never();
            changed.expect("a store in memory does not wait");
        }
        None
    });
    let engine = world.engine.clone();
    let refused = Operator::new(engine).enable(&key, &id("hook")).await;
    assert!(matches!(refused, Err(OperateError::Contended)), "{refused:?}");
    assert!(world.config_of(&key, "hook").await.delivery.is_disabled());
}

#[tokio::test(start_paused = true)]
async fn a_missing_task_or_config_is_reported() {
    let world = World::new(shows_three(0));
    let key = world.attended_for("hook").await;
    let (operator, hook) = (world.operator(), id("hook"));
    let nobody = World::key("nobody");
    assert!(matches!(operator.show(&nobody).await, Err(OperateError::NoSuchTask)));
    assert!(matches!(operator.enable(&nobody, &hook).await, Err(OperateError::NoSuchTask)));
    let replayed = operator.replay(&nobody, &hook, Generation(0)).await;
    assert!(matches!(replayed, Err(OperateError::NoSuchTask)));
    assert!(matches!(operator.enable(&key, &id("x")).await, Err(OperateError::NoSuchConfig)));
    let replayed = operator.replay(&key, &id("x"), Generation(0)).await;
    assert!(matches!(replayed, Err(OperateError::NoSuchConfig)));
    let generation = Generation(6);
    let replayed = operator.replay(&key, &hook, Generation(7)).await;
    assert!(matches!(replayed, Err(OperateError::NotYet { generation: g }) if g == generation));
    let task = operator.show(&key).await.unwrap();
    assert_eq!(task.configs[0].delivery.delivered, generation, "nothing has changed");
    assert_eq!(task.mark, None);
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_lost_are_made_again() {
    for kind in [Kind::Read, Kind::GetConfigs, Kind::AdvanceConfig, Kind::Commit] {
        for fault in [Fault::LoseRequest, Fault::LoseAnswer] {
            let world = World::new(shows_three(0));
            let key = world.attended_for("hook").await;
            world
                .faults
                .plan(move |call| (call.kind == kind && call.of_kind == 1).then_some(fault));
            let replayed = world.operator().replay(&key, &id("hook"), Generation(0)).await;
            assert_eq!(replayed.unwrap().delivery.cursor, Position(0), "{kind:?} {fault:?}");
            world.deliver(&key).await;
            assert_eq!(world.told("hook")[6..], ALL[1..], "{kind:?} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_done_in_part_can_be_repeated() {
    let world = World::new(shows_three(0));
    let key = world.with_disabled("hook").await;
    // Of a task that was delivered once, a commit comes before the config, too.
    world.faults.fail_each(Kind::Commit, Fault::Refuse);
    world.operator().enable(&key, &id("hook")).await.unwrap_err();
    assert_eq!(world.faults.count_of(Kind::AdvanceConfig), 0);
    world.faults.heal();
    world.register(&key, "other").await;
    world.unregister(&key, "other").await;
    world.deliver(&key).await;
    world.faults.fail_each(Kind::Commit, Fault::Refuse);
    for _ in 0..2 {
        let refused = world.operator().enable(&key, &id("hook")).await;
        assert!(matches!(refused, Err(OperateError::Store(StoreError::Refused(_)))), "{refused:?}");
    }
    world.faults.heal();
    assert_eq!(world.deliver(&key).await, Delivered::Nothing, "the task does not know of it");
    world.operator().enable(&key, &id("hook")).await.unwrap();
    assert_eq!(world.faults.count_of(Kind::AdvanceConfig), 0, "the config was switched on before");
    world.deliver(&key).await;
    assert_eq!(world.told("hook")[1..], ALL);
}

#[tokio::test(start_paused = true)]
async fn failing_configs_are_listed_by_age_and_without_secrets() {
    let world = World::new(shows_three(0));
    let mut expected = Vec::new();
    for number in 0..11 {
        let name = format!("hook{number}");
        expected.push((world.with_disabled(&name).await, name));
        tokio::time::sleep(secs(1)).await;
    }
    // One that is well, and one that is well by now.
    world.attended_for("well").await;
    let (key, name) = expected.remove(3);
    world.operator().enable(&key, &id(&name)).await.unwrap();
    for limit in [1, 2, 3, 10, 100, 1_000] {
        let listed = world.failing(limit).await;
        let listed = listed.into_iter().map(|of| (of.task, of.config.id.as_str().to_owned()));
        assert_eq!(listed.collect::<Vec<_>>(), expected, "by {limit}");
    }
    let first = &world.failing(1).await[0];
    let trouble = first.config.delivery.trouble.as_ref().unwrap();
    assert_eq!((trouble.failures, trouble.next), (1, None));
    assert_eq!(trouble.attempts[0].reason, "HTTP 410: it wants no more");
}

#[tokio::test(start_paused = true)]
async fn those_that_began_to_fail_at_once_are_all_listed() {
    let world = World::new(shows_three(0));
    let mut keys = Vec::new();
    for number in 0..30 {
        keys.push(world.with_disabled(&format!("hook{number}")).await);
    }
    for limit in [1, 4, 7] {
        let mut listed: Vec<_> = world.failing(limit).await.into_iter().map(|of| of.task).collect();
        listed.sort();
        keys.sort();
        assert_eq!(listed, keys, "by {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_index_may_know_less_than_the_config() {
    let world = World::new(shows_three(0));
    let key = world.with_disabled("hook").await;
    let was_read = Arc::new(AtomicBool::new(false));
    let read = was_read.clone();
    world.faults.plan(move |call| {
        let is_config = call.kind == Kind::GetConfigs;
        is_config.then(|| read.store(true, Ordering::SeqCst)).map(|()| Fault::SlowRequest(secs(1)))
    });
    let operator = world.operator();
    let deleting = async {
        while !was_read.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let stored = world.memory.stored_configs(&key).remove(0);
        world.memory.delete(&key, &stored.registration).await.unwrap();
    };
    let (page, ()) = tokio::join!(operator.failing(10, None), deleting);
    assert_eq!(page.unwrap(), FailingPage { configs: Vec::new(), next: None });
}
