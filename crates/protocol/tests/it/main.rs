//! The crate from outside: what it reads, writes and refuses, and whether it agrees with the
//! official crate.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod errors;
mod json;
mod official;
mod reading;
mod refusing;
mod round_trip;
mod strategies;
mod timestamp;
mod v0_3_card;
mod v0_3_reading;
mod v0_3_rest;
mod v0_3_round_trip;
mod v0_3_writing;
mod validation;
mod writing;
