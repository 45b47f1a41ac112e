#![doc = include_str!("../README.md")]

pub mod account;
pub mod embedded;
pub mod endpoint;
pub mod events;
pub mod gate;
pub mod meter;
pub mod queue;
pub mod runtime_api;
pub mod server;
pub mod table_stream;
