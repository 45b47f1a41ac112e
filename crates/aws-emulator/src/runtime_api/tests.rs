use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::*;

type TestResult = Result<(), Box<dyn Error + Send + Sync>>;

const DEADLINE: Duration = Duration::from_secs(10);
const STREAMED: &str = "application/vnd.awslambda.http-integration-response";

/// `lambda_runtime`'s protocol by hand: one connection, one request at a time.
struct Process {
    address: SocketAddr,
}

impl Process {
    async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, hyper::Error>
    where
        B: Body<Error = Infallible> + Send + 'static,
        B::Data: Send,
    {
        let stream = TcpStream::connect(self.address).await.expect("the API listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.send_request(request).await
    }

    async fn post<B>(&self, path: &str, body: B) -> Result<StatusCode, hyper::Error>
    where
        B: Body<Error = Infallible> + Send + 'static,
        B::Data: Send,
    {
        let request = request("POST", path).body(body).expect("the request is valid");
        Ok(self.send(request).await?.status())
    }

    /// Takes an event: its request id, headers and body.
    async fn next(&self) -> Result<(String, HeaderMap, Bytes), hyper::Error> {
        let request = request("GET", "invocation/next").body(full("")).expect("it is valid");
        let response = self.send(request).await?;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers().clone();
        let id = headers["lambda-runtime-aws-request-id"].to_str().expect("it is ASCII").to_owned();
        Ok((id, headers, response.into_body().collect().await?.to_bytes()))
    }
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("/2018-06-01/runtime/{path}"))
        .header("host", "localhost")
}

fn full(body: &'static str) -> Full<Bytes> {
    Full::new(Bytes::from_static(body.as_bytes()))
}

/// A chunked body, fed by hand.
struct Frames(mpsc::Receiver<Frame<Bytes>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

async fn start() -> io::Result<(RuntimeApi, Process)> {
    let api = RuntimeApi::start().await?;
    let process = Process { address: api.address() };
    Ok((api, process))
}

#[tokio::test]
async fn an_event_is_handed_out_with_its_headers_and_answered() -> TestResult {
    let (api, process) = start().await?;
    let invocation = api.begin(serde_json::json!({ "hello": "world" }), DEADLINE);

    let (id, headers, event) = process.next().await?;
    assert_eq!(event, r#"{"hello":"world"}"#);
    let text = |name: &str| headers[name].to_str().expect("it is ASCII");
    let deadline_ms: u64 = text("lambda-runtime-deadline-ms").parse()?;
    assert!(deadline_ms > 1_700_000_000_000, "epoch milliseconds: {deadline_ms}");
    assert!(text("lambda-runtime-invoked-function-arn").ends_with(FUNCTION_NAME));
    let trace_id = text("lambda-runtime-trace-id");
    assert_eq!(trace_id.len(), "Root=1-".len() + 8 + 1 + 24 + ";Parent=".len() + 16 + 10);

    let path = format!("invocation/{id}/response");
    let answer = request("POST", &path)
        .header("content-type", "application/json")
        .body(full(r#"{"ok":true}"#))?;
    assert_eq!(process.send(answer).await?.status(), StatusCode::ACCEPTED);
    assert_eq!(
        invocation.finish().await,
        Invocation::Response {
            bytes: Bytes::from_static(br#"{"ok":true}"#),
            content_type: Some("application/json".to_owned()),
            streamed: false,
            trailers: HeaderMap::new(),
        }
    );
    assert_eq!(process.post(&path, full("again")).await?, StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn a_process_may_wait_first_and_events_come_in_their_order() -> TestResult {
    let (api, process) = start().await?;
    let waiting = tokio::spawn(async move { (process.next().await, process) });
    tokio::task::yield_now().await;
    let first = api.begin(1, DEADLINE);
    let (taken, process) = waiting.await?;
    let (first_id, _, event) = taken?;
    assert_eq!(event, "1");

    let given_up = api.begin(2, DEADLINE);
    drop(given_up);
    let third = api.begin(3, DEADLINE);
    let (third_id, _, event) = process.next().await?;
    assert_eq!(event, "3", "nobody waits for the second any more");

    process.post(&format!("invocation/{third_id}/error"), full("broken")).await?;
    process.post(&format!("invocation/{first_id}/response"), full("done")).await?;
    assert_eq!(third.finish().await, Invocation::Error { bytes: "broken".into() });
    let Invocation::Response { bytes, .. } = first.finish().await else {
        return Err("the first was answered".into());
    };
    assert_eq!(bytes, "done");
    Ok(())
}

#[tokio::test]
async fn a_streamed_answer_is_seen_as_it_comes_with_its_trailers() -> TestResult {
    let (api, process) = start().await?;
    let mut invocation = api.begin("{}", DEADLINE);
    let (id, ..) = process.next().await?;

    let (frames, body) = mpsc::channel(1);
    let answer = request("POST", &format!("invocation/{id}/response"))
        .header("content-type", STREAMED)
        .header("lambda-runtime-function-response-mode", "streaming")
        .header("trailer", "lambda-runtime-function-error-type")
        .body(Frames(body))?;
    let posted = tokio::spawn(async move { process.send(answer).await });

    for chunk in ["prelude", "data: 1\n\n"] {
        frames.send(Frame::data(chunk.into())).await?;
        assert_eq!(invocation.next_chunk().await, Some(chunk.into()), "before the next is sent");
    }
    let mut trailers = HeaderMap::new();
    trailers.insert(
        HeaderName::from_static("lambda-runtime-function-error-type"),
        HeaderValue::from_static("Runtime.StreamError"),
    );
    frames.send(Frame::trailers(trailers.clone())).await?;
    drop(frames);

    assert_eq!(
        invocation.finish().await,
        Invocation::Response {
            bytes: "preludedata: 1\n\n".into(),
            content_type: Some(STREAMED.to_owned()),
            streamed: true,
            trailers,
        }
    );
    assert_eq!(posted.await??.status(), StatusCode::ACCEPTED);
    Ok(())
}

#[tokio::test]
async fn a_crash_amid_the_answer_is_told_from_its_end() -> TestResult {
    let (api, process) = start().await?;
    let mut invocation = api.begin("{}", DEADLINE);
    let (id, ..) = process.next().await?;

    let (frames, body) = mpsc::channel(1);
    let answer = request("POST", &format!("invocation/{id}/response"))
        .header("lambda-runtime-function-response-mode", "streaming")
        .body(Frames(body))?;
    let stream = TcpStream::connect(process.address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let posted = tokio::spawn(async move { sender.send_request(answer).await.map(drop) });

    frames.send(Frame::data("half".into())).await?;
    assert_eq!(invocation.next_chunk().await, Some("half".into()));
    connection.abort();
    assert_eq!(invocation.finish().await, Invocation::BrokenOff { bytes: "half".into() });
    assert!(posted.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn more_than_lambda_takes_is_an_error() -> TestResult {
    let (api, process) = start().await?;
    let invocation = api.begin("{}", DEADLINE);
    let (id, ..) = process.next().await?;

    let body = Full::new(Bytes::from(vec![b'x'; MAX_BUFFERED_BYTES + 1]));
    // The refusal may come before the whole body is sent, which the client may see as an error.
    let path = format!("invocation/{id}/response");
    let posted = process.post(&path, body);
    let (posted, ended) = tokio::join!(posted, invocation.finish());
    assert!(posted.is_err() || posted.is_ok_and(|status| status == StatusCode::PAYLOAD_TOO_LARGE));
    let Invocation::Error { bytes } = ended else { return Err("the answer is too large".into()) };
    assert!(bytes.starts_with(br#"{"errorMessage":"Function.ResponseSizeTooLarge""#), "{bytes:?}");
    Ok(())
}

#[tokio::test]
async fn a_failed_start_ends_the_events_that_wait_and_those_that_come() -> TestResult {
    let (api, process) = start().await?;
    let waiting = api.begin("{}", DEADLINE);
    let status = process.post("init/error", full("no TABLE")).await?;
    assert_eq!(status, StatusCode::ACCEPTED);

    let failed = Invocation::InitError { bytes: "no TABLE".into() };
    assert_eq!(waiting.finish().await, failed);
    assert_eq!(api.invoke("{}", DEADLINE).await, failed);
    Ok(())
}

#[tokio::test]
async fn a_deadline_that_passes_ends_the_wait_and_the_process_serves_on() -> TestResult {
    let (api, process) = start().await?;
    let slow = api.begin("slow", Duration::from_millis(20));
    let (id, ..) = process.next().await?;
    assert_eq!(slow.finish().await, Invocation::TimedOut { bytes: Bytes::new() });
    let late = process.post(&format!("invocation/{id}/response"), full("late")).await?;
    assert_eq!(late, StatusCode::ACCEPTED, "the process is not told");

    let next = api.begin("next", DEADLINE);
    let (id, _, event) = process.next().await?;
    assert_eq!(event, "next");
    process.post(&format!("invocation/{id}/response"), full("done")).await?;
    assert!(matches!(next.finish().await, Invocation::Response { .. }));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_event_that_no_process_takes_is_given_up() -> TestResult {
    let (api, _) = start().await?;
    assert_eq!(api.invoke("{}", DEADLINE).await, Invocation::NotTaken);
    Ok(())
}

#[tokio::test]
async fn an_unknown_path_of_the_api_is_not_found() -> TestResult {
    let (_api, process) = start().await?;
    assert_eq!(process.post("invocation/next", full("")).await?, StatusCode::NOT_FOUND);
    assert_eq!(process.post("../invocation", full("")).await?, StatusCode::NOT_FOUND);
    let unknown = process.post("invocation/unknown/response", full("")).await?;
    assert_eq!(unknown, StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn a_process_has_a_clean_environment_and_its_output_is_kept() -> TestResult {
    let api = RuntimeApi::start().await?;
    let variables = [("TABLE", "tasks"), ("AWS_REGION", "eu-west-1")];
    let mut process = Bootstrap::spawn("/usr/bin/env", variables, &api)?;
    assert!(process.wait().await?.success());

    let address = format!("AWS_LAMBDA_RUNTIME_API={}", api.address());
    let expected = ["TABLE=tasks", "AWS_REGION=eu-west-1", "TZ=:UTC", "AWS_ACCESS_KEY_ID=env"];
    for expected in expected.into_iter().chain([address.as_str()]) {
        let line = process.line(|line| line == expected, DEADLINE).await;
        assert!(line.is_some(), "{expected} is not in {:?}", process.lines());
    }
    let inherited = |line: &String| line.starts_with("PATH=") || line.starts_with("CARGO");
    assert!(!process.lines().iter().any(inherited));
    Ok(())
}

#[tokio::test]
async fn output_without_end_is_bounded_and_a_kill_ends_it() -> TestResult {
    let api = RuntimeApi::start().await?;
    let mut process = Bootstrap::spawn("/usr/bin/yes", [("A", "1")], &api)?;
    assert_eq!(process.line(|line| line == "y", DEADLINE).await.as_deref(), Some("y"));
    assert!(!process.kill().await?.success());
    assert!(process.lines().len() <= MAX_LINES);
    assert_eq!(process.line(|line| line == "n", Duration::from_millis(1)).await, None);
    Ok(())
}
