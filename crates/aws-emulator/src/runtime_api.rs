//! A stand-in for the AWS Lambda Runtime API. A test runs a compiled `bootstrap` as a process, with
//! an environment, a log and a way to die.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use std::time::Duration;
//! use a2a_lambda_aws_emulator::runtime_api::{Bootstrap, Invocation, RuntimeApi};
//!
//! let api = RuntimeApi::start().await?;
//! let bootstrap = Bootstrap::spawn("target/debug/request", [("TABLE", "tasks")], &api)?;
//! match api.invoke(r#"{"version":"2.0"}"#, Duration::from_secs(5)).await {
//!     Invocation::Response { bytes, .. } => println!("{} bytes", bytes.len()),
//!     other => panic!("{other:?}\n{}", bootstrap.lines().join("\n")),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Unlike Lambda it freezes no process between invocations and ends none at its deadline: a test
//! does that itself if it wants to.

mod bootstrap;
mod server;

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::server::listen;

pub use bootstrap::{Bootstrap, MAX_LINE_BYTES, MAX_LINES};

/// The name of the function under test.
pub const FUNCTION_NAME: &str = "function-under-test";
/// The largest buffered response, as on Lambda. A larger one is an [`Invocation::Error`].
pub const MAX_BUFFERED_BYTES: usize = 6 * 1024 * 1024;
/// The largest streamed response. Lambda's limit is higher; no test needs so much memory.
pub const MAX_STREAMED_BYTES: usize = 32 * 1024 * 1024;
/// How long an event waits for a process to take it, its start included.
pub const MAX_WAIT_FOR_PROCESS: Duration = Duration::from_secs(30);
/// The most events that wait at a time.
pub const MAX_WAITING_EVENTS: usize = 1_000;

/// The end of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// The function answered.
    Response {
        /// The body, raw. Of a streamed HTTP response: JSON prelude, eight zero bytes, content.
        bytes: Bytes,
        /// The body's `Content-Type`.
        content_type: Option<String>,
        /// Whether the function said that it streams
        /// (`Lambda-Runtime-Function-Response-Mode: streaming`).
        streamed: bool,
        /// The trailers of a streamed body. The protocol reports an error in the middle of a body
        /// here.
        trailers: HeaderMap,
    },
    /// The function reported an error, or answered with more than Lambda would take.
    Error {
        /// The report, JSON with `errorType` and `errorMessage`.
        bytes: Bytes,
    },
    /// The function could not start, and said so.
    InitError {
        /// The report, JSON with `errorType` and `errorMessage`.
        bytes: Bytes,
    },
    /// The process broke off its answer: it crashed or was killed.
    BrokenOff {
        /// The bytes that the function had sent before.
        bytes: Bytes,
    },
    /// The deadline passed before the answer was complete.
    TimedOut {
        /// The bytes that the function had sent before.
        bytes: Bytes,
    },
    /// No process asked for the event within [`MAX_WAIT_FOR_PROCESS`], or too many events waited.
    NotTaken,
}

/// The API's server, on a free port of the loopback interface. It stops when this is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Aborts the server when dropped.
    _server: JoinSet<()>,
}

impl RuntimeApi {
    /// Starts the server.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    #[expect(clippy::unused_async, reason = "it needs the runtime of its caller")]
    pub async fn start() -> io::Result<Self> {
        let listener = listen(0)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let mut server = JoinSet::new();
        server.spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _server: server })
    }

    /// The server's address: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives `event` (JSON text, or a `serde_json::Value`) to the next process that asks for one
    /// and waits for how it ends. `deadline` is the function's timeout, counted from when the
    /// process took the event.
    ///
    /// A process that ends without an answer is not noticed before the deadline
    /// ([`Invocation::TimedOut`]); [`Bootstrap::wait`] tells sooner.
    pub async fn invoke(&self, event: impl Display, deadline: Duration) -> Invocation {
        self.begin(event, deadline).finish().await
    }

    /// Like [`invoke`](Self::invoke), for a test that watches the answer as it is streamed.
    pub fn begin(&self, event: impl Display, deadline: Duration) -> Running {
        // Room for the start notice, which must not wait for the invoker.
        let (progress, events) = mpsc::channel(16);
        let event = Bytes::from(event.to_string());
        self.shared.queue(Queued { event, deadline, progress });
        Running { events, received: BytesMut::new(), deadline: None, end: None }
    }
}

/// An invocation under way. Dropping it gives up waiting; the process is not told.
#[derive(Debug)]
pub struct Running {
    events: mpsc::Receiver<Progress>,
    received: BytesMut,
    deadline: Option<Instant>,
    end: Option<End>,
}

#[derive(Debug)]
enum End {
    Answered(Ended),
    TimedOut,
    NotTaken,
}

impl Running {
    /// Waits until a process has taken the event; `false` if none will.
    pub async fn taken(&mut self) -> bool {
        if self.deadline.is_none() && self.end.is_none() {
            // It is taken before anything else happens, so no chunk is lost here.
            self.step().await;
        }
        self.deadline.is_some()
    }

    /// Whether something of the answer has been seen.
    pub fn has_begun(&self) -> bool {
        !self.received.is_empty()
    }

    /// Whether the end has been seen.
    pub fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// The next piece of the answer as the process sent it; `None` when there will be no more.
    pub async fn next_chunk(&mut self) -> Option<Bytes> {
        while self.end.is_none() {
            if let Some(chunk) = self.step().await {
                return Some(chunk);
            }
        }
        None
    }

    async fn step(&mut self) -> Option<Bytes> {
        match self.next_progress().await {
            Ok(Progress::Started { deadline }) => self.deadline = Some(deadline),
            Ok(Progress::Chunk(chunk)) => {
                self.received.extend_from_slice(&chunk);
                return Some(chunk);
            }
            Ok(Progress::Ended(ended)) => self.end = Some(End::Answered(ended)),
            Err(end) => self.end = Some(end),
        }
        None
    }

    /// Waits for the end. The bytes are those of the whole answer, chunks already seen included.
    pub async fn finish(mut self) -> Invocation {
        while self.next_chunk().await.is_some() {}
        let bytes = self.received.freeze();
        match self.end {
            Some(End::Answered(ended)) => match ended {
                Ended::Response { content_type, streamed, trailers } => {
                    Invocation::Response { bytes, content_type, streamed, trailers }
                }
                Ended::Error => Invocation::Error { bytes },
                Ended::TooLarge { report } => Invocation::Error { bytes: report },
                Ended::InitError { report } => Invocation::InitError { bytes: report },
                Ended::BrokenOff => Invocation::BrokenOff { bytes },
            },
            Some(End::TimedOut) => Invocation::TimedOut { bytes },
            Some(End::NotTaken) | None => Invocation::NotTaken,
        }
    }

    async fn next_progress(&mut self) -> Result<Progress, End> {
        match self.deadline {
            None => match timeout(MAX_WAIT_FOR_PROCESS, self.events.recv()).await {
                Ok(Some(progress)) => Ok(progress),
                Ok(None) | Err(_) => Err(End::NotTaken),
            },
            Some(deadline) => match timeout_at(deadline, self.events.recv()).await {
                Ok(Some(progress)) => Ok(progress),
                // The process's connection ended while it sent its answer.
                Ok(None) => Err(End::Answered(Ended::BrokenOff)),
                Err(_) => Err(End::TimedOut),
            },
        }
    }
}

/// A server's message to an invoker.
#[derive(Debug)]
enum Progress {
    Started { deadline: Instant },
    Chunk(Bytes),
    Ended(Ended),
}

#[derive(Debug)]
enum Ended {
    Response { content_type: Option<String>, streamed: bool, trailers: HeaderMap },
    Error,
    TooLarge { report: Bytes },
    InitError { report: Bytes },
    BrokenOff,
}

#[derive(Debug)]
struct Queued {
    event: Bytes,
    deadline: Duration,
    progress: mpsc::Sender<Progress>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    queued: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Queued>,
    /// Invokers, by request id, whose answer has not begun.
    taken: HashMap<String, mpsc::Sender<Progress>>,
    init_error: Option<Bytes>,
}

impl Shared {
    fn queue(&self, queued: Queued) {
        let mut state = self.state();
        if let Some(report) = &state.init_error {
            let ended = Ended::InitError { report: report.clone() };
            // A fresh channel has room; and who no longer listens need not be told.
            let _ = queued.progress.try_send(Progress::Ended(ended));
            return;
        }
        state.waiting.retain(|waiting| !waiting.progress.is_closed());
        state.taken.retain(|_, progress| !progress.is_closed());
        // Past the limit the sender is dropped, by which the invoker learns that it is not taken.
        if state.waiting.len() < MAX_WAITING_EVENTS {
            state.waiting.push_back(queued);
            drop(state);
            self.queued.notify_one();
        }
    }

    /// Waits for the next event whose invoker still waits.
    async fn take(&self) -> Queued {
        loop {
            // `notify_one` leaves a permit if no task waits, so no event is missed in between.
            if let Some(queued) = self.state().waiting.pop_front() {
                if queued.progress.is_closed() {
                    continue;
                }
                return queued;
            }
            self.queued.notified().await;
        }
    }

    fn started(&self, request_id: String, progress: mpsc::Sender<Progress>, deadline: Duration) {
        // The first message in a channel with room for more.
        let _ = progress.try_send(Progress::Started { deadline: Instant::now() + deadline });
        self.state().taken.insert(request_id, progress);
    }

    /// The invoker of a request whose answer begins now; `None` for an unknown id or one that is
    /// answered already.
    fn answering(&self, request_id: &str) -> Option<mpsc::Sender<Progress>> {
        self.state().taken.remove(request_id)
    }

    fn init_failed(&self, report: &Bytes) {
        let mut state = self.state();
        state.init_error = Some(report.clone());
        for queued in state.waiting.drain(..) {
            let ended = Ended::InitError { report: report.clone() };
            let _ = queued.progress.try_send(Progress::Ended(ended));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
