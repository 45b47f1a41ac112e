//! The handler, fed with batches as Lambda sends them.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod batches;
mod config;
mod failures;
mod redelivery;
mod releases;
mod support;
mod suspects;
