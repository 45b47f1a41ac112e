//! The record of a step, and what a store of records must do.

use std::fmt;

use a2a_lambda_protocol::{Json, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::head::Head;
use crate::ids::{Incarnation, TaskKey, WriteId};
use crate::push::Sealed;
use crate::store::StoreError;

/// How many characters a [`RecordKey`] has: 128 bits as hexadecimal digits.
pub const RECORD_KEY_LENGTH: usize = 32;

/// The scope that records belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeKey {
    /// The task.
    pub task: TaskKey,
    /// The incarnation of the task, which tells tasks of the same id apart.
    pub incarnation: Option<Incarnation>,
    /// The scope's number: how many turns were committed before it.
    pub number: u32,
}

impl ScopeKey {
    /// The open scope of a task, or the next one.
    pub fn of(head: &Head) -> Self {
        Self { task: head.key.clone(), incarnation: head.incarnation.clone(), number: head.scope() }
    }

    /// Whether it is a scope of this task, and not of another one of its id.
    pub fn is_in(&self, head: &Head) -> bool {
        self.task == head.key && self.incarnation == head.incarnation
    }
}

/// The name of a record in its scope: a digest, as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordKey(String);

impl RecordKey {
    /// The record of this kind, `inside` another step, with this name and digest of arguments, of which
    /// the run has made `before` others.
    pub(crate) fn new(
        kind: &str,
        inside: Option<&Self>,
        name: &str,
        arguments: &str,
        before: u32,
    ) -> Self {
        let inside = inside.map_or("", Self::as_str);
        let fields = [kind, inside, name, arguments, &before.to_string()];
        Self(digest(fields.map(str::as_bytes)))
    }

    /// Reads a key back; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let is_key = text.len() == RECORD_KEY_LENGTH && text.bytes().all(is_digit);
        is_key.then(|| Self(text.to_owned()))
    }

    /// The key's text: [`RECORD_KEY_LENGTH`] hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough of it to tell the steps of a scope apart.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The record of a step or a callback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// Its name in the scope.
    #[serde(rename = "k")]
    pub key: RecordKey,
    /// The name that the agent gave it.
    #[serde(rename = "n")]
    pub name: String,
    /// The digest of its arguments; empty if it has none.
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    pub arguments: String,
    /// How often its work was begun, in the run that recorded it.
    #[serde(rename = "t")]
    pub tries: u32,
    /// When it was begun.
    #[serde(rename = "b")]
    pub begun_at: Timestamp,
    /// When the state was recorded.
    #[serde(rename = "e")]
    pub recorded_at: Timestamp,
    /// Its state.
    #[serde(rename = "s")]
    pub state: StepState,
    /// The token of a callback, sealed.
    #[serde(rename = "o", default, skip_serializing_if = "Sealed::is_empty")]
    pub token: Sealed,
    /// The id of the write.
    #[serde(rename = "w")]
    pub write: WriteId,
    /// After this time the store may delete the record by itself.
    #[serde(rename = "x")]
    pub expires_at: Timestamp,
}

/// The state of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StepState {
    /// An at-most-once step was begun. Its outcome is unknown until it is recorded.
    #[serde(rename = "begun")]
    Begun,
    /// An at-most-once step was begun by a run that ended before the outcome was recorded. A later
    /// run was told so. The outcome stays unknown, even if the first run goes on.
    #[serde(rename = "unknown")]
    Unknown,
    /// It has this result.
    #[serde(rename = "done")]
    Done(Json),
    /// It failed for good, for this reason.
    #[serde(rename = "failed")]
    Failed(String),
    /// A callback waits for its answer.
    #[serde(rename = "waiting")]
    Waiting {
        /// Until when.
        #[serde(rename = "u")]
        until: Timestamp,
        /// By how many milliseconds a heartbeat extends the wait, from its own time on.
        #[serde(rename = "p")]
        patience_ms: u64,
    },
    /// A callback was answered.
    #[serde(rename = "answered")]
    Answered(Resolution),
    /// Nobody answered a callback in time.
    #[serde(rename = "late")]
    TimedOut,
}

/// The answer to a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolution {
    /// The result.
    #[serde(rename = "ok")]
    Result(Json),
    /// The other side gave up, for this reason.
    #[serde(rename = "gave_up")]
    GaveUp(String),
}

impl StepState {
    /// The state's name, for operators and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Unknown => "unknown",
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
            Self::Waiting { .. } => "waiting",
            Self::Answered(_) => "answered",
            Self::TimedOut => "timed-out",
        }
    }
}

impl StepRecord {
    /// How many bytes its result has, as JSON.
    pub fn result_bytes(&self) -> usize {
        match &self.state {
            StepState::Done(json) | StepState::Answered(Resolution::Result(json)) => {
                json.as_str().len()
            }
            StepState::Failed(text) | StepState::Answered(Resolution::GaveUp(text)) => text.len(),
            StepState::Begun
            | StepState::Unknown
            | StepState::Waiting { .. }
            | StepState::TimedOut => 0,
        }
    }
}

/// I11, a recorded step is not run again: an outcome stays, and a record stays that of its step.
///
/// # Errors
/// When the later record does not follow.
pub fn i11_outcome_is_final(before: &StepRecord, after: &StepRecord) -> Result<(), String> {
    let follows = match (&before.state, &after.state) {
        (StepState::Begun, StepState::Begun) => after.tries > before.tries,
        (StepState::Waiting { until, .. }, StepState::Waiting { until: later, .. }) => {
            later >= until
        }
        (StepState::Begun, StepState::Done(_) | StepState::Failed(_) | StepState::Unknown)
        | (StepState::Waiting { .. }, StepState::Answered(_) | StepState::TimedOut) => true,
        _ => false,
    };
    let name = |of: &StepRecord| (of.key.clone(), of.name.clone(), of.arguments.clone());
    if !follows || name(before) != name(after) || before.token != after.token {
        return Err(format!("I11: the record {before:?} becomes {after:?}"));
    }
    Ok(())
}

/// I13, a callback wakes once: it is answered while it waits, and times out afterwards.
///
/// # Errors
/// When it is not so.
pub fn i13_answer_is_in_time(before: &StepRecord, after: &StepRecord) -> Result<(), String> {
    let StepState::Waiting { until, .. } = &before.state else {
        return Ok(());
    };
    let is_late = after.recorded_at >= *until;
    if is_late != matches!(after.state, StepState::TimedOut) {
        let (name, at) = (after.state.name(), after.recorded_at);
        return Err(format!("I13: a callback that waits until {until} is {name} at {at}"));
    }
    Ok(())
}

/// The outcome of storing an item in place of the one that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Put<T = StepRecord> {
    /// It is stored; also when an earlier try of this same write had succeeded unheard.
    Stored,
    /// Something else is there, or nothing where something was expected. Nothing changed.
    Other(Option<Box<T>>),
}

/// A store of the records of steps.
///
/// - **First writer wins**: a record is stored only if the one that is there is the expected one.
/// - **Strong**: a read sees every write that was answered before it began.
/// - **Lost answers**: the same write made again is recognized by its id, [`StepRecord::write`].
/// - **One life**: records of an earlier task of the same id are never found.
///
/// The records of a task that is [purged](crate::TaskStore::purge) go with it. After
/// [`StepRecord::expires_at`] a store may delete a record by itself, or not at all.
#[async_trait]
pub trait StepRecords: Send + Sync + 'static {
    /// Stores a record in place of that of the write `before`; where there is none yet, if `before` is
    /// `None`.
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError>;

    /// Reads a record.
    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError>;

    /// Reads all records of a scope, in no order.
    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError>;

    /// The number of the newest scope of a task that has records; `None` if none has any.
    async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError>;
}
