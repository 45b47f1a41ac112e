//! Both bindings from outside: an `http::Request` in, an `http::Response` out, over a store in
//! memory and runners in the same process.

#![cfg_attr(not(feature = "v0_3"), allow(unused))] // Help for tests of 0.3.
#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod bad_input;
mod capabilities;
mod card;
mod encodings;
mod envelope;
mod extensions;
mod faults;
mod fuzz;
mod hops;
mod idempotency;
mod isolation;
mod leniency;
mod listing;
mod logging;
mod long_poll;
#[cfg(feature = "v0_3")]
mod old_streams;
mod operations;
mod principals;
mod push_configs;
mod query;
mod resume;
mod rights;
mod routes;
mod streams;
mod support;
mod tenants;
mod tower;
mod versions;
mod wrong;
