//! The function as the process that Lambda starts: its protocol, its log and its end.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::queue::{Queue, QueueConfig};
use a2a_lambda_aws_emulator::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Engine, Operations, Policy, ProtocolVersion, TaskKey, Vault};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_protocol::{AuthenticationInfo, TaskPushNotificationConfig};
use a2a_lambda_runtime::{RandomIds, SystemClock, vault::LocalVault};
use a2a_lambda_testing::{Doubles, TestClock, caller, submit};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_stream-recovery");
const EVENT: &str = include_str!("events/stream.json");
const TABLE: &str = "tasks";

/// 32 times the letter A.
const KEY: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

/// How long an invocation may take: far more than is needed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A receiver that takes everything, and shows the head and the body of what it was sent.
async fn receiver() -> (SocketAddr, mpsc::UnboundedReceiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (arrived, arrivals) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let arrived = arrived.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                loop {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if stream.read_line(&mut head).await.unwrap() == 0 {
                            return;
                        }
                    }
                    let head = head.to_lowercase();
                    let length = head.split("content-length: ").nth(1).unwrap();
                    let length = length.split("\r\n").next().unwrap().parse().unwrap();
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).await.unwrap();
                    arrived.send((head, serde_json::from_slice(&body).unwrap())).unwrap();
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                        .await
                        .unwrap();
                }
            });
        }
    });
    (address, arrivals)
}

struct Aws {
    endpoint: Endpoint,
    store: Arc<DynamoDbStore>,
    task: TaskKey,
}

/// An account with one task, of which a receiver is to be told.
async fn aws(receiver: SocketAddr) -> Aws {
    let database = EmbeddedDynamoDb::memory().unwrap();
    create_table(&database.client(), TABLE).await.unwrap();
    let store = Arc::new(DynamoDbStore::new(database.client(), TABLE));
    let config = QueueConfig {
        capacity: NonZeroUsize::new(10).unwrap(),
        max_receive_count: None,
        dead_letter_capacity: NonZeroUsize::MIN,
    };
    let queue = Arc::new(Queue::new(config, || 0));
    let vault: Arc<dyn Vault> = Arc::new(LocalVault::from_base64(KEY).unwrap());
    let engine = Engine {
        store: store.clone(),
        configs: store.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        vault,
        ..Doubles::of(TestClock::by_tokio(), Policy::default()).engine
    };
    let caller = caller("", "alice");
    let key = submit(&engine, &caller, "go").await;
    let operations = Operations::new(engine);
    let config = TaskPushNotificationConfig {
        task_id: key.task.as_str().to_owned(),
        url: format!("http://{receiver}/hook"),
        token: "hush".to_owned(),
        authentication: Some(AuthenticationInfo {
            scheme: "Bearer".to_owned(),
            credentials: "hush-hush".to_owned(),
        }),
        ..TaskPushNotificationConfig::default()
    };
    operations.create_push_config(&caller, config, ProtocolVersion::V1_0).await.unwrap();
    Aws { endpoint: Endpoint::start(database, queue).await.unwrap(), store, task: key }
}

fn variables(aws: &Aws) -> Vec<(&'static str, String)> {
    vec![
        ("TABLE_NAME", TABLE.to_owned()),
        ("QUEUE_URL", aws.endpoint.queue_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", aws.endpoint.url()),
        ("AWS_ENDPOINT_URL_SQS", aws.endpoint.url()),
        ("PUSH_ALLOW_HTTP", "true".to_owned()),
        ("PUSH_ALLOW_LOCAL", "true".to_owned()),
        ("PUSH_SECRETS_KEY", KEY.to_owned()),
        // Not even where everything is logged is a secret, or the image of a task.
        ("LOG_LEVEL", "trace".to_owned()),
    ]
}

#[tokio::test]
async fn what_nobody_is_at_is_delivered() {
    let (address, mut arrivals) = receiver().await;
    let aws = aws(address).await;
    let api = RuntimeApi::start().await.unwrap();
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables(&aws), &api).unwrap();
    let event = EVENT.replace("FIRST", aws.task.task.as_str());
    for _ in 0..2 {
        let answer: Value = match api.invoke(&event, PATIENCE).await {
            Invocation::Response { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
            other => panic!("{other:?}\n{}", bootstrap.lines().join("\n")),
        };
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    let (head, body) = timeout(PATIENCE, arrivals.recv()).await.unwrap().unwrap();
    assert!(head.contains("authorization: bearer hush-hush\r\n"), "{head}");
    assert!(head.contains("a2a-notification-token: hush\r\n"), "{head}");
    assert_eq!(body["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
    assert!(arrivals.try_recv().is_err(), "it is sent once");
    let read = a2a_lambda_core::TaskStore::read(aws.store.as_ref(), &aws.task, Depth::Tail).await;
    assert_eq!(read.unwrap().unwrap().head.mark(), None);
    for line in bootstrap.lines() {
        assert!(!line.contains("hush") && !line.contains("NewImage"), "{line}");
        serde_json::from_str::<Value>(&line).unwrap();
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_fails_the_records_and_not_the_process() {
    let (address, _) = receiver().await;
    let aws = aws(address).await;
    let api = RuntimeApi::start().await.unwrap();
    let mut variables = variables(&aws);
    variables.push(("TABLE_NAME", "another-table".to_owned()));
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
    for _ in 0..2 {
        let answer: Value = match api.invoke(EVENT, PATIENCE).await {
            Invocation::Response { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
            other => panic!("{other:?}\n{}", bootstrap.lines().join("\n")),
        };
        let first = "4421584500000000017450439091";
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": first }] }));
    }
    let of_a_record = |line: &str| line.contains("ResourceNotFoundException");
    let line = bootstrap.line(of_a_record, PATIENCE).await.expect("a line with the cause");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "WARN", "{line}");
}

#[tokio::test]
async fn a_variable_that_is_wrong_ends_the_process_with_a_line_that_names_it_and_not_its_value() {
    for (variable, value) in [
        ("TABLE_NAME", ""),
        ("PUSH_ALLOWED_HOSTS", "https://hooks.example"),
        ("PUSH_SECRETS_KEY", "hush"),
        ("PUSH_SIGNING_KEYS", "hush"),
    ] {
        let (address, _) = receiver().await;
        let aws = aws(address).await;
        let api = RuntimeApi::start().await.unwrap();
        // The last one of a name counts.
        let variables = variables(&aws).into_iter().chain([(variable, value.to_owned())]);
        let mut bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
        let status = bootstrap.wait().await.unwrap();
        assert_eq!(status.code(), Some(1));
        let named = |line: &str| line.contains(variable);
        let line = bootstrap.line(named, PATIENCE).await.expect("a line that names it");
        assert!(!line.contains("hush"), "{line}");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "ERROR", "{line}");
    }
}
