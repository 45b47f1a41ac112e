//! I6: the rules for push configs, and for the mark of open pushes.

use std::time::Duration;

use a2a_lambda_core::push::{DeliveryRecord, Trouble};
use a2a_lambda_core::{Entry, Event, Head, Mark, Position, PushConfig, Registration, TaskKey};

use super::answers::generation_of;
use super::pushes::Hook;
use super::writes::holder;
use super::{EPOCH, Oracle, Verdict, Violation, ensure};

/// The kind of a push config's write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrote {
    Put,
    Delete,
    Advance,
    /// Another config was written instead.
    Other,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Oracle {
    /// Observes a config after an actor's write.
    pub(crate) fn observe_config(
        &mut self,
        actor: &str,
        task: &TaskKey,
        registration: &Registration,
        wrote: Wrote,
        after: Option<PushConfig>,
    ) -> Verdict {
        let known = self.hooks.get(registration);
        let before = known.filter(|hook| hook.is_stored);
        if before.map(|hook| &hook.config) == after.as_ref() {
            return Ok(());
        }
        match (before, wrote, after) {
            (None, Wrote::Put, Some(after)) => {
                ensure(known.is_none(), "I14", || {
                    format!("{actor} stored {} again, which was deleted", after.url)
                })?;
                self.check_delivered(actor, task, &after)?;
                self.remember_config(actor, task, after)
            }
            (Some(before), Wrote::Advance, Some(after)) => {
                let was = &before.config;
                let is_same = was.url == after.url && was.created_at == after.created_at;
                ensure(is_same, "I14", || {
                    format!("{actor} went on from {}, and {after:?} is there", was.url)
                })?;
                self.check_advance(actor, before, &after)?;
                self.check_delivered(actor, task, &after)?;
                self.advance_hook(actor, registration, after);
                Ok(())
            }
            (Some(before), Wrote::Delete, None) => {
                ensure(!before.is_live, "I14", || {
                    format!("{actor} deleted {}, which {task} names", before.config.url)
                })?;
                if let Some(hook) = self.hooks.get_mut(registration) {
                    hook.is_stored = false;
                }
                Ok(())
            }
            (before, wrote, after) => {
                let before = before.map(|hook| &hook.config);
                let text = format!("{actor} by {wrote:?} made {before:?} of {task} {after:?}");
                Err(Violation::new("I14", text))
            }
        }
    }

    fn remember_config(&mut self, actor: &str, task: &TaskKey, new: PushConfig) -> Verdict {
        let newest = self.position(task);
        // The task may have expired since it was read.
        let is_of_then = new.delivery.cursor <= newest || self.life(task) > 0;
        let is_new = !new.delivery.introduced && is_of_then;
        ensure(is_new, "I6", || {
            format!("{actor} made {} at {newest} with {:?}", new.url, new.delivery)
        })?;
        let id = new.push_id(task, Position(0));
        let prefix = id.rsplit_once('_').map_or("", |(prefix, _)| prefix).to_owned();
        self.by_push.insert(prefix, new.registration.clone());
        self.hooks.insert(new.registration.clone(), Hook::new(task.clone(), new));
        Ok(())
    }

    fn advance_hook(&mut self, actor: &str, registration: &Registration, after: PushConfig) {
        let Some(task) = self.hooks.get(registration).map(|hook| hook.task.clone()) else { return };
        let pusher = self.pusher_of(&task).cloned();
        let Some(hook) = self.hooks.get_mut(registration) else { return };
        hook.noted_beside = pusher.filter(|token| holder(token.as_str()) != actor);
        let (now, was) = (&after.delivery, &hook.config.delivery);
        if now.cursor > was.cursor || now.introduced != was.introduced {
            // The attempt that failed began before this write.
            hook.begun = now.trouble.as_ref().map_or(0, |trouble| trouble.failures);
        }
        hook.config = after;
    }

    /// Clients are told the cursor as the generation of its entry.
    fn check_delivered(&self, actor: &str, task: &TaskKey, config: &PushConfig) -> Verdict {
        let delivery = &config.delivery;
        let known = self.tasks.get(task).and_then(|known| known.entries_to(delivery.cursor));
        let generation = generation_of(known.unwrap_or_default());
        let is_of_past =
            (0..self.life(task)).filter_map(|life| self.in_life(task, life)).any(|of| {
                let entries = of.entries_to(delivery.cursor);
                entries.is_some_and(|entries| generation_of(entries) == delivery.delivered)
            });
        ensure(delivery.delivered == generation || is_of_past, "I6", || {
            format!("{actor} wrote {delivery:?} of {}, at generation {generation}", config.url)
        })
    }

    /// A deliverer stores that pushes were acknowledged, that the next one failed, or which entries
    /// it is about to send as one.
    fn check_advance(&self, actor: &str, before: &Hook, after: &PushConfig) -> Verdict {
        let (was, now) = (&before.config.delivery, &after.delivery);
        let url = &after.url;
        let bad = |what: &str| {
            Violation::new("I6", format!("{actor} {what} {url}: {was:?}, then {now:?}"))
        };
        let mut was = (**was).clone();
        if now.cursor != was.cursor || now.introduced != was.introduced {
            let forwards = now.cursor >= was.cursor && now.introduced;
            let heard = before.acknowledged.contains(&now.cursor);
            if !forwards {
                return Err(bad("moved the cursor back of"));
            } else if !heard {
                return Err(bad("took what was not acknowledged for it at"));
            }
            was = DeliveryRecord { cursor: now.cursor, batch: None, trouble: None, ..was };
            if now.batch.is_none() && now.trouble.is_none() {
                return Ok(());
            }
        }
        if now.trouble == was.trouble {
            let is_ahead = now.batch > Some(was.cursor) && was.batch.is_none();
            return if is_ahead { Ok(()) } else { Err(bad("changed")) };
        }
        let counts = |trouble: &Trouble| (trouble.failures, trouble.ours);
        let (failures, ours) = was.trouble.as_ref().map_or((0, 0), counts);
        let trouble = now.trouble.as_ref().ok_or_else(|| bad("forgot the failures of"))?;
        let failed = trouble.attempts.last().ok_or_else(|| bad("did not say why at"))?;
        let waited = trouble.next.map(|next| next.as_millis() - failed.at.as_millis());
        if counts(trouble) == (failures, ours + 1) {
            // Nothing was sent, because the secrets could not be opened.
            let wait = Duration::from_secs(30 << ours.min(7)).min(Duration::from_hours(1));
            let waits = millis(wait)..=millis(wait + wait / 10);
            let is_right = waited.is_some_and(|waited| waits.contains(&waited));
            return if is_right { Ok(()) } else { Err(bad("misjudged a failure of its own at")) };
        }
        if counts(trouble) != (failures + 1, 0) {
            return Err(bad("miscounted the failures of"));
        }
        if trouble.failures > before.begun {
            return Err(bad("noted more failures than there were at"));
        }
        let n = usize::try_from(failures).unwrap_or(usize::MAX);
        match (waited, self.policy.push_waits.get(n)) {
            // All attempts have failed, or the receiver wants no more.
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

    /// The pending-push mark: its holder keeps it for its time, a writer of news sets it, and a
    /// deliverer that gives it up has sent everything.
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
        // An actor with a slow clock may hold pushes back until it is known that there is a task.
        // Then there is news.
        let is_known = head.emitted || head.turn > 0 || super::is_settled(head);
        if has_news && is_known && head.pushes.is_some() && now.is_none() {
            return Err(bad("has news and set no mark"));
        }
        if before.pushes.is_some() && now.is_none() && (was.is_some() || head.pushes.is_none()) {
            let is_owed = |hook: &&Hook| {
                hook.task == head.key
                    && hook.is_stored
                    && head.registrations().contains(&hook.config.registration)
                    && hook.is_owed(head, log)
            };
            if let Some(hook) = self.hooks.values().find(is_owed) {
                return Err(bad(&format!("gave the mark up, and {} waits,", hook.config.url)));
            }
        }
        if before.pushed_through().is_some() && head.pushed_through().is_none() {
            let is_told_no_more = |hook: &&Hook| {
                let is_named =
                    |head: &Head| head.registrations().contains(&hook.config.registration);
                hook.task == head.key
                    && is_named(before)
                    && is_named(head)
                    && hook.is_owed(head, log)
            };
            if let Some(hook) = self.hooks.values().find(is_told_no_more) {
                return Err(bad(&format!("forgot what {} has had", hook.config.url)));
            }
        }
        let claim = millis(self.policy.push_claim);
        // By the claimer's clock.
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
            (_, Some(Mark::Claimed { token, .. }))
                if was != now && holder(token.as_str()) != actor =>
            {
                Err(bad("took the mark for another"))
            }
            (Some(Mark::Claimed { token: of, .. }), Some(Mark::Claimed { token, .. }))
                if of == token =>
            {
                Ok(())
            }
            (Some(Mark::Claimed { token, until }), _)
                if was != now
                    && holder(token.as_str()) != actor
                    && until.as_millis() > taken_at =>
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
