//! What a head says of pushes, kept right but for one fault.

use std::collections::{BTreeMap, BTreeSet};

use a2a_lambda_core::head::Head;
use a2a_lambda_core::push::{Mark, Pushes};
use a2a_lambda_core::store::{Depth, DueTask};
use a2a_lambda_core::{Change, ClaimToken, Snapshot, TaskKey, TaskStore};
use a2a_lambda_protocol::Timestamp;

use super::{Broken, Fault};

/// What heads said before, as far as faults need it.
#[derive(Default)]
pub(super) struct PastMarks {
    pushes: BTreeMap<TaskKey, Pushes>,
    /// The tasks whose lease was ever renewed.
    renewed: BTreeSet<TaskKey>,
}

impl PastMarks {
    pub(super) fn renewed(&mut self, key: &TaskKey) {
        self.renewed.insert(key.clone());
    }
}

impl Broken {
    /// What is read of a task's pushes.
    pub(super) fn garble_pushes(&self, head: &mut Head) {
        let past = &mut self.past.lock().unwrap().marks;
        if self.has(Fault::PushesAreNeverForgotten) {
            match &head.pushes {
                Some(pushes) => drop(past.pushes.insert(head.key.clone(), pushes.clone())),
                None => head.pushes = past.pushes.get(&head.key).cloned(),
            }
        }
        let is_over = head.is_terminal();
        let Some(pushes) = &mut head.pushes else { return };
        match self.fault {
            Fault::TheMarkIsForgotten => pushes.mark = None,
            Fault::RenewalsDropTheMark if past.renewed.contains(&head.key) => pushes.mark = None,
            Fault::TheMarkIsAlwaysOpen => {
                pushes.mark = pushes.mark.take().map(|_| Mark::Open);
            }
            Fault::TheEpochIsForgotten => pushes.epoch = 1,
            Fault::TheConfigsAreForgotten => pushes.configs.clear(),
            Fault::HeldPushesAreForgotten => pushes.held_until = None,
            Fault::TheSignalIsForgotten => pushes.signaled = None,
            Fault::PushesWithoutAMarkAreForgotten if pushes.mark.is_none() => head.pushes = None,
            Fault::PushesEndWithTheTask if is_over => head.pushes = None,
            _ => match &mut pushes.mark {
                Some(Mark::Claimed { token, .. }) if self.has(Fault::TheMarksTokenIsForgotten) => {
                    *token = ClaimToken::new("");
                }
                Some(Mark::Claimed { until, .. }) if self.has(Fault::TheMarksEndIsForgotten) => {
                    *until = Timestamp::MIN;
                }
                Some(Mark::Waiting { until }) if self.has(Fault::TheMarkOutlivesItsEnd) => {
                    *until = Timestamp::MAX;
                }
                _ => {}
            },
        }
    }

    /// Whether a commit is not made, because it is about pushes alone.
    pub(super) fn drops_mark(&self, base: &Snapshot, change: &Change) -> bool {
        let now = change.head();
        let is_drop = self.has(Fault::MarksAreNotWrittenAlone)
            || self.has(Fault::MarksOfTheEndedAreNotWritten) && now.is_terminal();
        is_drop && change.entries().is_empty() && now.pushes != base.head.pushes
    }

    /// Leaves out what is due for its pushes alone.
    pub(super) async fn retain_open(&self, due: &mut Vec<DueTask>) {
        let mut open = Vec::new();
        for task in due.drain(..) {
            let read = self.right.read(&task.key, Depth::Tail).await.unwrap();
            if read.is_some_and(|read| !read.head.rests()) {
                open.push(task);
            }
        }
        *due = open;
    }
}
