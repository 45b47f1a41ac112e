//! Operations on the records of steps.

use a2a_lambda_core::ids::{Incarnation, WriteId};
use a2a_lambda_core::steps::{Put, ScopeKey, StepRecord, StepState};
use a2a_lambda_core::{Head, StoreError, TaskKey};

use super::{Duel, TENANTS, remember};
use crate::bench::key;
use crate::content::{TOO_LARGE_BYTES, json_of, text_of};
use crate::steps::{done, record, record_key, sorted, states};

/// How many steps a scope has: a few, so that runners meet.
const STEPS: u64 = 4;

impl Duel<'_> {
    pub(super) async fn steps(&mut self) {
        let scope = self.scope();
        match self.rng.below(10) {
            0..6 => self.put_a_step(&scope).await,
            6..8 => self.repeat_a_put().await,
            8 => self.compare_step(&scope).await,
            _ => self.compare_steps(&scope).await,
        }
    }

    /// Usually the open scope of one of the first few tasks. Sometimes one of another task, of an
    /// earlier one of the id, or with a number that begins with the same digits.
    fn scope(&mut self) -> ScopeKey {
        if !self.scopes.is_empty() && self.rng.percent(40) {
            return self.scopes[self.rng.place(self.scopes.len())].clone();
        }
        let few = self.tasks.len().min(3);
        let task = &self.tasks[self.rng.place(few)];
        let (task, base) = (task.key.clone(), task.bases.back().map(|pair| pair.a.head.clone()));
        let of_task = ScopeKey { task: task.clone(), incarnation: None, number: 1 };
        let scope = base.as_ref().map_or(of_task, ScopeKey::of);
        match self.rng.below(10) {
            0 => {
                let task: TaskKey = key(self.rng.pick(&TENANTS), task.task.as_str());
                ScopeKey { task, ..scope }
            }
            1 => {
                let write = WriteId::new(self.rng.pick(&["one", "another"]));
                let incarnation = Some(Incarnation::new(self.now(), &write));
                ScopeKey { incarnation, ..scope }
            }
            2 => ScopeKey { number: self.rng.pick(&[1, 10, 100]), ..scope },
            _ => scope,
        }
    }

    /// Usually in place of the record that is stored.
    async fn put_a_step(&mut self, scope: &ScopeKey) {
        let number = self.rng.below(STEPS);
        let what = format!("step {number} of {scope:?}");
        let read = self.ok(&what, self.a_steps.step(scope, &record_key(number)).await);
        let mut before = read.map(|read| read.write).filter(|_| self.rng.percent(80));
        if self.rng.percent(10) {
            before = Some(WriteId::new("another"));
        }
        let mut new = record(number, &self.fresh(), self.rng.pick(&states()));
        if self.rng.percent(30) {
            let bytes = self.rng.pick(&[10, 3_000, 60_000]);
            new.state = done(&text_of(bytes, new.write.as_str()));
        } else if self.rng.percent(3) {
            let text = text_of(TOO_LARGE_BYTES, "large");
            new.state = StepState::Done(json_of(&format!("{text:?}")));
        }
        if !self.scopes.contains(scope) {
            self.scopes.push(scope.clone());
        }
        remember(&mut self.puts, (scope.clone(), before.clone(), new.clone()));
        let times = if self.rng.percent(15) { 2 } else { 1 };
        for _ in 0..times {
            self.put(scope, before.as_ref(), &new).await;
        }
    }

    /// Records a step in a scope of an expired task, and in one of another task of its id.
    pub(super) async fn record_before_a_purge(&mut self, expired: &Head) -> [ScopeKey; 2] {
        let own = ScopeKey::of(expired);
        let write = WriteId::new(self.fresh());
        let incarnation = Some(Incarnation::new(self.now(), &write));
        let scopes = [own.clone(), ScopeKey { incarnation, ..own }];
        for scope in &scopes {
            let new = record(STEPS, write.as_str(), done("result"));
            self.put(scope, None, &new).await;
        }
        scopes
    }

    async fn repeat_a_put(&mut self) {
        if !self.puts.is_empty() {
            let (scope, before, new) = self.puts[self.rng.place(self.puts.len())].clone();
            self.put(&scope, before.as_ref(), &new).await;
        }
    }

    async fn put(&self, scope: &ScopeKey, before: Option<&WriteId>, new: &StepRecord) {
        let what = format!("put of {} over {before:?} in {scope:?}", new.write.as_str());
        let a = self.a_steps.put_step(scope, before, new).await;
        let b = self.b_steps.put_step(scope, before, new).await;
        self.same_put(&what, a, b);
        self.compare_step_of(scope, new).await;
    }

    fn same_put(&self, what: &str, a: Result<Put, StoreError>, b: Result<Put, StoreError>) {
        use StoreError::TooLarge;
        if matches!((&a, &b), (Err(TooLarge { .. }), Err(TooLarge { .. }))) {
            return;
        }
        assert_eq!(self.ok(what, a), self.ok(what, b), "{}: the outcome", self.at(what));
    }

    async fn compare_step(&mut self, scope: &ScopeKey) {
        let number = self.rng.below(STEPS + 1);
        self.compare_step_of(scope, &record(number, "", done(""))).await;
    }

    async fn compare_step_of(&self, scope: &ScopeKey, like: &StepRecord) {
        let what = format!("step {} of {scope:?}", like.key);
        let a = self.ok(&what, self.a_steps.step(scope, &like.key).await);
        let b = self.ok(&what, self.b_steps.step(scope, &like.key).await);
        assert_eq!(a, b, "{}", self.at(&what));
    }

    pub(super) async fn compare_steps(&self, scope: &ScopeKey) {
        let what = format!("steps of {scope:?}");
        let a = sorted(self.ok(&what, self.a_steps.steps(scope).await));
        let b = sorted(self.ok(&what, self.b_steps.steps(scope).await));
        assert!(a == b, "{}: {a:?} and {b:?}", self.at(&what));
    }

    /// Compares the records of every scope that ever had one.
    pub(super) async fn compare_all_steps(&self) {
        for scope in &self.scopes {
            self.compare_steps(scope).await;
        }
    }
}
