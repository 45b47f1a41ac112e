//! The function over a store in memory: each door, each answer, and what is kept secret.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod answers;
mod config;
mod doors;
mod secrets;
mod support;
