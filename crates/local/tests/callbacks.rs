//! A callback is answered over HTTP: by a program, and by a person with the page.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::net::SocketAddr;
use std::sync::Arc;

use a2a_lambda_agents::Approval;
use a2a_lambda_aws_emulator::gate::Gate;
use a2a_lambda_core::Agents;
use a2a_lambda_local::cloud::{Cloud, Options};
use a2a_lambda_local::server::serve;
use a2a_lambda_request::ResponseMode;
use a2a_lambda_runtime::{ConfigError, Variables};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

struct Client(SocketAddr);

impl Client {
    async fn open(&self, request: Request<Full<Bytes>>) -> http::Response<hyper::body::Incoming> {
        let stream = TokioIo::new(TcpStream::connect(self.0).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let (parts, body) = self.open(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.into()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Streams a task of the agent, and answers its callback as soon as that is shown. Returns the
    /// text at the end of the stream.
    async fn run(&self, answer: impl AsyncFn(&str)) -> String {
        let message = json!({ "messageId": "m", "role": "ROLE_USER", "parts": [{ "text": "go" }] });
        let request = Request::post("/message:stream").header("host", "localhost");
        let request = request
            .header("a2a-version", "1.0")
            .body(Full::new(Bytes::from(json!({ "message": message }).to_string())));
        let mut body = self.open(request.unwrap()).await.into_body();
        let (mut seen, mut is_answered, mut last) = (String::new(), false, String::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.unwrap().into_data() else { continue };
            seen.push_str(std::str::from_utf8(&data).unwrap());
            while let Some((event, rest)) = seen.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data:"));
                let event: Value = serde_json::from_str(data.unwrap_or("null")).unwrap();
                seen = rest.to_owned();
                let said = &event["statusUpdate"]["status"]["message"]["parts"][0]["text"];
                let Some(said) = said.as_str() else { continue };
                last = said.to_owned();
                let path = said.strip_prefix(&format!("http://{}", self.0));
                if let Some(path) = path.filter(|_| !is_answered) {
                    is_answered = true;
                    answer(path).await;
                }
            }
        }
        last
    }
}

async fn client() -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = Options { response_mode: ResponseMode::Stream, ..Options::default() };
    let make = async |_: &Variables<'_>| Ok::<_, ConfigError>(Agents::new(Arc::new(Approval)));
    let cloud = Cloud::start(&options, address.to_string(), &make).await.unwrap();
    tokio::spawn(serve(listener, Gate::default(), cloud.clone()));
    tokio::spawn(async move { cloud.run().await });
    Client(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_answers_and_repeats_itself() {
    let client = client().await;
    let json = [("content-type", "application/json")];
    let last = client
        .run(async |path| {
            assert!(path.starts_with("/callbacks/"), "{path}");
            let forged = client.ask("POST", &format!("{path}x"), &json, "1").await;
            assert_eq!(forged.status, 404, "{}", forged.body);
            let pulse = client.ask("POST", &format!("{path}/heartbeat"), &[], "").await;
            assert_eq!((pulse.status.as_u16(), &*pulse.body), (200, r#"{"result":"extended"}"#));
            for (body, status, said) in [
                (r#"{"approved": true}"#, 200, r#"{"result":"answered"}"#),
                (r#"{"approved":true}"#, 200, r#"{"result":"repeated"}"#),
                ("false", 409, "ALREADY_EXISTS"),
            ] {
                let answer = client.ask("POST", path, &json, body).await;
                assert_eq!(answer.status, status, "{}", answer.body);
                assert!(answer.body.contains(said), "{}", answer.body);
            }
        })
        .await;
    assert_eq!(last, r#"{"approved":true}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_answers_by_the_page() {
    let client = client().await;
    let html = ("accept", "text/html,*/*");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let last = client
        .run(async |path| {
            // A client of mail fetches the link before its reader does.
            for method in ["HEAD", "GET", "GET"] {
                let page = client.ask(method, path, &[html], "").await;
                assert_eq!(page.status, 200, "{}", page.body);
                assert_eq!(page.headers[header::REFERRER_POLICY], "no-referrer");
                assert_eq!(page.body.contains("<form method=\"post\">"), method == "GET");
            }
            // A browser sends this origin from a page that names no referrer.
            let headers = [html, form, ("origin", "null")];
            let sent = "comment=fine+by+me&decision=approve";
            let thanks = client.ask("POST", path, &headers, sent).await;
            assert_eq!(thanks.status, 200, "{}", thanks.body);
            assert!(thanks.body.contains("Thank you"), "{}", thanks.body);
            let over = client.ask("GET", path, &[html], "").await;
            assert_eq!(over.status, 410, "{}", over.body);
        })
        .await;
    assert_eq!(last, r#"{"comment":"fine by me","decision":"approve"}"#);
}
