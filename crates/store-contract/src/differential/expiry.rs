//! Ended tasks: they are deleted, purged, and replaced by later ones.

use a2a_lambda_core::head::Head;
use a2a_lambda_core::machine::{Command, Submission};
use a2a_lambda_core::store::{Depth, Guard};
use a2a_lambda_testing::submission;

use super::{Duel, Pair, Write};
use crate::bench::{context, guard};
use crate::content::{text_of, user_message};

/// How many pages a purge of a task may take.
const MAX_PAGES: usize = 2_000;

impl Duel<'_> {
    /// Purges or replaces an ended task, from a present or an earlier read of it.
    pub(super) async fn expire(&mut self) {
        // The first tasks have push configs.
        let some = if self.rng.percent(50) { 2 } else { self.tasks.len() };
        let place = self.rng.place(some.min(self.tasks.len()));
        let task = &self.tasks[place];
        let (key, mut known) = (task.key.clone(), Vec::from(task.bases.clone()));
        let now = self.same_read(&key, Depth::Tail).await;
        if let Some(now) = &now {
            self.see(&key, now.clone());
        }
        known.retain(|base| base.a.head.is_terminal());
        if let Some(now) = &now
            && let Some(earlier) =
                known.iter().find(|base| base.a.head.incarnation != now.a.head.incarnation)
            && self.rng.percent(50)
        {
            // The present task could have the same revision.
            let guard = guard(&now.a, self.now());
            return self.delete(place, earlier.clone(), guard).await;
        }
        let stale = now.is_none() || self.rng.percent(40);
        let base = if stale && !known.is_empty() {
            known.swap_remove(self.rng.place(known.len()))
        } else {
            let Some(now) = now else { return };
            now
        };
        if !base.a.head.is_terminal() {
            return;
        }
        match self.rng.below(10) {
            0..2 => {
                let guard = guard(&base.a, self.now());
                self.delete(place, base, guard).await;
            }
            2..6 => self.replace(&base.a.head).await,
            _ => self.purge(&base.a.head).await,
        }
    }

    async fn delete(&mut self, place: usize, base: Pair, guard: Guard) {
        let stamp = self.stamp();
        let Ok(change) = base.a.head.apply(Command::Delete, &stamp) else { return };
        self.commit(Write { place, base, guard, change }).await;
    }

    async fn replace(&mut self, expired: &Head) {
        let key = expired.key.clone();
        let bytes = self.rng.pick(&[10, 10, 3_000]);
        let text = text_of(bytes, &self.fresh());
        let submission = Submission {
            key: key.clone(),
            owner: expired.owner.clone(),
            context: context("red"),
            message: user_message(&self.fresh(), &text),
            ..submission("task")
        };
        let stamp = self.stamp();
        let change = Head::submit(submission, &stamp).in_place_of(expired);
        let times = if self.rng.percent(20) { 2 } else { 1 };
        for _ in 0..times {
            let what = format!("replace {key}");
            let a = self.a.replace(expired, &change).await;
            let b = self.b.replace(expired, &change).await;
            if let (_, Some(pair)) = self.same_answer(&what, a, b) {
                self.see(&key, pair);
            }
        }
    }

    /// Purges a task, page by page. The store chooses the number of pages.
    async fn purge_whole(&self, expired: &Head, limit: usize) {
        let what = format!("purge {}", expired.key);
        for store in [self.a, self.b] {
            let mut pages = 0;
            while !self.ok(&what, store.purge(expired, limit).await) {
                pages += 1;
                assert!(pages < MAX_PAGES, "{}: it comes to no end", self.at(&what));
            }
        }
    }

    /// Purges a task with its configs and records.
    async fn purge(&mut self, expired: &Head) {
        let limit = self.rng.pick(&[1, 3, 1_000]);
        let key = expired.key.clone();
        let what = format!("purge {key}");
        let named = expired.registrations();
        for registration in named {
            let config = self.config_of(registration);
            self.ok(&what, self.a_configs.put(&key, &config).await);
            self.ok(&what, self.b_configs.put(&key, &config).await);
        }
        let scopes = self.record_before_a_purge(expired).await;
        self.purge_whole(expired, limit).await;
        let now = self.same_read(&key, Depth::Tail).await;
        if let Some(now) = now.filter(|now| now.a.head.incarnation == expired.incarnation) {
            // The task has changed since. Until the sweep's next visit its log may have a hole.
            self.purge_whole(&now.a.head, limit).await;
        }
        self.same_read(&key, Depth::Full).await;
        for scope in scopes {
            self.compare_steps(&scope).await;
        }
        self.compare_registrations(&key, named).await;
    }
}
