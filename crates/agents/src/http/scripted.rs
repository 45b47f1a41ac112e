//! A scripted server in place of an agent's, and what tests look at.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_https::{Answer, Chunks, ConnectError, Error, Phase, Request, Transport};
use a2a_lambda_testing::{Bed, TaskView};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::{Calls, Contract, HttpAgent, Target};

/// How often a call is made for a fault that may pass.
pub(crate) const ATTEMPTS: usize = 5;

/// The words for faults that each kind of agent can have.
pub(crate) const CUT: &str = "The agent broke off before its answer was complete.";
pub(crate) const FAILED: &str = "The agent failed.";
pub(crate) const LATE: &str = "The agent did not answer in time.";
pub(crate) const MALFORMED: &str = "The agent's answer is malformed.";
pub(crate) const TOO_LARGE: &str = "The agent's answer is too large.";

/// A piece of a scripted body.
#[derive(Clone)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    /// The connection breaks.
    Cut,
    /// Nothing more comes.
    Silence,
}

/// A scripted answer.
#[derive(Clone)]
pub(crate) enum Script {
    Answer {
        status: u16,
        media: &'static str,
        /// Another header, and its value.
        more: Option<(&'static str, &'static str)>,
        framed: bool,
        body: Vec<Piece>,
    },
    /// The agent cannot be reached.
    Down,
    /// The agent takes the request, and breaks off before it answers.
    Hangup,
    /// The head of the answer does not come in time.
    Late,
}

/// A server that gives these answers, and the last one for ever.
pub(crate) struct Server {
    pub(crate) answers: Mutex<VecDeque<Script>>,
    pub(crate) asked: Mutex<Vec<Request>>,
}

pub(crate) struct Body(VecDeque<Piece>);

#[async_trait]
impl Chunks for Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.0.pop_front() {
            None => Ok(None),
            Some(Piece::Bytes(bytes)) => Ok(Some(bytes.into())),
            Some(Piece::Cut) => Err(Error::Broken("reset".into())),
            Some(Piece::Silence) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Transport for Server {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        self.asked.lock().unwrap().push(request.clone());
        let mut answers = self.answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        match next.unwrap() {
            Script::Answer { status, media, more, framed, body } => {
                let mut headers = HeaderMap::new();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
                if let Some((name, value)) = more {
                    headers.insert(name, HeaderValue::from_static(value));
                }
                if framed {
                    headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                }
                let status = StatusCode::from_u16(status).unwrap();
                Ok(Answer { status, headers, body: Box::new(Body(body.into())) })
            }
            Script::Down => Err(Error::Unreachable(ConnectError::NoAddress)),
            Script::Hangup => Err(Error::Broken("closed".into())),
            Script::Late => {
                Err(Error::TimedOut { phase: Phase::Head, limit: Duration::from_secs(9) })
            }
        }
    }
}

impl Server {
    pub(crate) fn giving(answers: impl Into<VecDeque<Script>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into()), asked: Mutex::default() })
    }

    /// Calls of an agent of this contract at this server.
    pub(crate) fn calls(self: &Arc<Self>, contract: Contract) -> Calls {
        let authorization = Some(HeaderValue::from_static("Bearer token"));
        let silence = Duration::from_secs(30);
        Calls {
            transport: self.clone(),
            authorization,
            signs: false,
            contract,
            once: false,
            silence,
            keys: Arc::default(),
            patience: None,
            answer_bytes: 4 * 1024 * 1024,
            longest: None,
        }
    }

    /// An agent of `AgentCore`'s contract at this server.
    pub(crate) fn bed(self: &Arc<Self>, once: bool) -> Bed {
        bed(Calls { once, ..self.calls(Contract::AgentCore) })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// An agent that is called like this.
pub(crate) fn bed(calls: Calls) -> Bed {
    Bed::new(HttpAgent::new(calls, Target::parse("https://agent.example/a?q=1").unwrap()))
}

pub(crate) fn answer(status: u16, media: &'static str, body: &str) -> Script {
    let body = vec![Piece::Bytes(body.into())];
    Script::Answer { status, media, more: None, framed: true, body }
}

pub(crate) fn whole(body: &str) -> Script {
    answer(200, "application/json", body)
}

/// A stream of events, and how it goes on after them.
pub(crate) fn stream(events: &[Value], then: &[Piece]) -> Script {
    let events = events.iter().map(|event| Piece::Bytes(format!("data: {event}\n\n").into()));
    let body = events.chain(then.iter().cloned()).collect();
    let media = "text/event-stream; charset=utf-8";
    Script::Answer { status: 200, media, more: None, framed: true, body }
}

pub(crate) fn streamed(events: &[Value]) -> Script {
    stream(events, &[])
}

pub(crate) fn without_frame(script: Script) -> Script {
    match script {
        Script::Answer { status, media, more, body, .. } => {
            Script::Answer { status, media, more, framed: false, body }
        }
        other => other,
    }
}

/// The contents of the task's artifacts: `name: text`, and data as JSON.
pub(crate) fn output(task: &TaskView) -> Vec<String> {
    let artifacts = task.task().artifacts.iter().map(|artifact| {
        let parts = artifact.parts.iter().map(|part| match part.as_text() {
            Some(text) => text.to_owned(),
            None => serde_json::to_string(part).unwrap(),
        });
        format!("{}: {}", artifact.name, parts.collect::<String>())
    });
    artifacts.collect()
}
