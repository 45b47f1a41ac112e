//! A plan: all inputs of a run, as a text.

use std::fmt;
use std::str::FromStr;

use crate::op::{Action, NotAnOp, Op, Sending};
use crate::receiver::Manner;

/// All inputs of a run. The same plan is the same run.
///
/// Its text has a line for the seed, one for the settings, one for the faults, and one for each
/// operation. A missing field has its value of [`Settings::default`] or [`Faults::default`]. A line
/// that begins with `#` is a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed of the actors' randomness.
    pub seed: u64,
    /// The deployment.
    pub settings: Settings,
    /// The faults and their rates.
    pub faults: Faults,
    /// The clients' operations.
    pub ops: Vec<Op>,
}

macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident, $word:literal { $($(#[$of:meta])* $field:ident = $default:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            $($(#[$of])* pub $field: u32,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            fn set(&mut self, name: &str, value: u32) -> bool {
                match name {
                    $(stringify!($field) => self.$field = value,)*
                    _ => return false,
                }
                true
            }

            /// The same with one field at its default, for each field that differs.
            pub(crate) fn simpler(self) -> Vec<Self> {
                let default = Self::default();
                let simpler = [$(Self { $field: default.$field, ..self }),*];
                simpler.into_iter().filter(|simpler| *simpler != self).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($word)?;
                let default = Self::default();
                $(if self.$field != default.$field {
                    write!(f, " {}={}", stringify!($field), self.$field)?;
                })*
                Ok(())
            }
        }
    };
}

numbers! {
    /// The deployment: values that differ between runs.
    Settings, "settings" {
        /// How many claims a turn may have.
        max_attempts = 5,
        /// How long a lease lasts, in seconds.
        lease_s = 30,
        /// The interval between sweeps, in seconds.
        sweep_s = 60,
        /// How many due tasks of a shard a sweep reads at a time.
        sweep_batch = 100,
        /// How long an executor's invocation may last, in seconds.
        invocation_s = 900,
        /// How many executors run in parallel.
        executors = 4,
        /// How often a signal is delivered before the queue drops it.
        receives = 5,
        /// How many updates share a commit.
        updates_per_commit = 64,
        /// How many bytes of updates share a commit.
        commit_bytes = 131_072,
        /// How many updates may wait for their commit.
        update_buffer = 64,
        /// How many entries a log may have.
        max_entries = 10_000,
        /// How many turns a task may take.
        max_turns = 10_000,
        /// Whether the agent may answer with a direct message.
        direct = 0,
        /// The longest interval between a stream's looks at its task, in milliseconds.
        tail_poll_ms = 200,
        /// How many push configs a task may have.
        max_configs = 16,
        /// The longest time to connect to a receiver, in milliseconds, beyond the request's own.
        connect_ms = 0,
        /// How long a task is kept after its end, in seconds; 0 for ever, in an earlier release's
        /// form.
        kept_s = 0,
        /// How long a task waits for its user, in seconds; 0 for ever.
        waits_s = 0,
        /// Whether the agent runs in the invocation of a waiting sender.
        inline = 0,
    }
}

numbers! {
    /// The faults. Rates are per thousand requests of an actor to the world, unless stated
    /// otherwise.
    Faults, "faults" {
        /// The actor dies before the request is sent.
        crash_before = 0,
        /// The actor dies after the request was carried out, before it gets the answer.
        crash_after = 0,
        /// The request is refused for now: throttling, or a conflict of transactions.
        refuse = 0,
        /// The request is carried out, and its answer is lost.
        lose_answer = 0,
        /// The request or its answer is slow.
        slow = 0,
        /// The most extra time of a slow request, in milliseconds.
        slow_ms = 3_000,
        /// A signal is delivered twice.
        repeat = 0,
        /// A signal is late.
        late = 0,
        /// How far an actor's clock may be ahead or behind, in milliseconds.
        skew_ms = 0,
        /// The actor's clock is set while it runs, by at most a tenth of `skew_ms`.
        step = 0,
    }
}

impl Plan {
    /// The most delay of requests, in milliseconds, if no other fault exists: nothing fails, agents
    /// neither die nor wait for users, and receivers accept everything.
    pub(crate) fn slowest_ms(&self) -> Option<u64> {
        let calm = Faults { slow_ms: self.faults.slow_ms, ..Faults::default() };
        let is_plain = |message: &Sending| {
            let plain = ["chunk", "flush", "progress", "complete"];
            message.push.is_none_or(|push| push.manner == Manner::Well)
                && (message.script.split_whitespace())
                    .all(|word| plain.contains(&word) || word.starts_with("sleep"))
        };
        let is_well = self.ops.iter().all(|op| match &op.action {
            Action::Send { message, .. } => is_plain(message),
            Action::Register { push, .. } => push.manner == Manner::Well,
            Action::Unregister { .. } | Action::Slow { .. } => true,
            _ => false,
        });
        let by_ms = self.ops.iter().filter_map(|op| match op.action {
            Action::Slow { by_ms, .. } => Some(by_ms),
            _ => None,
        });
        by_ms.max().filter(|_| is_well && self.faults == calm)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "{}", self.settings)?;
        writeln!(f, "{}", self.faults)?;
        for op in &self.ops {
            writeln!(f, "{op}")?;
        }
        Ok(())
    }
}

/// A malformed plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlan {
    /// A line is unknown.
    #[error("not a line of a plan: {0}")]
    Line(String),
    /// A malformed operation.
    #[error(transparent)]
    Op(#[from] NotAnOp),
}

impl FromStr for Plan {
    type Err = NotAPlan;

    fn from_str(text: &str) -> Result<Self, NotAPlan> {
        let mut plan = Self {
            seed: 0,
            settings: Settings::default(),
            faults: Faults::default(),
            ops: Vec::new(),
        };
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let bad = || NotAPlan::Line(line.to_owned());
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let mut pairs = rest.split_whitespace().map(|pair| {
                let (name, value) = pair.split_once('=')?;
                Some((name, value.parse().ok()?))
            });
            match word {
                "seed" => plan.seed = rest.parse().map_err(|_| bad())?,
                "settings" if pairs.all(|p| p.is_some_and(|(n, v)| plan.settings.set(n, v))) => {}
                "faults" if pairs.all(|p| p.is_some_and(|(n, v)| plan.faults.set(n, v))) => {}
                "op" => plan.ops.push(line.parse()?),
                _ => return Err(bad()),
            }
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::generate;

    #[test]
    fn a_plan_is_its_text() {
        for seed in 0..50 {
            let plan = generate(seed);
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
    }

    #[test]
    fn a_malformed_plan_is_refused() {
        for bad in [
            "sed 1",
            "seed x",
            "faults x=1",
            "settings direct",
            "op 1 at 2 jump 3",
            "op 1 at 2 register 3 c1/odd/1.0",
            "op 1 at 2 unregister 3 1",
            "op 1 at 2 slow 3",
            "op 1 at 2 follow-up 3 at-once push=c1/well : complete",
        ] {
            assert!(bad.parse::<Plan>().is_err(), "{bad}");
        }
    }
}
