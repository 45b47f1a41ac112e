use std::error::Error;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

type TestResult = Result<(), Box<dyn Error + Send + Sync>>;

fn environment(endpoint: &str) -> AwsEnvironment {
    AwsEnvironment::from_lookup(|name| {
        Some(match name {
            "AWS_REGION" => "eu-central-1".to_owned(),
            "AWS_ENDPOINT_URL" => endpoint.to_owned(),
            "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE".to_owned(),
            "AWS_SECRET_ACCESS_KEY" => "very-secret".to_owned(),
            _ => return None,
        })
    })
    .expect("the environment is complete")
}

/// Answers one request per connection with the next of `answers` and returns the requests. (The
/// SDK connects anew after an answer that it retries.)
async fn serve(
    answers: &'static [&'static str],
) -> io::Result<(SocketAddr, JoinHandle<io::Result<Vec<String>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await?;
            requests.push(read_request(&mut stream).await?);
            stream.write_all(answer.as_bytes()).await?;
        }
        Ok(requests)
    });
    Ok((address, served))
}

async fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                return Ok(text);
            }
        }
        if stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

const NO_TABLES: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 17\r\n\r\n\
     {\"TableNames\":[]}";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
const SENT: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 17\r\n\r\n\
     {\"MessageId\":\"1\"}";

#[tokio::test]
async fn a_request_is_signed_sent_to_the_endpoint_and_retried() -> TestResult {
    let (address, served) = serve(&[UNAVAILABLE, NO_TABLES]).await?;
    let client = dynamodb_client(&environment(&format!("http://{address}")), http_client());

    let tables = client.list_tables().send().await?;

    assert!(tables.table_names().is_empty());
    for request in served.await?? {
        assert!(request.contains("x-amz-target: dynamodb_20120810.listtables"), "{request}");
        assert!(request.contains("credential=akidexample/"), "{request}");
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
    assert!(requests[0].contains("x-amz-target: amazonsqs.sendmessage"), "{requests:?}");
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
