//! Two deployments in a row, the first one a proxy of the second, while both are killed at random: no task
//! is lost, and none is doubled.
//!
//! By default it is small. For more: `ROW_TASKS=200`.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_client::{Binding, Client, Config, Error, Interface, SendOptions, Version};
use a2a_lambda_https::ClientConfig;
use a2a_lambda_protocol::{GetTaskRequest, ListTasksRequest, Message, Role, Task, TaskState};
use a2a_lambda_runtime::{SystemClock, process_environment};
use a2a_lambda_testing::{Random, sending, task_of};
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

const TASKS: usize = 24;

/// How many tasks are under way at a time.
const AT_ONCE: usize = 8;

/// The time between two kills, in milliseconds.
const PAUSE: (u64, u64) = (300, 1_500);

/// The work of the last agent in the row: chunks, the bytes of each, and milliseconds in between.
const WORK: &str = "4 100 300";
const CHUNKS: usize = 4;

/// A deployment, which is a process of its own with its data in a folder.
struct Deployment {
    port: u16,
    agent: String,
    data: PathBuf,
    /// For how many seconds a stream is followed.
    streams: &'static str,
    child: Child,
}

impl Deployment {
    async fn start(agent: String, data: PathBuf, streams: &'static str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = started(port, &agent, &data, streams).await;
        Self { port, agent, data, streams, child }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn client(&self) -> Client {
        let transport = a2a_lambda_https::Client::new(ClientConfig::new(Arc::new(SystemClock)));
        let interface = Interface {
            url: self.url().parse().unwrap(),
            binding: Binding::JsonRpc,
            version: Version::V1_0,
            tenant: String::new(),
        };
        Client::new(Arc::new(transport.unwrap()), interface, Config::default())
    }

    /// Kills it without a word, and starts it again.
    async fn kill(&mut self) {
        self.child.kill().await.unwrap();
        self.child = started(self.port, &self.agent, &self.data, self.streams).await;
    }
}

async fn started(port: u16, agent: &str, data: &Path, streams: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_a2a-lambda-local"));
    command.args(["--port", &port.to_string(), "--agent", agent, "--log", "error", "--data"]);
    command.arg(data).env("LEASE_SECONDS", "6").env("A2A_AGENT_STREAM_SECONDS", streams);
    command.env("MAX_ATTEMPTS", "50").stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(Duration::from_mins(1), lines.next_line()).await.unwrap().unwrap();
    assert!(line.unwrap().starts_with("listening"));
    child
}

/// Calls until there is an answer: the server may be dead just now.
async fn insist<T>(call: impl AsyncFn() -> Result<T, Error>) -> T {
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) if error.is_retryable() => sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn submit(client: &Client, number: usize) -> String {
    let request = sending(Message::text(format!("m{number}"), Role::User, WORK));
    let key = Some(format!("row-{number}"));
    let options = SendOptions { idempotency_key: key, repeats: true };
    task_of(insist(async || client.send(request.clone(), &options).await).await).id
}

async fn ended(client: &Client, id: &str) -> Task {
    loop {
        let request = GetTaskRequest::of(id);
        let task = insist(async || client.get(request.clone()).await).await;
        if task.status.state.is_terminal() {
            return task;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// All tasks of a deployment.
async fn all(client: &Client) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListTasksRequest { page_token, ..ListTasksRequest::default() };
        let page = insist(async || client.list(request.clone()).await).await;
        tasks.extend(page.tasks);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return tasks;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_is_lost_or_doubled_between_two_deployments_that_die() {
    run("2").await;
}

/// Nothing runs in the first one while it waits for the pushes of the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_is_lost_or_doubled_that_waits_for_a_push() {
    run("0").await;
}

async fn run(streams: &'static str) {
    let wanted = process_environment("ROW_TASKS").map_or(TASKS, |it| it.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("row-{streams}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let mut second = Deployment::start("paced".to_owned(), folder.join("second"), streams).await;
    let agent = format!("a2a:{}", second.url());
    let mut first = Deployment::start(agent, folder.join("first"), streams).await;
    let (front, behind) = (first.client(), second.client());
    let begun = Instant::now();
    let work = stream::iter(0..wanted)
        .map(async |number| ended(&front, &submit(&front, number).await).await)
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<Task>>();
    let mut random = Random::new(41);
    let mut kills = [0, 0];
    let killing = async {
        loop {
            sleep(Duration::from_millis(random.within(PAUSE.0, PAUSE.1))).await;
            let which = (kills[0] + kills[1]) % kills.len();
            kills[which] += 1;
            if which == 0 { first.kill().await } else { second.kill().await }
        }
    };
    let limit = Duration::from_mins(3) + Duration::from_secs(3) * u32::try_from(wanted).unwrap();
    let tasks = tokio::select! {
        tasks = timeout(limit, work) => tasks.unwrap(),
        () = killing => unreachable!("it goes on for ever"),
    };
    // One may have been under way to its next life.
    second.kill().await;
    let took = begun.elapsed();
    for task in &tasks {
        assert_eq!(task.status.state, TaskState::Completed, "{task:?}");
        assert_eq!(task.artifacts.len(), 1, "{task:?}");
        assert_eq!(task.artifacts[0].parts.len(), CHUNKS, "{task:?}");
    }
    let passed_on = all(&behind).await;
    println!(
        "{wanted} tasks, streams {streams} s, kills {kills:?}, {} tasks behind, {took:?}",
        passed_on.len()
    );
    assert!(kills[0] > 0 && kills[1] > 0);
    assert_eq!(passed_on.len(), wanted, "each was passed on once");
    assert!(passed_on.iter().all(|task| task.status.state == TaskState::Completed));
    std::fs::remove_dir_all(&folder).unwrap();
}
