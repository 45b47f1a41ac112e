//! The ledger agent: for tests that count what an agent does to the world.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::time::Duration;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, StepError, Turn};
use async_trait::async_trait;

/// How many steps a task has.
pub const LEDGER_STEPS: u32 = 20;

/// How long the work of one takes.
const WORK: Duration = Duration::from_millis(20);

/// Takes [`LEDGER_STEPS`] steps, and each appends a line to a file. The message is `durable PATH` or
/// `plain PATH`: with durable steps, of which every fifth is an at-most-once step, or without.
///
/// A line is the task, the number of the step, and the event. `effect` or `once` is the work.
/// `recorded` stands behind its record. `unknown` is the agent's knowledge of a step that was
/// interrupted.
///
/// Never deploy it for users: it writes to the files that they name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ledger;

#[async_trait]
impl Agent for Ledger {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("ledger", "Writes lines to a file: not for users", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let text = turn.text();
        let Some((how, path)) = text.split_once(' ') else {
            return Ok(End::rejected("the message is durable PATH or plain PATH"));
        };
        let write = |number: u32, what: &str| write(path, &turn.task().id, number, what);
        for number in 1..=LEDGER_STEPS {
            let is_once = number.is_multiple_of(5);
            if how == "plain" {
                write(number, "effect")?;
                turn.sleep(WORK).await;
                continue;
            }
            let step = turn.step(if is_once { "charge" } else { "work" }).with(&number);
            let step = if is_once { step.once() } else { step };
            let done = step.run(async |_| {
                write(number, if is_once { "once" } else { "effect" })?;
                turn.sleep(WORK).await;
                Ok(number)
            });
            match done.await {
                Ok(_) => write(number, "recorded")?,
                Err(StepError::Unknown { .. }) => write(number, "unknown")?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(End::completed())
    }
}

/// Appends a line in one write, so that the lines of several processes do not mix.
fn write(path: &str, task: &str, number: u32, what: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{task} {number} {what}\n").as_bytes())
}
