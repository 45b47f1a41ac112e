//! A gate between an actor and the world.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_core::{
    Answer, Change, Engine, NotAdmitted, Push, PushError, Queue, Signal, SignalError, Timer,
    Wanted, Webhook,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use crate::{Call, Doubles, Fault, FaultyStore, Hold, Kind};

/// Lets so many effects of an actor on the world pass. The actor is dead at the next one: the test
/// drops it there. A read has no effect.
#[derive(Clone)]
pub struct Gate(Arc<Passing>);

struct Passing {
    effects: Mutex<Vec<String>>,
    lets_pass: usize,
    hold: Hold,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("effects", &self.effects()).finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate that lets so many effects pass.
    pub fn new(lets_pass: usize) -> Self {
        Self(Arc::new(Passing { effects: Mutex::default(), lets_pass, hold: Hold::new() }))
    }

    /// The effects so far, in words; the last one, too, at which the actor was killed.
    pub fn effects(&self) -> Vec<String> {
        self.made().clone()
    }

    /// Returns when the actor must die.
    pub async fn killed(&self) {
        self.0.hold.reached().await;
    }

    /// The engine of an actor that must pass the gate, over the parts of these doubles. The faults
    /// of their store are not for it.
    pub fn before(&self, doubles: &Doubles) -> Engine {
        let store = Arc::new(FaultyStore::new(doubles.memory.clone()));
        let gate = self.clone();
        store.plan(move |call| gate.pass(effect(call)?).map(Fault::HoldRequest));
        let engine = &doubles.engine;
        let gated = |gate: &Self| Gated { gate: gate.clone(), engine: engine.clone() };
        Engine {
            queue: Arc::new(gated(self)),
            timer: Arc::new(gated(self)),
            webhook: Arc::new(gated(self)),
            ..engine.clone().over(store)
        }
    }

    fn made(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hold of an effect, if it does not pass.
    fn pass(&self, effect: impl Into<String>) -> Option<Hold> {
        let mut effects = self.made();
        if effects.len() <= self.0.lets_pass {
            effects.push(effect.into());
            if effects.len() <= self.0.lets_pass {
                return None;
            }
        }
        // A dead actor has no effect after the one at which it died.
        Some(self.0.hold)
    }

    async fn passed(&self, effect: impl Into<String>) {
        if let Some(hold) = self.pass(effect) {
            hold.wait().await;
        }
    }
}

/// The effect of a request to the store, if it has one.
fn effect(call: Call<'_>) -> Option<String> {
    let does = match call.kind {
        Kind::Create => "create the task",
        Kind::Replace => "replace the expired task",
        Kind::Purge => "delete the expired task",
        Kind::Renew => "renew the lease",
        Kind::PutConfig => "put the push config",
        Kind::DeleteConfig => "delete the push config",
        Kind::AdvanceConfig => "note what the receiver has had",
        Kind::PutEntry => "add to the memory",
        Kind::PutValue => "change the session",
        Kind::Forget => "forget the conversation",
        Kind::PutStep => "record a step",
        Kind::Commit => return call.commit.map(|(_, change)| format!("commit {}", said(change))),
        Kind::Read
        | Kind::Glance
        | Kind::List
        | Kind::Due
        | Kind::GetConfigs
        | Kind::Failing
        | Kind::GetStep
        | Kind::GetSteps
        | Kind::GetEntries
        | Kind::GetValue => return None,
    };
    Some(does.to_owned())
}

/// The result of a change, such as `running, 2 entries`.
pub(crate) fn said(change: &Change) -> String {
    let phase = change.head().phase.name();
    match change.entries().len() {
        0 => phase.to_owned(),
        1 => format!("{phase}, 1 entry"),
        n => format!("{phase}, {n} entries"),
    }
}

/// Everything but the store, behind a gate.
struct Gated {
    gate: Gate,
    engine: Engine,
}

#[async_trait]
impl Webhook for Gated {
    async fn admit(&self, url: &str) -> Result<(), NotAdmitted> {
        self.engine.webhook.admit(url).await
    }

    async fn post(&self, push: Push, wanted: &dyn Wanted) -> Result<Answer, PushError> {
        let number = push.id.rsplit('_').next().unwrap_or_default();
        self.gate.passed(format!("push entry {number}")).await;
        self.engine.webhook.post(push, wanted).await
    }
}

#[async_trait]
impl Queue for Gated {
    fn longest_delay(&self) -> Duration {
        self.engine.queue.longest_delay()
    }

    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        let when = if delay.is_zero() { "now".into() } else { format!("in {} s", delay.as_secs()) };
        self.gate.passed(format!("signal {when}")).await;
        self.engine.queue.send(signal, delay).await
    }
}

#[async_trait]
impl Timer for Gated {
    async fn signal_at(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        self.gate.passed("set the timer").await;
        self.engine.timer.signal_at(signal, at).await
    }
}
