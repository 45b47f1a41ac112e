//! The handler, fed with events as AWS documents them, and its configuration.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod bodies;
mod config;
mod owners;
mod paths;
mod responses;
mod support;
