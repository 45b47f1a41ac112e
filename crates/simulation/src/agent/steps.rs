//! The agent's words about durable steps.
//!
//! | word         | what it does                                                                   |
//! |--------------|--------------------------------------------------------------------------------|
//! | `doN`        | a step with N as its argument, which has an effect outside                      |
//! | `onceN`      | the same, at most once                                                         |
//! | `vary`       | a step whose argument differs in each attempt                                  |
//! | `oncevary`   | the same, at most once                                                         |
//! | `retryN`     | a step that fails for now in its first N tries                                 |
//! | `onceretryN` | the same, at most once for each try                                            |
//! | `refuse`     | a step that fails for good                                                     |
//! | `showN`      | a step that shows a chunk, with N as its argument                              |
//! | `bothN`      | two steps side by side, each with others inside                                |
//! | `nestN`      | steps inside a step, with N as its argument                                    |
//! | `nestvary`   | steps inside a step whose argument differs in each attempt                     |
//! | `facts`      | asks for the time, an id and a random number                                   |
//! | `inbox`      | reads its inbox, and obeys it at last                                          |
//! | `glance`     | the same, but only in every other attempt                                      |
//! | `again`      | goes on in another run, without a checkpoint                                   |
//! | `napN`       | waits for N ms without a runner and without a checkpoint                       |
//! | `callN`      | hands out a callback, and waits for its answer for N ms                        |
//! | `slowcallN`  | the same, but is busy for a while before it waits                              |
//! | `twocallN`   | two callbacks at once                                                          |
//! | `openN`      | hands out a callback, and does not wait for it                                 |
//!
//! The agent goes on after a step that failed for good, or whose outcome is unknown.

use std::time::Duration;

use a2a_lambda_core::policy::Retries;
use a2a_lambda_core::steps::Resolution;
use a2a_lambda_core::{CallbackAnswer, End, Failure, StepError, StepRun, Turn};
use a2a_lambda_protocol::{Json, Part};

use super::{After, Scripted};
use crate::answering::{hand_out, record_of};
use crate::ledger::{Callback, Place, Places, Told, is_outcome_for_agent};
use crate::planted::Planted;

/// How long the work of a step takes at most, before and after its effect.
const BUSY_MS: u64 = 400;

/// A step with an effect.
#[derive(Debug, Clone, Copy)]
struct Work {
    name: &'static str,
    argument: u64,
    is_once: bool,
    /// How many tries fail; `None` for a step without retries.
    fails: Option<u64>,
    shows: bool,
}

impl Work {
    fn new(name: &'static str, argument: u64) -> Self {
        Self { name, argument, is_once: false, fails: None, shows: false }
    }

    fn once(name: &'static str, argument: u64) -> Self {
        Self { is_once: true, ..Self::new(name, argument) }
    }
}

fn no_answer() -> Failure {
    Failure::retryable("the outside did not answer")
}

impl Scripted {
    /// Obeys a word about steps; `None` if it is none.
    pub(super) async fn durable(
        &self,
        turn: &Turn,
        places: &Places,
        verb: &str,
        number: u64,
    ) -> Result<Option<After>, Failure> {
        let fence = turn.fence();
        match verb {
            "do" => self.step(turn, places, None, Work::new("xdo", number)).await?,
            "once" => self.step(turn, places, None, Work::once("xonce", number)).await?,
            "vary" => self.step(turn, places, None, Work::new("xdo", fence)).await?,
            "oncevary" => self.step(turn, places, None, Work::once("xonce", fence)).await?,
            "retry" | "onceretry" => {
                let is_once = verb == "onceretry";
                let work = Work { fails: Some(number), is_once, ..Work::new("xretry", number) };
                self.step(turn, places, None, work).await?;
            }
            "show" => {
                let work = Work { shows: true, ..Work::new("xshow", number) };
                self.step(turn, places, None, work).await?;
            }
            "refuse" => self.refuse(turn, places).await?,
            "both" => {
                let (left, right) = tokio::join!(
                    biased;
                    self.nest(turn, places, "left", number),
                    self.nest(turn, places, "right", number),
                );
                left.and(right)?;
            }
            "nest" => self.nest(turn, places, "outer", number).await?,
            "nestvary" => self.nest(turn, places, "outer", fence).await?,
            "facts" => self.facts(turn, places).await?,
            "again" => return Ok(Some(self.again(turn, places).await?)),
            "nap" => return Ok(Some(self.nap(turn, places, number).await?)),
            "call" => self.call(turn, places, number, Duration::ZERO).await?,
            "slowcall" => self.call(turn, places, number, Duration::from_secs(2)).await?,
            "twocall" => {
                let (one, other) =
                    (self.open(turn, number).await?, self.open(turn, number / 2 + 1).await?);
                let first = self.ask(places, &one).await;
                self.ask(places, &other).await?;
                first?;
            }
            "open" => drop(self.open(turn, number).await?),
            _ => return Ok(None),
        }
        Ok(Some(After::Next))
    }

    /// The words of the messages in the inbox, if the agent reads it.
    pub(super) async fn inbox(
        &self,
        turn: &Turn,
        places: &Places,
        verb: &str,
    ) -> Result<String, Failure> {
        if verb == "glance" && turn.fence().is_multiple_of(2) {
            return Ok(String::new());
        }
        let place = places.next(None, "inbox", 0, false);
        let read = turn.inbox().await?;
        let ids: Vec<String> = read.iter().map(|message| message.message_id.clone()).collect();
        let world = self.actor.world();
        world.note(self.actor.name(), "reads its inbox", format_args!("{ids:?}"));
        world.agent_sees(self.actor.name(), &place.full, &ids.join(" "));
        world.agent_read(self.actor.name(), ids);
        let texts = read.iter().flat_map(|message| &message.parts).filter_map(Part::as_text);
        Ok(texts.collect::<Vec<_>>().join(" "))
    }

    /// Makes a step that has an effect outside.
    async fn step(
        &self,
        turn: &Turn,
        places: &Places,
        inside: Option<&Place>,
        work: Work,
    ) -> Result<(), StepError> {
        let place = places.next(inside, work.name, work.argument, work.is_once);
        let mut step = turn.step(work.name).with(&work.argument);
        if work.is_once {
            step = step.once();
        }
        if work.fails.is_some() {
            let (first, most) = (Duration::from_millis(50), Duration::from_millis(200));
            step = step.retries(Retries { max_attempts: 3, first, most });
        }
        let done = step.run(|run| self.work(turn, &place, work, run)).await;
        self.judge(&place, done)
    }

    async fn work(
        &self,
        turn: &Turn,
        place: &Place,
        work: Work,
        run: StepRun,
    ) -> Result<String, Failure> {
        let (world, name) = (self.actor.world(), self.actor.name());
        world.work_begins(name, place, run.attempt, run.idempotency_key());
        if work.shows {
            let text = self.next_text();
            turn.chunked("step").finish([Part::text(text.clone())]).await?;
            world.agent_showed(name, &text);
        }
        let busy = Duration::from_millis((work.argument * 97) % BUSY_MS);
        turn.sleep(busy).await;
        if work.fails.is_some_and(|fails| u64::from(run.attempt) <= fails) {
            return Err(Failure::retryable("not this time"));
        }
        let scope = world.scope_of(name);
        let effect = async { Ok(world.effect(name, scope.as_ref(), run.idempotency_key())) };
        if world.planted == Some(Planted::RecordBeforeEffect) {
            return Ok("r1".to_owned());
        }
        let result = self.actor.ask("effect", &place.full, no_answer, effect).await?;
        turn.sleep(busy).await;
        Ok(result)
    }

    /// Tells the oracle the result that a step has shown the agent, and goes on if it is an
    /// outcome.
    fn judge(&self, place: &Place, done: Result<String, StepError>) -> Result<(), StepError> {
        let (world, name) = (self.actor.world(), self.actor.name());
        match done {
            Ok(result) => {
                world.agent_sees_result(name, place, &result);
                Ok(())
            }
            Err(error) if is_outcome_for_agent(&error) => {
                if matches!(error, StepError::Failed { .. }) {
                    world.agent_sees(name, &place.full, &error.to_string());
                }
                world.note(name, "goes on", &error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// A step that fails for good.
    async fn refuse(&self, turn: &Turn, places: &Places) -> Result<(), StepError> {
        let place = places.next(None, "refuse", 0, false);
        let text = self.next_text();
        let refused = turn.step("refuse").run(|run| {
            self.actor.world().work_begins(
                self.actor.name(),
                &place,
                run.attempt,
                run.idempotency_key(),
            );
            let text = text.clone();
            async move { Err::<String, _>(Failure::permanent(text)) }
        });
        let refused = refused.await;
        self.judge(&place, refused)
    }

    /// A step with others inside: one at least once, one at most once.
    async fn nest(
        &self,
        turn: &Turn,
        places: &Places,
        name: &'static str,
        argument: u64,
    ) -> Result<(), StepError> {
        let place = places.next(None, name, argument, false);
        let outer = turn.step(name).with(&argument).run(|_| async {
            turn.sleep(Duration::from_millis(if name == "left" { 30 } else { 10 })).await;
            self.step(turn, places, Some(&place), Work::new("xdo", 1)).await?;
            self.step(turn, places, Some(&place), Work::once("xonce", 1)).await?;
            Ok(self.next_text())
        });
        let seen = outer.await?;
        self.actor.world().agent_sees(self.actor.name(), &place.full, &seen);
        Ok(())
    }

    async fn facts(&self, turn: &Turn, places: &Places) -> Result<(), StepError> {
        let place = places.next(None, "facts", 0, false);
        let recorded = turn.recorded();
        let facts = (recorded.now().await?, recorded.uuid().await?, recorded.random().await?);
        let (world, name) = (self.actor.world(), self.actor.name());
        world.agent_sees(name, &place.full, &format!("{facts:?}"));
        Ok(())
    }

    /// Ends the turn that comes here first.
    async fn again(&self, turn: &Turn, places: &Places) -> Result<After, StepError> {
        let place = places.next(None, "again", 0, false);
        let first = turn.step("again").run(|_| async { Ok(turn.number()) }).await?;
        self.actor.world().agent_sees(self.actor.name(), &place.full, &first.to_string());
        Ok(if first == turn.number() { After::End(End::again()) } else { After::Next })
    }

    /// Waits without a runner until some time after the first run came here.
    async fn nap(&self, turn: &Turn, places: &Places, millis: u64) -> Result<After, StepError> {
        let place = places.next(None, "nap", millis, false);
        let begun = turn.recorded().now().await?;
        self.actor.world().agent_sees(self.actor.name(), &place.full, &format!("{begun}"));
        let wake_at = begun.saturating_add(Duration::from_millis(millis));
        let is_early = turn.now() < wake_at;
        Ok(if is_early { After::End(End::park_until(wake_at)) } else { After::Next })
    }

    /// Hands out a callback, is busy for a while, and asks for its answer.
    async fn call(
        &self,
        turn: &Turn,
        places: &Places,
        patience_ms: u64,
        busy: Duration,
    ) -> Result<(), Failure> {
        let handed_out = self.open(turn, patience_ms).await?;
        let answered = self.ask(places, &handed_out).await;
        if answered.is_err() {
            // An answer may come before the turn has ended.
            turn.sleep(busy).await;
        }
        answered
    }

    async fn open<'t>(&self, turn: &'t Turn, patience_ms: u64) -> Result<Asked<'t>, Failure> {
        let patience = Duration::from_millis(patience_ms);
        let callback = turn.callback("call", patience).await?;
        let (world, name) = (self.actor.world(), self.actor.name());
        let record = record_of(callback.token()).zip(world.scope_of(name));
        let Some((record, scope)) = record else {
            return Ok(Asked { callback, at: None });
        };
        let at: Callback = (scope, record);
        let token = callback.token();
        let handing = async {
            hand_out(world, &at, token, patience_ms);
            Ok(())
        };
        self.actor.ask("hand out", patience_ms, no_answer, handing).await?;
        Ok(Asked { callback, at: Some(at) })
    }

    /// Asks for a callback's answer. Without one, the turn is to end.
    async fn ask(&self, places: &Places, asked: &Asked<'_>) -> Result<(), Failure> {
        let place = places.next(None, "call", 0, false);
        let (world, name) = (self.actor.world(), self.actor.name());
        let then = asked.at.as_ref().and_then(|at| world.agent_asks(at));
        let answer = asked.callback.answer::<String>().await;
        let told = match &answer {
            Ok(CallbackAnswer::Given(text)) => Json::from_value(text)
                .map_or(Told::TimedOut, |json| Told::Answer(Resolution::Result(json))),
            Ok(CallbackAnswer::GaveUp(reason)) => Told::Answer(Resolution::GaveUp(reason.clone())),
            Ok(_) => Told::TimedOut,
            Err(StepError::Suspended { .. }) => Told::Waits,
            Err(_) => return answer.map(drop).map_err(Failure::from),
        };
        world.note(name, "is told", format_args!("{told:?}"));
        if let Some(at) = &asked.at {
            world.agent_is_told(name, at, then.as_ref(), &told);
        }
        let answer = answer?;
        world.agent_sees(name, &place.full, &format!("{answer:?}"));
        Ok(())
    }
}

/// A callback that was handed out.
struct Asked<'t> {
    callback: a2a_lambda_core::Callback<'t>,
    at: Option<Callback>,
}
