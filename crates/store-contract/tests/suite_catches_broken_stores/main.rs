//! The suite can fail: every fault below, put into a store that is right, is caught by one of the
//! cases, and by the differential test as well.

#![allow(clippy::unwrap_used, reason = "what is unwrapped belongs to the test")]

mod advances;
mod configs;
mod expiry;
mod failing;
mod lists;
mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::store::{
    Committed, Created, Depth, DueTask, Guard, ListQuery, Page, Renewed, due_shard,
};
use a2a_lambda_core::{
    Change, ClaimToken, Generation, Head, LeaseToken, MemoryStore, Owner, Phase, Position,
    Snapshot, StoreError, TaskKey, TaskStore,
};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_store_contract::{Bench, differential, run};
use async_trait::async_trait;

use configs::PastConfigs;
use marks::PastMarks;

macro_rules! faults {
    ($($fault:ident: $case:literal,)+) => {
        /// What a store can do wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Fault { Nothing, $($fault,)+ }

        /// Every fault, and a case that is about it.
        const FAULTS: &[(Fault, &str)] = &[$((Fault::$fault, $case),)+];
    };
}

faults! {
    CreateOverwrites: "create::a_second_task_with_its_key_meets_the_first",
    CreateHidesTheFirst: "create::a_second_task_meets_the_first_as_it_is_by_then",
    CreateForgetsItsOwnWrite: "create::the_same_write_twice_makes_one_task",
    CommitIgnoresTheRevision: "commit::a_stale_revision_changes_nothing",
    CommitIgnoresTheLease: "lease::once_renewed_it_is_not_taken_over",
    CommitWritesTheLease: "lease::a_commit_that_leaves_it_alone_keeps_a_renewal",
    CommitForgetsItsOwnWrite: "commit::the_same_write_again_is_done",
    CommitAnswersWithTheBase: "commit::a_claim_is_stored",
    LostCommitsComeAlone: "commit::an_unseen_change_makes_a_base_stale",
    RenewalsAreDropped: "lease::its_holder_renews_it",
    RenewalsAreForAnyone: "lease::a_stale_token_renews_nothing",
    LostRenewalsComeAlone: "lease::a_canceled_task_is_shown_to_its_holder",
    ReadsAreStale: "read::a_write_is_seen_as_soon_as_it_is_answered",
    ReadsCrossTenants: "read::a_task_of_another_tenant_is_none",
    AnEntryIsForgotten: "log::of_300_small_chunks_is_whole",
    EntriesAreSwapped: "log::of_entries_that_share_a_commit_is_in_order",
    FullIsTheTail: "log::of_mixed_sizes_is_whole",
    TheTailHasAGap: "log::has_the_tail_as_its_end",
    TheCheckpointIsForgotten: "commit::a_checkpoint_comes_and_goes",
    TheGenerationIsForgotten: "commit::a_message_moves_the_position_and_no_generation",
    EntriesForgetTheirGeneration: "log::of_entries_that_share_a_commit_is_in_order",
    FollowUpsForgetTheirPlace: "commit::follow_up_keys_are_remembered",
    FollowUpsAreForgotten: "commit::follow_up_keys_are_remembered",
    TheRequestIsForgotten: "idempotency::the_fingerprint_stays_for_the_tasks_life",
    SenderWaitsIsForgotten: "commit::a_direct_answer_is_stored",
    ListsShowOthers: "list::an_owner_is_shown_nothing_of_others",
    ListsIgnoreTheContext: "list::a_context_is_listed_alone",
    ListsIgnoreTheState: "list::every_state_is_listed_alone",
    ListsBeginTooLate: "list::a_time_to_begin_with_is_included",
    ListsAreTurnedRound: "list::the_newest_status_comes_first",
    ListsEndEarly: "paging::pages_of_any_size_show_each_task_once",
    ListsNeverEnd: "paging::behind_the_last_task_is_nothing",
    PagesRepeatTheirLast: "paging::tasks_of_one_millisecond_are_shown_once",
    PagesIgnoreTheLimit: "paging::pages_of_any_size_show_each_task_once",
    CountsAreOfThePage: "list::conditions_must_hold_together",
    CountsAreOfTheRest: "paging::the_count_is_of_all_pages",
    CountsComeUnasked: "paging::nothing_is_counted_unasked",
    PatienceIsForgotten: "commit::both_interruptions_are_stored",
    DueIsNeverCleared: "due::a_task_that_is_over_is_not_due",
    DueIsInEveryShard: "due::a_task_is_in_its_own_shard_only",
    DueIsExclusive: "due::a_task_is_found_from_its_time_on",
    DueIsTurnedRound: "due::the_earliest_come_first",
    DueBeginsAnew: "due::pages_of_any_size_show_each_task_once",
    DueSkipsOne: "due::pages_of_any_size_show_each_task_once",
    DueIgnoresTheLimit: "due::a_limit_cuts_off_the_latest",
    DueIsOfOpenTasksAlone: "due::a_task_at_rest_is_due_for_its_pushes",
    DueShowsFailingConfigs: "failing::is_not_mixed_up_with_what_is_due",
    DueIsMovedByRenewals: "lease::renewing_it_changes_nothing_else",
    TheMarkIsForgotten: "marks::of_every_kind_are_kept",
    TheMarkIsAlwaysOpen: "marks::of_every_kind_are_kept",
    TheMarksTokenIsForgotten: "marks::of_every_kind_are_kept",
    TheMarksEndIsForgotten: "marks::of_every_kind_are_kept",
    TheMarkOutlivesItsEnd: "marks::of_every_kind_are_kept",
    ListsHaveNoMarks: "marks::of_every_kind_are_kept",
    TheEpochIsForgotten: "marks::keep_their_epoch",
    HeldPushesAreForgotten: "marks::keep_until_when_they_are_held",
    TheSignalIsForgotten: "marks::keep_for_when_a_signal_was_sent",
    TheConfigsAreForgotten: "marks::name_their_configs",
    PushesAreNeverForgotten: "marks::of_no_configs_are_none_again",
    PushesWithoutAMarkAreForgotten: "marks::of_every_kind_are_kept",
    PushesEndWithTheTask: "marks::go_on_after_the_task_is_over",
    MarksAreNotWrittenAlone: "marks::change_alone",
    MarksOfTheEndedAreNotWritten: "marks::go_on_after_the_task_is_over",
    RenewalsDropTheMark: "marks::and_renewals_leave_each_other_alone",
    MarksAreLeases: "marks::are_no_lease",
    AfterForgetsAnEntry: "after::each_of_large_entries_is_the_rest",
    AfterBeginsTooLate: "after::each_of_a_few_entries_is_the_rest",
    AfterEndsTooEarly: "after::each_of_a_few_entries_is_the_rest",
    AfterRepeatsAnEntry: "after::each_that_shares_a_commit_is_the_rest",
    AfterIsEmpty: "after::each_of_a_few_entries_is_the_rest",
    AfterIsTheTail: "after::each_of_300_small_chunks_is_the_rest",
    AfterIsStale: "after::each_commit_a_follower_is_up_to_date",
    AfterHasAStaleHead: "after::an_unseen_change_is_the_new_head",
    AfterTheEndIsNone: "after::each_of_a_few_entries_is_the_rest",
    AfterCrossesTenants: "after::any_entry_of_a_missing_task_is_none",
    ListsShowTheExpired: "expiry::what_ended_too_long_ago_is_not_listed",
    ListsHideTheOld: "expiry::what_ended_too_long_ago_is_not_listed",
    CountsAreWithTheExpired: "expiry::what_ended_too_long_ago_is_not_listed",
    TheTimeToLiveIsForgotten: "expiry::a_small_task_that_is_over_has_a_time_to_live",
    TheIncarnationIsForgotten: "expiry::a_later_task_takes_the_place_of_an_expired_one",
    TheDeletionIsForgotten: "expiry::a_deleted_task_is_not_listed",
    LeftoversAreForgotten: "expiry::a_purge_takes_what_others_have_left",
    ReplacementsAreDropped: "expiry::a_later_task_takes_the_place_of_an_expired_one",
    ReplacementsHaveNoCondition: "expiry::a_task_that_has_changed_is_not_replaced",
    ReplacementsNeedATask: "expiry::a_later_task_takes_the_place_of_one_that_is_gone",
    EarlierEntriesAreRead: "expiry::nothing_of_an_earlier_task_is_read",
    CommitIgnoresTheIncarnation: "expiry::a_writer_of_an_earlier_task_changes_nothing",
    PurgesAreDropped: "expiry::a_purge_leaves_nothing",
    PurgesLeaveTheHead: "expiry::a_purge_leaves_nothing",
    PurgesLeaveConfigs: "expiry::a_purge_leaves_nothing",
    PurgesTakeAllConfigs: "expiry::a_purge_leaves_configs_of_a_later_task",
    PurgesHaveNoCondition: "expiry::a_purge_of_a_task_that_has_changed_leaves_it",
    PurgesCrossTenants: "expiry::other_tasks_stay_as_they_are",
    ConfigsAreDropped: "configs::one_is_read_back",
    ConfigsAreNotReplaced: "configs::another_put_replaces_it_whole",
    ConfigsAreMixed: "configs::another_put_replaces_it_whole",
    ConfigsAreNotPutAgain: "configs::the_same_put_twice_is_one",
    ConfigsDoNotComeBack: "configs::deleted_it_is_gone",
    ConfigsNeedATask: "configs::one_of_a_missing_task_is_kept",
    ConfigsNeedAnOpenTask: "configs::a_task_that_is_over_takes_them",
    CommitsDropConfigs: "configs::they_survive_commits",
    CountsAreWithConfigs: "configs::the_task_does_not_have_them",
    TheSchemeIsForgotten: "configs::one_is_read_back",
    TheSecretsAreForgotten: "configs::one_is_read_back",
    SecretsAreTrimmed: "configs::every_character_of_its_texts_is_kept",
    TheVersionIsForgotten: "configs::both_versions_are_kept",
    TheTraceIsForgotten: "configs::one_is_read_back",
    TheTimeIsForgotten: "configs::any_time_and_any_cursor_are_kept",
    TheCursorIsForgotten: "configs::any_time_and_any_cursor_are_kept",
    TheDeliveredGenerationIsForgotten: "configs::one_is_read_back",
    TheCursorIsCutOff: "configs::any_time_and_any_cursor_are_kept",
    TheWriteIsForgotten: "configs::one_is_read_back",
    TheIntroductionIsForgotten: "configs::every_part_of_the_delivery_is_kept",
    TheBatchIsForgotten: "configs::every_part_of_the_delivery_is_kept",
    TheTroubleIsForgotten: "configs::every_part_of_the_delivery_is_kept",
    TheFailuresAreForgotten: "configs::every_part_of_the_delivery_is_kept",
    TheNextAttemptIsForgotten: "advance::every_part_of_the_delivery_is_stored",
    TheAttemptsAreForgotten: "advance::every_part_of_the_delivery_is_stored",
    AllButTheNewestAttemptIsForgotten: "advance::every_part_of_the_delivery_is_stored",
    ReasonsAreTrimmed: "configs::every_character_of_its_texts_is_kept",
    GetsCrossTasks: "configs::tasks_and_tenants_have_their_own",
    GetsCrossTenants: "configs::tasks_and_tenants_have_their_own",
    GetsAreStale: "configs::another_put_replaces_it_whole",
    GetsShowOthers: "config_reads::find_what_they_ask_for_and_nothing_else",
    GetsOfOneShowAll: "config_reads::find_what_they_ask_for_and_nothing_else",
    LongGetsAreCutOff: "config_reads::of_large_configs_are_whole",
    GetsShowTheDeleted: "configs::deleted_it_is_gone",
    GetsHaveNoSecrets: "config_reads::find_what_they_ask_for_and_nothing_else",
    GetsLag: "config_reads::see_every_write",
    MakingsAreOne: "configs::makings_of_one_config_are_apart",
    DeletesAreDropped: "configs::deleted_it_is_gone",
    DeletesAreOfAll: "configs::deleted_it_is_gone",
    DeletesAreById: "configs::makings_of_one_config_are_apart",
    DeletesNeedAConfig: "configs::deleting_it_again_changes_nothing",
    DeletesCrossTasks: "configs::deleting_is_of_one_task_alone",
    DeletesCrossTenants: "configs::deleting_is_of_one_task_alone",
    AdvancesAreDropped: "advance::the_next_takes_its_place",
    AdvancesHaveNoCondition: "advance::another_write_stands_in_its_way",
    AdvancesAreLostUnheard: "advance::another_write_stands_in_its_way",
    AdvancesIgnoreCase: "advance::only_its_own_mark_will_do",
    AdvancesOverwritePuts: "advance::a_replaced_one_is_left_alone",
    AdvancesBringBackTheDeleted: "advance::a_deleted_one_does_not_come_back",
    AdvancesMakeTheMissing: "advance::a_missing_one_is_not_made",
    AdvancesForgetTheirOwnWrite: "advance::the_same_write_again_is_known",
    AdvancesKnowEveryWrite: "advance::the_same_write_again_is_known",
    AdvancesAreOfTheDeliveryAlone: "advance::all_of_it_is_stored",
    AdvancesKeepTheirMark: "advance::the_next_takes_its_place",
    AdvancesForgetTheBatch: "advance::every_part_of_the_delivery_is_stored",
    AdvancesForgetTheTrouble: "advance::every_part_of_the_delivery_is_stored",
    AdvancesKeepTheBatch: "advance::every_part_of_the_delivery_is_stored",
    AdvancesKeepTheTrouble: "failing::forgets_what_is_over",
    AdvancesAreOfAll: "advance::others_stay_as_they_are",
    AdvancesCrossTasks: "advance::others_stay_as_they_are",
    AdvancesMayBothWin: "advance::of_many_at_once_one_wins",
    FailingIsEmpty: "failing::shows_only_those_in_trouble",
    FailingShowsAll: "failing::shows_only_those_in_trouble",
    FailingIsInEveryShard: "failing::shows_each_in_its_tasks_shard_only",
    FailingIsTurnedRound: "failing::begins_with_the_oldest_trouble",
    FailingIsInTheOrderOfIds: "failing::begins_with_the_oldest_trouble",
    FailingIgnoresTheLimit: "failing::in_pages_of_any_size_shows_each_once",
    FailingBeginsAnew: "failing::in_pages_of_any_size_shows_each_once",
    FailingRepeatsItsPlace: "failing::in_pages_of_any_size_shows_each_once",
    FailingPassesOverTies: "failing::in_pages_shows_each_of_the_same_time_once",
    FailingNeedsItsPlace: "failing::goes_on_from_one_that_is_not_there_any_more",
    FailingIsNeverCleared: "failing::forgets_what_is_over",
    FailingShowsTheDeleted: "failing::forgets_what_is_over",
    FailingHasTheFirstTime: "failing::shows_one_once",
    FailingHidesTheDisabled: "failing::shows_disabled_ones",
    FailingShowsDueTasks: "failing::is_not_mixed_up_with_what_is_due",
    FailingShowsOneOfATask: "failing::in_pages_shows_each_of_the_same_time_once",
    FailingIsOfTheDefaultTenant: "failing::shows_those_of_any_task_and_id",
}

/// A store that is right but for one fault.
struct Broken {
    right: MemoryStore,
    fault: Fault,
    past: Mutex<Past>,
}

/// What was there before, as far as faults need it.
#[derive(Default)]
struct Past {
    writes: BTreeSet<String>,
    keys: BTreeSet<TaskKey>,
    owners: BTreeSet<Owner>,
    reads: BTreeMap<TaskKey, Snapshot>,
    due: BTreeMap<TaskKey, Timestamp>,
    /// What was replaced.
    earlier: BTreeMap<TaskKey, Snapshot>,
    configs: PastConfigs,
    marks: PastMarks,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self { fault, ..Self::right() }
    }

    fn right() -> Self {
        Self { right: MemoryStore::new(), fault: Fault::Nothing, past: Mutex::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Whether a write with this mark was made before.
    fn knows(&self, write: &WriteId) -> bool {
        !self.past.lock().unwrap().writes.insert(write.as_str().to_owned())
    }

    /// What was read before of a task that now is read so.
    fn read_before(&self, key: &TaskKey, now: &Snapshot) -> Option<Snapshot> {
        self.past.lock().unwrap().reads.insert(key.clone(), now.clone())
    }

    async fn current(&self, key: &TaskKey) -> Option<Box<Snapshot>> {
        self.right.read(key, Depth::Tail).await.unwrap().map(Box::new)
    }

    fn garble(&self, snapshot: &mut Snapshot, depth: Depth) {
        self.garble_pushes(&mut snapshot.head);
        let Snapshot { head, tail, .. } = snapshot;
        let middle = tail.len() / 2;
        match (self.fault, depth) {
            (Fault::AnEntryIsForgotten, Depth::Full)
            | (Fault::TheTailHasAGap, Depth::Tail)
            | (Fault::AfterForgetsAnEntry, Depth::After(_))
                if tail.len() > 2 =>
            {
                tail.remove(middle);
            }
            (Fault::EntriesAreSwapped, Depth::Full) if tail.len() > 2 => tail.swap(middle, 0),
            (Fault::FullIsTheTail, Depth::Full) => drop(tail.drain(..tail.len().saturating_sub(4))),
            (Fault::AfterBeginsTooLate, Depth::After(_)) => drop(tail.drain(..tail.len().min(1))),
            (Fault::AfterEndsTooEarly, Depth::After(_)) => drop(tail.pop()),
            (Fault::AfterRepeatsAnEntry, Depth::After(_)) => {
                tail.splice(..0, tail.first().cloned());
            }
            (Fault::AfterIsEmpty, Depth::After(_)) => tail.clear(),
            (Fault::TheCheckpointIsForgotten, _) => head.checkpoint = None,
            (Fault::TheGenerationIsForgotten, _) => head.generation = Generation(head.position.0),
            (Fault::EntriesForgetTheirGeneration, _) => {
                for entry in tail.iter_mut() {
                    entry.generation = Generation(1);
                }
            }
            (Fault::FollowUpsForgetTheirPlace, _) => {
                head.follow_ups.iter_mut().for_each(|one| one.position = Position(1));
            }
            (Fault::TheTimeToLiveIsForgotten, _) => head.ttl = None,
            (Fault::TheIncarnationIsForgotten, _) => head.incarnation = None,
            (Fault::TheDeletionIsForgotten, _) => head.is_deleted = false,
            (Fault::LeftoversAreForgotten, _) => head.has_leftovers = false,
            (Fault::EarlierEntriesAreRead, Depth::Full | Depth::After(_)) => {
                if let Some(earlier) = self.past.lock().unwrap().earlier.get(&head.key) {
                    for entry in tail.iter_mut().skip(1) {
                        let theirs = earlier.tail.iter().find(|of| of.position == entry.position);
                        *entry = theirs.unwrap_or(entry).clone();
                    }
                }
            }
            (Fault::FollowUpsAreForgotten, _) => head.follow_ups.clear(),
            (Fault::PatienceIsForgotten, _) => {
                if let Phase::Interrupted { patience, .. } = &mut head.phase {
                    *patience = None;
                }
            }
            (Fault::TheRequestIsForgotten, _) => head.request = None,
            (Fault::SenderWaitsIsForgotten, _) => head.sender_waits_until = None,
            _ => {}
        }
    }
}

#[async_trait]
impl TaskStore for Broken {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        let head = change.head();
        {
            let mut past = self.past.lock().unwrap();
            past.keys.insert(head.key.clone());
            past.owners.insert(head.owner.clone());
        }
        let known = self.knows(&head.write);
        let created = self.right.create(change).await?;
        if created == Created::Now {
            let due = head.due.map(|due| (head.key.clone(), due));
            self.past.lock().unwrap().due.extend(due);
        }
        match created {
            Created::Now if known && self.has(Fault::CreateForgetsItsOwnWrite) => {
                Ok(Created::Before(self.current(&head.key).await.unwrap()))
            }
            Created::Before(_) if self.has(Fault::CreateHidesTheFirst) => Ok(Created::Now),
            Created::Before(base) if self.has(Fault::CreateOverwrites) => {
                let guard = Guard { revision: base.head.revision, leased_until: None };
                self.right.commit(&base, guard, change).await?;
                Ok(Created::Now)
            }
            created => Ok(created),
        }
    }

    async fn replace(&self, expired: &Head, change: &Change) -> Result<Created, StoreError> {
        self.broken_replace(expired, change).await
    }

    async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError> {
        self.broken_purge(expired, limit).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let is_after = matches!(depth, Depth::After(_));
        let as_read = if self.has(Fault::AfterIsTheTail) && is_after { Depth::Tail } else { depth };
        let mut found = self.right.read(key, as_read).await?;
        let crosses_tenants =
            self.has(Fault::ReadsCrossTenants) || self.has(Fault::AfterCrossesTenants) && is_after;
        if found.is_none() && crosses_tenants {
            let keys = self.past.lock().unwrap().keys.clone();
            if let Some(other) = keys.iter().find(|other| other.task == key.task) {
                found = self.right.read(other, depth).await?;
            }
        }
        if let Some(found) = &mut found {
            self.garble(found, depth);
        }
        match (found, depth) {
            (Some(now), Depth::After(known)) if self.has(Fault::AfterTheEndIsNone) => {
                Ok(Some(now).filter(|now| known <= now.head.position))
            }
            (Some(mut now), Depth::After(_)) if self.has(Fault::AfterHasAStaleHead) => {
                if let Some(before) = self.read_before(key, &now) {
                    now.head = before.head;
                }
                Ok(Some(now))
            }
            (Some(now), _)
                if self.has(Fault::ReadsAreStale) || self.has(Fault::AfterIsStale) && is_after =>
            {
                Ok(Some(self.read_before(key, &now).unwrap_or(now)))
            }
            (found, _) => Ok(found),
        }
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let key = &change.head().key;
        let (mut base, mut guard) = (base.clone(), guard);
        if self.has(Fault::CommitIgnoresTheLease) {
            guard.leased_until = None;
        }
        if self.has(Fault::CommitIgnoresTheIncarnation)
            && let Some(now) = self.current(key).await
        {
            base.head.incarnation = now.head.incarnation;
        }
        if self.has(Fault::CommitWritesTheLease) {
            base.head.phase = Phase::Waiting { until: Timestamp::MIN };
        }
        if self.has(Fault::CommitForgetsItsOwnWrite) && self.knows(&change.head().write) {
            return Ok(Committed::Lost(self.current(key).await));
        }
        if self.drops_mark(&base, change) {
            let head = change.head().clone();
            return Ok(Committed::Done(Box::new(Snapshot { head, ..base })));
        }
        match self.right.commit(&base, guard, change).await? {
            Committed::Done(mut now) => {
                self.garble(&mut now, Depth::Tail);
                let due = now.head.due.map(|due| (key.clone(), due));
                self.past.lock().unwrap().due.extend(due);
                if self.has(Fault::CommitsDropConfigs) {
                    self.delete_configs(key, |_| true).await?;
                }
                let answer = if self.has(Fault::CommitAnswersWithTheBase) { base } else { *now };
                Ok(Committed::Done(Box::new(answer)))
            }
            Committed::Lost(Some(_)) if self.has(Fault::LostCommitsComeAlone) => {
                Ok(Committed::Lost(None))
            }
            Committed::Lost(Some(now)) if self.has(Fault::CommitIgnoresTheRevision) => {
                guard.revision = now.head.revision;
                self.right.commit(&now, guard, change).await
            }
            outcome @ Committed::Lost(_) => Ok(outcome),
        }
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        if self.has(Fault::RenewalsAreDropped) {
            return Ok(Renewed::Done);
        }
        match self.right.renew(key, token, until).await? {
            Renewed::Done if self.has(Fault::DueIsMovedByRenewals) => {
                self.past.lock().unwrap().due.insert(key.clone(), until);
                Ok(Renewed::Done)
            }
            Renewed::Lost(Some(_)) if self.has(Fault::LostRenewalsComeAlone) => {
                Ok(Renewed::Lost(None))
            }
            Renewed::Lost(Some(now)) if self.has(Fault::RenewalsAreForAnyone) => {
                match &now.head.phase {
                    Phase::Running { token, .. } => self.right.renew(key, token, until).await,
                    _ => Ok(Renewed::Lost(Some(now))),
                }
            }
            Renewed::Done => {
                self.past.lock().unwrap().marks.renewed(key);
                Ok(Renewed::Done)
            }
            Renewed::Lost(Some(now)) if self.has(Fault::MarksAreLeases) => {
                let is_claimed = now.head.pushed_until(&ClaimToken::new(token.as_str())).is_some();
                Ok(if is_claimed { Renewed::Done } else { Renewed::Lost(Some(now)) })
            }
            outcome @ Renewed::Lost(_) => Ok(outcome),
        }
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.broken_list(query).await
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let before = Timestamp::from_millis(until.as_millis() - 1);
        match self.fault {
            Fault::DueBeginsAnew => return self.right.due(shard, until, None, limit).await,
            Fault::DueSkipsOne => {
                let due = self.right.due(shard, until, after, limit).await?;
                return Ok(due.into_iter().skip(usize::from(after.is_some())).collect());
            }
            Fault::DueIsExclusive => return self.right.due(shard, before, after, limit).await,
            Fault::DueIgnoresTheLimit => {
                return self.right.due(shard, until, after, usize::MAX).await;
            }
            Fault::DueIsInEveryShard => {
                let shard = due_shard(&a_key(self));
                return self.right.due(shard, until, after, limit).await;
            }
            _ => {}
        }
        let mut due = self.right.due(shard, until, after, limit).await?;
        let past = self.past.lock().unwrap().due.clone();
        let in_shard = past.into_iter().filter(|(key, _)| due_shard(key) == shard);
        match self.fault {
            Fault::DueIsOfOpenTasksAlone => self.retain_open(&mut due).await,
            Fault::DueShowsFailingConfigs => {
                due.extend(self.failing_as_due(shard, until).await?);
            }
            Fault::DueIsTurnedRound => due.reverse(),
            Fault::DueIsNeverCleared => {
                for (key, was_due) in in_shard.filter(|(_, due)| *due <= until) {
                    if due.iter().all(|task| task.key != key) {
                        due.push(DueTask { key, due: was_due });
                    }
                }
            }
            Fault::DueIsMovedByRenewals => {
                for (key, moved) in in_shard {
                    due.iter_mut().filter(|task| task.key == key).for_each(|task| task.due = moved);
                }
            }
            _ => {}
        }
        Ok(due)
    }
}

/// Any task's key; all shards show the tasks of its shard.
fn a_key(store: &Broken) -> TaskKey {
    store.past.lock().unwrap().keys.first().cloned().unwrap()
}

/// Runs a case in a task of its own; whether it failed.
async fn fails(name: &'static str, store: Broken) -> bool {
    tokio::spawn(run(name, Bench::new(store))).await.is_err()
}

#[tokio::test]
async fn every_fault_is_caught_by_its_case() {
    let mut uncaught = Vec::new();
    for &(fault, case) in FAULTS {
        if !fails(case, Broken::new(fault)).await {
            uncaught.push((fault, case));
        }
    }
    assert_eq!(uncaught, [], "the cases do not catch these");
}

#[tokio::test]
async fn every_fault_makes_a_difference() {
    let mut uncaught = Vec::new();
    // One operation follows the other here.
    let racy = [Fault::AdvancesMayBothWin];
    for &(fault, _) in FAULTS.iter().filter(|(fault, _)| !racy.contains(fault)) {
        let differing = tokio::spawn(async move {
            for seed in 0..10 {
                differential(&MemoryStore::new(), &Broken::new(fault), seed, 400).await;
            }
        });
        if differing.await.is_ok() {
            uncaught.push(fault);
        }
    }
    assert_eq!(uncaught, [], "the differential test does not catch these");
}

/// Without a fault the store is right: what the cases above catch is the fault alone.
#[tokio::test]
async fn the_store_is_right_but_for_its_fault() {
    for &(_, case) in FAULTS {
        assert!(!fails(case, Broken::right()).await, "{case} fails without a fault");
    }
}
