//! The runner: turns, and all that can come between.

mod canceled;
mod contention;
mod crashes;
mod failures;
mod limits;
mod mail;
mod overload;
mod patience;
mod restart;
mod retries;
mod stopping;
mod sweeping;
mod terms;
mod turns;
mod waiting;
