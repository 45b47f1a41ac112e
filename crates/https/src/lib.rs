#![doc = include_str!("../README.md")]
//!
//! - **Guarded.** With a [`Guard`], the client connects to public addresses only. The guard checks
//!   a URL when it is given, and each address of its host when the client connects. The client
//!   connects to exactly the addresses that were checked. It follows no redirect and uses no proxy.
//! - **Connections that it can trust.** An idle connection is kept for a few seconds only. Before
//!   the client uses one, it looks whether the server has closed it, and whether the machine stood
//!   still meanwhile. A [safe](Repeat::Safe) request that fails on a kept connection before a byte
//!   of the answer came is sent once more on a fresh one.
//! - **Bounded.** Looking up a name, connecting, the first byte of an answer and each further chunk
//!   have a deadline. Heads and bodies have a size limit. Look-ups and connects have a bounded
//!   number of turns, and a host that does not answer gives its turn to the next one.
//! - **Streams.** [`EventReader`] reads Server-Sent Events from a body, with a bound on each event,
//!   on the stream, on its silence and on its time. It takes any [`Chunks`], so another reader of
//!   framed events can stand beside it.
//! - **AWS**, by the feature `aws`: `Signer` signs requests by Signature Version 4, and `FrameReader`
//!   reads event streams.
//! - **A seam.** [`Transport`] is what carries a request: the client, or a double in a test.
//! - **A gate.** The client asks whether a request is still wanted after it has connected and right
//!   before it writes the first byte: see [`Gate`].
//!
//! The client has no background task for a request: dropping a request or the [`Body`] of its
//! answer closes the connection. One small task closes idle connections in time.

mod addresses;
mod client;
mod dial;
mod dns;
mod error;
mod exchange;
mod fetch;
#[cfg(feature = "aws")]
mod frames;
mod guard;
mod link;
mod look_ups;
mod pool;
mod roots;
#[cfg(feature = "aws")]
mod signer;
mod sse;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod turns;

pub use addresses::is_public;
pub use client::{Body, Client, ClientConfig, Gate, Limits, Open, Repeat, Request, Response};
pub use dial::{Dial, Network};
pub use dns::SystemResolver;
pub use error::{ConnectError, Error, Phase, TlsFault};
pub use exchange::{Answer, Chunks, Transport};
pub use fetch::{Document, Fetch, FetchError, Fetcher};
#[cfg(feature = "aws")]
pub use frames::{Frame, FrameLimits, FrameReader, FramesError};
pub use guard::{AllowedHosts, AllowedHostsError, Destination, Guard, MAX_URL_BYTES, Refused};
pub use look_ups::{LookUpError, Resolve};
pub use pool::{IDLE_LIMIT, WallClock};
pub use roots::{ExtraRoots, ExtraRootsError, Roots};
#[cfg(feature = "aws")]
pub use signer::{SignError, Signer};
pub use sse::{Event, EventLimits, EventReader, EventsError};
