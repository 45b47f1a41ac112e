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
#[cfg(feature = "v0_3")]
mod v0_3_card;
#[cfg(feature = "v0_3")]
mod v0_3_reading;
#[cfg(feature = "v0_3")]
mod v0_3_rest;
#[cfg(feature = "v0_3")]
mod v0_3_round_trip;
#[cfg(feature = "v0_3")]
mod v0_3_writing;
mod validation;
mod writing;
