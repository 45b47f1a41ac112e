//! The agent in a process of its own: a child of this one, which speaks the contract of
//! [`http`](crate::http) at a port of this machine.
//!
//! The child is started for the first turn, and again when it has ended. It ends with this process,
//! however that ends.

mod child;
mod command;
mod keeper;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use async_trait::async_trait;

use self::child::Tasks;
pub(crate) use self::command::Command;
pub(crate) use self::keeper::Keeper;
use crate::http::{Calls, Fault, Found, Place, profile};

/// An agent in a process.
pub(crate) struct ProcessAgent {
    calls: Calls,
    keeper: Arc<Keeper>,
}

impl ProcessAgent {
    /// The agent in this keeper's process.
    pub(crate) fn new(calls: Calls, keeper: Arc<Keeper>) -> Self {
        // The token of a remote agent is not for this one.
        Self { calls: Calls { authorization: None, ..calls }, keeper }
    }
}

/// A task that the process works on, until it is dropped.
struct Working {
    tasks: Arc<Tasks>,
    number: u64,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.tasks.end(self.number);
    }
}

#[async_trait]
impl Place for Keeper {
    async fn find(&self, turn: &Turn) -> Result<Found, Fault> {
        let number = self.tasks.begin(&turn.task().id);
        let working = Working { tasks: self.tasks.clone(), number };
        let target = self.target().await?;
        Ok(Found { target, in_use: Some(Box::new(working)) })
    }
}

#[async_trait]
impl Agent for ProcessAgent {
    fn profile(&self) -> AgentProfile {
        profile("process", "An agent in a process of its own")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        self.calls.run(turn, &*self.keeper).await
    }
}
