//! A step: work that is done once, and its result recorded.

use std::future::Future;

use a2a_lambda_protocol::{Json, Timestamp};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StepError;
use super::journal::{Inside, Journal, ONCE, STEP, StepName, check_name};
use super::record::{RecordKey, StepRecord, StepState};
use crate::agent::Failure;
use crate::digest::digest;
use crate::ids::WriteId;
use crate::policy::Retries;
use crate::push::Sealed;
use crate::turn::Turn;

/// How long after the longest scope the store keeps records: it may wake a task late.
const KEPT_LONGER: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// How often a step's work is begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Semantics {
    /// Until its result is recorded. The work of a process that died may have had its effect: send
    /// [`StepRun::idempotency_key`] along.
    #[default]
    AtLeastOncePerRetry,
    /// Once. Its begin is recorded first. If its process dies before the result is recorded, the agent
    /// gets [`StepError::Unknown`].
    AtMostOncePerRetry,
}

/// A step in the making; see [`Turn::step`].
#[must_use = "a step does nothing until it is run"]
#[derive(Debug)]
pub struct Step<'t> {
    turn: &'t Turn,
    name: String,
    arguments: String,
    malformed: Option<serde_json::Error>,
    semantics: Semantics,
    retries: Option<Retries>,
}

/// One try at a step's work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepRun {
    /// The number of the try in this run of the agent, from 1.
    pub attempt: u32,
    idempotency_key: String,
}

impl StepRun {
    /// A key that is the same in every attempt at the step, and different for other steps. Send it
    /// along with requests that must not be carried out twice.
    pub fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }
}

/// The outcome of a step's work.
enum Work {
    Done(Json),
    Failed(Failure),
    /// The result is no JSON.
    Malformed(serde_json::Error),
}

impl Turn {
    /// A step with this name: 1 to 64 bytes, without a leading `@`. Its result is recorded, and found
    /// again when the agent runs again; see [`steps`](crate::steps).
    pub fn step(&self, name: impl Into<String>) -> Step<'_> {
        Step {
            turn: self,
            name: name.into(),
            arguments: String::new(),
            malformed: None,
            semantics: Semantics::default(),
            retries: None,
        }
    }

    /// Facts that are recorded where they are asked for, so that every run of the scope sees the same.
    pub fn recorded(&self) -> Recorded<'_> {
        Recorded(self)
    }
}

impl<'t> Step<'t> {
    /// The step is another one if these arguments are others.
    pub fn with<A: Serialize + ?Sized>(mut self, arguments: &A) -> Self {
        match serde_json::to_vec(arguments) {
            Ok(json) => self.arguments = digest([self.arguments.as_bytes(), &json]),
            Err(error) => self.malformed = Some(error),
        }
        self
    }

    /// The work is begun at most once; see [`Semantics::AtMostOncePerRetry`].
    pub fn once(self) -> Self {
        self.semantics(Semantics::AtMostOncePerRetry)
    }

    /// How often the work is begun.
    pub fn semantics(self, semantics: Semantics) -> Self {
        Self { semantics, ..self }
    }

    /// Work that fails for now is tried again within the turn, as often as this. Without it, the
    /// failure is the agent's. The work of an at-most-once step is then begun once for each try.
    pub fn retries(self, retries: Retries) -> Self {
        Self { retries: Some(retries), ..self }
    }

    /// Does the work, unless its result is recorded. The result is recorded before this returns. A
    /// permanent [`Failure`] is recorded, too, and so is that a result is too large or does not serialize.
    ///
    /// The output of the work is committed before its result is recorded. Work that is repeated
    /// begins its artifacts anew, under the same ids.
    ///
    /// # Errors
    /// See [`StepError`]. An agent passes them on by `?`.
    pub fn run<T, W, F>(
        mut self,
        mut work: W,
    ) -> impl Future<Output = Result<T, StepError>> + Send + 't
    where
        T: Serialize + DeserializeOwned + Send + 't,
        W: FnMut(StepRun) -> F + Send + 't,
        F: Future<Output = Result<T, Failure>> + Send + 't,
    {
        let (numbered, checked) = self.number();
        async move {
            checked?;
            let step = self.name.clone();
            let mut work = move |run| -> BoxFuture<'t, Work> {
                let work = work(run);
                Box::pin(async move {
                    match work.await.map(|value| Json::from_value(&value)) {
                        Ok(Ok(json)) => Work::Done(json),
                        Ok(Err(error)) => Work::Malformed(error),
                        Err(failure) => Work::Failed(failure),
                    }
                })
            };
            let json = Box::pin(self.execute(numbered, &mut work)).await?;
            json.to().map_err(|source| StepError::Form { step, source })
        }
    }

    /// The result that is recorded; `None` if there is none yet. The work is not done.
    ///
    /// # Errors
    /// See [`StepError`]. A failure that is recorded is one of them.
    pub fn known<T>(mut self) -> impl Future<Output = Result<Option<T>, StepError>> + Send + 't
    where
        T: DeserializeOwned + Send + 't,
    {
        let (numbered, checked) = self.number();
        async move {
            checked?;
            let mut step = self;
            if step.is_once() {
                step.arguments = numbered.once_with(step.arguments);
            }
            step.turn.journal.load().await?;
            let Some(record) = step.turn.journal.find(&numbered.key) else { return Ok(None) };
            let json = step.outcome(&record)?;
            let form = |source| StepError::Form { step: step.name.clone(), source };
            json.to().map(Some).map_err(form)
        }
    }

    fn is_once(&self) -> bool {
        self.semantics == Semantics::AtMostOncePerRetry
    }

    /// Numbers the step among those of its scope, in the order of the calls, and checks its name and
    /// arguments.
    fn number(&mut self) -> (StepName, Result<(), StepError>) {
        let kind = if self.is_once() { ONCE } else { STEP };
        let checked = match self.malformed.take() {
            Some(source) => Err(StepError::Form { step: self.name.clone(), source }),
            None => check_name(&self.name),
        };
        (self.turn.journal.number(kind, &self.name, &self.arguments), checked)
    }

    async fn execute(
        mut self,
        numbered: StepName,
        work: &mut (dyn FnMut(StepRun) -> BoxFuture<'t, Work> + Send),
    ) -> Result<Json, StepError> {
        let is_once = self.is_once();
        if is_once {
            self.arguments = numbered.once_with(self.arguments);
        }
        let key = numbered.key.clone();
        let journal = &self.turn.journal;
        journal.load().await?;
        if journal.find(&key).is_some() {
            return self.recorded(&key).await;
        }
        journal.check_count(&key, &self.name)?;
        let most = self.retries.map_or(1, |retries| retries.max_attempts.max(1));
        let mut begun: Option<StepRecord> = None;
        let begun_at = journal.engine.clock.now();
        for attempt in 1..=most {
            self.turn.may_go_on(&self.name)?;
            if is_once {
                journal.check_whole().await?;
                let record = self.record(&key, attempt, begun_at, StepState::Begun);
                let before = begun.as_ref().map(|begun| &begun.write);
                if !journal.put(before, &record).await? {
                    return self.recorded(&key).await;
                }
                begun = Some(record);
            }
            journal.begin_try(&numbered);
            let run = StepRun { attempt, idempotency_key: self.idempotency_key(&key) };
            let work = Inside { journal, name: numbered.clone(), work: work(run) };
            let worked = work.await;
            let state = match worked {
                Work::Done(json) => match journal.check_room(&self.name, json.as_str().len()) {
                    Ok(()) => StepState::Done(json),
                    Err(error) => self.refused(error)?,
                },
                Work::Malformed(source) => {
                    self.refused(StepError::Form { step: self.name.clone(), source })?
                }
                Work::Failed(failure) => match self.failed(failure, attempt, most, is_once) {
                    Failed::ForGood(reason) => StepState::Failed(reason),
                    Failed::ForNow(error) => return Err(error),
                    Failed::Again(wait) => {
                        self.turn.sleep(wait).await;
                        continue;
                    }
                },
            };
            let record = self.record(&key, attempt, begun_at, state);
            // The user sees the output of the work even if this process dies now.
            self.turn.flush_shown().await.map_err(|_| StepError::Over)?;
            let before = begun.as_ref().map(|begun| &begun.write);
            journal.put(before, &record).await?;
            // Another runner's result, if it was first.
            return self.recorded(&key).await;
        }
        Err(StepError::Over)
    }

    /// The record of a result that cannot be recorded itself: an agent that catches the error must not do
    /// the work again.
    fn refused(&self, error: StepError) -> Result<StepState, StepError> {
        let reason = error.to_string();
        match self.turn.journal.check_room(&self.name, reason.len()) {
            Ok(()) => Ok(StepState::Failed(reason)),
            Err(_) => Err(error),
        }
    }

    /// The consequence of a failure of the work. The outcome of an at-most-once step is known then:
    /// it is recorded, and the work is not begun again.
    fn failed(&self, failure: Failure, attempt: u32, most: u32, is_once: bool) -> Failed {
        let Failure { retryable, reason, source } = failure;
        let inner = source.as_deref().and_then(|source| StepError::of(source));
        if inner.is_some_and(StepError::is_no_failure) {
            let step = self.name.clone();
            return Failed::ForNow(StepError::Attempt { step, reason, source });
        }
        let is_final = !retryable || inner.is_some_and(StepError::is_permanent);
        if !is_final && attempt < most {
            let wait = self.retries.map(|retries| retries.after(attempt)).unwrap_or_default();
            let now = self.turn.now();
            if now.saturating_add(wait) < self.turn.deadline() {
                return Failed::Again(wait);
            }
        }
        if !is_final && !is_once && self.retries.is_none() {
            let step = self.name.clone();
            return Failed::ForNow(StepError::Attempt { step, reason, source });
        }
        let text = reason.map(|reason| reason.text()).filter(|text| !text.is_empty());
        let text = text.or_else(|| inner.map(ToString::to_string));
        Failed::ForGood(text.unwrap_or_else(|| format!("the step {:?} failed", self.name)))
    }

    fn record(
        &self,
        key: &RecordKey,
        tries: u32,
        begun_at: Timestamp,
        state: StepState,
    ) -> StepRecord {
        record(&self.turn.journal, key, &self.name, &self.arguments, tries, begun_at, state)
    }

    /// The outcome that is recorded by now. If another run has begun the step, its outcome is unknown from
    /// now on, and every run sees that.
    async fn recorded(&self, key: &RecordKey) -> Result<Json, StepError> {
        let journal = &self.turn.journal;
        let record = journal.find(key).ok_or(StepError::Over)?;
        if record.state == StepState::Begun && record.arguments == self.arguments {
            let (tries, begun_at) = (record.tries, record.begun_at);
            let unknown = self.record(key, tries, begun_at, StepState::Unknown);
            journal.put(Some(&record.write), &unknown).await?;
        }
        let record = journal.find(key).ok_or(StepError::Over)?;
        self.outcome(&record)
    }

    fn outcome(&self, record: &StepRecord) -> Result<Json, StepError> {
        let step = self.name.clone();
        if record.arguments != self.arguments {
            return Err(StepError::Diverged { step });
        }
        match &record.state {
            StepState::Done(json) => Ok(json.clone()),
            StepState::Failed(reason) => Err(StepError::Failed { step, reason: reason.clone() }),
            StepState::Begun
            | StepState::Unknown
            | StepState::Waiting { .. }
            | StepState::Answered(_)
            | StepState::TimedOut => Err(StepError::Unknown { step }),
        }
    }

    fn idempotency_key(&self, key: &RecordKey) -> String {
        format!("{}.{}", self.turn.idempotency_key(), key.short())
    }
}

/// The consequence of a failure of a step's work.
enum Failed {
    /// It is recorded.
    ForGood(String),
    /// It is the agent's.
    ForNow(StepError),
    /// The work is begun again after this time.
    Again(std::time::Duration),
}

/// A record of this scope.
pub(super) fn record(
    journal: &Journal,
    key: &RecordKey,
    name: &str,
    arguments: &str,
    tries: u32,
    begun_at: Timestamp,
    state: StepState,
) -> StepRecord {
    let life = journal.engine.policy.scope_life + KEPT_LONGER;
    StepRecord {
        key: key.clone(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        tries,
        begun_at,
        recorded_at: journal.engine.clock.now(),
        state,
        token: Sealed::default(),
        write: WriteId::new(journal.engine.ids.fresh()),
        expires_at: begun_at.saturating_add(life),
    }
}

/// Facts that are recorded where they are asked for; see [`Turn::recorded`].
#[derive(Debug)]
pub struct Recorded<'t>(&'t Turn);

impl<'t> Recorded<'t> {
    /// The time.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn now(&self) -> impl Future<Output = Result<Timestamp, StepError>> + Send + 't {
        let turn = self.0;
        fact(turn, "@now", move || turn.now())
    }

    /// A random UUID, or another text that is unique everywhere and for ever.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn uuid(&self) -> impl Future<Output = Result<String, StepError>> + Send + 't {
        let turn = self.0;
        fact(turn, "@uuid", move || turn.ids.fresh())
    }

    /// 64 random bits. They are not made for secrets.
    ///
    /// # Errors
    /// When they cannot be recorded.
    pub fn random(&self) -> impl Future<Output = Result<u64, StepError>> + Send + 't {
        let turn = self.0;
        fact(turn, "@random", move || crate::digest::fnv1a(turn.ids.fresh().as_bytes()))
    }
}

/// A step of the runner's own: it has a name that no agent can give.
pub(super) fn fact<'t, T>(
    turn: &'t Turn,
    name: &'static str,
    find: impl Fn() -> T + Send + 't,
) -> impl Future<Output = Result<T, StepError>> + Send + 't
where
    T: Serialize + DeserializeOwned + Send + 't,
{
    let numbered = turn.journal.number(STEP, name, "");
    async move {
        let step = turn.step(name);
        let mut work = move |_| -> BoxFuture<'t, Work> {
            let found = Json::from_value(&find());
            Box::pin(async move { found.map_or_else(Work::Malformed, Work::Done) })
        };
        let json = Box::pin(step.execute(numbered, &mut work)).await?;
        json.to().map_err(|source| StepError::Form { step: name.to_owned(), source })
    }
}
