//! The rules for answers to clients.

use std::collections::BTreeSet;

use a2a_lambda_core::head::MAX_REMEMBERED_KEYS;
use a2a_lambda_core::log::{Entry, fold};
use a2a_lambda_core::{Ending, Event, Generation, Head, Phase, Position, StreamEvent, TaskKey};
use a2a_lambda_protocol::{
    A2aError, ErrorKind, Message, StreamResponse, Task, TaskState, TaskStatus,
};

use super::{Known, Oracle, Verdict, Violation, ensure};
use crate::op::Who;

/// A sent message.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) who: Who,
    pub(crate) id: String,
    pub(crate) key: Option<u32>,
    /// The push config that comes with it.
    pub(crate) push: Option<String>,
}

impl Known {
    /// The log up to an entry.
    pub(super) fn entries_to(&self, position: Position) -> Option<&[Entry]> {
        self.log.get(..usize::try_from(position.0).ok()?)
    }

    /// The newest position at which the task was like this, at its generation if that is known.
    pub(super) fn position_of(
        &self,
        task: &Task,
        generation: Option<Generation>,
    ) -> Option<Position> {
        let newest_first = (0..=self.head.position.0).rev().map(Position);
        newest_first.into_iter().find(|position| {
            let entries = self.entries_to(*position).unwrap_or_default();
            let is_of = generation.is_none_or(|of| of == generation_of(entries));
            is_of && fold(&self.head, entries) == *task
        })
    }

    /// The task as its claim has made it, if a list shows it as it was submitted.
    fn claimed(&self, listed: &Task) -> Option<Task> {
        let submitted = listed.status.timestamp;
        let mut later = self.log.iter().skip_while(|entry| Some(entry.at) != submitted);
        let is_status = |entry: &&Entry| matches!(entry.event, Event::Status(_));
        let timestamp = later.find(is_status).map(|claim| claim.at);
        let status = TaskStatus { state: TaskState::Working, message: None, timestamp };
        let claimed = Task { status, ..listed.clone() };
        let is_submitted = listed.status.state == TaskState::Submitted;
        (is_submitted && self.position_of(&claimed, None).is_some()).then_some(claimed)
    }

    /// The message of a direct answer.
    fn direct_message(&self) -> Option<Message> {
        let task = fold(&self.head, &self.log);
        let message = task.status.message.filter(|_| self.head.is_direct())?;
        Some(Message { task_id: String::new(), ..message })
    }

    /// The first entry after a generation that a stream shows.
    fn shown_after(&self, last: Generation) -> Option<&Entry> {
        let after = self.log.iter().filter(|entry| entry.generation > last);
        after.into_iter().find(|entry| !matches!(entry.event, Event::Message(_)))
    }
}

/// The generation of a task with these entries.
pub(super) fn generation_of(entries: &[Entry]) -> Generation {
    entries.last().map_or(Generation(0), |last| last.generation)
}

impl Oracle {
    fn known(&self, key: &TaskKey) -> Verdict<&Known> {
        self.tasks.get(key).ok_or_else(|| {
            Violation::new("I2", format!("somebody was shown {key}, which was never stored"))
        })
    }

    /// The newest entry of a task.
    pub(crate) fn position(&self, key: &TaskKey) -> Position {
        self.tasks.get(key).map_or(Position(0), |known| known.head.position)
    }

    /// The newest event of a task.
    pub(crate) fn generation(&self, key: &TaskKey) -> Generation {
        self.tasks.get(key).map_or(Generation(0), |known| known.head.generation)
    }

    /// The task of a message.
    pub(crate) fn task_of(&self, message: &str) -> Option<TaskKey> {
        let now = self.messages.get(message).map(|(key, _)| key);
        now.or_else(|| self.past_messages.get(message)).cloned()
    }

    /// An actor sends a message, with or without a config.
    pub(crate) fn sends(&mut self, actor: &str, sent: &Sent) {
        self.sending.insert(actor.to_owned(), sent.push.clone());
    }

    /// A message was accepted. `task` is the task that the answer named, if any.
    pub(crate) fn accepted(&mut self, sent: &Sent, task: Option<&TaskKey>) -> Verdict {
        let Some((stored, position)) = self.messages.get(&sent.id).cloned() else {
            if self.past_messages.contains_key(&sent.id) {
                // Its task has expired since.
                return Ok(());
            }
            let text = format!("message {} was accepted and is nowhere", sent.id);
            return Err(Violation::new(if sent.key.is_some() { "I9" } else { "I4" }, text));
        };
        ensure(task.is_none_or(|task| *task == stored), "I9", || {
            format!("message {} is in {stored}, and its sender was shown {task:?}", sent.id)
        })?;
        let Some(number) = sent.key else { return Ok(()) };
        let (before, id) = self
            .keys
            .entry((sent.who, number))
            .or_insert_with(|| (stored.clone(), sent.id.clone()));
        let (before, id) = (before.clone(), id.clone());
        ensure(before == stored, "I9", || format!("key {number} made {before} and {stored}"))?;
        // A task does not remember the keys of follow-ups for ever. The later message may be
        // answered before the earlier one.
        let forgotten = self.messages.get(&id).is_none_or(|(_, other)| {
            self.keyed_after(&stored, position.min(*other)) >= MAX_REMEMBERED_KEYS
        });
        ensure(id == sent.id || forgotten, "I9", || {
            format!("key {number} stands for {id}, and {} was accepted under it", sent.id)
        })?;
        let with = self.accepted_with.get(&sent.id);
        ensure(with.is_some_and(|with| with.contains(&sent.push)), "I9", || {
            let Sent { id, push, .. } = sent;
            format!("key {number} stands for {id} with {with:?}, and it was accepted with {push:?}")
        })
    }

    /// A message was not accepted.
    pub(crate) fn refused(&self, sent: &Sent, error: &A2aError) -> Verdict {
        let is_stored = self.messages.contains_key(&sent.id);
        match (error.kind, sent.key) {
            // It may have been accepted nevertheless.
            (ErrorKind::Unavailable, _) => Ok(()),
            // For instance, the refusal is for a key that the client never used.
            (ErrorKind::InvalidParams, None) if is_stored => {
                let text = format!("message {} was stored and refused: {error}", sent.id);
                Err(Violation::new("I4", text))
            }
            (ErrorKind::InvalidParams, Some(key)) => {
                let prefix = format!("k{key}:");
                let mut ids = self.messages.keys().chain(self.past_messages.keys());
                let is_misused = ids.any(|id| id.starts_with(&prefix));
                let with = self.accepted_with.get(&sent.id).map_or(&[][..], Vec::as_slice);
                let is_other = match self.messages.get(&sent.id) {
                    // The refusal may concern an earlier task of the id.
                    Some((of, _)) if self.life(of) > 0 => with.iter().any(|one| *one != sent.push),
                    _ => with.last().is_some_and(|newest| *newest != sent.push),
                };
                let forgotten = self.messages.get(&sent.id).is_none_or(|(of, position)| {
                    // The refusal may be from before: the key stood for the other one then.
                    let is_another = |(id, task): (&String, &TaskKey)| {
                        task == of && id.starts_with(&prefix) && *id != sent.id
                    };
                    let messages = self.messages.iter().map(|(id, (task, _))| (id, task));
                    messages.chain(&self.past_messages).any(is_another)
                        || is_other
                        || self.keyed_after(of, *position) >= MAX_REMEMBERED_KEYS
                });
                ensure(forgotten && is_misused, "I9", || {
                    format!("message {} was refused: {error}", sent.id)
                })
            }
            (ErrorKind::TaskNotFound | ErrorKind::UnsupportedOperation, key) => {
                // An operator may have deleted the task while the message waited.
                let task = self.messages.get(&sent.id).and_then(|(of, _)| self.tasks.get(of));
                let is_deleted = task.is_some_and(|known| known.deleted_ms.is_some());
                ensure(key.is_some() || !is_stored || is_deleted, "I5", || {
                    format!("message {} was refused and stored: {error}", sent.id)
                })
            }
            _ => Err(Violation::new("I4", format!("message {} was met with {error:?}", sent.id))),
        }
    }

    /// A client was answered with a direct message.
    pub(crate) fn shown_direct(&self, key: &TaskKey, message: &Message) -> Verdict {
        let past = self.past.get(key).and_then(|past| past.last());
        let lives = self.tasks.get(key).into_iter().chain(past);
        let mut answers = lives.map(Known::direct_message);
        if answers.any(|direct| direct.as_ref() == Some(message)) {
            return Ok(());
        }
        let direct = self.known(key)?.direct_message();
        ensure(direct.as_ref() == Some(message), "I2", || {
            format!("the sender of {key} was answered {message:?}, not {direct:?}")
        })
    }

    /// `CancelTask` was answered with a task.
    pub(crate) fn canceled(
        &mut self,
        key: &TaskKey,
        task: &Task,
        from_ms: u64,
        now_ms: u64,
    ) -> Verdict {
        self.shown(key, task, None, self.position(key), from_ms)?;
        if self.tasks.get(key).is_some_and(|known| known.began_ms >= from_ms) {
            // The answer is about a later task of the id.
            return Ok(());
        }
        if let Some(known) = self.tasks.get_mut(key) {
            let is_canceled = known.head.phase == Phase::Ended(Ending::Canceled);
            ensure(is_canceled && task.status.state == known.head.state(), "I7", || {
                format!("{key} is {}, after CancelTask was answered", known.head.phase.name())
            })?;
            known.canceled_ms.get_or_insert(now_ms);
        }
        Ok(())
    }

    /// `CancelTask` was refused because the task has ended.
    pub(crate) fn not_cancelable(&self, key: &TaskKey, from_ms: u64) -> Verdict {
        if self.past.get(key).is_some_and(|past| past.iter().any(|of| of.gone_ms >= Some(from_ms)))
        {
            return Ok(());
        }
        let known = self.known(key)?;
        ensure(known.head.is_terminal(), "I7", || {
            format!("{key} could not be canceled and is {}", known.head.phase.name())
        })
    }

    /// A stream shows an event after its earlier ones. It must have the next generation, even if
    /// messages lie in between.
    pub(crate) fn streamed(
        &self,
        key: &TaskKey,
        life: usize,
        last: Option<Generation>,
        event: &StreamEvent,
    ) -> Verdict {
        match (&event.response, last) {
            (StreamResponse::Task(task), None) => {
                let known = self.in_life(key, life);
                let position =
                    known.and_then(|known| known.position_of(task, Some(event.generation)));
                ensure(position.is_some(), "I2", || {
                    format!("a stream of {key} begins with what its log does not add up to")
                })
            }
            (StreamResponse::Message(message), None) => self.shown_direct(key, message),
            (response, Some(last)) => {
                let known = match self.in_life(key, life) {
                    Some(known) => known,
                    None => self.known(key)?,
                };
                let next = known.shown_after(last);
                let expected = next.and_then(|entry| entry.to_stream(&known.head));
                let is_next = event.generation == last.next()
                    && next.is_some_and(|entry| entry.generation == event.generation)
                    && expected.as_ref() == Some(response);
                ensure(is_next, "I2", || {
                    let of = event.generation;
                    format!("a stream of {key} has {of} after {last}, and {next:?} comes next")
                })
            }
            (_, None) => {
                Err(Violation::new("I2", format!("a stream of {key} begins in the middle")))
            }
        }
    }

    /// How long the next event of a stream has been ready without being sent, in milliseconds.
    pub(crate) fn lag_ms(&self, key: &TaskKey, life: usize, last: Generation, now_ms: u64) -> u64 {
        let known = self.in_life(key, life).filter(|known| {
            known.gone_ms.is_none() && self.expiry(known).is_none_or(|of| of.earliest_ms > now_ms)
        });
        let next = known.and_then(|known| {
            let at = usize::try_from(known.shown_after(last)?.position.0).ok()?;
            known.written_ms.get(at.checked_sub(1)?)
        });
        next.map_or(0, |written| now_ms.saturating_sub(*written))
    }

    /// Whether a stream may end after the event `last`. A stream that a message began also ends
    /// with an interrupted task. Either the stream has the state of its events, or the task was
    /// settled since the message and continued before the stream was opened again.
    pub(crate) fn may_end(
        &self,
        key: &TaskKey,
        life: usize,
        now_ms: u64,
        last: Generation,
        message: Option<(&str, TaskState)>,
    ) -> bool {
        let Some(known) = self.in_life(key, life) else { return self.past.contains_key(key) };
        let is_gone = known.gone_ms.is_some()
            || self.expiry(known).is_some_and(|of| of.earliest_ms <= now_ms);
        if is_gone {
            return true;
        }
        let over = known.head.is_terminal() && known.shown_after(last).is_none();
        over || message.is_some_and(|(message, state)| {
            state.is_interrupted() || self.was_settled_since(known, message, last)
        })
    }

    fn was_settled_since(&self, known: &Known, message: &str, last: Generation) -> bool {
        let Some((_, came)) = self.messages.get(message) else { return false };
        known.log.iter().any(|entry| {
            let settles =
                matches!(&entry.event, Event::Status(change) if change.state.is_interrupted());
            settles && entry.position > *came && entry.generation <= last
        })
    }

    /// The tasks that an owner's list must have.
    pub(crate) fn listable(&self, who: Who) -> BTreeSet<TaskKey> {
        let heads = self.tasks.values().map(|known| &known.head);
        let listed = heads.filter(|head| is_of(head, who) && head.is_listed());
        listed.map(|head| head.key.clone()).collect()
    }

    /// As [`shown`](Self::shown), for a task of a list, which may be shown as it was before its claim.
    fn shown_in_list(&self, key: &TaskKey, task: &Task, from_ms: u64) -> Verdict {
        let lives = self.lives_since(key, from_ms);
        let claimed = lives.into_iter().find_map(|known| known.claimed(task));
        self.shown(key, claimed.as_ref().unwrap_or(task), None, Position(0), from_ms)
    }

    /// An owner's list. `before`: the state at the time of the request.
    pub(crate) fn listed(
        &self,
        who: Who,
        before: &BTreeSet<TaskKey>,
        tasks: &[Task],
        (from_ms, now_ms): (u64, u64),
    ) -> Verdict {
        let tenant = who.caller().tenant;
        let mut listed = BTreeSet::new();
        for task in tasks {
            let id = a2a_lambda_core::TaskId::parse(&task.id).ok();
            let key = id.map(|task| TaskKey { tenant: tenant.clone(), task });
            let is_theirs =
                |key: &TaskKey| self.in_life(key, 0).is_some_and(|of| is_of(&of.head, who));
            let key = key.filter(is_theirs).ok_or_else(|| {
                Violation::new("I8", format!("{who} was listed {}, which is not theirs", task.id))
            })?;
            self.shown_in_list(&key, task, from_ms)?;
            ensure(listed.insert(key), "I2", || format!("{who} was listed {} twice", task.id))?;
        }
        // A task that was meanwhile answered directly is not listed any more.
        let listable = self.listable(who);
        let missing = before.iter().find(|key| {
            let may_be = || self.may_be_unlisted(key, from_ms, now_ms);
            listable.contains(key) && !listed.contains(key) && !may_be()
        });
        ensure(missing.is_none(), "I2", || format!("{who} was not listed {missing:?}"))
    }
}

fn is_of(head: &Head, who: Who) -> bool {
    let caller = who.caller();
    head.key.tenant == caller.tenant && head.owner == caller.owner
}
