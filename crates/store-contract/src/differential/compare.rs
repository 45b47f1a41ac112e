//! The parts of two answers that must be equal.

use a2a_lambda_core::invariants;
use a2a_lambda_core::store::{
    Committed, Created, DUE_SHARDS, Depth, DueTask, ListQuery, Renewed, StoreError,
};
use a2a_lambda_core::{Snapshot, TaskKey};
use a2a_lambda_protocol::Timestamp;

use super::{Duel, OWNERS, Pair, TENANTS};
use crate::bench::{alices, outlines, owner, tenant, walk, walk_due};

/// The result of a write, without the task in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Done,
    Lost,
    TooLarge,
}

/// The answer to any write.
pub(super) struct Answer {
    kind: Kind,
    task: Option<Snapshot>,
}

impl From<Created> for Answer {
    fn from(created: Created) -> Self {
        match created {
            Created::Now(created) => (Kind::Done, Some(created)).into(),
            Created::Before(existing) => (Kind::Lost, Some(existing)).into(),
        }
    }
}

impl From<Committed> for Answer {
    fn from(committed: Committed) -> Self {
        match committed {
            Committed::Done(now) => (Kind::Done, Some(now)).into(),
            Committed::Lost(current) => (Kind::Lost, current).into(),
        }
    }
}

impl From<Renewed> for Answer {
    fn from(renewed: Renewed) -> Self {
        match renewed {
            Renewed::Done => (Kind::Done, None).into(),
            Renewed::Lost(current) => (Kind::Lost, current).into(),
        }
    }
}

impl From<(Kind, Option<Box<Snapshot>>)> for Answer {
    fn from((kind, task): (Kind, Option<Box<Snapshot>>)) -> Self {
        Self { kind, task: task.map(|task| *task) }
    }
}

impl Duel<'_> {
    /// Compares the answers to a write, and returns their kind.
    pub(super) fn same_answer<T: Into<Answer>>(
        &self,
        what: &str,
        a: Result<T, StoreError>,
        b: Result<T, StoreError>,
    ) -> (Kind, Option<Pair>) {
        let (a, b) = (self.answer(what, a), self.answer(what, b));
        assert_eq!(a.kind, b.kind, "{}: the outcome", self.at(what));
        (a.kind, self.same_task(what, a.task, b.task))
    }

    fn answer<T: Into<Answer>>(&self, what: &str, answer: Result<T, StoreError>) -> Answer {
        match answer {
            Err(StoreError::TooLarge { .. }) => (Kind::TooLarge, None).into(),
            answer => self.ok(what, answer).into(),
        }
    }

    /// A store's answer, which must be a success.
    pub(super) fn ok<T>(&self, what: &str, answer: Result<T, StoreError>) -> T {
        answer.unwrap_or_else(|error| panic!("{}: {error:?}", self.at(what)))
    }

    /// Reads a task of both stores and compares.
    pub(super) async fn same_read(&self, key: &TaskKey, depth: Depth) -> Option<Pair> {
        let what = format!("{depth:?} read of {key}");
        let a = self.ok(&what, self.a.read(key, depth).await);
        let b = self.ok(&what, self.b.read(key, depth).await);
        let pair = self.same_task(&what, a, b);
        if let (Some(Pair { a, b }), Depth::After(known)) = (&pair, depth) {
            let at = self.at(&what);
            let (a, b) = (a.after(known), b.after(known));
            assert!(a.is_some() && b.is_some(), "{at}: it begins too late");
            assert!(a == b, "{at}: what is new");
        }
        pair
    }

    fn same_task(&self, what: &str, a: Option<Snapshot>, b: Option<Snapshot>) -> Option<Pair> {
        let at = self.at(what);
        match (a, b) {
            (Some(a), Some(b)) => {
                assert_eq!(a.head, b.head, "{at}: the head");
                let key = &a.head.key;
                // Each store chooses how far back its tail goes.
                let common = a.tail.len().min(b.tail.len());
                let end_of_a = &a.tail[a.tail.len() - common..];
                let end_of_b = &b.tail[b.tail.len() - common..];
                assert!(end_of_a == end_of_b, "{at}: the log of {key}");
                let last = a.tail.last().or(b.tail.last());
                let position = last.map_or(a.head.position, |entry| entry.position);
                assert_eq!(position, a.head.position, "{at}: the end of the log of {key}");
                Some(Pair { a, b })
            }
            (None, None) => None,
            (a, b) => panic!("{at}: one shows {:?}, the other {:?}", a.is_some(), b.is_some()),
        }
    }

    /// Compares the results of a query, over all its pages, and the count.
    pub(super) async fn compare_list(&self, query: &ListQuery) {
        let what = format!("list {query:?}");
        let a = self.ok(&what, walk(self.a, query).await);
        let b = self.ok(&what, walk(self.b, query).await);
        let keys = |tasks: &[Snapshot]| -> Vec<TaskKey> {
            tasks.iter().map(|task| task.head.key.clone()).collect()
        };
        assert_eq!(keys(&a), keys(&b), "{}", self.at(&what));
        for (a, b) in a.into_iter().zip(b) {
            self.same_task(&what, Some(a), Some(b));
        }
        let a = self.ok(&what, outlines(self.a, query).await);
        let b = self.ok(&what, outlines(self.b, query).await);
        assert_eq!(a, b, "{}: the statuses", self.at(&what));
        let a = self.ok(&what, self.a.list(query).await).total;
        let b = self.ok(&what, self.b.list(query).await).total;
        assert_eq!(a, b, "{}: the count", self.at(&what));
    }

    pub(super) async fn compare_due(&self, shard: u8, until: Timestamp, limit: usize) {
        let what = format!("due of shard {shard} until {until}, {limit}");
        let a = self.ok(&what, self.a.due(shard, until, None, limit).await);
        let b = self.ok(&what, self.b.due(shard, until, None, limit).await);
        let at = self.at(&what);
        let times = |due: &[DueTask]| due.iter().map(|task| task.due).collect::<Vec<_>>();
        assert_eq!(times(&a), times(&b), "{at}");
        // The store chooses which tasks with equal due times a limit cuts off.
        let a = self.ok(&what, walk_due(self.a, shard, until, limit).await);
        let b = self.ok(&what, walk_due(self.b, shard, until, limit).await);
        assert_eq!(times(&a), times(&b), "{at}");
        assert_eq!(sorted(a), sorted(b), "{at}");
    }

    /// Compares the whole observable state.
    pub(super) async fn compare_all(&self) {
        for task in &self.tasks {
            // It may be purged.
            let Some(pair) = self.same_read(&task.key, Depth::Full).await else { continue };
            for (name, full) in [("first", &pair.a), ("second", &pair.b)] {
                let at = self.at(&format!("full read of {} in the {name} store", task.key));
                assert!(full.is_full(), "{at}");
                assert_eq!(invariants::check_task(&full.head, &full.tail), Ok(()), "{at}");
            }
        }
        self.compare_all_configs().await;
        self.compare_all_steps().await;
        for tenant_name in TENANTS {
            for owner_name in OWNERS {
                let (tenant, owner) = (tenant(tenant_name), owner(owner_name));
                let query = ListQuery { tenant, owner, count: true, limit: 10, ..alices() };
                self.compare_list(&query).await;
            }
        }
        for shard in self.a.due_shards().all() {
            self.compare_due(shard, Timestamp::MAX, usize::from(u16::MAX)).await;
        }
        for shard in 0..DUE_SHARDS {
            self.compare_failing(shard, 100).await;
        }
    }

    /// The place of a difference, precise enough to find it again.
    pub(super) fn at(&self, what: &str) -> String {
        format!("the stores differ with seed {} at step {}, {what}", self.seed, self.step)
    }
}

fn sorted(mut due: Vec<DueTask>) -> Vec<DueTask> {
    due.sort_by(|a, b| (a.due, &a.key).cmp(&(b.due, &b.key)));
    due
}
