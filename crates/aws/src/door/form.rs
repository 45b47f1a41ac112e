//! Whole answers, each in the form of its event.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

/// The form of a whole answer, which is that of the event that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// To payload 2.0.
    HttpApi,
    /// To payload 1.0.
    RestApi,
    /// To a load balancer.
    LoadBalancer {
        /// Whether its target group has several values of a header in an array.
        multi_value: bool,
    },
}

impl Form {
    /// The event for a response, in this form.
    pub fn event(self, response: Response<Bytes>) -> AnswerEvent {
        let (parts, body) = response.into_parts();
        let (body, is_base64_encoded) = match String::from_utf8(body.into()) {
            Ok(text) => (text, false),
            Err(bytes) => (STANDARD.encode(bytes.as_bytes()), true),
        };
        let has_arrays = match self {
            Self::HttpApi => false,
            Self::RestApi => true,
            Self::LoadBalancer { multi_value } => multi_value,
        };
        let mut event = AnswerEvent {
            status_code: parts.status.as_u16(),
            status_description: None,
            headers: None,
            multi_value_headers: None,
            body,
            is_base64_encoded,
        };
        if matches!(self, Self::LoadBalancer { .. }) {
            event.status_description = Some(description(parts.status));
        }
        if has_arrays {
            event.multi_value_headers = Some(values(&parts.headers));
        } else {
            let values = values(&parts.headers).into_iter();
            event.headers = Some(values.map(|(name, values)| (name, values.join(", "))).collect());
        }
        event
    }
}

/// The event that a whole answer is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerEvent {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    body: String,
    is_base64_encoded: bool,
}

/// Such as `404 Not Found`.
fn description(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("{} {reason}", status.as_str()).trim_end().to_owned()
}

fn values(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(name.as_str().to_owned()).or_default().push(value);
    }
    all
}
