//! The way to the receivers of pushes: one POST at a time, and what came of it.

use std::error::Error;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use crate::push::{PushSecrets, Secret};

/// One attempt to push something to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// What is pushed has this id at each attempt, so that a receiver knows what it has had. At
    /// most 64 bytes of letters, digits, `-` and `_`.
    pub id: String,
    /// When the attempt is made.
    pub at: Timestamp,
    /// Where to POST. It was [admitted](Webhook::admit) once, which may be long ago.
    pub url: String,
    /// The HTTP authentication scheme for the `Authorization` header; empty if there is none.
    pub scheme: String,
    /// What only the receiver may know.
    pub secrets: PushSecrets,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The trace that the push belongs to, as a W3C `traceparent`.
    pub traceparent: Option<String>,
    /// How long the attempt may take, from the look-up of the name to the end of the answer.
    pub timeout: Duration,
}

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the receiver wants to be left alone (`Retry-After`), if it says so.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Whether the receiver has the push.
    pub fn acknowledges(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the receiver wants nothing more, ever.
    pub fn is_final(&self) -> bool {
        self.status == 410
    }
}

/// Why a URL is not pushed to. The text is for whoever gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAdmitted(pub String);

/// Why there is no answer to a push. It may have arrived all the same, unless it was refused.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Nothing was sent, because it must not be: the name stands for an address that is not public.
    #[error("the receiver's address is refused")]
    Refused(#[source] NotAdmitted),
    /// The receiver could not be reached, or does not speak HTTP.
    #[error("the receiver cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The receiver speaks HTTP, and its answer is malformed or was broken off.
    #[error("the receiver's answer is malformed or incomplete")]
    BadAnswer(#[source] Box<dyn Error + Send + Sync>),
    /// The time was over.
    #[error("the receiver did not answer in {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// Nothing was sent: [`Wanted`] said no once the connection was up.
    #[error("the push is not wanted any more")]
    Withdrawn,
    /// Nothing was sent, and the receiver is not to blame: this process ran out of a resource of
    /// its own, such as look-ups of names. The attempt does not count.
    #[error("this process could not begin the push")]
    Ours(#[source] Box<dyn Error + Send + Sync>),
}

/// Whether a push is still wanted.
///
/// The client asks once for each connection, when the connection is up and before it writes the
/// first byte of the request. So a push whose config was deleted in the meantime is not begun
/// (invariant I14).
#[async_trait]
pub trait Wanted: Send + Sync {
    /// False if the push must not be begun.
    async fn is_still_wanted(&self) -> bool;
}

/// A push that is wanted in any case.
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
    /// Whether a config may have this URL: asked once, when the config is made.
    async fn admit(&self, url: &str) -> Result<(), NotAdmitted>;

    /// Whether a config may have these credentials for its scheme: some schemes want them in a
    /// certain form.
    ///
    /// # Errors
    /// When it may not; the text says why.
    fn check_credentials(&self, _scheme: &str, _credentials: &Secret) -> Result<(), NotAdmitted> {
        Ok(())
    }

    /// Makes one attempt, within [`Push::timeout`]. Never more than one: what comes next is for the
    /// caller to say. Nothing is written unless `wanted` agrees once the connection is up.
    async fn post(&self, push: Push, wanted: &dyn Wanted) -> Result<Answer, PushError>;
}

/// A way to no receiver: it admits any URL, and nothing that is sent arrives. For a process
/// that leaves pushes to others.
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
