#![doc = include_str!("../README.md")]
//!
//! [`Client::connect`] fetches a card and makes a client of the interface that fits best.
//! [`Client::new`] takes an [`Interface`] that is known. The requests and answers are those of A2A
//! 1.0 in `a2a-lambda-protocol`, for an agent of any version.
//!
//! - **A seam.** The client sends by a [`Transport`]: the client of `a2a-lambda-https`, or a double.
//! - **Bounds.** [`Limits`] has every number.
//! - **Errors say whose fault it is.** See [`Error::fault`], [`Error::is_retryable`] and
//!   [`Error::is_certainly_not_applied`].
//! - **Streams resume.** [`EventStream`] goes on where it was cut: exactly, where the agent numbers its
//!   events, and from the task as it is, where it does not.
//! - **Secrets stay secrets.** `Debug` and errors show no credentials and no bodies.

mod bounds;
mod call;
mod card;
mod channel;
mod client;
mod credentials;
mod error;
mod interface;
mod json_rpc;
mod read;
mod receive;
mod rest;
mod signature;
mod stream;
#[cfg(feature = "v0_3")]
mod v0_3;
mod write;

pub use a2a_lambda_https::Transport;
pub use bounds::Limits;
pub use card::{CardCache, fetch_card};
pub use channel::{Config, SendOptions};
pub use client::Client;
pub use credentials::{BadHeader, Credentials};
pub use error::{Error, Fault};
pub use interface::{Binding, Interface, Preference, Version};
pub use signature::SignatureFault;
pub use stream::{EventStream, StreamEvent};
