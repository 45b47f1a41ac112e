#![doc = include_str!("../README.md")]
#![allow(clippy::missing_panics_doc, reason = "to panic is how a test fails")]

mod bed;
mod clock;
mod deployment;
mod doubles;
mod gate;
mod ids;
mod input;
mod random;
mod receivers;
mod script;
mod signals;
mod store;
mod vault;
mod view;
mod writes;

use std::time::Duration;

pub use bed::{Bed, BedBuilder, at_every_crash};
pub use clock::TestClock;
pub use doubles::{Doubles, caller, listing, pushing, sending, submit, task_of, to, user};
pub use gate::Gate;
pub use ids::TestIds;
pub use input::Input;
pub use random::Random;
pub use receivers::{Arrived, Manner, Receivers};
pub use script::{Diary, Scripted, scripted};
pub use signals::{Sent, Signals};
pub use store::{Call, Fault, FaultyStore, Hold, Kind};
pub use vault::{TestVault, VaultFault};
pub use view::TaskView;
pub use writes::{carry_out, push_config, stamp, submission};

/// How long an invocation lasts, as on Lambda.
const INVOCATION: Duration = Duration::from_mins(15);
