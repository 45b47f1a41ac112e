//! Operations on push configs.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::push::{Attempt, Delivery, DeliveryRecord, Failing, Sealed, Trouble};
use a2a_lambda_core::store::{DUE_SHARDS, due_shard};
use a2a_lambda_core::{Generation, Position, PushConfig, Registration, TaskKey};
use a2a_lambda_protocol::Timestamp;

use super::{Duel, TENANTS, remember};
use crate::bench::key;
use crate::configs::{bare_config, config, config_id, walk_failing};

/// A few ids, so that they repeat, in no order but that of their bytes. An id with this prefix is
/// another registration of the config whose id is the rest.
const IDS: [&str; 13] =
    ["a", "2/a", "A", "a#", "a#b", "b", "2/b", "aa", "#", "C#a", "é", "\u{ffff}", "🦀"];
const ANOTHER: &str = "2/";

/// Cursors that a float or a number with fewer bits would change.
const LARGE_CURSORS: [u64; 3] = [(1 << 32) + 1, (1 << 53) + 1, u64::MAX];

fn registration(name: &str) -> Registration {
    let another = name.strip_prefix(ANOTHER);
    let making = if another.is_some() { "2" } else { "1" };
    Registration::new(&config_id(another.unwrap_or(name)), making)
}

impl Duel<'_> {
    pub(super) async fn configs(&mut self) {
        let task = self.task_of_configs();
        let id = self.rng.pick(&IDS);
        match self.rng.below(20) {
            0..6 => self.put_config(&task, id).await,
            6..8 => self.delete_config(&task, id).await,
            8..13 => self.advance_config(&task, id).await,
            13 => self.repeat_an_advance().await,
            14 => self.compare_config(&task, id).await,
            15 => self.compare_failing_behind().await,
            16..18 => {
                let shard = u8::try_from(self.rng.below(u64::from(DUE_SHARDS))).unwrap_or(0);
                let shard = if self.rng.percent(50) { due_shard(&task) } else { shard };
                let limit = self.rng.pick(&[1, 2, 3, 100]);
                self.compare_failing(shard, limit).await;
            }
            _ => {
                let mut ids = IDS.to_vec();
                ids.retain(|_| self.rng.percent(50));
                self.compare_configs(&task, &ids).await;
            }
        }
    }

    /// Usually one of the first few tasks, so that they get several configs. Sometimes a task that
    /// may not exist, with a name that resembles one in another tenant.
    fn task_of_configs(&mut self) -> TaskKey {
        let few = self.tasks.len().min(2);
        let task = self.tasks[self.rng.place(few)].key.clone();
        match self.rng.below(10) {
            0 => key("", &task.to_string()),
            1..3 => key(self.rng.pick(&TENANTS), task.task.as_str()),
            _ => task,
        }
    }

    /// A config with many or few values.
    fn new_config(&mut self, name: &str) -> PushConfig {
        let label = self.fresh();
        let id = name.strip_prefix(ANOTHER).unwrap_or(name);
        let mut new = if self.rng.percent(20) { bare_config(id) } else { config(id, &label) };
        new.registration = registration(name);
        if self.rng.percent(30) {
            new.secrets = Sealed::new(format!(" \"{label}\u{1}é "));
        }
        new.version = self.rng.pick(&[ProtocolVersion::V1_0, ProtocolVersion::V0_3]);
        new.write = WriteId::new(label);
        (new.created_at, new.delivery) = (self.now(), self.delivery());
        new
    }

    pub(super) fn config_of(&mut self, registration: &Registration) -> PushConfig {
        PushConfig { registration: registration.clone(), ..self.new_config("a") }
    }

    fn delivery(&mut self) -> Delivery {
        DeliveryRecord {
            cursor: self.position(),
            delivered: Generation(self.position().0),
            replays: u32::from(self.rng.percent(20)),
            introduced: self.rng.percent(50),
            batch: self.rng.percent(30).then(|| self.position()),
            trouble: self.rng.percent(40).then(|| self.trouble()),
        }
        .into()
    }

    fn position(&mut self) -> Position {
        let is_large = self.rng.percent(20);
        Position(if is_large { self.rng.pick(&LARGE_CURSORS) } else { self.rng.below(50) })
    }

    fn trouble(&mut self) -> Trouble {
        // A few times, so that several configs have failed since the same time.
        let since = self.now_ms - self.now_ms % 1_000;
        let reasons = ["HTTP 500", " \"it\u{1}\u{0} was 🦀\\", ""];
        let attempts = (0..self.rng.below(4)).map(|_| Attempt {
            at: self.now(),
            generation: Generation(self.position().0),
            reason: self.rng.pick(&reasons).to_owned(),
            cause: self.rng.percent(50).then(|| self.rng.pick(&reasons).to_owned()),
        });
        Trouble {
            attempts: attempts.collect(),
            since: Timestamp::from_millis(since),
            failures: u32::try_from(self.rng.below(20)).unwrap_or(0),
            ours: u32::try_from(self.rng.below(3)).unwrap_or(0),
            next: self.rng.percent(70).then(|| self.now()),
        }
    }

    async fn put_config(&mut self, task: &TaskKey, id: &str) {
        let new = self.new_config(id);
        let what = format!("put of config {id} of {task}");
        let times = if self.rng.percent(10) { 2 } else { 1 };
        // Two configs may have the same write id.
        let other = self.rng.percent(20).then(|| self.task_of_configs());
        for task in [task].into_iter().chain(&other) {
            for _ in 0..times {
                self.ok(&what, self.a_configs.put(task, &new).await);
                self.ok(&what, self.b_configs.put(task, &new).await);
            }
            if !self.config_tasks.contains(task) {
                self.config_tasks.push(task.clone());
            }
            self.compare_config(task, id).await;
        }
    }

    /// Usually from the stored config, either with a new delivery, as the core does, or with all
    /// fields new.
    async fn advance_config(&mut self, task: &TaskKey, id: &str) {
        let what = format!("get of config {id} of {task}");
        let read = self.ok(&what, self.a_configs.get(task, &[registration(id)]).await).pop();
        let mut new = self.new_config(id);
        let mut before = WriteId::new("another");
        if let Some(read) = read.filter(|_| self.rng.percent(90)) {
            before = read.write.clone();
            if self.rng.percent(10) {
                before = WriteId::new(before.as_str().to_uppercase());
            }
            if self.rng.percent(80) {
                let PushConfig { write, delivery, .. } = new;
                new = PushConfig { write, delivery, ..read };
            }
        }
        remember(&mut self.advances, (task.clone(), before.clone(), new.clone()));
        let times = if self.rng.percent(10) { 2 } else { 1 };
        for _ in 0..times {
            self.advance_to(task, &before, &new).await;
        }
    }

    async fn repeat_an_advance(&mut self) {
        if !self.advances.is_empty() {
            let place = self.rng.place(self.advances.len());
            let (task, before, new) = self.advances[place].clone();
            self.advance_to(&task, &before, &new).await;
        }
    }

    async fn advance_to(&self, task: &TaskKey, before: &WriteId, new: &PushConfig) {
        let what = format!("advance of config {} of {task}", new.id);
        let a = self.ok(&what, self.a_configs.advance(task, before, new).await);
        let b = self.ok(&what, self.b_configs.advance(task, before, new).await);
        assert_eq!(a, b, "{}: the outcome", self.at(&what));
        self.compare_registrations(task, std::slice::from_ref(&new.registration)).await;
    }

    pub(super) async fn compare_failing(&self, shard: u8, limit: usize) {
        let what = format!("failing configs of shard {shard}, {limit} a page");
        let times = |found: &[Failing]| found.iter().map(|one| one.since).collect::<Vec<_>>();
        let mut a = self.ok(&what, self.a_configs.failing(shard, None, limit).await);
        let mut b = self.ok(&what, self.b_configs.failing(shard, None, limit).await);
        assert_eq!(times(&a), times(&b), "{}", self.at(&what));
        a = self.ok(&what, walk_failing(self.a_configs, shard, limit).await);
        b = self.ok(&what, walk_failing(self.b_configs, shard, limit).await);
        assert_eq!(times(&a), times(&b), "{}", self.at(&what));
        assert_eq!(keep(a, |_| true), keep(b, |_| true), "{}", self.at(&what));
    }

    /// From the place of a config that fails or failed.
    async fn compare_failing_behind(&mut self) {
        let shard = due_shard(&self.task_of_configs());
        let found = self.a_configs.failing(shard, None, 100).await;
        let mut found = self.ok("failing", found);
        if !found.is_empty() {
            let place = found.swap_remove(self.rng.place(found.len()));
            remember(&mut self.failing, place);
        }
        if self.failing.is_empty() {
            return;
        }
        let place = self.failing[self.rng.place(self.failing.len())].clone();
        let shard = due_shard(&place.task);
        let what = format!("failing configs of shard {shard} behind {place:?}");
        let a = self.ok(&what, self.a_configs.failing(shard, Some(&place), 100).await);
        let b = self.ok(&what, self.b_configs.failing(shard, Some(&place), 100).await);
        // With equal times, the stores may have different configs after the place.
        let is_later = |found: &Failing| found.since > place.since;
        assert_eq!(keep(a, is_later), keep(b, is_later), "{}", self.at(&what));
    }

    async fn delete_config(&self, task: &TaskKey, id: &str) {
        let what = format!("delete of config {id} of {task}");
        self.ok(&what, self.a_configs.delete(task, &registration(id)).await);
        self.ok(&what, self.b_configs.delete(task, &registration(id)).await);
        self.compare_config(task, id).await;
    }

    async fn compare_config(&self, task: &TaskKey, id: &str) {
        self.compare_configs(task, &[id]).await;
    }

    async fn compare_configs(&self, task: &TaskKey, ids: &[&str]) {
        let registrations: Vec<Registration> = ids.iter().map(|id| registration(id)).collect();
        self.compare_registrations(task, &registrations).await;
    }

    pub(super) async fn compare_registrations(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) {
        let what = format!("get of configs {registrations:?} of {task}");
        let mut a = self.ok(&what, self.a_configs.get(task, registrations).await);
        let mut b = self.ok(&what, self.b_configs.get(task, registrations).await);
        for found in [&mut a, &mut b] {
            found.sort_by(|one, other| one.registration.cmp(&other.registration));
        }
        assert_eq!(a, b, "{}", self.at(&what));
    }

    /// Compares the configs of every task that ever had one and of every existing task.
    pub(super) async fn compare_all_configs(&self) {
        let existing = self.tasks.iter().map(|task| &task.key);
        for task in existing.chain(&self.config_tasks) {
            self.compare_configs(task, &IDS).await;
        }
    }
}

/// Those that match, in an order that is the same for both stores.
fn keep(mut found: Vec<Failing>, which: impl Fn(&Failing) -> bool) -> Vec<Failing> {
    found.retain(which);
    found.sort();
    found
}
