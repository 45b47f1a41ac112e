//! A deliverer's knowledge of its task, and its next step: the state machine of a delivery.
//!
//! ```text
//!        ┌────────────────────────────────── news ──────────────────────────────────┐
//!        v                                                                          │
//!  ┌─────────────┐    ┌─────────┐    ┌───────┐    ┌──────┐    ┌──────┐         ┌────┴───┐
//!  │ ReadConfigs ├──> │ ReadLog ├──> │ Claim ├──> │ Post ├──> │ Wait ├───────> │ Settle │
//!  └─────────────┘    └─────────┘    └───────┘    └──────┘    └──┬───┘         └────┬───┘
//!        ^                                                       │                  │
//!        └────────── an attempt has ended, a runner shows ───────┘                  v
//!                    more, or it is time to look                                  Stop
//! ```
//!
//! The first line that holds is the next step. A lane is a config; a busy lane has an attempt in
//! flight. A deliverer is alone if no runner shows it the task, or none does any more.
//!
//! | claimed | what holds | step |
//! |---------|------------|------|
//! | no, or the task is gone | a lane is busy, or a runner shows the task | Wait |
//! | the task is gone | | Stop |
//! | no  | the mark is free, and there is time for an attempt | Claim; Stop if the claim was refused |
//! | no  | | Stop |
//! | yes | the configs were read at another epoch | `ReadConfigs` |
//! | yes | a lane is due, and its payload needs older entries | `ReadLog`; once before each wait |
//! | yes | a lane is due, and there is a payload, and time, but the claim ends too early or has too narrow a view | Claim |
//! | yes | the same, and the claim suffices | Post |
//! | yes | a runner shows the task, and the claim is about to end before all acknowledgements are written | `StoreConfig` |
//! | yes | a lane is busy, or a runner shows the task | Wait |
//! | yes | not all acknowledgements are written, and the settlement does not imply them | `StoreConfig` |
//! | yes | | Settle |
//!
//! Everything here is pure. [`Delivering`](super::Delivering) carries the steps out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use tracing::{debug, info};

use super::attempt::{Attempted, NoOutcome, PushOutcome};
use super::feed::Feed;
use super::lane::Lane;
use super::payload::{Found, Payload, next};
use super::times::{claimed_until, has_time_for_one, last_begin};
use super::wide::{Wide, late_wait, view_for};
use crate::head::{Head, MAX_PUSH_VIEW};
use crate::ids::{ClaimToken, ConfigId, Position};
use crate::log::Entry;
use crate::machine::Settlement;
use crate::policy::Policy;
use crate::push::PushConfig;
use crate::push::mark::Pushes;
use crate::store::{Kept, Snapshot};

/// The delay of the signal for the next deliverer, if this one ran out of time.
const RELAY: Duration = Duration::from_secs(1);

/// The counts of attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Acknowledged attempts.
    pub acknowledged: usize,
    /// Failed attempts.
    pub failed: usize,
    /// Attempts whose outcome could not be stored.
    pub unknown: usize,
    /// Postponed attempts: the store was too slow for a push to begin, or too little time was left.
    pub late: usize,
}

/// The next step of a deliverer.
#[derive(Debug)]
pub(super) enum Step {
    /// Read the configs.
    ReadConfigs,
    /// Read the log after an entry, for a lane.
    ReadLog { id: ConfigId, after: Position },
    /// Claim the mark, or renew the claim for longer or with a wider view.
    Claim,
    /// Begin an attempt, which must end by `ends_by`.
    Post { id: ConfigId, payload: Payload, ends_by: Timestamp },
    /// Write a receiver's acknowledgements.
    StoreConfig { id: ConfigId },
    /// Wait for an attempt, for the runner, or for at most this long.
    Wait(Option<Duration>),
    /// Give the claim up.
    Settle(Settlement),
    /// The delivery is done.
    Stop,
}

/// The result of the last claim since the deliverer began an attempt or waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    /// It made no claim.
    No,
    /// The claim was made.
    Now,
    /// The claim was refused.
    Refused,
}

/// A deliverer's knowledge.
#[derive(Debug)]
pub(super) struct State {
    policy: Arc<Policy>,
    token: ClaimToken,
    deadline: Timestamp,
    head: Head,
    kept: Kept,
    /// Entries without a gap up to the head's position.
    log: Vec<Entry>,
    lanes: BTreeMap<ConfigId, Lane>,
    /// The epoch of the configs that were read.
    epoch: Option<u64>,
    wide: Wide,
    /// Since when no runner shows the task. Others may wait for the deliverer to end.
    alone_since: Option<Timestamp>,
    /// Whether the deliverer knows the outcome of each of its attempts.
    knows_all: bool,
    /// Whether the task is gone.
    is_lost: bool,
    claimed: Claimed,
    pub(super) tally: Tally,
}

impl State {
    pub(super) fn new(
        policy: Arc<Policy>,
        token: ClaimToken,
        deadline: Timestamp,
        snapshot: Snapshot,
        feed: &Feed,
    ) -> Self {
        let Snapshot { head, tail, kept } = snapshot;
        Self {
            policy,
            token,
            deadline,
            head,
            kept,
            log: tail,
            lanes: BTreeMap::new(),
            epoch: None,
            wide: feed.wide().clone(),
            alone_since: None,
            knows_all: feed.knows_all,
            is_lost: false,
            claimed: Claimed::No,
            tally: Tally::default(),
        }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// The last known task, as the base of a change. The log is not needed for that.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { head: self.head.clone(), tail: Vec::new(), kept: self.kept.clone() }
    }

    /// The next step, by the table of this module.
    pub(super) fn next_step(&self, now: Timestamp) -> Step {
        let is_gone = self.is_gone(now);
        if is_gone || !self.is_claimed() {
            if self.has_company() {
                return Step::Wait(self.pause(now, None));
            }
            let may_claim = !is_gone && self.claimed != Claimed::Refused;
            let claims = may_claim && self.head.has_free_push(now) && self.has_time(now);
            return if claims { Step::Claim } else { Step::Stop };
        }
        if self.has_stale_configs() {
            return Step::ReadConfigs;
        }
        let mut wake: Option<Timestamp> = None;
        for (id, lane) in self.lanes.iter().filter(|(_, lane)| !lane.is_busy) {
            let Some(at) = lane.next() else { continue };
            if at > now {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
                continue;
            }
            match self.find(lane) {
                Found::Nothing => {}
                Found::NeedsLogAfter(after) => return Step::ReadLog { id: id.clone(), after },
                Found::Payload(payload) => {
                    if !self.has_time(now) || self.has_lingered(now) {
                        break;
                    }
                    let Some(until) = claimed_until(&self.policy, &self.head, &self.token) else {
                        break;
                    };
                    match self.claimed {
                        Claimed::No if !self.suffices(&self.head, now) => return Step::Claim,
                        Claimed::Refused => break,
                        Claimed::No | Claimed::Now => {}
                    }
                    let ends_by = until.min(self.deadline);
                    return Step::Post { id: id.clone(), payload, ends_by };
                }
            }
        }
        if self.has_company() {
            // After that, another deliverer may claim the mark, and it knows only the stored
            // acknowledgements.
            let until = claimed_until(&self.policy, &self.head, &self.token);
            let store_by = until.map(|until| last_begin(&self.policy, until));
            match self.to_be_stored(now) {
                Some(id) if store_by.is_none_or(|by| by <= now) => return Step::StoreConfig { id },
                Some(_) => wake = wake.into_iter().chain(store_by).min(),
                None => {}
            }
            return Step::Wait(self.pause(now, wake));
        }
        self.settle(now)
    }

    /// A config with acknowledgements that are not written yet.
    pub(super) fn to_be_stored(&self, now: Timestamp) -> Option<ConfigId> {
        let mut lanes = self.lanes.iter();
        lanes.find(|(_, lane)| lane.is_to_be_stored(now)).map(|(id, _)| id.clone())
    }

    /// Whether this is the task's first delivery. Then its settlement implies the cursor (see
    /// [`Head::pushed_through`]).
    fn is_first(&self) -> bool {
        let pushes = self.head.pushes.as_ref();
        self.knows_all && pushes.is_some_and(Pushes::is_first_delivery)
    }

    /// Gives up the claim, with the time of the next work. A lane may wait for a time of its own,
    /// or it may have run out of the deliverer's time. In the second case a signal wakes the next
    /// deliverer, and not another record of the stream: the records behind it have waited.
    fn settle(&self, now: Timestamp) -> Step {
        let mut next: Option<Timestamp> = None;
        for (id, lane) in &self.lanes {
            let Some(at) = lane.next() else { continue };
            if at <= now {
                match self.find(lane) {
                    Found::Nothing => continue,
                    Found::NeedsLogAfter(after) => return Step::ReadLog { id: id.clone(), after },
                    Found::Payload(_) => {}
                }
            }
            let at = at.max(now.saturating_add(RELAY));
            next = Some(next.map_or(at, |next| next.min(at)));
        }
        let tells_all = next.is_none() && self.head.is_terminal() && self.is_first();
        if let Some(id) = self.to_be_stored(now).filter(|_| !tells_all) {
            return Step::StoreConfig { id };
        }
        Step::Settle(Settlement {
            token: self.token.clone(),
            epoch: self.epoch.unwrap_or_default(),
            through: self.head.position,
            next,
        })
    }

    /// The next payload of a lane. There is none if the log was read for it and is still not
    /// enough.
    fn find(&self, lane: &Lane) -> Found {
        match next(&lane.config, &self.head, &self.log, lane.repeats == 0, &self.policy) {
            Found::NeedsLogAfter(known) if lane.read_after.is_some_and(|read| read <= known) => {
                Found::Nothing
            }
            found => found,
        }
    }

    /// How long to wait. A deliverer that is alone looks for news by itself.
    fn pause(&self, now: Timestamp, wake: Option<Timestamp>) -> Option<Duration> {
        match self.alone_since {
            Some(_) => Some(self.policy.poll_most),
            None => wake.map(|at| at.saturating_since(now)),
        }
    }

    /// Whether there is something to wait for: an attempt or a runner.
    fn has_company(&self) -> bool {
        self.alone_since.is_none() || self.lanes.values().any(|lane| lane.is_busy)
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.head.pushed_until(&self.token).is_some()
    }

    /// Whether the task is gone: it has expired, or was deleted.
    fn is_gone(&self, now: Timestamp) -> bool {
        self.is_lost || self.head.is_expired(now, self.policy.retention.as_ref())
    }

    /// Whether an attempt that begins now ends in time.
    fn has_time(&self, now: Timestamp) -> bool {
        has_time_for_one(&self.policy, now, self.deadline)
    }

    /// Whether it is time to leave the rest to another deliverer, by a signal.
    fn has_lingered(&self, now: Timestamp) -> bool {
        let most = self.policy.push_linger;
        self.alone_since.is_some_and(|since| now.saturating_since(since) >= most)
    }

    /// Whether a config may have changed, or another deliverer may have worked, since the configs
    /// were read.
    fn has_stale_configs(&self) -> bool {
        self.epoch != self.head.pushes.as_ref().map(|pushes| pushes.epoch)
    }

    /// Whether the claim of a task is long enough for an attempt and has the needed view.
    pub(super) fn suffices(&self, head: &Head, now: Timestamp) -> bool {
        let until = claimed_until(&self.policy, head, &self.token);
        until.is_some_and(|until| has_time_for_one(&self.policy, now, until))
            && self.wide.is_claimed(head)
    }

    /// Widens the view of later claims if the read of the task was slow.
    pub(super) fn widen_if_slow(&self, took: Duration) {
        self.wide.widen_if_slow(&self.policy, took);
    }

    /// The token to claim with.
    pub(super) fn claims_as(&self) -> ClaimToken {
        self.wide.claims_as(&self.token)
    }

    /// Stores the result of a claim.
    pub(super) fn claimed(&mut self, claimed: Claimed) {
        self.claimed = claimed;
    }

    /// Notes that the task is gone.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Notes that no runner shows the task, or none does any more.
    pub(super) fn left_alone(&mut self, now: Timestamp) {
        self.alone_since.get_or_insert(now);
    }

    /// Notes that the deliverer has waited.
    pub(super) fn waited(&mut self) {
        self.claimed = Claimed::No;
        self.lanes.values_mut().for_each(|lane| lane.read_after = None);
    }

    /// Begins an attempt. Returns its config, and whether to write the config after an
    /// acknowledgement.
    pub(super) fn begin(&mut self, id: &ConfigId) -> Option<(PushConfig, bool)> {
        self.claimed = Claimed::No;
        let lane = self.lanes.get_mut(id)?;
        lane.is_busy = true;
        Some((lane.config.clone(), lane.unstored + 1 >= self.policy.push_note_every))
    }

    /// The config that is to be written.
    pub(super) fn unstored(&self, id: &ConfigId) -> Option<PushConfig> {
        self.lanes.get(id).map(|lane| lane.config.clone())
    }

    /// Adopts the configs that were read at this epoch.
    pub(super) fn take_configs(&mut self, read: Vec<PushConfig>, epoch: Option<u64>) {
        let mut before = std::mem::take(&mut self.lanes);
        let is_first = self.is_first();
        for config in read {
            // Another deliverer may have sent this many pushes and died before it wrote so.
            let repeats = match config.delivery.batch {
                _ if is_first && before.is_empty() => 0,
                Some(_) => 1,
                None => self.policy.push_note_every,
            };
            let lane = match before.remove(&config.id) {
                Some(lane) if lane.config.write == config.write => Lane { repeats, ..lane },
                // The attempt in flight uses the config that it began with. The configs are read
                // again after it.
                Some(lane) if lane.is_busy => Lane { is_outdated: true, ..lane },
                _ => Lane::new(config, repeats),
            };
            self.lanes.insert(lane.config.id.clone(), lane);
        }
        let gone = before.into_iter().filter(|(_, lane)| lane.is_busy);
        self.lanes.extend(gone.map(|(id, lane)| (id, Lane { is_outdated: true, ..lane })));
        self.epoch = epoch;
    }

    /// Notes that the log was read for a lane. The next adopted entries replace the known ones, if
    /// the task still exists.
    pub(super) fn read_log(&mut self, id: &ConfigId, after: Position, is_there: bool) {
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.read_after = Some(after);
        }
        if is_there {
            self.log.clear();
        }
    }

    /// Adopts a newer state.
    pub(super) fn adopt(&mut self, snapshot: Snapshot) {
        let Snapshot { head, tail, kept } = snapshot;
        if head.revision < self.head.revision {
            return;
        }
        if head.revision > self.head.revision {
            self.lanes.values_mut().for_each(|lane| lane.read_after = None);
        }
        let known = self.log.last().map(|entry| entry.position);
        let joins = |first: &Entry| known.is_some_and(|known| first.position <= known.next());
        match (known, tail.first()) {
            (Some(known), Some(first)) if joins(first) => {
                self.log.extend(tail.into_iter().filter(|entry| entry.position > known));
            }
            (Some(known), None) if known == head.position => {}
            _ => self.log = tail,
        }
        self.head = head;
        self.kept = kept;
    }

    /// Takes the result of a write of a config.
    pub(super) fn config_stored(&mut self, id: &ConfigId, result: Result<PushConfig, NoOutcome>) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        match result {
            Ok(config) => (lane.config, lane.unstored) = (config, 0),
            Err(NoOutcome::Later(at)) => {
                lane.later = Some(at);
                self.knows_all = false;
                self.epoch = None;
            }
            // Another deliverer has written the config, so the known state is useless.
            Err(_) => (lane.unstored, self.epoch) = (0, None),
        }
    }

    /// The claim was given up. The settlement implies the acknowledgements that are not written.
    pub(super) fn settled(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.unstored = 0);
    }

    /// Takes the result of an attempt.
    pub(super) fn take_outcome(&mut self, attempted: Attempted, now: Timestamp) {
        let Attempted { id, result } = attempted;
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let (tenant, task) = (&self.head.key.tenant, &self.head.key.task);
        lane.is_busy = false;
        if std::mem::take(&mut lane.is_outdated) {
            self.epoch = None;
        }
        match result {
            Ok(PushOutcome { config, acknowledged }) => {
                let is_written = lane.config.write != config.write;
                lane.unstored =
                    if is_written { 0 } else { lane.unstored + u32::from(acknowledged) };
                lane.config = config;
                lane.repeats =
                    if acknowledged { lane.repeats.saturating_sub(1) } else { lane.repeats.max(1) };
                lane.late = 0;
                let Tally { acknowledged: sent, failed, .. } = &mut self.tally;
                *if acknowledged { sent } else { failed } += 1;
            }
            Err(NoOutcome::Later(at)) => {
                lane.repeats = lane.repeats.max(1);
                lane.later = Some(at);
                self.knows_all = false;
                // Part of it may have been written, and so may the mark.
                self.tally.unknown += 1;
                self.epoch = None;
            }
            Err(NoOutcome::Late { took, config }) => {
                if lane.config.write != config.write {
                    lane.unstored = 0;
                }
                lane.config = *config;
                self.tally.late += 1;
                let view = self.head.push_view(self.policy.push_view).unwrap_or_default();
                if view < MAX_PUSH_VIEW {
                    self.wide.widen(view_for(took.max(view)));
                    lane.later = Some(now);
                } else {
                    lane.later = Some(now.saturating_add(late_wait(lane.late)));
                    lane.late = lane.late.saturating_add(1);
                }
                let view = self.wide.get();
                info!(event = "push_check_slow", %tenant, %task, config = %id, ?took, ?view,
                    "the store answered too late for a push, and the deliverer allows more time");
            }
            Err(NoOutcome::NoTime) => {
                lane.repeats = lane.repeats.max(1);
                self.tally.late += 1;
                self.epoch = None;
                info!(event = "push_out_of_time", %tenant, %task, config = %id,
                    "the deliverer had too little time left for a push");
            }
            Err(NoOutcome::Superseded) => {
                self.tally.unknown += 1;
                self.epoch = None;
                debug!(%tenant, %task, config = %id, "another has written what came of a push");
            }
            // Nothing was sent, but the end of a batch may have been stored.
            Err(NoOutcome::Withdrawn) => self.epoch = None,
        }
    }
}

#[cfg(test)]
mod tests;
