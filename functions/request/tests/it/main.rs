//! The handler, fed with events as AWS documents them, and its configuration.

// In a helper, too, a panic is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bodies;
mod callers;
mod collected;
mod config;
mod cors;
mod events;
mod front_doors;
mod hostile;
mod identity;
mod inline;
mod limits;
mod oidc;
mod owners;
mod paths;
mod places;
mod responses;
mod streamed;
mod support;
#[path = "../shared/work.rs"]
mod work;
