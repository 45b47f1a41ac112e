//! The client against our own bindings, in process and over each binding and version, and against
//! answers that no server should give.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod bad_answers;
mod cards;
mod operations;
mod resume;
mod support;
