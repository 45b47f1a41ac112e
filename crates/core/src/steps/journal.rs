//! The records of a scope, as one run of an agent knows them.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use a2a_lambda_protocol::Timestamp;
use tokio::sync::OnceCell;
use tracing::info;

use super::error::{MAX_NAME_BYTES, StepError};
use super::record::{Put, RecordKey, ScopeKey, StepRecord, StepState};
use crate::digest::digest;
use crate::engine::Engine;
use crate::head::Head;
use crate::ids::{Position, WriteId};
use crate::measure;
use crate::store::{Depth, Snapshot};

/// The kinds of records. An at-most-once step has a kind of its own: its arguments are no part of its
/// name.
pub(super) const STEP: &str = "step";
pub(super) const ONCE: &str = "once";
pub(super) const CALLBACK: &str = "callback";

/// The records of a scope, as far as a run of its agent knows them.
pub(crate) struct Journal {
    pub(super) engine: Engine,
    pub(super) scope: ScopeKey,
    /// Until when nothing can be recorded by others: the end of the scope's first lease.
    first_until: Option<Timestamp>,
    /// Whether the records were read: the first run of the scope knows that there are none.
    loaded: OnceCell<bool>,
    /// Set when the task was there after that.
    is_whole: OnceCell<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    records: BTreeMap<RecordKey, StepRecord>,
    bytes: usize,
    /// How often the run has made each step.
    made: BTreeMap<(&'static str, Option<RecordKey>, String, String), u32>,
    /// The same, for any arguments of the steps and of those around them.
    made_at: BTreeMap<(&'static str, Option<RecordKey>, String), u32>,
    /// How many ids of artifacts each step was given, and the agent itself.
    artifacts: BTreeMap<Option<RecordKey>, u32>,
    /// The step whose work is being polled.
    inside: Option<StepName>,
    /// The earliest end of a wait for a callback.
    waits_until: Option<Timestamp>,
    read: Position,
    seen: Position,
    recorded: bool,
}

/// A step's name in its scope.
#[derive(Debug, Clone)]
pub(super) struct StepName {
    pub(super) key: RecordKey,
    /// The place where the run makes it. It does not depend on its arguments, or those of the steps
    /// around it.
    place: RecordKey,
    /// The step around it.
    inside: Option<RecordKey>,
}

impl StepName {
    /// The digest of the arguments with which an at-most-once step is begun: those of the step around it
    /// count, too.
    pub(super) fn once_with(&self, arguments: String) -> String {
        match &self.inside {
            Some(inside) => digest([inside.as_str().as_bytes(), arguments.as_bytes()]),
            None => arguments,
        }
    }
}

/// The values that a run leaves to the commit that ends its turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// The newest entry whose messages the scope has received.
    pub(crate) given: Position,
    /// The newest message that the run knows of.
    pub(crate) seen: Position,
    /// Whether the scope has records.
    pub(crate) has_records: bool,
    /// Whether this run has made one.
    pub(crate) recorded: bool,
    /// Until when the records are kept; `None` without records.
    pub(crate) lasts_until: Option<Timestamp>,
}

impl Left {
    /// The values that a run without any step leaves.
    pub(crate) fn of(head: &Head) -> Self {
        Self {
            given: head.given,
            seen: head.last_message,
            has_records: false,
            recorded: false,
            lasts_until: None,
        }
    }
}

impl Journal {
    /// The journal of a run under the lease of this head.
    pub(crate) fn new(engine: Engine, head: &Head) -> Self {
        let known = Known { read: head.given, seen: head.last_message, ..Known::default() };
        Self {
            engine,
            scope: ScopeKey::of(head),
            first_until: head.leased_until().filter(|_| head.attempt <= 1 && head.scope_turns == 0),
            loaded: OnceCell::new(),
            is_whole: OnceCell::new(),
            known: Mutex::new(known),
        }
    }

    /// The scope.
    pub(crate) fn scope(&self) -> &ScopeKey {
        &self.scope
    }

    /// The scope's number: how many turns were committed before it.
    pub(crate) fn scope_number(&self) -> u32 {
        self.scope.number
    }

    /// The values that the run leaves.
    pub(crate) fn left(&self) -> Left {
        let known = self.known();
        let begun = known.records.values().map(|record| record.begun_at).min();
        Left {
            given: known.read,
            seen: known.seen,
            has_records: !known.records.is_empty(),
            recorded: known.recorded,
            lasts_until: begun.map(|at| at.saturating_add(self.engine.policy.scope_life)),
        }
    }

    /// Gives a step that the agent makes its name in the scope. The order of these calls counts, not
    /// that of the steps' work: steps that run side by side have the same names in each run.
    pub(super) fn number(&self, kind: &'static str, name: &str, arguments: &str) -> StepName {
        let mut known = self.known();
        let around = known.inside.as_ref().map(|around| around.place.clone());
        let at = (kind, around.clone(), name.to_owned());
        let made = known.made_at.entry(at).or_default();
        let place = RecordKey::new(kind, around.as_ref(), name, "", *made);
        *made += 1;
        let inside = known.inside.as_ref().map(|around| around.key.clone());
        let key = if kind == ONCE {
            place.clone()
        } else {
            let counted = if kind == STEP { arguments } else { "" };
            let of = (kind, inside.clone(), name.to_owned(), counted.to_owned());
            let made = known.made.entry(of).or_default();
            let key = RecordKey::new(kind, inside.as_ref(), name, counted, *made);
            *made += 1;
            key
        };
        StepName { key, place, inside }
    }

    /// Another try at a step's work begins: the steps and artifacts inside have the same names as in the
    /// try before.
    pub(super) fn begin_try(&self, of: &StepName) {
        let mut known = self.known();
        known.made.retain(|(_, inside, ..), _| inside.as_ref() != Some(&of.key));
        known.made_at.retain(|(_, around, _), _| around.as_ref() != Some(&of.place));
        known.artifacts.remove(&Some(of.key.clone()));
    }

    /// The key of a step of the runner's own, which other rooms record.
    pub(crate) fn key_of(&self, name: &str, arguments: &str) -> RecordKey {
        self.number(STEP, name, arguments).key
    }

    /// The key of the first such step that the run makes here: of an earlier call, or of this one.
    pub(crate) fn first_key_of(&self, name: &str) -> RecordKey {
        let inside = self.known().inside.as_ref().map(|around| around.key.clone());
        let of = (STEP, inside.clone(), name.to_owned(), String::new());
        let is_made = self.known().made.contains_key(&of);
        if is_made {
            RecordKey::new(STEP, inside.as_ref(), name, "", 0)
        } else {
            self.key_of(name, "")
        }
    }

    /// The number of the next artifact of the step whose work calls this, or of the agent itself.
    pub(crate) fn next_artifact(&self) -> (Option<RecordKey>, u32) {
        let mut known = self.known();
        let inside = known.inside.as_ref().map(|inside| inside.key.clone());
        let number = known.artifacts.entry(inside.clone()).or_default();
        *number += 1;
        (inside, *number)
    }

    /// Reads the records of earlier runs, once.
    pub(super) async fn load(&self) -> Result<(), StepError> {
        let policy = &self.engine.policy;
        if !policy.scopes {
            return Err(StepError::NotYet);
        }
        self.loaded
            .get_or_try_init(|| async {
                let now = self.engine.clock.now();
                // A runner that is late may have been replaced.
                if self.first_until.is_some_and(|until| now < until) {
                    return Ok(false);
                }
                let records = self.engine.steps(&self.scope).await?;
                let oldest = records.iter().map(|record| record.begun_at).min();
                if oldest.is_some_and(|at| at.saturating_add(policy.scope_life) < now) {
                    return Err(StepError::TooOld { life: policy.scope_life });
                }
                let mut known = self.known();
                for record in records {
                    known.insert(record);
                }
                Ok(true)
            })
            .await
            .map(|_| ())
    }

    /// Fails if records may have been deleted before this run read them, by an operator who deletes the
    /// task. An at-most-once step must not be begun again then (I12).
    pub(super) async fn check_whole(&self) -> Result<(), StepError> {
        if self.loaded.get() != Some(&true) {
            return Ok(());
        }
        let look = || async { self.task(Depth::Tail).await.map(|_| ()) };
        self.is_whole.get_or_try_init(look).await.copied()
    }

    /// The scope's task as it is now. The run is over if it is deleted: a later task of the id is another.
    pub(super) async fn task(&self, depth: Depth) -> Result<Snapshot, StepError> {
        let found = self.engine.read(&self.scope.task, depth).await?;
        found.filter(|found| self.scope.is_in(&found.head)).ok_or(StepError::Over)
    }

    /// The record of this name, as far as this run knows.
    pub(super) fn find(&self, key: &RecordKey) -> Option<StepRecord> {
        self.known().records.get(key).cloned()
    }

    /// The record of this name, as it is stored now.
    pub(super) async fn refresh(&self, key: &RecordKey) -> Result<Option<StepRecord>, StepError> {
        let found = self.engine.step(&self.scope, key).await?;
        if let Some(record) = &found {
            self.known().insert(record.clone());
        }
        Ok(found)
    }

    /// Stores a record; `Ok(false)` if another one is there, which is known from now on.
    pub(super) async fn put(
        &self,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<bool, StepError> {
        self.check_count(&record.key, &record.name)?;
        self.check_room(&record.name, record.result_bytes())?;
        match self.engine.put_step(&self.scope, before, record).await? {
            Put::Stored => {
                self.tell(record);
                let mut known = self.known();
                known.insert(record.clone());
                known.recorded = true;
                Ok(true)
            }
            Put::Other(Some(other)) => {
                self.known().insert(*other);
                Ok(false)
            }
            // The task was deleted meanwhile, and its records with it.
            Put::Other(None) => Err(StepError::Over),
        }
    }

    /// Logs and measures the records of this run, but not the begin of an at-most-once step. A wait
    /// for a callback is no work, so only a step's own outcome is measured.
    fn tell(&self, record: &StepRecord) {
        if matches!(record.state, StepState::Begun) {
            return;
        }
        let task = &self.scope.task;
        let took = record.recorded_at.saturating_since(record.begun_at);
        if matches!(record.state, StepState::Done(_) | StepState::Failed(_)) {
            measure::step(took, matches!(record.state, StepState::Failed(_)));
        }
        info!(event = "step_recorded", tenant = %task.tenant, task = %task.task, step = %record.name,
            outcome = record.state.name(), tries = record.tries,
            millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            bytes = record.result_bytes(), "the runner recorded a step");
    }

    /// Whether the scope may have a record of this key, one more if there is none yet.
    pub(super) fn check_count(&self, key: &RecordKey, name: &str) -> Result<(), StepError> {
        let most = self.engine.policy.max_steps;
        let known = self.known();
        if !known.records.contains_key(key) && known.records.len() >= most {
            return Err(StepError::TooMany { step: name.to_owned(), most });
        }
        Ok(())
    }

    /// Whether the scope has room for a result of this many bytes of JSON.
    pub(super) fn check_room(&self, step: &str, bytes: usize) -> Result<(), StepError> {
        let policy = &self.engine.policy;
        let left = policy.max_scope_bytes.saturating_sub(self.known().bytes);
        let limit = policy.max_step_bytes.min(left);
        if bytes > limit {
            let of = if left < policy.max_step_bytes { "left in the scope" } else { "at most" };
            return Err(StepError::TooLarge { step: step.to_owned(), bytes, limit, of });
        }
        Ok(())
    }

    /// The messages up to `through` are the scope's from now on.
    pub(super) fn has_read(&self, through: Position) {
        let mut known = self.known();
        known.read = known.read.max(through);
        known.seen = known.seen.max(through);
    }

    /// The newest entry whose messages the scope has received.
    pub(super) fn read(&self) -> Position {
        self.known().read
    }

    /// A callback is waited for until this time. Returns the earliest such time.
    pub(super) fn wait_until(&self, until: Timestamp) -> Timestamp {
        let mut known = self.known();
        let earliest = known.waits_until.map_or(until, |known| known.min(until));
        known.waits_until = Some(earliest);
        earliest
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here panics while it holds the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn insert(&mut self, record: StepRecord) {
        self.bytes += record.result_bytes();
        if let Some(before) = self.records.insert(record.key.clone(), record) {
            self.bytes -= before.result_bytes();
        }
    }
}

/// Whether a name may be given to a step by an agent.
pub(super) fn check_name(step: &str) -> Result<(), StepError> {
    let is_name = !step.is_empty() && step.len() <= MAX_NAME_BYTES && !step.starts_with('@');
    if is_name {
        return Ok(());
    }
    // The user reads it.
    let shown = step.get(..step.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or_default();
    Err(StepError::Name { step: shown.to_owned() })
}

/// The work of a step. While it is polled, the steps and artifacts that are made are the step's own,
/// also where several steps run side by side.
pub(super) struct Inside<'a, T> {
    pub(super) journal: &'a Journal,
    pub(super) name: StepName,
    pub(super) work: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
}

/// Puts back the outer step, also if the work panics.
struct Outer<'a>(&'a Journal, Option<StepName>);

impl Drop for Outer<'_> {
    fn drop(&mut self) {
        self.0.known().inside = self.1.take();
    }
}

impl<T> Future for Inside<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let outer = self.journal.known().inside.replace(self.name.clone());
        let _outer = Outer(self.journal, outer);
        self.work.as_mut().poll(context)
    }
}
