//! Keeps an agent's process alive.

use std::net::{Ipv4Addr, TcpListener};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_https::{Limits, Request, Transport};
use http::{Method, StatusCode};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{info, warn};

use super::Command;
use super::child::{AgentProcess, Tasks};
use crate::http::{Fault, Target};

/// How long a process may take until it answers `/ping`.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// The wait between two looks at `/ping`, and how long one may take.
const PING_EVERY: Duration = Duration::from_millis(50);
const PING_WITHIN: Duration = Duration::from_secs(5);
/// The wait before the second start in a row; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A process that has lived for so long was no failed start.
const LONG_LIFE: Duration = Duration::from_mins(1);

/// The process could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotStarted {
    #[error("there is no free port")]
    NoPort(#[source] std::io::Error),
    #[error("the port {0}, which AGENT names, is taken by another program")]
    Taken(NonZeroU16, #[source] std::io::Error),
    #[error("the process could not be made")]
    Spawn(#[source] std::io::Error),
    #[error("the process ended at its start ({status}), and wrote last:\n{last}")]
    Ended { status: String, last: String },
    #[error("GET /ping was answered with the status {0}: the agent does not speak the contract")]
    NoPing(u16),
    #[error("the process did not answer GET /ping within {} s", READY_WITHIN.as_secs())]
    Late,
    #[error("the URL of the process could not be made")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Has one process, from the first turn on.
pub(crate) struct Keeper {
    command: Command,
    /// The port that the agent always listens at; `None` if it listens at the one in `PORT`.
    port: Option<NonZeroU16>,
    transport: Arc<dyn Transport>,
    pub(super) tasks: Arc<Tasks>,
    kept: Mutex<Kept>,
}

struct Kept {
    process: Option<AgentProcess>,
    /// How many starts there were in a row, and when the last one was.
    starts: u32,
    started: Instant,
}

impl Keeper {
    /// A keeper of the process that this command starts. The agent listens at this port, or at the one
    /// that it finds in its variable `PORT`.
    pub(crate) fn new(
        command: Command,
        port: Option<NonZeroU16>,
        transport: Arc<dyn Transport>,
    ) -> Self {
        let kept = Kept { process: None, starts: 0, started: Instant::now() };
        Self { command, port, transport, tasks: Arc::default(), kept: Mutex::new(kept) }
    }

    /// Whether it starts its process by this command, with the same environment.
    pub(crate) fn starts(&self, command: &Command) -> bool {
        self.command == *command
    }

    /// The URLs of the process. If the process does not run, the keeper starts it. The keeper waits
    /// first if it started one shortly before.
    pub(super) async fn target(&self) -> Result<Target, NotStarted> {
        let mut kept = self.kept.lock().await;
        if let Some(process) = &mut kept.process {
            let Some(status) = process.has_ended() else { return target(process.port) };
            warn!(event = "agent_process_ended", status = %status, last = process.last_lines(),
                "the agent's process has ended, and is started again");
            kept.process = None;
        }
        if kept.started.elapsed() >= LONG_LIFE {
            kept.starts = 0;
        }
        if kept.starts > 0 {
            let doublings = (kept.starts - 1).min(16);
            let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
            sleep_until(kept.started + wait).await;
        }
        kept.starts = kept.starts.saturating_add(1);
        kept.started = Instant::now();
        let process = self.start().await?;
        let target = target(process.port);
        info!(
            event = "agent_process_started",
            port = process.port,
            millis = u64::try_from(kept.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "the agent's process is ready"
        );
        kept.process = Some(process);
        target
    }

    async fn start(&self) -> Result<AgentProcess, NotStarted> {
        let port = match self.port {
            Some(port) => own_port(port).map_err(|error| NotStarted::Taken(port, error))?,
            None => free_port().map_err(NotStarted::NoPort)?,
        };
        let mut process =
            AgentProcess::start(&self.command, port, &self.tasks).map_err(NotStarted::Spawn)?;
        let ends = Instant::now() + READY_WITHIN;
        let ready = timeout_at(ends, async {
            tokio::select! {
                biased;
                status = process.ended() => Err(status),
                ready = self.ready(port) => Ok(ready),
            }
        });
        let status = match ready.await {
            // A process of somebody else's may have answered at the port, and this one have found it
            // taken.
            Ok(Ok(ready)) => match process.has_ended() {
                None => return ready.map(|()| process),
                Some(status) => status.to_string(),
            },
            Ok(Err(status)) => status.map_or_else(|error| error.to_string(), |it| it.to_string()),
            Err(_) => return Err(NotStarted::Late),
        };
        // Its last lines may be on their way.
        sleep(PING_EVERY).await;
        Err(NotStarted::Ended { status, last: process.last_lines() })
    }

    /// Returns when `/ping` is answered as the contract has it.
    async fn ready(&self, port: NonZeroU16) -> Result<(), NotStarted> {
        let request = Request::new(Method::GET, target(port)?.ping, Limits::within(PING_WITHIN));
        loop {
            match self.transport.exchange(&request).await.map(|answer| answer.status) {
                Ok(StatusCode::OK) => return Ok(()),
                Ok(status) if status.is_client_error() => {
                    return Err(NotStarted::NoPing(status.as_u16()));
                }
                // It is not there yet, or not yet healthy.
                Ok(_) | Err(_) => sleep(PING_EVERY).await,
            }
        }
    }

    /// The number of the process, if it runs.
    #[cfg(test)]
    pub(super) async fn id(&self) -> Option<u32> {
        self.kept.lock().await.process.as_ref()?.id()
    }
}

fn target(port: NonZeroU16) -> Result<Target, NotStarted> {
    Target::served_at(&format!("http://127.0.0.1:{port}"))
        .map_err(|error| NotStarted::Url(error.into()))
}

/// This port, if nobody listens there: a program of somebody else's would be taken for the agent.
fn own_port(port: NonZeroU16) -> std::io::Result<NonZeroU16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port.get())).map(|_| port)
}

/// A port that was free just now.
fn free_port() -> std::io::Result<NonZeroU16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    NonZeroU16::new(port).ok_or_else(|| std::io::Error::other("the system gave port 0"))
}

impl From<NotStarted> for Fault {
    fn from(error: NotStarted) -> Self {
        Self::Unreachable(error.into())
    }
}
