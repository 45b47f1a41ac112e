//! The strict agent: the conformance agent behind a card that offers nothing optional, and asks for
//! an extension. For trying out how a client takes no for an answer.

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_protocol::AgentExtension;
use async_trait::async_trait;

use crate::Conformance;

/// The extension that clients must support.
const REQUIRED: &str = "https://example.com/extensions/required/v1";

/// Behaves as [`Conformance`], for clients that support an extension, and without streams and push
/// notifications.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strict;

#[async_trait]
impl Agent for Strict {
    fn profile(&self) -> AgentProfile {
        let mut profile = Conformance.profile();
        profile.name = "strict".into();
        profile.description = "Refuses clients that do not support its extension".into();
        profile.offers.streaming = false;
        profile.offers.push_notifications = false;
        profile.extensions = vec![AgentExtension {
            uri: REQUIRED.to_owned(),
            description: "Does nothing, and is required".to_owned(),
            required: true,
            params: None,
        }];
        profile.extended = None;
        profile
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        Conformance.run(turn).await
    }
}
