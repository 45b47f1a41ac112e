use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{FUNCTION_NAME, RuntimeApi};

/// The most lines of output kept. A further one pushes out the oldest.
pub const MAX_LINES: usize = 10_000;
/// The most bytes kept of one line; the rest of it is dropped.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// A function's process. Dropping it kills the process. The process also ends when this one does,
/// for any reason: its standard input is a pipe from here, which the system closes then.
#[derive(Debug)]
pub struct Bootstrap {
    child: Child,
    /// Not in the child, which closes it before it waits.
    _stdin: Option<ChildStdin>,
    output: Arc<Output>,
    /// The readers of standard output and error; aborted when dropped, unless lines are shown.
    readers: JoinSet<()>,
}

/// Shows a line.
type Show = Box<dyn Fn(&str) + Send + Sync>;

impl Bootstrap {
    /// Starts the executable at `path` against `api`.
    ///
    /// Its environment has the variables that Lambda sets. Then come `variables`, which may replace
    /// them. Nothing of the test's environment is in it. The credentials are dummies, but for the
    /// id of the access key. That is the function's name, by which an [endpoint](crate::endpoint)
    /// knows its role.
    ///
    /// # Errors
    ///
    /// When the process cannot be started.
    pub fn spawn<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        path: impl AsRef<Path>,
        variables: impl IntoIterator<Item = (K, V)>,
        api: &RuntimeApi,
    ) -> io::Result<Self> {
        Self::start(path.as_ref(), variables, api, None)
    }

    /// The same, and shows each line of its standard output and standard error as it comes, even
    /// the last lines after the drop.
    ///
    /// # Errors
    ///
    /// When the process cannot be started.
    pub fn spawn_shown<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        path: impl AsRef<Path>,
        variables: impl IntoIterator<Item = (K, V)>,
        api: &RuntimeApi,
        show: impl Fn(&str) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start(path.as_ref(), variables, api, Some(Box::new(show)))
    }

    fn start<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        path: &Path,
        variables: impl IntoIterator<Item = (K, V)>,
        api: &RuntimeApi,
        show: Option<Show>,
    ) -> io::Result<Self> {
        let mut child = Command::new(path)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("END_WITH_STDIN", "true")
            .envs(LAMBDA_VARIABLES)
            .env("AWS_ACCESS_KEY_ID", path.file_name().unwrap_or_default())
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = Arc::new(Output { show, ..Output::default() });
        let mut readers = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            readers.spawn(read_lines(stdout, Arc::clone(&output)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.spawn(read_lines(stderr, Arc::clone(&output)));
        }
        let stdin = child.stdin.take();
        Ok(Self { child, _stdin: stdin, output, readers })
    }

    /// The last [`MAX_LINES`] lines of its standard output and standard error, as they came.
    pub fn lines(&self) -> Vec<String> {
        self.output.with(|lines| lines.iter().cloned().collect())
    }

    /// Waits up to `wait` for a line that `matches`, and returns the first such line kept.
    pub async fn line(&self, matches: impl Fn(&str) -> bool, wait: Duration) -> Option<String> {
        let found = || self.output.with(|lines| lines.iter().find(|line| matches(line)).cloned());
        timeout(wait, async {
            loop {
                let mut more = std::pin::pin!(self.output.more.notified());
                more.as_mut().enable();
                if let Some(line) = found() {
                    return line;
                }
                more.await;
            }
        })
        .await
        .ok()
    }

    /// Kills the process, as a crash would end it, and waits for its end.
    ///
    /// # Errors
    ///
    /// When the operating system does not let it be killed or waited for.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.start_kill()?;
        self.child.wait().await
    }

    /// Whether the process has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

impl Drop for Bootstrap {
    fn drop(&mut self) {
        if self.output.show.is_some() {
            // They end with the process, when all that it has written is read.
            self.readers.detach_all();
        }
    }
}

const LAMBDA_VARIABLES: [(&str, &str); 11] = [
    ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION_NAME),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/function-under-test"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
    ("AWS_SESSION_TOKEN", "local"),
    ("TZ", ":UTC"),
];

#[derive(Default)]
struct Output {
    lines: Mutex<VecDeque<String>>,
    more: Notify,
    show: Option<Show>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Output {
    fn push(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line).into_owned();
        if let Some(show) = &self.show {
            show(&line);
        }
        self.with(|lines| {
            if lines.len() == MAX_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        });
        self.more.notify_waiters();
    }

    fn with<T>(&self, use_lines: impl FnOnce(&mut VecDeque<String>) -> T) -> T {
        use_lines(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads to the end. Not with `lines()`, which would buffer a line of any length.
async fn read_lines(stream: impl AsyncRead + Unpin, output: Arc<Output>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let chunk = match reader.fill_buf().await {
            Ok(chunk) if !chunk.is_empty() => chunk,
            Ok(_) | Err(_) => break,
        };
        let line_end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..line_end.unwrap_or(chunk.len())];
        let room = MAX_LINE_BYTES - line.len();
        line.extend_from_slice(&part[..part.len().min(room)]);
        let read = line_end.map_or(chunk.len(), |end| end + 1);
        reader.consume(read);
        if line_end.is_some() {
            output.push(&line);
            line.clear();
        }
    }
    if !line.is_empty() {
        output.push(&line);
    }
}
