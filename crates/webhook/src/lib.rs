//! The way to the receivers of pushes: [`HttpWebhook`] POSTs to the URLs that clients give.
//!
//! Whoever may give a URL could have this service call anything that it can reach (server-side
//! request forgery). So there is a guard of two halves. A URL is checked when it is admitted and
//! again before each push: HTTPS, a public name or a plain public address, no user, a sane port. A
//! name's addresses are checked when it is dialed: looked up once, all must be [public](is_public),
//! and the connection is made to one of them. Redirects are answers like others, and no proxy is
//! taken from the environment, so nothing else is ever connected to.
//!
//! All pushes of a process share one client: its connections are kept for a while, and were checked
//! when they were made.

mod addresses;
mod client;
mod config;
mod dial;
mod guard;
mod headers;
mod jwt;
mod roots;
mod signatures;

pub use addresses::is_public;
pub use client::{HttpWebhook, WebhookError};
pub use config::WebhookConfig;
pub use dial::{Dial, Resolve, SystemNetwork};
pub use guard::{AllowedHosts, AllowedHostsError, MAX_URL_BYTES};
pub use headers::{STANDARD_WEBHOOKS, check_credentials};
pub use jwt::JwtSigner;
pub use roots::{ExtraRoots, ExtraRootsError};
pub use signatures::{MAX_KEYS, SigningKeys, SigningKeysError};
