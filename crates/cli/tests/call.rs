//! The commands that call an agent, from outside, against the local cloud over HTTP.

// The lint's exemption covers test functions only, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "call/follow.rs"]
mod follow;
#[path = "call/scripted.rs"]
mod scripted;
mod support;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use a2a_lambda_aws_emulator::gate::Gate;
use a2a_lambda_local::cloud::{Cloud, Options};
use a2a_lambda_local::server::serve;
use a2a_lambda_runtime::{ConfigError, Variables};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// The program's output and exit code.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// A local cloud with the conformance agent, at this URL.
async fn deployed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let agents = async |_: &Variables<'_>| {
        let agent = std::sync::Arc::new(a2a_lambda_agents::Conformance);
        Ok::<_, ConfigError>(a2a_lambda_core::Agents::new(agent))
    };
    let cloud = Cloud::start(&Options::default(), address.to_string(), &agents).await.unwrap();
    let working = cloud.clone();
    tokio::spawn(async move { working.run().await });
    tokio::spawn(serve(listener, Gate::default(), cloud));
    format!("http://{address}")
}

fn started(arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_a2a-lambda"));
    command.args(arguments).env_clear().envs(variables.iter().copied()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

async fn run(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
    let mut child = started(arguments, variables);
    let mut stdin = child.stdin.take().unwrap();
    // One that reads nothing has closed it.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let ran = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output()).await;
    let output = ran.expect("it ends in time").unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn lines(json: &str) -> Vec<Value> {
    json.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_called_over_every_binding_and_version() {
    let url = deployed().await;
    for (binding, version) in
        [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3"), ("HTTP+JSON", "0.3")]
    {
        let call = async |words: &[&str]| {
            let way = ["--binding", binding, "--a2a", version];
            let ran = run(&[words, &way].concat(), &[], "tck-artifact-text").await;
            assert_eq!(ran.err, "", "{ran:?}");
            ran
        };
        let ran = call(&["send", &url, "-"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.starts_with("task ") && ran.out.contains(": Generated text content\n"));
        assert!(ran.out.ends_with("COMPLETED\n"), "{ran:?}");

        let key = format!("{binding} {version}");
        let asked = call(&["send", &url, "tck-input-required", "--json", "--key", &key]).await;
        let asked: Value = serde_json::from_str(&asked.out).unwrap();
        assert_eq!(asked["task"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
        let task = asked["task"]["id"].as_str().unwrap();
        assert!(call(&["get", &url, task]).await.out.contains("INPUT_REQUIRED"));
        let ran = call(&["cancel", &url, task]).await;
        assert!(ran.out.ends_with("CANCELED\n"), "{ran:?}");
        let ran = call(&["watch", &url, task, "--json"]).await;
        assert_eq!(lines(&ran.out)[0]["task"]["status"]["state"], "TASK_STATE_CANCELED", "{ran:?}");

        let ran = call(&["stream", &url, "tck-stream-artifact-chunked"]).await;
        assert!(ran.out.ends_with("COMPLETED\n"), "{ran:?}");
        let ran = call(&["stream", &url, "tck-task-failure", "--json"]).await;
        let events = lines(&ran.out);
        let last = events.last().unwrap();
        assert_eq!(last["statusUpdate"]["status"]["state"], "TASK_STATE_FAILED", "{ran:?}");
        assert!(last["id"].is_string() && ran.code == 1, "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_read_from_the_environment_or_a_file_and_decides_whose_tasks_are_seen() {
    let url = deployed().await;
    let alice = [("A2A_BEARER", "alice")];
    let sent = run(&["send", &url, "tck-complete-task", "--json"], &alice, "").await;
    let sent: Value = serde_json::from_str(&sent.out).unwrap();
    let task = sent["task"]["id"].as_str().unwrap();
    let file = support::folder("bearer").join("token");
    fs::write(&file, "bob\n").unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(run(&["get", &url, task], &alice, "").await.code, 0);
    let ran = run(&["get", &url, task, "--bearer-file", "-"], &[], "alice\n").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = run(&["get", &url, task, "--bearer-file", file], &alice, "").await;
    assert_eq!((ran.code, ran.err.as_str()), (1, "the agent refuses: task not found\n"));
    fs::write(file, "Authorization: Bearer alice\n\n").unwrap();
    assert_eq!(run(&["get", &url, task, "--header-file", file], &[], "").await.code, 0);
    // The card leads to the host as it was asked; credentials go nowhere else.
    let other = url.replace("127.0.0.1", "localhost");
    let ran = run(&["card", &other], &alice, "").await;
    assert!(ran.out.contains("speaks JSONRPC 1.0 at http://"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said() {
    for (line, code, err) in [
        ("card http://127.0.0.1:1", 1, "the agent cannot be reached: "),
        ("card ftp://x", 1, "the request cannot be sent: the agent's URL must begin with https"),
        ("get x", 2, "get needs a TASK"),
        ("send http://x y --bearer-file /none", 1, "/none cannot be read: "),
        (
            "card http://x --header-file /dev/null --key-file /dev/null",
            1,
            "the keys cannot be used: ",
        ),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let ran = run(&words, &[], "").await;
        // The usage comes before the error.
        let said = ran.err.lines().next_back().unwrap_or_default();
        assert!(ran.code == code && said.starts_with(err), "{line}: {ran:?}");
    }
    for command in ["card", "send", "stream", "get", "cancel", "watch"] {
        let ran = run(&[command, "--help"], &[], "").await;
        assert!(ran.code == 0 && ran.out.contains("A2A_BEARER"), "{ran:?}");
    }
}
