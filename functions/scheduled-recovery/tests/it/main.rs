//! The handler, fed with events as EventBridge Scheduler sends them.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod config;
mod failures;
mod support;
mod sweeps;
