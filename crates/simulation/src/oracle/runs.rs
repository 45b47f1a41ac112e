//! The rules for the agents' inputs and orders.

use std::time::Duration;

use a2a_lambda_core::ids::Fence;
use a2a_lambda_core::steps::ScopeKey;
use a2a_lambda_core::{AttemptOutcome, Ending, Entry, Event, Head, Phase, TaskKey};
use a2a_lambda_protocol::Task;

use crate::ledger::StepsRun;

use super::{Known, Oracle, Verdict, Violation, ensure};

/// How soon an agent must learn that its task is canceled (I7), in milliseconds.
pub(crate) const TOLD_WITHIN_MS: u64 = 2_000;

/// An agent's input for a turn.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) number: u32,
    pub(crate) attempt: u32,
    /// Its scope. Its number is how many turns were committed before it.
    pub(crate) scope: ScopeKey,
    /// The ids of the scope's messages.
    pub(crate) messages: Vec<String>,
    /// The earlier turn's checkpoint for it.
    pub(crate) checkpoint: Option<String>,
    /// The task as it is when the turn begins.
    pub(crate) task: Task,
}

/// The newest turn of a runner.
#[derive(Debug)]
pub(super) struct AgentRun {
    given: Given,
    /// The beginnings of the texts that it has shown, in order.
    shown: Vec<String>,
    /// The ids of the messages that it has read from its inbox.
    read: Vec<String>,
    /// The items that it has appended to its memory: tags and texts.
    pub(super) appended: Vec<(String, Vec<String>)>,
    /// Its checkpoint for the next turn.
    left: Option<String>,
    /// Whether it has ended by itself, and was not cut off.
    has_returned: bool,
    since_ms: u64,
    is_told: bool,
    pub(super) steps: StepsRun,
    pub(super) is_active: bool,
}

impl Oracle {
    /// An agent begins a turn.
    pub(crate) fn agent_begins(&mut self, actor: &str, given: Given, now_ms: u64) -> Verdict {
        let key = &given.scope.task;
        let most = self.policy.max_attempts;
        ensure(given.attempt <= most, "I10", || {
            format!("{actor} runs attempt {} at {key}, at most {most}", given.attempt)
        })?;
        let is_held = self.tasks.get(key).is_some_and(|known| known.is_held_by(actor));
        // The task of a late runner may be deleted, and its id used again.
        let known = self.tasks.get_mut(key).filter(|known| given.scope.is_in(&known.head));
        // By a wrong clock, a runner may think that its lease lasts, and look for no records.
        let finds = is_held || self.clocks_agree;
        let mut steps = self.ledger.run_begins(actor, &given.scope, finds);
        steps.is_deleted = known.is_none();
        if let Some(known) = known {
            // A runner that has lost its lease gets the inbox of that time.
            if is_held {
                ensure(known.checkpoint == given.checkpoint, "I5", || {
                    let (given, left) = (&given.checkpoint, &known.checkpoint);
                    format!("{actor} is given {given:?} for {key}, and {left:?} was left")
                })?;
                let position = known.position_of(&given.task, None);
                ensure(position >= Some(known.claimed_at), "I2", || {
                    format!("{actor} is given {key} as it was not when the turn began")
                })?;
            }
            let first =
                known.inputs.entry(given.scope.number).or_insert_with(|| given.messages.clone());
            ensure(*first == given.messages, "I5", || {
                format!(
                    "attempt {} at turn {} of {key} is given {:?}, an earlier one {first:?}",
                    given.attempt, given.number, given.messages
                )
            })?;
        }
        let run = AgentRun {
            given,
            shown: Vec::new(),
            read: Vec::new(),
            appended: Vec::new(),
            left: None,
            has_returned: false,
            since_ms: now_ms,
            is_told: false,
            steps,
            is_active: true,
        };
        self.runs.insert(actor.to_owned(), run);
        Ok(())
    }

    /// An agent has shown something.
    pub(crate) fn agent_showed(&mut self, actor: &str, text: &str) {
        if let Some(run) = self.runs.get_mut(actor) {
            run.shown.push(text.to_owned());
        }
    }

    /// An agent leaves a checkpoint for its next turn, if the end of this one is committed.
    pub(crate) fn agent_leaves(&mut self, actor: &str, checkpoint: &str) {
        if let Some(run) = self.runs.get_mut(actor) {
            run.left = Some(checkpoint.to_owned());
        }
    }

    /// The checkpoint for the turn after the one that `head` has just counted.
    pub(super) fn left_by(&self, actor: &str, head: &Head) -> Option<String> {
        match self.runs.get(actor).filter(|run| run.is_of(head)) {
            Some(run) if head.scope_turns == 0 => run.left.clone().filter(|_| !head.is_terminal()),
            // The scope goes on with its checkpoint.
            _ => self.tasks.get(&head.key).and_then(|known| known.checkpoint.clone()),
        }
    }

    /// I2: the log has all output that an agent had shown before it flushed.
    pub(crate) fn check_flushed(&self, actor: &str) -> Verdict {
        let run = self.runs.get(actor);
        let task = run.and_then(|run| Some((run, self.tasks.get(&run.scope().task)?)));
        let task = task.filter(|(run, known)| run.scope().is_in(&known.head));
        task.map_or(Ok(()), |(run, known)| run.check_shown(actor, &known.log))
    }

    /// I2: the log has all output of a turn that was not abandoned.
    pub(super) fn check_shown(&self, actor: &str, head: &Head, log: &[Entry]) -> Verdict {
        // The next turn shows the output again if the agent was cut off.
        let run = self.runs.get(actor).filter(|run| run.is_of(head) && run.has_returned);
        let failed = matches!(head.phase, Phase::Ended(Ending::Failed));
        // So it is where the time ends behind the agent, while its output is being stored.
        let newest = head.attempts.records().last().and_then(|record| record.end.as_ref());
        let is_cut = newest.is_some_and(|end| {
            matches!(end.outcome, AttemptOutcome::OutOfTime | AttemptOutcome::HandedOver)
        });
        run.filter(|_| !failed && !is_cut).map_or(Ok(()), |run| run.check_shown(actor, log))
    }

    /// An agent has read messages from its inbox.
    pub(crate) fn agent_read(&mut self, actor: &str, ids: Vec<String>) {
        if let Some(run) = self.runs.get_mut(actor) {
            run.read.extend(ids);
        }
    }

    /// Whether a runner's agent was shown the newest message with its task, or has read it from its
    /// inbox.
    pub(super) fn has_read(&self, actor: &str, head: &Head) -> bool {
        let newest = |id: &String| {
            let message = self.messages.get(id);
            message.is_some_and(|(of, at)| *of == head.key && *at == head.last_message)
        };
        self.runs.get(actor).is_some_and(|run| {
            let mut history = run.given.task.history.iter();
            history.any(|message| newest(&message.message_id)) || run.read.iter().any(newest)
        })
    }

    /// An agent has ended its turn by itself.
    pub(crate) fn agent_returns(&mut self, actor: &str) {
        if let Some(run) = self.runs.get_mut(actor) {
            run.has_returned = true;
        }
    }

    /// An agent gets the order to stop.
    pub(crate) fn agent_told(&mut self, actor: &str) {
        if let Some(run) = self.runs.get_mut(actor) {
            run.is_told = true;
        }
    }

    /// An agent's turn has ended, or its runner has died.
    pub(crate) fn agent_ends(&mut self, actor: &str) {
        if let Some(run) = self.runs.get_mut(actor) {
            run.is_active = false;
        }
    }

    /// A runner has died. Returns whether the task is its own, and so needs another runner.
    pub(crate) fn runner_died(&mut self, actor: &str, key: &TaskKey, now_ms: u64) -> bool {
        let held = self.tasks.get_mut(key).filter(|known| known.is_held_by(actor));
        held.map(|known| known.died_ms = Some(now_ms)).is_some()
    }

    /// How often a task was claimed, and how many tasks of the id were before it.
    pub(crate) fn claim(&self, key: &TaskKey) -> (Fence, usize) {
        let fence = self.tasks.get(key).map_or(Fence::default(), |known| known.head.fence);
        (fence, self.life(key))
    }

    /// I4: this long after the death of the runner with this claim, another runner has had the
    /// task.
    pub(crate) fn check_recovered(
        &self,
        key: &TaskKey,
        claim: (Fence, usize),
        bound: Duration,
    ) -> Verdict {
        let died = self.tasks.get(key).is_some_and(|known| known.died_ms.is_some());
        let waits = died && self.claim(key) == claim;
        ensure(!self.clocks_agree || !waits, "I4", || {
            format!("{bound:?} after its runner died nobody has taken {key} up")
        })
    }

    /// Whether a task is canceled and its user knows.
    pub(crate) fn is_canceled(&self, key: &TaskKey) -> bool {
        self.tasks.get(key).is_some_and(|known| known.canceled_ms.is_some())
    }

    /// I7: agents that work on a canceled task know it by now.
    pub(crate) fn check_told(&self, key: &TaskKey, now_ms: u64) -> Verdict {
        let Some(known) = self.tasks.get(key) else { return Ok(()) };
        let Some(canceled_ms) = known.canceled_ms else { return Ok(()) };
        let at_work =
            |run: &AgentRun| run.is_active && !run.is_told && run.scope().is_in(&known.head);
        for (actor, run) in self.runs.iter().filter(|(_, run)| at_work(run)) {
            let from_ms = canceled_ms.max(run.since_ms);
            let is_late = now_ms >= from_ms + TOLD_WITHIN_MS;
            ensure(!is_late || self.was_troubled(actor, from_ms, now_ms), "I7", || {
                let since = now_ms - from_ms;
                format!("{actor} works on {key} and was not told in {since} ms that it is canceled")
            })?;
        }
        Ok(())
    }

    /// Inline execution: nothing runs after the answer. The invocation has handed over its
    /// unfinished work.
    pub(crate) fn check_let_go(&self, actor: &str, from_ms: u64, now_ms: u64) -> Verdict {
        let held = self.tasks.iter().find(|(_, known)| known.is_held_by(actor));
        let is_troubled = self.was_troubled(actor, from_ms, now_ms);
        held.filter(|_| !is_troubled).map_or(Ok(()), |(key, _)| {
            Err(Violation::new("I7", format!("{actor} has answered, and still runs {key}")))
        })
    }

    /// The input of the scope that ended with the turn that `head` has just counted. It is the
    /// messages that its agent was given, or has read from its inbox. Nothing if the scope goes on.
    pub(super) fn given_for(&self, actor: &str, head: &Head) -> Vec<String> {
        let run = self.runs.get(actor);
        let run = run.filter(|run| run.is_of(head) && head.scope_turns == 0);
        run.map(|run| [&run.given.messages[..], &run.read].concat()).unwrap_or_default()
    }
}

impl AgentRun {
    pub(super) fn scope(&self) -> &ScopeKey {
        &self.given.scope
    }

    /// Whether it is of the newest turn that a task has counted.
    fn is_of(&self, head: &Head) -> bool {
        self.scope().is_in(head) && self.given.number == head.turn
    }

    /// The items that it has appended, if it ran the task's newest turn to its end.
    pub(super) fn appended_to(&self, head: &Head) -> Option<&[(String, Vec<String>)]> {
        let is_whole = self.is_of(head) && self.has_returned && !self.steps.is_deleted;
        is_whole.then_some(self.appended.as_slice())
    }

    fn check_shown(&self, actor: &str, log: &[Entry]) -> Verdict {
        let texts: Vec<&str> = log.iter().filter_map(text_of).collect();
        let mut rest = texts.iter();
        for shown in &self.shown {
            ensure(rest.any(|text| text.starts_with(shown.as_str())), "I2", || {
                format!(
                    "{actor} has shown {shown} and it is not in the log of {}",
                    self.scope().task
                )
            })?;
        }
        Ok(())
    }
}

/// The agent's text in an entry.
fn text_of(entry: &Entry) -> Option<&str> {
    let parts = match &entry.event {
        Event::Message(_) => return None,
        Event::Status(change) => &change.message.as_ref()?.parts,
        Event::Artifact(change) => &change.artifact.parts,
    };
    parts.first()?.as_text()
}

impl Known {
    /// I5: the messages that leave the inbox with the end of a scope are those that its agent was given,
    /// or has read. None leaves it before.
    pub(super) fn commit_turn(&mut self, head: &Head, log: &[Entry], given: &[String]) -> Verdict {
        let range = self.head.consumed.next()..=head.consumed;
        let mut left = Vec::new();
        for entry in log.iter().filter(|entry| range.contains(&entry.position)) {
            if let Event::Message(sent) = &entry.event {
                left.push(sent.message.message_id.clone());
                ensure(self.seen.insert(entry.position), "I5", || {
                    format!("two scopes of {} were given message {}", head.key, entry.position)
                })?;
            }
        }
        ensure(left == given, "I5", || {
            format!("turn {} of {} took {left:?} and was given {given:?}", head.turn, head.key)
        })
    }
}
