//! The contracts that agents speak: how each is asked, and how its answers are read.

use a2a_lambda_core::{StepRun, Turn};
use http::Uri;

use super::payload::{self, Shape};
use super::said::{self, Said};
use super::{Fault, Target, ag_ui, openai};

/// The protocol that an agent speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contract {
    /// That of `AgentCore`'s runtime: `POST /invocations`.
    AgentCore,
    /// `OpenAI`'s chat completions, with the name of a model.
    OpenAi {
        /// The model.
        model: String,
    },
    /// The events of AG-UI.
    AgUi,
}

impl Contract {
    /// The URL that a request goes to.
    pub(super) fn url<'t>(&self, target: &'t Target) -> &'t Uri {
        match self {
            Self::AgentCore => &target.invocations,
            Self::OpenAi { .. } => &target.completions,
            Self::AgUi => &target.itself,
        }
    }

    /// The form of the requests' headers. `AgentCore`'s runtime serves AG-UI, too.
    pub(super) fn shape(&self) -> Shape {
        let accepts = match self {
            Self::AgentCore | Self::OpenAi { .. } => "text/event-stream, application/json",
            Self::AgUi => "text/event-stream",
        };
        Shape { accepts, is_of_agent_core: !matches!(self, Self::OpenAi { .. }) }
    }

    /// The body of a turn's request. Only `AgentCore`'s contract has a callback.
    pub(super) fn body(
        &self,
        turn: &Turn,
        step: &StepRun,
        callback_url: Option<&str>,
    ) -> Result<Vec<u8>, Fault> {
        let body = match self {
            Self::AgentCore => payload::body(turn, step, callback_url),
            Self::OpenAi { model } => openai::body(turn, model),
            Self::AgUi => ag_ui::body(turn, step),
        };
        body.map_err(|error| Fault::Ours(error.into()))
    }

    /// A reader of the answer to a turn's request.
    pub(super) fn reader(&self, turn: &Turn) -> Reader {
        match self {
            Self::AgentCore => Reader::AgentCore,
            Self::OpenAi { .. } => Reader::OpenAi(openai::Reader::default()),
            Self::AgUi => Reader::AgUi(Box::new(ag_ui::Reader::new(turn))),
        }
    }
}

/// Reads an answer.
pub(super) enum Reader {
    AgentCore,
    OpenAi(openai::Reader),
    AgUi(Box<ag_ui::Reader>),
}

impl Reader {
    /// Reads an event, which begins at this byte.
    pub(super) fn event(&mut self, data: &str, at: usize) -> Result<Vec<Said>, Fault> {
        match self {
            Self::AgentCore => Ok(vec![said::read(data, at)?]),
            Self::OpenAi(reader) => reader.event(data, at),
            Self::AgUi(reader) => reader.event(data, at),
        }
    }

    /// Reads an answer that is one JSON value.
    pub(super) fn whole(&mut self, text: &str) -> Result<Vec<Said>, Fault> {
        match self {
            Self::AgentCore => Ok(vec![said::read(text, 0)?]),
            Self::OpenAi(reader) => reader.whole(text),
            Self::AgUi(_) => {
                let what = "it is one value, and not a stream of events".to_owned();
                Err(Fault::NotContract { at: 0, what })
            }
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::AgentCore => false,
            Self::OpenAi(reader) => reader.is_over(),
            Self::AgUi(reader) => reader.is_over(),
        }
    }

    /// Whether a stream may end here. `is_told` says whether HTTP, or the agent's output, tells its
    /// end from a cut.
    pub(super) fn may_end(&self, is_told: bool) -> bool {
        match self {
            Self::AgentCore => is_told,
            Self::OpenAi(reader) => reader.may_end(),
            Self::AgUi(reader) => reader.is_over(),
        }
    }

    /// The failure that a status other than 200 with this body reports. `None` if it is a refusal.
    pub(super) fn failure(&self, status: u16, body: &str) -> Option<Fault> {
        match self {
            Self::AgentCore if status == 500 => said::failure(body),
            _ => None,
        }
    }
}
