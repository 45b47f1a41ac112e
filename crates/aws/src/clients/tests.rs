use std::error::Error;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use a2a_lambda_core::{Signal, Timer};

use super::*;
use crate::SchedulerTimer;

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

const SCHEDULED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 35\r\n\r\n\
     {\"ScheduleArn\":\"arn:aws:scheduler\"}";
const CONFLICT: &str = "HTTP/1.1 409 Conflict\r\ncontent-type: application/json\r\n\
     x-amzn-errortype: ConflictException\r\ncontent-length: 20\r\n\r\n{\"Message\":\"exists\"}";
const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
     x-amzn-errortype: ValidationException\r\ncontent-length: 18\r\n\r\n{\"Message\":\"role\"}";

#[tokio::test]
async fn a_far_signal_is_one_schedule_however_often_it_is_asked_for() -> TestResult {
    let (address, served) = serve(&[SCHEDULED, CONFLICT, REFUSED]).await?;
    let client = scheduler_client(&environment(&format!("http://{address}")), http_client());
    let role = "arn:aws:iam::1:role/scheduler";
    let timer = SchedulerTimer::new(client, "a2a", role, "arn:aws:sqs:eu-central-1:1:signals");
    let signal: Signal = serde_json::from_str(r#"{"tenant":"acme","taskId":"t1"}"#)?;
    let at = "2027-01-31T12:00:00.250Z".parse()?;

    timer.signal_at(&signal, at).await?;
    timer.signal_at(&signal, at).await?;
    assert!(timer.signal_at(&signal, at).await.is_err());

    let requests = served.await??;
    let [first, second, _] = &requests[..] else { panic!("{requests:?}") };
    let line = |request: &str| request.lines().next().unwrap_or_default().to_owned();
    assert_eq!(line(first), line(second), "the same name");
    assert!(line(first).starts_with("post /schedules/a2a-"), "{first}");
    let (_, body) = first.split_once("\r\n\r\n").unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body)?;
    // The server of these tests makes everything lower case.
    assert_eq!(body["scheduleexpression"], "at(2027-01-31t12:00:01)", "{body}");
    assert_eq!(body["actionaftercompletion"], "delete", "{body}");
    assert_eq!(body["flexibletimewindow"]["mode"], "off", "{body}");
    assert_eq!(body["groupname"], "a2a", "{body}");
    assert_eq!(body["target"]["arn"], "arn:aws:sqs:eu-central-1:1:signals", "{body}");
    assert_eq!(body["target"]["rolearn"], role, "{body}");
    assert_eq!(body["target"]["input"], r#"{"tenant":"acme","taskid":"t1"}"#, "{body}");
    Ok(())
}
