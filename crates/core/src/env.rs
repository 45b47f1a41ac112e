//! The core's ports to the world: time, fresh ids, a queue and a timer.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::digest;
use crate::format::{Formats, UnknownFormat};
use crate::ids::{InvalidId, Owner, TaskId, TaskKey, Tenant};

/// How many characters a signal's group has: 128 bits of hexadecimal.
const GROUP_LENGTH: usize = 32;

/// Time. The caller injects it, so that tests and the simulation control it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time, to the millisecond. It may step back a little, as real clocks do.
    fn now(&self) -> Timestamp;

    /// Returns once the time has passed.
    async fn sleep(&self, duration: Duration);
}

/// A source of ids that are unique everywhere and for ever, such as random UUIDs.
pub trait Ids: Send + Sync + 'static {
    /// A fresh id of at most 64 bytes of printable ASCII.
    fn fresh(&self) -> String;
}

/// The formats of signals.
const FORMATS: Formats = Formats::new("signal", SIGNAL_FORMAT, SIGNAL_FORMAT);

/// The format that signals are written in. A release that writes another one must follow one that
/// reads it: see `docs/formats.md`.
const SIGNAL_FORMAT: u64 = 1;

/// The message that says "attend to this task". It carries no content: the receiver reads the task
/// when the signal arrives.
///
/// Its JSON is the body of a message in the queue, and of a schedule, which may wait for years. So
/// any release may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "SignalJson", try_from = "SignalJson")]
pub struct Signal {
    /// The task's tenant.
    pub tenant: Tenant,
    /// The task's id.
    pub task_id: TaskId,
    /// Whether the task is a [suspect](crate::Head::is_suspect): a process that runs it runs no
    /// other task at the same time.
    pub alone: bool,
    /// The digest of the task's tenant and owner.
    group: Option<String>,
}

/// A signal as it is sent. A new field needs a new format: an older executor that forwards a signal
/// would drop the field.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignalJson {
    #[serde(default = "first_format")]
    v: u64,
    #[serde(default, skip_serializing_if = "is_default_tenant")]
    tenant: Tenant,
    task_id: TaskId,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    alone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(flatten)]
    unknown: BTreeMap<String, Value>,
}

fn first_format() -> u64 {
    Formats::FIRST
}

fn is_default_tenant(tenant: &Tenant) -> bool {
    tenant.as_str().is_empty()
}

impl From<Signal> for SignalJson {
    fn from(signal: Signal) -> Self {
        let Signal { tenant, task_id, alone, group } = signal;
        Self { v: SIGNAL_FORMAT, tenant, task_id, alone, group, unknown: BTreeMap::new() }
    }
}

impl TryFrom<SignalJson> for Signal {
    type Error = UnknownFormat;

    fn try_from(json: SignalJson) -> Result<Self, UnknownFormat> {
        let SignalJson { v, tenant, task_id, alone, group, unknown } = json;
        FORMATS.check(v)?;
        if let Some(name) = unknown.keys().next() {
            return Err(FORMATS.unknown("field", name));
        }
        Ok(Self { tenant, task_id, alone, group })
    }
}

/// A text that is not a signal of this release.
#[derive(Debug, thiserror::Error)]
pub enum BadSignal {
    /// Another release sent it. An executor of that release can read it.
    #[error(transparent)]
    OtherRelease(#[from] UnknownFormat),
    /// A malformed signal.
    #[error("the body is not a signal")]
    Malformed(#[source] serde_json::Error),
    /// The name of the task or the tenant is malformed.
    #[error("the signal's task or tenant has a malformed name")]
    Id(#[source] InvalidId),
}

impl Signal {
    /// A signal for a task of this owner.
    pub fn new(key: &TaskKey, owner: &Owner) -> Self {
        let group = digest([key.tenant.as_str().as_bytes(), owner.as_str().as_bytes()]);
        Self {
            tenant: key.tenant.clone(),
            task_id: key.task.clone(),
            alone: false,
            group: Some(group),
        }
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// When another release sent it, or it is malformed.
    pub fn from_json(body: &str) -> Result<Self, BadSignal> {
        FORMATS.check_json(body.as_bytes())?;
        let json: SignalJson = serde_json::from_str(body).map_err(BadSignal::Malformed)?;
        let signal = Self::try_from(json)?;
        Tenant::parse(signal.tenant.as_str()).map_err(BadSignal::Id)?;
        TaskId::parse(signal.task_id.as_str()).map_err(BadSignal::Id)?;
        Ok(signal)
    }

    /// The same signal, marked for a task that must run alone.
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// The group of the signal: 32 hexadecimal digits. In a fair queue, many signals of one group
    /// do not delay those of others. A group is one owner of one tenant.
    ///
    /// A signal without a group, or with one of another form, is a group of its own.
    pub fn group(&self) -> String {
        let is_digest = |group: &&String| {
            group.len() == GROUP_LENGTH && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        match self.group.as_ref().filter(is_digest) {
            Some(group) => group.clone(),
            None => {
                digest([self.tenant.as_str().as_bytes(), &[], self.task_id.as_str().as_bytes()])
            }
        }
    }

    /// The task that the signal is for.
    pub fn key(&self) -> TaskKey {
        TaskKey { tenant: self.tenant.clone(), task: self.task_id.clone() }
    }
}

/// A signal could not be sent. The due index brings the task up again.
#[derive(Debug, thiserror::Error)]
#[error("the signal could not be sent")]
pub struct SignalError(#[source] pub Box<dyn Error + Send + Sync>);

/// The way to the runners: at least once, in any order.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// The longest delay that the queue takes.
    fn longest_delay(&self) -> Duration;

    /// Sends a signal that arrives after `delay`, which is at most
    /// [`longest_delay`](Self::longest_delay).
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError>;
}

/// The way to a runner at a time that is further away than a [`Queue`] can wait.
#[async_trait]
pub trait Timer: Send + Sync + 'static {
    /// Sends a signal at `at`, within the timer's precision, and never before it.
    async fn signal_at(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_of_one_owner_are_one_group_and_each_signal_has_one() {
        let group = |tenant, owner, task: &str| {
            let key = TaskKey {
                tenant: Tenant::parse(tenant).unwrap(),
                task: TaskId::parse(task).unwrap(),
            };
            Signal::new(&key, &Owner::parse(owner).unwrap()).group()
        };
        let alice = group("acme", "alice", "1");
        assert_eq!(alice, group("acme", "alice", "2"));
        assert_ne!(alice, group("acme", "bob", "1"));
        assert_ne!(alice, group("", "alice", "1"));
        assert_eq!(alice.len(), GROUP_LENGTH);

        // The engine never sends a missing or malformed group to the queue.
        let read = |json: &str| serde_json::from_str::<Signal>(json).unwrap().group();
        let kept = read(&format!(r#"{{"taskId":"1","group":"{alice}"}}"#));
        assert_eq!(kept, alice);
        let none = read(r#"{"taskId":"1"}"#);
        assert_eq!(none.len(), GROUP_LENGTH);
        assert_ne!(none, read(r#"{"taskId":"2"}"#));
        for malformed in ["", "a b", "zz", &"é".repeat(16), &"a".repeat(129)] {
            assert_eq!(read(&format!(r#"{{"taskId":"1","group":"{malformed}"}}"#)), none);
        }
    }

    /// The stored forms that executors of this release and of the next ones read. It must not
    /// change within a format.
    const STORED: [&str; 3] = [
        r#"{"v":1,"taskId":"t","group":"9bdda49a45b16406fb525550da25fee6"}"#,
        r#"{"v":1,"tenant":"acme","taskId":"t","alone":true,"group":"46ec638c86401bf75d7fe7f186eec6b7"}"#,
        r#"{"v":1,"taskId":"t"}"#,
    ];

    fn signals() -> [Signal; 3] {
        let task = TaskId::parse("t").unwrap();
        let alice = Owner::parse("alice").unwrap();
        let of = |tenant| Signal::new(&TaskKey { tenant, task: task.clone() }, &alice);
        let acme = of(Tenant::parse("acme").unwrap()).alone();
        [of(Tenant::default()), acme, Signal { group: None, ..of(Tenant::default()) }]
    }

    #[test]
    fn signals_are_sent_and_read_in_format_1() {
        for (signal, json) in signals().into_iter().zip(STORED) {
            assert_eq!(serde_json::to_string(&signal).unwrap(), json);
            assert_eq!(Signal::from_json(json).unwrap(), signal);
            // A signal without a number has format 1.
            let unnumbered = json.replace(r#""v":1,"#, "");
            assert_eq!(Signal::from_json(&unnumbered).unwrap(), signal);
            assert_eq!(serde_json::from_str::<Signal>(json).unwrap(), signal);
        }
    }

    #[test]
    fn a_signal_of_another_format_is_refused_by_name() {
        for (v, found) in [("99", "format 99"), (r#""1""#, "a format that is no number")] {
            // The rest may have any form: the other release knows it.
            for rest in [r#","taskId":"t""#, r#","tasks":["t"]"#, ""] {
                let json = format!("{{\"v\":{v}{rest}}}");
                let error = Signal::from_json(&json).unwrap_err();
                assert!(matches!(error, BadSignal::OtherRelease(_)), "{json}: {error:?}");
                let expected = format!("the signal has {found}, and this release reads format 1");
                assert_eq!(error.to_string(), expected);
            }
        }
        assert!(serde_json::from_str::<Signal>(r#"{"v":2,"taskId":"t"}"#).is_err());
    }

    #[test]
    fn a_signal_with_an_unknown_field_is_refused() {
        let error = Signal::from_json(r#"{"v":1,"taskId":"t","urgent":true}"#).unwrap_err();
        assert!(matches!(error, BadSignal::OtherRelease(_)), "{error:?}");
        let expected =
            r#"the signal has an unknown field "urgent", and this release reads format 1"#;
        assert_eq!(error.to_string(), expected);
    }
}
