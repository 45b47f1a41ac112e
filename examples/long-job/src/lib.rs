//! An agent whose job takes hours, in invocations of fifteen minutes: each part of it is a durable
//! step.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda::prelude::*;

/// How long one step takes.
pub const STEP: Duration = Duration::from_mins(1);

/// Adds up the numbers from 1 to its user's number, one a minute.
pub struct Sum;

#[async_trait]
impl Agent for Sum {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("sum", "Adds up the numbers from 1 to yours, slowly", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let Ok(until @ 1..=200) = turn.text().trim().parse::<u64>() else {
            return Ok(End::input_required("Up to which number, of 1 to 200?"));
        };
        let mut sum = 0;
        for number in 1..=until {
            // Shortly before the invocation ends, the next step does not begin: the `?` ends the turn,
            // and the next turn, in another invocation, finds the results of the steps before.
            let added = turn.step("add").with(&number).run(async |_| {
                turn.sleep(STEP).await;
                if number % 10 == 0 {
                    turn.progress(format!("{number} of {until} are done")).await?;
                }
                Ok(number)
            });
            sum += added.await?;
        }
        turn.chunked("sum").finish([Part::text(sum.to_string())]).await?;
        Ok(End::completed())
    }
}

/// The deployment's agents.
///
/// # Errors
/// Never: this one needs nothing of the configuration.
#[expect(clippy::unused_async, reason = "other agents read secrets here")]
pub async fn agents(_variables: &Variables<'_>) -> Result<Agents, ConfigError> {
    Ok(Agents::new(Arc::new(Sum)))
}
