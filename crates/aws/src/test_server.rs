//! A server for tests: it gives the scripted answers and keeps the requests.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use a2a_lambda_runtime::{Reader, Variables};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::AwsEnvironment;

pub(crate) type TestResult = Result<(), Box<dyn Error + Send + Sync>>;

pub(crate) const UNAVAILABLE: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
pub(crate) const SENT: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 17\r\n\r\n\
     {\"MessageId\":\"1\"}";

/// The variables of a process with this endpoint for AWS.
pub(crate) fn variable(name: &str, endpoint: &str) -> Option<String> {
    Some(match name {
        "AWS_REGION" => "eu-central-1".to_owned(),
        "AWS_ENDPOINT_URL" => endpoint.to_owned(),
        "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE".to_owned(),
        "AWS_SECRET_ACCESS_KEY" => "very-secret".to_owned(),
        _ => return None,
    })
}

pub(crate) fn environment(endpoint: &str) -> AwsEnvironment {
    AwsEnvironment::from_variables(&Variables::new(Reader::Request, &|name| {
        variable(name, endpoint)
    }))
    .expect("the environment is complete")
}

/// Answers one request per connection with the next of `answers` and returns the requests. (The SDK
/// reconnects after an answer that it retries.)
pub(crate) async fn serve(
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
        let text = String::from_utf8_lossy(&request).into_owned();
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
