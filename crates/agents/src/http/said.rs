//! The reading rules for an agent's output: for one JSON value, which is a whole answer or one
//! event.

use a2a_lambda_protocol::{Json, Part, Struct};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Fault;
use super::outcome::Outcome;
use super::printed::{self, Printed};

/// The longest text of an agent's error that is kept, in bytes.
pub(super) const MAX_ERROR_BYTES: usize = 1024;

/// Events of a Strands agent's life, which are no output.
const LIFE: [&str; 3] = [r#"{"init_event_loop":"#, r#"{"start_event_loop":"#, r#"{"start":"#];

/// Events of Bedrock's Converse stream without text.
const CONVERSE: [&str; 6] = [
    r#"{"messageStart":"#,
    r#"{"contentBlockStart":"#,
    r#"{"contentBlockDelta":"#,
    r#"{"contentBlockStop":"#,
    r#"{"messageStop":"#,
    r#"{"metadata":"#,
];

/// The form in which a text comes. A Strands agent may pass on all its events. Then each text comes
/// twice: once in each of the last two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// A JSON string.
    Plain,
    /// `{"data": "text"}`.
    Data,
    /// `{"event": {"contentBlockDelta": …}}`.
    Converse,
}

/// The meaning of one JSON value.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Nothing,
    /// The next piece of the answer's text.
    Text(Voice, String),
    /// Something that no rule knows.
    Data(Json),
    /// The answer, or the text of it once more, at its end.
    Result(Part),
    /// Our extension.
    Ours(Box<Ours>),
    /// A status message.
    Progress(String),
    /// An artifact of its own, whole.
    Artifact(Output),
    /// The end of the turn.
    End(Outcome),
}

/// Our one extension of the contract: an object `{"a2a": {…}}`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Ours {
    /// A status message.
    pub(super) progress: Option<String>,
    /// Artifacts of their own, each whole.
    #[serde(default)]
    pub(super) artifacts: Vec<Output>,
    /// The end of the turn. Nothing else may follow it.
    pub(super) state: Option<State>,
    /// The question to the user.
    pub(super) question: Option<String>,
    /// Why the agent will not, or cannot.
    pub(super) reason: Option<String>,
    /// The value that the agent receives again with the user's answer.
    pub(super) checkpoint: Option<Json>,
}

/// An artifact. Without an id of its own it gets one.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Output {
    #[serde(default)]
    pub(super) artifact_id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) parts: Vec<Part>,
    pub(super) metadata: Option<Struct>,
}

/// The end of a turn, in the agent's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum State {
    Completed,
    InputRequired,
    AuthRequired,
    Rejected,
    Failed,
}

/// The members of an object that the rules know.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Members<'a> {
    #[serde(borrow)]
    a2a: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    error_type: Option<String>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

/// A message of a Bedrock model, as Strands has it.
#[derive(Deserialize)]
struct ModelMessage {
    role: String,
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(rename = "contentBlockDelta")]
    block: DeltaBlock,
}

#[derive(Deserialize)]
struct DeltaBlock {
    delta: Block,
}

/// Reads one JSON value, which begins at this byte of the answer.
pub(super) fn read(text: &str, at: usize) -> Result<Said, Fault> {
    let no_contract = |error: serde_json::Error| Fault::NotContract {
        at: at + offset(text, &error),
        what: error.to_string(),
    };
    let json = Json::parse(text).map_err(no_contract)?;
    // From here on without insignificant whitespace.
    let value = json.as_str();
    if value == "null" {
        return Ok(Said::Nothing);
    }
    if value.starts_with('"') {
        let text: String = json.to().map_err(no_contract)?;
        return Ok(match printed::read(&text) {
            Some(Printed::Data(said)) => Said::Text(Voice::Data, said),
            Some(Printed::Other) => Said::Nothing,
            None => Said::Text(Voice::Plain, text),
        });
    }
    if !value.starts_with('{') || LIFE.iter().any(|life| value.starts_with(life)) {
        return Ok(if value.starts_with('{') { Said::Nothing } else { Said::Data(json) });
    }
    // An object of some other kind, such as one whose `error_type` is a number.
    let Ok(known) = serde_json::from_str::<Members<'_>>(value) else {
        return Ok(Said::Data(json));
    };
    if let Some(value) = known.a2a {
        return Ok(Said::Ours(Box::new(ours(value.get(), at)?)));
    }
    if let Some(error) = known.error.filter(|error| !matches!(error.get(), "null" | "false")) {
        return Err(failed(error, known.error_type));
    }
    if let Some(text) = known.data.and_then(as_text) {
        return Ok(Said::Text(Voice::Data, text));
    }
    if let Some(event) = known.event {
        if let Ok(delta) = serde_json::from_str::<Delta>(event.get()) {
            return Ok(Said::Text(Voice::Converse, delta.block.delta.text));
        }
        if CONVERSE.iter().any(|kind| event.get().starts_with(kind)) {
            return Ok(Said::Nothing);
        }
    }
    let result = known.result.or(known.response).or(known.output).or(known.message);
    match result {
        Some(result) => result_of(result).map_err(no_contract),
        None => Ok(Said::Data(json)),
    }
}

/// Reads our extension, in a value that begins at this byte of the answer.
pub(super) fn ours(value: &str, at: usize) -> Result<Ours, Fault> {
    let no_ours = |what: String| Fault::NotContract { at, what: format!("in a2a: {what}") };
    let ours: Ours = serde_json::from_str(value).map_err(|error| no_ours(error.to_string()))?;
    ours.check().map_err(|what| no_ours(what.to_owned()))?;
    Ok(ours)
}

/// The failure that an agent's server reports, if the body is `{"error": …}`.
pub(super) fn failure(body: &str) -> Option<Fault> {
    let known: Members<'_> = serde_json::from_str(body).ok()?;
    Some(failed(known.error?, known.error_type))
}

fn failed(error: &RawValue, kind: Option<String>) -> Fault {
    let mut message = as_text(error).unwrap_or_else(|| error.get().to_owned());
    message.truncate(message.floor_char_boundary(MAX_ERROR_BYTES));
    Fault::Failed { kind: kind.unwrap_or_default(), message }
}

fn as_text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn result_of(value: &RawValue) -> Result<Said, serde_json::Error> {
    if value.get() == "null" {
        return Ok(Said::Nothing);
    }
    if let Some(text) = as_text(value) {
        return Ok(Said::Result(Part::text(text)));
    }
    if let Ok(message) = serde_json::from_str::<ModelMessage>(value.get()) {
        let text: String = message.content.into_iter().map(|block| block.text).collect();
        // A tool's result is input of the model, and no part of the answer.
        let is_said = message.role == "assistant" && !text.is_empty();
        return Ok(if is_said { Said::Result(Part::text(text)) } else { Said::Nothing });
    }
    Ok(Said::Result(Part::data(Json::parse(value.get())?)))
}

impl Ours {
    /// Refuses fields that do not go together.
    fn check(&self) -> Result<(), &'static str> {
        let asks = matches!(self.state, Some(State::InputRequired | State::AuthRequired));
        let refuses = matches!(self.state, Some(State::Rejected | State::Failed));
        if asks != self.question.is_some() {
            return Err(
                "a question belongs to INPUT_REQUIRED and AUTH_REQUIRED, and these need one",
            );
        }
        if refuses != self.reason.is_some() {
            return Err("a reason belongs to REJECTED and FAILED, and these need one");
        }
        if self.checkpoint.is_some() && !asks {
            return Err("a checkpoint belongs to INPUT_REQUIRED and AUTH_REQUIRED");
        }
        Ok(())
    }
}

/// The byte of a text at which `serde_json` found an error.
pub(super) fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    before.map(str::len).sum::<usize>() + error.column().saturating_sub(1)
}
