//! The due index: every task that is due by a time.

use std::time::Duration;

use a2a_lambda_core::TaskKey;

use a2a_lambda_core::machine::{Command, Finish, Submission};
use a2a_lambda_core::store::{Committed, DueTask};
use a2a_lambda_protocol::Timestamp;

use crate::bench::{Bench, LEASE, SIGNAL_GRACE, key};
use crate::content::{agent_message, chunk};
use crate::tracked::Tracked;

const MANY: usize = 1_000;

/// The index's entry for a task, however late it is.
async fn due_of(bench: &Bench, key: &TaskKey) -> Option<Timestamp> {
    let all = bench.all_due(Timestamp::MAX).await;
    let mut of_task = all.into_iter().filter(|due| due.key == *key);
    let due = of_task.next().map(|due| due.due);
    assert_eq!(of_task.next(), None, "a task is due once");
    due
}

async fn assert_indexed(bench: &Bench, task: &Tracked) {
    assert_eq!(due_of(bench, task.key()).await, task.head().due);
}

pub(crate) async fn an_empty_store_has_nothing_due(bench: Bench) {
    assert!(bench.all_due(Timestamp::MAX).await.is_empty());
}

pub(crate) async fn a_task_is_in_its_own_shard_only(bench: Bench) {
    let shards = bench.store().due_shards();
    let mut expected = vec![0; shards.all().count()];
    for _ in 0..40 {
        let task = bench.submit().await;
        expected[usize::from(shards.of(task.key()))] += 1;
    }
    for shard in shards.all() {
        let due = bench.due(shard, Timestamp::MAX, MANY).await;
        assert!(due.iter().all(|due| shards.of(&due.key) == shard), "of shard {shard}");
        assert_eq!(due.len(), expected[usize::from(shard)], "in shard {shard}");
    }
}

pub(crate) async fn a_task_is_found_from_its_time_on(bench: Bench) {
    let task = bench.submit().await;
    let due = task.head().due.expect("a signal is under way");
    let shard = bench.store().due_shards().of(task.key());
    let found = [DueTask { key: task.key().clone(), due }];
    let before = Timestamp::from_millis(due.as_millis() - 1);
    assert_eq!(bench.due(shard, before, MANY).await, []);
    assert_eq!(bench.due(shard, due, MANY).await, found, "at its time");
    let after = Timestamp::from_millis(due.as_millis() + 1);
    assert_eq!(bench.due(shard, after, MANY).await, found);
    assert_eq!(bench.due(shard, Timestamp::MAX, MANY).await, found);
}

/// Nine tasks of one shard, created in another order than that of their due times.
async fn nine_of_a_shard(bench: &Bench, shard: u8) -> Vec<DueTask> {
    let start = bench.now();
    let mut all = Vec::new();
    for place in [4, 0, 8, 2, 6, 1, 7, 3, 5] {
        let wake_at = start.saturating_add(Duration::from_secs(10 + place));
        let mut task = bench.submit_this(bench.submission_in_shard(shard)).await;
        task.claim().await;
        task.park_until(wake_at).await;
        // A park keeps an earlier due time. The sweep that comes too early moves it.
        let postponed = task.base.head.postpone(&bench.stamp());
        task.commit(&postponed).await;
        let due = task.head().due.expect("a wake time");
        assert_eq!(due, wake_at.saturating_add(SIGNAL_GRACE));
        all.push(DueTask { key: task.key().clone(), due });
    }
    all.sort_by_key(|task| task.due);
    all
}

pub(crate) async fn the_earliest_come_first(bench: Bench) {
    let all = nine_of_a_shard(&bench, 3).await;
    assert_eq!(bench.due(3, Timestamp::MAX, MANY).await, all);
    assert_eq!(bench.due(3, all[4].due, MANY).await, all[..5]);
}

pub(crate) async fn a_limit_cuts_off_the_latest(bench: Bench) {
    let all = nine_of_a_shard(&bench, 5).await;
    for limit in [1, 2, 8, 9, 10] {
        let found = bench.due(5, Timestamp::MAX, limit).await;
        assert_eq!(found, all[..limit.min(all.len())], "at most {limit}");
    }
}

pub(crate) async fn pages_of_any_size_show_each_task_once(bench: Bench) {
    let all = nine_of_a_shard(&bench, 6).await;
    for limit in [1, 2, 4, 9, 10] {
        assert_eq!(bench.due_in_pages(6, limit).await, all, "by {limit}");
    }
}

pub(crate) async fn a_task_that_was_moved_is_still_a_place_to_go_on_from(bench: Bench) {
    let all = nine_of_a_shard(&bench, 2).await;
    let place = all[3].clone();
    let base = bench.read(&place.key).await;
    let canceled = base.head.apply(Command::Cancel, &bench.stamp()).expect("a cancel");
    assert!(matches!(bench.commit(&base, &canceled).await, Committed::Done(_)));
    assert_eq!(bench.due_after(2, &place, MANY).await, all[4..]);
    assert_eq!(bench.due_after(2, &all[8], MANY).await, []);
}

pub(crate) async fn tasks_due_at_the_same_time_are_each_on_one_page(bench: Bench) {
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(bench.submit_this(bench.submission_in_shard(4)).await.id());
    }
    for limit in [1, 2, 5] {
        let found = bench.due_in_pages(4, limit).await;
        let mut found: Vec<_> = found.iter().map(|due| due.key.task.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "by {limit}");
    }
}

pub(crate) async fn tasks_due_at_the_same_time_are_all_found(bench: Bench) {
    let mut expected = Vec::new();
    for _ in 0..5 {
        let task = bench.submit_this(bench.submission_in_shard(1)).await;
        expected.push(task.id());
    }
    let mut found: Vec<String> = bench
        .due(1, Timestamp::MAX, MANY)
        .await
        .into_iter()
        .map(|due| due.key.task.as_str().to_owned())
        .collect();
    found.sort();
    assert_eq!(found, expected);
}

pub(crate) async fn every_tenants_tasks_are_found(bench: Bench) {
    let mut expected = Vec::new();
    for tenant in ["", "acme", "acme-1"] {
        let submission = Submission { key: key(tenant, "same"), ..bench.submission() };
        expected.push(bench.submit_this(submission).await.key().clone());
    }
    let due = bench.all_due(Timestamp::MAX).await;
    let mut found: Vec<TaskKey> = due.into_iter().map(|due| due.key).collect();
    found.sort();
    assert_eq!(found, expected);
}

pub(crate) async fn a_task_that_is_over_is_not_due(bench: Bench) {
    let message = || Some(agent_message("m", "the end"));
    for ending in [
        Finish::Completed(message()),
        Finish::Failed(message()),
        Finish::Rejected(message()),
        Finish::Direct(agent_message("m", "hello yourself")),
    ] {
        let mut task = bench.claimed().await;
        task.finish(ending).await;
        assert_eq!(due_of(&bench, task.key()).await, None, "{}", task.head().phase.name());
    }
    let mut task = bench.submit().await;
    task.apply(Command::Cancel).await;
    assert_eq!(due_of(&bench, task.key()).await, None, "canceled");
}

pub(crate) async fn a_task_that_waits_for_its_user_is_not_due(bench: Bench) {
    let mut task = bench.claimed().await;
    task.ask().await;
    assert_eq!(due_of(&bench, task.key()).await, None);
    bench.tick();
    task.message("this one").await;
    assert!(task.head().due.is_some());
    assert_indexed(&bench, &task).await;
}

pub(crate) async fn a_moved_time_is_found_where_it_is_now_only(bench: Bench) {
    let mut task = bench.submit().await;
    let old = task.head().due.expect("due");
    bench.advance(SIGNAL_GRACE);
    task.apply(Command::Look).await;
    let new = task.head().due.expect("due");
    assert!(new > old);
    let shard = bench.store().due_shards().of(task.key());
    let before = Timestamp::from_millis(new.as_millis() - 1);
    assert_eq!(bench.due(shard, before, MANY).await, [], "at the old time");
    assert_indexed(&bench, &task).await;
}

/// The index agrees with the head throughout a task's life.
pub(crate) async fn the_index_follows_the_head(bench: Bench) {
    let mut task = bench.submit().await;
    assert_indexed(&bench, &task).await;
    task.claim().await;
    assert_indexed(&bench, &task).await;
    bench.tick();
    task.emit(vec![chunk("shown")]).await;
    task.renew(LEASE * 2).await;
    assert_indexed(&bench, &task).await;
    bench.advance(LEASE * 2);
    task.refresh().await;
    task.apply(Command::Look).await;
    assert_indexed(&bench, &task).await;
    task.claim().await;
    task.park_until(bench.now().saturating_add(Duration::from_hours(1))).await;
    assert_indexed(&bench, &task).await;
    let postponed = task.base.head.postpone(&bench.stamp());
    task.commit(&postponed).await;
    assert_indexed(&bench, &task).await;
    task.message("wake up").await;
    assert_indexed(&bench, &task).await;
    task.complete().await;
    assert_indexed(&bench, &task).await;
}

/// A task that has ended or waits for its user is also due while it has open pushes.
pub(crate) async fn a_task_at_rest_is_due_for_its_pushes(bench: Bench) {
    for is_over in [false, true] {
        let mut task = bench.submit_pushed(None).await;
        task.claim().await;
        if is_over {
            task.finish(Finish::Completed(None)).await;
        } else {
            task.ask().await;
        }
        assert!(task.head().rests() && task.head().due.is_some());
        assert_indexed(&bench, &task).await;
        task.claim_push().await;
        assert!(task.head().due > Some(bench.now()), "somebody is at it, and may die");
        assert_indexed(&bench, &task).await;
        let next = bench.now().saturating_add(Duration::from_hours(1));
        bench.advance(SIGNAL_GRACE * 2);
        task.claim_push().await;
        task.settle_push(Some(next)).await;
        assert!(task.head().due.is_some());
        assert_indexed(&bench, &task).await;
        bench.advance(Duration::from_hours(1));
        task.claim_push().await;
        task.settle_push(None).await;
        assert_eq!(task.head().due, None, "all is sent");
        assert_indexed(&bench, &task).await;
        task.register("second").await;
        assert!(task.head().due.is_some());
        assert_indexed(&bench, &task).await;
    }
}

/// An open task is due for its run and its pushes, but appears once.
pub(crate) async fn the_index_follows_the_mark(bench: Bench) {
    let held = bench.now().saturating_add(LEASE * 10);
    let mut task = bench.submit_pushed(Some(held)).await;
    assert_indexed(&bench, &task).await;
    task.claim().await;
    assert_indexed(&bench, &task).await;
    task.emit(vec![chunk("shown")]).await;
    assert_indexed(&bench, &task).await;
    let wake_at = bench.now().saturating_add(Duration::from_hours(1));
    task.park_until(wake_at).await;
    assert_indexed(&bench, &task).await;
    task.claim_push().await;
    assert_indexed(&bench, &task).await;
    task.settle_push(Some(bench.now().saturating_add(LEASE))).await;
    let postponed = task.base.head.postpone(&bench.stamp());
    task.commit(&postponed).await;
    assert!(task.head().due < Some(wake_at), "for its pushes");
    assert_indexed(&bench, &task).await;
    bench.advance(LEASE);
    task.claim_push().await;
    task.settle_push(None).await;
    let postponed = task.base.head.postpone(&bench.stamp());
    task.commit(&postponed).await;
    assert!(task.head().due > Some(wake_at), "for its own sake");
    assert_indexed(&bench, &task).await;
    task.apply(Command::Cancel).await;
    assert!(task.head().due.is_some(), "that it is over is news");
    assert_indexed(&bench, &task).await;
    task.claim_push().await;
    task.settle_push(None).await;
    assert_indexed(&bench, &task).await;
}

pub(crate) async fn the_end_of_time_is_a_time(bench: Bench) {
    let mut task = bench.claimed().await;
    task.park_until(Timestamp::MAX).await;
    let postponed = task.base.head.postpone(&bench.stamp());
    task.commit(&postponed).await;
    assert_eq!(due_of(&bench, task.key()).await, Some(Timestamp::MAX));
    let shard = bench.store().due_shards().of(task.key());
    let before = Timestamp::from_millis(Timestamp::MAX.as_millis() - 1);
    assert_eq!(bench.due(shard, before, MANY).await, []);
}
