//! I14: deleted or refused configs are silent.
//!
//! - A task names only stored configs, each once, and at most the allowed number. A task never
//!   names a config again after it has dropped its name.
//! - No request changes or deletes the stored config of another: a live config is deleted only after
//!   the commit that removes its name.
//! - A deliverer pushes to a config only after its task has named it, and so never to a refused
//!   request's leftover. The config of an accepted request is named.
//! - No push to a config begins after the answer to the request that deleted or replaced it. The
//!   moment is the one at which the sender learned that the push is still wanted. A sender that
//!   stalls after that is the exception. So are clocks that are set while a deliverer waits, and
//!   clocks that differ by more than the policy's `clock_skew`. A deliverer does not begin one with
//!   an outdated view either.

use std::collections::BTreeSet;

use a2a_lambda_core::{Head, Push, Registration, TaskKey};

use super::pushes::Hook;
use super::{Oracle, Verdict, ensure};

/// All registrations of a config that were ever named, at the beginning of a request about it.
#[derive(Debug, Clone)]
pub(crate) struct Makings {
    task: TaskKey,
    /// The registrations that its task named then.
    live: Vec<Registration>,
    /// The registrations that its task had dropped.
    gone: Vec<Registration>,
}

/// A task's configs at the beginning of a client's list request: those that the task names, and
/// those that it has named.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    live: BTreeSet<Registration>,
    gone: BTreeSet<Registration>,
}

impl Oracle {
    /// The registrations of all configs of a task that are stored.
    pub(crate) fn stored_configs(&self, task: &TaskKey) -> BTreeSet<Registration> {
        let stored = self.hooks.iter().filter(|(_, hook)| hook.is_stored && hook.task == *task);
        stored.map(|(registration, _)| registration.clone()).collect()
    }

    /// A task's configs at the beginning of a client's list request.
    pub(crate) fn configs_of(&self, task: &TaskKey) -> Listing {
        let named = self.hooks.iter().filter(|(_, hook)| hook.task == *task);
        let named = named.filter(|(_, hook)| hook.named_by.is_some());
        let (live, gone): (Vec<_>, Vec<_>) = named.partition(|(_, hook)| hook.is_live);
        let of = |some: Vec<(&Registration, &Hook)>| {
            some.into_iter().map(|(registration, _)| registration.clone()).collect()
        };
        Listing { live: of(live), gone: of(gone) }
    }

    /// The configs that a task names after an actor's write.
    pub(super) fn note_named(&mut self, actor: &str, now_ms: u64, head: &Head) -> Verdict {
        let named = head.registrations();
        let most = self.policy.max_push_configs;
        ensure(named.len() <= most, "I10", || {
            format!("{actor} made {} of {} push configs, at most {most}", head.key, named.len())
        })?;
        let life = self.life(&head.key);
        for registration in named {
            let hook = self.hooks.get_mut(registration).filter(|hook| hook.task == head.key);
            ensure(hook.is_some(), "I14", || {
                format!("{actor} had {} name a config that nobody has stored", head.key)
            })?;
            let Some(hook) = hook.filter(|hook| !hook.is_live) else { continue };
            let is_new = hook.is_stored && hook.named_by.is_none();
            // By a clock that is far ahead, a new task is old enough to be deleted whole. Then the create that
            // is repeated for want of an answer makes it again.
            if !is_new && !self.claims_hold {
                continue;
            }
            ensure(is_new, "I14", || {
                format!("{actor} had {} name {}, which is no more", head.key, hook.config.url)
            })?;
            hook.is_live = true;
            hook.life = life;
            hook.named_by = Some(actor.to_owned());
            hook.named_ms = now_ms;
        }
        let usual = self.policy.push_view;
        let before = self.tasks.get(&head.key).and_then(|known| known.head.push_view(usual));
        for (registration, hook) in &mut self.hooks {
            if hook.is_live && hook.task == head.key && !named.contains(registration) {
                hook.is_live = false;
                hook.gone_from_ms = Some(now_ms);
                hook.view = before.unwrap_or(usual);
                hook.gone_by = Some(actor.to_owned());
            }
        }
        Ok(())
    }

    /// A client was told that its request with a config for this URL is accepted.
    pub(crate) fn promised(&self, url: &str) -> Verdict {
        let is_made = |hook: &Hook| hook.config.url == url && hook.named_by.is_some();
        ensure(self.hooks.values().any(is_made), "I14", || {
            format!("{url} was said to be made, and no task has ever named it")
        })
    }

    /// The oracle's knowledge of a task's configs with an id.
    pub(crate) fn makings(&self, task: &TaskKey, id: &str) -> Makings {
        let is_of = |hook: &Hook| {
            hook.task == *task && hook.config.id.as_str() == id && hook.named_by.is_some()
        };
        let of = |is_live: bool| {
            let of = self.hooks.iter().filter(|(_, hook)| is_of(hook) && hook.is_live == is_live);
            of.map(|(registration, _)| registration.clone()).collect()
        };
        Makings { task: task.clone(), live: of(true), gone: of(false) }
    }

    /// A request was answered that began with these registrations. It deletes the config, or it is
    /// a request of the actor `by` and may have replaced it. If another request removed a config's
    /// name, that request must silence it.
    pub(crate) fn silenced(&mut self, makings: &Makings, by: Option<&str>, now_ms: u64) -> Verdict {
        let gone: &[Registration] = if by.is_none() { &makings.gone } else { &[] };
        for registration in makings.live.iter().chain(gone) {
            let Some(hook) = self.hooks.get_mut(registration) else { continue };
            if by.is_some() && hook.gone_by.as_deref() != by {
                continue;
            }
            ensure(!hook.is_live, "I14", || {
                let url = &hook.config.url;
                format!("{url} of {} was deleted or replaced, and is there", makings.task)
            })?;
            hook.silent_from_ms.get_or_insert(now_ms);
        }
        Ok(())
    }

    /// A client's list of a task's configs. It may have those that the task has named since the
    /// request began, and must have those that the task has named all the time.
    pub(crate) fn listed_configs(
        &self,
        task: &TaskKey,
        before: &Listing,
        listed: &[(String, String)],
    ) -> Verdict {
        let is_of = |hook: &Hook, (id, url): &(String, String)| {
            hook.task == *task && hook.config.id.as_str() == id && hook.config.url == *url
        };
        for shown in listed {
            let mut hooks = self.hooks.iter().filter(|(_, hook)| is_of(hook, shown));
            let is_right =
                hooks.any(|(of, hook)| hook.named_by.is_some() && !before.gone.contains(of));
            ensure(is_right, "I14", || format!("{task} was shown with {shown:?}, which is none"))?;
        }
        let lives = |of: &&Registration| self.hooks.get(*of).is_some_and(|hook| hook.is_live);
        for registration in before.live.iter().filter(lives) {
            let hook = self.hooks.get(registration);
            let is_shown = |hook: &Hook| listed.iter().any(|shown| is_of(hook, shown));
            ensure(hook.is_none_or(is_shown), "I14", || {
                format!("{task} was shown without {:?}", hook.map(|hook| &hook.config.url))
            })?;
        }
        Ok(())
    }

    /// A push is about to begin.
    pub(super) fn check_silence(
        &self,
        actor: &str,
        push: &Push,
        hook: &Hook,
        now_ms: u64,
    ) -> Verdict {
        ensure(hook.named_by.is_some(), "I14", || {
            format!("{actor} sends {} to {}, which no task has named", push.id, push.url)
        })?;
        // An actor that still knows it has read it earlier.
        let longest_ms = u64::try_from(hook.view.as_millis()).unwrap_or(u64::MAX);
        let is_known = hook.gone_from_ms.is_none_or(|from_ms| now_ms < from_ms + longest_ms);
        ensure(is_known || self.clocks_are_set, "I14", || {
            format!("{actor} sends {} to {}, which is no more", push.id, push.url)
        })?;
        let is_silent = hook.silent_from_ms.is_some_and(|from_ms| from_ms < now_ms);
        // By a clock that is far ahead a claim has expired, so a delete waits for no deliverer.
        let is_excused = self.clocks_are_set || !self.claims_hold;
        ensure(!is_silent || is_excused, "I14", || {
            let from_ms = hook.silent_from_ms.unwrap_or_default();
            let late = now_ms - from_ms;
            format!("{actor} sends {} to {}, {late} ms after it was deleted", push.id, push.url)
        })
    }
}
