//! Agents that speak AG-UI: `RunAgentInput` in, a stream of events out.

mod interrupts;
#[cfg(test)]
mod tests;

use a2a_lambda_core::{StepRun, Turn};
use a2a_lambda_protocol::{Json, Part, PartContent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use self::interrupts::{Answer, Asked, Command, Interrupt, ON_INTERRUPT, Resume};
use super::Fault;
use super::payload::{Work, session, talk_with_data, work};
use super::said::{MAX_ERROR_BYTES, Ours, Output, Said, Voice, offset, ours};

/// The artifact that has the agent's state: its id, and its name.
const STATE_ID: &str = "ag-ui-state";
const STATE: &str = "state";

/// How many of an answer's steps and tools are shown as progress.
const MAX_PROGRESS: usize = 64;
/// The longest name of one that is shown, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// `RunAgentInput`. Servers of the versions before 1.0 need each member but the last, and refuse
/// others.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    thread_id: String,
    run_id: &'a str,
    state: Json,
    messages: Vec<Message>,
    tools: [(); 0],
    context: [(); 0],
    forwarded_props: Forwarded<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resume: Vec<Resume>,
}

#[derive(Serialize)]
struct Message {
    id: String,
    role: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Forwarded<'a> {
    a2a: Work<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Command>,
}

/// The body of a turn's request.
pub(super) fn body(turn: &Turn, step: &StepRun) -> Result<Vec<u8>, serde_json::Error> {
    let state = state_of(turn).map_or_else(|| Json::parse("{}"), |state| Ok(state.clone()))?;
    let talk = talk_with_data(&turn.task().history);
    let messages = talk.into_iter().map(|talk| Message {
        id: talk.id,
        role: talk.role,
        content: talk.content,
    });
    let Answer { resume, command } = interrupts::answer(turn)?;
    serde_json::to_vec(&Input {
        thread_id: session(turn),
        run_id: step.idempotency_key(),
        state,
        messages: messages.collect(),
        tools: [],
        context: [],
        forwarded_props: Forwarded { a2a: work(turn, step)?, command },
        resume,
    })
}

/// The state that the last run of the task left.
fn state_of(turn: &Turn) -> Option<&Json> {
    let mut artifacts = turn.task().artifacts.iter();
    let artifact = artifacts.find(|artifact| artifact.artifact_id == STATE_ID)?;
    artifact.parts.iter().find_map(|part| match &part.content {
        PartContent::Data(state) => Some(state),
        _ => None,
    })
}

/// The events that are read.
const READ: [&str; 12] = [
    "CUSTOM",
    "MESSAGES_SNAPSHOT",
    "RUN_ERROR",
    "RUN_FINISHED",
    "STATE_DELTA",
    "STATE_SNAPSHOT",
    "STEP_STARTED",
    "TEXT_MESSAGE_CHUNK",
    "TEXT_MESSAGE_CONTENT",
    "TEXT_MESSAGE_START",
    "TOOL_CALL_CHUNK",
    "TOOL_CALL_START",
];

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// The members of events that are looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    subagent_run_id: Option<String>,
    message_id: Option<String>,
    role: Option<String>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    tool_call_name: Option<String>,
    step_name: Option<String>,
    #[serde(borrow)]
    snapshot: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    name: Option<String>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow, rename = "rawEvent")]
    raw: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    outcome: Option<Finished>,
    message: Option<String>,
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Finished {
    #[serde(rename_all = "camelCase")]
    Success {
        #[serde(default)]
        pending_tool_call_ids: Vec<String>,
    },
    Interrupt {
        interrupts: Vec<Interrupt>,
    },
    Cancelled {},
    #[serde(other)]
    Other,
}

/// An event of the agent's own.
#[derive(Serialize)]
struct Custom {
    name: String,
    value: Json,
}

/// A message of a snapshot.
#[derive(Deserialize)]
struct Kept<'a> {
    role: String,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// An agent's state: its text as long as that is all, for numbers to stay as they are written.
enum State {
    Text(Json),
    Changed(Value),
}

/// Reads the events of a run.
pub(super) struct Reader {
    state: Option<State>,
    is_state_new: bool,
    /// The message that the last text belongs to.
    message: Option<String>,
    /// A message that is not the agent's.
    foreign: Option<String>,
    has_text: bool,
    /// The answer in the newest snapshot of messages.
    kept: Option<String>,
    /// The end of the turn, by our extension.
    end: Option<Box<Ours>>,
    /// The questions of `LangGraph` to the user.
    asked: Vec<Asked>,
    progress: usize,
    is_over: bool,
}

impl Reader {
    /// A reader of the answer to a turn.
    pub(super) fn new(turn: &Turn) -> Self {
        Self {
            state: state_of(turn).cloned().map(State::Text),
            is_state_new: false,
            message: None,
            foreign: None,
            has_text: false,
            kept: None,
            end: None,
            asked: Vec::new(),
            progress: 0,
            is_over: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Reads an event, which begins at this byte.
    pub(super) fn event(&mut self, data: &str, at: usize) -> Result<Vec<Said>, Fault> {
        let wrong =
            |error: serde_json::Error| no_contract(at + offset(data, &error), error.to_string());
        let Kind { kind } = serde_json::from_str(data).map_err(wrong)?;
        // The members of others may mean anything.
        if !READ.contains(&kind.as_str()) {
            return Ok(Vec::new());
        }
        let event: Event<'_> = serde_json::from_str(data).map_err(wrong)?;
        match kind.as_str() {
            "RUN_FINISHED" => return self.finish(event, at),
            "RUN_ERROR" => {
                let mut message = event.message.unwrap_or_default();
                message.truncate(message.floor_char_boundary(MAX_ERROR_BYTES));
                return Err(Fault::Failed { kind: event.code.unwrap_or_default(), message });
            }
            "MESSAGES_SNAPSHOT" => self.kept = event.messages.and_then(answer_of),
            "STATE_SNAPSHOT" => {
                let state = event.snapshot.map_or("null", RawValue::get);
                let state =
                    Json::parse(state).map_err(|error| no_contract(at, error.to_string()))?;
                (self.state, self.is_state_new) = (Some(State::Text(state)), true);
            }
            "STATE_DELTA" => self.patch(event.delta, at)?,
            "CUSTOM" => return self.custom(event, at),
            // The output of a subagent is not the agent's answer.
            _ if event.subagent_run_id.is_some() => {}
            "TEXT_MESSAGE_START" | "TEXT_MESSAGE_CONTENT" | "TEXT_MESSAGE_CHUNK" => {
                return self.text(event, at);
            }
            "TOOL_CALL_START" | "TOOL_CALL_CHUNK" => {
                return Ok(self.progress(event.tool_call_name, |name| format!("Tool: {name}")));
            }
            "STEP_STARTED" => return Ok(self.progress(event.step_name, |name| name)),
            _ => {}
        }
        Ok(Vec::new())
    }

    fn text(&mut self, event: Event<'_>, at: usize) -> Result<Vec<Said>, Fault> {
        let id = event.message_id;
        match event.role.as_deref() {
            Some("assistant") => self.foreign = None,
            Some(_) => self.foreign.clone_from(&id),
            None => {}
        }
        if self.foreign.is_some() && (id.is_none() || id == self.foreign) {
            return Ok(Vec::new());
        }
        let text = event.delta.map(|delta| serde_json::from_str(delta.get())).transpose();
        let text: Option<String> =
            text.map_err(|error| no_contract(at, format!("its delta is no text: {error}")))?;
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
        let mut said = Vec::new();
        if id.is_some() && id != self.message {
            if self.has_text {
                said.push(Said::Text(Voice::Plain, "\n\n".to_owned()));
            }
            self.message = id;
        }
        self.has_text = true;
        said.push(Said::Text(Voice::Plain, text));
        Ok(said)
    }

    fn progress(&mut self, name: Option<String>, says: impl Fn(String) -> String) -> Vec<Said> {
        let Some(mut name) = name.filter(|_| self.progress < MAX_PROGRESS) else {
            return Vec::new();
        };
        self.progress += 1;
        name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
        vec![Said::Progress(says(name))]
    }

    fn patch(&mut self, delta: Option<&RawValue>, at: usize) -> Result<(), Fault> {
        let mut state = match self.state.take() {
            Some(State::Changed(state)) => state,
            Some(State::Text(state)) => {
                state.to().map_err(|error| no_contract(at, error.to_string()))?
            }
            None => Value::Object(serde_json::Map::new()),
        };
        let patch = delta.map_or("[]", RawValue::get);
        super::patch::apply(&mut state, patch)
            .map_err(|what| no_contract(at, format!("a change of the state: {what}")))?;
        (self.state, self.is_state_new) = (Some(State::Changed(state)), true);
        Ok(())
    }

    /// Our extension, or data.
    fn custom(&mut self, event: Event<'_>, at: usize) -> Result<Vec<Said>, Fault> {
        let value = event.value.map_or("null", RawValue::get);
        let name = event.name.unwrap_or_default();
        let wrong = |error: serde_json::Error| no_contract(at, error.to_string());
        if name == ON_INTERRUPT {
            let mut asked = Asked::by(value, event.raw);
            let data = asked.data.take().map(|value| Json::from_value(&Custom { name, value }));
            self.asked.push(asked);
            return Ok(data.transpose().map_err(wrong)?.map(Said::Data).into_iter().collect());
        }
        if name != "a2a" {
            let data =
                Json::parse(value).and_then(|value| Json::from_value(&Custom { name, value }));
            return Ok(vec![Said::Data(data.map_err(wrong)?)]);
        }
        let ours = ours(value, at)?;
        if self.end.is_some() {
            let what = "something follows the state that ends the turn".to_owned();
            return Err(no_contract(at, what));
        }
        if ours.state.is_none() {
            return Ok(vec![Said::Ours(Box::new(ours))]);
        }
        // The run says itself when it is over.
        self.end = Some(Box::new(ours));
        Ok(Vec::new())
    }

    fn finish(&mut self, event: Event<'_>, at: usize) -> Result<Vec<Said>, Fault> {
        self.is_over = true;
        let mut said = Vec::new();
        if let Some(text) = self.kept.take().filter(|_| !self.has_text) {
            said.push(Said::Result(Part::text(text)));
        }
        if let Some(result) = event.result {
            let result = result.get();
            let part = if let Ok(text) = serde_json::from_str::<String>(result) {
                Part::text(text)
            } else {
                let data = Json::parse(result);
                Part::data(data.map_err(|error| no_contract(at, error.to_string()))?)
            };
            said.push(Said::Result(part));
        }
        if self.is_state_new
            && let Some(state) = self.state.take()
        {
            let state = match state {
                State::Text(state) => Ok(state),
                State::Changed(state) => Json::from_value(&state),
            };
            let state = state.map_err(|error| no_contract(at, error.to_string()))?;
            said.push(Said::Artifact(Output {
                artifact_id: STATE_ID.to_owned(),
                name: STATE.to_owned(),
                description: String::new(),
                parts: vec![Part::data(state)],
                metadata: None,
            }));
        }
        let asked = std::mem::take(&mut self.asked);
        let asks = !asked.is_empty() && self.end.is_none();
        said.extend(self.end.take().map(Said::Ours));
        match event.outcome {
            Some(Finished::Success { pending_tool_call_ids: pending }) if !pending.is_empty() => {
                let what = "it waits for the results of tools, and it was given none".to_owned();
                return Err(no_contract(at, what));
            }
            None | Some(Finished::Success { .. }) if asks => {
                let end = interrupts::by_events(asked).map_err(|what| no_contract(at, what))?;
                said.push(Said::End(end));
            }
            None | Some(Finished::Success { .. } | Finished::Other) => {}
            Some(Finished::Interrupt { interrupts }) => {
                let end =
                    interrupts::by_outcome(interrupts).map_err(|what| no_contract(at, what))?;
                said.push(Said::End(end));
            }
            Some(Finished::Cancelled {}) => {
                return Err(Fault::Told("The agent has canceled its run.".to_owned()));
            }
        }
        Ok(said)
    }
}

fn no_contract(at: usize, what: String) -> Fault {
    Fault::NotContract { at, what }
}

/// The newest text of the agent behind the newest message of the user.
fn answer_of(messages: &RawValue) -> Option<String> {
    let messages: Vec<Kept<'_>> = serde_json::from_str(messages.get()).ok()?;
    let new = messages.iter().rev().take_while(|message| message.role != "user");
    let mut texts = new.filter(|message| message.role == "assistant").filter_map(|message| {
        serde_json::from_str::<String>(message.content?.get()).ok().filter(|text| !text.is_empty())
    });
    texts.next()
}
