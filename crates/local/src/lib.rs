//! What stands in for AWS on one machine: an embedded DynamoDB, a queue with the semantics of SQS,
//! and the Lambda Runtime API; and the local cloud, which is the functions over them in one
//! process. Nothing that is deployed depends on this crate.

pub mod cloud;
pub mod embedded;
pub mod endpoint;
pub mod events;
mod folder;
mod functions;
pub mod gate;
mod local_queue;
pub mod logs;
mod prelude;
mod processes;
pub mod program;
mod push_key;
pub mod queue;
pub mod runtime_api;
pub mod server;
pub mod table_stream;
mod variables;
