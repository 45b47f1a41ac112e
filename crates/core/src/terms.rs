//! A sender's wishes beside its message.

use a2a_lambda_protocol::Struct;
use serde::{Deserialize, Serialize};

/// The member of a request's metadata that names the agents which have passed the message on: a list of
/// texts, the first one first.
pub const HOPS: &str = "urn:a2a-lambda:hops:v1";

/// How many agents may pass a message on, one after the other.
pub const MAX_HOPS: usize = 8;

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

    /// The [hops](HOPS) that the message has made; none if the metadata names none.
    pub fn hops(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Members {
            #[serde(rename = "urn:a2a-lambda:hops:v1", default)]
            hops: Vec<String>,
        }
        let named = self.metadata.as_ref().and_then(|metadata| metadata.to::<Members>().ok());
        named.map(|members| members.hops).unwrap_or_default()
    }
}
