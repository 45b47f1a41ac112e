//! I6: what becomes of push configs, and of the mark that says that there is something to be pushed.

use std::time::Duration;

use a2a_lambda_core::ids::ConfigId;
use a2a_lambda_core::{Entry, Event, Head, Mark, PushConfig, TaskKey};

use super::answers::generation_of;
use super::pushes::Hook;
use super::writes::holder;
use super::{EPOCH, Oracle, Verdict, Violation, ensure};

/// How a push config was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrote {
    Put,
    Delete,
    Advance,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Oracle {
    /// A config as it is after a write of an actor's.
    pub(crate) fn observe_config(
        &mut self,
        actor: &str,
        task: &TaskKey,
        id: &ConfigId,
        wrote: Wrote,
        after: Option<PushConfig>,
    ) -> Verdict {
        let place = (task.clone(), id.clone());
        let before = self.configs.get(&place).and_then(|url| self.hooks.get(url));
        if before.map(|hook| &hook.config) == after.as_ref() {
            return Ok(());
        }
        if let Some(before) = before {
            let url = before.config.url.clone();
            let same = after
                .as_ref()
                .filter(|after| after.url == url && after.created_at == before.config.created_at);
            match (wrote, same, &after) {
                (Wrote::Advance, Some(after), _) => self.check_advance(actor, before, after)?,
                (Wrote::Advance, None, Some(after)) => self.check_replaced(actor, &url, after)?,
                _ => {}
            }
            if let Some(hook) = self.hooks.get_mut(&url) {
                hook.is_stored = false;
            }
            self.configs.remove(&place);
        } else {
            ensure(wrote == Wrote::Put, "I6", || {
                format!("{actor} made {id} of {task} by {wrote:?}")
            })?;
        }
        let Some(after) = after else { return Ok(()) };
        self.check_delivered(actor, task, &after)?;
        self.configs.insert(place, after.url.clone());
        self.remember_config(actor, task, wrote, after)
    }

    fn remember_config(
        &mut self,
        actor: &str,
        task: &TaskKey,
        wrote: Wrote,
        after: PushConfig,
    ) -> Verdict {
        let newest = self.position(task);
        let url = after.url.clone();
        let Some(hook) = self.hooks.get_mut(&url) else {
            let is_new = !after.delivery.introduced && after.delivery.cursor <= newest;
            ensure(is_new, "I6", || {
                format!("{actor} made {url} at {newest} with {:?}", after.delivery)
            })?;
            self.hooks.insert(url, Hook::new(task.clone(), after));
            return Ok(());
        };
        let (now, was) = (&after.delivery, &hook.config.delivery);
        let is_back = now.cursor < was.cursor || (was.introduced && !now.introduced);
        ensure(!is_back || (wrote == Wrote::Put && !hook.is_promised), "I6", || {
            format!("{actor} put {url} back from {was:?} to {now:?}")
        })?;
        let is_noted = now.cursor > was.cursor || now.introduced != was.introduced;
        if is_back {
            hook.begin_anew();
        }
        if is_noted {
            hook.begun = 0;
        }
        hook.config = after;
        hook.is_stored = true;
        Ok(())
    }

    /// What is told of a cursor is the generation of its entry.
    fn check_delivered(&self, actor: &str, task: &TaskKey, config: &PushConfig) -> Verdict {
        let delivery = &config.delivery;
        let known = self.tasks.get(task).and_then(|known| known.entries_to(delivery.cursor));
        let generation = generation_of(known.unwrap_or_default());
        ensure(delivery.delivered == generation, "I6", || {
            format!("{actor} wrote {delivery:?} of {}, at generation {generation}", config.url)
        })
    }

    /// A config takes the place of another: it is new, or is put back as it was.
    fn check_replaced(&self, actor: &str, before: &str, after: &PushConfig) -> Verdict {
        let is_as_it_was = self.hooks.get(&after.url).is_none_or(|hook| hook.config == *after);
        ensure(is_as_it_was, "I6", || {
            format!("{actor} went on from {before}, and {after:?} is there")
        })
    }

    /// A deliverer notes one thing at a time: that a push was acknowledged, that one failed, or
    /// which entries it is about to send as one.
    fn check_advance(&self, actor: &str, before: &Hook, after: &PushConfig) -> Verdict {
        let (was, now) = (&before.config.delivery, &after.delivery);
        let url = &after.url;
        let bad = |what: &str| {
            Violation::new("I6", format!("{actor} {what} {url}: {was:?}, then {now:?}"))
        };
        if now.cursor != was.cursor || now.introduced != was.introduced {
            let forwards = now.cursor >= was.cursor && now.introduced;
            let heard = before.acknowledged.contains(&now.cursor);
            let clean = now.batch.is_none() && now.trouble.is_none();
            return if !forwards {
                Err(bad("moved the cursor back of"))
            } else if !heard {
                Err(bad("took what was not acknowledged for it at"))
            } else if !clean {
                Err(bad("acknowledged and did not clean"))
            } else {
                Ok(())
            };
        }
        if now.trouble == was.trouble {
            let is_ahead = now.batch > Some(was.cursor) && was.batch.is_none();
            return if is_ahead { Ok(()) } else { Err(bad("changed")) };
        }
        let failures = was.trouble.as_ref().map_or(0, |trouble| trouble.failures);
        let Some(trouble) = now.trouble.as_ref().filter(|of| of.failures == failures + 1) else {
            return Err(bad("miscounted the failures of"));
        };
        if trouble.failures > before.begun {
            return Err(bad("noted more failures than there were at"));
        }
        let failed = trouble.attempts.last().ok_or_else(|| bad("did not say why at"))?;
        let n = usize::try_from(failures).unwrap_or(usize::MAX);
        let waited = trouble.next.map(|next| next.as_millis() - failed.at.as_millis());
        match (waited, self.policy.push_waits.get(n)) {
            // All attempts were made, or it wants no more.
            (None, None) => Ok(()),
            (None, Some(_)) if before.statuses.contains(&410) => Ok(()),
            (Some(waited), Some(wait)) => {
                let asked = before.asked.get(actor).copied().unwrap_or_default();
                let asked = asked.min(self.policy.push_wait_most);
                let least = millis((*wait).max(asked));
                let most = millis((*wait + *wait / 10).max(asked)) + 1;
                if (least..=most).contains(&waited) { Ok(()) } else { Err(bad("misjudged")) }
            }
            _ => Err(bad("gave up, or did not, at")),
        }
    }

    /// A client was told that a config was made.
    pub(crate) fn promised(&mut self, url: &str) -> Verdict {
        let hook = self.hooks.get_mut(url).ok_or_else(|| {
            Violation::new("I6", format!("{url} was said to be made, and never was"))
        })?;
        hook.is_promised = true;
        Ok(())
    }

    /// A client was told that a message was accepted that came with a config. If the message had
    /// been accepted before, there is none.
    pub(crate) fn promised_inline(&mut self, url: &str) {
        if let Some(hook) = self.hooks.get_mut(url) {
            hook.is_promised = true;
        }
    }

    /// The pending-push mark: who has it keeps it for its time, who finds news sets it, and who
    /// gives it up has sent everything.
    pub(super) fn check_mark(
        &self,
        actor: &str,
        now_ms: u64,
        before: &Head,
        head: &Head,
        log: &[Entry],
    ) -> Verdict {
        let new = log.iter().filter(|entry| entry.position > before.position);
        let mut news = new.filter(|entry| !matches!(entry.event, Event::Message(_))).peekable();
        let has_news = news.peek().is_some();
        let (was, now) = (before.mark(), head.mark());
        let bad = |what: &str| {
            let key = &head.key;
            Violation::new("I6", format!("{actor} {what} of {key}: {was:?}, then {now:?}"))
        };
        // Whose clock is slow may hold pushes back until it is known that there is a task: there is
        // news then.
        let is_known = head.emitted || head.turn > 0 || super::is_settled(head);
        if has_news && is_known && head.pushes.is_some() && now.is_none() {
            return Err(bad("has news and set no mark"));
        }
        if before.pushes.is_some() && now.is_none() && (was.is_some() || head.pushes.is_none()) {
            let is_owed = |hook: &&Hook| {
                hook.task == head.key
                    && hook.is_stored
                    && hook.is_promised
                    && hook.is_owed(head, log)
            };
            if let Some(hook) = self.hooks.values().find(is_owed) {
                return Err(bad(&format!("gave the mark up, and {} waits,", hook.config.url)));
            }
        }
        let claim = millis(self.policy.push_claim);
        // By the clock of whoever took it.
        let taken_at = match now {
            Some(Mark::Claimed { until, .. }) => until.as_millis() - claim,
            _ => match news.last() {
                Some(entry) => entry.at.as_millis(),
                None if self.clocks_agree => {
                    EPOCH.as_millis() + i64::try_from(now_ms).unwrap_or(i64::MAX)
                }
                None => i64::MAX,
            },
        };
        match (was, now) {
            (_, Some(Mark::Claimed { token, .. })) if was != now && holder(token) != actor => {
                Err(bad("took the mark for another"))
            }
            (Some(Mark::Claimed { token: of, .. }), Some(Mark::Claimed { token, .. }))
                if of == token =>
            {
                Ok(())
            }
            (Some(Mark::Claimed { token, until }), _)
                if was != now && holder(token) != actor && until.as_millis() > taken_at =>
            {
                Err(bad("took the mark too early"))
            }
            (Some(Mark::Waiting { until }), Some(Mark::Claimed { .. }))
                if until.as_millis() > taken_at && !has_news =>
            {
                Err(bad("took the mark before its time"))
            }
            _ => Ok(()),
        }
    }
}
