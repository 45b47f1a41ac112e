//! The function as the process that Lambda starts: its protocol, its log and its end.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::net::SocketAddr;
use std::sync::Arc;

use a2a_lambda_aws_emulator::account::{Account, PATIENCE};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Engine, Operations, Policy, ProtocolVersion, TaskKey, Vault};
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

/// 32 times the letter A.
const KEY: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

/// A receiver that accepts everything, and shows the head and the body of each request.
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

/// An account with one task and an open push.
async fn aws(receiver: SocketAddr) -> (Account, TaskKey) {
    let variables = [
        ("PUSH_ALLOW_HTTP", "true"),
        ("PUSH_ALLOW_LOCAL", "true"),
        ("PUSH_SECRETS_KEY", KEY),
        // Not even where everything is logged is a secret, or the image of a task.
        ("LOG_LEVEL", "trace"),
    ];
    let aws = Account::start(None, &variables).await;
    let vault: Arc<dyn Vault> = Arc::new(LocalVault::from_base64(KEY).unwrap());
    let engine = Engine {
        store: aws.store.clone(),
        configs: aws.store.clone(),
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
    (aws, key)
}

#[tokio::test]
async fn unclaimed_pushes_are_delivered() {
    let (address, mut arrivals) = receiver().await;
    let (aws, task) = aws(address).await;
    let function = aws.function(EXECUTABLE, &[]).await;
    let event = EVENT.replace("FIRST", task.task.as_str());
    for _ in 0..2 {
        assert_eq!(function.answer(&event).await, json!({ "batchItemFailures": [] }));
    }
    let (head, body) = timeout(PATIENCE, arrivals.recv()).await.unwrap().unwrap();
    assert!(head.contains("authorization: bearer hush-hush\r\n"), "{head}");
    assert!(head.contains("a2a-notification-token: hush\r\n"), "{head}");
    assert_eq!(body["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
    assert!(arrivals.try_recv().is_err(), "it is sent once");
    let read = a2a_lambda_core::TaskStore::read(aws.store.as_ref(), &task, Depth::Tail).await;
    assert_eq!(read.unwrap().unwrap().head.mark(), None);
    function.log(&["hush", "NewImage"]);
}

#[tokio::test]
async fn a_table_that_is_not_there_fails_the_records_and_not_the_process() {
    let (address, _) = receiver().await;
    let (aws, _) = aws(address).await;
    let function = aws.function(EXECUTABLE, &[("TABLE_NAME", "another-table")]).await;
    let first = "4421584500000000017450439091";
    for _ in 0..2 {
        let failed = json!({ "batchItemFailures": [{ "itemIdentifier": first }] });
        assert_eq!(function.answer(EVENT).await, failed);
    }
    let line = function.line("ResourceNotFoundException").await;
    assert_eq!(line["level"], "WARN", "{line}");
}

#[tokio::test]
async fn a_variable_that_is_wrong_ends_the_process_with_a_line_that_names_it_and_not_its_value() {
    let (address, _) = receiver().await;
    let (aws, _) = aws(address).await;
    let wrong = [
        ("TABLE_NAME", ""),
        ("PUSH_ALLOWED_HOSTS", "https://hooks.example"),
        ("PUSH_SECRETS_KEY", "hush"),
        ("PUSH_SIGNING_KEYS", "hush"),
    ];
    for line in aws.refuses(EXECUTABLE, &wrong).await {
        assert!(!line.to_string().contains("hush"), "{line}");
    }
}
