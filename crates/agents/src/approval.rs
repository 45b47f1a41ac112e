//! The approval agent: for tests of callbacks.

use std::time::Duration;

use a2a_lambda_core::{Agent, AgentProfile, CallbackAnswer, End, Failure, Turn};
use a2a_lambda_protocol::Json;
use async_trait::async_trait;

/// How long it waits for an answer.
const PATIENCE: Duration = Duration::from_hours(1);

/// Shows the URL of a callback as its progress, and ends with the answer as text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Approval;

#[async_trait]
impl Agent for Approval {
    fn profile(&self) -> AgentProfile {
        let description = "Waits for an answer at a URL, and ends with it";
        AgentProfile::text("approval", description, "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let approval = turn.callback("approval", PATIENCE).await?;
        if turn.number() == 1 {
            turn.progress(approval.url()).await?;
        }
        let text = match approval.answer::<Json>().await? {
            CallbackAnswer::Given(answer) => answer.to_string(),
            CallbackAnswer::GaveUp(reason) => format!("gave up: {reason}"),
            _ => "nobody answered".to_owned(),
        };
        Ok(End::Completed(text.into()))
    }
}
