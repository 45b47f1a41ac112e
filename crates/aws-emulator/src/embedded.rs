//! DynamoDB inside the process: the AWS SDK's own client over a SQLite database, no socket.
//!
//! The client is the real one: it serializes requests, parses responses and types errors as it does
//! in the cloud. Only its HTTP connector is replaced, by one that hands each request to the
//! embedded engine. The engine never throttles, never answers `TransactionConflict`, is always
//! consistent and loses no response: a test must inject these.

mod connector;
mod dispatch;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use dynoxide::{Database, DynoxideError};
use tokio::sync::Semaphore;

use crate::meter::Meter;
use crate::table_stream::TableStream;

/// A request of more bytes is large. Most writes of a talkative agent's updates are large; no write
/// of a small task is.
const LARGE_BYTES: usize = 4 * 1024;

/// An embedded DynamoDB. Clones share one database.
#[derive(Clone)]
pub struct EmbeddedDynamoDb {
    database: Database,
    stream: Option<Arc<TableStream>>,
    meter: Option<Arc<Meter>>,
    /// One for the large request that has its turn.
    large: Arc<Semaphore>,
}

/// Why an embedded database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The engine takes its path as UTF-8, and this one is not.
    #[error("the database path {} is not valid UTF-8", .0.display())]
    PathNotUtf8(PathBuf),
    /// The engine failed: the file cannot be opened, is locked, or is not a database of its own.
    #[error("the embedded database failed")]
    Engine(#[source] DynoxideError),
}

impl EmbeddedDynamoDb {
    /// Opens an empty database in memory. It ends with its last clone and the last client of it.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Engine`] when SQLite cannot set up its tables.
    pub fn memory() -> Result<Self, EmbeddedError> {
        Database::memory().map(Self::of).map_err(EmbeddedError::Engine)
    }

    /// Opens the database file at `path`, and creates it if it is missing. Its folder must exist.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::PathNotUtf8`], or [`EmbeddedError::Engine`] when the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, EmbeddedError> {
        let utf8 = path.to_str().ok_or_else(|| EmbeddedError::PathNotUtf8(path.to_owned()))?;
        Database::new(utf8).map(Self::of).map_err(EmbeddedError::Engine)
    }

    fn of(database: Database) -> Self {
        Self { database, stream: None, meter: None, large: Arc::new(Semaphore::new(1)) }
    }

    /// The same database, whose later writes appear in the stream.
    pub fn streamed(self) -> (Self, Arc<TableStream>) {
        let stream = Arc::new(TableStream::default());
        (Self { stream: Some(stream.clone()), ..self }, stream)
    }

    /// The same database, whose requests are metered from now on.
    pub fn metered(self) -> (Self, Arc<Meter>) {
        let meter = Arc::new(Meter::default());
        (Self { meter: Some(meter.clone()), ..self }, meter)
    }

    pub(crate) fn meter(&self) -> Option<&Meter> {
        self.meter.as_deref()
    }

    /// A client of this database. Making one is cheap; it keeps the database open.
    ///
    /// It neither retries nor times out. Nothing between it and the database can lose or delay a
    /// request, so a failure is a finding and must show. Under a paused tokio clock it works as
    /// ever, since nothing in it waits for time to pass.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            // Never sent anywhere: the SDK wants something to sign with and somewhere to send to.
            .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
            .endpoint_url("http://dynamodb.embedded.invalid")
            .http_client(self.http_client())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// The HTTP client under [`client`](Self::client), for a caller that configures the SDK itself
    /// (to count requests, to inject faults) or that calls the DynamoDB Streams API.
    pub fn http_client(&self) -> SharedHttpClient {
        connector::http_client(self.clone())
    }

    /// Answers one request of the DynamoDB API, by its `X-Amz-Target` and JSON body: an HTTP status
    /// and a JSON body.
    ///
    /// Large requests have their turns one after the other. A small request waits only for the one
    /// that is running. So a small task is done soon, even while many large requests wait.
    pub async fn answer(&self, target: &str, body: &[u8]) -> (u16, String) {
        // The semaphore is never closed.
        let _turn = if body.len() > LARGE_BYTES { self.large.acquire().await.ok() } else { None };
        // The engine runs on the caller's thread, not under `spawn_blocking`. A call takes a
        // fraction of a millisecond, and a runtime of one thread executes the same calls in the
        // same order every time. Measured with 64 callers that put, update and get (2 cores, in
        // memory, calls per second and slowest call):
        //
        //     inline                  9,600   1,877 ms   a caller that never awaits never stops
        //     yield, then inline      7,700      25 ms
        //     spawn_blocking          7,400      29 ms
        //
        // With one caller, inline saves the two thread switches: 4,900 against 4,100.
        tokio::task::yield_now().await;
        let asking = self.meter.as_ref().and_then(|_| Meter::asking(target, body));
        let answer = dispatch::answer(&self.database, target, asking.as_deref().unwrap_or(body));
        if let Some(meter) = self.meter() {
            meter.note(target, body, answer.status, &answer.body);
        }
        if let Some(stream) = self.stream.as_ref().filter(|_| answer.status == 200) {
            stream.note(target, body, &answer.body);
        }
        (answer.status, answer.body)
    }
}

impl fmt::Debug for EmbeddedDynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedDynamoDb").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
