//! An agent whose job takes hours, in invocations of fifteen minutes: it continues from a
//! checkpoint.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda::prelude::*;
use serde::{Deserialize, Serialize};

/// How long one step takes.
pub const STEP: Duration = Duration::from_mins(1);

/// After so many steps the work is saved: a crash costs no more of them.
pub const SAVED_AFTER: u64 = 10;

/// Adds up the numbers from 1 to its user's number, one a minute.
pub struct Sum;

/// The work so far. The next turn begins with it.
#[derive(Default, Serialize, Deserialize)]
struct Done {
    until: u64,
    next: u64,
    sum: u64,
}

#[async_trait]
impl Agent for Sum {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("sum", "Adds up the numbers from 1 to yours, slowly", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let mut done = match turn.checkpoint::<Done>()? {
            Some(done) => done,
            None => match turn.text().trim().parse() {
                Ok(until @ 1..=10_000) => Done { until, next: 1, sum: 0 },
                _ => return Ok(End::input_required("Up to which number, of 1 to 10000?")),
            },
        };
        let mut steps = 0;
        while done.next <= done.until {
            if steps == SAVED_AFTER {
                turn.progress(format!("{} of {} are done", done.next - 1, done.until)).await?;
                return Ok(End::continue_with(&done)?);
            }
            tokio::select! {
                // Soon before the end of the invocation: the next turn is in another one. The step
                // that is under way is done again.
                _ = turn.stopped() => return Ok(End::continue_with(&done)?),
                number = step(turn, done.next) => done.sum += number,
            }
            done.next += 1;
            steps += 1;
        }
        turn.chunked("sum").finish([Part::text(done.sum.to_string())]).await?;
        Ok(End::completed())
    }
}

/// A step of the work, which takes its time.
async fn step(turn: &Turn, number: u64) -> u64 {
    turn.sleep(STEP).await;
    number
}

/// The deployment's agents.
///
/// # Errors
/// Never: this one needs nothing of the configuration.
#[expect(clippy::unused_async, reason = "other agents read secrets here")]
pub async fn agents(_variables: &Variables<'_>) -> Result<Agents, ConfigError> {
    Ok(Agents::new(Arc::new(Sum)))
}
