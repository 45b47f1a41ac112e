//! A task at one moment, and assertions about it.

use std::fmt;
use std::time::Duration;

use a2a_lambda_core::head::Interruption;
use a2a_lambda_core::invariants::check_task;
use a2a_lambda_core::log::{Entry, Event, fold};
use a2a_lambda_core::store::Snapshot;
use a2a_lambda_core::{Ending, Head, Phase, TaskKey};
use a2a_lambda_protocol::{
    Artifact, Json, Message, Part, PartContent, Role, Task, TaskState, Timestamp,
};
use serde::de::DeserializeOwned;

/// A task, as it was when a test looked. A failed assertion panics with the whole history of the
/// task.
#[derive(Clone)]
pub struct TaskView {
    head: Head,
    log: Vec<Entry>,
    task: Task,
    /// When the bed's time began.
    start: Timestamp,
    seen_at: Timestamp,
}

impl TaskView {
    pub(crate) fn new(snapshot: Snapshot, start: Timestamp, seen_at: Timestamp) -> Self {
        let Snapshot { head, tail: log, .. } = snapshot;
        if let Err(violation) = check_task(&head, &log) {
            panic!("the task is not as any task must be: {violation:?}");
        }
        let task = fold(&head, &log);
        Self { head, log, task, start, seen_at }
    }

    /// The task's id.
    pub fn id(&self) -> &str {
        self.head.key.task.as_str()
    }

    /// The task as its client reads it, with its whole history.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The task's state.
    pub fn state(&self) -> TaskState {
        self.task.status.state
    }

    /// How many turns were committed.
    pub fn turns(&self) -> u32 {
        self.head.turn
    }

    /// How many attempts there were at a turn that is not committed yet.
    pub fn attempts(&self) -> u32 {
        self.head.attempt
    }

    /// How many runners have died at the present turn.
    pub fn deaths(&self) -> u32 {
        self.head.deaths
    }

    /// When the task goes on by itself, if it waits for a time: to be tried again, or because the
    /// agent wants it so.
    pub fn waits_until(&self) -> Option<Timestamp> {
        match self.head.phase {
            Phase::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// For how long the task still waits, as [`waits_until`](Self::waits_until).
    pub fn waits_for(&self) -> Option<Duration> {
        Some(self.waits_until()?.saturating_since(self.seen_at))
    }

    /// The text of the agent's message in the task's status, or nothing.
    pub fn said(&self) -> String {
        self.task.status.message.as_ref().map(text_of).unwrap_or_default()
    }

    /// Whether the agent answered with a direct message, which is the status's.
    pub fn is_direct(&self) -> bool {
        self.head.is_direct()
    }

    /// The messages, oldest first: `user: hi`, `agent: hello`. The agent's last message is in the
    /// [status](Self::said).
    pub fn history(&self) -> Vec<String> {
        self.task.history.iter().map(line_of).collect()
    }

    /// The agent's checkpoint for its next turn.
    #[track_caller]
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Option<T> {
        let checkpoint = self.head.checkpoint.as_ref()?;
        match checkpoint.to() {
            Ok(checkpoint) => Some(checkpoint),
            Err(error) => panic!("the checkpoint {checkpoint} has another form: {error}\n{self}"),
        }
    }

    /// The artifact of this name, or else of this id.
    #[track_caller]
    pub fn artifact(&self, name: &str) -> &Artifact {
        let artifacts = &self.task.artifacts;
        let of_name = artifacts.iter().rfind(|artifact| artifact.name == name);
        let found = of_name.or_else(|| artifacts.iter().find(|it| it.artifact_id == name));
        found.unwrap_or_else(|| panic!("there is no artifact {name:?}\n{self}"))
    }

    /// The text of an artifact: its text parts, joined.
    #[track_caller]
    pub fn artifact_text(&self, name: &str) -> String {
        let parts = &self.artifact(name).parts;
        parts.iter().filter_map(Part::as_text).collect()
    }

    /// The data of an artifact: its first part of data.
    #[track_caller]
    pub fn artifact_data<T: DeserializeOwned>(&self, name: &str) -> T {
        let parts = &self.artifact(name).parts;
        let data = parts.iter().find_map(|part| match &part.content {
            PartContent::Data(data) => Some(data),
            _ => None,
        });
        match data.map(Json::to) {
            Some(Ok(data)) => data,
            Some(Err(error)) => panic!("the data of {name:?} has another form: {error}\n{self}"),
            None => panic!("the artifact {name:?} has no data\n{self}"),
        }
    }

    /// The clients' events, in a word or two each: `WORKING half`, `1-1: a`, `1-1+ b.` for a last
    /// chunk that is appended, and `COMPLETED`.
    pub fn events(&self) -> Vec<String> {
        let is_streamed = |entry: &&Entry| entry.event.is_streamed();
        self.log.iter().filter(is_streamed).map(|entry| said_by(&entry.event)).collect()
    }

    /// The task is completed.
    #[track_caller]
    pub fn completed(self) -> Self {
        self.is(TaskState::Completed)
    }

    /// The task has failed.
    #[track_caller]
    pub fn failed(self) -> Self {
        self.is(TaskState::Failed)
    }

    /// The agent would not do the task.
    #[track_caller]
    pub fn rejected(self) -> Self {
        self.is(TaskState::Rejected)
    }

    /// The task was called off.
    #[track_caller]
    pub fn canceled(self) -> Self {
        self.is(TaskState::Canceled)
    }

    /// The agent waits for its user's answer.
    #[track_caller]
    pub fn input_required(self) -> Self {
        self.is(TaskState::InputRequired)
    }

    /// The agent waits for credentials.
    #[track_caller]
    pub fn auth_required(self) -> Self {
        self.is(TaskState::AuthRequired)
    }

    /// The task is under way.
    #[track_caller]
    pub fn working(self) -> Self {
        self.is(TaskState::Working)
    }

    /// The task is in this state.
    #[track_caller]
    pub fn is(self, state: TaskState) -> Self {
        let is = self.state();
        assert!(is == state, "the task is {}, not {}\n{self}", short(is), short(state));
        self
    }

    /// The agent said this with the task's status.
    #[track_caller]
    pub fn saying(self, text: &str) -> Self {
        let said = self.said();
        assert!(said == text, "the agent said {said:?}, not {text:?}\n{self}");
        self
    }

    /// An artifact has this text.
    #[track_caller]
    pub fn with_artifact(self, name: &str, text: &str) -> Self {
        let found = self.artifact_text(name);
        assert!(found == text, "the artifact {name:?} is {found:?}, not {text:?}\n{self}");
        self
    }

    pub(crate) fn key(&self) -> &TaskKey {
        &self.head.key
    }

    /// Whether nothing more comes of the task unless its user says something or a time comes that
    /// the agent wants to wait for.
    pub(crate) fn is_quiet(&self) -> bool {
        match self.head.phase {
            Phase::Ended(_) | Phase::Interrupted { .. } => true,
            // Retries have attempts, and continuations go on at once.
            Phase::Waiting { until } => self.head.attempt == 0 && until > self.seen_at,
            Phase::Submitted | Phase::Running { .. } => false,
        }
    }
}

/// The task's story: its state, and its events since the bed was made.
impl fmt::Display for TaskView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.seen_at.saturating_since(self.start);
        write!(f, "task {} after {}: {}", self.id(), clock(passed), place(&self.head))?;
        for entry in &self.log {
            let at = clock(entry.at.saturating_since(self.start));
            match &entry.event {
                Event::Message(sent) => write!(f, "\n  {at}  {}", line_of(&sent.message))?,
                told => write!(f, "\n  {at}  {}", said_by(told))?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TaskView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The state of a task, for people.
fn place(head: &Head) -> String {
    let turns = format!("after {} turns", head.turn);
    match &head.phase {
        Phase::Submitted => "no runner has begun with it".to_owned(),
        Phase::Running { .. } => format!("an agent is at work {turns}, attempt {}", head.attempt),
        Phase::Waiting { .. } if head.attempt > 0 => {
            format!("it is to be tried again {turns}, after {} attempts", head.attempt)
        }
        Phase::Waiting { .. } => format!("it waits for a time {turns}"),
        Phase::Interrupted { interruption: Interruption::InputRequired, .. } => {
            "it waits for its user".to_owned()
        }
        Phase::Interrupted { interruption: Interruption::AuthRequired, .. } => {
            "it waits for credentials".to_owned()
        }
        Phase::Ended(Ending::Answered) => "a direct message".to_owned(),
        Phase::Ended(_) => format!("{} {turns}", short(head.state())),
    }
}

/// A time since the beginning, as `1:02:03.250`.
fn clock(passed: Duration) -> String {
    let (seconds, millis) = (passed.as_secs(), passed.subsec_millis());
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
}

/// A message in a line: its sender, and its text.
fn line_of(message: &Message) -> String {
    let who = if message.role == Role::Agent { "agent" } else { "user" };
    format!("{who}: {}", text_of(message))
}

/// The parts of a message in a line.
fn text_of(message: &Message) -> String {
    message.parts.iter().map(in_line).collect::<Vec<_>>().join("|")
}

fn in_line(part: &Part) -> String {
    match &part.content {
        PartContent::Text(text) => text.clone(),
        PartContent::Data(data) => data.to_string(),
        PartContent::Url(url) => url.clone(),
        PartContent::Raw(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// An event, in a word or two.
fn said_by(event: &Event) -> String {
    match event {
        Event::Message(sent) => line_of(&sent.message),
        Event::Status(change) => {
            let text = change.message.as_ref().map(text_of).unwrap_or_default();
            format!("{} {text}", short(change.state)).trim_end().to_owned()
        }
        Event::Artifact(change) => {
            let parts: Vec<_> = change.artifact.parts.iter().map(in_line).collect();
            let mark = if change.append { '+' } else { ':' };
            let end = if change.last_chunk { "." } else { "" };
            format!("{}{mark} {}{end}", change.artifact.artifact_id, parts.join("|"))
        }
    }
}

fn short(state: TaskState) -> &'static str {
    let name = state.as_str();
    name.strip_prefix("TASK_STATE_").unwrap_or(name)
}
