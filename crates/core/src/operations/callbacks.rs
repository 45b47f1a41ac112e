//! The answers to callbacks. Anyone who holds a callback's token can answer it.

use a2a_lambda_protocol::{Json, Timestamp};
use tracing::info;

use crate::engine::{Engine, TransactError};
use crate::env::SignalError;
use crate::head::Head;
use crate::machine::{Command, Refusal};
use crate::push::VaultError;
use crate::steps::record::{Put, Resolution, StepRecord, StepState};
use crate::steps::{ScopeKey, Token};
use crate::store::{Depth, StoreError};

/// The longest reason of a side that gives up, in bytes. The rest is cut off.
const MAX_REASON_BYTES: usize = 4 * 1_024;

/// An answer from the other side of a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The result.
    Result(Json),
    /// It gives up, for this reason.
    GivesUp(String),
    /// It is still at work.
    Heartbeat,
}

/// The effect of an accepted answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The callback is answered, and its task goes on.
    Answered,
    /// The same answer had been accepted before.
    Repeated,
    /// The callback waits for longer.
    Extended,
}

/// A callback that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The name that its agent gave it.
    pub name: String,
    /// The end of its patience.
    pub until: Timestamp,
}

/// Why an answer was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// The token was not made here. Answered like an unknown address.
    #[error("there is no such callback")]
    Unknown,
    /// The token is genuine, but its callback has expired, or its scope or its task is over.
    #[error("the callback is over")]
    Over,
    /// The callback has another answer.
    #[error("the callback has another answer")]
    Answered,
    /// The result is larger than a step's may be.
    #[error("the result has {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Other writers were faster, each time.
    #[error("too many writers change the callback at once")]
    Contended,
    /// The key's keeper did not answer. Later it may.
    #[error("the key for secrets is not available")]
    Vault(#[source] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The answer is stored, but the task's signal could not be sent.
    #[error(transparent)]
    Signal(#[from] SignalError),
}

/// Takes answers to callbacks.
#[derive(Debug, Clone)]
pub struct Callbacks {
    engine: Engine,
}

impl Callbacks {
    /// Over this engine.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// The callback of a token, if it waits: for a page that asks a person. It changes nothing.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn look(&self, token: &str) -> Result<Awaited, CallbackError> {
        let Token { scope, key } = self.open(token).await?;
        let record = self.engine.step(&scope, &key).await?.ok_or(CallbackError::Over)?;
        match record.state.waits_until() {
            Some(until) if until > self.engine.clock.now() && self.is_open(&scope).await? => {
                Ok(Awaited { name: record.name, until })
            }
            _ => Err(CallbackError::Over),
        }
    }

    /// Stores the answer of the other side of a callback, and wakes the task.
    ///
    /// All of it can be repeated: the same answer is accepted again, and changes nothing.
    ///
    /// # Errors
    /// When it is not accepted, or when it may be stored but the task may not know.
    pub async fn answer(&self, token: &str, said: &Said) -> Result<Accepted, CallbackError> {
        let Token { scope, key } = self.open(token).await?;
        let resolution = match said {
            Said::Result(json) => {
                let (bytes, limit) = (json.as_str().len(), self.engine.policy.max_step_bytes);
                if bytes > limit {
                    return Err(CallbackError::TooLarge { bytes, limit });
                }
                Some(Resolution::Result(json.clone()))
            }
            Said::GivesUp(reason) => {
                let end = reason.floor_char_boundary(MAX_REASON_BYTES);
                Some(Resolution::GaveUp(reason[..end].to_owned()))
            }
            Said::Heartbeat => None,
        };
        let mut record = self.engine.step(&scope, &key).await?.ok_or(CallbackError::Over)?;
        for _ in 0..self.engine.policy.commit_tries {
            let now = self.engine.clock.now();
            let (until, patience) = match &record.state {
                StepState::Waiting { until, patience_ms } => (*until, *patience_ms),
                StepState::Answered(before) => {
                    match &resolution {
                        Some(resolution) if resolution == before => {}
                        // Another request answered it meanwhile. Its process may have died before
                        // it woke the task.
                        None => {}
                        Some(_) => return Err(CallbackError::Answered),
                    }
                    self.wake(&scope).await?;
                    return Ok(Accepted::Repeated);
                }
                _ => return Err(CallbackError::Over),
            };
            if until <= now || !self.is_open(&scope).await? {
                return Err(CallbackError::Over);
            }
            let state = if let Some(resolution) = &resolution {
                StepState::Answered(resolution.clone())
            } else {
                let longer = std::time::Duration::from_millis(patience);
                let until = until.max(now.saturating_add(longer));
                StepState::Waiting { until, patience_ms: patience }
            };
            let next = StepRecord {
                state,
                recorded_at: now,
                write: self.engine.write_id(),
                ..record.clone()
            };
            match self.engine.put_step(&scope, Some(&record.write), &next).await? {
                Put::Stored if resolution.is_none() => return Ok(Accepted::Extended),
                Put::Stored => {
                    info!(event = "callback_answered", tenant = %scope.task.tenant,
                        task = %scope.task.task, step = %next.name, outcome = next.state.name(),
                        "a callback was answered");
                    self.wake(&scope).await?;
                    return Ok(Accepted::Answered);
                }
                Put::Other(Some(other)) => record = *other,
                Put::Other(None) => return Err(CallbackError::Over),
            }
        }
        Err(CallbackError::Contended)
    }

    async fn open(&self, token: &str) -> Result<Token, CallbackError> {
        match Token::open(token, self.engine.vault.as_ref()).await {
            Ok(token) => Ok(token),
            Err(error @ VaultError::Unavailable(_)) => Err(CallbackError::Vault(error)),
            Err(_) => Err(CallbackError::Unknown),
        }
    }

    /// Whether a scope is open: the task runs or waits in it.
    async fn is_open(&self, scope: &ScopeKey) -> Result<bool, CallbackError> {
        let found = self.engine.read(&scope.task, Depth::Tail).await?;
        let is_same =
            |head: &Head| scope.is_in(head) && head.scope() == scope.number && !head.is_settled();
        Ok(found.is_some_and(|snapshot| is_same(&snapshot.head)))
    }

    /// Wakes the task, unless the scope is over.
    async fn wake(&self, scope: &ScopeKey) -> Result<(), CallbackError> {
        let Some(snapshot) = self.engine.read(&scope.task, Depth::Tail).await? else {
            return Ok(());
        };
        if !scope.is_in(&snapshot.head) {
            return Ok(());
        }
        let command = Command::Wake { scope: scope.number };
        match self.engine.transact(snapshot, command).await {
            Ok((woken, signals)) => {
                self.engine.carry_out(&woken.head, &signals).await?;
                Ok(())
            }
            Err(TransactError::Illegal(refused))
                if matches!(refused.illegal.refusal, Refusal::ScopeEnded | Refusal::Ended) =>
            {
                Ok(())
            }
            Err(TransactError::Gone) => Ok(()),
            Err(TransactError::Store(error)) => Err(error.into()),
            Err(TransactError::Signal(error)) => Err(error.into()),
            Err(TransactError::Illegal(_) | TransactError::Contended) => {
                Err(CallbackError::Contended)
            }
        }
    }
}
