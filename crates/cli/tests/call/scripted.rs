//! An agent that says what a test tells it to, in HTTP+JSON.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// What is answered to a request.
pub(crate) enum Answer {
    Json(u16, Value),
    /// A stream, which ends behind its last event.
    Events(Vec<Value>),
}

/// The agent. A request without an answer is refused by HTTP 404.
pub(crate) struct Scripted {
    pub(crate) url: String,
    /// Each event of a stream takes a permit.
    pub(crate) events: Semaphore,
    streaming: bool,
    /// By the path.
    answers: Mutex<HashMap<&'static str, VecDeque<Answer>>>,
}

impl Scripted {
    /// An agent that answers the requests of each path in this order.
    pub(crate) async fn start(
        streaming: bool,
        answers: impl IntoIterator<Item = (&'static str, Answer)>,
    ) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut by_path = HashMap::<_, VecDeque<_>>::new();
        for (path, answer) in answers {
            by_path.entry(path).or_default().push_back(answer);
        }
        let (events, answers) = (Semaphore::new(Semaphore::MAX_PERMITS), Mutex::new(by_path));
        let agent = Arc::new(Self { url, events, streaming, answers });
        let serving = agent.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let agent = serving.clone();
                // A program that is killed closes its connection.
                tokio::spawn(async move { agent.answer(connection).await.ok() });
            }
        });
        agent
    }

    /// The answers that nobody has asked for.
    pub(crate) fn left(&self) -> usize {
        self.answers.lock().unwrap().values().map(VecDeque::len).sum()
    }

    async fn answer(&self, connection: TcpStream) -> std::io::Result<()> {
        let mut connection = BufReader::new(connection);
        let (mut first, mut length) = (String::new(), 0);
        connection.read_line(&mut first).await?;
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).await?;
            match line.trim().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        connection.read_exact(&mut vec![0; length]).await?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let events = match self.next(path) {
            Answer::Json(status, body) => {
                let body = body.to_string();
                let head = head(status, "application/json");
                let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                return connection.write_all(answer.as_bytes()).await;
            }
            Answer::Events(events) => events,
        };
        let head = head(200, "text/event-stream") + "\r\n";
        connection.write_all(head.as_bytes()).await?;
        for event in events {
            self.events.acquire().await.unwrap().forget();
            connection.write_all(format!("data: {event}\n\n").as_bytes()).await?;
        }
        Ok(())
    }

    fn next(&self, path: &str) -> Answer {
        if path == "/.well-known/agent-card.json" {
            return Answer::Json(200, self.card());
        }
        let next = self.answers.lock().unwrap().get_mut(path).and_then(VecDeque::pop_front);
        next.unwrap_or(Answer::Json(404, json!({})))
    }

    fn card(&self) -> Value {
        let interface =
            json!({"url": self.url, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"});
        json!({
            "name": "scripted", "description": "says what it is told to", "version": "1",
            "supportedInterfaces": [interface], "capabilities": {"streaming": self.streaming},
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [],
        })
    }
}

fn head(status: u16, media_type: &str) -> String {
    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: {media_type}\r\n")
}

/// The task `t`, with its artifacts' ids, names and texts.
pub(crate) fn task(state: &str, artifacts: &[(&str, &str, &str)]) -> Value {
    let artifacts = artifacts
        .iter()
        .map(|(id, name, text)| json!({"artifactId": id, "name": name, "parts": [{"text": text}]}));
    let artifacts: Vec<_> = artifacts.collect();
    let status = json!({"state": format!("TASK_STATE_{state}")});
    json!({"task": {"id": "t", "contextId": "c", "status": status, "artifacts": artifacts}})
}

pub(crate) fn status(state: &str) -> Value {
    let status = json!({"state": format!("TASK_STATE_{state}")});
    json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": status}})
}

pub(crate) fn chunk(id: &str, name: &str, text: &str, append: bool) -> Value {
    let artifact = json!({"artifactId": id, "name": name, "parts": [{"text": text}]});
    let update = json!({"taskId": "t", "contextId": "c", "artifact": artifact, "append": append});
    json!({"artifactUpdate": update})
}
