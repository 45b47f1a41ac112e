//! The functions as processes, as on Lambda: each serves one event at a time, and another one
//! starts when all are busy.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use a2a_lambda_aws_emulator::runtime_api::{
    Bootstrap, Invocation, MAX_WAIT_FOR_PROCESS, Running, RuntimeApi,
};
use bytes::Bytes;
use http::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tracing::warn;

use crate::events::{BrokenOff, ResponseBody};
use crate::prelude;

/// How many processes a function may have; more events wait.
const MAX_PROCESSES: usize = 64;

/// How long an ended process's last output may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many chunks of an answer may wait for the client.
const CHUNKS_AHEAD: usize = 16;

/// A function that runs in processes of its own.
#[derive(Debug, Clone)]
pub(crate) struct Processes(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    executable: PathBuf,
    variables: Vec<(String, String)>,
    /// One for each process that may be busy.
    permits: Arc<Semaphore>,
    free: Mutex<Vec<Process>>,
}

/// A process, and Lambda's side of it. Each has its own API, so that the pool knows which process
/// has an event, and notices its end.
#[derive(Debug)]
struct Process {
    bootstrap: Bootstrap,
    api: RuntimeApi,
}

/// An event in the hands of a process.
struct Invoked {
    running: Running,
    process: Process,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Processes {
    /// A function with this executable and these variables.
    pub(crate) fn of(executable: PathBuf, variables: Vec<(String, String)>) -> io::Result<Self> {
        Self::at_most(MAX_PROCESSES, executable, variables)
    }

    fn at_most(
        processes: usize,
        executable: PathBuf,
        variables: Vec<(String, String)>,
    ) -> io::Result<Self> {
        if !executable.is_file() {
            let text = format!("there is no executable {}", executable.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        let permits = Arc::new(Semaphore::new(processes));
        Ok(Self(Arc::new(Pool { executable, variables, permits, free: Mutex::default() })))
    }

    /// The function's whole answer to an event.
    pub(crate) async fn invoke(&self, event: impl Display, deadline: Duration) -> Option<Bytes> {
        self.ask(event, deadline).await?.inspect_err(|report| log_error(report)).ok()
    }

    /// The same, with the error that it reports, if it does. The reason for a `None` has been
    /// logged.
    pub(crate) async fn ask(
        &self,
        event: impl Display,
        deadline: Duration,
    ) -> Option<Result<Bytes, Bytes>> {
        let mut invoked = self.begin(&event.to_string(), deadline).await?;
        while invoked.next_chunk().await.is_some() {}
        match invoked.end().await {
            Invocation::Response { bytes, .. } => Some(Ok(bytes)),
            Invocation::Error { bytes } => Some(Err(bytes)),
            _ => None,
        }
    }

    /// The function's answer to an HTTP request, in chunks as they come.
    pub(crate) async fn stream(
        &self,
        event: impl Display,
        deadline: Duration,
    ) -> Response<ResponseBody> {
        let (chunks, answer) = mpsc::channel(CHUNKS_AHEAD);
        let (processes, event) = (self.clone(), event.to_string());
        // In a task of its own: as on Lambda, the function goes on when its client has gone.
        tokio::spawn(async move { processes.pump(&event, deadline, &chunks).await });
        prelude::response(answer).await
    }

    async fn pump(
        &self,
        event: &str,
        deadline: Duration,
        chunks: &mpsc::Sender<Result<Bytes, BrokenOff>>,
    ) {
        let Some(mut invoked) = self.begin(event, deadline).await else { return };
        while let Some(chunk) = invoked.next_chunk().await {
            // Whether anybody still listens is of no interest to the function.
            let _ = chunks.send(Ok(chunk)).await;
        }
        match invoked.end().await {
            Invocation::Response { .. } => return,
            Invocation::Error { bytes } => log_error(&bytes),
            _ => {}
        }
        let _ = chunks.send(Err(BrokenOff)).await;
    }

    /// Gives an event to a process, a new one if none is free. The reason for a `None` has been
    /// logged.
    async fn begin(&self, event: &str, deadline: Duration) -> Option<Invoked> {
        let pool = &self.0;
        let permit = timeout(MAX_WAIT_FOR_PROCESS, pool.permits.clone().acquire_owned()).await;
        let Ok(permit) = permit else {
            warn!(event = "processes_busy", executable = %pool.executable.display(),
                "all processes of the function are busy, and the event is dropped");
            return None;
        };
        // The semaphore is never closed.
        let permit = permit.ok()?;
        loop {
            let free = pool.take();
            let is_new = free.is_none();
            let mut process = match free {
                Some(process) => process,
                None => pool.start().await?,
            };
            let mut running = process.api.begin(event, deadline);
            let taken = tokio::select! {
                biased;
                taken = running.taken() => taken,
                _ = process.bootstrap.wait() => false,
            };
            if taken {
                return Some(Invoked { running, process, pool: pool.clone(), _permit: permit });
            }
            process.complain("the process did not take the event");
            // One that had served others may have ended since; a new one would fail as this did.
            if is_new {
                return None;
            }
        }
    }
}

impl Pool {
    fn take(&self) -> Option<Process> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.retain_mut(|process| process.bootstrap.is_running());
        free.pop()
    }

    fn give_back(&self, process: Process) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }

    async fn start(&self) -> Option<Process> {
        let starting = async {
            let api = RuntimeApi::start().await?;
            let variables = self.variables.iter().map(|(name, value)| (name, value));
            let show = shown(&self.executable);
            let bootstrap = Bootstrap::spawn_shown(&self.executable, variables, &api, show)?;
            Ok::<_, io::Error>(Process { bootstrap, api })
        };
        let log = |error: &io::Error| {
            warn!(event = "process_not_started", %error, executable = %self.executable.display(),
                "the local cloud could not start a process of the function");
        };
        starting.await.inspect_err(log).ok()
    }
}

fn log_error(report: &[u8]) {
    let report = String::from_utf8_lossy(report);
    warn!(event = "function_error_reported", %report, "the function reported an error");
}

/// Shows the lines of a function on the standard error output, each behind the function's name.
fn shown(executable: &Path) -> impl Fn(&str) + Send + Sync + 'static {
    let name = executable.file_name().unwrap_or_default().to_string_lossy().into_owned();
    move |line| {
        // In one piece. If it is closed, there is nowhere to say so.
        let _ = io::stderr().lock().write_all(format!("{name} | {line}\n").as_bytes());
    }
}

impl Process {
    /// Logs a fault of a process, with its last line.
    fn complain(&self, what: &str) {
        let last = self.bootstrap.lines().pop().unwrap_or_default();
        warn!(event = "process_failed", last, "{what}");
    }
}

impl Invoked {
    /// The next piece of the answer; `None` when there will be no more.
    async fn next_chunk(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            chunk = self.running.next_chunk() => return chunk,
            _ = self.process.bootstrap.wait() => {}
        }
        // The reader still gets the bytes before the break, and then the break.
        if self.running.has_begun() {
            return self.running.next_chunk().await;
        }
        // Its first words may be on their way. Without any bytes the reader would not learn of it.
        timeout(LAST_WORDS, self.running.next_chunk()).await.ok().flatten()
    }

    /// The end of the invocation. A process that has answered is free for the next event. A process
    /// that has not answered is killed, as on Lambda.
    async fn end(self) -> Invocation {
        if !self.running.is_over() {
            self.process.complain("the process ended before it answered");
            return Invocation::BrokenOff { bytes: Bytes::new() };
        }
        let ended = self.running.finish().await;
        match &ended {
            // An error that it reports is an answer of a kind.
            Invocation::Response { .. } | Invocation::Error { .. } => {
                self.pool.give_back(self.process);
            }
            _ => self.process.complain("the process did not end its answer"),
        }
        ended
    }
}

#[cfg(test)]
mod tests;
