use std::io;

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

#[test]
fn calls_are_bounded_below_a_front_door_s_patience() {
    let timeouts = timeouts();
    assert_eq!(timeouts.operation_timeout(), Some(Duration::from_secs(15)));
    assert!(timeouts.operation_attempt_timeout() < timeouts.operation_timeout());
    assert!(timeouts.connect_timeout() < timeouts.operation_attempt_timeout());
}

#[test]
fn the_roots_are_the_five_of_amazon() -> TestResult {
    let text = std::str::from_utf8(AMAZON_ROOTS)?;
    assert_eq!(text.matches("-----BEGIN CERTIFICATE-----").count(), 5);
    assert_eq!(text.matches("-----END CERTIFICATE-----").count(), 5);
    Ok(())
}
