//! Receivers of pushes, with the test's behaviour.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_core::{Answer, Clock, NotAdmitted, Push, PushError, Wanted, Webhook};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde_json::Value;

/// A receiver's reaction to a push.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Manner {
    /// Answers with this status.
    Answers(u16),
    /// Asks to be left alone for so long.
    Busy(Duration),
    /// Answers 200 after this time.
    Slow(Duration),
    /// Takes it, and does not answer.
    Hangs,
    /// Cannot be reached.
    Down,
    /// Is not tried: this process has no resources left.
    Crowded,
}

/// A push that has arrived.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Arrived {
    /// When.
    pub at: Timestamp,
    /// The push.
    pub push: Push,
    /// Whether it was answered 200.
    pub taken: bool,
}

impl Arrived {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.push.body).unwrap_or(Value::Null)
    }

    /// In a word: `task SUBMITTED`, `status WORKING`, `artifact "text"`, `message "text"`.
    pub fn told(&self) -> String {
        let json = self.json();
        let state = |status: &Value| {
            let state = status["state"].as_str().unwrap_or("without a state").to_owned();
            state.trim_start_matches("TASK_STATE_").to_owned()
        };
        if let Some(task) = json.get("task") {
            return format!("task {}", state(&task["status"]));
        }
        if let Some(update) = json.get("statusUpdate") {
            return format!("status {}", state(&update["status"]));
        }
        let texts = |parts: &Value| {
            let parts = parts.as_array().into_iter().flatten();
            parts.filter_map(|part| part["text"].as_str()).collect::<String>()
        };
        if let Some(update) = json.get("artifactUpdate") {
            let artifact = &update["artifact"];
            return format!("artifact {:?}", texts(&artifact["parts"]));
        }
        if let Some(message) = json.get("message") {
            return format!("message {:?}", texts(&message["parts"]));
        }
        format!("0.3 task {}", state(&json["status"]))
    }
}

type Script = Box<dyn FnMut(usize) -> Manner + Send>;

/// The receivers, by URL. One that was told nothing takes everything.
pub struct Receivers {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    scripts: BTreeMap<String, Script>,
    others: Option<Manner>,
    arrived: Vec<Arrived>,
    connects_in: Duration,
    refused: Option<String>,
    why_down: Option<String>,
}

impl fmt::Debug for Receivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receivers").finish_non_exhaustive()
    }
}

impl Receivers {
    /// Receivers to which nothing was sent yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// From now on, the receiver treats its n-th push as `script` says, from 1.
    pub fn script(&self, url: &str, script: impl FnMut(usize) -> Manner + Send + 'static) {
        self.state().scripts.insert(url.to_owned(), Box::new(script));
    }

    /// From now on, the receiver does this with each push.
    pub fn set(&self, url: &str, manner: Manner) {
        self.script(url, move |_| manner);
    }

    /// From now on, those who were told nothing do this.
    pub fn set_others(&self, manner: Manner) {
        self.state().others = Some(manner);
    }

    /// From now on, this is why those who are down cannot be reached.
    pub fn say(&self, why: &str) {
        self.state().why_down = Some(why.to_owned());
    }

    /// From now on, it takes this long until a connection is up.
    pub fn connect_in(&self, duration: Duration) {
        self.state().connects_in = duration;
    }

    /// From now on, no URL is admitted.
    pub fn refuse(&self, why: &str) {
        self.state().refused = Some(why.to_owned());
    }

    /// All arrivals, at any receiver.
    pub fn all(&self) -> Vec<Arrived> {
        self.state().arrived.clone()
    }

    /// A receiver's arrivals.
    pub fn arrived(&self, url: &str) -> Vec<Arrived> {
        let arrived = &self.state().arrived;
        arrived.iter().filter(|arrived| arrived.push.url == url).cloned().collect()
    }

    /// The same, in words.
    pub fn told(&self, url: &str) -> Vec<String> {
        self.arrived(url).iter().map(Arrived::told).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Webhook for Receivers {
    async fn admit(&self, _url: &str) -> Result<(), NotAdmitted> {
        self.state().refused.clone().map_or(Ok(()), |why| Err(NotAdmitted(why)))
    }

    async fn post(&self, push: Push, wanted: &dyn Wanted) -> Result<Answer, PushError> {
        let connects_in = self.state().connects_in;
        self.clock.sleep(connects_in).await;
        if !wanted.is_still_wanted().await {
            return Err(PushError::Withdrawn);
        }
        let manner = {
            let State { scripts, others, arrived, .. } = &mut *self.state();
            let before = arrived.iter().filter(|before| before.push.url == push.url).count();
            let manner = scripts
                .get_mut(&push.url)
                .map_or(others.unwrap_or(Manner::Answers(200)), |script| script(before + 1));
            let taken = matches!(manner, Manner::Answers(200..300) | Manner::Slow(_));
            arrived.push(Arrived { at: self.clock.now(), push, taken });
            manner
        };
        // Even a fast receiver is an await away.
        tokio::task::yield_now().await;
        match manner {
            Manner::Answers(status) => Ok(Answer { status, retry_after: None }),
            Manner::Busy(retry_after) => Ok(Answer { status: 429, retry_after: Some(retry_after) }),
            Manner::Slow(wait) => {
                self.clock.sleep(wait).await;
                Ok(Answer { status: 200, retry_after: None })
            }
            Manner::Hangs => std::future::pending().await,
            Manner::Crowded => Err(PushError::Ours("too many files are open".into())),
            Manner::Down => {
                let why = self.state().why_down.clone();
                Err(PushError::Unreachable(why.unwrap_or("connection refused".into()).into()))
            }
        }
    }
}
