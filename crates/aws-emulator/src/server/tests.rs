use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;

type Endless = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Large, as there is another bound for how many pieces wait.
const PIECE: usize = 30_000;
const PIPE: usize = 2_000;

/// An answer without an end, and how many bytes of it were asked for.
fn endless() -> (Arc<AtomicUsize>, impl Fn(Request<Incoming>) -> std::future::Ready<Endless>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let answer = move |_| {
        let count = count.clone();
        let frames = stream::repeat_with(move || {
            count.fetch_add(PIECE, Ordering::SeqCst);
            Ok(Frame::data(Bytes::from(vec![b'x'; PIECE])))
        });
        std::future::ready(Response::new(StreamBody::new(frames).boxed_unsync()))
    };
    (made, answer)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_has_little_waiting_and_is_given_up() {
    let (mut client, server) = tokio::io::duplex(PIPE);
    let (made, answer) = endless();
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let begin = Instant::now();
    connection(server, None, answer).await;
    assert_eq!(begin.elapsed().as_secs(), UNREAD_TIMEOUT.as_secs());
    let made = made.load(Ordering::SeqCst);
    assert!(made > PIPE && made < MAX_BUFFERED_BYTES + 2 * PIECE + PIPE, "{made}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_not_given_up() {
    let (mut client, server) = tokio::io::duplex(PIPE);
    let (_, answer) = endless();
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut reading = async || {
        let mut buffer = [0; PIPE];
        for _ in 0..100 {
            tokio::time::sleep(UNREAD_TIMEOUT.saturating_sub(Duration::from_secs(1))).await;
            assert!(client.read(&mut buffer).await.unwrap() > 0);
        }
    };
    tokio::select! {
        () = connection(server, None, answer) => panic!("it was given up"),
        () = reading() => {}
    }
}

#[tokio::test]
async fn programs_are_served_by_this_machine_s_names_only() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = |_| std::future::ready(Response::new(Full::new(Bytes::new())));
    let serving = tokio::spawn(serve_programs(listener, answer));
    // A function refuses a request with more than 1,000 headers, and says why.
    for (host, more, status) in
        [("localhost", 1_100, 200), ("localhost", 2_000, 431), ("evil.example", 0, 421)]
    {
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        let more = "x: y\r\n".repeat(more);
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    serving.abort();
}
