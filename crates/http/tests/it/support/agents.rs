//! Agents with behaviours that the built-in ones lack.

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_protocol::Artifact;
use async_trait::async_trait;

/// Shows the parts of its message as an artifact, as they are.
#[derive(Debug)]
pub(crate) struct Mirror;

#[async_trait]
impl Agent for Mirror {
    fn profile(&self) -> AgentProfile {
        let mut profile = AgentProfile::text("mirror", "gives back what it is given", "1");
        profile.input_modes = vec!["*/*".to_owned()];
        profile
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let parts = turn.messages().iter().flat_map(|message| message.parts.clone()).collect();
        let artifact = Artifact { artifact_id: turn.artifact_id(), parts, ..Artifact::default() };
        turn.artifact(artifact).await?;
        Ok(End::completed())
    }
}
