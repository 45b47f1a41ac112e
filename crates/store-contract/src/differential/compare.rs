//! What of two answers must be equal.

use a2a_lambda_core::Snapshot;
use a2a_lambda_core::head::DUE_SHARDS;
use a2a_lambda_core::invariants;
use a2a_lambda_core::store::{Committed, Created, Depth, DueTask, ListQuery, Renewed, StoreError};
use a2a_lambda_protocol::Timestamp;

use super::operations::{OWNERS, TENANTS};
use super::{Duel, Pair};
use crate::bench::{alices, owner, tenant, walk};

/// What became of a write, without the task that came with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Done,
    Lost,
    TooLarge,
}

/// A write's answer.
pub(super) type Answer = (Kind, Option<Snapshot>);

pub(super) fn of_create(answer: Result<Created, StoreError>) -> Answer {
    match answer {
        Ok(Created::Now) => (Kind::Done, None),
        Ok(Created::Before(existing)) => (Kind::Lost, Some(*existing)),
        Err(error) => of_error(&error),
    }
}

pub(super) fn of_commit(answer: Result<Committed, StoreError>) -> Answer {
    match answer {
        Ok(Committed::Done(now)) => (Kind::Done, Some(*now)),
        Ok(Committed::Lost(current)) => (Kind::Lost, current.map(|current| *current)),
        Err(error) => of_error(&error),
    }
}

pub(super) fn of_renew(answer: Result<Renewed, StoreError>) -> Answer {
    match answer {
        Ok(Renewed::Done) => (Kind::Done, None),
        Ok(Renewed::Lost(current)) => (Kind::Lost, current.map(|current| *current)),
        Err(error) => of_error(&error),
    }
}

fn of_error(error: &StoreError) -> Answer {
    match error {
        StoreError::TooLarge { .. } => (Kind::TooLarge, None),
        other => panic!("{other:?}"),
    }
}

impl Duel<'_> {
    pub(super) fn same_answer(&self, what: &str, a: Answer, b: Answer) -> (Kind, Option<Pair>) {
        let at = self.at(what);
        assert_eq!(a.0, b.0, "{at}: the outcome");
        (a.0, self.same_task(what, a.1, b.1))
    }

    pub(super) fn same_task(
        &self,
        what: &str,
        a: Option<Snapshot>,
        b: Option<Snapshot>,
    ) -> Option<Pair> {
        let at = self.at(what);
        match (a, b) {
            (Some(a), Some(b)) => {
                assert_eq!(a.head, b.head, "{at}: the head");
                let key = &a.head.key;
                // The store chooses how far back a tail goes.
                let common = a.tail.len().min(b.tail.len());
                let end_of_a = &a.tail[a.tail.len() - common..];
                let end_of_b = &b.tail[b.tail.len() - common..];
                assert!(end_of_a == end_of_b, "{at}: the log of {key}");
                let last = a.tail.last().or(b.tail.last());
                let generation = last.map_or(a.head.generation, |entry| entry.generation);
                assert_eq!(generation, a.head.generation, "{at}: the end of the log of {key}");
                Some(Pair { a, b })
            }
            (None, None) => None,
            (a, b) => panic!("{at}: one shows {:?}, the other {:?}", a.is_some(), b.is_some()),
        }
    }

    /// Compares what a query finds, over all its pages, and the count.
    pub(super) async fn compare_list(&self, query: &ListQuery) {
        let at = self.at(&format!("list {query:?}"));
        let (a, b) = (walk(self.a, query).await, walk(self.b, query).await);
        let places = |tasks: &[Snapshot]| tasks.iter().map(|t| t.head.key.clone()).collect();
        let (in_a, in_b): (Vec<_>, Vec<_>) = (places(&a), places(&b));
        assert_eq!(in_a, in_b, "{at}");
        for (a, b) in a.into_iter().zip(b) {
            self.same_task("list", Some(a), Some(b));
        }
        let (a, b) = (self.a.list(query).await, self.b.list(query).await);
        let (a, b) = (a.expect("list").total, b.expect("list").total);
        assert_eq!(a, b, "{at}: the count");
    }

    pub(super) async fn compare_due(&self, shard: u8, until: Timestamp, limit: usize) {
        let at = self.at(&format!("due of shard {shard} until {until}, {limit}"));
        let a = self.a.due(shard, until, limit).await.expect("due");
        let b = self.b.due(shard, until, limit).await.expect("due");
        let times = |due: &[DueTask]| due.iter().map(|task| task.due).collect::<Vec<_>>();
        assert_eq!(times(&a), times(&b), "{at}");
        // Which of those that are due at the same time are cut off is the store's choice.
        if a.len() < limit {
            assert_eq!(sorted(a), sorted(b), "{at}");
        }
    }

    /// Compares all that can be observed.
    pub(super) async fn compare_all(&self) {
        for task in &self.tasks {
            let what = format!("full read of {}", task.key);
            let a = self.a.read(&task.key, Depth::Full).await.expect("read");
            let b = self.b.read(&task.key, Depth::Full).await.expect("read");
            let pair = self.same_task(&what, a, b).expect("the task exists");
            for (name, full) in [("the first", &pair.a), ("the second", &pair.b)] {
                let at = self.at(&what);
                assert!(full.is_full(), "{at}: {name} store's read is not full");
                assert_eq!(
                    invariants::check_task(&full.head, &full.tail),
                    Ok(()),
                    "{at}: {name} store"
                );
            }
        }
        for tenant_name in TENANTS {
            for owner_name in OWNERS {
                let (tenant, owner) = (tenant(tenant_name), owner(owner_name));
                let query = ListQuery { tenant, owner, count: true, limit: 10, ..alices() };
                self.compare_list(&query).await;
            }
        }
        for shard in 0..DUE_SHARDS {
            self.compare_due(shard, Timestamp::MAX, usize::from(u16::MAX)).await;
        }
    }

    /// Where a difference was found: enough to find it again.
    pub(super) fn at(&self, what: &str) -> String {
        format!("the stores differ with seed {} at step {}, {what}", self.seed, self.step)
    }
}

fn sorted(mut due: Vec<DueTask>) -> Vec<DueTask> {
    due.sort_by(|a, b| (a.due, &a.key).cmp(&(b.due, &b.key)));
    due
}
