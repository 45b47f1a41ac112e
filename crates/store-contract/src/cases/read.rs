//! Reading a task.

use a2a_lambda_core::Position;
use a2a_lambda_core::machine::Submission;
use a2a_lambda_core::store::Depth;

use crate::bench::{Bench, key};
use crate::content::chunk;

const DEPTHS: [Depth; 4] =
    [Depth::Tail, Depth::After(Position(0)), Depth::After(Position(7)), Depth::Full];

pub(crate) async fn a_missing_task_is_none(bench: Bench) {
    bench.submit().await;
    for depth in DEPTHS {
        assert_eq!(bench.try_read(&key("", "missing"), depth).await, None);
    }
}

pub(crate) async fn a_task_of_another_tenant_is_none(bench: Bench) {
    let submission = Submission { key: key("acme", "task"), ..bench.submission() };
    bench.submit_this(submission).await;
    for tenant in ["", "acm", "acme2", "ACME"] {
        for depth in DEPTHS {
            assert_eq!(bench.try_read(&key(tenant, "task"), depth).await, None, "{tenant}");
        }
    }
}

pub(crate) async fn a_write_is_seen_as_soon_as_it_is_answered(bench: Bench) {
    let mut task = bench.submit().await;
    task.verify().await;
    task.claim().await;
    for number in 0..20 {
        bench.tick();
        task.emit(vec![chunk(number.to_string())]).await;
        task.verify().await;
        task.renew(crate::bench::LEASE).await;
        task.verify().await;
    }
}

pub(crate) async fn reading_changes_nothing(bench: Bench) {
    let task = bench.submit().await;
    for _ in 0..3 {
        task.verify().await;
    }
    assert_eq!(bench.read(task.key()).await.head, *task.head());
}

pub(crate) async fn a_glance_is_of_the_task_as_it_is_or_was(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..20 {
        bench.tick();
        task.emit(vec![chunk(number.to_string())]).await;
        for depth in DEPTHS {
            let read = bench.try_read(task.key(), depth).await.expect("it exists");
            let Some(glanced) = bench.store().glance(task.key(), depth).await.expect("a glance")
            else {
                continue;
            };
            assert!(glanced.head.revision <= read.head.revision);
            if glanced.head.revision == read.head.revision {
                assert_eq!(glanced, read, "{depth:?}");
            }
            if let Depth::After(known) = depth {
                assert!(glanced.after(known).is_some(), "{depth:?}");
            }
        }
    }
    for missing in [key("", "missing"), key("acme", task.key().task.as_str())] {
        assert_eq!(bench.store().glance(&missing, Depth::Tail).await.expect("a glance"), None);
    }
}
