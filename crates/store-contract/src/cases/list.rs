//! Listing: its contents and its order.

use std::time::Duration;

use a2a_lambda_core::ContextId;
use a2a_lambda_core::log::StatusChange;
use a2a_lambda_core::machine::{Command, Finish, Submission, Update};
use a2a_lambda_core::store::ListQuery;
use a2a_lambda_protocol::{TaskState, Timestamp};

use crate::bench::{Bench, LEASE, alices, context, key, outline, owner, tenant};
use crate::content::{agent_message, chunk, chunk_of, text_of, user_message};
use crate::tracked::Tracked;

/// Tasks of Alice's, one per millisecond, oldest first.
pub(super) async fn submit_many(bench: &Bench, count: usize) -> Vec<Tracked> {
    let mut tasks = Vec::with_capacity(count);
    for _ in 0..count {
        bench.tick();
        tasks.push(bench.submit().await);
    }
    tasks
}

pub(super) fn newest_first(tasks: &[Tracked]) -> Vec<String> {
    tasks.iter().rev().map(Tracked::id).collect()
}

pub(crate) async fn of_nothing_is_empty(bench: Bench) {
    let page = bench.page(&ListQuery { count: true, ..alices() }).await;
    assert_eq!((page.tasks, page.next, page.total), (vec![], None, Some(0)));
    bench.submit().await;
    let of_bob = ListQuery { owner: owner("bob"), count: true, ..alices() };
    let page = bench.page(&of_bob).await;
    assert_eq!((page.tasks, page.next, page.total), (vec![], None, Some(0)));
}

pub(crate) async fn the_newest_status_comes_first(bench: Bench) {
    let tasks = submit_many(&bench, 7).await;
    assert_eq!(bench.list_ids(&alices()).await, newest_first(&tasks));
}

pub(crate) async fn ties_are_in_descending_order_of_id(bench: Bench) {
    for id in ["b", "a", "B", "10", "9", "aa", "é"] {
        bench.submit_this(Submission { key: key("", id), ..bench.submission() }).await;
    }
    // The order is that of bytes.
    let order = ["é", "b", "aa", "a", "B", "9", "10"];
    assert_eq!(bench.list_ids(&alices()).await, order);
    let paged = ListQuery { limit: 2, ..alices() };
    assert_eq!(bench.list_ids(&paged).await, order);
}

pub(crate) async fn a_listed_task_is_shown_as_it_is(bench: Bench) {
    let mut tasks = submit_many(&bench, 3).await;
    tasks[0].claim().await;
    tasks[0].emit(vec![chunk("shown"), chunk_of(9_000, "large")]).await;
    tasks[0].renew(LEASE * 2).await;
    tasks[1].apply(Command::Cancel).await;
    let listed = bench.list(&alices()).await;
    assert_eq!(listed.len(), 3);
    for task in &tasks {
        let shown = listed.iter().find(|shown| shown.head.key == *task.key());
        task.check(shown.expect("listed"));
    }
}

pub(crate) async fn a_context_is_listed_alone(bench: Bench) {
    for (id, name) in [("1", "red"), ("2", "blue"), ("3", "red"), ("4", "re"), ("5", "red2")] {
        bench.tick();
        let (key, context) = (key("", id), context(name));
        bench.submit_this(Submission { key, context, ..bench.submission() }).await;
    }
    let of = |name| ListQuery { context: Some(context(name)), ..alices() };
    assert_eq!(bench.list_ids(&of("red")).await, ["3", "1"]);
    assert_eq!(bench.list_ids(&of("blue")).await, ["2"]);
    assert!(bench.list_ids(&of("green")).await.is_empty());
}

/// The store may find the first task of such a conversation by the conversation's name.
pub(crate) async fn a_context_that_a_task_began_is_listed_whole(bench: Bench) {
    let began = ContextId::begun_by(&key("", "1").task);
    for (tenant, owner_name, id, context) in [
        ("", "alice", "1", began.clone()),
        ("", "alice", "2", began.clone()),
        ("", "alice", "3", ContextId::begun_by(&key("", "3").task)),
        ("acme", "alice", "1", began.clone()),
        ("", "bob", "4", began.clone()),
        // A client may use any name.
        ("", "alice", "5", ContextId::begun_by(&key("", "none").task)),
        ("", "alice", "6", ContextId::begun_by(&key("", "2").task)),
    ] {
        bench.tick();
        let (key, owner) = (key(tenant, id), owner(owner_name));
        bench.submit_this(Submission { key, owner, context, ..bench.submission() }).await;
    }
    let of =
        |context: &ContextId| ListQuery { context: Some(context.clone()), count: true, ..alices() };
    for (task, expected) in
        [("1", &["2", "1"][..]), ("3", &["3"]), ("none", &["5"]), ("2", &["6"]), ("7", &[])]
    {
        let query = of(&ContextId::begun_by(&key("", task).task));
        assert_eq!(bench.list_ids(&query).await, expected, "begun by {task}");
        assert_eq!(bench.page(&query).await.total, Some(expected.len() as u64), "{task}");
    }
    let acmes = ListQuery { tenant: tenant("acme"), ..of(&began) };
    assert_eq!(bench.list_ids(&acmes).await, ["1"]);
    assert_eq!(bench.list_ids(&ListQuery { owner: owner("bob"), ..of(&began) }).await, ["4"]);
    let page = ListQuery { limit: 1, ..of(&began) };
    assert_eq!(bench.list_ids(&page).await, ["2", "1"]);
}

pub(crate) async fn every_state_is_listed_alone(bench: Bench) {
    let mut tasks = submit_many(&bench, 10).await;
    for task in &mut tasks[1..] {
        task.claim().await;
    }
    // Lists show a turn from its first commit after the claim.
    tasks[9].emit(Vec::new()).await;
    tasks[2].park_until(Timestamp::MAX).await;
    tasks[3].ask().await;
    tasks[4].finish(Finish::Completed(None)).await;
    tasks[5].finish(Finish::Failed(None)).await;
    tasks[6].finish(Finish::Rejected(None)).await;
    tasks[7].apply(Command::Cancel).await;
    let interruption = a2a_lambda_core::head::Interruption::AuthRequired;
    let pause = a2a_lambda_core::machine::Pause::ForUser {
        interruption,
        message: None,
        checkpoint: None,
        patience: None,
    };
    tasks[8].park(pause).await;
    for state in TaskState::ALL.iter().copied().filter(|state| *state != TaskState::Unspecified) {
        let mut expected: Vec<String> =
            tasks.iter().filter(|t| t.head().listed_state() == state).map(Tracked::id).collect();
        let query = ListQuery { state: Some(state), count: true, ..alices() };
        let mut found = bench.list_ids(&query).await;
        expected.sort();
        found.sort();
        assert!(!expected.is_empty(), "a task that is {state}");
        assert_eq!(found, expected, "{state}");
        assert_eq!(bench.page(&query).await.total, Some(expected.len() as u64), "{state}");
    }
}

pub(crate) async fn a_time_to_begin_with_is_included(bench: Bench) {
    let tasks = submit_many(&bench, 5).await;
    let since = |at| ListQuery { status_since: Some(at), count: true, ..alices() };
    for (skipped, task) in tasks.iter().enumerate() {
        let query = since(task.head().status_at);
        assert_eq!(bench.list_ids(&query).await, newest_first(&tasks[skipped..]));
        assert_eq!(bench.page(&query).await.total, Some((tasks.len() - skipped) as u64));
    }
    bench.tick();
    assert!(bench.list_ids(&since(bench.now())).await.is_empty());
    assert_eq!(bench.list_ids(&since(Timestamp::MIN)).await.len(), 5);
    assert!(bench.list_ids(&since(Timestamp::MAX)).await.is_empty());
}

pub(crate) async fn conditions_must_hold_together(bench: Bench) {
    let mut tasks = Vec::new();
    for number in 0..8 {
        bench.advance(Duration::from_millis(10));
        let context = context(if number % 2 == 0 { "even" } else { "odd" });
        tasks.push(bench.submit_this(Submission { context, ..bench.submission() }).await);
    }
    for number in [0, 2, 4, 5] {
        bench.advance(Duration::from_millis(10));
        tasks[number].apply(Command::Cancel).await;
    }
    let query = ListQuery {
        context: Some(context("even")),
        state: Some(TaskState::Canceled),
        status_since: Some(tasks[2].head().status_at),
        count: true,
        limit: 1,
        ..alices()
    };
    assert_eq!(bench.list_ids(&query).await, [tasks[4].id(), tasks[2].id()]);
    assert_eq!(bench.page(&query).await.total, Some(2));
}

pub(crate) async fn an_owner_is_shown_nothing_of_others(bench: Bench) {
    // Names that become equal if a store does not separate them well.
    let pairs = [("a", "b#c"), ("a#b", "c"), ("a", "b"), ("ab", ""), ("A", "b"), ("a/b", "c")];
    for (number, (owner_name, context_name)) in pairs.into_iter().enumerate() {
        bench.tick();
        let submission = Submission {
            key: key("", &number.to_string()),
            owner: owner(owner_name),
            context: context(if context_name.is_empty() { "none" } else { context_name }),
            ..bench.submission()
        };
        bench.submit_this(submission).await;
    }
    let of = |name| ListQuery { owner: owner(name), count: true, ..alices() };
    for (name, expected) in
        [("a", vec!["2", "0"]), ("a#b", vec!["1"]), ("ab", vec!["3"]), ("A", vec!["4"])]
    {
        assert_eq!(bench.list_ids(&of(name)).await, expected, "of {name}");
        assert_eq!(bench.page(&of(name)).await.total, Some(expected.len() as u64), "of {name}");
    }
    let query = ListQuery { context: Some(context("c")), ..of("a#b") };
    assert_eq!(bench.list_ids(&query).await, ["1"]);
    assert!(bench.list_ids(&ListQuery { context: Some(context("c")), ..of("a") }).await.is_empty());
    assert!(bench.list_ids(&alices()).await.is_empty());
}

pub(crate) async fn a_tenant_is_shown_nothing_of_others(bench: Bench) {
    for (tenant_name, id) in [("", "1"), ("acme", "1"), ("acme", "2"), ("acme-1", "3")] {
        bench.tick();
        let submission = Submission { key: key(tenant_name, id), ..bench.submission() };
        bench.submit_this(submission).await;
    }
    for (name, expected) in
        [("", vec!["1"]), ("acme", vec!["2", "1"]), ("acme-1", vec!["3"]), ("acm", vec![])]
    {
        let query = ListQuery { tenant: tenant(name), count: true, ..alices() };
        let listed = bench.list(&query).await;
        assert!(listed.iter().all(|task| task.head.key.tenant == query.tenant));
        assert_eq!(crate::bench::ids(&listed), expected, "of {name:?}");
        assert_eq!(bench.page(&query).await.total, Some(expected.len() as u64), "of {name:?}");
    }
}

/// A sender that waited and got a direct message was never shown a task.
pub(crate) async fn a_task_behind_a_direct_answer_is_hidden(bench: Bench) {
    let mut tasks = Vec::new();
    for sender_waits in [true, false, true] {
        bench.tick();
        let until = sender_waits.then(|| bench.now());
        let submission = Submission { sender_waits_until: until, ..bench.submission() };
        tasks.push(bench.submit_this(submission).await);
    }
    assert_eq!(bench.list_ids(&alices()).await.len(), 3, "not answered yet");
    for task in &mut tasks[..2] {
        task.claim().await;
        task.finish(Finish::Direct(agent_message("m", "hello yourself"))).await;
    }
    let query = ListQuery { count: true, ..alices() };
    let mut listed = bench.list_ids(&query).await;
    listed.sort();
    assert_eq!(listed, [tasks[1].id(), tasks[2].id()]);
    assert_eq!(bench.page(&query).await.total, Some(2));
    let completed = ListQuery { state: Some(TaskState::Completed), ..query };
    assert_eq!(bench.list_ids(&completed).await, [tasks[1].id()]);
    tasks[0].verify().await;
}

pub(crate) async fn a_status_change_moves_a_task_to_the_front(bench: Bench) {
    let mut tasks = submit_many(&bench, 3).await;
    let [a, b, c] = [0, 1, 2].map(|place: usize| tasks[place].id());
    bench.tick();
    tasks[0].claim().await;
    assert_eq!(bench.list_ids(&alices()).await, [&*c, &*b, &*a], "a claim alone moves none");
    tasks[0].emit(Vec::new()).await;
    assert_eq!(bench.list_ids(&alices()).await, [&*a, &*c, &*b]);
    bench.tick();
    tasks[1].apply(Command::Cancel).await;
    assert_eq!(bench.list_ids(&alices()).await, [&*b, &*a, &*c]);
    bench.tick();
    // Neither command sets a new status.
    tasks[2].message("hello?").await;
    tasks[0].emit(vec![chunk("shown")]).await;
    tasks[0].renew(LEASE).await;
    assert_eq!(bench.list_ids(&alices()).await, [&*b, &*a, &*c]);
}

/// Its claim is older than the last task of the page before, and its entry moves there only now.
pub(crate) async fn a_task_that_lists_show_at_work_between_two_pages_is_on_one(bench: Bench) {
    let mut tasks = submit_many(&bench, 1).await;
    bench.tick();
    tasks[0].claim().await;
    tasks.extend(submit_many(&bench, 2).await);
    let first = bench.page(&ListQuery { limit: 1, ..alices() }).await;
    tasks[0].emit(Vec::new()).await;
    let rest = ListQuery { after: first.next, hint: first.hint, ..alices() };
    assert_eq!(bench.list_ids(&rest).await, [tasks[1].id(), tasks[0].id()]);
}

pub(crate) async fn large_tasks_do_not_end_it_early(bench: Bench) {
    let mut tasks = Vec::new();
    for number in 0..14 {
        bench.tick();
        let message = user_message("m", &text_of(110_000, &format!("task {number}")));
        tasks.push(bench.submit_this(Submission { message, ..bench.submission() }).await);
    }
    assert_eq!(bench.list_ids(&alices()).await, newest_first(&tasks));
    let page = bench.page(&ListQuery { count: true, limit: 3, ..alices() }).await;
    assert_eq!(page.total, Some(14));
}

/// A store may keep the agent's message with the status. The user's next message moves it to the
/// history.
pub(crate) async fn a_status_is_listed_as_the_log_has_it(bench: Bench) {
    let mut tasks = submit_many(&bench, 7).await;
    for task in &mut tasks[1..] {
        task.claim().await;
    }
    let progress = |text: &str| {
        let message = Some(agent_message("p", text));
        Update::Progress(StatusChange { message, ..StatusChange::default() })
    };
    tasks[2].emit(vec![progress("well under way")]).await;
    tasks[3].emit(vec![progress(&text_of(5_000, "a long report"))]).await;
    for task in &mut tasks[4..6] {
        task.emit(vec![progress("and more"), chunk("shown")]).await;
    }
    tasks[4].message("hello?").await;
    tasks[5].emit(vec![progress("something else")]).await;
    tasks[6].finish(Finish::Completed(Some(agent_message("d", "done")))).await;
    let mut expected = Vec::new();
    for task in tasks.iter().rev() {
        expected.push(outline(&bench.read_full(task.key()).await));
    }
    expected.sort_by_key(|row| std::cmp::Reverse((row.status_at, row.task.clone())));
    let texts = expected.iter().filter(|row| row.status.message.is_some()).count();
    assert_eq!(texts, 4, "messages");
    for limit in [1, 3, 100] {
        let query = ListQuery { limit, ..alices() };
        assert_eq!(bench.outlines(&query).await, expected, "by {limit}");
        for row in &expected {
            let state = Some(row.status.state);
            let listed = bench.outlines(&ListQuery { state, ..query.clone() }).await;
            assert!(listed.contains(row), "{row:?} among {listed:?}");
        }
    }
}
