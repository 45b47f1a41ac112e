//! Interrupts: how a run asks the user, and how the answer resumes it.
//!
//! AG-UI 1.0 has interrupts in `RUN_FINISHED`, and their answers in `resume`. `LangGraph`'s adapter tells
//! of each by an event of its own by default, and reads the answer in `forwardedProps.command`.

use a2a_lambda_core::Turn;
use a2a_lambda_protocol::{Json, PartContent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::outcome::Outcome;

/// The name of the event of `LangGraph`.
pub(super) const ON_INTERRUPT: &str = "on_interrupt";

/// An interrupt of AG-UI.
#[derive(Deserialize)]
pub(super) struct Interrupt {
    id: String,
    #[serde(default)]
    reason: String,
    message: Option<String>,
}

/// An interrupt of `LangGraph`.
pub(super) struct Asked {
    question: String,
    /// Its id, if it is told. It is needed where there are several.
    id: Option<String>,
    /// The whole of it, if it is more than a text.
    pub(super) data: Option<Json>,
}

/// The checkpoint of a turn that ended by interrupts.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Interrupted {
    ByOutcome { interrupts: Vec<String> },
    ByCommand { command: Vec<String> },
}

/// The answer to interrupts.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) resume: Vec<Resume>,
    pub(super) command: Option<Command>,
}

/// The answer to an interrupt of AG-UI.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resume {
    interrupt_id: String,
    status: &'static str,
    payload: Json,
}

/// The answer to interrupts of `LangGraph`: its `Command`.
#[derive(Serialize)]
pub(super) struct Command {
    resume: Value,
}

impl Asked {
    /// Reads an event. Its value is the interrupt's value, or the JSON of that as a text.
    pub(super) fn by(value: &str, raw: Option<&RawValue>) -> Self {
        #[derive(Deserialize)]
        struct Raw {
            id: String,
        }
        #[derive(Default, Deserialize)]
        struct Members {
            message: Option<String>,
        }
        let text = serde_json::from_str::<String>(value).ok();
        let value = text.as_deref().unwrap_or(value);
        let data = Json::parse(value).ok().filter(|it| it.as_str().starts_with(['{', '[']));
        let members = data.as_ref().and_then(|data| data.to::<Members>().ok()).unwrap_or_default();
        let raw = raw.and_then(|raw| serde_json::from_str::<Raw>(raw.get()).ok());
        let question = members.message.unwrap_or_else(|| value.to_owned());
        Self { question, id: raw.map(|raw| raw.id), data }
    }
}

/// The question that the interrupts of `RUN_FINISHED` are.
pub(super) fn by_outcome(interrupts: Vec<Interrupt>) -> Result<Outcome, String> {
    let asked = interrupts.iter().map(|of| of.message.as_deref().unwrap_or(&of.reason));
    let question = asked.collect::<Vec<_>>().join("\n");
    let interrupts = interrupts.into_iter().map(|of| of.id).collect();
    asks(question, &Interrupted::ByOutcome { interrupts })
}

/// The question that the interrupts of `LangGraph` are.
pub(super) fn by_events(asked: Vec<Asked>) -> Result<Outcome, String> {
    let questions = asked.iter().map(|of| of.question.as_str());
    let question = questions.collect::<Vec<_>>().join("\n");
    let command = asked.into_iter().filter_map(|of| of.id).collect();
    asks(question, &Interrupted::ByCommand { command })
}

fn asks(question: String, left: &Interrupted) -> Result<Outcome, String> {
    if question.trim().is_empty() {
        return Err("an interrupt has no message and no reason".to_owned());
    }
    let checkpoint = Json::from_value(left).map_err(|error| error.to_string())?;
    Ok(Outcome::InputRequired { question, checkpoint: Some(checkpoint) })
}

/// The answer to the interrupts of the last turn: the data of the user's messages, or their text.
pub(super) fn answer(turn: &Turn) -> Result<Answer, serde_json::Error> {
    // An agent's own checkpoint, by our extension, has another form.
    let Ok(Some(interrupted)) = turn.checkpoint() else { return Ok(Answer::default()) };
    let parts = || turn.messages().iter().flat_map(|message| &message.parts);
    let data = parts().find_map(|part| match &part.content {
        PartContent::Data(data) => Some(data),
        _ => None,
    });
    Ok(match interrupted {
        Interrupted::ByOutcome { interrupts } => {
            let payload = match data {
                Some(data) => data.clone(),
                None => Json::from_value(&turn.text())?,
            };
            let resume = |interrupt_id| Resume {
                interrupt_id,
                status: "resolved",
                payload: payload.clone(),
            };
            let resume = interrupts.into_iter().map(resume).collect();
            Answer { resume, command: None }
        }
        Interrupted::ByCommand { command: ids } => {
            let payload = match data {
                Some(data) => data.to()?,
                None => Value::String(as_text(turn.text())?),
            };
            let resume = match ids.as_slice() {
                [] | [_] => payload,
                // It takes a map of ids for several.
                _ => ids.into_iter().map(|id| (id, payload.clone())).collect(),
            };
            Answer { resume: Vec::new(), command: Some(Command { resume }) }
        }
    })
}

/// Encodes a text so that the adapter reads it as this text. The adapter would decode a text that
/// is JSON.
fn as_text(text: String) -> Result<String, serde_json::Error> {
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    if is_json { serde_json::to_string(&text) } else { Ok(text) }
}
