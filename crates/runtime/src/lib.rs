#![doc = include_str!("../README.md")]
//!
//! Nothing here knows AWS: what does is in `a2a-lambda-aws`, above this crate.

mod policy;
mod public_url;
pub mod secrets;
mod start;
mod system;
pub mod table;
mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod variables;
pub mod vault;
mod webhook;

pub use a2a_lambda_webhook::Wall;
pub use policy::policy;
pub use public_url::public_url;
pub use secrets::Configured;
pub use start::{agents, deadline, failed_start, start};
pub use system::{
    NoRandomness, RandomIds, SystemClock, fetcher, own_environment, process_environment,
    random_bytes, runner_name,
};
pub use table::Reader;
pub use telemetry::{Invocation, Telemetry, log_level, traceparent};
pub use variables::{ConfigError, Variables};
pub use webhook::{push_jwks, webhook, webhook_config};
