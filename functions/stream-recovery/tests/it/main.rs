//! The handler, fed with events as a mapping of a DynamoDB stream sends them.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod config;
mod records;
mod support;
