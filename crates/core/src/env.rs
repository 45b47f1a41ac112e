//! What the core needs from the world around it: time, fresh ids, a queue and a timer.

use std::error::Error;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::{Owner, TaskId, TaskKey, Tenant};
use crate::request_key::digest;

/// How many characters a signal's group has: 128 bits of hexadecimal.
const GROUP_LENGTH: usize = 32;

/// Time. Injected, so that tests and the simulation own it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time, to the millisecond. It may step back a little, as clocks do.
    fn now(&self) -> Timestamp;

    /// Returns once the time has passed.
    async fn sleep(&self, duration: Duration);
}

/// A source of ids that are unique everywhere and for ever, such as random UUIDs.
pub trait Ids: Send + Sync + 'static {
    /// A fresh id of at most 64 bytes of printable ASCII.
    fn fresh(&self) -> String;
}

/// The message that says "attend to this task". It carries no content: the task is read when the
/// signal arrives. Fields that are not known are ignored, so that versions can be mixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// The task's tenant.
    #[serde(default, skip_serializing_if = "is_default_tenant")]
    pub tenant: Tenant,
    /// The task's id.
    pub task_id: TaskId,
    /// Whether the task is a [suspect](crate::Head::is_suspect): a process that runs it runs no
    /// other task at the same time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// The digest of the task's tenant and owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

fn is_default_tenant(tenant: &Tenant) -> bool {
    tenant.as_str().is_empty()
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

    /// The same signal, for a task that is to be run alone.
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Whose signals this one is among: 32 hexadecimal digits. A fair queue does not let the many
    /// signals of one group delay those of the others, and one group is one owner of one tenant.
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

/// The longest delay that a [`Queue`] takes: SQS's.
pub const MAX_QUEUE_DELAY: Duration = Duration::from_mins(15);

/// The way to the runners: at least once, in any order.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Sends a signal that arrives after `delay`, which is at most [`MAX_QUEUE_DELAY`].
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError>;
}

/// The way to a runner at a time that is further away than a [`Queue`] can wait.
#[async_trait]
pub trait Timer: Send + Sync + 'static {
    /// Sends a signal at `at`, or as near to it as the timer is precise; never before it.
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

        // A group that is missing or malformed is never sent to the queue.
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
}
