//! The outside world of the agents' steps: what they did to it, and what is recorded of it.
//!
//! It knows each effect under its idempotency key, each record after each write, and the answers to
//! callbacks. Its rules, each a finding's beginning:
//!
//! - I11: work whose outcome was recorded before a run began is not done in that run. Every run of a
//!   scope sees the same result, which is that of work done in this scope. A result is recorded after
//!   its effect.
//! - I12: an at-most-once step is begun once in its scope, or once for each of its own tries.
//! - I13: an answer in a record comes from a holder of its token, in time. It stays, and an agent that
//!   asks later gets it. An answer that was accepted wakes the task.

use std::collections::BTreeMap;
use std::sync::Mutex;

use a2a_lambda_core::StepError;
use a2a_lambda_core::steps::record::{i11_outcome_is_final, i13_answer_is_in_time};
use a2a_lambda_core::steps::{RecordKey, Resolution, ScopeKey, StepRecord, StepState};

use crate::ground::lock;

/// The names of steps that have effects begin with this.
pub(crate) const EFFECT: char = 'x';

pub(crate) type Holds<T = ()> = Result<T, String>;

/// The finding `text` if something does not hold.
pub(crate) fn ensure(holds: bool, text: impl FnOnce() -> String) -> Holds {
    if holds { Ok(()) } else { Err(text()) }
}

/// One run of an agent, as far as its steps are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepsRun {
    pub(crate) actor: String,
    pub(crate) scope: ScopeKey,
    /// The number of the event with which it began.
    pub(crate) began: u64,
    /// Whether it finds all that was recorded before it began.
    pub(crate) finds_records: bool,
    /// Whether its records are deleted, with its task.
    pub(crate) is_deleted: bool,
}

/// The place at which an agent makes a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its name, arguments and number, and those of the steps around it.
    pub(crate) full: String,
    /// The same without arguments.
    pub(crate) bare: String,
    /// Whether it is an at-most-once step.
    pub(crate) is_once: bool,
}

/// The places of the steps that one run has made so far.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<BTreeMap<String, u32>>);

impl Places {
    /// The place of the next step with this name, inside another or not.
    pub(crate) fn next(
        &self,
        inside: Option<&Place>,
        name: &str,
        argument: u64,
        is_once: bool,
    ) -> Place {
        let outer = |of: fn(&Place) -> &String| inside.map(of).cloned().unwrap_or_default();
        let mut made = lock(&self.0);
        let mut numbered = |of: String| {
            let number = made.entry(of.clone()).or_default();
            *number += 1;
            format!("{of}{number}")
        };
        let bare = numbered(format!("{}/{name}", outer(|place| &place.bare)));
        let full = if is_once {
            format!("{bare} in {}({argument})", outer(|place| &place.full))
        } else {
            numbered(format!("{}/{name}({argument})", outer(|place| &place.full)))
        };
        Place { full, bare, is_once }
    }
}

/// A callback's record.
pub(crate) type Callback = (ScopeKey, RecordKey);

#[derive(Debug)]
struct Kept {
    record: StepRecord,
    /// The event with which it had its outcome; `None` without one.
    since: Option<u64>,
    /// Whether somebody was told that the answer is accepted.
    is_accepted: bool,
    /// Whether a run has begun, or has asked, since it was answered.
    is_noticed: bool,
    /// Whether it is deleted with its task.
    is_gone: bool,
}

/// The work that was done in a scope under an idempotency key.
#[derive(Debug)]
struct Work {
    place: String,
    results: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    events: u64,
    effects: u64,
    records: BTreeMap<Callback, Kept>,
    /// By the part of the idempotency key that names the step.
    work: BTreeMap<(ScopeKey, String), Work>,
    /// The begins of at-most-once steps, by place without arguments.
    begun: BTreeMap<(ScopeKey, String), Vec<(StepsRun, u32)>>,
    /// The values that the first run has seen, by place.
    seen: BTreeMap<(ScopeKey, String), String>,
    /// The answers that actors are about to give, by actor.
    answering: BTreeMap<String, (Callback, Option<Resolution>)>,
}

/// The state of a callback, as an agent was told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Waits,
    Answer(Resolution),
    TimedOut,
}

fn is_outcome(state: &StepState) -> bool {
    !matches!(state, StepState::Begun | StepState::Waiting { .. })
}

/// The part of an idempotency key that names the step: the beginning of its record's key.
fn step_of(idempotency_key: &str) -> &str {
    idempotency_key.rsplit('.').next().unwrap_or_default()
}

impl Ledger {
    fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    /// A run begins. It reads all that is recorded by now.
    pub(crate) fn run_begins(
        &mut self,
        actor: &str,
        scope: &ScopeKey,
        finds_records: bool,
    ) -> StepsRun {
        let of_scope = self.records.iter_mut().filter(|((of, _), _)| of == scope && finds_records);
        for (_, kept) in of_scope {
            kept.is_noticed |= kept.since.is_some();
        }
        let began = self.next_event();
        let (actor, scope) = (actor.to_owned(), scope.clone());
        StepsRun { actor, scope, began, finds_records, is_deleted: false }
    }

    /// The records of these scopes are deleted. Who answers a callback of them may still be told so. What
    /// was to be begun at most once still is.
    pub(crate) fn forget(&mut self, is_its: impl Fn(&ScopeKey) -> bool) {
        let records = self.records.iter_mut().filter(|((of, _), _)| is_its(of));
        records.for_each(|(_, kept)| kept.is_gone = true);
        self.seen.retain(|(of, _), _| !is_its(of));
    }

    fn recorded(&self, scope: &ScopeKey, step: &str) -> Option<&Kept> {
        let of_scope = self.records.iter().filter(|((of, _), kept)| of == scope && !kept.is_gone);
        let mut of_step = of_scope.filter(|((_, key), _)| key.as_str().starts_with(step));
        of_step.next().map(|(_, kept)| kept)
    }

    /// A run begins the work of a step.
    pub(crate) fn work_begins(
        &mut self,
        run: &StepsRun,
        place: &Place,
        attempt: u32,
        idempotency_key: &str,
    ) -> Holds {
        if place.is_once {
            let begun = self.begun.entry((run.scope.clone(), place.bare.clone())).or_default();
            let is_its = |of: &StepsRun| of.began == run.began;
            let is_next = begun.last().is_none_or(|(of, tries)| is_its(of) && *tries < attempt);
            ensure(is_next, || {
                format!("I12: {} begins {} again, after {begun:?}", run.actor, place.full)
            })?;
            begun.push((run.clone(), attempt));
        }
        if run.is_deleted {
            return Ok(());
        }
        let step = step_of(idempotency_key);
        let since = self.recorded(&run.scope, step).and_then(|kept| kept.since);
        ensure(!run.finds_records || since.is_none_or(|since| since > run.began), || {
            format!("I11: {} does {} again, which is recorded", run.actor, place.full)
        })?;
        let at = (run.scope.clone(), step.to_owned());
        let new = || Work { place: place.full.clone(), results: Vec::new() };
        let work = self.work.entry(at).or_insert_with(new);
        ensure(work.place == place.full || place.is_once, || {
            format!("I11: {} and {} have the key {idempotency_key}", work.place, place.full)
        })?;
        let scope = &run.scope;
        let other = self
            .work
            .iter()
            .find(|((of, other), work)| of == scope && work.place == place.full && other != step);
        ensure(other.is_none(), || {
            format!("I11: {} has the keys {step} and {other:?}", place.full)
        })?;
        Ok(())
    }

    /// The outside world does a step's work. Returns the result, which is another each time.
    pub(crate) fn effect(&mut self, scope: &ScopeKey, idempotency_key: &str) -> String {
        self.effects += 1;
        let result = format!("r{}", self.effects);
        if let Some(work) = self.work.get_mut(&(scope.clone(), step_of(idempotency_key).to_owned()))
        {
            work.results.push(result.clone());
        }
        result
    }

    /// A run sees something that every run of the scope must see.
    pub(crate) fn sees(&mut self, run: &StepsRun, place: &str, what: &str) -> Holds {
        let at = (run.scope.clone(), place.to_owned());
        let first = self.seen.entry(at).or_insert_with(|| what.to_owned());
        ensure(first == what, || {
            format!("I11: {} sees {what} at {place}, and an earlier run saw {first}", run.actor)
        })
    }

    /// A run sees the result of a step with an effect.
    pub(crate) fn sees_result(&mut self, run: &StepsRun, place: &Place, result: &str) -> Holds {
        self.sees(run, &place.full, result)?;
        let mut works = self.work.iter().filter(|((of, _), _)| *of == run.scope);
        let is_done = works.any(|(_, work)| {
            work.place == place.full && work.results.iter().any(|of| of == result)
        });
        ensure(is_done, || {
            format!("I11: {} sees {result} at {}, which nobody did here", run.actor, place.full)
        })
    }

    /// A record as it is after a write. `is_known`: whether the effects of its writer are known.
    pub(crate) fn record_written(
        &mut self,
        actor: &str,
        scope: &ScopeKey,
        after: StepRecord,
        is_known: bool,
    ) -> Holds {
        let at = (scope.clone(), after.key.clone());
        let before = self.records.get(&at);
        if before.is_some_and(|before| before.record == after) {
            return Ok(());
        }
        if let Some(Kept { record: before, .. }) = before.filter(|before| !before.is_gone) {
            i11_outcome_is_final(before, &after)?;
            i13_answer_is_in_time(before, &after)?;
        }
        match &after.state {
            StepState::Done(json) if is_known && after.name.starts_with(EFFECT) => {
                let step = |(of, step): &(ScopeKey, String)| {
                    of == scope && after.key.as_str().starts_with(step.as_str())
                };
                let work = self.work.iter().find(|(of, _)| step(of)).map(|(_, work)| work);
                let result: String = json.to().unwrap_or_default();
                ensure(work.is_some_and(|work| work.results.contains(&result)), || {
                    format!("I11: {actor} records {:?} before its effect", after.name)
                })?;
            }
            StepState::Answered(answer) => {
                let of_actor = self.answering.get(actor);
                let is_holder =
                    of_actor.is_some_and(|(of, said)| *of == at && said.as_ref() == Some(answer));
                ensure(is_holder, || format!("I13: {actor} answers a callback of {}", scope.task))?;
            }
            _ => {}
        }
        let since = is_outcome(&after.state).then(|| self.next_event());
        let kept =
            Kept { record: after, since, is_accepted: false, is_noticed: false, is_gone: false };
        self.records.insert(at, kept);
        Ok(())
    }

    /// The state of a callback. A run asks about it now.
    pub(crate) fn asks(&self, callback: &Callback) -> Option<Told> {
        self.records.get(callback).map(|kept| told(&kept.record.state))
    }

    /// Notes the state that a run was told of a callback. `then` is the state when it asked.
    pub(crate) fn is_told(
        &mut self,
        run: &StepsRun,
        callback: &Callback,
        then: Option<&Told>,
        told_now: &Told,
    ) -> Holds {
        let kept = self.records.get_mut(callback);
        let now = kept.as_ref().map(|kept| told(&kept.record.state));
        let is_right = match told_now {
            Told::Waits => then.is_none_or(|then| *then == Told::Waits),
            answer => now.as_ref() == Some(answer),
        };
        if let Some(kept) = kept.filter(|_| *told_now != Told::Waits) {
            kept.is_noticed = true;
        }
        ensure(is_right, || {
            let actor = &run.actor;
            format!(
                "I13: {actor} is told {told_now:?} of a callback that is {now:?}, then {then:?}"
            )
        })
    }

    /// An actor is about to give an answer, or to show that it is at work.
    pub(crate) fn answers(&mut self, actor: &str, callback: &Callback, said: Option<Resolution>) {
        self.answering.insert(actor.to_owned(), (callback.clone(), said));
    }

    /// The record of a callback, and the answer in it.
    pub(crate) fn callback(
        &self,
        callback: &Callback,
    ) -> Option<(&StepRecord, Option<&Resolution>)> {
        let record = &self.records.get(callback)?.record;
        match &record.state {
            StepState::Answered(answer) => Some((record, Some(answer))),
            _ => Some((record, None)),
        }
    }

    /// Somebody was told that an answer is accepted.
    pub(crate) fn accepted(&mut self, callback: &Callback) {
        if let Some(kept) = self.records.get_mut(callback) {
            kept.is_accepted = true;
        }
    }

    /// I13: the task may wait in this scope, because no answer was accepted that no run knows.
    pub(crate) fn may_wait(&self, scope: &ScopeKey) -> Holds {
        let of_scope = self.records.iter().filter(|((of, _), _)| of == scope);
        let mut accepted = of_scope.filter(|(_, kept)| kept.is_accepted && !kept.is_noticed);
        accepted.next().map_or(Ok(()), |((_, key), _)| {
            Err(format!("I13: {} waits, although its callback {key} is answered", scope.task))
        })
    }
}

fn told(state: &StepState) -> Told {
    match state {
        StepState::Answered(answer) => Told::Answer(answer.clone()),
        StepState::TimedOut => Told::TimedOut,
        _ => Told::Waits,
    }
}

/// Whether a step that fails like this has an outcome, with which the agent goes on.
pub(crate) fn is_outcome_for_agent(error: &StepError) -> bool {
    matches!(
        error,
        StepError::Failed { .. } | StepError::Unknown { .. } | StepError::Diverged { .. }
    )
}
