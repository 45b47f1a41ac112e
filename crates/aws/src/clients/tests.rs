use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use a2a_lambda_core::store::{Depth, StoreError, TaskStore as _};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_testing::TestClock;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::test_server::{SENT, TestResult, UNAVAILABLE, environment, serve};

const NO_TABLES: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 17\r\n\r\n\
     {\"TableNames\":[]}";

#[tokio::test]
async fn a_request_is_signed_sent_to_the_endpoint_and_retried() -> TestResult {
    let (address, served) = serve(&[UNAVAILABLE, NO_TABLES]).await?;
    let client = dynamodb_client(&environment(&format!("http://{address}")), http_client());

    let tables = client.list_tables().send().await?;

    assert!(tables.table_names().is_empty());
    for request in served.await?? {
        assert!(request.contains("x-amz-target: DynamoDB_20120810.ListTables"), "{request}");
        assert!(request.contains("Credential=AKIDEXAMPLE/"), "{request}");
        assert!(request.contains("/eu-central-1/dynamodb/aws4_request"), "{request}");
        assert!(!request.contains("very-secret"), "{request}");
    }
    Ok(())
}

#[tokio::test]
async fn a_message_is_sent_to_the_endpoint() -> TestResult {
    let (address, served) = serve(&[SENT]).await?;
    let client = sqs_client(&environment(&format!("http://{address}")), http_client());

    let sent = client.send_message().queue_url("queue").message_body("signal").send().await?;

    assert_eq!(sent.message_id(), Some("1"));
    let requests = served.await??;
    assert!(requests[0].contains("x-amz-target: AmazonSQS.SendMessage"), "{requests:?}");
    Ok(())
}

#[test]
fn a_client_that_is_not_used_is_not_made() {
    let made = Arc::new(AtomicU32::new(0));
    let count = made.clone();
    let client = AtFirstUse::new(move || count.fetch_add(1, Ordering::Relaxed));
    let other = client.clone();
    assert_eq!(made.load(Ordering::Relaxed), 0);
    assert_eq!((*client, *other), (0, 0));
    assert_eq!(made.load(Ordering::Relaxed), 1, "clones are one client");
}

/// TLS comes up to where the server must answer: the roots are read, the crypto provider is there.
#[tokio::test]
async fn an_https_endpoint_is_greeted_by_tls() -> TestResult {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let greeted = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut record_type = [0];
        stream.read_exact(&mut record_type).await?;
        Ok::<_, io::Error>(record_type[0])
    });
    let client = dynamodb_client(&environment(&format!("https://{address}")), http_client());
    let sending = tokio::spawn(client.list_tables().send());

    assert_eq!(greeted.await??, 22, "a TLS handshake record");
    sending.abort();
    Ok(())
}

macro_rules! throttled {
    ($name:literal) => {
        concat!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\n",
            "connection: close\r\n\r\n",
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#"#,
            $name,
            r#"","message":"too much"}"#
        )
    };
}

#[tokio::test]
async fn what_the_table_throttles_is_told_at_once() -> TestResult {
    const ANSWERS: [&[&str]; 3] = [
        &[throttled!("ProvisionedThroughputExceededException")],
        &[throttled!("RequestLimitExceeded")],
        &[throttled!("ThrottlingException")],
    ];
    let key = a2a_lambda_testing::submission("t").key;
    for answers in ANSWERS {
        let (address, served) = serve(answers).await?;
        let client = dynamodb_client(&environment(&format!("http://{address}")), http_client());
        let store = DynamoDbStore::new(client, "tasks");
        let read = store.read(&key, Depth::Tail).await;
        assert!(matches!(read, Err(StoreError::Throttled(_))), "{read:?}");
        // The server takes no second request.
        assert_eq!(served.await??.len(), 1);
    }
    Ok(())
}

/// The wall clock of a machine that stands still, as far as its other clocks know.
fn standing() -> Arc<TestClock> {
    Arc::new(TestClock::by_hand())
}

/// A server in a thread of its own, which closes each connection after an answer, or leaves it open
/// and never reads it again. It says when that is done.
fn unsaid(closes: bool) -> io::Result<(SocketAddr, mpsc::Receiver<()>)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                let mut byte = [0];
                if stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    request.push(byte[0]);
                }
            }
            if stream.write_all(NO_TABLES.as_bytes()).is_err() {
                return;
            }
            if !closes {
                kept.push(stream);
            }
            if tell.send(()).is_err() {
                return;
            }
        }
    });
    Ok((address, told))
}

/// Without the SDK's own retries: the client finds out before it writes.
fn patient(address: SocketAddr, clock: Arc<TestClock>) -> aws_sdk_dynamodb::Client {
    let environment = environment(&format!("http://{address}"));
    let client = dynamodb_client(&environment, transport::over(clock));
    let config = client.config().to_builder().retry_config(RetryConfig::disabled());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

#[tokio::test]
async fn a_connection_that_aws_closed_without_saying_so_costs_nothing() -> TestResult {
    let (address, told) = unsaid(true)?;
    let client = patient(address, standing());
    for _ in 0..3 {
        client.list_tables().send().await?;
        told.recv()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_from_before_a_freeze_is_not_used() -> TestResult {
    let (address, told) = unsaid(false)?;
    let clock = standing();
    let client = patient(address, clock.clone());
    for _ in 0..3 {
        client.list_tables().send().await?;
        told.recv()?;
        clock.advance(Duration::from_secs(20));
    }
    Ok(())
}

#[test]
fn calls_are_bounded_below_a_front_door_s_patience() {
    let timeouts = timeouts();
    assert_eq!(timeouts.operation_timeout(), Some(Duration::from_secs(15)));
    assert!(timeouts.operation_attempt_timeout() < timeouts.operation_timeout());
    assert!(timeouts.connect_timeout() < timeouts.operation_attempt_timeout());
}
