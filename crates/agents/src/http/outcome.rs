//! The end of an agent's turn.

use a2a_lambda_core::End;
use a2a_lambda_protocol::Json;
use serde::{Deserialize, Serialize};

/// The end of an agent's turn, as the step records it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Completed,
    /// The agent has taken the request, and answers later, by its callback.
    Accepted,
    InputRequired {
        question: String,
        checkpoint: Option<Json>,
    },
    AuthRequired {
        question: String,
        checkpoint: Option<Json>,
    },
    Rejected {
        reason: String,
    },
}

impl Outcome {
    pub(super) fn into_end(self) -> Result<End, serde_json::Error> {
        let (end, checkpoint) = match self {
            Self::Completed | Self::Accepted => return Ok(End::completed()),
            Self::Rejected { reason } => return Ok(End::rejected(reason)),
            Self::InputRequired { question, checkpoint } => {
                (End::input_required(question), checkpoint)
            }
            Self::AuthRequired { question, checkpoint } => {
                (End::auth_required(question), checkpoint)
            }
        };
        match checkpoint {
            Some(checkpoint) => end.with_checkpoint(&checkpoint),
            None => Ok(end),
        }
    }
}
