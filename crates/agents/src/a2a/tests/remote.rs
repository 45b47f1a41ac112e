//! A remote agent that answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_https::{Answer, Chunks, ConnectError, Error, Phase, Request, Transport};
use a2a_lambda_testing::{Bed, BedBuilder};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::a2a::{A2aAgent, Place, Settings};

/// The rest of a stream after its events.
#[derive(Clone, Copy)]
pub(super) enum Then {
    Ends,
    Breaks,
    IsSilent,
}

/// An answer to a call.
#[derive(Clone)]
pub(super) enum Said {
    /// A result.
    Is(Value),
    /// An error of this code.
    Error(i64),
    Stream(Vec<Value>, Then),
    Http(u16, &'static str),
    /// The agent cannot be reached.
    Down,
    /// The agent takes the request, and breaks off.
    Hangup,
    /// The answer does not come in time.
    Late,
}

/// The remote agent. Each method gives its answers, and the last one for ever.
pub(super) struct Remote {
    card: Mutex<Value>,
    answers: Mutex<BTreeMap<&'static str, VecDeque<Said>>>,
    asked: Mutex<Vec<(Request, String, Value)>>,
}

struct Body(VecDeque<Bytes>, Then);

#[async_trait]
impl Chunks for Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match (self.0.pop_front(), self.1) {
            (Some(bytes), _) => Ok(Some(bytes)),
            (None, Then::Ends) => Ok(None),
            (None, Then::Breaks) => Err(Error::Broken("reset".into())),
            (None, Then::IsSilent) => std::future::pending().await,
        }
    }
}

fn answer(status: u16, media: &'static str, body: Body) -> Answer {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media))]);
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Box::new(body) }
}

fn whole(status: u16, media: &'static str, body: impl Into<Bytes>) -> Answer {
    answer(status, media, Body([body.into()].into(), Then::Ends))
}

#[async_trait]
impl Transport for Remote {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let is_card = request.method == Method::GET;
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let method = if is_card { "card" } else { body["method"].as_str().unwrap() };
        let call = (request.clone(), method.to_owned(), body["params"].clone());
        self.asked.lock().unwrap().push(call);
        let said = {
            let mut answers = self.answers.lock().unwrap();
            match answers.get_mut(method) {
                None if is_card => Said::Is(self.card.lock().unwrap().clone()),
                None => Said::Error(-32601),
                Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
                Some(answers) => answers[0].clone(),
            }
        };
        let rpc =
            |what: &str, value: Value| json!({ "jsonrpc": "2.0", "id": body["id"], what: value });
        Ok(match said {
            Said::Is(value) if is_card => whole(200, "application/json", value.to_string()),
            Said::Is(value) => whole(200, "application/json", rpc("result", value).to_string()),
            Said::Error(code) => {
                let error = json!({ "code": code, "message": "db at 10.0.0.7: Bearer hunter2" });
                whole(200, "application/json", rpc("error", error).to_string())
            }
            Said::Stream(events, then) => {
                let events =
                    events.into_iter().map(|it| format!("data: {}\n\n", rpc("result", it)));
                let body = Body(events.map(Bytes::from).collect(), then);
                answer(200, "text/event-stream", body)
            }
            Said::Http(status, body) => whole(status, "text/html", body),
            Said::Down => return Err(Error::Unreachable(ConnectError::NoAddress)),
            Said::Hangup => return Err(Error::Broken("closed".into())),
            Said::Late => {
                let limit = Duration::from_secs(9);
                return Err(Error::TimedOut { phase: Phase::Head, limit });
            }
        })
    }
}

impl Remote {
    /// One with these capabilities, and without answers.
    pub(super) fn new(streaming: bool, pushes: bool) -> Arc<Self> {
        let card = json!({
            "name": "painter", "description": "Paints", "version": "7",
            "provider": { "organization": "Brush", "url": "https://brush.example" },
            "supportedInterfaces": [{ "url": "https://agent.example/rpc", "protocolBinding": "JSONRPC",
                "protocolVersion": "1.0" }],
            "capabilities": { "streaming": streaming, "pushNotifications": pushes,
                "extensions": [{ "uri": "https://e.example/x" }, { "uri": "urn:a2a-lambda:generation:v1" }] },
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["image/png"],
            "skills": [{ "id": "paint", "name": "paint", "description": "Paints", "tags": ["art"],
                "securityRequirements": [{ "schemes": { "theirs": {} } }] }],
        });
        let (answers, asked) = (Mutex::default(), Mutex::default());
        Arc::new(Self { card: Mutex::new(card), answers, asked })
    }

    /// With these answers to a method.
    pub(super) fn with(
        self: Arc<Self>,
        method: &'static str,
        said: impl Into<VecDeque<Said>>,
    ) -> Arc<Self> {
        self.says(method, said);
        self
    }

    /// From now on with these answers to a method.
    pub(super) fn says(&self, method: &'static str, said: impl Into<VecDeque<Said>>) {
        self.answers.lock().unwrap().insert(method, said.into());
    }

    pub(super) fn change_card(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.card.lock().unwrap());
    }

    pub(super) fn settings(self: &Arc<Self>) -> Settings {
        Settings {
            transport: self.clone(),
            authorization: Some("Bearer hunter2".to_owned()),
            card_keys: None,
            once: false,
            stream_for: Duration::from_mins(1),
            sends_again: false,
            answer_bytes: 1 << 20,
        }
    }

    pub(super) fn agent(settings: Settings) -> A2aAgent {
        A2aAgent::new(settings, &Place::parse("https://agent.example/").unwrap())
    }

    pub(super) fn builder(self: &Arc<Self>) -> BedBuilder {
        Bed::builder(Self::agent(self.settings()))
    }

    pub(super) fn bed(self: &Arc<Self>) -> Bed {
        self.builder().build()
    }

    /// How often a method was called.
    pub(super) fn asked(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|(_, asked, _)| asked == method).count()
    }

    /// The parameters of the newest call of a method.
    pub(super) fn told(&self, method: &str) -> Value {
        let asked = self.asked.lock().unwrap();
        asked.iter().rfind(|(_, asked, _)| asked == method).unwrap().2.clone()
    }

    /// A header of the newest call of each message.
    pub(super) fn headers(&self, name: &str) -> Vec<String> {
        self.headers_of("Send", name)
    }

    /// A header of each call of the methods that begin so.
    pub(super) fn headers_of(&self, method: &str, name: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let sends = asked.iter().filter(|(_, called, _)| called.starts_with(method));
        sends.map(|(request, ..)| request.headers[name].to_str().unwrap().to_owned()).collect()
    }
}

/// A task in this state.
pub(super) fn task(state: &str) -> Value {
    json!({ "id": "r1", "contextId": "rc", "status": { "state": format!("TASK_STATE_{state}") } })
}

/// A task in this state, with this message.
pub(super) fn saying(state: &str, text: &str) -> Value {
    let mut task = task(state);
    task["status"]["message"] = json!({ "messageId": "m", "role": "ROLE_AGENT",
        "parts": [{ "text": text }], "metadata": { "n": 1 } });
    task
}

/// The same task with an artifact of these texts.
pub(super) fn having(mut task: Value, texts: &[&str]) -> Value {
    let parts: Vec<Value> = texts.iter().map(|text| json!({ "text": text })).collect();
    task["artifacts"] = json!([{ "artifactId": "a", "name": "picture", "parts": parts }]);
    task
}

/// The event that brings a task, or a status of one.
pub(super) fn event(task: &Value) -> Value {
    json!({ "task": task })
}

pub(super) fn status(task: &Value) -> Value {
    json!({ "statusUpdate": { "taskId": task["id"], "contextId": "rc", "status": task["status"],
        "metadata": { "u": 2 } } })
}

pub(super) fn chunk(text: &str, append: bool, last: bool) -> Value {
    json!({ "artifactUpdate": { "taskId": "r1", "contextId": "rc", "append": append, "lastChunk": last,
        "metadata": { "c": 3 }, "artifact": { "artifactId": "a", "name": "picture",
        "parts": [{ "text": text }], "metadata": { "m": 4 } } } })
}
