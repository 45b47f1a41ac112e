//! The way that a message has come, through agents that pass messages on.

use std::collections::BTreeMap;

use a2a_lambda_core::{HOPS, MAX_HOPS};
use a2a_lambda_protocol::{A2aError, Json, SendMessageRequest, Struct};
use http::request::Parts;

use crate::binding::listed_header;

/// The header that names the hops of a message: a list with commas, the first hop first.
const HEADER: &str = "a2a-hops";
/// The longest name of a hop, in bytes.
const MAX_HOP_BYTES: usize = 64;

/// Whether an agent that passes messages on has made this request.
pub(crate) fn is_passed_on(parts: &Parts) -> bool {
    parts.headers.contains_key(HEADER)
}

/// The request with the hops that its header names in its metadata, where its agent finds them.
///
/// # Errors
/// `InvalidParams` for a malformed header, and for a message that has come too far: agents may pass it
/// on in a circle.
pub(crate) fn with_hops(
    parts: &Parts,
    request: SendMessageRequest,
) -> Result<SendMessageRequest, A2aError> {
    let hops = listed_header(parts, HEADER)?;
    if hops.is_empty() {
        return Ok(request);
    }
    if hops.len() > MAX_HOPS {
        let text =
            format!("has more than {MAX_HOPS} hops: agents may pass the message on in a circle");
        return Err(A2aError::invalid_field("A2A-Hops", text));
    }
    let is_hop =
        |hop: &&str| hop.len() <= MAX_HOP_BYTES && hop.bytes().all(|b| b.is_ascii_graphic());
    if !hops.iter().all(is_hop) {
        return Err(A2aError::invalid_field("A2A-Hops", "is no list of names"));
    }
    let mut members: BTreeMap<String, Json> = match &request.metadata {
        Some(metadata) => metadata.to().map_err(A2aError::internal)?,
        None => BTreeMap::new(),
    };
    members.insert(HOPS.to_owned(), Json::from_value(&hops).map_err(A2aError::internal)?);
    let metadata = Struct::from_value(&members).map_err(A2aError::internal)?;
    Ok(SendMessageRequest { metadata: Some(metadata), ..request })
}
