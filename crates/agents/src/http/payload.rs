//! What an agent is sent.

use std::fmt::Write as _;

use a2a_lambda_core::{StepRun, Turn};
use a2a_lambda_protocol::{Json, Message, Part, Role};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Fault;

/// How many messages of the task's history go along as `messages`, and how many bytes of text.
const MAX_SAID: usize = 64;
const MAX_SAID_BYTES: usize = 256 * 1024;

const SESSION: HeaderName = HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-session-id");
const TASK: HeaderName = HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-task");
const ATTEMPT: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-attempt");
const KEY: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-idempotency-key");
const CUSTOM_TRACE: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-custom-traceparent");
const TRACE: HeaderName = HeaderName::from_static("traceparent");

/// The body: agents of the contract read `prompt` or `messages`, and skip what they do not know.
#[derive(Serialize)]
struct Payload<'a> {
    prompt: String,
    messages: Vec<Said>,
    a2a: Work<'a>,
}

/// A message, as chat interfaces have it.
#[derive(Serialize)]
struct Said {
    role: &'static str,
    content: String,
}

/// What A2A has of the turn.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Work<'a> {
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
}

/// The body of a turn's request.
pub(super) fn body(turn: &Turn, step: &StepRun) -> Result<Vec<u8>, Fault> {
    let ours = |error: serde_json::Error| Fault::Ours(error.into());
    let task = turn.task();
    let payload = Payload {
        prompt: turn.text(),
        messages: said(&task.history),
        a2a: Work {
            task: &task.id,
            context_id: &task.context_id,
            tenant: turn.tenant().as_str(),
            messages: turn.messages(),
            checkpoint: turn.checkpoint().map_err(ours)?,
            turn: turn.number(),
            attempt: turn.attempt(),
            idempotency_key: step.idempotency_key(),
        },
    };
    serde_json::to_vec(&payload).map_err(ours)
}

/// The newest messages that have text, oldest first.
fn said(history: &[Message]) -> Vec<Said> {
    let mut bytes = 0;
    let with_text = history.iter().rev().filter_map(|message| {
        let texts: Vec<&str> = message.parts.iter().filter_map(Part::as_text).collect();
        let role = if message.role == Role::Agent { "assistant" } else { "user" };
        (!texts.is_empty()).then(|| Said { role, content: texts.join("\n") })
    });
    let fits = with_text.take(MAX_SAID).take_while(|said| {
        bytes += said.content.len();
        bytes <= MAX_SAID_BYTES
    });
    let mut said: Vec<Said> = fits.collect();
    said.reverse();
    said
}

/// The headers of a turn's request. In those of the contract, the runtime of `AgentCore` passes on the
/// session and what begins with its prefix for custom headers.
pub(super) fn headers(
    turn: &Turn,
    step: &StepRun,
    authorization: Option<&HeaderValue>,
) -> Result<HeaderMap, Fault> {
    let task = turn.task();
    let owner = turn.owner().as_str();
    let session = session_id([turn.tenant().as_str(), owner, &task.context_id]);
    let mut texts = vec![
        (SESSION, session),
        (TASK, task.id.clone()),
        (ATTEMPT, turn.attempt().to_string()),
        (KEY, step.idempotency_key().to_owned()),
    ];
    if let Some(trace) = a2a_lambda_runtime::traceparent() {
        texts.extend([(CUSTOM_TRACE, trace.to_string()), (TRACE, trace.to_string())]);
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
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
fn session_id(of: [&str; 3]) -> String {
    let mut hash = Sha256::new();
    for field in of {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().iter().fold("a2a-".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
