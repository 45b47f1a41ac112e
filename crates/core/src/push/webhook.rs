//! The way to the receivers of pushes: one POST at a time, and its outcome.

use std::error::Error;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use crate::push::{PushSecrets, Secret};

/// One attempt to push something to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The id of the push, the same at each attempt, so that a receiver recognizes repetitions. At
    /// most 64 bytes of letters, digits, `-` and `_`.
    pub id: String,
    /// When the attempt is made.
    pub at: Timestamp,
    /// The URL to POST to. It was [admitted](Webhook::admit) once, maybe long ago.
    pub url: String,
    /// The HTTP authentication scheme for the `Authorization` header; empty if there is none.
    pub scheme: String,
    /// The secrets that only the receiver may know.
    pub secrets: PushSecrets,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The trace that the push belongs to, as a W3C `traceparent`.
    pub traceparent: Option<String>,
    /// How long the attempt may take, from the name look-up to the end of the answer.
    pub timeout: Duration,
}

/// A receiver's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the receiver asks to be left alone (`Retry-After`), if it does.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Whether the receiver has the push.
    pub fn acknowledges(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the receiver wants no more pushes.
    pub fn is_final(&self) -> bool {
        self.status == 410
    }
}

/// Why a URL is not pushed to. The text is for the client that gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAdmitted(pub String);

/// Why there is no answer to a push. The push may have arrived all the same, unless it was refused.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Nothing was sent: the name resolves to an address that is not public.
    #[error("the receiver's address is refused")]
    Refused(#[source] NotAdmitted),
    /// The receiver could not be reached, or does not speak HTTP.
    #[error("the receiver cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The receiver speaks HTTP, but its answer is malformed or incomplete.
    #[error("the receiver's answer is malformed or incomplete")]
    BadAnswer(#[source] Box<dyn Error + Send + Sync>),
    /// The receiver did not answer in time.
    #[error("the receiver did not answer in {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// Nothing was sent: [`Wanted`] answered no when the connection was up.
    #[error("the push is not wanted any more")]
    Withdrawn,
    /// Nothing was sent, and the receiver is not to blame: this process ran out of a resource of
    /// its own, such as name look-ups. The attempt does not count.
    #[error("this process could not begin the push")]
    Ours(#[source] Box<dyn Error + Send + Sync>),
}

/// Whether a push is still wanted.
///
/// The client asks once for each connection, after the connection is up and before the first byte
/// of the request. So a push whose config was deleted in the meantime is not begun (invariant I14).
#[async_trait]
pub trait Wanted: Send + Sync {
    /// False if the push must not be begun.
    async fn is_still_wanted(&self) -> bool;
}

/// A push that is always wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Always;

#[async_trait]
impl Wanted for Always {
    async fn is_still_wanted(&self) -> bool {
        true
    }
}

/// The way to the receivers of pushes.
#[async_trait]
pub trait Webhook: Send + Sync + 'static {
    /// Whether a config may have this URL. Asked once, when a config is created.
    async fn admit(&self, url: &str) -> Result<(), NotAdmitted>;

    /// Whether a config may have these credentials for its scheme. Some schemes require a certain
    /// form.
    ///
    /// # Errors
    /// When it may not. The text says why.
    fn check_credentials(&self, _scheme: &str, _credentials: &Secret) -> Result<(), NotAdmitted> {
        Ok(())
    }

    /// Makes one attempt, and no more, within [`Push::timeout`]: the caller decides on retries. It
    /// writes nothing unless `wanted` agrees once the connection is up.
    async fn post(&self, push: Push, wanted: &dyn Wanted) -> Result<Answer, PushError>;
}

/// A way to no receiver: it admits any URL, and every push fails. For a process that leaves pushes
/// to others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

#[async_trait]
impl Webhook for Nowhere {
    async fn admit(&self, _url: &str) -> Result<(), NotAdmitted> {
        Ok(())
    }

    async fn post(&self, _push: Push, _wanted: &dyn Wanted) -> Result<Answer, PushError> {
        Err(PushError::Unreachable("there is no network".into()))
    }
}
