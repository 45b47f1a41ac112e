//! Shortens a plan that breaks an invariant.

use crate::plan::{Faults, Plan};

/// How many runs shrinking may take.
const MAX_RUNS: u32 = 2_000;

/// The shortest plan found, with fewer operations and fewer kinds of faults, that `breaks` in the
/// same way.
pub fn shrink(plan: &Plan, breaks: impl Fn(&Plan) -> bool) -> Plan {
    let mut search = Search { best: plan.clone(), breaks, runs: 0 };
    loop {
        let before = search.best.clone();
        search.fewer_ops();
        search.fewer_faults();
        search.simpler_settings();
        if search.best == before {
            return before;
        }
    }
}

struct Search<F> {
    best: Plan,
    breaks: F,
    runs: u32,
}

impl<F: Fn(&Plan) -> bool> Search<F> {
    /// Keeps a plan as the best one if it also breaks.
    fn try_out(&mut self, plan: Plan) -> bool {
        if self.runs >= MAX_RUNS || plan == self.best {
            return false;
        }
        self.runs += 1;
        let breaks = (self.breaks)(&plan);
        if breaks {
            self.best = plan;
        }
        breaks
    }

    /// Removes runs of operations: half of them at first, then ever fewer.
    fn fewer_ops(&mut self) {
        let mut size = self.best.ops.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < self.best.ops.len() {
                let mut plan = self.best.clone();
                let end = (at + size).min(plan.ops.len());
                plan.ops.drain(at..end);
                if !self.try_out(plan) {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    fn fewer_faults(&mut self) {
        let calm = Plan { faults: Faults::default(), ..self.best.clone() };
        if self.try_out(calm) {
            return;
        }
        for faults in self.best.faults.simpler() {
            let plan = Plan { faults, ..self.best.clone() };
            self.try_out(plan);
        }
    }

    fn simpler_settings(&mut self) {
        for settings in self.best.settings.simpler() {
            let plan = Plan { settings, ..self.best.clone() };
            self.try_out(plan);
        }
    }
}
