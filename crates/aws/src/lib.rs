//! AWS for functions that start cold: the clients and what they are made from, SQS as the queue,
//! EventBridge Scheduler as the timer, vaults for secrets, configuration from variables, and logs.
//!
//! `aws-config` is deliberately absent. Its provider chain looks at profile files, metadata
//! services and SSO; Lambda gives a function its credentials in the environment, valid for the life
//! of the process, so reading a handful of variables once is all there is to do.

mod clients;
mod config;
mod environment;
mod events;
mod logging;
mod records;
mod redrive;
mod scheduler;
mod sqs;
mod start;
mod system;
#[cfg(test)]
mod test_server;
mod vault;
mod webhook;

pub use clients::{dynamodb_client, http_client, kms_client, scheduler_client, sqs_client};
pub use config::{ConfigError, Variables, engine, engine_with_records, policy};
pub use environment::{AwsEnvironment, EnvironmentError};
pub use events::{EventError, EventKind, batch};
pub use logging::init_logging;
pub use records::{Records, RecordsError};
pub use redrive::{LeftBehind, RedriveError, Redriven, redrive};
pub use scheduler::SchedulerTimer;
pub use sqs::SqsQueue;
pub use start::{deadline, start};
pub use system::{RandomIds, SystemClock, process_environment};
pub use vault::{KmsVault, LocalKeysError, LocalVault, NoVault, vault};
pub use webhook::{push_jwks, webhook, webhook_config};
