//! The message that the remote agent receives.

use std::collections::BTreeMap;

use a2a_lambda_core::{HOPS, MAX_HOPS, Turn};
use a2a_lambda_protocol::{
    Json, Message, Role, SendMessageConfiguration, SendMessageRequest, Struct,
};

use super::fault::Fault;
use super::sent::Link;
use crate::digits::{conversation, digits};

/// How many hexadecimal digits name a hop.
const HOP_DIGITS: usize = 16;

/// The name that the proxy of the agent at this URL has among the hops of a message. Nobody learns the
/// URL by it.
pub(super) fn hop_of(url: &str) -> String {
    let mut name = digits([url.trim_end_matches('/')]);
    name.truncate(HOP_DIGITS);
    name
}

/// Why a message that has made these hops is not passed on, if it is not.
pub(super) fn why_not_pass_on(hops: &[String], own: &str) -> Option<&'static str> {
    if hops.iter().any(|hop| hop == own) {
        return Some("The agents pass this message on in a circle.");
    }
    (hops.len() >= MAX_HOPS).then_some("Too many agents have passed this message on.")
}

/// The hops of a message that is passed on, as its header has them.
pub(super) fn passed_on(hops: &[String], own: &str) -> String {
    let hops = hops.iter().map(String::as_str).chain([own]);
    hops.collect::<Vec<_>>().join(", ")
}

/// The message of a scope, for the remote task if there is one, under this id. All that the user has said
/// goes along where a forgotten task is sent `again`.
pub(super) fn request(
    turn: &Turn,
    id: &str,
    to: Option<&Link>,
    again: bool,
) -> Result<SendMessageRequest, Fault> {
    let ours = |error: serde_json::Error| Fault::Ours(error.into());
    let said: Vec<&Message> = if again {
        turn.task().history.iter().filter(|message| message.role == Role::User).collect()
    } else {
        turn.messages().iter().collect()
    };
    let newest = said.last();
    let mut extensions: Vec<String> =
        said.iter().flat_map(|message| message.extensions.iter().cloned()).collect();
    extensions.sort_unstable();
    extensions.dedup();
    let message = Message {
        message_id: id.to_owned(),
        context_id: to.map_or_else(|| context_of(turn), |link| link.context.clone()),
        task_id: to.map(|link| link.task.clone()).unwrap_or_default(),
        role: Role::User,
        parts: said.iter().flat_map(|message| message.parts.iter().cloned()).collect(),
        metadata: newest.and_then(|message| message.metadata.clone()),
        extensions,
        // They are tasks of this server.
        reference_task_ids: Vec::new(),
    };
    let configuration = SendMessageConfiguration {
        accepted_output_modes: turn.accepted_output_modes().to_vec(),
        history_length: Some(0),
        return_immediately: true,
        ..SendMessageConfiguration::default()
    };
    let metadata = metadata(turn).map_err(ours)?;
    Ok(SendMessageRequest { metadata, ..SendMessageRequest::of(message, configuration) })
}

/// The request's metadata, without the members that a header has.
fn metadata(turn: &Turn) -> Result<Option<Struct>, serde_json::Error> {
    let Some(metadata) = turn.request_metadata() else { return Ok(None) };
    let mut members: BTreeMap<String, Json> = metadata.to()?;
    members.remove(HOPS);
    if members.is_empty() { Ok(None) } else { Struct::from_value(&members).map(Some) }
}

/// A conversation of an owner, as the remote agent knows it: a UUID, which tells nobody the ids, and is
/// the same for each task of the conversation.
fn context_of(turn: &Turn) -> String {
    let digits = conversation(turn);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    // Version 8, for one's own, and the variant of RFC 9562.
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}
