//! One process of an agent.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::num::NonZeroU16;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::time::Instant;
use tracing::{info, warn};

use super::Command;

/// The longest line of output, in bytes; longer ones are divided.
const MAX_LINE_BYTES: u64 = 8 * 1024;
/// How many lines of an output are logged in ten seconds: each line of a log costs money.
const MOST_LINES: u32 = 1_000;
const LINES_WITHIN: Duration = Duration::from_secs(10);
/// How many of its last lines are kept, for the log of its end.
const LAST_LINES: usize = 20;

/// Becomes the agent, and leaves a watcher in the agent's group of processes. The watcher waits for
/// the end of the standard input, whose other end this process holds. However this process ends, the
/// system closes that, and the watcher ends the group: the agent, and all that it has started.
const WATCHED: &str = r#"
exec 3<&0 </dev/null
{ trap "" TERM; read -r line <&3; kill -TERM 0; sleep 1; kill -KILL 0; } >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// The tasks that an agent's process works on.
#[derive(Debug, Default)]
pub(super) struct Tasks(Mutex<Working>);

#[derive(Debug, Default)]
struct Working {
    /// By the numbers of their turns here.
    on: BTreeMap<u64, String>,
    turns: u64,
    last: Option<String>,
}

impl Tasks {
    /// A task begins; the number ends it.
    pub(super) fn begin(&self, task: &str) -> u64 {
        let mut working = locked(&self.0);
        working.turns += 1;
        let number = working.turns;
        working.on.insert(number, task.to_owned());
        working.last = Some(task.to_owned());
        number
    }

    pub(super) fn end(&self, number: u64) {
        locked(&self.0).on.remove(&number);
    }

    /// The task that a line of output is about, if that is certain: the one that the process works
    /// on. If there is none now, the last one: the process tells of its end.
    fn told_of(&self) -> Option<String> {
        let working = locked(&self.0);
        let mut on = working.on.values();
        match on.next() {
            None => working.last.clone(),
            Some(first) => on.all(|other| other == first).then(|| first.clone()),
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last lines that a process has written.
type Last = Arc<Mutex<VecDeque<String>>>;

/// A process of an agent. Dropping it ends the process, and all that it has started: by SIGTERM, and
/// a second later by SIGKILL.
#[derive(Debug)]
pub(super) struct AgentProcess {
    child: Child,
    _alive: Option<ChildStdin>,
    pub(super) port: NonZeroU16,
    last: Last,
}

impl AgentProcess {
    /// Starts the command, with the port in its variable `PORT`.
    pub(super) fn start(
        command: &Command,
        port: NonZeroU16,
        tasks: &Arc<Tasks>,
    ) -> io::Result<Self> {
        let mut child = tokio::process::Command::new("/bin/sh")
            .args(["-c", WATCHED, "a2a-lambda"])
            .args(&command.words)
            .env_clear()
            // Lines come when they are written, and not when a buffer is full.
            .env("PYTHONUNBUFFERED", "1")
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .env("PORT", port.to_string())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let last = Last::default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(pass_on(stdout, "stdout", tasks.clone(), last.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(pass_on(stderr, "stderr", tasks.clone(), last.clone()));
        }
        let alive = child.stdin.take();
        Ok(Self { child, _alive: alive, port, last })
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// The exit status, if the process has ended.
    pub(super) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The number of its process, while it runs.
    #[cfg(test)]
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its last lines.
    pub(super) fn last_lines(&self) -> String {
        Vec::from(locked(&self.last).clone()).join("\n")
    }
}

/// Writes each line of a process into the log. It ends with the process's output.
async fn pass_on(output: impl AsyncRead + Unpin, stream: &str, tasks: Arc<Tasks>, last: Last) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    let (mut since, mut lines) = (Instant::now(), 0_u32);
    loop {
        line.clear();
        match (&mut output).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await {
            Ok(1..) => {}
            // It has ended.
            Ok(0) | Err(_) => return,
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        if since.elapsed() >= LINES_WITHIN {
            (since, lines) = (Instant::now(), 0);
        }
        lines = lines.saturating_add(1);
        if lines == MOST_LINES {
            warn!(
                event = "agent_output_left_out",
                stream,
                "the agent's process writes too much, and the log leaves lines out for ten seconds"
            );
        }
        if lines < MOST_LINES {
            info!(
                event = "agent_output",
                task = tasks.told_of(),
                stream,
                line = text,
                "the agent's process has written a line"
            );
        }
        let mut last = locked(&last);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(text.to_owned());
    }
}
