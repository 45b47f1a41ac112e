//! I6: the rules for pushes.
//!
//! Exact rules, checked at each arrival:
//!
//! - All arrivals under an id have the same bytes.
//! - In the order of first arrivals, a receiver gets the task as it was when the config was created,
//!   and then each later entry that is no message, in order, without a gap. Chunks of an artifact
//!   may come as one. A task that its sender never learns of is one message.
//! - Only their own receiver is sent the secrets of a config.
//!
//! The deliverer writes the cursor of a healthy receiver every `push_note_every` pushes, because a
//! write for each push was a quarter of a task's cost. So a deliverer that dies leaves at most so
//! many pushes behind, which are repeated under the same ids. If the settlement of a task's only
//! delivery implies the cursor (`Head::pushed_through`), that cursor must be true. It must be
//! written before it is not implied any more.
//!
//! Rules for clocks that differ by at most the policy's `clock_skew`, checked at each sending:
//!
//! - The sender has the claim, and still has it at the push's arrival: no other deliverer sends.
//! - Its acknowledgement is not stored yet, unless a deliverer that had lost the claim stored it. The time
//!   of the next attempt has come, and the config is not disabled.
//! - No more than `push_note_every` pushes have arrived beyond the cursor.
//!
//! A rule for runs whose only fault is slowness: a push comes within a bound that allows some slow
//! requests. It does not wait as if the store had failed.
//!
//! If clocks differ by more, two deliverers may work at once, each with a claim that holds by its
//! own clock. Then a receiver may get an entry again, under another id and after newer ones. It
//! still gets every entry: a push begins at most directly after the newest entry that has arrived.
//!
//! The rules for refused, replaced or deleted configs (I14) are in `silence.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use a2a_lambda_core::ids::ClaimToken;
use a2a_lambda_core::log::fold;
use a2a_lambda_core::{
    Answer, Entry, Event, Head, Mark, Position, ProtocolVersion, Push, PushConfig, Registration,
    TaskKey,
};
use a2a_lambda_protocol::{StreamResponse, TaskArtifactUpdateEvent, v0_3};

use super::writes::holder;
use super::{EPOCH, Known, Oracle, Verdict, Violation, ensure};

/// One registration of a push config, from its storage on.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) task: TaskKey,
    /// The present or last stored state.
    pub(super) config: PushConfig,
    pub(super) is_stored: bool,
    /// Whether its task names it.
    pub(super) is_live: bool,
    /// The task that has named it: the number of earlier tasks of its id.
    pub(super) life: usize,
    /// The actor whose write named it.
    pub(super) named_by: Option<String>,
    /// When its task named it, in milliseconds of the run.
    pub(super) named_ms: u64,
    /// When its task removed its name, in milliseconds of the run.
    pub(super) gone_from_ms: Option<u64>,
    /// How old its deliverer's view may have been then.
    pub(super) view: Duration,
    /// When the request that deleted or replaced it was answered, in milliseconds of the run.
    pub(super) silent_from_ms: Option<u64>,
    /// The actor whose commit removed its name.
    pub(super) gone_by: Option<String>,
    /// The task's newest entry when it was created.
    first: Position,
    /// The newest entry of each arrived push.
    arrivals: BTreeSet<Position>,
    /// The bytes that arrived under each id, as a hash.
    bodies: BTreeMap<String, u64>,
    /// The newest entry that has arrived.
    arrived: Option<Position>,
    /// When a newly arrived push was last acknowledged, in milliseconds of the run.
    accepted_ms: u64,
    /// The newest entry of each acknowledged push.
    pub(super) acknowledged: BTreeSet<Position>,
    /// The receiver's answers.
    pub(super) statuses: BTreeSet<u16>,
    /// The claim at the last write by a deliverer that did not have it: the one that has it may not know
    /// of the write.
    pub(super) noted_beside: Option<ClaimToken>,
    /// How many attempts began since an acknowledgement was stored.
    pub(super) begun: u32,
    /// How long the receiver's last answer asked each sender to leave it alone.
    pub(super) asked: BTreeMap<String, Duration>,
}

impl Hook {
    pub(super) fn new(task: TaskKey, config: PushConfig) -> Self {
        Self {
            task,
            first: config.delivery.cursor,
            config,
            is_stored: true,
            is_live: false,
            life: 0,
            named_by: None,
            named_ms: 0,
            gone_from_ms: None,
            view: Duration::ZERO,
            silent_from_ms: None,
            gone_by: None,
            arrivals: BTreeSet::new(),
            bodies: BTreeMap::new(),
            arrived: None,
            accepted_ms: 0,
            acknowledged: BTreeSet::new(),
            statuses: BTreeSet::new(),
            noted_beside: None,
            begun: 0,
            asked: BTreeMap::new(),
        }
    }

    /// The newest entry of the push that shows the task to the receiver first.
    fn introduction(&self) -> Position {
        self.first.max(Position(1))
    }

    /// Whether something is left to send that the receiver has not acknowledged.
    pub(super) fn is_owed(&self, head: &Head, log: &[Entry]) -> bool {
        let delivery = &self.config.delivery;
        if delivery.is_disabled() {
            return false;
        }
        let (mut cursor, mut introduced) = (delivery.cursor, delivery.introduced);
        let is_well = delivery.trouble.is_none() && delivery.batch.is_none();
        if is_well && head.pushed_through().is_some() {
            introduced |= !self.acknowledged.is_empty();
            cursor = cursor.max(self.acknowledged.last().copied().unwrap_or_default());
        }
        if is_unknown(head) {
            return cursor < head.position;
        }
        !introduced || sent_entries(log, cursor, head.position).next().is_some()
    }

    /// How many different pushes have arrived beyond the cursor, and may be sent again.
    fn arrived_beyond_cursor(&self, head: &Head) -> usize {
        let delivery = &self.config.delivery;
        let is_beyond = |of: &&Position| {
            let is_left = !is_unknown(head) || **of == head.position;
            let least = delivery.cursor.0 + u64::from(delivery.introduced);
            is_left && of.0 >= least
        };
        self.arrivals.iter().filter(is_beyond).count()
    }
}

/// Whether the sender of a task received a message and knows of no task.
fn is_unknown(head: &Head) -> bool {
    head.is_direct() && !head.is_listed()
}

/// The entries of a part of the log that receivers get.
fn sent_entries(log: &[Entry], after: Position, through: Position) -> impl Iterator<Item = &Entry> {
    log.iter()
        .filter(move |entry| entry.position > after && entry.position <= through)
        .filter(|entry| !matches!(entry.event, Event::Message(_)))
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The newest entry of a push.
fn through(push: &Push) -> Verdict<Position> {
    let number = push.id.rsplit_once('_').and_then(|(_, number)| number.parse().ok());
    number
        .map(Position)
        .ok_or_else(|| Violation::new("I6", format!("a push has the id {}", push.id)))
}

impl Oracle {
    /// The registration of a push, by its id.
    fn registration_of(&self, id: &str) -> Option<&Registration> {
        id.rsplit_once('_').and_then(|(prefix, _)| self.by_push.get(prefix))
    }

    fn hook(&self, push: &Push) -> Verdict<&Hook> {
        let hook = self.registration_of(&push.id).and_then(|of| self.hooks.get(of));
        hook.filter(|hook| hook.config.url == push.url).ok_or_else(|| {
            Violation::new("I6", format!("something is pushed to {}, which nobody gave", push.url))
        })
    }

    fn hook_mut(&mut self, id: &str) -> Option<&mut Hook> {
        let registration = self.registration_of(id)?.clone();
        self.hooks.get_mut(&registration)
    }

    /// An attempt at a push is begun.
    pub(crate) fn push_begun(&mut self, push: &Push) {
        if let Some(hook) = self.hook_mut(&push.id) {
            hook.begun += 1;
        }
    }

    /// A push leaves its sender.
    pub(crate) fn push_sent(&mut self, actor: &str, push: &Push, now_ms: u64) -> Verdict {
        let through = through(push)?;
        let hook = self.hook(push)?;
        self.check_silence(actor, push, hook, now_ms)?;
        self.check_expired_push(actor, &hook.task, hook.life, now_ms)?;
        let delivery = &hook.config.delivery;
        if self.claims_hold {
            self.check_claimed(actor, push, hook)?;
        }
        if self.claims_hold && hook.is_stored {
            let is_beside = hook.noted_beside.is_some()
                && hook.noted_beside.as_ref() == self.pusher_of(&hook.task);
            let is_noted = delivery.introduced && delivery.cursor >= through && !is_beside;
            ensure(!is_noted, "I6", || {
                format!("{actor} sends {} to {}, which has it", push.id, push.url)
            })?;
            ensure(!delivery.is_disabled(), "I6", || {
                format!("{actor} sends {} to {}, which is disabled", push.id, push.url)
            })?;
            let next = delivery.trouble.as_ref().and_then(|trouble| trouble.next);
            let decided_by = push.at.saturating_add(self.set_back);
            ensure(next.is_none_or(|next| next <= decided_by), "I6", || {
                let early = next.map(|next| next.as_millis() - push.at.as_millis());
                format!("{actor} sends {} to {}, {early:?} ms early", push.id, push.url)
            })?;
        }
        Ok(())
    }

    /// The claim of a task's pushes.
    pub(super) fn pusher_of(&self, key: &TaskKey) -> Option<&ClaimToken> {
        match self.tasks.get(key)?.head.mark()? {
            Mark::Claimed { token, .. } => Some(token),
            _ => None,
        }
    }

    fn check_claimed(&self, actor: &str, push: &Push, hook: &Hook) -> Verdict {
        let known = self.in_life(&hook.task, hook.life);
        // A config that was deleted in the meantime has no mark.
        if known.is_some_and(|known| known.gone_ms.is_some()) {
            return Ok(());
        }
        let mark = known.and_then(|known| known.head.mark());
        let is_theirs =
            matches!(mark, Some(Mark::Claimed { token, .. }) if holder(token.as_str()) == actor);
        ensure(is_theirs, "I6", || {
            format!("{actor} pushes {} to {} without the claim: {mark:?}", push.id, push.url)
        })
    }

    /// A push arrives at its receiver, which answers with a status or not at all. Returns whether
    /// it arrived for the first time.
    pub(crate) fn push_arrived(
        &mut self,
        actor: &str,
        push: &Push,
        status: Option<u16>,
        now_ms: u64,
    ) -> Verdict<bool> {
        let through = through(push)?;
        let hook = self.hook(push)?;
        if self.claims_hold {
            self.check_claimed(actor, push, hook)?;
        }
        let token = push.secrets.token.reveal();
        ensure(token.is_empty() || token == push.url, "I6", || {
            format!("{} is sent a token that is not its own", push.url)
        })?;
        let known = self.in_life(&hook.task, hook.life).ok_or_else(|| {
            Violation::new("I6", format!("{} is sent a task that was never stored", push.url))
        })?;
        let body = hash(&push.body);
        let before = hook.bodies.get(&push.id).copied();
        // Two deliverers at once may merge chunks differently.
        let is_same = !self.claims_hold || before.is_none_or(|before| before == body);
        ensure(is_same, "I6", || {
            format!("what is sent to {} as {} has changed", push.url, push.id)
        })?;
        let is_next = hook.arrived.is_none_or(|arrived| arrived < through);
        let is_new = before.is_none();
        if is_new || is_next {
            ensure(is_next || !self.claims_hold, "I6", || {
                let arrived = hook.arrived;
                format!("{} has {} after what came to {arrived:?}", push.url, push.id)
            })?;
            let check = |arrived| known.check_push(hook, push, arrived, self.policy.push_chunks);
            check(hook.arrived).or_else(|violation| {
                let newest = hook.arrived.filter(|_| !self.claims_hold).unwrap_or_default();
                let before = (hook.introduction().0..newest.0).map(|n| Some(Position(n)));
                let mut earlier = before.chain((!self.claims_hold).then_some(None));
                earlier.any(|arrived| check(arrived).is_ok()).then_some(()).ok_or(violation)
            })?;
        }
        if let Some(most_ms) = self.late_most_ms.filter(|_| is_new) {
            let late_ms = now_ms.saturating_sub(known.to_be_sent_ms(hook, through));
            ensure(late_ms <= most_ms, "I6", || {
                format!("{} has {} {late_ms} ms late, at most {most_ms}", push.url, push.id)
            })?;
        }
        let head = known.head.clone();
        let Some(hook) = self.hook_mut(&push.id) else { return Ok(false) };
        hook.bodies.insert(push.id.clone(), body);
        hook.arrivals.insert(through);
        let (beyond, url) = (hook.arrived_beyond_cursor(&head), hook.config.url.clone());
        let is_of_task = hook.is_stored;
        hook.arrived = hook.arrived.max(Some(through));
        hook.statuses.extend(status);
        if let Some(200..300) = status {
            if is_new {
                hook.accepted_ms = now_ms;
            }
            hook.acknowledged.insert(through);
        }
        let most = usize::try_from(self.policy.push_note_every).unwrap_or(usize::MAX);
        let keeps = beyond <= most || !is_of_task || !self.claims_hold;
        ensure(keeps, "I6", || {
            format!("{url} has {beyond} pushes beyond its cursor with {}, at most {most}", push.id)
        })?;
        Ok(is_new)
    }

    /// The sender of a push gets its result.
    pub(crate) fn push_answered(&mut self, actor: &str, id: &str, answer: Option<&Answer>) {
        if let Some(hook) = self.hook_mut(id) {
            let asked = answer.and_then(|answer| answer.retry_after).unwrap_or_default();
            hook.asked.insert(actor.to_owned(), asked);
        }
    }

    /// When the next task with open pushes is due, in milliseconds of the run.
    pub(crate) fn next_push_ms(&self) -> Option<u64> {
        let heads = self.tasks.values().map(|known| &known.head);
        heads.filter(|head| head.mark().is_some()).filter_map(due_ms).min()
    }

    /// When the next task is due, in milliseconds of the run.
    pub(crate) fn next_due_ms(&self) -> u64 {
        self.tasks.values().filter_map(|known| due_ms(&known.head)).min().unwrap_or(u64::MAX)
    }

    /// The rules for pushes after the world has healed and had its time: no push is open. Each
    /// receiver has acknowledged everything, or its config is disabled.
    pub(super) fn check_pushed(&self) -> Verdict {
        for (key, known) in &self.tasks {
            let mark = known.head.mark();
            ensure(mark.is_none(), "I6", || format!("{key} has the mark {mark:?} for ever"))?;
        }
        for hook in self.hooks.values().filter(|hook| hook.is_live) {
            let Some(known) = self.tasks.get(&hook.task) else { continue };
            let url = &hook.config.url;
            let Known { head, log, .. } = known;
            ensure(!hook.is_owed(head, log), "I6", || {
                let (cursor, newest) = (hook.config.delivery.cursor, head.position);
                format!("{url} was sent {} up to {cursor} of {newest}", hook.task)
            })?;
        }
        Ok(())
    }
}

fn due_ms(head: &Head) -> Option<u64> {
    let due = head.due?.as_millis() - EPOCH.as_millis();
    Some(u64::try_from(due).unwrap_or(0))
}

/// The most lateness of a push if requests take this much longer, without other faults. It covers
/// the signal and the claim of the task, the results of earlier pushes, and a second claim and read
/// if the first view was too narrow. Earlier pushes wait for connections, too. Clients who change other
/// configs of the task meanwhile make the deliverer commit, and read the configs, again.
pub(super) fn late_most_ms(slowest_ms: u64, connect_ms: u64) -> u64 {
    5_000 + 24 * slowest_ms + 2 * connect_ms
}

impl Known {
    /// The time from which a receiver should get the push that ends with an entry, in milliseconds
    /// of the run. It is the time of its oldest entry that has not arrived. It is later if the
    /// config was created later, or the receiver got the previous push later.
    fn to_be_sent_ms(&self, hook: &Hook, through: Position) -> u64 {
        let after = hook.arrived.unwrap_or(Position(through.0.saturating_sub(1)));
        let oldest = sent_entries(&self.log, after, through).next();
        let place = oldest.and_then(|entry| usize::try_from(entry.position.0 - 1).ok());
        let written_ms = place.and_then(|place| self.written_ms.get(place));
        written_ms.copied().unwrap_or_default().max(hook.named_ms).max(hook.accepted_ms)
    }

    /// Whether a push is the right next one for a receiver that has received everything up to
    /// `arrived`.
    fn check_push(
        &self,
        hook: &Hook,
        push: &Push,
        arrived: Option<Position>,
        most_chunks: usize,
    ) -> Verdict {
        let through = through(push)?;
        let bad = |what: &str| {
            let head = &self.head.position;
            let body = String::from_utf8_lossy(&push.body);
            let text = format!("{} after {arrived:?} of {head}, {what}: {body}", push.id);
            Violation::new("I6", format!("{} has {text}", push.url))
        };
        let entries = self.entries_to(through).ok_or_else(|| bad("of the future"))?;
        let is_03 = hook.config.version == ProtocolVersion::V0_3;
        let is = |expected: Vec<u8>| push.body == expected;
        let is_whole = || {
            let task = fold(&self.head, entries);
            is(if is_03 {
                json(&v0_3::Task::from(task))
            } else {
                json(&StreamResponse::Task(task))
            })
        };
        let unknown = is_unknown(&self.head) && through == self.head.position;
        let run: Vec<&Entry> = match arrived {
            None if hook.introduction() == through && is_whole() => return Ok(()),
            _ if unknown => entries.last().into_iter().collect(),
            None => return Err(bad("not the task as it was")),
            Some(arrived) => sent_entries(entries, arrived, through).collect(),
        };
        if run.last().map(|entry| entry.position) != Some(through) || run.len() > most_chunks {
            return Err(bad("not what comes next"));
        }
        let update = together(&run, &self.head).ok_or_else(|| bad("not one after the other"))?;
        let is_right = if is_03 { is_whole() } else { is(json(&update)) };
        if is_right { Ok(()) } else { Err(bad("not what the log has")) }
    }
}

/// The push for a run of entries.
fn together(run: &[&Entry], head: &Head) -> Option<StreamResponse> {
    let [last] = run else {
        let mut all: Option<TaskArtifactUpdateEvent> = None;
        for entry in run {
            let Some(StreamResponse::ArtifactUpdate(chunk)) = entry.to_stream(head) else {
                return None;
            };
            let Some(all) = &mut all else {
                all = Some(chunk);
                continue;
            };
            let is_same = all.artifact.artifact_id == chunk.artifact.artifact_id;
            (chunk.append && is_same).then_some(())?;
            all.artifact.parts.extend(chunk.artifact.parts);
            all.last_chunk = chunk.last_chunk;
            all.artifact.metadata = chunk.artifact.metadata.or(all.artifact.metadata.take());
            all.metadata = chunk.metadata.or(all.metadata.take());
        }
        return all.map(StreamResponse::ArtifactUpdate);
    };
    match last.to_stream(head)? {
        StreamResponse::StatusUpdate(update)
            if head.is_direct() && last.position == head.position =>
        {
            let mut message = update.status.message?;
            message.task_id.clear();
            Some(StreamResponse::Message(message))
        }
        response => Some(response),
    }
}
