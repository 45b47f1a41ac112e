//! Tests of the authorizer over issuers in memory.

// In a helper, too, a panic is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod api_keys;
mod config;
mod differential;
mod events;
mod keys;
mod support;
mod tokens;
