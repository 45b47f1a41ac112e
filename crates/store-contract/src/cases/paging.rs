//! Paging through a listing.

use a2a_lambda_core::machine::Command;
use a2a_lambda_core::store::{Cursor, ListQuery};
use a2a_lambda_protocol::TaskState;

use super::list::{newest_first, submit_many};
use crate::bench::{Bench, alices, cursor, ids};
use crate::tracked::Tracked;

pub(crate) async fn pages_of_any_size_show_each_task_once(bench: Bench) {
    let tasks = submit_many(&bench, 7).await;
    for limit in [1, 2, 3, 6, 7, 8, 100] {
        let query = ListQuery { limit, ..alices() };
        assert_eq!(bench.list_ids(&query).await, newest_first(&tasks), "by {limit}");
    }
}

pub(crate) async fn tasks_of_one_millisecond_are_shown_once(bench: Bench) {
    let mut expected = Vec::new();
    for _ in 0..9 {
        expected.push(bench.submit().await.id());
    }
    expected.reverse();
    for limit in [1, 2, 4] {
        let query = ListQuery { limit, ..alices() };
        assert_eq!(bench.list_ids(&query).await, expected, "by {limit}");
    }
}

pub(crate) async fn many_tasks_are_shown_once(bench: Bench) {
    let tasks = submit_many(&bench, 130).await;
    for limit in [100, 49] {
        let query = ListQuery { limit, count: true, ..alices() };
        assert_eq!(bench.list_ids(&query).await, newest_first(&tasks), "by {limit}");
        assert_eq!(bench.page(&query).await.total, Some(130));
    }
}

pub(crate) async fn conditions_hold_on_every_page(bench: Bench) {
    let mut tasks = submit_many(&bench, 12).await;
    for task in tasks.iter_mut().step_by(3) {
        task.apply(Command::Cancel).await;
    }
    let open: Vec<String> =
        tasks.iter().rev().filter(|t| !t.head().is_terminal()).map(Tracked::id).collect();
    for limit in [1, 2, 3, 8] {
        let query = ListQuery { state: Some(TaskState::Submitted), limit, ..alices() };
        assert_eq!(bench.list_ids(&query).await, open, "by {limit}");
    }
}

pub(crate) async fn a_page_that_holds_all_has_no_next(bench: Bench) {
    let tasks = submit_many(&bench, 3).await;
    let page = bench.page(&ListQuery { limit: 4, ..alices() }).await;
    assert_eq!((ids(&page.tasks), page.next), (newest_first(&tasks), None));
}

pub(crate) async fn behind_the_last_task_is_nothing(bench: Bench) {
    let tasks = submit_many(&bench, 3).await;
    let after = Some(cursor(tasks[0].head()));
    let page = bench.page(&ListQuery { after, ..alices() }).await;
    assert_eq!((page.tasks, page.next), (vec![], None));
}

/// A cursor is a place and not a task. It stays valid when its task has moved away.
pub(crate) async fn any_place_can_be_begun_from(bench: Bench) {
    let mut tasks = submit_many(&bench, 4).await;
    let after = Some(cursor(tasks[2].head()));
    bench.tick();
    tasks[2].apply(Command::Cancel).await;
    let query = ListQuery { after, ..alices() };
    assert_eq!(bench.list_ids(&query).await, [tasks[1].id(), tasks[0].id()]);
    // Before and after all ids of a millisecond.
    let status_at = tasks[1].head().status_at;
    let from = |id: &str| {
        let task = a2a_lambda_core::TaskId::parse(id).expect("an id");
        ListQuery { after: Some(Cursor { status_at, task }), ..alices() }
    };
    assert_eq!(bench.list_ids(&from("~")).await, [tasks[1].id(), tasks[0].id()]);
    assert_eq!(bench.list_ids(&from("!")).await, [tasks[0].id()]);
}

/// A client may use a page token with other conditions than those of its first page.
pub(crate) async fn a_place_outside_of_the_time_asked_for_is_a_place(bench: Bench) {
    let tasks = submit_many(&bench, 4).await;
    let since = Some(tasks[2].head().status_at);
    let after = |place: usize| Some(cursor(tasks[place].head()));
    for (place, expected) in [(3, &tasks[2..3]), (2, &[]), (1, &[]), (0, &[])] {
        let query = ListQuery { after: after(place), status_since: since, count: true, ..alices() };
        let page = bench.page(&query).await;
        assert_eq!(ids(&page.tasks), newest_first(expected), "after {place}");
        assert_eq!((page.next, page.total), (None, Some(2)), "after {place}");
    }
}

pub(crate) async fn the_count_is_of_all_pages(bench: Bench) {
    let mut tasks = submit_many(&bench, 7).await;
    tasks[3].apply(Command::Cancel).await;
    for limit in [1, 3, 100] {
        for after in [None, Some(cursor(tasks[4].head()))] {
            let query = ListQuery { limit, after, count: true, ..alices() };
            assert_eq!(bench.page(&query).await.total, Some(7));
            let query = ListQuery { state: Some(TaskState::Submitted), ..query };
            assert_eq!(bench.page(&query).await.total, Some(6));
            let since = Some(tasks[2].head().status_at);
            let query = ListQuery { status_since: since, ..query };
            assert_eq!(bench.page(&query).await.total, Some(4));
        }
    }
}

pub(crate) async fn nothing_is_counted_unasked(bench: Bench) {
    submit_many(&bench, 3).await;
    for limit in [1, 100] {
        assert_eq!(bench.page(&ListQuery { limit, ..alices() }).await.total, None);
    }
}

/// While tasks change, a walk repeats none, and misses none that stays unchanged.
pub(crate) async fn changes_meanwhile_neither_repeat_nor_hide(bench: Bench) {
    for limit in [1, 2, 3] {
        let mut tasks = submit_many(&bench, 9).await;
        let mut query = ListQuery { limit, ..alices() };
        // Older tasks of the same owner, from earlier rounds, come after these.
        query.status_since = Some(tasks[0].head().status_at);
        let mut changing = [8, 2, 5, 0].into_iter();
        let mut changed = Vec::new();
        let mut seen = Vec::new();
        for _ in 0..100 {
            let page = bench.page(&query).await;
            seen.extend(ids(&page.tasks));
            bench.tick();
            if let Some(number) = changing.next() {
                let task: &mut Tracked = &mut tasks[number];
                task.apply(Command::Cancel).await;
                changed.push(task.id());
                bench.submit().await;
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "a task was shown twice: {seen:?}");
        for id in newest_first(&tasks).iter().filter(|id| !changed.contains(id)) {
            assert!(seen.contains(id), "{id} was missed: {seen:?}");
        }
    }
}
