//! The strict agent: the conformance agent behind a card that offers nothing optional, and asks for
//! an extension. For trying out how a client takes no for an answer.

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Offers, Turn};
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
        AgentProfile {
            name: "strict".to_owned(),
            description: "Refuses clients that do not support its extension".to_owned(),
            offers: Offers { streaming: false, push_notifications: false },
            extensions: vec![AgentExtension {
                uri: REQUIRED.to_owned(),
                description: "Does nothing, and is required".to_owned(),
                required: true,
                params: None,
            }],
            extended: None,
            ..Conformance.profile()
        }
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        Conformance.run(turn).await
    }
}
