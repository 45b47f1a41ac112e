//! The listing of the push configs in trouble.

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::Command;
use a2a_lambda_core::push::{Failing, Trouble};
use a2a_lambda_core::store::{DUE_SHARDS, due_shard};
use a2a_lambda_core::{PushConfig, TaskKey};
use a2a_lambda_protocol::Timestamp;

use super::configs::confusable;
use crate::bench::{Bench, key};
use crate::configs::{
    ODD_IDS, config, failing_config, failing_of, registration, trouble, with_trouble,
};

const MANY: usize = 1_000;

/// Makes a config fail. Returns its expected entry.
async fn put_failing(bench: &Bench, task: &TaskKey, id: &str, since_ms: i64) -> Failing {
    let config = failing_config(id, since_ms);
    bench.put_config(task, &config).await;
    failing_of(task, &config).expect("it is in trouble")
}

/// A task of this shard. It need not exist.
fn task_in(bench: &Bench, shard: u8) -> TaskKey {
    bench.submission_in_shard(shard).key
}

/// Nine configs of three tasks of a shard with different times, put in another order. Returns them
/// oldest first.
async fn nine_of(bench: &Bench, shard: u8) -> Vec<Failing> {
    let tasks = [0; 3].map(|_| task_in(bench, shard));
    let mut all = Vec::new();
    for (place, since) in [4, 0, 8, 2, 6, 1, 7, 3, 5].into_iter().enumerate() {
        let id = format!("config {}", 9 - place);
        all.push(put_failing(bench, &tasks[place % 3], &id, 1_000 + since).await);
    }
    all.sort();
    all
}

/// The id of a failing config.
fn id_of(one: &Failing) -> String {
    let ids = (1..=9).map(|number| format!("config {number}"));
    ids.into_iter().find(|id| registration(id) == one.registration).expect("one of the nine")
}

pub(crate) async fn of_nothing_is_empty(bench: Bench) {
    let place = Failing {
        since: Timestamp::from_millis(5),
        task: task_in(&bench, 0),
        registration: registration("config"),
    };
    for shard in 0..DUE_SHARDS {
        for limit in [1, 100] {
            assert_eq!(bench.failing(shard, None, limit).await, []);
        }
    }
    assert_eq!(bench.failing(0, Some(&place), 10).await, []);
}

pub(crate) async fn shows_only_those_in_trouble(bench: Bench) {
    let task = bench.submit().await;
    let mut expected = Vec::new();
    for number in 0..10 {
        bench.put_config(task.key(), &config(&format!("fine {number}"), "one")).await;
        let id = format!("failing {number}");
        expected.push(put_failing(&bench, task.key(), &id, 1_000 + number).await);
    }
    assert_eq!(bench.all_failing().await, expected);
}

pub(crate) async fn shows_each_in_its_tasks_shard_only(bench: Bench) {
    for number in 0..40 {
        let task = bench.submission().key;
        put_failing(&bench, &task, "config", 1_000 + number).await;
    }
    for shard in 0..DUE_SHARDS {
        put_failing(&bench, &task_in(&bench, shard), "config", 1_000).await;
        let found = bench.failing_in_pages(shard, MANY).await;
        assert!(!found.is_empty(), "nothing in shard {shard}");
        assert!(found.iter().all(|failing| due_shard(&failing.task) == shard), "of {shard}");
    }
    assert_eq!(bench.all_failing().await.len(), 40 + usize::from(DUE_SHARDS));
}

pub(crate) async fn begins_with_the_oldest_trouble(bench: Bench) {
    let all = nine_of(&bench, 3).await;
    assert_eq!(bench.failing(3, None, MANY).await, all);
    for limit in 1..=10 {
        assert_eq!(bench.failing(3, None, limit).await, all[..limit.min(9)], "at most {limit}");
    }
}

pub(crate) async fn in_pages_of_any_size_shows_each_once(bench: Bench) {
    let all = nine_of(&bench, 6).await;
    for limit in [1, 2, 4, 9, 10] {
        assert_eq!(bench.failing_in_pages(6, limit).await, all, "by {limit}");
    }
    for (place, after) in all.iter().enumerate() {
        assert_eq!(bench.failing(6, Some(after), MANY).await, all[place + 1..], "behind {after:?}");
    }
}

/// The store chooses the order of equal times.
pub(crate) async fn in_pages_shows_each_of_the_same_time_once(bench: Bench) {
    let tasks = [0; 3].map(|_| task_in(&bench, 4));
    let mut expected = vec![put_failing(&bench, &tasks[1], "before", 999).await];
    for task in &tasks {
        for id in ["a", "b", "A", "é"] {
            expected.push(put_failing(&bench, task, id, 1_000).await);
        }
    }
    expected.push(put_failing(&bench, &tasks[1], "after", 1_001).await);
    expected.sort();
    for limit in [1, 2, 3, 5, 14, 15] {
        let mut found = bench.failing_in_pages(4, limit).await;
        assert!(found.is_sorted_by_key(|failing| failing.since), "by {limit}");
        found.sort();
        assert_eq!(found, expected, "by {limit}");
    }
}

pub(crate) async fn goes_on_from_one_that_is_not_there_any_more(bench: Bench) {
    let all = nine_of(&bench, 2).await;
    // One is deleted, one recovers, one is created again, and one fails again.
    bench.configs().delete(&all[2].task, &all[2].registration).await.expect("delete");
    let failing = failing_config(&id_of(&all[3]), all[3].since.as_millis());
    let fine = PushConfig { write: WriteId::new("fine"), ..config(&id_of(&all[3]), "one") };
    assert!(bench.advance_config(&all[3].task, &failing.write, &fine).await);
    bench.put_config(&all[4].task, &config(&id_of(&all[4]), "one")).await;
    put_failing(&bench, &all[5].task, &id_of(&all[5]), 5).await;
    for gone in 2..=5 {
        assert_eq!(bench.failing(2, Some(&all[gone]), MANY).await, all[6..], "behind {gone}");
        assert_eq!(bench.failing(2, Some(&all[gone]), 1).await, all[6..7], "behind {gone}");
    }
    bench.configs().delete(&all[8].task, &all[8].registration).await.expect("delete");
    assert_eq!(bench.failing(2, Some(&all[8]), MANY).await, []);
}

pub(crate) async fn forgets_recovered_configs(bench: Bench) {
    let task = bench.submit().await;
    let fine = |id: &str| PushConfig { write: WriteId::new("fine"), ..config(id, "one") };
    let mut expected = Vec::new();
    for (since, id) in (1_000..).zip(["advanced", "deleted", "put", "stays"]) {
        expected.push(put_failing(&bench, task.key(), id, since).await);
    }
    assert_eq!(bench.all_failing().await, expected);
    let before = failing_config("advanced", 1_000).write;
    assert!(bench.advance_config(task.key(), &before, &fine("advanced")).await);
    assert_eq!(bench.all_failing().await, expected[1..]);
    bench.delete_config(task.key(), "deleted").await;
    assert_eq!(bench.all_failing().await, expected[2..]);
    bench.put_config(task.key(), &fine("put")).await;
    assert_eq!(bench.all_failing().await, expected[3..]);
    // The trouble may begin again.
    let again = PushConfig { write: WriteId::new("again"), ..failing_config("advanced", 2_000) };
    assert!(bench.advance_config(task.key(), &WriteId::new("fine"), &again).await);
    let again = failing_of(task.key(), &again).expect("it is in trouble");
    assert_eq!(bench.all_failing().await, [expected[3].clone(), again]);
}

/// A config appears once, however long its trouble lasts, at the beginning of its present trouble.
pub(crate) async fn shows_one_once(bench: Bench) {
    let (task, mut now) = bench.submit_with(config("config", "one")).await;
    for (since, failures) in [(1_000, 1), (1_000, 2), (1_000, 3), (500, 1), (2_000, 1)] {
        let trouble = Trouble { failures, ..trouble(since) };
        let write = WriteId::new(bench.fresh());
        let next = with_trouble(PushConfig { write, ..now.clone() }, Some(trouble));
        assert!(bench.advance_config(task.key(), &now.write, &next).await);
        now = next;
        let expected = failing_of(task.key(), &now).expect("it is in trouble");
        assert_eq!(bench.all_failing().await, [expected]);
    }
}

/// Operators must find disabled configs, too.
pub(crate) async fn shows_disabled_ones(bench: Bench) {
    let task = bench.submit().await;
    let disabled = Trouble { next: None, ..trouble(1_000) };
    let now = with_trouble(config("config", "one"), Some(disabled.clone()));
    assert!(now.delivery.is_disabled());
    bench.put_config(task.key(), &now).await;
    let failing = put_failing(&bench, task.key(), "failing", 1_001).await;
    let expected = failing_of(task.key(), &now).expect("it is in trouble");
    assert_eq!(bench.all_failing().await, [expected.clone(), failing.clone()]);
    // One advance disables the config, and another enables it.
    let next = Trouble { next: None, ..trouble(1_001) };
    let write = WriteId::new("disabled");
    let next = with_trouble(PushConfig { write, ..config("failing", "one") }, Some(next));
    let before = failing_config("failing", 1_001).write;
    assert!(bench.advance_config(task.key(), &before, &next).await);
    assert_eq!(bench.all_failing().await, [expected, failing.clone()]);
    let on = PushConfig { write: WriteId::new("on"), ..config("config", "one") };
    assert!(bench.advance_config(task.key(), &now.write, &on).await);
    assert_eq!(bench.all_failing().await, [failing]);
}

/// Due tasks and failing configs may share an index, but neither may appear as the other.
pub(crate) async fn is_kept_apart_from_due_tasks(bench: Bench) {
    let mut task = bench.submit_this(bench.submission_in_shard(5)).await;
    let at = task.head().due.expect("it is due");
    let due = bench.due_in_pages(5, MANY).await;
    assert_eq!(due.len(), 1);
    assert_eq!(bench.all_failing().await, []);
    let mut failing = Vec::new();
    for (number, since) in [-1, 0, 1].into_iter().enumerate() {
        let since = at.as_millis() + since;
        failing.push(put_failing(&bench, task.key(), &number.to_string(), since).await);
    }
    for limit in [1, 2, 10] {
        assert_eq!(bench.due_in_pages(5, limit).await, due, "by {limit}");
        assert_eq!(bench.failing_in_pages(5, limit).await, failing, "by {limit}");
    }
    assert_eq!(bench.all_due(Timestamp::MAX).await, due);
    assert_eq!(bench.due(5, at, 10).await, due);
    // The task has ended, and its configs still fail.
    task.apply(Command::Cancel).await;
    assert_eq!(bench.all_due(Timestamp::MAX).await, []);
    assert_eq!(bench.all_failing().await, failing);
    task.verify().await;
}

pub(crate) async fn shows_those_of_any_task_and_id(bench: Bench) {
    let mut expected = Vec::new();
    for task in confusable().chain([key("acme", &"t#".repeat(100))]) {
        expected.push(put_failing(&bench, &task, "config", 1_000).await);
    }
    let longest = "i".repeat(256);
    for id in ODD_IDS.iter().copied().chain([longest.as_str()]) {
        expected.push(put_failing(&bench, &key("a", "odd"), id, 1_000).await);
    }
    expected.sort();
    assert_eq!(bench.all_failing().await, expected);
    for shard in 0..DUE_SHARDS {
        let mut found = bench.failing_in_pages(shard, 3).await;
        found.sort();
        let own = expected.iter().filter(|failing| due_shard(&failing.task) == shard);
        assert_eq!(found, own.cloned().collect::<Vec<_>>(), "in shard {shard}");
    }
}

pub(crate) async fn shows_those_of_any_time(bench: Bench) {
    let task = bench.submit().await;
    let mut expected = Vec::new();
    let times = [Timestamp::MIN.as_millis(), -10, -9, 0, 9, 10, Timestamp::MAX.as_millis()];
    for (number, since) in times.into_iter().enumerate() {
        let id = format!("config {}", times.len() - number);
        expected.push(put_failing(&bench, task.key(), &id, since).await);
    }
    for limit in [1, 3, 10] {
        let found = bench.failing_in_pages(due_shard(task.key()), limit).await;
        assert_eq!(found, expected, "by {limit}");
    }
}
