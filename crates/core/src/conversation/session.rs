//! The session of a conversation: values under keys, changed by compare-and-set.

use std::future::Future;

use a2a_lambda_protocol::Json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::record::{Put, SessionValue, write_of};
use crate::digest::digest;
use crate::ids::WriteId;
use crate::steps::record::RecordKey;
use crate::steps::{StepError, recorded};
use crate::store::StoreError;
use crate::turn::Turn;

/// The names of the records. No agent can give them to a step.
const GET: &str = "@session-get";
const SET: &str = "@session-set";

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// The state of a conversation; see [`Turn::session`].
#[derive(Debug)]
pub struct Session<'t>(&'t Turn);

/// The version of a session value: it changes with each write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionVersion(Option<WriteId>);

/// A session value, and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held<T> {
    /// The value; `None` if there is none.
    pub value: Option<T>,
    /// Its version, also where there is no value.
    pub version: SessionVersion,
}

/// The outcome of a write to a session.
#[must_use = "the value may have changed meanwhile"]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Swap {
    /// It was made, and this is the version now.
    #[serde(rename = "done")]
    Done(SessionVersion),
    /// The value has another version by now. Nothing changed: read it again.
    #[serde(rename = "lost")]
    Lost,
}

impl Turn {
    /// The session of the conversation that the task belongs to: values under keys, which all tasks of
    /// the owner in this context share.
    pub fn session(&self) -> Session<'_> {
        Session(self)
    }
}

impl<'t> Session<'t> {
    /// The value under a key of 1 to 64 bytes. The returned value is recorded: every run of the
    /// [scope](crate::steps) sees the same.
    ///
    /// # Errors
    /// When the key cannot be one, the value has another form, or the store fails.
    pub fn get<T: DeserializeOwned>(
        &self,
        key: impl Into<String>,
    ) -> impl Future<Output = Result<Held<T>, StepError>> + Send + 't {
        let (turn, key) = (self.0, key.into());
        let arguments = digest([key.as_bytes()]);
        let record = turn.journal.key_of(GET, &arguments);
        async move {
            check_key(&key)?;
            let (value, version) = Box::pin(get(turn, &record, &arguments, &key)).await?;
            let form = |source| StepError::Form { step: key.clone(), source };
            let value = value.map(|json| json.to()).transpose().map_err(form)?;
            Ok(Held { value, version })
        }
    }

    /// Stores a value of up to 32 KB of JSON under a key of 1 to 64 bytes. With a version, this
    /// writes only if the stored value still has that version. Without a version, it always writes.
    /// The write is a step: it is made once in its scope, however often the turn runs. A value of
    /// `null` deletes.
    ///
    /// # Errors
    /// When the key cannot be one, the value is too large, or the store fails.
    pub fn set<T: Serialize + ?Sized>(
        &self,
        key: impl Into<String>,
        value: &T,
        if_version: Option<&SessionVersion>,
    ) -> impl Future<Output = Result<Swap, StepError>> + Send + 't {
        self.write(key.into(), Some(Json::from_value(value)), if_version)
    }

    /// Deletes the value under a key: as [`set`](Self::set).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn delete(
        &self,
        key: impl Into<String>,
        if_version: Option<&SessionVersion>,
    ) -> impl Future<Output = Result<Swap, StepError>> + Send + 't {
        self.write(key.into(), None, if_version)
    }

    fn write(
        &self,
        key: String,
        value: Option<Result<Json, serde_json::Error>>,
        if_version: Option<&SessionVersion>,
    ) -> impl Future<Output = Result<Swap, StepError>> + Send + 't {
        let turn = self.0;
        let if_version = if_version.cloned();
        let text = match &value {
            Some(Ok(json)) => json.as_str(),
            _ => "",
        };
        // Empty texts stand apart from each other: a value has at least one byte, and a write's id too.
        let version = match &if_version {
            None => "any",
            Some(SessionVersion(None)) => "none",
            Some(SessionVersion(Some(write))) => write.as_str(),
        };
        let arguments = digest([key.as_bytes(), text.as_bytes(), version.as_bytes()]);
        let record = turn.journal.key_of(SET, &arguments);
        async move {
            check_key(&key)?;
            let form = |source| StepError::Form { step: key.clone(), source };
            let value = value.transpose().map_err(form)?.filter(|json| json.as_str() != "null");
            let bytes = value.as_ref().map_or(0, |json| json.as_str().len());
            let limit = turn.owned.engine.policy.max_session_bytes;
            if bytes > limit {
                return Err(StepError::TooMuch { what: "a session value", bytes, limit });
            }
            let make = swap(turn, &record, key.clone(), value, if_version);
            Box::pin(recorded(turn, &record, SET, &arguments, make)).await
        }
    }
}

async fn get(
    turn: &Turn,
    record: &RecordKey,
    arguments: &str,
    key: &str,
) -> Result<(Option<Json>, SessionVersion), StepError> {
    recorded(turn, record, GET, arguments, async {
        let stored = turn.owned.engine.session_value(&turn.conversation(), key).await?;
        let value = stored.as_ref().and_then(|stored| stored.current(turn.now())).cloned();
        Ok((value, SessionVersion(stored.map(|stored| stored.write))))
    })
    .await
}

/// Makes a write, unless it was made before: by a run that died before it recorded that.
async fn swap(
    turn: &Turn,
    record: &RecordKey,
    key: String,
    value: Option<Json>,
    if_version: Option<SessionVersion>,
) -> Result<Swap, StepError> {
    let engine = &turn.owned.engine;
    let of = turn.conversation();
    let write = write_of(turn.journal.scope(), record);
    let mut stored = engine.session_value(&of, &key).await?;
    for _ in 0..engine.policy.commit_tries {
        turn.may_go_on(SET)?;
        if stored.as_ref().is_some_and(|stored| stored.knows(&write)) {
            return Ok(Swap::Done(SessionVersion(Some(write))));
        }
        let before = stored.as_ref().map(|stored| &stored.write);
        if if_version.as_ref().is_some_and(|version| version.0.as_ref() != before) {
            return Ok(Swap::Lost);
        }
        let life = engine.policy.memory_life;
        let new = SessionValue {
            key: key.clone(),
            value: value.clone(),
            write: write.clone(),
            before: stored.as_ref().map(SessionValue::writes).unwrap_or_default(),
            expires_at: life.map(|life| turn.now().saturating_add(life)),
        };
        match engine.put_session_value(&of, before, &new).await? {
            Put::Stored => return Ok(Swap::Done(SessionVersion(Some(write)))),
            Put::Other(other) => stored = other.map(|other| *other),
        }
    }
    Err(StoreError::Unavailable("too many writers change a session value at once".into()).into())
}

fn check_key(key: &str) -> Result<(), StepError> {
    let is_key = !key.is_empty() && key.len() <= MAX_KEY_BYTES && !key.starts_with('@');
    if is_key { Ok(()) } else { Err(StepError::SessionKey { key: key.to_owned() }) }
}
