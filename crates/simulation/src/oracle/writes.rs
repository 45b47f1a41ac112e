//! The rules for writes and writers.

use a2a_lambda_core::head::MAX_REMEMBERED_KEYS;
use a2a_lambda_core::{Ending, Entry, Event, Head, Phase, Position, TaskKey};

use super::{EPOCH, Known, Oracle, Verdict, Violation, ensure};

/// The maker of a lease or a claim: its token contains the name.
pub(super) fn holder(token: &str) -> &str {
    token.rsplit_once('.').map_or("", |(actor, _)| actor)
}

impl Known {
    /// Whether an actor holds the task's lease.
    pub(super) fn is_held_by(&self, actor: &str) -> bool {
        matches!(&self.head.phase, Phase::Running { token, .. } if holder(token.as_str()) == actor)
    }
}

impl Oracle {
    pub(super) fn check_write(
        &self,
        actor: &str,
        now_ms: u64,
        known: &Known,
        head: &Head,
        log: &[Entry],
    ) -> Verdict {
        let before = &known.head;
        ensure(!before.is_terminal() || is_about_pushes(before, head), "I1", || {
            format!("{actor} changed {} after its end", head.key)
        })?;
        ensure(log.starts_with(&known.log), "I2", || {
            format!("{actor} changed what stood in the log of {}", head.key)
        })?;
        let new = &log[known.log.len()..];
        if head.revision == before.revision {
            return check_renewal(actor, before, head, new);
        }
        ensure(head.revision == before.revision.next(), "I2", || {
            format!("{actor} committed revision {} on {}", head.revision, before.revision)
        })?;
        self.check_mark(actor, now_ms, before, head, log)?;
        check_author(actor, before, head, new)?;
        self.check_lease(actor, now_ms, before, head)?;
        self.check_waits(actor, now_ms, before, head)?;
        self.check_lapse(actor, now_ms, before, head)?;
        check_inbox(actor, before, head)
    }

    /// I3: a lease ends when its holder says so, when it has expired, or with the task.
    fn check_lease(&self, actor: &str, now_ms: u64, before: &Head, head: &Head) -> Verdict {
        let Phase::Running { token, until } = &before.phase else {
            return Ok(());
        };
        if holder(token.as_str()) == actor {
            return Ok(());
        }
        // By the clock of the actor that ended the lease.
        let taken_at = match &head.phase {
            Phase::Running { token: now, until: now_until } if now == token => {
                return ensure(now_until == until, "I3", || {
                    format!("{actor} moved the lease of {} on {}", holder(token.as_str()), head.key)
                });
            }
            Phase::Running { until, .. } => {
                let lease = i64::try_from(self.policy.lease.as_millis()).unwrap_or(i64::MAX);
                until.as_millis() - lease
            }
            Phase::Waiting { until } => until.as_millis(),
            Phase::Ended(Ending::Canceled) => return Ok(()),
            // The task was claimed once too often.
            Phase::Ended(Ending::Failed) => head.status_at.as_millis(),
            phase => {
                let text = format!("{actor} made {} {} under a lease", head.key, phase.name());
                return Err(Violation::new("I3", text));
            }
        };
        ensure(until.as_millis() <= taken_at, "I3", || {
            let left = until.as_millis() - taken_at;
            format!("{actor} took {} from {}, {left} ms early", head.key, holder(token.as_str()))
        })?;
        self.check_taken(actor, now_ms, holder(token.as_str()), &head.key)
    }

    /// A waiting task is claimed at its time, and does not wait while it has unread messages.
    fn check_waits(&self, actor: &str, now_ms: u64, before: &Head, head: &Head) -> Verdict {
        let lease = i64::try_from(self.policy.lease.as_millis()).unwrap_or(i64::MAX);
        if let (Phase::Waiting { until: wake_at }, Phase::Running { until, .. }) =
            (&before.phase, &head.phase)
        {
            let claimed_at = until.as_millis() - lease;
            return ensure(wake_at.as_millis() <= claimed_at, "I10", || {
                let early = wake_at.as_millis() - claimed_at;
                format!("{actor} claimed {} {early} ms early", head.key)
            });
        }
        // A message wakes an open scope once: it may wait for something else then.
        let has_news = match (head.scope_turns, self.tasks.get(&head.key)) {
            (0, _) | (_, None) => head.has_mail(),
            (_, Some(known)) => head.last_message > known.claimed_at && !self.has_read(actor, head),
        };
        if let Phase::Waiting { until } = &head.phase
            && head.turn > before.turn
            && has_news
            && self.clocks_agree
        {
            let now = EPOCH.as_millis() + i64::try_from(now_ms).unwrap_or(i64::MAX);
            return ensure(until.as_millis() <= now, "I5", || {
                format!("{actor} lets {} wait although it has mail", head.key)
            });
        }
        Ok(())
    }

    /// A runner that lives and reaches the world keeps its lease.
    fn check_taken(&self, actor: &str, now_ms: u64, from: &str, key: &TaskKey) -> Verdict {
        let lease = u64::try_from(self.policy.lease.as_millis()).unwrap_or(u64::MAX);
        let is_at_work =
            self.runs.get(from).is_some_and(|run| run.is_active && run.scope().task == *key);
        let had_trouble = self.was_troubled(from, now_ms.saturating_sub(2 * lease), now_ms);
        ensure(!self.clocks_agree || !is_at_work || had_trouble, "I3", || {
            format!("{actor} took {key} from {from}, which is alive and well")
        })
    }

    /// A message came into a log. It may be there only once.
    pub(super) fn message_stored(
        &mut self,
        actor: &str,
        key: &TaskKey,
        position: Position,
        id: &str,
    ) -> Verdict {
        if let Some((of, before)) = self.messages.get(id) {
            // A task does not remember the keys of follow-ups for ever.
            let forgotten = of == key && self.keyed_after(key, *before) >= MAX_REMEMBERED_KEYS;
            let name = if id.starts_with('k') { "I9" } else { "I5" };
            ensure(forgotten, name, || {
                format!("message {id} is in {of} as {before} and in {key} as {position}")
            })?;
        }
        self.messages.insert(id.to_owned(), (key.clone(), position));
        let with = self.sending.get(actor).cloned().flatten();
        self.accepted_with.entry(id.to_owned()).or_default().push(with);
        Ok(())
    }

    /// How many messages with keys a task got after an entry.
    pub(super) fn keyed_after(&self, key: &TaskKey, position: Position) -> usize {
        let log = self.tasks.get(key).map_or(&[][..], |known| &known.log);
        let is_keyed = |entry: &&Entry| match &entry.event {
            Event::Message(sent) => sent.message.message_id.starts_with('k'),
            _ => false,
        };
        log.iter().filter(|entry| entry.position > position).filter(is_keyed).count()
    }
}

/// Whether only the pushes have changed. They continue after a task's end.
fn is_about_pushes(before: &Head, head: &Head) -> bool {
    let rest = Head {
        revision: before.revision,
        write: before.write.clone(),
        due: before.due,
        pushes: before.pushes.clone(),
        ttl: before.ttl,
        has_leftovers: before.has_leftovers,
        is_deleted: before.is_deleted,
        ..head.clone()
    };
    rest == *before
}

/// A write that is not a commit may only move the end of its writer's own lease.
fn check_renewal(actor: &str, before: &Head, head: &Head, new: &[Entry]) -> Verdict {
    let renewed = match (&before.phase, &head.phase) {
        (Phase::Running { token, .. }, Phase::Running { token: now, .. }) if token == now => {
            holder(token.as_str()) == actor
        }
        _ => false,
    };
    let rest = Head { phase: before.phase.clone(), ..head.clone() };
    ensure(renewed && rest == *before && new.is_empty(), "I3", || {
        format!("{actor} changed {} without a commit, or the lease of another", head.key)
    })
}

/// I3: agents' output comes from the holder of the lease.
fn check_author(actor: &str, before: &Head, head: &Head, new: &[Entry]) -> Verdict {
    let is_holders = |of: &Head| match &of.phase {
        Phase::Running { token, .. } => holder(token.as_str()) == actor,
        _ => false,
    };
    for entry in new {
        let allowed = match &entry.event {
            Event::Message(_) => true,
            Event::Artifact(_) => is_holders(before),
            Event::Status(_) => {
                let is_end = matches!(head.phase, Phase::Ended(Ending::Canceled | Ending::Failed));
                is_holders(before) || is_holders(head) || is_end
            }
        };
        ensure(allowed, "I3", || {
            format!("{actor} added entry {} to {} without its lease", entry.position, head.key)
        })?;
    }
    ensure(head.turn == before.turn || is_holders(before), "I3", || {
        format!("{actor} ended a turn of {} without its lease", head.key)
    })
}

/// I5: messages leave the inbox with a turn, and only forwards.
fn check_inbox(actor: &str, before: &Head, head: &Head) -> Verdict {
    let turned = head.turn == before.turn || head.turn == before.turn + 1;
    let forwards = head.consumed >= before.consumed && head.last_message >= before.last_message;
    let by_turn = head.consumed == before.consumed || head.turn > before.turn;
    ensure(turned && forwards && by_turn, "I5", || {
        format!("{actor} took messages of {} out of the inbox without a turn", head.key)
    })
}
