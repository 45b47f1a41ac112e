//! Expired tasks: listings skip them, later tasks of the same id replace them, and the store
//! deletes their items.

use std::time::Duration;

use a2a_lambda_core::head::Head;
use a2a_lambda_core::ids::Registration;
use a2a_lambda_core::machine::{Command, Finish, NewPush, Submission};
use a2a_lambda_core::store::{Committed, Created, Depth, ListQuery, Renewed};
use a2a_lambda_core::{Change, Position, PushConfig, Snapshot, TaskKey};
use a2a_lambda_protocol::{TaskState, Timestamp};

use crate::bench::{Bench, KEPT, alices, check_created, context, guard, ids};
use crate::configs::{bare_config, config_id, trouble, with_trouble};
use crate::content::{chunk, chunk_of};
use crate::tracked::{Tracked, claim, decide};

/// Adds entries that a store is likely to store beside the head, and others that it is not.
async fn grow(task: &mut Tracked, label: &str) {
    for number in 0..4 {
        let label = format!("{label} {number}");
        let updates = vec![chunk_of(1_500, &label), chunk("small"), chunk_of(3_000, &label)];
        task.emit(updates).await;
        task.emit(vec![chunk_of(900, &label)]).await;
    }
}

/// An ended task with a long log.
async fn large(bench: &Bench, submission: Submission) -> Tracked {
    let mut task = bench.submit_this(submission).await;
    task.claim().await;
    grow(&mut task, "earlier").await;
    task.finish(Finish::Completed(None)).await;
    task
}

/// A new task of the same id and owner.
fn later(bench: &Bench, expired: &Head) -> Change {
    let submission = Submission { key: expired.key.clone(), ..bench.submission() };
    bench.decide_submit(submission).in_place_of(expired)
}

pub(super) async fn replaced(bench: &Bench, expired: &Head) -> Tracked {
    let change = later(bench, expired);
    let created = check_created(&change, bench.replace(expired, &change).await);
    Tracked::created(bench.clone(), &change, created).await
}

async fn config(bench: &Bench, task: &TaskKey, id: &str, created_at: Timestamp) -> PushConfig {
    let config = PushConfig {
        registration: Registration::new(&config_id(id), &bench.fresh()),
        created_at,
        ..bare_config(id)
    };
    bench.put_config(task, &config).await;
    config
}

async fn is_there(bench: &Bench, task: &TaskKey, config: &PushConfig) -> bool {
    let of = std::slice::from_ref(&config.registration);
    !bench.configs().get(task, of).await.expect("get").is_empty()
}

async fn due_of(bench: &Bench, key: &TaskKey) -> Option<Timestamp> {
    let all = bench.all_due(Timestamp::MAX).await;
    all.into_iter().find(|due| due.key == *key).map(|due| due.due)
}

pub(crate) async fn a_small_task_that_is_over_has_a_time_to_live(bench: Bench) {
    let bench = bench.where_tasks_expire();
    let mut task = bench.submit().await;
    task.complete().await;
    let expires = bench.now().saturating_add(KEPT);
    assert!(task.head().ttl.is_some_and(|ttl| ttl >= expires), "{:?}", task.head().ttl);
    task.verify().await;
    assert_eq!(due_of(&bench, task.key()).await, None, "nobody needs to look at it");
}

pub(crate) async fn a_larger_task_that_is_over_is_due_at_its_time(bench: Bench) {
    let bench = bench.where_tasks_expire();
    let task = large(&bench, bench.submission()).await;
    assert_eq!(task.head().ttl, None, "the rest of it would be left");
    let due = due_of(&bench, task.key()).await.expect("somebody must delete it");
    assert!(due >= bench.now().saturating_add(KEPT));
    task.verify().await;
}

pub(crate) async fn a_task_that_waits_for_its_user_is_due_at_its_time(bench: Bench) {
    let bench = bench.where_tasks_expire();
    let mut task = bench.claimed().await;
    task.ask().await;
    let due = due_of(&bench, task.key()).await;
    assert_eq!(due, Some(bench.now().saturating_add(KEPT)));
    bench.advance(KEPT);
    task.apply(Command::Look).await;
    task.verify().await;
    assert_eq!(task.head().state(), TaskState::Canceled);
}

/// Tasks of every state, some changed before a time and some after it.
async fn old_and_new(bench: &Bench) -> (Vec<Tracked>, Timestamp) {
    let mut tasks = Vec::new();
    let mut middle = bench.now();
    for round in 0..2 {
        for number in 0..6 {
            let name = context(if number % 2 == 0 { "even" } else { "odd" });
            let submission = Submission { context: name, ..bench.submission() };
            let mut task = bench.submit_this(submission).await;
            match number {
                0 | 1 => task.complete().await,
                2 => task.apply(Command::Cancel).await,
                3 => {
                    task.claim().await;
                    task.ask().await;
                }
                4 => task.claim().await,
                _ => {}
            }
            bench.tick();
            tasks.push(task);
        }
        if round == 0 {
            // The newest of them has ended, too.
            let mut last = bench.submit().await;
            last.complete().await;
            middle = last.head().status_at;
            tasks.push(last);
            bench.tick();
        }
    }
    (tasks, middle)
}

fn is_shown(head: &Head, query: &ListQuery) -> bool {
    let is_kept = |after| !head.is_terminal() || head.status_at > after;
    query.ended_after.is_none_or(is_kept)
        && query.context.as_ref().is_none_or(|context| *context == head.context)
        && query.state.is_none_or(|state| state == head.listed_state())
        && query.status_since.is_none_or(|since| head.listed_at() >= since)
}

fn expected(tasks: &[Tracked], query: &ListQuery) -> Vec<String> {
    let mut heads: Vec<&Head> = tasks.iter().map(Tracked::head).collect();
    heads.retain(|head| is_shown(head, query));
    heads.sort_by_key(|head| std::cmp::Reverse((head.listed_at(), head.key.task.clone())));
    heads.into_iter().map(|head| head.key.task.to_string()).collect()
}

fn queries(middle: Timestamp) -> Vec<ListQuery> {
    let before = middle.saturating_sub(Duration::from_millis(3));
    let behind = middle.saturating_add(Duration::from_millis(3));
    let mut queries = Vec::new();
    for ended_after in [Timestamp::MIN, before, middle, behind, Timestamp::MAX] {
        for status_since in [None, Some(before), Some(middle), Some(behind)] {
            for state in [
                None,
                Some(TaskState::Completed),
                Some(TaskState::Canceled),
                Some(TaskState::InputRequired),
                Some(TaskState::Submitted),
            ] {
                let ended_after = Some(ended_after);
                queries.push(ListQuery { ended_after, status_since, state, ..alices() });
            }
        }
    }
    queries
}

pub(crate) async fn an_expired_task_is_not_listed(bench: Bench) {
    let (tasks, middle) = old_and_new(&bench).await;
    for query in queries(middle) {
        for context in [None, Some(context("even"))] {
            let query = ListQuery { context, count: true, ..query.clone() };
            let expected = expected(&tasks, &query);
            let page = bench.page(&query).await;
            assert_eq!(ids(&page.tasks), expected, "{query:?}");
            assert_eq!(page.total, Some(expected.len() as u64), "{query:?}");
        }
    }
}

pub(crate) async fn pages_skip_expired_tasks(bench: Bench) {
    let (tasks, middle) = old_and_new(&bench).await;
    for query in queries(middle) {
        for limit in [1, 3] {
            let query = ListQuery { limit, ..query.clone() };
            assert_eq!(bench.list_ids(&query).await, expected(&tasks, &query), "{query:?}");
        }
    }
}

pub(crate) async fn a_deleted_task_is_not_listed(bench: Bench) {
    let mut task = bench.submit().await;
    let other = bench.submit().await;
    task.complete().await;
    bench.advance(Duration::from_mins(1));
    task.apply(Command::Delete).await;
    task.verify().await;
    let page = bench.page(&ListQuery { count: true, ..alices() }).await;
    assert_eq!((ids(&page.tasks), page.total), (vec![other.id()], Some(1)));
    assert_eq!(due_of(&bench, task.key()).await, Some(bench.now()), "somebody must delete it");
}

pub(crate) async fn a_later_task_takes_the_place_of_an_expired_one(bench: Bench) {
    let bench = bench.where_tasks_expire();
    let mut first = bench.submit().await;
    first.complete().await;
    bench.advance(KEPT);
    let mut second = replaced(&bench, first.head()).await;
    second.verify().await;
    assert_ne!(second.head().incarnation, first.head().incarnation);
    assert_eq!(bench.list_ids(&alices()).await, [second.id()]);
    assert_eq!(due_of(&bench, second.key()).await, second.head().due);
    second.complete().await;
    second.verify().await;
}

pub(crate) async fn a_later_task_takes_the_place_of_one_that_is_gone(bench: Bench) {
    let bench = bench.where_tasks_expire();
    let mut first = bench.submit().await;
    first.complete().await;
    assert!(bench.purge(first.head(), 100).await);
    replaced(&bench, first.head()).await.verify().await;
}

pub(crate) async fn a_task_that_has_changed_is_not_replaced(bench: Bench) {
    let mut first = bench.submit().await;
    first.complete().await;
    let stale = first.head().clone();
    first.register("config").await;
    let change = later(&bench, &stale);
    match bench.replace(&stale, &change).await {
        Created::Before(existing) => first.check(&existing),
        Created::Now(_) => panic!("a task that has changed was replaced"),
    }
    first.verify().await;
}

pub(crate) async fn the_same_replacement_twice_is_one(bench: Bench) {
    let first = large(&bench, bench.submission()).await;
    let change = later(&bench, first.head());
    check_created(&change, bench.replace(first.head(), &change).await);
    // The store knows its own write.
    let created = check_created(&change, bench.replace(first.head(), &change).await);
    let mut second = Tracked::created(bench.clone(), &change, created).await;
    second.claim().await;
    match bench.replace(first.head(), &change).await {
        Created::Before(existing) => second.check(&existing),
        Created::Now(_) => panic!("what has gone on since was replaced"),
    }
    second.verify().await;
}

pub(crate) async fn of_many_replacements_at_once_one_wins(bench: Bench) {
    let first = large(&bench, bench.submission()).await;
    let expired = first.head().clone();
    let attempts = (0..8).map(|_| {
        let (bench, expired) = (bench.clone(), expired.clone());
        let change = later(&bench, &expired);
        tokio::spawn(async move { (bench.replace(&expired, &change).await, change) })
    });
    let mut winners = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        let (outcome, change) = attempt.await.expect("no panic");
        if let Created::Now(created) = outcome {
            winners.push((change, *created));
        }
    }
    assert_eq!(winners.len(), 1, "one replaces it");
    let (change, created) = winners.remove(0);
    Tracked::created(bench.clone(), &change, created).await.verify().await;
}

/// Both logs have entries of the same lengths at the same positions. So an item that is named by
/// positions alone would look like a part of the later task.
pub(crate) async fn nothing_of_an_earlier_task_is_read(bench: Bench) {
    let first = large(&bench, bench.submission()).await;
    let mut second = replaced(&bench, first.head()).await;
    second.verify().await;
    second.claim().await;
    second.verify().await;
    for number in 0..4 {
        let label = format!("later {number}");
        second.emit(vec![chunk_of(1_500, &label), chunk("s"), chunk_of(3_000, &label)]).await;
        second.verify().await;
        second.emit(vec![chunk_of(900, &label)]).await;
        for known in 0..second.head().position.0 {
            second.verify_after(Position(known)).await;
        }
    }
    second.finish(Finish::Completed(None)).await;
    second.verify().await;
    // A third task comes after the remains of two.
    let mut third = replaced(&bench, second.head()).await;
    third.claim().await;
    grow(&mut third, "third").await;
    third.verify().await;
}

pub(crate) async fn a_writer_of_an_earlier_task_changes_nothing(bench: Bench) {
    let mut first = bench.claimed().await;
    let token = first.token.clone();
    let working = first.base.clone();
    let emit = decide(&bench, &working, first.emit_of(vec![chunk_of(5_000, "late")]));
    first.finish(Finish::Completed(None)).await;
    let register = {
        let registration = Registration::new(&config_id("late"), &bench.fresh());
        let push = NewPush { registration, most: 16 };
        decide(&bench, &first.base, Command::RegisterPush(push))
    };
    let (ended, expired) = (first.base.clone(), first.head().clone());
    let mut second = replaced(&bench, &expired).await;
    // The later task reaches each revision that the earlier one had.
    for _ in 0..3 {
        for (base, change) in [(&working, &emit), (&ended, &register)] {
            let outcome = bench.store().commit(base, guard(base, bench.now()), change).await;
            match outcome.expect("commit") {
                Committed::Lost(Some(current)) => second.check(&current),
                other => panic!("an earlier task was written over a later one: {other:?}"),
            }
        }
        let renewed = bench.store().renew(second.key(), &token, Timestamp::MAX).await;
        assert!(matches!(renewed.expect("renew"), Renewed::Lost(Some(_))));
        second.verify().await;
        if second.head().is_terminal() {
            return;
        }
        match second.head().state() {
            TaskState::Submitted => second.claim().await,
            _ => second.finish(Finish::Completed(None)).await,
        }
    }
}

/// Every kind of item that a store may have of a task: a long log, configs, some of them failing,
/// and the remains of lost races.
pub(super) async fn everything(bench: &Bench) -> (Tracked, Vec<PushConfig>) {
    let mut task = bench.submit().await;
    let made_at = bench.now();
    bench.advance(Duration::from_hours(2));
    let key = task.key().clone();
    let left = config(bench, &key, "left", made_at).await;
    let named = config(bench, &key, "named", bench.now()).await;
    let failing = config(bench, &key, "failing", bench.now()).await;
    let failing_now = with_trouble(failing.clone(), Some(trouble(1_000)));
    bench.put_config(&key, &failing_now).await;
    for config in [&named, &failing] {
        let registration = config.registration.clone();
        let push = NewPush { registration, most: 16 };
        task.apply(Command::RegisterPush(push)).await;
    }
    task.claim().await;
    let stale = task.base.clone();
    let late = decide(bench, &stale, task.emit_of(vec![chunk_of(9_000, "of a loser")]));
    grow(&mut task, "long").await;
    let lost = bench.store().commit(&stale, guard(&stale, bench.now()), &late).await;
    assert!(matches!(lost.expect("commit"), Committed::Lost(Some(_))));
    task.finish(Finish::Completed(None)).await;
    (task, vec![left, named, failing])
}

async fn check_gone(bench: &Bench, task: &Tracked, configs: &[PushConfig]) {
    for depth in [Depth::Tail, Depth::Full, Depth::After(Position(1))] {
        let read: Option<Snapshot> = bench.try_read(task.key(), depth).await;
        assert!(read.is_none(), "it is read at {depth:?}");
    }
    for config in configs {
        assert!(!is_there(bench, task.key(), config).await, "{}", config.id);
    }
    assert_eq!(due_of(bench, task.key()).await, None);
    assert!(bench.all_failing().await.iter().all(|failing| failing.task != *task.key()));
    assert!(!bench.list_ids(&alices()).await.contains(&task.id()));
}

pub(crate) async fn a_purge_leaves_nothing(bench: Bench) {
    let (task, configs) = everything(&bench).await;
    assert!(bench.purge(task.head(), 1_000).await, "a thousand items are more than it has");
    check_gone(&bench, &task, &configs).await;
    assert!(bench.purge(task.head(), 1_000).await, "again");
    check_gone(&bench, &task, &configs).await;
    // The id is free.
    let again = Submission { key: task.key().clone(), ..bench.submission() };
    bench.submit_this(again).await.verify().await;
}

pub(crate) async fn a_purge_is_made_in_pages(bench: Bench) {
    let (task, configs) = everything(&bench).await;
    let mut pages = 1;
    while !bench.purge(task.head(), 1).await {
        pages += 1;
        // The head goes last, so that an interrupted purge leaves a task that can be found again.
        assert!(bench.try_read(task.key(), Depth::Tail).await.is_some());
        assert!(pages < 1_000, "it comes to no end");
    }
    assert!(pages >= configs.len(), "{pages} pages");
    check_gone(&bench, &task, &configs).await;
}

pub(crate) async fn a_purge_of_a_task_that_has_changed_leaves_it(bench: Bench) {
    let mut task = bench.submit().await;
    task.complete().await;
    let stale = task.head().clone();
    task.register("config").await;
    bench.purge(&stale, 100).await;
    task.verify().await;
}

pub(crate) async fn a_purge_of_an_earlier_task_leaves_the_later_one(bench: Bench) {
    let (first, _) = everything(&bench).await;
    bench.advance(KEPT);
    let mut second = replaced(&bench, first.head()).await;
    let named = config(&bench, second.key(), "named", bench.now()).await;
    let registration = named.registration.clone();
    let push = NewPush { registration, most: 16 };
    second.apply(Command::RegisterPush(push)).await;
    second.claim().await;
    grow(&mut second, "later").await;
    bench.purge(first.head(), 1_000).await;
    second.verify().await;
    assert!(is_there(&bench, second.key(), &named).await);
    // Even if both tasks have reached the same revision.
    let stale = Head { revision: second.head().revision, ..first.head().clone() };
    bench.purge(&stale, 1_000).await;
    second.verify().await;
}

/// A request stores its config and large entries before the task that it creates.
pub(crate) async fn a_purge_leaves_configs_of_a_later_task(bench: Bench) {
    let (first, _) = everything(&bench).await;
    bench.advance(KEPT);
    let offered = config(&bench, first.key(), "offered", bench.now()).await;
    assert!(bench.purge(first.head(), 1_000).await);
    assert!(is_there(&bench, first.key(), &offered).await, "it may be about to be named");
}

pub(crate) async fn a_purge_deletes_the_remains_of_others(bench: Bench) {
    let (first, configs) = everything(&bench).await;
    bench.advance(KEPT);
    let mut second = replaced(&bench, first.head()).await;
    assert!(second.head().has_leftovers, "what is left of the first must go some day");
    bench.advance(KEPT);
    second.complete().await;
    assert!(bench.purge(second.head(), 1_000).await);
    check_gone(&bench, &second, &configs).await;
}

pub(crate) async fn other_tasks_stay_as_they_are(bench: Bench) {
    let (task, _) = everything(&bench).await;
    let (other, configs) = everything(&bench).await;
    let namesake = TaskKey { tenant: crate::bench::tenant("acme"), task: task.key().task.clone() };
    let namesake = large(&bench, Submission { key: namesake, ..bench.submission() }).await;
    assert!(bench.purge(task.head(), 1_000).await);
    other.verify().await;
    namesake.verify().await;
    for config in &configs {
        assert!(is_there(&bench, other.key(), config).await, "{}", config.id);
    }
    let token = bench.fresh_token();
    let refused = other.head().apply(claim(&token), &bench.stamp());
    assert!(refused.is_err());
}
