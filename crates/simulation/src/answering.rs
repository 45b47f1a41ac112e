//! The other sides of callbacks: they answer early, late, twice, and with tokens that nobody gave them.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::operations::callbacks::{Accepted, CallbackError, Callbacks, Said};
use a2a_lambda_core::push::{PushSecrets, Secret};
use a2a_lambda_core::{Sealed, Vault as _};
use a2a_lambda_protocol::Json;
use a2a_lambda_testing::{Random, TestVault};

use crate::actor::Actor;
use crate::ledger::Callback;
use crate::oracle::{Saying, Violation};
use crate::world::World;

/// How long an invocation for an answer may last.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How often an answer is given until it is accepted or refused.
const TRIES: u32 = 5;

/// The longest time between two tries, in milliseconds.
const BETWEEN_MS: u64 = 3_000;

/// A holder of a callback's URL, which answers it.
struct Holder {
    world: Arc<World>,
    callback: Callback,
    token: String,
    name: String,
}

/// The answer, its delay after the URL is given out, and the number of tries.
struct Plan {
    said: Said,
    after_ms: u64,
    is_forged: bool,
    tries: u32,
}

/// Hands out a callback's URL. Its holders say things to it from now on.
pub(crate) fn hand_out(world: &Arc<World>, callback: &Callback, token: &str, patience_ms: u64) {
    let Some(number) = world.handed_out(callback) else { return };
    let mut rng = Random::derive(world.seed, &format!("callback {number}"));
    let name = format!("hook{number}");
    for (said, plan) in (1_u32..).zip(plans(&mut rng, &name, patience_ms)) {
        let name = format!("{name}-{said}");
        let (world, callback, token) = (world.clone(), callback.clone(), token.to_owned());
        let holder = Holder { world, callback, token, name };
        tokio::spawn(holder.say(plan));
    }
}

fn result(text: &str) -> Said {
    // Serialization of a text cannot fail.
    Json::from_value(text).map_or(Said::Heartbeat, Said::Result)
}

fn plans(rng: &mut Random, name: &str, patience_ms: u64) -> Vec<Plan> {
    let mut plans = Vec::new();
    let answer = match rng.within(0, 9) {
        0 => None,
        1 | 2 => Some(Said::GivesUp(format!("{name} has no answer"))),
        _ => Some(result(&format!("{name} says yes"))),
    };
    let after_ms = match rng.within(0, 9) {
        0..=2 => rng.within(0, 40),
        3..=5 => rng.within(40, 2_000),
        6..=8 => rng.within(0, patience_ms),
        _ => patience_ms.saturating_sub(500) + rng.within(0, 5_000),
    };
    let plan = |said, after_ms| Plan { said, after_ms, is_forged: false, tries: 1 };
    if let Some(said) = answer {
        for _ in 0..rng.pick(&[0, 0, 1, 2]) {
            let later_ms = rng.pick(&[30, 3_000, 100_000]);
            plans.push(plan(said.clone(), after_ms + rng.within(0, later_ms)));
        }
        plans.push(Plan { tries: TRIES, ..plan(said, after_ms) });
    }
    if rng.chance(400) {
        let at_ms = rng.within(0, 2 * after_ms + 50);
        plans.push(plan(result(&format!("{name} says no")), at_ms));
    }
    for _ in 0..rng.pick(&[0, 0, 1, 3]) {
        plans.push(plan(Said::Heartbeat, rng.within(0, patience_ms)));
    }
    if rng.chance(300) {
        let said = result(&format!("somebody else than {name} says yes"));
        plans.push(Plan { is_forged: true, ..plan(said, rng.within(0, after_ms + 1_000)) });
    }
    plans
}

/// A token that nobody was given: cut off, or with the right content and another seal.
async fn forged(token: &str, rng: &mut Random) -> String {
    let content = TestVault::unsealed(token).unwrap_or((String::new(), PushSecrets::default()));
    let resealed = TestVault::default().seal(&content.1, "forged").await;
    let resealed = resealed.unwrap_or(Sealed::new("forged"));
    let cut: String = token.chars().skip(1).collect();
    rng.pick(&[resealed.as_str().to_owned(), resealed.as_str().to_owned(), cut])
}

/// The record that a token is for. The vault of the simulation seals nothing.
pub(crate) fn record_of(token: &str) -> Option<a2a_lambda_core::steps::RecordKey> {
    let (_, secrets) = TestVault::unsealed(token)?;
    let content: serde_json::Value = serde_json::from_str(Secret::reveal(&secrets.token)).ok()?;
    a2a_lambda_core::steps::RecordKey::parse(content.get("k")?.as_str()?)
}

impl Holder {
    async fn say(self, plan: Plan) {
        tokio::time::sleep(Duration::from_millis(plan.after_ms)).await;
        let mut rng = Random::derive(self.world.seed, &self.name);
        let token =
            if plan.is_forged { forged(&self.token, &mut rng).await } else { self.token.clone() };
        for number in 1..=plan.tries {
            let actor = Arc::new(Actor::new(&self.world, format!("{}-{number}", self.name)));
            if self.say_once(&actor, &token, &plan).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(rng.within(0, BETWEEN_MS))).await;
        }
    }

    /// Says it once. Returns whether the outcome is final.
    async fn say_once(&self, actor: &Arc<Actor>, token: &str, plan: &Plan) -> bool {
        let Plan { said, is_forged, .. } = plan;
        let world = &self.world;
        let mut saying = Saying {
            callback: self.callback.clone(),
            said: said.clone(),
            is_forged: *is_forged,
            from_ms: world.now_ms(),
            waited_until_ms: None,
        };
        world.judge(|oracle| {
            oracle.says(actor.name(), &mut saying);
            Ok(())
        });
        let callbacks = Callbacks::new(actor.engine());
        if *is_forged {
            let looked = actor.live(ANSWER_LIMIT, callbacks.look(token)).await;
            let is_refused = !matches!(looked, Some(Ok(_) | Err(CallbackError::Over)));
            if !is_refused {
                let text = format!("somebody was shown the callback of {saying:?}");
                world.fail(Violation::new("I13", text));
            }
        }
        let outcome = actor.live(ANSWER_LIMIT, callbacks.answer(token, said)).await;
        world.note(actor.name(), "says to a callback", format_args!("{said:?}: {outcome:?}"));
        let Some(outcome) = outcome else { return false };
        world.was_said(actor.name(), &saying, &outcome);
        is_final(&outcome)
    }
}

fn is_final(outcome: &Result<Accepted, CallbackError>) -> bool {
    matches!(
        outcome,
        Ok(_) | Err(CallbackError::Unknown | CallbackError::Over | CallbackError::Answered)
    )
}
