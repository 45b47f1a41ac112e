//! Tests of the core from outside: the state machine, the runner and the operations, over the store
//! in memory, by a clock that the tests control.

// The lint's exemption covers test functions only, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crashes;
mod delivery;
mod derived_names;
mod ends;
mod expiry;
mod machine;
mod memory;
mod operate;
mod operations;
mod runner;
mod steps;
mod support;
