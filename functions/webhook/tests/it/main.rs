//! The function over a store in memory: each door, and each answer.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod answers;
mod config;
mod doors;
mod support;
