//! Stand-ins for AWS on one machine: an embedded DynamoDB with its stream, a queue with the semantics
//! of SQS, both as an HTTP endpoint, and the Lambda Runtime API, which runs a compiled `bootstrap`.
//! Nothing that is deployed depends on this crate, and this crate depends on no function.

pub mod embedded;
pub mod endpoint;
pub mod events;
pub mod gate;
pub mod queue;
pub mod runtime_api;
pub mod server;
pub mod table_stream;
