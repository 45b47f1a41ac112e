//! The client against servers that answer as the test wants. The tests of pushes are there.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use a2a_lambda_https::{Client, ClientConfig, Error, Guard, Limits, Open, Phase, Repeat, Request};
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn client() -> Client {
    Client::new(ClientConfig::new(Arc::new(|| 1_000_000_000_000))).unwrap()
}

/// A server that answers each request of a connection with the next of these, and then closes. `|`
/// divides an answer, with a pause that does not end while the client waits.
async fn server(answers: &'static [&'static str]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                for answer in answers {
                    if stream.read(&mut [0; 4096]).await.unwrap_or(0) == 0 {
                        return;
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                    let mut parts = answer.split('|');
                    stream.write_all(parts.next().unwrap().as_bytes()).await.unwrap();
                    if parts.next().is_some() {
                        std::future::pending::<()>().await;
                    }
                }
            });
        }
    });
    (address, requests)
}

fn request(address: SocketAddr, repeat: Repeat) -> Request {
    Request {
        method: Method::POST,
        uri: format!("http://{address}/a?b").parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"body"),
        repeat,
        limits: Limits::within(Duration::from_mins(1)),
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_request_that_must_not_arrive_twice_is_sent_once_on_a_fresh_connection() {
    // The second request on a connection is read and not answered.
    let (address, requests) = server(&[OK, ""]).await;
    let client = client();
    for _ in 0..3 {
        let response = client.send(&request(address, Repeat::Never), &Open).await.unwrap();
        assert_eq!(response.body.all(2).await.unwrap(), "ok");
    }
    // A kept connection exists now. It is good enough for a request that may be repeated.
    client.send(&request(address, Repeat::Safe), &Open).await.unwrap();
    assert_eq!(requests.load(Ordering::Relaxed), 5);

    let (address, requests) = server(&[""]).await;
    let error = client.send(&request(address, Repeat::Never), &Open).await.unwrap_err();
    assert!(matches!(error, Error::Broken(_)), "{error:?}");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn each_part_of_an_answer_has_its_limit() {
    let limits = Limits {
        total: Duration::from_secs(20),
        connect: Duration::from_secs(1),
        head: Duration::from_secs(2),
        between_chunks: Duration::from_secs(3),
    };
    let (address, _) = server(&["HTTP/1.1 200 OK\r\n|"]).await;
    let request = Request { limits, ..request(address, Repeat::Safe) };
    let error = client().send(&request, &Open).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { phase: Phase::Head, limit } if limit == limits.head));

    let (address, _) =
        server(&["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n|"]).await;
    let uri = format!("http://{address}/").parse().unwrap();
    let mut body = client().send(&Request { uri, ..request }, &Open).await.unwrap().body;
    assert_eq!(body.chunk().await.unwrap().unwrap(), "ab");
    let error = body.chunk().await.unwrap_err();
    let limit = limits.between_chunks;
    assert!(matches!(error, Error::TimedOut { phase: Phase::Body, limit: it } if it == limit));
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let (address, _) = server(&[OK, OK, OK]).await;
    let client = client();
    for (most, is_taken) in [(2, true), (1, false), (0, false)] {
        let response = client.send(&request(address, Repeat::Safe), &Open).await.unwrap();
        let body = response.body.all(most).await;
        assert_eq!(body.is_ok(), is_taken, "{body:?}");
        assert!(is_taken || matches!(body, Err(Error::TooLarge(it)) if it == most));
    }
}

#[tokio::test]
async fn an_answer_may_have_256_headers() {
    for (count, is_taken) in [(256, true), (257, false)] {
        let more = "x-more: 1\r\n".repeat(count - 1);
        let answer = format!("HTTP/1.1 200 OK\r\n{more}content-length: 2\r\n\r\nok");
        let answers: &[&str] = Box::leak(Box::new([&*answer.leak()]));
        let answer = client().send(&request(server(answers).await.0, Repeat::Safe), &Open).await;
        assert_eq!(answer.is_ok(), is_taken);
    }
}

/// The guard is an option: on for the URLs of users, off for those of operators.
#[tokio::test]
async fn a_guard_refuses_forbidden_urls_of_its_client() {
    let (address, requests) = server(&[OK]).await;
    for guard in [
        Guard::default(),
        Guard { allow_http: true, ..Guard::default() },
        Guard { allow_local: true, ..Guard::default() },
        Guard {
            allow_http: true,
            allow_local: true,
            allowed_ports: Some(vec![1]),
            ..Guard::default()
        },
    ] {
        let config = ClientConfig::new(Arc::new(|| 1_000_000_000_000));
        let client = Client::new(ClientConfig { guard: Some(Arc::new(guard)), ..config }).unwrap();
        let error = client.send(&request(address, Repeat::Safe), &Open).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
    }
    for uri in ["/a", "ftp://127.0.0.1/", "http://a..b/"] {
        let uri = uri.parse().unwrap();
        let request = Request { uri, ..request(address, Repeat::Safe) };
        let error = client().send(&request, &Open).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
    }
    assert_eq!(requests.load(Ordering::Relaxed), 0);
    client().send(&request(address, Repeat::Safe), &Open).await.unwrap();
}
