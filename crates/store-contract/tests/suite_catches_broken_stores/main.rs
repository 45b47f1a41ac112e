//! The suite can fail. Each fault below is in an otherwise correct store. One of the cases catches
//! it, and so does the differential test.
//!
//! The faults are typical of a backend: a missing condition, a stale read, a race, a lost index.
//! The suite and the differential test compare whole values, so that a lost field needs no fault of
//! its own.

#![allow(clippy::unwrap_used, reason = "what is unwrapped belongs to the test")]

mod configs;
mod memory;
mod steps;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard};

use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::push::{DeliveryRecord, Failing, Sealed};
use a2a_lambda_core::steps::{StepRecord, StepRecords};
use a2a_lambda_core::store::{
    Committed, Created, Cursor, Depth, DueShards, DueTask, Guard, ListQuery, Page, Renewed,
    due_shard,
};
use a2a_lambda_core::{
    Change, ClaimToken, Head, LeaseToken, MemoryStore, Phase, Position, PushConfig, PushConfigs,
    Snapshot, StoreError, TaskId, TaskKey, TaskStore,
};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_store_contract::{Bench, differential, run};
use async_trait::async_trait;

/// A fault of a store.
#[derive(Clone, Copy)]
enum Fault {
    Nothing,
    /// The store breaks a rule.
    Rule(Rule),
    /// The store shows a changed head everywhere.
    Head(fn(&mut Head)),
    /// The store reads a changed task.
    Read(fn(&mut Snapshot, Depth)),
    /// The store breaks a rule about conversations.
    Memory(memory::Flaw),
    /// The store lists by a changed query.
    Query(fn(&mut ListQuery)),
    /// The store shows a changed page.
    Page(fn(&mut Page)),
    /// The store stores a changed config.
    Config(fn(&mut PushConfig)),
    /// The store stores a changed record of a step.
    Step(fn(&mut StepRecord)),
    /// An advance stores a changed config, given the one that it replaces.
    Advance(fn(&mut PushConfig, &PushConfig)),
}

macro_rules! rules {
    ($($rule:ident: $case:literal,)+) => {
        /// A rule that a store must keep.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Rule { $($rule,)+ }

        const RULES: &[(&str, &str, Fault)] =
            &[$((stringify!($rule), $case, Fault::Rule(Rule::$rule)),)+];
    };
}

macro_rules! slips {
    ($($name:ident: $case:literal, $kind:ident($slip:expr);)+) => {
        /// Small mistakes, each with its case.
        const SLIPS: &[(&str, &str, Fault)] =
            &[$((stringify!($name), $case, Fault::$kind($slip)),)+];
    };
}

rules! {
    CreateOverwrites: "create::a_second_task_with_its_key_meets_the_first",
    CreateForgetsItsOwnWrite: "create::the_same_write_twice_makes_one_task",
    CommitIgnoresTheRevision: "commit::a_stale_revision_changes_nothing",
    CommitIgnoresTheLease: "lease::once_renewed_it_is_not_taken_over",
    CommitWritesTheLease: "lease::a_commit_that_leaves_it_alone_keeps_a_renewal",
    CommitForgetsItsOwnWrite: "commit::the_same_write_again_is_done",
    CommitIgnoresTheIncarnation: "expiry::a_writer_of_an_earlier_task_changes_nothing",
    MarksAreLeases: "marks::are_no_lease",
    RenewalsAreForAnyone: "lease::a_stale_token_renews_nothing",
    ReadsAreStale: "read::a_write_is_seen_as_soon_as_it_is_answered",
    ReadsCrossTenants: "read::a_task_of_another_tenant_is_none",
    AfterIsStale: "after::each_commit_a_follower_is_up_to_date",
    AfterHasAStaleHead: "after::an_unseen_change_is_the_new_head",
    EarlierEntriesAreRead: "expiry::nothing_of_an_earlier_task_is_read",
    DueIsNeverCleared: "due::a_task_that_is_over_is_not_due",
    DueSkipsOne: "due::pages_of_any_size_show_each_task_once",
    DueIsMovedByRenewals: "lease::renewing_it_changes_nothing_else",
    ReplacementsHaveNoCondition: "expiry::a_task_that_has_changed_is_not_replaced",
    PurgesTakeAllConfigs: "expiry::a_purge_leaves_configs_of_a_later_task",
    PurgesHaveNoCondition: "expiry::a_purge_of_a_task_that_has_changed_leaves_it",
    GetsAreStale: "configs::another_put_replaces_it_whole",
    GetsLag: "config_reads::see_every_write",
    DeletesAreById: "configs::makings_of_one_config_are_apart",
    AdvancesHaveNoCondition: "advance::another_write_stands_in_its_way",
    AdvancesOverwritePuts: "advance::a_replaced_one_is_left_alone",
    AdvancesBringBackTheDeleted: "advance::a_deleted_one_does_not_come_back",
    AdvancesForgetTheirOwnWrite: "advance::the_same_write_again_is_known",
    AdvancesKnowEveryWrite: "advance::the_same_write_again_is_known",
    AdvancesMayBothWin: "advance::of_many_at_once_one_wins",
    FailingPassesOverTies: "failing::in_pages_shows_each_of_the_same_time_once",
    FailingNeedsItsPlace: "failing::goes_on_from_one_that_is_not_there_any_more",
    FailingIsNeverCleared: "failing::forgets_recovered_configs",
    StepsAreOverwritten: "steps::the_first_writer_wins",
    StepsMayBothWin: "steps::of_many_writers_at_once_one_wins",
    StepsForgetTheirOwnWrite: "steps::the_same_write_again_is_known",
    StepsKnowEveryWrite: "steps::the_same_write_again_is_known",
    ReplacementsNeedNoWrite: "steps::one_is_replaced_by_who_knows_its_write",
    ReplacementsBringBackSteps: "steps::one_that_is_gone_is_not_replaced",
    StepsCrossTenants: "steps::each_scope_has_its_own",
    StepsCrossIncarnations: "steps::of_a_later_task_stay_in_a_purge",
    StepsCrossScopes: "steps::each_scope_has_its_own",
    StepReadsAreStale: "steps::a_read_sees_every_write",
    StepListsAreStale: "steps::a_read_sees_every_write",
    StepListsEndAfterAPage: "steps::a_large_one_is_kept_and_many_are_read",
    PurgesForgetSteps: "steps::go_with_a_purge",
    PurgesTakeAllSteps: "steps::of_a_later_task_stay_in_a_purge",
}

slips! {
    TheRequestIsForgotten: "idempotency::the_fingerprint_stays_for_the_tasks_life",
        Head(|head| head.request = None);
    LeftoversAreForgotten: "expiry::a_purge_deletes_the_remains_of_others",
        Head(|head| head.has_leftovers = false);
    PushesEndWithTheTask: "marks::go_on_after_the_task_is_over",
        Head(|head| if head.is_terminal() { head.pushes = None });
    AnEntryIsForgotten: "log::of_300_small_chunks_is_whole",
        Read(|read, depth| if depth == Depth::Full { lose_an_entry(read) });
    TheTailHasAGap: "log::has_the_tail_as_its_end",
        Read(|read, depth| if depth == Depth::Tail { lose_an_entry(read) });
    AfterForgetsAnEntry: "after::each_of_large_entries_is_the_rest",
        Read(|read, depth| if is_after(depth) { lose_an_entry(read) });
    AfterBeginsTooLate: "after::each_of_a_few_entries_is_the_rest",
        Read(|read, depth| if is_after(depth) { drop(read.tail.drain(..read.tail.len().min(1))) });
    ListsShowTheExpired: "expiry::an_expired_task_is_not_listed",
        Query(|query| query.ended_after = None);
    PagesRepeatTheirLast: "paging::tasks_of_one_millisecond_are_shown_once",
        Query(|query| query.after = query.after.take().map(|after| {
            Cursor { task: TaskId::parse(format!("{}!", after.task)).unwrap(), ..after }
        }));
    CountsComeUnasked: "paging::nothing_is_counted_unasked", Query(|query| query.count = true);
    ListsEndEarly: "paging::pages_of_any_size_show_each_task_once", Page(|page| page.next = None);
    StatusesHaveNoMessage: "list::a_status_is_listed_as_the_log_has_it", Page(|page| {
        page.outlines.iter_mut().for_each(|outline| outline.status.message = None);
    });
    CountsAreOfThePage: "list::conditions_must_hold_together",
        Page(|page| page.total = page.total.map(|_| page.tasks.len() as u64));
    TheCursorIsCutOff: "configs::any_time_and_any_cursor_are_kept",
        Config(|config| {
            let cursor = config.delivery.cursor.0.min(u64::from(u32::MAX));
            delivery(config, |of| of.cursor = Position(cursor));
        });
    TheBatchIsForgotten: "configs::every_part_of_the_delivery_is_kept",
        Config(|config| delivery(config, |of| of.batch = None));
    TheTokenOfAStepIsForgotten: "steps::of_every_state_are_kept",
        Step(|record| record.token = Sealed::default());
    AdvancesAreOfTheDeliveryAlone: "advance::all_of_it_is_stored",
        Advance(|new, stored| {
            let PushConfig { write, delivery, .. } = new.clone();
            *new = PushConfig { write, delivery, ..stored.clone() };
        });
    AdvancesKeepTheTrouble: "failing::forgets_recovered_configs",
        Advance(|new, stored| {
            let trouble = stored.delivery.trouble.clone();
            delivery(new, |of| of.trouble = of.trouble.take().or(trouble.clone()));
        });
}

fn is_after(depth: Depth) -> bool {
    matches!(depth, Depth::After(_))
}

fn lose_an_entry(read: &mut Snapshot) {
    if read.tail.len() > 2 {
        read.tail.remove(read.tail.len() / 2);
    }
}

fn delivery(config: &mut PushConfig, change: impl Fn(&mut DeliveryRecord)) {
    let mut delivery = (*config.delivery).clone();
    change(&mut delivery);
    config.delivery = delivery.into();
}

type Place = (TaskKey, Registration);

/// A store with one fault.
struct Broken {
    right: MemoryStore,
    fault: Fault,
    past: Mutex<Past>,
}

/// Earlier states, as far as faults need them.
#[derive(Default)]
struct Past {
    writes: HashSet<WriteId>,
    keys: BTreeSet<TaskKey>,
    reads: BTreeMap<TaskKey, Snapshot>,
    due: BTreeMap<TaskKey, Timestamp>,
    /// Replaced tasks.
    earlier: BTreeMap<TaskKey, Snapshot>,
    /// The write of every config that was ever put.
    put: BTreeMap<Place, WriteId>,
    last_put: Option<Place>,
    gets: BTreeMap<Place, Option<PushConfig>>,
    /// The write ids of all advances.
    advanced: HashSet<WriteId>,
    troubled: BTreeSet<Failing>,
    records: steps::Records,
}

impl Past {
    fn note_trouble(&mut self, (task, registration): Place, config: &PushConfig) {
        let since = config.delivery.trouble.as_ref().map(|trouble| trouble.since);
        self.troubled.extend(since.map(|since| Failing { since, task, registration }));
    }
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self { right: MemoryStore::new(), fault, past: Mutex::default() }
    }

    fn rule(&self) -> Option<Rule> {
        let Fault::Rule(rule) = self.fault else { return None };
        Some(rule)
    }

    fn has(&self, rule: Rule) -> bool {
        self.rule() == Some(rule)
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap()
    }

    async fn current(&self, key: &TaskKey) -> Option<Box<Snapshot>> {
        self.right.read(key, Depth::Tail).await.unwrap().map(Box::new)
    }

    /// The present head, if a condition on an earlier one is ignored.
    async fn condition(&self, of: &Head, is_ignored: bool) -> Head {
        let now = if is_ignored { self.current(&of.key).await } else { None };
        now.map_or_else(|| of.clone(), |now| now.head)
    }

    fn show(&self, snapshot: &mut Snapshot, depth: Depth) {
        match self.fault {
            Fault::Head(garble) => garble(&mut snapshot.head),
            Fault::Read(garble) => garble(snapshot, depth),
            Fault::Rule(Rule::EarlierEntriesAreRead) if depth != Depth::Tail => {
                if let Some(earlier) = self.past().earlier.get(&snapshot.head.key) {
                    for entry in snapshot.tail.iter_mut().skip(1) {
                        let theirs = earlier.tail.iter().find(|of| of.position == entry.position);
                        *entry = theirs.unwrap_or(entry).clone();
                    }
                }
            }
            _ => {}
        }
    }

    /// Deletes all configs of a task, or those of the same id.
    async fn delete_configs(
        &self,
        task: &TaskKey,
        like: Option<&Registration>,
    ) -> Result<(), StoreError> {
        for config in self.right.stored_configs(task) {
            if like.is_none_or(|like| config.registration.is_of_same_config(like)) {
                self.right.delete(task, &config.registration).await?;
            }
        }
        Ok(())
    }

    /// Whether a lost advance is made nevertheless.
    fn wins_late(&self, place: &Place, stored: Option<&PushConfig>) -> bool {
        let past = self.past();
        match (self.rule(), stored) {
            (Some(Rule::AdvancesHaveNoCondition), Some(_)) => true,
            (Some(Rule::AdvancesOverwritePuts), Some(now)) => {
                past.put.get(place) == Some(&now.write)
            }
            (Some(Rule::AdvancesBringBackTheDeleted), None) => past.put.contains_key(place),
            _ => false,
        }
    }
}

#[async_trait]
impl TaskStore for Broken {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        let head = change.head();
        self.past().keys.insert(head.key.clone());
        let known = !self.past().writes.insert(head.write.clone());
        match (self.right.create(change).await?, self.rule()) {
            (Created::Now(_), Some(Rule::CreateForgetsItsOwnWrite)) if known => {
                Ok(Created::Before(self.current(&head.key).await.unwrap()))
            }
            (Created::Before(base), Some(Rule::CreateOverwrites)) => {
                let guard = Guard { revision: base.head.revision, leased_until: None };
                self.right.commit(&base, guard, change).await?;
                Ok(Created::Now(self.current(&head.key).await.unwrap()))
            }
            (created, _) => {
                if matches!(created, Created::Now(_)) {
                    self.past().due.extend(head.due.map(|due| (head.key.clone(), due)));
                }
                Ok(created)
            }
        }
    }

    async fn replace(&self, expired: &Head, change: &Change) -> Result<Created, StoreError> {
        if self.has(Rule::EarlierEntriesAreRead)
            && let Some(now) = self.right.read(&expired.key, Depth::Full).await?
        {
            self.past().earlier.insert(expired.key.clone(), now);
        }
        let is_ignored = self.has(Rule::ReplacementsHaveNoCondition);
        self.right.replace(&self.condition(expired, is_ignored).await, change).await
    }

    async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError> {
        if self.has(Rule::PurgesTakeAllConfigs) {
            self.delete_configs(&expired.key, None).await?;
        }
        self.purge_steps(expired).await?;
        let is_ignored = self.has(Rule::PurgesHaveNoCondition);
        if self.has(Rule::PurgesForgetSteps) {
            let steps = self.right.stored_steps(&expired.key);
            while !self.right.purge(expired, usize::MAX).await? {}
            for (scope, record) in steps {
                self.right.put_step(&scope, None, &record).await?;
            }
            return Ok(true);
        }
        self.right.purge(&self.condition(expired, is_ignored).await, limit).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let mut found = self.right.read(key, depth).await?;
        if found.is_none() && self.has(Rule::ReadsCrossTenants) {
            let other = self.past().keys.iter().find(|other| other.task == key.task).cloned();
            if let Some(other) = other {
                found = self.right.read(&other, depth).await?;
            }
        }
        let Some(mut now) = found else { return Ok(None) };
        self.show(&mut now, depth);
        let rule = self.rule().filter(|rule| is_after(depth) || *rule == Rule::ReadsAreStale);
        Ok(Some(match rule {
            Some(Rule::ReadsAreStale | Rule::AfterIsStale) => {
                self.past().reads.insert(key.clone(), now.clone()).unwrap_or(now)
            }
            Some(Rule::AfterHasAStaleHead) => {
                let before = self.past().reads.insert(key.clone(), now.clone());
                Snapshot { head: before.map_or(now.head, |before| before.head), ..now }
            }
            _ => now,
        }))
    }

    async fn commit(
        &self,
        base: &Snapshot,
        mut guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let (new, mut base) = (change.head(), base.clone());
        match self.rule() {
            Some(Rule::CommitIgnoresTheLease) => guard.leased_until = None,
            Some(Rule::CommitIgnoresTheIncarnation) => {
                base.head.incarnation = self.condition(&base.head, true).await.incarnation;
            }
            Some(Rule::CommitWritesTheLease) => {
                base.head.phase = Phase::Waiting { until: Timestamp::MIN };
            }
            Some(Rule::CommitForgetsItsOwnWrite)
                if !self.past().writes.insert(new.write.clone()) =>
            {
                return Ok(Committed::Lost(self.current(&new.key).await));
            }
            _ => {}
        }
        match (self.right.commit(&base, guard, change).await?, self.rule()) {
            (Committed::Done(mut now), _) => {
                self.show(&mut now, Depth::Tail);
                self.past().due.extend(now.head.due.map(|due| (new.key.clone(), due)));
                Ok(Committed::Done(now))
            }
            (Committed::Lost(Some(now)), Some(Rule::CommitIgnoresTheRevision)) => {
                guard.revision = now.head.revision;
                self.right.commit(&now, guard, change).await
            }
            (lost, _) => Ok(lost),
        }
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        match (self.right.renew(key, token, until).await?, self.rule()) {
            (Renewed::Done, Some(Rule::DueIsMovedByRenewals)) => {
                self.past().due.insert(key.clone(), until);
                Ok(Renewed::Done)
            }
            (Renewed::Lost(Some(now)), Some(Rule::RenewalsAreForAnyone)) => match &now.head.phase {
                Phase::Running { token, .. } => self.right.renew(key, token, until).await,
                _ => Ok(Renewed::Lost(Some(now))),
            },
            (Renewed::Lost(Some(now)), Some(Rule::MarksAreLeases)) => {
                let is_claimed = now.head.pushed_until(&ClaimToken::new(token.as_str())).is_some();
                Ok(if is_claimed { Renewed::Done } else { Renewed::Lost(Some(now)) })
            }
            (outcome, _) => Ok(outcome),
        }
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let mut asked = query.clone();
        if let Fault::Query(garble) = self.fault {
            garble(&mut asked);
        }
        let mut page = self.right.list(&asked).await?;
        page.tasks.iter_mut().for_each(|task| self.show(task, Depth::Tail));
        if let Fault::Page(garble) = self.fault {
            garble(&mut page);
        }
        Ok(page)
    }

    fn due_shards(&self) -> DueShards {
        self.right.due_shards()
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let mut due = self.right.due(shard, until, after, limit).await?;
        let past = self.past();
        let in_shard = past.due.iter().filter(|(key, _)| due_shard(key) == shard);
        match self.rule() {
            Some(Rule::DueSkipsOne) if after.is_some() && !due.is_empty() => drop(due.remove(0)),
            Some(Rule::DueIsNeverCleared) => {
                for (key, was_due) in in_shard.filter(|(_, due)| **due <= until) {
                    if due.iter().all(|task| task.key != *key) {
                        due.push(DueTask { key: key.clone(), due: *was_due });
                    }
                }
            }
            Some(Rule::DueIsMovedByRenewals) => {
                for task in &mut due {
                    task.due = past.due.get(&task.key).copied().unwrap_or(task.due);
                }
            }
            _ => {}
        }
        Ok(due)
    }
}

fn faults() -> impl Iterator<Item = (&'static str, &'static str, Fault)> {
    RULES.iter().chain(SLIPS).chain(memory::FLAWS).copied()
}

/// Runs a case in its own task. Returns whether it failed.
async fn fails(name: &'static str, fault: Fault) -> bool {
    tokio::spawn(run(name, Bench::new(Broken::new(fault)))).await.is_err()
}

#[tokio::test]
async fn every_fault_is_caught_by_its_case() {
    let mut uncaught = Vec::new();
    for (name, case, fault) in faults() {
        if !fails(case, fault).await {
            uncaught.push((name, case));
        }
    }
    assert!(uncaught.is_empty(), "the cases do not catch {uncaught:#?}");
}

#[tokio::test]
async fn every_fault_makes_a_difference() {
    let mut uncaught = Vec::new();
    // These operations follow each other, so that no two of them race.
    let of_races = ["AdvancesMayBothWin", "StepsMayBothWin"];
    for (name, _, fault) in faults().filter(|(name, ..)| !of_races.contains(name)) {
        let differing = tokio::spawn(async move {
            for seed in 0..16 {
                differential(&MemoryStore::new(), &Broken::new(fault), seed, 400).await;
            }
        });
        if differing.await.is_ok() {
            uncaught.push(name);
        }
    }
    assert!(uncaught.is_empty(), "the differential test does not catch {uncaught:#?}");
}

/// Without a fault the store is correct, so each case above catches the fault alone.
#[tokio::test]
async fn the_store_is_right_but_for_its_fault() {
    for (_, case, _) in faults() {
        assert!(!fails(case, Fault::Nothing).await, "{case} fails without a fault");
    }
}
