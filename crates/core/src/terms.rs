//! A sender's wishes beside its message.

use a2a_lambda_protocol::Struct;
use serde::{Deserialize, Serialize};

/// A sender's wishes beside the message. The agent sees them, and they are no part of the task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The media types that the sender accepts (spec section 3.2.2); empty if it names none.
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    pub accepted_output_modes: Vec<String>,
    /// The URIs of the extensions that are active for this request (spec section 4.6.2).
    #[serde(rename = "e", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// The metadata of the request.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

impl Terms {
    /// Whether the sender asked for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
