//! Agents that speak `OpenAI`'s chat completions: `POST /chat/completions`, streamed or whole.

use a2a_lambda_core::Turn;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Fault;
use super::outcome::Outcome;
use super::payload::{Talk, session, talk_with_data};
use super::said::{MAX_ERROR_BYTES, Said, Voice, offset};

/// The event that ends a stream.
const DONE: &str = "[DONE]";

/// The longest reason of a refusal that is kept, in bytes.
const MAX_REFUSAL_BYTES: usize = 4096;

/// The body of a request. Servers refuse members that they do not know: there are no others.
#[derive(Serialize)]
struct Payload<'a> {
    model: &'a str,
    messages: Vec<Talk>,
    stream: bool,
    user: String,
}

/// The body of a turn's request.
pub(super) fn body(turn: &Turn, model: &str) -> Result<Vec<u8>, serde_json::Error> {
    let messages = talk_with_data(&turn.task().history);
    serde_json::to_vec(&Payload { model, messages, stream: true, user: session(turn) })
}

/// A whole answer, or one event of a stream.
#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    choices: Option<Vec<Choice>>,
    /// Some servers have the members of an error beside this, which is then `error`.
    object: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Content>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    #[serde(default)]
    text: String,
}

/// An error. Servers leave out any of its members.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reported<'a> {
    message: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// A name, or an HTTP status.
    #[serde(borrow)]
    code: Option<&'a RawValue>,
}

/// Reads an answer.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The text with which the model refuses.
    refusal: String,
    has_finished: bool,
    is_over: bool,
}

impl Reader {
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether a stream without its last event is complete.
    pub(super) fn may_end(&self) -> bool {
        self.is_over || self.has_finished
    }

    /// Reads an event, which begins at this byte.
    pub(super) fn event(&mut self, data: &str, at: usize) -> Result<Vec<Said>, Fault> {
        if data.trim() == DONE {
            self.is_over = true;
            return Ok(Vec::new());
        }
        self.read(data, at)
    }

    /// Reads a whole answer.
    pub(super) fn whole(&mut self, text: &str) -> Result<Vec<Said>, Fault> {
        let said = self.read(text, 0)?;
        if !self.has_finished && said.is_empty() {
            return Err(no_contract(0, "it has no choice with a message"));
        }
        Ok(said)
    }

    fn read(&mut self, text: &str, at: usize) -> Result<Vec<Said>, Fault> {
        let completion: Completion<'_> = serde_json::from_str(text)
            .map_err(|error| no_contract(at + offset(text, &error), &error.to_string()))?;
        if completion.object.as_deref() == Some("error") {
            return Err(failed(text));
        }
        if let Some(error) = completion.error {
            return Err(failed(error.get()));
        }
        let Some(choices) = completion.choices else {
            return Err(no_contract(at, "it has neither choices nor an error"));
        };
        let mut said = Vec::new();
        for choice in choices.into_iter().filter(|choice| choice.index == 0) {
            self.choice(choice, at, &mut said)?;
        }
        Ok(said)
    }

    fn choice(&mut self, choice: Choice, at: usize, said: &mut Vec<Said>) -> Result<(), Fault> {
        if let Some(Delta { content, refusal }) = choice.delta {
            let text = match content {
                Some(Content::Text(text)) => text,
                Some(Content::Parts(parts)) => parts.into_iter().map(|part| part.text).collect(),
                None => String::new(),
            };
            if !text.is_empty() {
                said.push(Said::Text(Voice::Plain, text));
            }
            let refusal = refusal.unwrap_or_default();
            let left = MAX_REFUSAL_BYTES.saturating_sub(self.refusal.len());
            self.refusal.push_str(&refusal[..refusal.floor_char_boundary(left)]);
        }
        let Some(reason) = choice.finish_reason else { return Ok(()) };
        if self.has_finished {
            return Ok(());
        }
        self.has_finished = true;
        match reason.as_str() {
            "length" => {
                let text = "The answer is incomplete: the model has reached its limit of tokens.";
                return Err(Fault::Told(text.to_owned()));
            }
            "tool_calls" | "function_call" => {
                return Err(no_contract(at, "it calls a tool, and it was given none"));
            }
            "content_filter" => {
                let reason = "A content filter has stopped the answer.".to_owned();
                said.push(Said::End(Outcome::Rejected { reason }));
            }
            _ if !self.refusal.is_empty() => {
                let reason = std::mem::take(&mut self.refusal);
                said.push(Said::End(Outcome::Rejected { reason }));
            }
            _ => {}
        }
        Ok(())
    }
}

fn no_contract(at: usize, what: &str) -> Fault {
    Fault::NotContract { at, what: what.to_owned() }
}

/// The failure that an error of a model's server is.
fn failed(error: &str) -> Fault {
    let cut = |mut text: String| {
        text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
        text
    };
    let Ok(reported) = serde_json::from_str::<Reported<'_>>(error) else {
        let message = serde_json::from_str(error).unwrap_or_else(|_| error.to_owned());
        return Fault::Failed { kind: String::new(), message: cut(message) };
    };
    let code = reported.code.map(RawValue::get);
    if let Some(status @ 400..600) = code.and_then(|code| code.trim_matches('"').parse().ok()) {
        return Fault::Refused { status, body: cut(reported.message) };
    }
    let code = code.and_then(|code| serde_json::from_str(code).ok());
    let kind = reported.kind.or(code).unwrap_or_default();
    Fault::Failed { kind, message: cut(reported.message) }
}

#[cfg(test)]
mod tests;
