//! The program from outside, against the embedded DynamoDB and queue over HTTP.

// The lint's exemption covers test functions only, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::Deref;
use std::time::Duration;

use a2a_lambda_aws_emulator::account::{Account, MAX_MESSAGES};
use a2a_lambda_core::ApiKeys as _;
use a2a_lambda_core::api_key::KeySecret;
use a2a_lambda_core::conversation::{
    ConversationKey, Memory as _, MemoryEntry, MemoryItem, Put, SessionValue,
};
use a2a_lambda_core::ids::{ConfigId, Registration, WriteId};
use a2a_lambda_core::machine::{NewPush, Settlement};
use a2a_lambda_core::push::{Attempt, Delivery, DeliveryRecord, Trouble};
use a2a_lambda_core::{
    Agents, ClaimToken, Generation, Head, Mark, Position, PushConfig, PushConfigs, Sealed, TaskKey,
    TaskStore, Tenant, store::Depth,
};
use a2a_lambda_local::cloud::{Cloud, Options};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::{ConfigError, Variables};
use a2a_lambda_testing::{carry_out, push_config, stamp, submission};
use serde_json::{Value, json};
use tokio::process::Command;

#[path = "cli/work.rs"]
mod work;

/// The program's output and exit code.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// The output of a run that went well.
    fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:?}");
        self.out
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.well()).unwrap()
    }
}

async fn run(variables: &[(&'static str, String)], line: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_a2a-lambda"));
    command.args(line.split_whitespace()).env_clear().kill_on_drop(true);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let ran = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
    let output = ran.expect("it ends in time").unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A deployment: a table, a queue, and their endpoints.
struct Deployment(Account);

impl Deref for Deployment {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.0
    }
}

impl Deployment {
    async fn new() -> Self {
        Self(Account::start(Some(1), &[]).await)
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        self.0.variables(&[
            ("DEAD_LETTER_QUEUE_URL", &self.endpoint.dead_letter_queue_url()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "hush-key"),
        ])
    }

    async fn run(&self, line: &str) -> Ran {
        run(&self.variables(), line).await
    }

    /// Makes a task of the tenant acme, which is done with all that it had to push.
    async fn task(&self, id: &str) -> TaskKey {
        self.task_made(id, at(0)).await
    }

    async fn task_made(&self, id: &str, now: Timestamp) -> TaskKey {
        let mut submission = submission(id);
        submission.key.tenant = Tenant::parse("acme").unwrap();
        let (key, stamp) = (submission.key.clone(), stamp(now, id));
        self.store.create(&Head::submit(submission, &stamp)).await.unwrap();
        key
    }

    /// The task names a config, to which everything is pushed by now.
    async fn name(&self, task: &TaskKey, registration: Registration) {
        let token = ClaimToken::new("pusher");
        let mut now = self.store.read(task, Depth::Tail).await.unwrap().unwrap();
        for step in 0..3 {
            let head = &now.head;
            let token = token.clone();
            let command = match step {
                0 => a2a_lambda_core::Command::RegisterPush(NewPush {
                    registration: registration.clone(),
                    most: 16,
                }),
                1 => a2a_lambda_core::Command::ClaimPush { token },
                _ => a2a_lambda_core::Command::SettlePush(Settlement {
                    token,
                    epoch: head.pushes.as_ref().unwrap().epoch,
                    through: head.position,
                    next: None,
                }),
            };
            let write = format!("{step} of {}", registration.as_str());
            now = carry_out(&*self.store, &now, command, &stamp(at(0), write)).await;
        }
    }

    async fn config(&self, task: &TaskKey, id: &str, delivery: Delivery) {
        let config_id = ConfigId::parse(id).unwrap();
        let registration = Registration::new(&config_id, "1");
        let config = PushConfig {
            registration: registration.clone(),
            url: format!("https://me:hush-password@{id}.example/hook?token=hush-query"),
            scheme: "Bearer".to_owned(),
            secrets: Sealed::new("hush-sealed"),
            created_at: at(0),
            delivery,
            ..push_config(id)
        };
        self.store.put(task, &config).await.unwrap();
        self.name(task, registration).await;
    }

    async fn delivery(&self, task: &TaskKey, id: &str) -> Delivery {
        let registration = Registration::new(&ConfigId::parse(id).unwrap(), "1");
        self.store.get(task, &[registration]).await.unwrap().remove(0).delivery
    }

    /// Puts messages into the queue, and from there to the dead letters.
    async fn bury(&self, bodies: &[&str]) {
        for body in bodies {
            self.queue.send((*body).to_owned(), Duration::ZERO).unwrap();
        }
        while self.queue.depth().dead < bodies.len() {
            self.queue.receive(10, Duration::ZERO, Duration::ZERO).await.unwrap();
        }
    }
}

/// Seconds after an agreed time.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + 1_000 * seconds)
}

fn trouble(since: i64, next: Option<i64>) -> Trouble {
    let attempt = |seconds, reason: &str, cause: Option<&str>| Attempt {
        at: at(seconds),
        generation: Generation(1),
        reason: reason.to_owned(),
        cause: cause.map(str::to_owned),
    };
    let attempts = vec![
        attempt(since, "HTTP 503", None),
        attempt(since + 5, "HTTP 500\u{1b}[2J", Some("the certificate\u{1b}[2J")),
    ];
    Trouble { since: at(since), failures: 2, ours: 3, next: next.map(at), attempts }
}

fn delivery(cursor: u64, trouble: Option<Trouble>) -> Delivery {
    DeliveryRecord {
        cursor: Position(cursor),
        delivered: Generation(cursor),
        introduced: cursor > 0,
        trouble,
        ..DeliveryRecord::default()
    }
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_configs_are_listed() {
    let deployment = Deployment::new().await;
    assert_eq!(deployment.run("failing").await.well(), "no push config is in trouble\n");
    for (task, config, since, next) in [("t1", "b", 20, None), ("t2", "a", 10, Some(100))] {
        let key = deployment.task(task).await;
        deployment.config(&key, config, delivery(0, Some(trouble(since, next)))).await;
        deployment.config(&key, "well", delivery(1, None)).await;
    }
    let listed = deployment.run("failing").await.well();
    let expected = "\
SINCE                     FAILURES  NEXT ATTEMPT              TENANT  TASK  CONFIG  URL                     LAST
2027-01-15T08:00:10.000Z  2         2027-01-15T08:01:40.000Z  acme    t2    a       https://a.example/hook  HTTP 500\\u{1b}[2J: the certificate\\u{1b}[2J
2027-01-15T08:00:20.000Z  2         disabled                  acme    t1    b       https://b.example/hook  HTTP 500\\u{1b}[2J: the certificate\\u{1b}[2J
";
    assert_eq!(listed, expected);
    let first = deployment.run("failing --limit 1").await.well();
    assert!(first.contains(" t2 ") && !first.contains(" t1 "), "{first}");
    assert!(first.ends_with("there are more: --limit\n"), "{first}");

    let listed = deployment.run("failing --json --limit 2").await.json();
    assert_eq!(listed["more"], json!(false));
    let one = &listed["failing"][1];
    assert_eq!((&one["tenant"], &one["task"]), (&json!("acme"), &json!("t1")));
    assert_eq!(one["config"]["disabled"], json!(true));
    assert_eq!(one["config"]["trouble"]["attempts"][0]["reason"], json!("HTTP 503"));
    assert_eq!(one["config"]["trouble"]["attempts"][0]["cause"], json!(null));
    let cause = &one["config"]["trouble"]["attempts"][1]["cause"];
    assert_eq!(cause, &json!("the certificate\u{1b}[2J"));
    assert!(!listed.to_string().contains("hush"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_s_configs_are_shown_without_their_secrets() {
    let deployment = Deployment::new().await;
    let key = deployment.task("t").await;
    assert!(deployment.run("show t --tenant acme").await.well().contains("configs     none"));
    deployment.config(&key, "a", delivery(1, None)).await;
    deployment.config(&key, "b", delivery(0, Some(trouble(0, None)))).await;
    let shown = deployment.run("show t --tenant acme").await.well();
    let expected = "\
task        t
tenant      acme
owner       alice
state       TASK_STATE_SUBMITTED
generation  1
pushes      nothing is to be sent

config      a
  url       https://a.example/hook
  made      2027-01-15T08:00:00.000Z, by A2A 1.0
  sent      all up to generation 1 of 1
  trouble   none

config      b
  url       https://b.example/hook
  made      2027-01-15T08:00:00.000Z, by A2A 1.0
  sent      nothing yet, and then the task as of generation 1
  trouble   since 2027-01-15T08:00:00.000Z, failures: 2, not sent by our own fault: 3, disabled
    2027-01-15T08:00:00.000Z  generation 1  HTTP 503
    2027-01-15T08:00:05.000Z  generation 1  HTTP 500\\u{1b}[2J: the certificate\\u{1b}[2J
";
    assert_eq!(shown, expected);
    let shown = deployment.run("show t --tenant acme --json").await.json();
    assert_eq!(shown["pending"], json!({ "is": "nothing" }));
    assert_eq!(shown["configs"][0]["delivered"], json!(1));
    assert!(!shown.to_string().contains("hush"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn configs_are_replayed_and_enabled() {
    let deployment = Deployment::new().await;
    let key = deployment.task("t").await;
    deployment.config(&key, "a", delivery(1, None)).await;
    deployment.config(&key, "b", delivery(0, Some(trouble(0, None)))).await;
    let replayed = deployment.run("replay t a --since 0 --tenant acme").await.well();
    let expected = "replayed: config a is sent what came after generation 0\n\
                    how far it is: a2a-lambda show t --tenant acme\n";
    assert_eq!(replayed, expected);
    let expected = DeliveryRecord { introduced: true, replays: 1, ..DeliveryRecord::default() };
    assert_eq!(*deployment.delivery(&key, "a").await, expected);

    let enabled = deployment.run("enable t b --tenant acme --json").await.json();
    assert_eq!(
        (&enabled["done"], &enabled["config"]["trouble"]),
        (&json!("enabled"), &Value::Null)
    );
    assert_eq!(deployment.delivery(&key, "b").await, delivery(0, None));
    let head = deployment.store.read(&key, Depth::Tail).await.unwrap().unwrap().head;
    assert_eq!(head.mark(), Some(&Mark::Open), "somebody is woken");
    assert_eq!(deployment.run("failing").await.well(), "no push config is in trouble\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_deleted() {
    let deployment = Deployment::new().await;
    let key = deployment.task_made("t", Timestamp::from_millis(0)).await;
    deployment.config(&key, "a", delivery(1, None)).await;
    let refused = deployment.run("delete t --tenant acme").await;
    assert_eq!(refused.code, 1);
    let said = refused.err;
    assert!(said.contains("the task is submitted: cancel it first"), "{said}");
    assert!(said.contains("--cancel"), "{said}");
    assert!(deployment.store.read(&key, Depth::Tail).await.unwrap().is_some());
    let deleted = deployment.run("delete t --tenant acme --cancel").await.well();
    assert_eq!(deleted, "deleted: t --tenant acme\n");
    assert!(deployment.store.read(&key, Depth::Full).await.unwrap().is_none());
    let registration = Registration::new(&ConfigId::parse("a").unwrap(), "1");
    assert!(deployment.store.get(&key, &[registration]).await.unwrap().is_empty());
    let again = deployment.run("delete t --tenant acme").await;
    assert!(again.code == 1 && again.err.contains("there is no such task"), "{again:?}");
    // A new one's entry stays for a minute.
    deployment.task_made("u", Timestamp::MAX).await;
    let json = deployment.run("delete u --tenant acme --cancel --json").await.json();
    assert_eq!(json, json!({ "tenant": "acme", "task": "u", "whole": false }));
}

/// The number of items in the table.
async fn items(deployment: &Deployment) -> u64 {
    deployment.run("retain --json").await.json()["items"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_deleted() {
    let deployment = Deployment::new().await;
    let key = deployment.task_made("t", Timestamp::from_millis(0)).await;
    deployment.config(&key, "a", delivery(1, None)).await;
    deployment.task_made("u", Timestamp::from_millis(0)).await;
    let head = deployment.store.read(&key, Depth::Tail).await.unwrap().unwrap().head;
    let (tenant, owner, context) = (head.key.tenant, head.owner, head.context);
    let of = ConversationKey { tenant, owner, context };
    let entry = MemoryEntry {
        number: 1,
        writer: WriteId::new("t"),
        fence: 1,
        items: vec![MemoryItem::user("hi")],
        write: WriteId::new("w"),
        expires_at: None,
    };
    let value = SessionValue {
        key: "k".to_owned(),
        value: None,
        write: WriteId::new("w"),
        before: Vec::new(),
        expires_at: None,
    };
    assert_eq!(deployment.store.put_entry(&of, None, &entry).await.unwrap(), Put::Stored);
    assert_eq!(deployment.store.put_value(&of, None, &value).await.unwrap(), Put::Stored);
    assert!(items(&deployment).await >= 5);
    let line = format!("delete-context {} {} --tenant acme", of.owner, of.context);
    let deleted = deployment.run(&line).await.well();
    let nothing = format!("nothing is left of {} of {}\n", of.context, of.owner);
    assert_eq!(deleted, format!("tasks deleted: 2\n{nothing}"));
    assert_eq!(items(&deployment).await, 0, "the whole table is empty");
    let again = deployment.run(&line).await.well();
    assert!(again.contains("\nnothing is stored of context of alice."), "{again}");
    // A new task's entry stays for a minute, and so does the note of it.
    deployment.task_made("new", Timestamp::MAX).await;
    let part = deployment.run(&format!("{line} --json")).await;
    assert_eq!((part.code, part.err.as_str()), (1, ""), "{part:?}");
    let part: Value = serde_json::from_str(&part.out).unwrap();
    assert_eq!((&part["tasks"], &part["whole"]), (&json!(0), &json!(false)));
    assert!(part["againAt"].is_string(), "{part}");
    assert_eq!(items(&deployment).await, 2);
    let part = deployment.run(&line).await;
    assert!(part.out.contains("more is left: run it again after "), "{part:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_without_a_time_to_go_are_counted_and_then_given_it() {
    let deployment = Deployment::new().await;
    deployment.task("goes-on").await;
    let mut ended = Vec::new();
    for id in ["a", "b"] {
        let key = deployment.task(id).await;
        let now = deployment.store.read(&key, Depth::Tail).await.unwrap().unwrap();
        // As where no task expires.
        let cancel = a2a_lambda_core::Command::Cancel;
        carry_out(&*deployment.store, &now, cancel, &stamp(at(0), "cancel")).await;
        ended.push(key);
    }
    let counted = deployment.run("retain --json").await.json();
    assert_eq!(counted, json!({ "items": 3, "tasks": 2, "withoutTime": 2, "wrote": false }));
    let text = deployment.run("retain --read-units 7").await.well();
    assert!(text.ends_with("give them theirs: a2a-lambda retain --write\n"), "{text}");
    for key in &ended {
        assert_eq!(deployment.store.read(key, Depth::Tail).await.unwrap().unwrap().head.ttl, None);
    }
    let mut variables = deployment.variables();
    variables.push(("STORED_FORMAT", "1".to_owned()));
    let refused = run(&variables, "retain --write").await;
    assert!(refused.code == 1 && refused.err.contains("STORED_FORMAT=2"), "{refused:?}");
    let refused = deployment.run("retain --write").await;
    assert!(refused.code == 1 && refused.err.contains("TASK_RETENTION_DAYS"), "{refused:?}");
    let mut variables = deployment.variables();
    variables.push(("TASK_RETENTION_DAYS", "30".to_owned()));
    variables.push(("WAITING_RETENTION_DAYS", "90".to_owned()));
    let written = run(&variables, "retain --write").await.well();
    assert!(written.ends_with("tasks that were given their time: 2\n"), "{written}");
    for key in &ended {
        let head = deployment.store.read(key, Depth::Tail).await.unwrap().unwrap().head;
        assert_eq!(head.ttl, Some(head.status_at.saturating_add(Duration::from_hours(24 * 30))));
    }
    let again = run(&variables, "retain --write --json").await.json();
    assert_eq!(again, json!({ "items": 3, "tasks": 0, "withoutTime": 0, "wrote": true }));
    // An earlier run can be gone on with.
    let line = r#"retain --json --from ["acme#zz","H"]"#;
    assert!(deployment.run(line).await.json()["items"].as_u64() <= Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_says_what_to_do() {
    let deployment = Deployment::new().await;
    let key = deployment.task("t").await;
    deployment.config(&key, "a", delivery(1, None)).await;
    for (line, said) in [
        ("show t", ["there is no such task", "--tenant"]),
        ("enable t x --tenant acme", ["no such push config", "`show TASK` lists"]),
        ("replay t a --since 2 --tenant acme", ["generation 1 only", "0 for all of it"]),
    ] {
        let ran = deployment.run(line).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{line}");
        assert!(said.iter().all(|said| ran.err.contains(said)), "{line}: {}", ran.err);
    }
    for (missing, line, hint) in [
        ("TABLE_NAME", "failing", "--help lists the variables"),
        ("AWS_ACCESS_KEY_ID", "failing", "aws configure export-credentials --format env"),
        ("DEAD_LETTER_QUEUE_URL", "redrive", "--help lists the variables"),
    ] {
        let variables = deployment.variables();
        let variables: Vec<_> =
            variables.into_iter().filter(|(name, _)| *name != missing).collect();
        let ran = run(&variables, line).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{missing}");
        assert!(ran.err.contains(missing) && ran.err.contains(hint), "{missing}: {}", ran.err);
    }
    let mut variables = deployment.variables();
    variables.push(("TABLE_NAME", "elsewhere".to_owned()));
    let ran = run(&variables, "failing").await;
    assert!(ran.code == 1 && ran.err.contains("check TABLE_NAME"), "{ran:?}");
    variables.push(("DEAD_LETTER_QUEUE_URL", deployment.endpoint.queue_url()));
    let ran = run(&variables, "redrive").await;
    assert!(ran.code == 1 && ran.err.contains("another queue"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_endpoint_is_named_and_nothing_else_is_blamed() {
    let deployment = Deployment::new().await;
    for (variable, url, line, said) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", "127.0.0.1:9001", "failing", "give it a URL such as http://"),
        ("AWS_ENDPOINT_URL_SQS", "ftp://127.0.0.1", "redrive", "give it a URL such as http://"),
        // Nobody listens there.
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1", "failing", "DynamoDB is served there"),
        ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1", "redrive", "SQS is served there"),
    ] {
        let mut variables = deployment.variables();
        variables.push((variable, url.to_owned()));
        let ran = run(&variables, line).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{variable} {url}");
        assert!(ran.err.contains(variable) && ran.err.contains(said), "{url}: {}", ran.err);
        assert!(!ran.err.contains("AWS_REGION"), "{url}: {}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_gone_is_no_panic() {
    let deployment = Deployment::new().await;
    // A report, a help, a failure and a wrong command line.
    for (variables, line, code) in [
        (deployment.variables(), "failing", 0),
        (Vec::new(), "--help", 0),
        (Vec::new(), "failing", 1),
        (Vec::new(), "replay t", 2),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_a2a-lambda"));
        command.args(line.split_whitespace()).env_clear().envs(variables);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(command.status().await.unwrap().code(), Some(code), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_line_is_answered_with_the_right_one() {
    let ran = run(&[], "replay t").await;
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.ends_with("\n\nreplay needs a CONFIG\n"), "{}", ran.err);
    assert!(ran.err.contains("Usage: a2a-lambda COMMAND"), "{}", ran.err);
    let help = run(&[], "failing --help").await.well();
    assert!(help.contains("aws configure export-credentials --format env"), "{help}");

    // Each command of the general help has a help of its own.
    let help = run(&[], "--help").await.well();
    let commands = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("   "));
    let commands: Vec<_> = commands.filter(|(name, _)| !name.starts_with('-')).collect();
    assert!(commands.len() >= 9, "{help}");
    for (command, _) in commands {
        // Python has the help of these: see `scripts.rs`.
        if !["package", "deploy"].contains(&command) {
            let help = run(&[], &format!("{command} --help")).await.well();
            assert!(
                help.contains(&format!("  {command} "))
                    || help.contains(&format!(" {command} DIR")),
                "{help}"
            );
        }
    }
    for (line, said) in [("", "a command is missing"), ("fail", "there is no command \"fail\"")] {
        let ran = run(&[], line).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.trim_end().ends_with(said) && ran.err.contains("Usage:"), "{}", ran.err);
    }
    assert_eq!(run(&[], "--version").await.well(), "a2a-lambda 0.1.0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_are_moved_and_other_messages_stay() {
    let deployment = Deployment::new().await;
    assert_eq!(deployment.run("redrive").await.well(), "0 signals moved\n");
    let signals: Vec<_> = (0..24).map(|n| format!("{{\"taskId\":\"t{n}\"}}")).collect();
    let mut bodies: Vec<&str> = signals.iter().map(String::as_str).collect();
    bodies.insert(3, "hello");
    deployment.bury(&bodies).await;

    let some = deployment.run("redrive --limit 2").await.well();
    assert_eq!(some, "2 signals moved\nthere may be more: the limit was reached\n");
    let rest = deployment.run("redrive --json").await.json();
    assert_eq!(
        (&rest["moved"], &rest["failed"], &rest["more"]),
        (&json!(22), &json!([]), &json!(false))
    );
    let [left] = rest["left"].as_array().unwrap().as_slice() else { panic!("{rest}") };
    assert!(left["reason"].as_str().unwrap().starts_with("it is not a signal"), "{left}");
    let depth = deployment.queue.depth();
    assert_eq!((depth.visible, depth.dead), (24, 1));
    let mut moved = Vec::new();
    for _ in 0..3 {
        let received = deployment.queue.receive(10, Duration::from_mins(1), Duration::ZERO).await;
        moved.extend(received.unwrap().into_iter().map(|message| message.body));
    }
    assert_eq!(moved, signals);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_loses_nothing() {
    let deployment = Deployment::new().await;
    deployment.bury(&["{\"taskId\":\"a\"}", "{\"taskId\":\"b\"}"]).await;
    for _ in 1..MAX_MESSAGES {
        deployment.queue.send("x".to_owned(), Duration::from_mins(1)).unwrap();
    }
    let ran = deployment.run("redrive").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.starts_with("1 signals moved\nfailed: "), "{ran:?}");
    assert!(ran.out.ends_with(": it was not sent: InvalidMessageContents\n"), "{ran:?}");
    assert_eq!(deployment.queue.depth().dead, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_cloud_is_reached_by_the_variables_that_it_prints() {
    let options = Options { aws_port: Some(0), ..Options::default() };
    let agents = async |_: &Variables<'_>| Ok::<_, ConfigError>(Agents::closed());
    let cloud = Cloud::start(&options, "127.0.0.1:1".to_owned(), &agents).await.unwrap();
    let variables = cloud.operator_variables().unwrap();
    assert_eq!(run(&variables, "failing").await.well(), "no push config is in trouble\n");
    assert_eq!(run(&variables, "redrive").await.well(), "0 signals moved\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_and_shown_once_and_listed_and_revoked() {
    let deployment = Deployment::new().await;
    assert_eq!(deployment.run("keys").await.well(), "there are no API keys\n");
    let line = "make-key --owner billing --tenant acme --scopes read,send --days 7 --json";
    let made = deployment.run(line).await.json();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    let secret = KeySecret::parse(key).unwrap();
    assert_eq!(secret.id().as_str(), id);
    let stored = deployment.store.find(secret.id()).await.unwrap().unwrap();
    assert!(stored.is(&secret, stored.created_at));
    assert_eq!((stored.owner.as_str(), stored.scopes.join(" ").as_str()), ("billing", "read send"));
    assert_eq!(stored.tenant, Some(Tenant::parse("acme").unwrap()));
    let lasts = stored.expires_at.unwrap().saturating_since(stored.created_at);
    assert_eq!(lasts, Duration::from_hours(7 * 24));
    // The key is nowhere, and its digest in the table only.
    let text = deployment.run("keys").await.well();
    let json = deployment.run("keys --json").await;
    for shown in [&text, &json.out] {
        assert!(shown.contains(id) && shown.contains("billing"), "{shown}");
        assert!(!shown.contains(key) && !shown.contains(&stored.digest), "{shown}");
    }
    assert!(text.lines().nth(1).unwrap().contains("acme"), "{text}");
    let again = deployment.run("make-key --owner billing").await.well();
    assert_ne!(again.lines().next().unwrap(), key);
    assert!(again.contains("the only time"), "{again}");
    let revoked = deployment.run(&format!("revoke-key {id}")).await.well();
    assert!(revoked.starts_with(&format!("revoked: {id}\n")), "{revoked}");
    assert_eq!(deployment.store.find(secret.id()).await.unwrap(), None);
    let ran = deployment.run(&format!("revoke-key {id}")).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, format!("there is no API key {id}\n`keys` lists the keys\n"));
    let ran = deployment.run("make-key --owner ü").await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the owner must be"), "{ran:?}");
}
