//! An agent that pays after an approval: it asks, reminds, gives up after a while, and continues
//! with the answer. While it waits, nothing runs and nothing is paid for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use a2a_lambda::Impatience;
use a2a_lambda::prelude::*;
use serde::{Deserialize, Serialize};

/// How long the user has before a reminder comes, or the agent gives up.
pub const PATIENCE: Duration = Duration::from_hours(24);

/// How often the user is reminded.
pub const REMINDERS: u32 = 2;

/// The agent.
pub struct Approval {
    /// Where it pays.
    pub ledger: Arc<Ledger>,
}

/// The agent's memory for its next turn.
#[derive(Serialize, Deserialize)]
struct Open {
    /// The payment.
    request: String,
    reminders: u32,
}

#[async_trait]
impl Agent for Approval {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("approval", "Pays what its user approves", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let said = turn.text().trim().to_owned();
        let Some(open) = turn.checkpoint::<Open>()? else {
            if said.is_empty() {
                return Ok(End::input_required("What shall I pay?"));
            }
            let open = Open { request: said, reminders: 0 };
            return ask(turn, format!("Shall I pay {}? yes or no", open.request), &open);
        };
        // A turn without a message was begun by the end of the patience.
        if turn.messages().is_empty() {
            if open.reminders == REMINDERS {
                return Ok(End::rejected("Nobody has approved it, so it is not paid."));
            }
            let open = Open { reminders: open.reminders + 1, ..open };
            let question = format!("Still open: shall I pay {}? yes or no", open.request);
            return ask(turn, question, &open);
        }
        match said.to_lowercase().as_str() {
            "yes" => {
                // If this process dies here, the turn runs again, with the same key.
                self.ledger.pay(&turn.idempotency_key(), &open.request);
                let receipt = Part::text(format!("Paid: {}", open.request));
                turn.chunked("receipt").finish([receipt]).await?;
                Ok(End::completed())
            }
            "no" => Ok(End::rejected("It is not approved, so it is not paid.")),
            _ => ask(turn, format!("yes or no? It is about {}", open.request), &open),
        }
    }
}

/// A question that the agent does not wait for without end: it goes on when the patience is over.
fn ask(turn: &Turn, question: String, open: &Open) -> Result<End, Failure> {
    let until = turn.now().saturating_add(PATIENCE);
    Ok(End::input_required(question).until(until, Impatience::Wake).with_checkpoint(open)?)
}

/// Stands for a bank that carries out no request twice: it knows each by its key.
#[derive(Default)]
pub struct Ledger(Mutex<BTreeMap<String, String>>);

impl Ledger {
    /// Pays, unless a payment has this key already.
    pub fn pay(&self, key: &str, what: &str) {
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paid.entry(key.to_owned()).or_insert_with(|| what.to_owned());
    }

    /// The payments so far.
    pub fn paid(&self) -> Vec<String> {
        let paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paid.values().cloned().collect()
    }
}

/// The deployment's agents.
///
/// # Errors
/// Never: this one needs nothing of the configuration.
#[expect(clippy::unused_async, reason = "other agents read secrets here")]
pub async fn agents(_variables: &Variables<'_>) -> Result<Agents, ConfigError> {
    Ok(Agents::new(Arc::new(Approval { ledger: Arc::default() })))
}
