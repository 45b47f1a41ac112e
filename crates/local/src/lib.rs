#![doc = include_str!("../README.md")]

pub mod cloud;
pub mod events;
mod folder;
mod functions;
mod local_queue;
pub mod logs;
mod prelude;
mod processes;
pub mod program;
mod push_key;
pub mod server;
mod variables;
