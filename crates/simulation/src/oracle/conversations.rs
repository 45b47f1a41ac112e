//! The rules for conversations: what the [`Talks`](crate::talks::Talks) say of them.
//!
//! Beyond that:
//!
//! - I8: an actor writes only to the conversation of its agent's task. What stands for a memory without
//!   entries was said in the tasks of the conversation.
//! - I16: what the store says is stored is there. A committed turn's appends are there, in order.

use std::collections::BTreeSet;

use a2a_lambda_core::conversation::{ConversationKey, MemoryEntry, MemoryItem, SessionValue};
use a2a_lambda_core::{Event, Head};
use a2a_lambda_protocol::Part;

use super::steps::holds;
use super::{Known, Oracle, Verdict, ensure};
use crate::ledger::StepsRun;
use crate::talks::{Counted, texts};

/// The conversation that a task is part of.
fn conversation(head: &Head) -> ConversationKey {
    ConversationKey {
        tenant: head.key.tenant.clone(),
        owner: head.owner.clone(),
        context: head.context.clone(),
    }
}

impl Oracle {
    /// The run of an actor's agent, and its conversation.
    fn talk_of(&self, actor: &str) -> Option<(StepsRun, ConversationKey)> {
        let run = self.steps_of(actor)?;
        let known = self.tasks.get(&run.scope.task)?;
        run.scope.is_in(&known.head).then(|| (run, conversation(&known.head)))
    }

    fn check_own(&self, actor: &str, of: &ConversationKey) -> Verdict {
        let own = self.talk_of(actor).map(|(_, own)| own);
        ensure(own.as_ref().is_none_or(|own| own == of), "I8", || {
            format!("{actor} writes to {of}, and works for {own:?}")
        })
    }

    /// The memory of a conversation, after an actor has tried to store an entry. `stored`: the entry, if
    /// the store says that it is stored.
    pub(crate) fn entry_written(
        &mut self,
        actor: &str,
        of: &ConversationKey,
        after: &[MemoryEntry],
        stored: Option<&MemoryEntry>,
    ) -> Verdict {
        self.check_own(actor, of)?;
        // A runner whose task is deleted has no record of what it wrote.
        let is_known = self.steps_of(actor).is_some();
        holds(self.talks.entry_written(actor, of, after, is_known))?;
        let is_there = stored.is_none_or(|entry| after.contains(entry));
        ensure(is_there, "I16", || format!("{actor} stores {stored:?} in {of}, which is not there"))
    }

    /// The same of a session value.
    pub(crate) fn value_written(
        &mut self,
        actor: &str,
        of: &ConversationKey,
        after: Option<&SessionValue>,
        stored: Option<&SessionValue>,
    ) -> Verdict {
        self.check_own(actor, of)?;
        if let Some(after) = after {
            let is_known = self.steps_of(actor).is_some();
            holds(self.talks.value_written(actor, of, after, is_known))?;
        }
        // The same write, made again, changes nothing.
        let of_write = |value: &SessionValue| value.write.clone();
        let is_there = stored.is_none() || stored.map(of_write) == after.map(of_write);
        ensure(is_there, "I16", || {
            format!("{actor} stores {stored:?} in {of}, which has {after:?}")
        })
    }

    /// An agent is about to load its memory, or to read a session value.
    pub(crate) fn remembers(&mut self, actor: &str, place: &str, key: Option<&str>) -> u64 {
        let talk = self.talk_of(actor);
        talk.map_or(0, |(run, of)| self.talks.asks(&run.scope, place, &of, key))
    }

    /// An agent was told that its append is made.
    pub(crate) fn appended(&mut self, actor: &str, tag: String, items: Vec<String>) {
        if let Some(run) = self.runs.get_mut(actor) {
            run.appended.push((tag, items));
        }
    }

    pub(crate) fn loads(
        &mut self,
        actor: &str,
        place: &str,
        asked_at: u64,
        is_whole: bool,
        items: &[MemoryItem],
    ) -> Verdict {
        let Some((run, of)) = self.talk_of(actor) else { return Ok(()) };
        let loaded = self.talks.loads(&run.scope, place, &of, asked_at, is_whole, items);
        if holds(loaded)? {
            return Ok(());
        }
        let said = self.said_in(&of);
        let other = texts(items).into_iter().find(|text| !said.contains(text.as_str()));
        ensure(other.is_none(), "I8", || {
            format!("{actor} loads {other:?} for {of}, and no task of it says so")
        })
    }

    /// All texts in the tasks of a conversation.
    fn said_in(&self, of: &ConversationKey) -> BTreeSet<&str> {
        let all = self.tasks.values().chain(self.past.values().flatten());
        let logs = all.filter(|known| conversation(&known.head) == *of).flat_map(Known::said);
        logs.filter_map(Part::as_text).collect()
    }

    pub(crate) fn sees_value(
        &mut self,
        actor: &str,
        place: &str,
        key: &str,
        seen: (Option<&str>, Option<&Counted>),
    ) -> Verdict {
        let Some((run, of)) = self.talk_of(actor) else { return Ok(()) };
        holds(self.talks.sees_value(&run.scope, place, &of, key, seen))?;
        self.sees(actor, place, &format!("{seen:?}"))
    }

    /// An agent was told that its write of a session value was made, or was not.
    pub(crate) fn is_told_of_write(
        &mut self,
        actor: &str,
        place: &str,
        key: &str,
        tag: &str,
        made: Option<&str>,
    ) -> Verdict {
        let Some((run, of)) = self.talk_of(actor) else { return Ok(()) };
        holds(self.talks.is_told(&run.scope, &of, key, tag, made))?;
        self.sees(actor, place, &format!("{made:?}"))
    }

    /// I16: the memory has all items that the agent of a committed turn has appended.
    pub(super) fn check_appended(&self, actor: &str, head: &Head) -> Verdict {
        let appended = self.runs.get(actor).and_then(|run| run.appended_to(head));
        appended.map_or(Ok(()), |of| holds(self.talks.holds(&conversation(head), of)))
    }
}

impl Known {
    /// All that clients and agents have said in it.
    fn said(&self) -> impl Iterator<Item = &Part> {
        self.log.iter().flat_map(|entry| match &entry.event {
            Event::Message(sent) => sent.message.parts.as_slice(),
            Event::Status(change) => change.message.as_ref().map_or(&[][..], |of| &of.parts),
            Event::Artifact(change) => change.artifact.parts.as_slice(),
        })
    }
}
