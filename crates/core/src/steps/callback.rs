//! Callbacks: steps whose result comes from outside.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use a2a_lambda_protocol::{Message, Timestamp};
use serde::de::DeserializeOwned;

use super::error::StepError;
use super::journal::{CALLBACK, check_name};
use super::record::{RecordKey, Resolution, StepRecord, StepState};
use super::step::{fact, record};
use super::token::{self, Token};
use crate::ids::Position;
use crate::log::{Event, with_ids};
use crate::push::Secret;
use crate::store::Depth;
use crate::turn::Turn;

/// A step whose result comes from outside; see [`Turn::callback`].
pub struct Callback<'t> {
    turn: &'t Turn,
    key: RecordKey,
    name: String,
    url: String,
    token: Secret,
}

impl fmt::Debug for Callback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has the token.
        f.debug_struct("Callback").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The answer to a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer<T> {
    /// The result.
    Given(T),
    /// The other side gave up, for this reason.
    GaveUp(String),
    /// Nobody answered in time.
    TimedOut,
}

impl Turn {
    /// Opens a callback: a URL for the side that answers, and the wait for it. While it waits,
    /// nothing runs.
    ///
    /// It is recorded before this returns, so that an early answer is kept. It stays open for `patience`
    /// from now on, which each heartbeat of the other side extends, and until its [scope](crate::steps)
    /// ends.
    ///
    /// # Errors
    /// When the deployment has no `CALLBACK_URL` or no key for secrets, or when it cannot be recorded.
    pub fn callback(
        &self,
        name: impl Into<String>,
        patience: Duration,
    ) -> impl Future<Output = Result<Callback<'_>, StepError>> + Send {
        let name = name.into();
        let key = self.journal.number(CALLBACK, &name, "").key;
        async move {
            check_name(&name)?;
            Box::pin(self.open_callback(key, name, patience)).await
        }
    }

    async fn open_callback(
        &self,
        key: RecordKey,
        name: String,
        patience: Duration,
    ) -> Result<Callback<'_>, StepError> {
        let journal = &self.journal;
        let base = journal.engine.policy.callback_url.as_ref().ok_or(StepError::NoCallbackUrl)?;
        journal.load().await?;
        if journal.find(&key).is_none() {
            let now = self.now();
            let until = now.saturating_add(patience);
            let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
            let state = StepState::Waiting { until, patience_ms };
            let token = Token { scope: journal.scope.clone(), key: key.clone() };
            let token = token.seal(journal.engine.vault.as_ref()).await?;
            let token = token::conceal(journal.engine.vault.as_ref(), &token).await?;
            let record = StepRecord { token, ..record(journal, &key, &name, "", 1, now, state) };
            // If another runner was first, its token counts.
            journal.put(None, &record).await?;
        }
        let record = journal.find(&key).ok_or(StepError::Over)?;
        let token = token::reveal(journal.engine.vault.as_ref(), &record.token).await?;
        let url = format!("{}/{}", base.trim_end_matches('/'), token.reveal());
        Ok(Callback { turn: self, key, name, url, token })
    }

    /// The messages that came since the scope was given its own, or since the last call, oldest
    /// first. From now on they are the scope's: no later scope is given them. The returned messages
    /// are recorded, so that every run of the scope sees the same.
    ///
    /// # Errors
    /// When it cannot be recorded, or the store fails.
    pub fn inbox(&self) -> impl Future<Output = Result<Vec<Message>, StepError>> + Send {
        let journal = &self.journal;
        async move {
            journal.load().await?;
            let mut now = journal.task(Depth::Full).await?;
            let from = journal.read();
            let through = now.head.last_message;
            let (from, through): (Position, Position) =
                fact(self, "@inbox", move || (from, through)).await?;
            if through > now.head.last_message {
                // Another runner has recorded messages that it read later.
                now = journal.task(Depth::Full).await?;
            }
            journal.has_read(through);
            let new =
                now.tail.iter().filter(|entry| (from.next()..=through).contains(&entry.position));
            Ok(new
                .filter_map(|entry| match &entry.event {
                    Event::Message(sent) => Some(with_ids(sent.message.clone(), &now.head)),
                    _ => None,
                })
                .collect())
        }
    }
}

impl Callback<'_> {
    /// The URL to POST the answer to. It is a secret: anyone who knows it can answer.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The last segment of the URL.
    pub fn token(&self) -> &str {
        self.token.reveal()
    }

    /// The answer, of any kind. Until there is one, this fails with [`StepError::Suspended`]. An
    /// agent that passes that error on by `?` ends its turn. The next turn has the answer, or comes
    /// at the end of the patience.
    ///
    /// # Errors
    /// See [`StepError`]; an answer that has not the form of `T` fails the task.
    pub async fn answer<T: DeserializeOwned>(&self) -> Result<Answer<T>, StepError> {
        Ok(match self.state().await? {
            StepState::Answered(Resolution::Result(json)) => {
                let step = self.name.clone();
                let answer = json.to().map_err(|source| StepError::Form { step, source })?;
                Answer::Given(answer)
            }
            StepState::Answered(Resolution::GaveUp(reason)) => Answer::GaveUp(reason),
            _ => Answer::TimedOut,
        })
    }

    /// The answer. If there is none in time, or the other side gives up, the task fails and says so.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn result<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        let step = self.name.clone();
        match self.answer().await? {
            Answer::Given(answer) => Ok(answer),
            Answer::GaveUp(reason) => Err(StepError::Failed { step, reason }),
            Answer::TimedOut => {
                let reason = format!("nobody answered the callback {step:?} in time");
                Err(StepError::Failed { step, reason })
            }
        }
    }

    async fn state(&self) -> Result<StepState, StepError> {
        let journal = &self.turn.journal;
        let mut known = journal.find(&self.key);
        loop {
            let record = match known {
                Some(record) if !matches!(record.state, StepState::Waiting { .. }) => {
                    return Ok(record.state);
                }
                // It may have been answered meanwhile.
                _ => journal.refresh(&self.key).await?.ok_or(StepError::Over)?,
            };
            let StepState::Waiting { until, .. } = record.state else {
                return Ok(record.state);
            };
            let now = self.turn.now();
            if until > now {
                return Err(StepError::Suspended { until: journal.wait_until(until) });
            }
            let late = StepRecord {
                state: StepState::TimedOut,
                recorded_at: now,
                write: journal.engine.write_id(),
                ..record.clone()
            };
            journal.put(Some(&record.write), &late).await?;
            known = journal.find(&self.key);
        }
    }
}

impl StepState {
    /// The end of a callback's wait, if it waits.
    pub(crate) fn waits_until(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until, .. } => Some(*until),
            _ => None,
        }
    }
}
