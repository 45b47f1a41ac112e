//! Operations on push configs.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::{Generation, TaskKey};

use super::Duel;
use super::operations::TENANTS;
use crate::bench::key;
use crate::configs::{bare_config, config, config_id, secrets, walk_configs};

/// Few, so that they meet again, and not in the order of anything but their bytes.
const IDS: [&str; 11] = ["a", "A", "a#", "a#b", "b", "aa", "#", "C#a", "é", "\u{ffff}", "🦀"];

/// Cursors that a float, or a number of fewer bits, would not keep.
const LARGE_CURSORS: [u64; 3] = [(1 << 32) + 1, (1 << 53) + 1, u64::MAX];

impl Duel<'_> {
    pub(super) async fn configs(&mut self) {
        let task = self.task_of_configs();
        let id = self.rng.pick(&IDS);
        match self.rng.below(10) {
            0..5 => self.put_config(&task, id).await,
            5 => self.delete_config(&task, id).await,
            6..8 => self.compare_config(&task, id).await,
            _ => {
                let after = self.rng.percent(70).then_some(id);
                let limit = self.rng.pick(&[1, 2, 3, 5, 100]);
                self.compare_config_page(&task, after, limit).await;
            }
        }
    }

    /// One of the first few tasks mostly, so that they have several; sometimes one that may not be
    /// there, with a name like that of one in another tenant.
    fn task_of_configs(&mut self) -> TaskKey {
        let few = self.tasks.len().min(2);
        let task = self.tasks[self.rng.place(few)].key.clone();
        match self.rng.below(10) {
            0 => key("", &task.to_string()),
            1..3 => key(self.rng.pick(&TENANTS), task.task.as_str()),
            _ => task,
        }
    }

    async fn put_config(&mut self, task: &TaskKey, id: &str) {
        let label = self.fresh();
        let mut new = if self.rng.percent(20) { bare_config(id) } else { config(id, &label) };
        if self.rng.percent(30) {
            new.secrets = secrets(&format!(" \"{label}\u{1}é "), "");
        }
        new.version = self.rng.pick(&[ProtocolVersion::V1_0, ProtocolVersion::V0_3]);
        let is_large = self.rng.percent(20);
        let cursor = if is_large { self.rng.pick(&LARGE_CURSORS) } else { self.rng.below(50) };
        (new.created_at, new.cursor) = (self.now(), Generation(cursor));
        let what = format!("put of config {id} of {task}");
        let times = if self.rng.percent(10) { 2 } else { 1 };
        for _ in 0..times {
            self.ok(&what, self.a_configs.put(task, &new).await);
            self.ok(&what, self.b_configs.put(task, &new).await);
        }
        if !self.config_tasks.contains(task) {
            self.config_tasks.push(task.clone());
        }
        self.compare_config(task, id).await;
    }

    async fn delete_config(&self, task: &TaskKey, id: &str) {
        let what = format!("delete of config {id} of {task}");
        self.ok(&what, self.a_configs.delete(task, &config_id(id)).await);
        self.ok(&what, self.b_configs.delete(task, &config_id(id)).await);
        self.compare_config(task, id).await;
    }

    async fn compare_config(&self, task: &TaskKey, id: &str) {
        let what = format!("get of config {id} of {task}");
        let a = self.ok(&what, self.a_configs.get(task, &config_id(id)).await);
        let b = self.ok(&what, self.b_configs.get(task, &config_id(id)).await);
        assert_eq!(a, b, "{}", self.at(&what));
    }

    async fn compare_config_page(&self, task: &TaskKey, after: Option<&str>, limit: usize) {
        let what = format!("list of {limit} configs of {task} behind {after:?}");
        let after = after.map(config_id);
        let a = self.ok(&what, self.a_configs.list(task, after.as_ref(), limit).await);
        let b = self.ok(&what, self.b_configs.list(task, after.as_ref(), limit).await);
        assert_eq!(a, b, "{}", self.at(&what));
    }

    /// Compares the configs of every task that ever had one, and of those that exist.
    pub(super) async fn compare_all_configs(&self) {
        let existing = self.tasks.iter().map(|task| &task.key);
        for task in existing.chain(&self.config_tasks) {
            for limit in [4, 100] {
                let what = format!("list of all configs of {task}, {limit} a page");
                let a = self.ok(&what, walk_configs(self.a_configs, task, limit).await);
                let b = self.ok(&what, walk_configs(self.b_configs, task, limit).await);
                assert_eq!(a, b, "{}", self.at(&what));
            }
        }
    }
}
