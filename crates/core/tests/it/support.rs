//! What the tests stand on: a world in which time, ids, faults and agents are the test's own.

mod faults;
mod receivers;
mod script;
mod services;
mod streams;
mod world;

use std::time::Duration;

use a2a_lambda_core::Tenant;
use a2a_lambda_protocol::{Message, Part, Role, Task};

pub(crate) use faults::{Call, Fault, FaultyStore, Kind};
pub(crate) use receivers::{Manner, Receivers};
pub(crate) use script::{Diary, Scripted, script};
pub(crate) use services::{CountingIds, SentSignals, TestClock};
pub(crate) use streams::{drain, event, subscribe, told_by};
pub(crate) use world::World;

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

/// A user's message with one part of text, which is also its id.
pub(crate) fn user(text: &str) -> Message {
    Message {
        message_id: format!("id of {text}"),
        role: Role::User,
        parts: vec![Part::text(text)],
        ..Message::default()
    }
}

/// A message's text parts, joined.
pub(crate) fn text_of(message: &Message) -> String {
    message.parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("|")
}

/// The text of the status message, or nothing.
pub(crate) fn status_text(task: &Task) -> String {
    task.status.message.as_ref().map(text_of).unwrap_or_default()
}

/// The texts of the history, oldest first.
pub(crate) fn history(task: &Task) -> Vec<String> {
    task.history.iter().map(text_of).collect()
}

/// Each artifact as `id: part|part`.
pub(crate) fn artifacts(task: &Task) -> Vec<String> {
    let parts =
        |parts: &[Part]| parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("|");
    task.artifacts.iter().map(|a| format!("{}: {}", a.artifact_id, parts(&a.parts))).collect()
}
