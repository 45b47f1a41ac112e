//! Makes each function use every call that it can make.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_agents::{Approval, Echo};
use a2a_lambda_aws_emulator::events::{schedule_event, sqs_event};
use a2a_lambda_aws_emulator::queue::{MAX_BATCH, MAX_VISIBILITY};
use a2a_lambda_core::api_key::{ApiKey, KEY_BYTES, KeySecret};
use a2a_lambda_core::conversation::{Budget, Held, MemoryItem, Swap};
use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_core::log::fold;
use a2a_lambda_core::operations::Caller;
use a2a_lambda_core::store::{Depth, Snapshot};
use a2a_lambda_core::{
    Agents, Attended, Clock, Command, Company, End, Engine, Operations, ProtocolVersion, Runner,
    Signal,
};
use a2a_lambda_protocol::{TaskPushNotificationConfig, TaskState, Timestamp};
use a2a_lambda_request::Answer;
use a2a_lambda_runtime::{Reader, SystemClock};
use a2a_lambda_testing::{TestClock, caller, script, submit};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::account::{Account, TEST};

/// How long an invocation may take: far more than is needed.
const PATIENCE: Duration = Duration::from_mins(1);

/// All functions, one after the other.
pub(crate) async fn all(account: &Account) {
    request(account).await;
    sqs_executor(account).await;
    stream_recovery(account).await;
    scheduled_recovery(account).await;
    authorizer(account).await;
    webhook(account).await;
}

/// Events of an hour ago, without a caller.
struct History {
    operations: Operations,
    caller: Caller,
}

impl History {
    fn of(account: &Account) -> Self {
        let engine = account.with(Reader::SqsExecutor, TEST, a2a_lambda_aws::engine).unwrap();
        let hour = i64::try_from(Duration::from_hours(1).as_millis()).unwrap();
        let ago = Timestamp::from_millis(SystemClock.now().as_millis() - hour);
        let clock = Arc::new(TestClock::by_tokio().starting_at(ago));
        let caller = caller("", "alice");
        Self { operations: Operations::new(Engine { clock, ..engine }), caller }
    }

    /// A task to be deleted, with all its items.
    async fn deleted(&self, account: &Account) {
        let key = self.task(account).await;
        let engine = self.operations.engine();
        let task = engine.read(&key, Depth::Tail).await.unwrap().unwrap();
        let (task, _) = engine.transact(task, Command::Cancel).await.unwrap();
        engine.transact(task, Command::Delete).await.unwrap();
    }

    /// A task that no runner has begun, with two receivers.
    async fn task(&self, account: &Account) -> TaskKey {
        let key = submit(self.operations.engine(), &self.caller, "go").await;
        for _ in 0..2 {
            let config = TaskPushNotificationConfig {
                token: "hush".to_owned(),
                ..TaskPushNotificationConfig::of(key.task.as_str(), account.receiver())
            };
            let made =
                self.operations.create_push_config(&self.caller, config, ProtocolVersion::V1_0);
            made.await.unwrap();
        }
        key
    }

    /// A finished task whose receivers have failed once.
    async fn undelivered(&self, account: &Account) -> TaskKey {
        let key = self.task(account).await;
        let engine = self.operations.engine().clone();
        let deadline = engine.clock.now().saturating_add(PATIENCE);
        let runner = Runner::new(engine, Agents::new(Arc::new(Echo)));
        let attended = runner.attend(&key, deadline, Company::Alone).await.unwrap();
        assert!(matches!(attended, Attended::Ran { turns: 1, .. }), "{attended:?}");
        key
    }

    fn signal(&self, key: &TaskKey) -> Signal {
        Signal::new(key, &self.caller.owner)
    }
}

fn deadline() -> Timestamp {
    SystemClock.now().saturating_add(PATIENCE)
}

async fn request(account: &Account) {
    let agents = account.agents(Reader::Request).await;
    let context = account.with(Reader::Request, "request", |variables| {
        a2a_lambda_request::context(variables, agents)
    });
    let context = context.unwrap();
    let call = async |method: &str, path: &str, body: Value| -> Value {
        let event = json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "headers": { "a2a-version": "1.0", "host": "agents.example" },
            "requestContext": {
                "domainName": "agents.example",
                "http": { "method": method, "path": path, "sourceIp": "127.0.0.1" },
            },
            "body": body.to_string(),
        });
        let event = to_raw_value(&event).unwrap();
        let answer = a2a_lambda_request::handle(&event, deadline(), &context).await.unwrap();
        let Answer::Buffered(response, _) = answer else { panic!("a stream") };
        let body = String::from_utf8_lossy(response.body()).into_owned();
        assert!(response.status().is_success(), "{method} {path}: {} {body}", response.status());
        serde_json::from_str(&body).unwrap_or_default()
    };
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": "go" }] });
    let message = json!({ "message": message, "configuration": { "returnImmediately": true } });
    let sent = call("POST", "/message:send", message).await;
    let task = format!("/tasks/{}", sent["task"]["id"].as_str().unwrap());
    let configs = format!("{task}/pushNotificationConfigs");
    let config = json!({ "url": account.receiver(), "token": "hush" });
    let made = call("POST", &configs, config.clone()).await;
    call("POST", &configs, config).await;
    call("GET", &configs, Value::Null).await;
    call("DELETE", &format!("{configs}/{}", made["id"].as_str().unwrap()), Value::Null).await;
    call("GET", &task, Value::Null).await;
    call("GET", "/tasks", Value::Null).await;
    let context = sent["task"]["contextId"].as_str().unwrap();
    let params = json!({ "contextId": context });
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": params });
    call("POST", "/", list).await;
    call("POST", &format!("{task}:cancel"), json!({})).await;
}

async fn sqs_executor(account: &Account) {
    let agents = account.agents(Reader::SqsExecutor).await;
    let context = account.with(Reader::SqsExecutor, "sqs-executor", |variables| {
        a2a_lambda_sqs_executor::context(variables, agents)
    });
    let context = context.unwrap();
    let history = History::of(account);
    let new = history.signal(&history.task(account).await);
    let undelivered = history.signal(&history.undelivered(account).await);
    let other = history.signal(&history.task(account).await);
    // A batch; and one with a suspect, which sends the other on and deletes its record.
    for signals in [vec![new, undelivered], vec![other.clone(), other.alone()]] {
        // Earlier requests have no caller.
        account.queue.receive(MAX_BATCH, MAX_VISIBILITY, Duration::ZERO).await.unwrap();
        for signal in &signals {
            account.queue.send(serde_json::to_string(signal).unwrap(), Duration::ZERO).unwrap();
        }
        let records = account.queue.receive(MAX_BATCH, MAX_VISIBILITY, Duration::ZERO);
        let records = records.await.unwrap();
        assert_eq!(records.len(), signals.len());
        let event = a2a_lambda_sqs_executor::event(&raw(&sqs_event(&records))).unwrap();
        let answer = a2a_lambda_sqs_executor::handle(event, deadline(), &context).await;
        assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    }
    let remembers = script!(|turn, _| {
        turn.memory().load(Budget::tokens(1_000)).await?;
        turn.memory().append([MemoryItem::user(turn.text())]).await?;
        let seen: Held<u32> = turn.session().get("seen").await?;
        let set = turn.session().set("seen", &1, Some(&seen.version)).await?;
        Ok(if set == Swap::Lost { End::again() } else { End::completed() })
    });
    let remembered = ran(account, Agents::new(Arc::new(remembers))).await;
    assert_eq!(remembered.head.state(), TaskState::Completed);
}

/// Runs the agents' turn of a new task. Returns the task.
async fn ran(account: &Account, agents: Agents) -> Snapshot {
    let context = account.with(Reader::SqsExecutor, "sqs-executor", |variables| {
        a2a_lambda_sqs_executor::context(variables, agents)
    });
    let context = context.unwrap();
    let engine = account.with(Reader::SqsExecutor, TEST, a2a_lambda_aws::engine).unwrap();
    let caller = caller("", "alice");
    let key = submit(&engine, &caller, "go").await;
    account.queue.receive(MAX_BATCH, MAX_VISIBILITY, Duration::ZERO).await.unwrap();
    let signal = serde_json::to_string(&Signal::new(&key, &caller.owner)).unwrap();
    account.queue.send(signal, Duration::ZERO).unwrap();
    let records = account.queue.receive(MAX_BATCH, MAX_VISIBILITY, Duration::ZERO).await.unwrap();
    let event = a2a_lambda_sqs_executor::event(&raw(&sqs_event(&records))).unwrap();
    let answer = a2a_lambda_sqs_executor::handle(event, deadline(), &context).await;
    assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    engine.read(&key, Depth::Full).await.unwrap().unwrap()
}

/// A task whose agent waits for a callback. Returns the callback's path.
async fn waiting(account: &Account) -> String {
    let found = ran(account, Agents::new(Arc::new(Approval))).await;
    let task = fold(&found.head, &found.tail);
    let said = serde_json::to_value(&task.status.message.unwrap().parts[0]).unwrap();
    said["text"].as_str().unwrap().replace("https://agents.example", "")
}

async fn webhook(account: &Account) {
    let context =
        account.with(Reader::Webhook, "webhook", a2a_lambda_webhook_function::context).unwrap();
    let path = waiting(account).await;
    for (method, below) in [("GET", ""), ("POST", "/heartbeat"), ("POST", ""), ("POST", "")] {
        let event = json!({
            "version": "2.0",
            "rawPath": format!("{path}{below}"),
            "requestContext": { "http": { "method": method } },
            "body": "yes",
        });
        let event = raw(&event);
        let answered = a2a_lambda_webhook_function::handle(&event, deadline(), &context);
        let response = answered.await.unwrap().into_response();
        let status = response.status();
        assert!(status.is_success(), "{method} {below}: {status} {:?}", response.body());
    }
}

async fn stream_recovery(account: &Account) {
    let engine =
        account.with(Reader::StreamRecovery, "stream-recovery", a2a_lambda_aws::engine).unwrap();
    let history = History::of(account);
    for task in [history.task(account).await, history.undelivered(account).await] {
        let keys = json!({ "pk": { "S": format!("#{}", task.task) }, "sk": { "S": "H" } });
        let event = json!({ "Records": [{
            "eventSource": "aws:dynamodb",
            "dynamodb": { "Keys": keys, "SequenceNumber": "1" },
        }] });
        let event = a2a_lambda_stream_recovery::event(&raw(&event)).unwrap();
        let answer = a2a_lambda_stream_recovery::handle(event, deadline(), &engine).await;
        assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    }
}

async fn scheduled_recovery(account: &Account) {
    let engine = account
        .with(Reader::ScheduledRecovery, "scheduled-recovery", a2a_lambda_aws::engine)
        .unwrap();
    let history = History::of(account);
    history.task(account).await;
    history.undelivered(account).await;
    history.deleted(account).await;
    a2a_lambda_scheduled_recovery::check(&raw(&schedule_event("1", SystemClock.now()))).unwrap();
    let swept = a2a_lambda_scheduled_recovery::handle(deadline(), &engine).await.unwrap();
    assert!(swept.lost_signals > 0 && swept.pushes > 0 && swept.failed == 0, "{swept:?}");
    assert_eq!(swept.expired, 1, "{swept:?}");
}

async fn authorizer(account: &Account) {
    let context =
        account.with(Reader::Authorizer, "authorizer", a2a_lambda_authorizer::context).unwrap();
    let keys = account.with(Reader::Authorizer, TEST, a2a_lambda_aws::api_keys).unwrap();
    let (secret, now) = (KeySecret::of(&[7; KEY_BYTES]), SystemClock.now());
    let key = ApiKey {
        id: secret.id().clone(),
        digest: secret.digest(),
        owner: "billing".to_owned(),
        tenant: None,
        scopes: Vec::new(),
        created_at: now,
        expires_at: None,
    };
    assert!(keys.add(&key).await.unwrap());
    let event = json!({
        "version": "2.0",
        "routeArn": "arn:aws:execute-api:us-east-1:123456789012:api/$default",
        "headers": { "authorization": format!("Bearer {}", secret.expose()) },
    });
    let answer = a2a_lambda_authorizer::handle(&raw(&event), now, &context).await.unwrap();
    assert_eq!(answer["isAuthorized"], true, "{answer}");
}

fn raw(event: &Value) -> Box<RawValue> {
    to_raw_value(event).unwrap()
}
