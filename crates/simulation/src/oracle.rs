//! The oracle: it sees each write and each answer, and reports an invariant that does not hold.
//!
//! It knows the tasks after each write, the writers, and the agents' inputs. It knows which actors
//! had trouble reaching the world: a promise about time holds only for the others.

mod answers;
mod configs;
mod conversations;
mod lives;
mod pushes;
mod runs;
mod silence;
mod steps;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::invariants::check_task;
use a2a_lambda_core::{
    AttemptOutcome, Entry, Event, Head, Mark, Phase, Policy, Position, Registration, Snapshot,
    TaskKey,
};

use crate::ground::EPOCH;
use crate::ledger::{Callback, Ledger};
use crate::op::Who;
use crate::plan::Faults;
use crate::talks::Talks;

pub(crate) use answers::Sent;
pub(crate) use configs::Wrote;
pub(crate) use runs::{Given, TOLD_WITHIN_MS};
pub(crate) use silence::{Listing, Makings};
pub(crate) use steps::Saying;

/// How many entries a log may have beyond the limit for messages and updates: the task's state
/// changes and its end.
const ENTRIES_BEYOND: u64 = 4;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    name: &'static str,
    text: String,
}

impl Violation {
    /// The rules that can be violated: the design's invariants, and the absence of panics.
    pub(crate) const NAMES: [&'static str; 17] = [
        "I10", "I11", "I12", "I13", "I14", "I15", "I16", "I1", "I2", "I3", "I4", "I5", "I6", "I7",
        "I8", "I9", "panic",
    ];

    pub(crate) fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into() }
    }

    /// The invariant's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The finding of a core predicate. Its text begins with the invariant's name.
    fn of_predicate(text: &str) -> Self {
        let (name, rest) = text.split_once(": ").unwrap_or(("panic", text));
        let name = Self::NAMES.iter().find(|of| **of == name);
        Self::new(name.unwrap_or(&"panic"), rest)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.text)
    }
}

pub(crate) type Verdict<T = ()> = Result<T, Violation>;

/// `Err` if it does not hold.
fn ensure(holds: bool, name: &'static str, text: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation::new(name, text())) }
}

/// A task after its last write.
#[derive(Debug)]
struct Known {
    head: Head,
    log: Vec<Entry>,
    /// When each entry was written, in milliseconds of the run.
    written_ms: Vec<u64>,
    /// How often the task was claimed since its last committed turn.
    claims: u32,
    /// How many turns were left to another invocation.
    handed_over: u32,
    /// The messages that the agents of ended scopes were given, or have read.
    seen: BTreeSet<Position>,
    /// The agent's input at the first attempt of each scope, by the scope's number.
    inputs: BTreeMap<u32, Vec<String>>,
    /// The last turn's checkpoint for the next.
    checkpoint: Option<String>,
    /// The newest entry when the present turn began.
    claimed_at: Position,
    /// When `CancelTask` was answered, in milliseconds of the run.
    canceled_ms: Option<u64>,
    /// When its runner died, in milliseconds of the run, if none has taken over yet.
    died_ms: Option<u64>,
    /// When it was created, in milliseconds of the run.
    began_ms: u64,
    /// When an operator deleted it, in milliseconds of the run.
    deleted_ms: Option<u64>,
    /// When its items were last deleted in part, in milliseconds of the run.
    purged_ms: u64,
    /// Since when nothing of it is stored, or only a later task of its id, in milliseconds of the
    /// run.
    gone_ms: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Oracle {
    policy: Arc<Policy>,
    /// Whether all clocks are right.
    clocks_agree: bool,
    /// Whether all clocks agree within [`Policy::clock_skew`].
    claims_hold: bool,
    /// How late a push may be, in milliseconds, if the only fault is slowness.
    late_most_ms: Option<u64>,
    /// The views of deliverers that were wider than usual.
    wide_views: BTreeSet<Duration>,
    /// How far a clock may be set back.
    set_back: Duration,
    tasks: BTreeMap<TaskKey, Known>,
    /// The earlier tasks of each id, the newest last.
    past: BTreeMap<TaskKey, Vec<Known>>,
    /// The messages of those tasks.
    past_messages: BTreeMap<String, TaskKey>,
    /// How far a clock may be from the right time, in milliseconds.
    skew_ms: u64,
    /// The task and position of each message, by the message's id.
    messages: BTreeMap<String, (TaskKey, Position)>,
    /// The accepted messages, by key.
    keys: BTreeMap<(Who, u32), (TaskKey, String)>,
    /// The newest turn of each runner.
    runs: BTreeMap<String, runs::AgentRun>,
    /// The agents' steps and their effects.
    ledger: Ledger,
    /// The conversations of the agents.
    talks: Talks,
    /// The callbacks whose URLs were handed out.
    handed_out: BTreeSet<Callback>,
    /// When actors could not rely on the world: begin and end, in milliseconds of the run.
    troubles: BTreeMap<String, Vec<(u64, u64)>>,
    /// Whether clocks may be set while actors wait.
    clocks_are_set: bool,
    /// Each push config that was ever stored, by registration.
    hooks: BTreeMap<Registration, pushes::Hook>,
    /// The registrations, by the prefix of their pushes' ids.
    by_push: BTreeMap<String, Registration>,
    /// The configs of the messages that actors are sending.
    sending: BTreeMap<String, Option<String>>,
    /// The config of each accepted message, by the message's id. There may be several, the newest
    /// last, after its key was forgotten.
    accepted_with: BTreeMap<String, Vec<Option<String>>>,
    /// How long tasks waited from a runner's death to the next claim or to their end.
    pub(crate) recovered_ms: Vec<u64>,
}

impl Oracle {
    /// `slowest_ms`: the most delay of requests and of connections, if the only fault is slowness.
    pub(crate) fn new(policy: Arc<Policy>, faults: Faults, slowest_ms: Option<(u64, u64)>) -> Self {
        // One clock may be ahead by this much, and another behind by as much.
        let apart = 2 * Duration::from_millis(faults.skew_ms.into());
        Self {
            clocks_agree: faults.skew_ms == 0,
            wide_views: BTreeSet::new(),
            late_most_ms: slowest_ms.map(|(slow, connect)| pushes::late_most_ms(slow, connect)),
            claims_hold: apart <= policy.clock_skew,
            set_back: if faults.step > 0 { apart } else { Duration::ZERO },
            policy,
            tasks: BTreeMap::new(),
            past: BTreeMap::new(),
            past_messages: BTreeMap::new(),
            skew_ms: u64::from(faults.skew_ms),
            messages: BTreeMap::new(),
            keys: BTreeMap::new(),
            runs: BTreeMap::new(),
            ledger: Ledger::default(),
            talks: Talks::default(),
            handed_out: BTreeSet::new(),
            troubles: BTreeMap::new(),
            clocks_are_set: faults.step > 0,
            hooks: BTreeMap::new(),
            by_push: BTreeMap::new(),
            sending: BTreeMap::new(),
            accepted_with: BTreeMap::new(),
            recovered_ms: Vec::new(),
        }
    }

    pub(crate) fn clocks_agree(&self) -> bool {
        self.clocks_agree
    }

    pub(crate) fn trouble(&mut self, actor: &str, from_ms: u64, to_ms: u64) {
        self.troubles.entry(actor.to_owned()).or_default().push((from_ms, to_ms));
    }

    /// Whether an actor could not rely on the world at some time in this range.
    pub(crate) fn was_troubled(&self, actor: &str, from_ms: u64, to_ms: u64) -> bool {
        let troubles = self.troubles.get(actor);
        troubles.is_some_and(|of| of.iter().any(|(from, to)| *from <= to_ms && *to >= from_ms))
    }

    /// Observes a task after an actor's write. Returns the change in a few words, if there is one.
    pub(crate) fn observe(
        &mut self,
        actor: &str,
        now_ms: u64,
        after: Snapshot,
    ) -> Verdict<Option<String>> {
        let Snapshot { head, tail: log, .. } = after;
        let key = head.key.clone();
        let known = self.tasks.get(&key);
        if known.is_some_and(|known| known.head.incarnation != head.incarnation) {
            self.gone(actor, &key, now_ms)?;
        }
        let known_entries = match self.tasks.get(&key) {
            Some(known) if known.head == head && known.log.len() == log.len() => return Ok(None),
            Some(known) => {
                self.check_write(actor, now_ms, known, &head, &log)?;
                known.log.len()
            }
            None => 0,
        };
        check_task(&head, &log).map_err(|text| Violation::of_predicate(&text))?;
        for entry in &log[known_entries..] {
            if let Event::Message(sent) = &entry.event {
                self.message_stored(actor, &key, entry.position, &sent.message.message_id)?;
            }
        }
        self.note_named(actor, now_ms, &head)?;
        let line = line(&head, &log[known_entries..]);
        self.remember(actor, now_ms, head, log)?;
        Ok(Some(line))
    }

    fn remember(&mut self, actor: &str, now_ms: u64, head: Head, log: Vec<Entry>) -> Verdict {
        let (given, left) = (self.given_for(actor, &head), self.left_by(actor, &head));
        let turn = self.tasks.get(&head.key).map_or(0, |known| known.head.turn);
        if head.turn > turn {
            self.check_shown(actor, &head, &log)?;
            self.check_woken(now_ms, &head)?;
            self.check_appended(actor, &head)?;
        }
        let known = self.tasks.entry(head.key.clone()).or_insert_with(|| Known {
            head: head.clone(),
            log: Vec::new(),
            written_ms: Vec::new(),
            claims: 0,
            handed_over: 0,
            seen: BTreeSet::new(),
            inputs: BTreeMap::new(),
            checkpoint: None,
            claimed_at: Position(0),
            canceled_ms: None,
            died_ms: None,
            began_ms: now_ms,
            deleted_ms: None,
            purged_ms: 0,
            gone_ms: None,
        });
        if head.is_deleted {
            known.deleted_ms.get_or_insert(now_ms);
        }
        if head.fence > known.head.fence || head.is_terminal() {
            let waited_ms = known.died_ms.take().map(|died_ms| now_ms.saturating_sub(died_ms));
            self.recovered_ms.extend(waited_ms);
        }
        if (head.turn, head.fence) != (known.head.turn, known.head.fence) {
            known.claimed_at = head.position;
        }
        known.written_ms.resize(log.len(), now_ms);
        if head.turn > known.head.turn {
            known.commit_turn(&head, &log, &given)?;
            known.handed_over += u32::from(is_handed_over(&head));
            known.checkpoint = left;
            known.claims = u32::from(matches!(head.phase, Phase::Running { .. }));
        } else if head.fence > known.head.fence {
            known.claims += 1;
            let most = self.policy.max_attempts;
            ensure(known.claims <= most, "I10", || {
                format!(
                    "{} was claimed {} times for a turn, at most {most}",
                    head.key, known.claims
                )
            })?;
        }
        check_bounds(&self.policy, &head, &log, known.handed_over)?;
        let usual = self.policy.push_view;
        let wide = head.push_view(usual).filter(|view| *view > usual);
        self.wide_views.extend(wide);
        known.head = head;
        known.log = log;
        Ok(())
    }

    /// How much longer than usual a request that deletes a config may take.
    pub(crate) fn wide_view(&self) -> Duration {
        self.wide_views.last().copied().unwrap_or_default()
    }

    pub(crate) fn is_wide_view(&self, view: Duration) -> bool {
        self.wide_views.contains(&view)
    }

    /// I4: each due task was visited at most `within_ms` later, without faults since `healed_ms`.
    pub(crate) fn check_swept(&self, healed_ms: u64, now_ms: u64, within_ms: u64) -> Verdict {
        if !self.clocks_agree {
            return Ok(());
        }
        for (key, known) in &self.tasks {
            let due = known.head.due.map(|due| due.as_millis() - EPOCH.as_millis());
            let due_ms = due.and_then(|due| u64::try_from(due).ok()).unwrap_or(now_ms);
            let waits_ms = now_ms.saturating_sub(due_ms.max(healed_ms).max(known.purged_ms));
            ensure(waits_ms <= within_ms, "I4", || {
                format!("{key} has been due for {waits_ms} ms and nobody looked at it")
            })?;
        }
        Ok(())
    }

    /// Notes that a callback's URL is handed out. Returns how many were before it, if it is the first
    /// time.
    pub(crate) fn hand_out(&mut self, callback: &Callback) -> Option<usize> {
        let before = self.handed_out.len();
        self.handed_out.insert(callback.clone()).then_some(before)
    }

    /// Whether all tasks have ended or wait for their users.
    pub(crate) fn is_settled(&self) -> bool {
        if self.policy.retention.is_some() {
            return self.is_empty();
        }
        self.tasks.values().all(|known| is_settled(&known.head))
    }

    /// The conditions at the end, after the world has healed and had its time.
    pub(crate) fn check_end(&self) -> Verdict {
        if self.policy.retention.is_some() {
            self.check_empty()?;
        }
        for (key, known) in &self.tasks {
            let head = &known.head;
            ensure(is_settled(head), "I4", || {
                format!("{key} is {} for ever: due {:?}", head.phase.name(), head.due)
            })?;
            self.check_seen(key, known)?;
        }
        self.check_pushed()
    }

    /// I5: a committed turn was given each message of a task that has completed or waits for its
    /// user.
    fn check_seen(&self, key: &TaskKey, known: &Known) -> Verdict {
        let head = &known.head;
        let saw_all = !matches!(
            head.phase,
            Phase::Ended(ending) if ending != a2a_lambda_core::Ending::Completed
        );
        for (id, (_, position)) in self.messages.iter().filter(|(_, (of, _))| of == key) {
            ensure(!saw_all || known.seen.contains(position), "I5", || {
                format!("{key} is {} and no turn was given {id}", head.phase.name())
            })?;
        }
        Ok(())
    }
}

/// The task's change, in a few words.
fn line(head: &Head, new: &[Entry]) -> String {
    let events: Vec<&str> = new
        .iter()
        .map(|entry| match &entry.event {
            Event::Message(_) => "message",
            Event::Status(_) => "status",
            Event::Artifact(_) => "artifact",
        })
        .collect();
    let (phase, revision) = (head.phase.name(), head.revision);
    let (position, generation) = (head.position, head.generation);
    let lease = head.leased_until().map_or_else(String::new, |until| {
        format!(" until {}", until.as_millis() - EPOCH.as_millis())
    });
    let turn = format!("turn {} attempt {}", head.turn, head.attempt);
    let mark = match head.mark() {
        None => String::new(),
        Some(Mark::Open) => ", to be pushed".to_owned(),
        Some(Mark::Claimed { token, .. }) => format!(", pushed by {}", token.as_str()),
        Some(Mark::Waiting { until }) => {
            format!(", pushed from {}", until.as_millis() - EPOCH.as_millis())
        }
    };
    format!("{phase}{lease}, r{revision} p{position} g{generation}, {turn}, +{events:?}{mark}")
}

/// Whether a task's newest turn was left to another invocation.
fn is_handed_over(head: &Head) -> bool {
    let end = head.attempts.records().last().and_then(|record| record.end.as_ref());
    end.is_some_and(|end| end.outcome == AttemptOutcome::HandedOver)
}

/// I10: a log and the number of turns are bounded. Apart from the turns that its agent asks for, a
/// task has one turn for each message and for each invocation that was over too soon.
fn check_bounds(policy: &Policy, head: &Head, log: &[Entry], handed_over: u32) -> Verdict {
    let most = policy.max_entries.saturating_add(ENTRIES_BEYOND);
    ensure(head.position.0 <= most, "I10", || {
        format!("{} has {} entries, at most {most}", head.key, head.position)
    })?;
    let messages = log.iter().filter(|entry| matches!(entry.event, Event::Message(_))).count();
    let most = u64::from(policy.max_turns) + messages as u64 + u64::from(handed_over);
    ensure(u64::from(head.turn) <= most, "I10", || {
        format!("{} took {} turns, at most {most}", head.key, head.turn)
    })
}

fn is_settled(head: &Head) -> bool {
    match head.phase {
        Phase::Interrupted { patience, .. } => patience.is_none(),
        Phase::Ended(_) => true,
        Phase::Submitted | Phase::Running { .. } | Phase::Waiting { .. } => false,
    }
}
