//! The rules for the steps of agents and the answers to callbacks: what the [`Ledger`] says of them.
//!
//! Beyond that:
//!
//! - I13: a forged token opens nothing. An answer with a genuine one is refused only if the callback has
//!   another answer, is too late, or belongs to a scope or task that is over.
//! - I13: when an answer is accepted, it is recorded, and the task does not go on waiting.

use a2a_lambda_core::operations::callbacks::{Accepted, CallbackError, Said};
use a2a_lambda_core::steps::{Resolution, ScopeKey, StepRecord, StepState};
use a2a_lambda_core::{Head, Phase};

use super::{EPOCH, Oracle, Verdict, Violation, ensure};
use crate::ledger::{Callback, Ledger, Place, StepsRun, Told};

/// An actor's answer to a callback.
#[derive(Debug, Clone)]
pub(crate) struct Saying {
    pub(crate) callback: Callback,
    pub(crate) said: Said,
    /// Whether the token is one that nobody was given.
    pub(crate) is_forged: bool,
    /// When it began, in milliseconds of the run.
    pub(crate) from_ms: u64,
    /// Until when the callback waited then, in milliseconds of the run.
    pub(crate) waited_until_ms: Option<u64>,
}

pub(super) fn holds<T>(held: Result<T, String>) -> Verdict<T> {
    held.map_err(|text| Violation::of_predicate(&text))
}

fn resolution(said: &Said) -> Option<Resolution> {
    match said {
        Said::Result(json) => Some(Resolution::Result(json.clone())),
        Said::GivesUp(reason) => Some(Resolution::GaveUp(reason.clone())),
        Said::Heartbeat => None,
    }
}

impl Oracle {
    /// The steps of an agent's present run; `None` once its task is deleted.
    pub(crate) fn steps_of(&self, actor: &str) -> Option<StepsRun> {
        let steps = &self.runs.get(actor)?.steps;
        (!steps.is_deleted).then(|| steps.clone())
    }

    pub(crate) fn work_begins(
        &mut self,
        actor: &str,
        place: &Place,
        attempt: u32,
        idempotency_key: &str,
    ) -> Verdict {
        let Some(run) = self.runs.get(actor).map(|run| &run.steps) else { return Ok(()) };
        holds(self.ledger.work_begins(run, place, attempt, idempotency_key))
    }

    /// The outside world does the work of a step of this scope.
    pub(crate) fn effect(&mut self, scope: Option<&ScopeKey>, idempotency_key: &str) -> String {
        match scope {
            Some(scope) => self.ledger.effect(scope, idempotency_key),
            None => "lost".to_owned(),
        }
    }

    pub(crate) fn sees(&mut self, actor: &str, place: &str, what: &str) -> Verdict {
        let Some(run) = self.steps_of(actor) else { return Ok(()) };
        holds(self.ledger.sees(&run, place, what))
    }

    pub(crate) fn sees_result(&mut self, actor: &str, place: &Place, result: &str) -> Verdict {
        let Some(run) = self.steps_of(actor) else { return Ok(()) };
        holds(self.ledger.sees_result(&run, place, result))
    }

    pub(crate) fn record_written(
        &mut self,
        actor: &str,
        scope: &ScopeKey,
        after: StepRecord,
    ) -> Verdict {
        // The effects of a late runner for a deleted task are not looked at.
        let is_known = self.steps_of(actor).is_some();
        holds(self.ledger.record_written(actor, scope, after, is_known))
    }

    /// Notes the state that an agent was told of a callback. `then` is the state when it asked.
    pub(crate) fn is_told(
        &mut self,
        actor: &str,
        callback: &Callback,
        then: Option<&Told>,
        told: &Told,
    ) -> Verdict {
        let Some(run) = self.steps_of(actor) else { return Ok(()) };
        holds(self.ledger.is_told(&run, callback, then, told))
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// An actor is about to say something to a callback.
    pub(crate) fn says(&mut self, actor: &str, saying: &mut Saying) {
        let found = self.ledger.callback(&saying.callback);
        saying.waited_until_ms = found.and_then(|(record, _)| record.state_waits_until());
        if !saying.is_forged {
            self.ledger.answers(actor, &saying.callback, resolution(&saying.said));
        }
    }

    /// The outcome of the answer.
    pub(crate) fn was_said(
        &mut self,
        actor: &str,
        saying: &Saying,
        outcome: &Result<Accepted, CallbackError>,
        now_ms: u64,
    ) -> Verdict {
        let Saying { callback, said, is_forged, from_ms, waited_until_ms } = saying;
        let is_troubled = self.was_troubled(actor, *from_ms, now_ms);
        let found = self.ledger.callback(callback);
        let is_right = match outcome {
            Err(CallbackError::Vault(_) | CallbackError::Store(_) | CallbackError::Signal(_)) => {
                is_troubled
            }
            Err(CallbackError::Unknown) => *is_forged,
            _ if *is_forged => false,
            Err(CallbackError::Over) => {
                // The record may have gone with its task. It may be extended meanwhile.
                let waits = |of: Option<u64>| of.is_some_and(|at| at > now_ms + self.skew_ms);
                let until_ms = found.and_then(|(record, _)| record.state_waits_until());
                let is_open = waits(until_ms) && waits(*waited_until_ms);
                !is_open || !self.is_open(&callback.0)
            }
            Err(CallbackError::Answered) => {
                let other = found.and_then(|(_, answer)| answer);
                other.is_some_and(|answer| Some(answer) != resolution(said).as_ref())
            }
            Err(CallbackError::Contended) => true,
            Err(CallbackError::TooLarge { .. }) => false,
            Ok(Accepted::Extended) => *said == Said::Heartbeat,
            Ok(Accepted::Answered | Accepted::Repeated) => {
                let answer = found.and_then(|(_, answer)| answer);
                match resolution(said) {
                    Some(said) => answer == Some(&said),
                    None => answer.is_some() && matches!(outcome, Ok(Accepted::Repeated)),
                }
            }
        };
        ensure(is_right, "I13", || {
            let found = found.map(|(record, _)| &record.state);
            format!("{actor} says {saying:?} to a callback that is {found:?}: {outcome:?}")
        })?;
        if matches!(outcome, Ok(Accepted::Answered | Accepted::Repeated)) {
            self.ledger.accepted(callback);
            if let Some(known) = self.tasks.get(&callback.0.task) {
                self.check_woken(now_ms, &known.head)?;
            }
        }
        Ok(())
    }

    /// Whether a task is in this scope, and neither waits for its user nor has ended.
    fn is_open(&self, scope: &ScopeKey) -> bool {
        let known = self.tasks.get(&scope.task);
        known.is_some_and(|known| ScopeKey::of(&known.head) == *scope && !known.head.is_settled())
    }

    /// I13: a task does not wait while no run knows of an answer that was accepted. A failed attempt
    /// waits for its next one.
    pub(super) fn check_woken(&self, now_ms: u64, head: &Head) -> Verdict {
        let Phase::Waiting { until } = head.phase else { return Ok(()) };
        let now = EPOCH.as_millis() + i64::try_from(now_ms).unwrap_or(i64::MAX);
        let waits = until.as_millis() > now && head.attempt == 0 && head.scope_turns > 0;
        if !waits || !self.clocks_agree {
            return Ok(());
        }
        holds(self.ledger.may_wait(&ScopeKey::of(head)))
    }

    /// The records of a task are deleted, some or all. A runner that does not know it yet finds none,
    /// and makes them again.
    pub(super) fn forget_steps(&mut self, head: &Head) {
        self.ledger.forget(|scope| scope.is_in(head));
        for run in self.runs.values_mut().filter(|run| run.scope().is_in(head)) {
            run.steps.is_deleted = true;
        }
    }
}

trait Waits {
    fn state_waits_until(&self) -> Option<u64>;
}

impl Waits for StepRecord {
    /// Until when a callback waits, in milliseconds of the run.
    fn state_waits_until(&self) -> Option<u64> {
        match self.state {
            StepState::Waiting { until, .. } => {
                u64::try_from(until.as_millis() - EPOCH.as_millis()).ok()
            }
            _ => None,
        }
    }
}
