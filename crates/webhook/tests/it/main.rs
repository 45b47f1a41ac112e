//! The client's way to receivers, over a network whose names and servers belong to the test.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod answers;
mod challenges;
mod connections;
mod credentials;
mod faults;
mod names;
mod requests;
mod support;
mod tls;
mod urls;
