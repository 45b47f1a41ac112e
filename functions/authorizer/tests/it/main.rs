//! Tests of the authorizer over issuers in memory.

mod api_keys;
mod config;
mod differential;
mod events;
mod keys;
mod support;
mod tokens;
