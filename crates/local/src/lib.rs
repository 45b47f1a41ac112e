//! The local cloud: the functions over emulators of AWS, in one process or as the processes that they
//! are on Lambda. Nothing that is deployed depends on this crate.

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
