//! The request that an agent receives.

use a2a_lambda_core::{StepRun, Turn};
use a2a_lambda_protocol::{Json, Message, PartContent, Role};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

use super::Fault;
use crate::digits::conversation;

/// How many messages of the task's history go along as `messages`, and how many bytes of text.
const MAX_TALK: usize = 64;
const MAX_TALK_BYTES: usize = 256 * 1024;

const SESSION: HeaderName = HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-session-id");
const TASK: HeaderName = HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-task");
const ATTEMPT: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-attempt");
const KEY: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-idempotency-key");
const CUSTOM_TRACE: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-traceparent");
const TRACE: HeaderName = HeaderName::from_static("traceparent");
const PLAIN_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The body. Agents of the contract read `prompt` or `messages`, and skip unknown members.
#[derive(Serialize)]
struct Payload<'a> {
    prompt: String,
    messages: Vec<Talk>,
    a2a: Work<'a>,
}

/// A message, as chat interfaces have it.
#[derive(Serialize)]
pub(super) struct Talk {
    #[serde(skip)]
    pub(super) id: String,
    pub(super) role: &'static str,
    pub(super) content: String,
}

/// The turn, in the terms of A2A.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work<'a> {
    task: &'a str,
    context_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tenant: &'a str,
    /// The new messages, whole.
    messages: &'a [Message],
    checkpoint: Option<Json>,
    turn: u32,
    attempt: u32,
    idempotency_key: &'a str,
    /// The URL at which the agent may answer later.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
}

/// The body of a turn's request.
pub(super) fn body(
    turn: &Turn,
    step: &StepRun,
    callback_url: Option<&str>,
) -> Result<Vec<u8>, serde_json::Error> {
    let messages = talk(&turn.task().history, false);
    let a2a = Work { callback_url, ..work(turn, step)? };
    serde_json::to_vec(&Payload { prompt: turn.text(), messages, a2a })
}

/// The turn, in the terms of A2A. It has no callback URL.
pub(super) fn work<'t>(turn: &'t Turn, step: &'t StepRun) -> Result<Work<'t>, serde_json::Error> {
    let task = turn.task();
    Ok(Work {
        task: &task.id,
        context_id: &task.context_id,
        tenant: turn.tenant().as_str(),
        messages: turn.messages(),
        checkpoint: turn.checkpoint()?,
        turn: turn.number(),
        attempt: turn.attempt(),
        idempotency_key: step.idempotency_key(),
        callback_url: None,
    })
}

/// The newest messages that have text or data, oldest first; data is text then, of JSON.
pub(super) fn talk_with_data(history: &[Message]) -> Vec<Talk> {
    talk(history, true)
}

/// The newest messages that have text, oldest first.
fn talk(history: &[Message], with_data: bool) -> Vec<Talk> {
    let mut bytes = 0;
    let with_text = history.iter().rev().filter_map(|message| {
        let texts = message.parts.iter().filter_map(|part| match &part.content {
            PartContent::Text(text) => Some(text.as_str()),
            PartContent::Data(data) if with_data => Some(data.as_str()),
            _ => None,
        });
        let texts: Vec<&str> = texts.collect();
        let role = if message.role == Role::Agent { "assistant" } else { "user" };
        let id = message.message_id.clone();
        (!texts.is_empty()).then(|| Talk { id, role, content: texts.join("\n") })
    });
    let fits = with_text.take(MAX_TALK).take_while(|talk| {
        bytes += talk.content.len();
        bytes <= MAX_TALK_BYTES
    });
    let mut talk: Vec<Talk> = fits.collect();
    talk.reverse();
    talk
}

/// The form of a contract's headers.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The media types of its answers.
    pub(super) accepts: &'static str,
    /// Whether requests have the headers of `AgentCore`'s runtime.
    pub(super) is_of_agent_core: bool,
}

/// The headers of a turn's request. The runtime of `AgentCore` passes on the session, and each header
/// with its prefix for custom headers.
pub(super) fn headers(
    turn: &Turn,
    step: &StepRun,
    shape: Shape,
    authorization: Option<&HeaderValue>,
) -> Result<HeaderMap, Fault> {
    let key = step.idempotency_key().to_owned();
    let trace = a2a_lambda_runtime::traceparent().map(|trace| trace.to_string());
    let mut texts = vec![(PLAIN_KEY, key.clone())];
    if shape.is_of_agent_core {
        texts.extend([
            (SESSION, session(turn)),
            (TASK, turn.task().id.clone()),
            (ATTEMPT, turn.attempt().to_string()),
            (KEY, key),
        ]);
        texts.extend(trace.clone().map(|trace| (CUSTOM_TRACE, trace)));
    }
    texts.extend(trace.map(|trace| (TRACE, trace)));
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static(shape.accepts));
    for (name, text) in texts {
        let value = HeaderValue::from_str(&text).map_err(|error| Fault::Ours(error.into()))?;
        headers.insert(name, value);
    }
    if let Some(value) = authorization {
        headers.insert(header::AUTHORIZATION, value.clone());
    }
    Ok(headers)
}

/// A session for a conversation of an owner: 68 characters, of which nobody learns the ids.
pub(super) fn session(turn: &Turn) -> String {
    format!("a2a-{}", conversation(turn))
}
