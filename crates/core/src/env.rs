//! What the core needs from the world around it: time, fresh ids, a queue and a timer.

use std::error::Error;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::{TaskId, TaskKey, Tenant};

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
}

fn is_default_tenant(tenant: &Tenant) -> bool {
    tenant.as_str().is_empty()
}

impl Signal {
    /// A signal for a task.
    pub fn new(key: &TaskKey) -> Self {
        Self { tenant: key.tenant.clone(), task_id: key.task.clone(), alone: false }
    }

    /// The same signal, for a task that is to be run alone.
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
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
