//! An agent that pays after an approval by a link: it asks, reminds, gives up after a while, and
//! continues with the answer. While it waits, nothing runs and nothing is paid for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use a2a_lambda::prelude::*;
use a2a_lambda::steps::Answer;
use serde::Deserialize;

/// How long the approver has before a reminder comes, or the agent gives up.
pub const PATIENCE: Duration = Duration::from_hours(24);

/// How often the approver is reminded.
pub const REMINDERS: u32 = 2;

/// The agent.
pub struct Approval {
    /// Where it pays.
    pub ledger: Arc<Ledger>,
}

/// The form that the page behind the link sends.
#[derive(Deserialize)]
struct Form {
    decision: Decision,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Approve,
    Decline,
}

#[async_trait]
impl Agent for Approval {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("approval", "Pays what is approved by a link", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let payment = turn.text().trim().to_owned();
        if payment.is_empty() {
            return Ok(End::input_required("What shall I pay?"));
        }
        for reminder in 0..=REMINDERS {
            let approval = turn.callback("approval", PATIENCE).await?;
            let asks = if reminder == 0 { "Shall I" } else { "Still open: shall I" };
            let question = format!("{asks} pay {payment}? {}", approval.url());
            turn.step("ask")
                .with(&question)
                .run(|_| async { Ok(turn.progress(question.as_str()).await?) })
                .await?;
            match approval.answer::<Form>().await? {
                Answer::Given(Form { decision: Decision::Approve }) => {
                    let pay = turn.step("pay").run(async |step| {
                        self.ledger.pay(step.idempotency_key(), &payment);
                        Ok(())
                    });
                    pay.await?;
                    let receipt = Part::text(format!("Paid: {payment}"));
                    turn.chunked("receipt").finish([receipt]).await?;
                    return Ok(End::completed());
                }
                Answer::TimedOut => {}
                _ => return Ok(End::rejected("It is not approved, so it is not paid.")),
            }
        }
        Ok(End::rejected("Nobody has approved it, so it is not paid."))
    }
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
