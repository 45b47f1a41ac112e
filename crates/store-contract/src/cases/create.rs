//! Creating a task.

use a2a_lambda_core::machine::Submission;
use a2a_lambda_core::store::{Created, Depth};
use a2a_lambda_core::{Snapshot, StoreError};
use a2a_lambda_protocol::Timestamp;

use crate::bench::{Bench, alices, check_created, context, key, owner};
use crate::content::{LARGEST_BYTES, TOO_LARGE_BYTES, text_of, user_message};

fn before(created: Created) -> Snapshot {
    match created {
        Created::Before(existing) => *existing,
        Created::Now(_) => panic!("created over a task that exists"),
    }
}

pub(crate) async fn a_new_task_is_read_back(bench: Bench) {
    bench.submit().await.verify().await;
}

pub(crate) async fn a_new_task_is_listed_and_due(bench: Bench) {
    let task = bench.submit().await;
    assert_eq!(bench.list_ids(&alices()).await, [task.id()]);
    let due = bench.all_due(Timestamp::MAX).await;
    assert_eq!(due.len(), 1);
    assert_eq!((&due[0].key, Some(due[0].due)), (task.key(), task.head().due));
}

pub(crate) async fn a_second_task_with_its_key_meets_the_first(bench: Bench) {
    let first = bench.submit().await;
    bench.tick();
    let second = Submission {
        key: first.key().clone(),
        owner: owner("mallory"),
        context: context("elsewhere"),
        ..bench.submission()
    };
    let existing = before(bench.create(&bench.decide_submit(second)).await);
    first.check(&existing);
    first.verify().await;
    assert_eq!(bench.list_ids(&alices()).await, [first.id()]);
}

pub(crate) async fn a_second_task_meets_the_first_as_it_is_by_then(bench: Bench) {
    let mut first = bench.submit().await;
    let second = Submission { key: first.key().clone(), ..bench.submission() };
    let second = bench.decide_submit(second);
    first.complete().await;
    first.check(&before(bench.create(&second).await));
    first.verify().await;
}

pub(crate) async fn the_same_write_twice_makes_one_task(bench: Bench) {
    let change = bench.decide_submit(bench.submission());
    for _ in 0..2 {
        check_created(&change, bench.create(&change).await);
    }
    let full = bench.read_full(&change.head().key).await;
    assert_eq!(full.head, *change.head());
    assert_eq!(full.tail, change.entries());
}

pub(crate) async fn the_same_large_write_twice_makes_one_task(bench: Bench) {
    let message = user_message("large", &text_of(LARGEST_BYTES, "large"));
    let change = bench.decide_submit(Submission { message, ..bench.submission() });
    for _ in 0..2 {
        check_created(&change, bench.create(&change).await);
    }
    let full = bench.read_full(&change.head().key).await;
    assert_eq!(full.tail.len(), 1);
    assert!(full.tail == change.entries(), "the large message came back as another");
}

pub(crate) async fn the_same_id_in_another_tenant_is_another_task(bench: Bench) {
    let mut tasks = Vec::new();
    for tenant in ["", "acme", "acme-1"] {
        let submission = Submission { key: key(tenant, "same"), ..bench.submission() };
        tasks.push(bench.submit_this(submission).await);
    }
    tasks[1].complete().await;
    for task in &tasks {
        task.verify().await;
    }
}

pub(crate) async fn a_message_of_the_largest_size_is_stored(bench: Bench) {
    let message = user_message("large", &text_of(LARGEST_BYTES, "large"));
    let task = bench.submit_this(Submission { message, ..bench.submission() }).await;
    task.verify().await;
    assert_eq!(bench.list_ids(&alices()).await, [task.id()]);
}

pub(crate) async fn a_message_that_is_too_large_is_refused_whole(bench: Bench) {
    let message = user_message("large", &text_of(TOO_LARGE_BYTES, "large"));
    let change = bench.decide_submit(Submission { message, ..bench.submission() });
    let error = bench.store().create(&change).await.expect_err("refused");
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
    assert!(error.certainly_not_applied() && !error.is_retryable());
    assert_eq!(bench.try_read(&change.head().key, Depth::Full).await, None);
    assert!(bench.list(&alices()).await.is_empty());
    assert!(bench.all_due(Timestamp::MAX).await.is_empty());
}

/// A store that writes large content before the head must not overwrite the content of the first
/// task.
pub(crate) async fn a_late_large_duplicate_changes_nothing(bench: Bench) {
    for (first, second) in [(100, 200_000), (200_000, 100), (200_000, 200_000)] {
        let message = user_message("first", &text_of(first, "first"));
        let task = bench.submit_this(Submission { message, ..bench.submission() }).await;
        let message = user_message("second", &text_of(second, "second"));
        let late = Submission { key: task.key().clone(), message, ..bench.submission() };
        task.check(&before(bench.create(&bench.decide_submit(late)).await));
        task.verify().await;
    }
}

/// Only tenants have a restricted alphabet. Any other id may contain a store's key separator.
pub(crate) async fn any_id_is_taken_as_it_is(bench: Bench) {
    let longest = "x".repeat(a2a_lambda_core::ids::MAX_ID_BYTES);
    for id in ["a#b", "a/b|c\\d", "#", " ", "ä 漢 🦀", "%23", "0", "\u{1}\n", &longest] {
        let submission = Submission {
            key: key("acme", id),
            owner: owner(id),
            context: context(id),
            ..bench.submission()
        };
        let task = bench.submit_this(submission).await;
        task.verify().await;
        let query = a2a_lambda_core::store::ListQuery {
            tenant: task.key().tenant.clone(),
            owner: owner(id),
            context: Some(context(id)),
            ..alices()
        };
        assert_eq!(bench.list_ids(&query).await, [id]);
    }
}
