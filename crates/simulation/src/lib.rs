//! The whole core under a seeded scheduler with a virtual clock.
//!
//! A [`Plan`] has the clients' operations and the faults. [`run`] executes it. Requests, streams,
//! executors, stream recovery and sweeps are actors on one thread, each with its own clock. Each
//! request of an actor may be late, refused, unanswered, or the actor's last action. After the last
//! operation the world heals, and every accepted task must reach its end.
//!
//! Meanwhile an oracle watches each write and each answer. It ends the run when an invariant of the
//! design does not hold. The same plan is the same run, to the millisecond. So a finding is a text:
//! [`shrink`](shrink()) shortens it, and `regressions/` keeps it.
//!
//! [`Planted`] bugs test the oracle: it must find each of them.

mod actor;
mod agent;
mod answering;
mod client;
mod functions;
mod generate;
mod ground;
mod journal;
mod ledger;
mod op;
mod oracle;
mod panics;
mod plan;
mod planted;
mod posting;
mod queue;
mod receiver;
mod recovering;
mod registering;
mod run;
mod shrink;
mod talks;
mod watching;
mod weather;
mod world;

pub use generate::generate;
pub use ground::{Store, Stores};
pub use journal::Tally;
pub use op::{Action, How, NotAnOp, Op, Registration, Sending, Who};
pub use oracle::Violation;
pub use plan::{Faults, NotAPlan, Plan, Settings};
pub use planted::Planted;
pub use receiver::Manner;
pub use run::{Report, run, run_on};
pub use shrink::shrink;
pub use weather::{Strike, Weather};
pub use world::Setup;
