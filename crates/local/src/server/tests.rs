use a2a_lambda_aws_emulator::server::connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;

const PIPE: usize = 2_000;

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_to_its_end_is_given_up() {
    let (mut client, server) = tokio::io::duplex(PIPE);
    let answer = async |request: Request<Incoming>| match upload(request.into_body()).await {
        Ok(body) => Response::new(Full::new(body)),
        Err(Refusal { status, message }) => {
            let mut response = Response::new(Full::new(Bytes::from(message)));
            *response.status_mut() = status;
            response
        }
    };
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n";
    client.write_all(format!("{head}0123456789{head}01234").as_bytes()).await.unwrap();
    let begin = Instant::now();
    connection(server, None, answer).await;
    assert_eq!(begin.elapsed(), UPLOAD_TIMEOUT, "and the connection with it");
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 200 OK") && answers.contains("0123456789"), "{answers}");
    assert!(answers.contains("HTTP/1.1 408 Request Timeout"), "{answers}");
}
