//! The simulation's agent: it obeys the message, word by word.
//!
//! | word        | what it does                                                       |
//! |-------------|--------------------------------------------------------------------|
//! | `progress`  | shows a progress message                                           |
//! | `chunk`     | shows a chunk of the turn's artifact                               |
//! | `big`       | shows a chunk that is too large to be kept with many others        |
//! | `peekN`     | reads the task of slot N, as far as its rights allow               |
//! | `flush`     | waits until everything shown is stored                             |
//! | `sleepN`    | is busy for N ms, and ignores an order to stop                     |
//! | `heedN`     | is busy for N ms, and continues in another run if told to stop     |
//! | `failN`     | fails, to be retried, up to attempt N                              |
//! | `panicN`    | panics, up to attempt N                                            |
//! | `killN`     | kills its runner, up to attempt N                                  |
//! | `parkN`     | waits for N ms without a runner, then goes to the next word        |
//! | `waitN`     | asks, and goes to the next word if there is no answer in N ms      |
//! | `expireN`   | asks, and fails if there is no answer in N ms                      |
//! | `continue`  | goes to the next word in another run                               |
//! | see `steps`, `memory` | words about durable steps, and about the conversation  |
//! | `complete`, `input`, `auth`, `direct`, `reject`, `fatal` | end the turn          |
//!
//! The agent reads several new messages one after the other, and the first end ends the turn. The words
//! of a message that comes early are appended to the words that are left.

mod memory;
mod steps;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::ids::Incarnation;
use a2a_lambda_core::steps::ScopeKey;
use a2a_lambda_core::{
    Agent, AgentProfile, End, Failure, Ids, Impatience, Patience, StopReason, TaskId, TaskKey, Turn,
};
use a2a_lambda_protocol::{Json, Part};
use async_trait::async_trait;

use crate::actor::Actor;
use crate::ledger::Places;
use crate::oracle::{Given, Violation};

/// How many times larger than a usual chunk a big chunk is.
const BIG: usize = 400;

/// The agent of one runner.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) actor: Arc<Actor>,
}

#[async_trait]
impl Agent for Scripted {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("scripted", "Does what the message says", "1")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let at_work = AtWork::begin(&self.actor, turn);
        let mut script = std::pin::pin!(self.play(turn));
        let mut stopped = std::pin::pin!(turn.stopped());
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                why = &mut stopped, if !is_told => {
                    is_told = true;
                    at_work.told(why);
                }
                end = &mut script => {
                    at_work.returns(&end);
                    return end;
                }
            }
        }
    }
}

/// Tells the oracle when an agent's work begins and ends, for every kind of end.
struct AtWork<'a> {
    actor: &'a Arc<Actor>,
}

impl<'a> AtWork<'a> {
    fn begin(actor: &'a Arc<Actor>, turn: &Turn) -> Self {
        let Some(scope) = scope_of(turn) else {
            let key = turn.idempotency_key();
            actor.world().fail(Violation::new("I11", format!("{key} names no scope")));
            return Self { actor };
        };
        let given = Given {
            number: turn.number(),
            attempt: turn.attempt(),
            scope,
            messages: turn.messages().iter().map(|message| message.message_id.clone()).collect(),
            checkpoint: turn.checkpoint().unwrap_or_default(),
            task: turn.task().clone(),
        };
        let world = actor.world();
        let what = format!("runs turn {} attempt {}", given.number, given.attempt);
        world.note(
            actor.name(),
            &what,
            format_args!("of {}: {:?}", turn.task().id, given.messages),
        );
        world.agent_begins(actor.name(), given);
        Self { actor }
    }

    fn returns(&self, end: &Result<End, Failure>) {
        self.actor.world().agent_returns(self.actor.name());
        if let Ok(
            End::ParkUntil { checkpoint: Some(left), .. }
            | End::InputRequired { checkpoint: Some(left), .. }
            | End::Continue { checkpoint: Some(left) },
        ) = end
            && let Ok(left) = left.to::<String>()
        {
            self.actor.world().agent_leaves(self.actor.name(), &left);
        }
    }

    fn told(&self, why: StopReason) {
        let world = self.actor.world();
        world.note(self.actor.name(), &format!("is told {why:?}"), "");
        world.agent_told(self.actor.name());
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.actor.world().agent_ends(self.actor.name());
    }
}

/// The effect of a word.
enum After {
    Next,
    End(End),
}

impl Scripted {
    /// A text that occurs at most once in the log, and that names its author.
    fn next_text(&self) -> String {
        format!("{};", self.actor.fresh())
    }

    async fn play(&self, turn: &Turn) -> Result<End, Failure> {
        let left: Option<String> = turn.checkpoint()?;
        let text = format!("{} {}", left.unwrap_or_default(), turn.text());
        let places = Places::default();
        let mut words: VecDeque<String> = text.split_whitespace().map(str::to_owned).collect();
        let mut chunks = turn.chunked("work");
        while let Some(word) = words.pop_front() {
            let rest = || Json::from_value(&Vec::from(words.clone()).join(" "));
            let after = match word.as_str() {
                "chunk" | "big" => {
                    let times = if word == "big" { BIG } else { 1 };
                    let text = self.next_text();
                    chunks.push(vec![Part::text(text.repeat(times))]).await?;
                    self.actor.world().agent_showed(self.actor.name(), &text);
                    After::Next
                }
                "continue" => After::End(End::Continue { checkpoint: Some(rest()?) }),
                "inbox" | "glance" => {
                    let more = self.inbox(turn, &places, &word).await?;
                    words.extend(more.split_whitespace().map(str::to_owned));
                    After::Next
                }
                word => {
                    let (verb, number) = split(word);
                    match self.durable(turn, &places, verb, number).await? {
                        Some(after) => after,
                        None => match self.remember(turn, &places, verb, number).await? {
                            Some(after) => after,
                            None => self.act(turn, word, rest()?).await?,
                        },
                    }
                }
            };
            if let After::End(end) = after {
                return Ok(end);
            }
        }
        Ok(End::completed())
    }

    async fn act(&self, turn: &Turn, word: &str, rest: Json) -> Result<After, Failure> {
        let (verb, number) = split(word);
        let duration = Duration::from_millis(number);
        let again = u64::from(turn.attempt()) <= number;
        match verb {
            "progress" => {
                let text = self.next_text();
                turn.progress(text.clone()).await?;
                self.actor.world().agent_showed(self.actor.name(), &text);
            }
            "flush" => {
                turn.flush().await?;
                self.actor.world().agent_flushed(self.actor.name());
            }
            "peek" => self.peek(turn, number).await?,
            "sleep" => turn.sleep(duration).await,
            "heed" => {
                tokio::select! {
                    biased;
                    _ = turn.stopped() => return Ok(After::End(End::Continue { checkpoint: Some(rest) })),
                    () = turn.sleep(duration) => {}
                }
            }
            "fail" if again => return Err(Failure::retryable("not this time")),
            "panic" if again => panic!("the script wills it"),
            "kill" if again => return self.actor.die().await,
            "park" => {
                let wake_at = turn.now().saturating_add(duration);
                return Ok(After::End(End::ParkUntil { wake_at, checkpoint: Some(rest) }));
            }
            "wait" | "expire" => {
                let then = if verb == "wait" { Impatience::Wake } else { Impatience::Fail };
                let patience = Some(Patience { until: turn.now().saturating_add(duration), then });
                let (question, checkpoint) = ("what else?".into(), Some(rest));
                return Ok(After::End(End::InputRequired { question, checkpoint, patience }));
            }
            _ => return ending(verb).map(|end| end.map_or(After::Next, After::End)),
        }
        Ok(After::Next)
    }
}

impl Scripted {
    /// I8 for agents: an agent sees only the tasks of the owner that it works for.
    async fn peek(&self, turn: &Turn, slot: u64) -> Result<(), Failure> {
        let world = self.actor.world();
        let own = key_of(turn).and_then(|key| world.owner(&key));
        let other = u32::try_from(slot).ok().and_then(|slot| world.slot(slot));
        if let (Some(own), Some((who, key))) = (own, other) {
            let (since, from_ms) = (world.position(&key), world.now_ms());
            let seen = turn.referenced(key.task.as_str()).await?;
            world.judge(|oracle| match &seen {
                Some(task) if who == own => oracle.shown(&key, task, None, since, from_ms),
                None if who != own => Ok(()),
                _ => {
                    let text = format!("an agent of {own} looked at {key} of {who}: {seen:?}");
                    Err(Violation::new("I8", text))
                }
            });
        }
        Ok(())
    }
}

/// A turn's scope, as its key says: a late runner's task may be an earlier one of its id.
fn scope_of(turn: &Turn) -> Option<ScopeKey> {
    let (task, key) = (key_of(turn)?, turn.idempotency_key());
    let own = key.strip_prefix(task.task.as_str())?.strip_prefix('-')?;
    let (incarnation, number) = match own.rsplit_once('-') {
        Some((incarnation, number)) => (Some(Incarnation::parse(incarnation)?), number),
        None => (None, own),
    };
    let number = number.parse::<u32>().ok()?.checked_sub(1)?;
    Some(ScopeKey { task, incarnation, number })
}

fn key_of(turn: &Turn) -> Option<TaskKey> {
    let task = TaskId::parse(&turn.task().id).ok()?;
    Some(TaskKey { tenant: turn.tenant().clone(), task })
}

/// A word and the number at its end.
fn split(word: &str) -> (&str, u64) {
    let verb = word.trim_end_matches(|c: char| c.is_ascii_digit());
    (verb, word[verb.len()..].parse().unwrap_or(0))
}

/// The end that a word stands for. An unknown word is skipped.
fn ending(word: &str) -> Result<Option<End>, Failure> {
    Ok(Some(match word {
        "complete" => End::Completed("done".into()),
        "input" => End::input_required("what else?"),
        "auth" => {
            End::AuthRequired { question: "who says so?".into(), checkpoint: None, patience: None }
        }
        "direct" => End::Message("just that".into()),
        "reject" => End::Rejected("no".into()),
        "fatal" => return Err(Failure::permanent("it is no use")),
        _ => return Ok(None),
    }))
}
