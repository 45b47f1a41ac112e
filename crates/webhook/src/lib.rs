#![doc = include_str!("../README.md")]
//!
//! A party that may give a URL could make this service call anything that it can reach (server-side
//! request forgery). So there is a guard of two halves. A URL is checked when it is admitted and
//! again before each push: HTTPS, a public name or a plain public address, no user, a sane port.
//! The client checks a name's addresses when it dials: it looks the name up once, requires that all
//! addresses are [public](is_public), and connects to one of them. Redirects are answers like
//! others, and no proxy is taken from the environment, so nothing else is ever connected to.
//!
//! All pushes of a process share one [client](a2a_lambda_https), which keeps connections for a few
//! seconds. The receiver's status alone decides the result of a push; the body may fail.

mod client;
mod config;
mod headers;
mod jwt;
mod signatures;

pub use a2a_lambda_https::{
    AllowedHosts, AllowedHostsError, Dial, ExtraRoots, ExtraRootsError, LookUpError, MAX_URL_BYTES,
    Resolve, is_public,
};
pub use client::{HttpWebhook, Wall, WebhookError};
pub use config::WebhookConfig;
pub use headers::{STANDARD_WEBHOOKS, check_credentials, sign_request};
pub use jwt::JwtSigner;
pub use signatures::{MAX_KEYS, SigningKeys, SigningKeysError};
