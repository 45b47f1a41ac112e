//! Transports without a network: our bindings, and answers from a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_agents::Conformance;
use a2a_lambda_client::{Binding, Client, Config, Interface, Limits, Transport, Version};
use a2a_lambda_core::{Agents, Operations, Owner, Runner};
use a2a_lambda_http::{Bindings, Body, Grant, HttpConfig, Principal, Visitor};
use a2a_lambda_https::{Answer, Chunks, Error, Request};
use a2a_lambda_protocol::{SendMessageRequest, StreamResponse};
use a2a_lambda_testing::{Doubles, Manner, user};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};

pub(crate) const URL: &str = "https://agents.example";

/// Every way to speak to our bindings.
pub(crate) const WAYS: &[(Binding, Version)] = &[
    (Binding::JsonRpc, Version::V1_0),
    (Binding::HttpJson, Version::V1_0),
    #[cfg(feature = "v0_3")]
    (Binding::JsonRpc, Version::V0_3),
    #[cfg(feature = "v0_3")]
    (Binding::HttpJson, Version::V0_3),
];

/// Our bindings. Their streams are cut after as many pieces as the script says, one number a stream.
#[derive(Clone)]
pub(crate) struct Server {
    bindings: Bindings,
    pub(crate) cuts: Arc<Mutex<VecDeque<usize>>>,
    /// Whether its events have no ids, as those of other servers.
    pub(crate) hides_ids: bool,
    /// The requests: method, URL and headers.
    pub(crate) asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Server {
    /// It must be made within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        Self::with(HttpConfig::default())
    }

    pub(crate) fn with(config: HttpConfig) -> Self {
        let Doubles { queue, receivers, engine, .. } = Doubles::new();
        receivers.set_others(Manner::Down);
        let agents = Agents::new(Arc::new(Conformance));
        queue.are_run_by(Runner::new(engine.clone(), agents.clone()));
        let bindings = Bindings::new(Operations::new(engine), agents, config);
        Self { bindings, cuts: Arc::default(), hides_ids: false, asked: Arc::default() }
    }

    /// A client of it that speaks so.
    pub(crate) fn client(&self, way: (Binding, Version)) -> Client {
        self.client_within(way, Limits::default())
    }

    pub(crate) fn client_within(&self, way: (Binding, Version), limits: Limits) -> Client {
        let (binding, version) = way;
        let url = URL.parse().unwrap();
        let interface = Interface { url, binding, version, tenant: String::new() };
        Client::new(Arc::new(self.clone()), interface, Config { limits, ..Config::default() })
    }

    /// Cuts the next streams, each after so many pieces.
    pub(crate) fn cut(&self, pieces: impl IntoIterator<Item = usize>) {
        self.cuts.lock().unwrap().extend(pieces);
    }

    /// How often a header was sent.
    pub(crate) fn sent(&self, header: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|(_, it)| it.contains_key(header)).count()
    }
}

#[async_trait]
impl Transport for Server {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let Request { method, uri, headers, body, .. } = request.clone();
        self.asked.lock().unwrap().push((format!("{method} {uri}"), headers.clone()));
        let mut parts = http::Request::new(()).into_parts().0;
        (parts.method, parts.uri, parts.headers) = (method, uri, headers);
        let visitor = Visitor {
            principal: Principal::Somebody(Owner::parse("alice").unwrap()),
            grant: Grant::default(),
            base_url: URL.to_owned(),
            answer_by: None,
        };
        let (head, body) = self.bindings.handle(&parts, &body, &visitor).await.into_parts();
        let left = match body {
            Body::Events(_) => self.cuts.lock().unwrap().pop_front(),
            Body::Whole(_) => None,
        };
        let hides_ids = self.hides_ids;
        let body = Box::new(Pieces { body, left: left.unwrap_or(usize::MAX), hides_ids });
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

struct Pieces {
    body: Body,
    left: usize,
    hides_ids: bool,
}

#[async_trait]
impl Chunks for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.left == 0 {
            return Err(Error::Broken("reset".into()));
        }
        self.left -= 1;
        Ok(match &mut self.body {
            Body::Whole(bytes) => Some(std::mem::take(bytes)).filter(|it| !it.is_empty()),
            Body::Events(events) => {
                let piece = events.next().await;
                // Our events begin with their ids.
                let from = |it: &Bytes| it.iter().position(|it| *it == b'\n').unwrap_or(0) + 1;
                piece.map(|it| {
                    if self.hides_ids && it.starts_with(b"id:") {
                        it.slice(from(&it)..)
                    } else {
                        it
                    }
                })
            }
        })
    }
}

/// The rest of an answer after its last piece.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    End,
    Cut,
    Silence,
    /// A comment each second.
    Drip,
}

/// Answers with the same to every request; `{id}` in it is the id of the JSON-RPC request.
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) media_type: &'static str,
    pub(crate) body: String,
    pub(crate) then: Then,
}

#[async_trait]
impl Transport for Canned {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let body = self.body.replace("{id}", &asked["id"].to_string());
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        let status = StatusCode::from_u16(self.status).unwrap();
        let pieces = body.as_bytes().chunks(1000).map(Bytes::copy_from_slice).collect();
        Ok(Answer { status, headers, body: Box::new(Script(pieces, self.then)) })
    }
}

struct Script(VecDeque<Bytes>, Then);

#[async_trait]
impl Chunks for Script {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(piece) = self.0.pop_front() {
            return Ok(Some(piece));
        }
        match self.1 {
            Then::End => Ok(None),
            Then::Cut => Err(Error::Broken("reset".into())),
            Then::Silence => std::future::pending().await,
            Then::Drip => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Some(Bytes::from_static(b": drip\n")))
            }
        }
    }
}

/// A request that sends a text.
pub(crate) fn text(text: &str) -> SendMessageRequest {
    SendMessageRequest { message: Some(user(text)), ..SendMessageRequest::default() }
}

/// An event in a word.
pub(crate) fn word(response: &StreamResponse) -> String {
    match response {
        StreamResponse::Task(task) => format!("task {}", task.status.state),
        StreamResponse::Message(_) => "message".to_owned(),
        StreamResponse::StatusUpdate(update) => update.status.state.to_string(),
        StreamResponse::ArtifactUpdate(_) => "artifact".to_owned(),
    }
    .replace("TASK_STATE_", "")
}
