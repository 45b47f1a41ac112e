#![doc = include_str!("../README.md")]
//!
//! `aws-config` is deliberately absent. The SDK's provider chain looks at profile files, metadata
//! services and SSO. Lambda gives a function its credentials in the environment, valid for the life
//! of the process, so one reading of a few variables is enough.

mod api_keys;
mod bootstrap;
mod caller;
mod clients;
pub mod door;
mod engine;
mod environment;
mod events;
mod records;
mod redrive;
mod scheduler;
mod secrets;
mod sqs;
#[cfg(test)]
mod test_server;
mod vault;

pub use api_keys::api_keys;
pub use bootstrap::{Invoked, Named, run_function};
pub use caller::{CallerContext, CallerKind};
pub use clients::{
    AtFirstUse, dynamodb_client, http_client, kms_client, scheduler_client, sqs_client,
};
pub use engine::{
    engine, engine_with_records, engine_with_table, engine_without_pushes, queue_url,
};
pub use environment::AwsEnvironment;
pub use events::{EventError, EventKind, batch};
pub use records::{Records, RecordsError};
pub use redrive::{LeftBehind, RedriveError, Redriven, redrive};
pub use scheduler::SchedulerTimer;
pub use secrets::secret_store;
pub use sqs::{MAX_SQS_DELAY, SqsQueue};
pub use vault::{KmsVault, vault};
