//! I15: a task exists until its expiry, and for no client afterwards.
//!
//! - The store deletes a task's items, or replaces them by a later task of its id, only after the
//!   expiry by some clock, or after an operator's delete. The task's configs are deleted with it,
//!   and not before.
//! - Only then may a client learn that its task does not exist. A client sees nothing of the task
//!   after the expiry by every clock, and a later task of the id has nothing of an earlier one.
//! - The sweep cancels a task that waits for its user only after it has waited long enough.
//! - At the end nothing is left: ended tasks are deleted, and waiting tasks are canceled.

use std::collections::BTreeMap;

use a2a_lambda_core::{Ending, Generation, Head, Phase, Position, Registration, TaskKey};
use a2a_lambda_protocol::{A2aError, ErrorKind, Task};

use super::{EPOCH, Known, Oracle, Verdict, Violation, ensure};

/// How long after an operator's delete a deliverer may begin a push, beyond its view.
const STALL_MS: u64 = 500;

/// The times after which a task may be, and must be, invisible, in milliseconds of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expiry {
    pub(super) earliest_ms: u64,
    pub(super) latest_ms: u64,
}

impl Oracle {
    /// When a task expires, if it does.
    pub(super) fn expiry(&self, known: &Known) -> Option<Expiry> {
        if let Some(at_ms) = known.deleted_ms {
            return Some(Expiry { earliest_ms: at_ms, latest_ms: at_ms });
        }
        let at = known.head.expires_at(self.policy.retention.as_ref())?;
        let at_ms = u64::try_from(at.as_millis() - EPOCH.as_millis()).unwrap_or(0);
        Some(Expiry {
            earliest_ms: at_ms.saturating_sub(self.skew_ms),
            latest_ms: at_ms.saturating_add(self.skew_ms),
        })
    }

    fn may_be_gone(&self, known: &Known, now_ms: u64) -> bool {
        known.gone_ms.is_some() || self.expiry(known).is_some_and(|of| of.earliest_ms <= now_ms)
    }

    /// Nothing of a task is stored any more, or only a later task of its id.
    pub(crate) fn gone(&mut self, actor: &str, key: &TaskKey, now_ms: u64) -> Verdict {
        let Some(known) = self.tasks.get(key) else { return Ok(()) };
        ensure(self.may_be_gone(known, now_ms), "I15", || {
            let at = known.head.expires_at(self.policy.retention.as_ref());
            let at = at.map(|at| at.as_millis() - EPOCH.as_millis());
            format!("{actor} has deleted {key}, which is {}: {at:?}", known.head.phase.name())
        })?;
        self.check_seen(key, known)?;
        let usual = self.policy.push_view;
        let view = known.head.push_view(usual).unwrap_or(usual);
        let Some(mut known) = self.tasks.remove(key) else { return Ok(()) };
        known.gone_ms = Some(now_ms);
        self.forget_steps(&known.head);
        for hook in self.hooks.values_mut().filter(|hook| hook.is_live && hook.task == *key) {
            hook.is_live = false;
            hook.gone_from_ms = Some(now_ms);
            hook.view = view;
            hook.gone_by = Some(actor.to_owned());
        }
        let messages = std::mem::take(&mut self.messages);
        let (theirs, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            messages.into_iter().partition(|(_, (of, _))| of == key);
        self.messages = others;
        self.past_messages.extend(theirs.into_iter().map(|(id, (of, _))| (id, of)));
        self.keys.retain(|_, (of, _)| of != key);
        self.past.entry(key.clone()).or_default().push(known);
        Ok(())
    }

    /// A sweep has deleted items of a task. There may be more than it may delete at once.
    pub(crate) fn purged(&mut self, head: &Head, now_ms: u64) {
        self.forget_steps(head);
        if let Some(known) = self.tasks.get_mut(&head.key) {
            known.purged_ms = now_ms;
        }
    }

    /// The items of a config are deleted with its task.
    pub(crate) fn config_purged(
        &mut self,
        actor: &str,
        registration: &Registration,
        now_ms: u64,
    ) -> Verdict {
        let Some(hook) = self.hooks.get(registration) else { return Ok(()) };
        if hook.is_live {
            let known = self.tasks.get(&hook.task);
            let may_go = known.is_none_or(|known| self.may_be_gone(known, now_ms));
            ensure(may_go, "I15", || {
                format!("{actor} has deleted {} with a task that is there", hook.config.url)
            })?;
        }
        if let Some(hook) = self.hooks.get_mut(registration) {
            hook.is_stored = false;
        }
        Ok(())
    }

    /// How many earlier tasks the present or latest task of this id had.
    pub(crate) fn life(&self, key: &TaskKey) -> usize {
        self.past.get(key).map_or(0, Vec::len)
    }

    /// Whether a task of the id was replaced or deleted since a time.
    pub(crate) fn changed_since(&self, key: &TaskKey, from_ms: u64) -> bool {
        let past = self.past.get(key).and_then(|past| past.last());
        past.is_some_and(|past| past.gone_ms.is_some_and(|gone_ms| gone_ms >= from_ms))
    }

    /// A task of an id, by the number of earlier ones.
    pub(super) fn in_life(&self, key: &TaskKey, life: usize) -> Option<&Known> {
        let past = self.past.get(key);
        past.and_then(|past| past.get(life))
            .or_else(|| self.tasks.get(key).filter(|_| life == self.life(key)))
    }

    /// The tasks of an id that a client may see in answer to a request from this time on, newest
    /// first.
    pub(super) fn lives_since(&self, key: &TaskKey, from_ms: u64) -> Vec<&Known> {
        let past = self.past.get(key).into_iter().flatten();
        let mut lives: Vec<&Known> = past.chain(self.tasks.get(key)).collect();
        lives.retain(|known| {
            let is_expired = self.expiry(known).is_some_and(|of| of.latest_ms < from_ms);
            !is_expired && known.gone_ms.is_none_or(|gone_ms| gone_ms >= from_ms)
        });
        lives.reverse();
        lives
    }

    /// A client saw a task at least as new as `since`, by a request that began at `from_ms`. The
    /// answer may have its generation.
    pub(crate) fn shown(
        &self,
        key: &TaskKey,
        task: &Task,
        generation: Option<Generation>,
        since: Position,
        from_ms: u64,
    ) -> Verdict {
        let lives = self.lives_since(key, from_ms);
        let is_known = self.tasks.contains_key(key) || self.past.contains_key(key);
        ensure(is_known, "I2", || format!("somebody was shown {key}, which was never stored"))?;
        ensure(!lives.is_empty(), "I15", || {
            format!("somebody was shown {key}, which has expired")
        })?;
        let mut found = None;
        for known in lives {
            if let Some(position) = known.position_of(task, generation) {
                // The client knew nothing of a task that was created after its request.
                let least = if known.began_ms < from_ms { since } else { Position(0) };
                let least = if known.gone_ms.is_some() { Position(0) } else { least };
                found = Some((position, least));
                break;
            }
        }
        ensure(found.is_some(), "I2", || {
            format!("somebody was shown a {key} that is not what its log adds up to")
        })?;
        ensure(found.is_none_or(|(position, least)| position >= least), "I2", || {
            format!("somebody was shown {key} as of {found:?}, older than {since}")
        })
    }

    /// An owner's request about a task is refused only if the world has faults or the task has
    /// expired.
    pub(crate) fn refused_owner(&self, key: &TaskKey, error: &A2aError, now_ms: u64) -> Verdict {
        let is_gone = match self.tasks.get(key) {
            None => self.past.contains_key(key),
            // The answer may concern a task that existed when the request began.
            Some(known) => self.may_be_gone(known, now_ms) || self.life(key) > 0,
        };
        match error.kind {
            ErrorKind::Unavailable => Ok(()),
            ErrorKind::TaskNotFound if is_gone => Ok(()),
            ErrorKind::TaskNotFound => {
                Err(Violation::new("I15", format!("{key} is there, and its owner met {error:?}")))
            }
            _ => Err(Violation::new("I4", format!("an owner's request was met with {error:?}"))),
        }
    }

    /// The sweep cancels a task only after it has waited for its user long enough.
    pub(super) fn check_lapse(
        &self,
        actor: &str,
        now_ms: u64,
        before: &Head,
        head: &Head,
    ) -> Verdict {
        let is_canceled = head.phase == Phase::Ended(Ending::Canceled) && !before.is_terminal();
        if !is_canceled || !actor.starts_with("sweep") {
            return Ok(());
        }
        let at = before.lapses_at(self.policy.retention.as_ref());
        let at_ms = at.and_then(|at| u64::try_from(at.as_millis() - EPOCH.as_millis()).ok());
        let may = at_ms.is_some_and(|at_ms| at_ms <= now_ms + self.skew_ms);
        ensure(may, "I15", || {
            format!("{actor} canceled {}, which may wait until {at_ms:?}", head.key)
        })
    }

    /// A push leaves its sender: its task must exist.
    pub(super) fn check_expired_push(
        &self,
        actor: &str,
        key: &TaskKey,
        life: usize,
        now_ms: u64,
    ) -> Verdict {
        let Some(known) = self.in_life(key, life) else { return Ok(()) };
        // A deliverer may know a deleted config for the age of its view.
        let view = self.policy.push_view.max(self.wide_view());
        let view_ms = u64::try_from(view.as_millis()).unwrap_or(u64::MAX);
        let late_ms = if known.deleted_ms.is_some() { view_ms + STALL_MS } else { 0 };
        let is_late = self.expiry(known).is_some_and(|of| now_ms > of.latest_ms + late_ms);
        let is_excused = known.deleted_ms.is_some() && self.clocks_are_set;
        ensure(!is_late || is_excused, "I15", || {
            format!("{actor} pushes something of {key}, which has expired")
        })
    }

    /// Whether an owner's list may omit a task, for a request at this time.
    pub(super) fn may_be_unlisted(&self, key: &TaskKey, from_ms: u64, now_ms: u64) -> bool {
        let is_gone = self.tasks.get(key).is_none_or(|known| self.may_be_gone(known, now_ms));
        // There is a gap between two tasks of an id.
        is_gone || self.changed_since(key, from_ms)
    }

    /// The heads that the store may delete by itself, and from when, in milliseconds of the run.
    pub(crate) fn mortal(&self) -> Vec<(Head, u64)> {
        let heads = self.tasks.values().map(|known| &known.head);
        let mortal = heads.filter_map(|head| {
            let at = head.ttl?.as_millis() - EPOCH.as_millis();
            Some((head.clone(), u64::try_from(at).unwrap_or(0)))
        });
        mortal.collect()
    }

    /// Whether only tasks are left that may wait for ever.
    pub(super) fn is_empty(&self) -> bool {
        self.check_empty().is_ok()
    }

    /// Ended tasks are deleted, and tasks that waited too long are canceled.
    pub(super) fn check_empty(&self) -> Verdict {
        let may_stay = |head: &Head| {
            let retention = self.policy.retention.as_ref();
            matches!(head.phase, Phase::Interrupted { .. }) && head.lapses_at(retention).is_none()
        };
        let left = self.tasks.values().find(|known| !may_stay(&known.head));
        ensure(left.is_none(), "I15", || {
            let left = left.map(|known| (&known.head.key, known.head.phase.name(), known.head.due));
            format!("{left:?} is still there")
        })
    }
}
