use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;

use super::*;
use crate::{Client, ClientConfig, Limits, Request, Transport as _};

/// Chunks that come at once; then the body ends, fails, or is silent.
struct Script(VecDeque<Bytes>, Then);

#[derive(Clone, Copy)]
enum Then {
    End,
    Break,
    Silence,
    Drip,
}

#[async_trait]
impl Chunks for Script {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(chunk) = self.0.pop_front() {
            return Ok(Some(chunk));
        }
        match self.1 {
            Then::End => Ok(None),
            Then::Break => Err(Error::Broken("reset".into())),
            Then::Silence => std::future::pending().await,
            Then::Drip => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Some(Bytes::from_static(b":\n")))
            }
        }
    }
}

const IDLE: Duration = Duration::from_secs(20);

async fn read(chunks: &[&[u8]], then: Then) -> (Vec<Event>, Option<EventsError>) {
    let chunks = chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
    let limits = EventLimits {
        event_bytes: 64,
        total_bytes: 256,
        idle: IDLE,
        ends: Instant::now() + Duration::from_mins(1),
    };
    let mut reader = EventReader::new(Script(chunks, then), limits);
    let mut events = Vec::new();
    let error = loop {
        match reader.next().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(reader.next().await, Ok(None)), "nothing comes after the end");
    (events, error)
}

fn event(name: &str, data: &str, id: &str) -> Event {
    Event { name: name.into(), data: data.into(), id: id.into() }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_however_it_is_cut_into_chunks() {
    for (stream, expected) in [
        ("data: a\n\n", vec![event("", "a", "")]),
        ("data:a\r\ndata:  b\r\n\r\n", vec![event("", "a\n b", "")]),
        ("data: a\r\rdata: b\r\r", vec![event("", "a", ""), event("", "b", "")]),
        ("\u{feff}data: a\n\n", vec![event("", "a", "")]),
        // The id is that of the stream; an event without data is none, but its id counts.
        (
            "id: 1\ndata: a\n\ndata: b\n\nid: 3\n\ndata: c\n\nid\ndata: d\n\n",
            vec![event("", "a", "1"), event("", "b", "1"), event("", "c", "3"), event("", "d", "")],
        ),
        // The name is that of the event.
        ("event: x\ndata\n\ndata: b\n\n", vec![event("x", "", ""), event("", "b", "")]),
        // Comments, unknown fields and ids that cannot be sent are skipped.
        (
            ": hi\n: hi\nretry: 5\nid: 1\nid: a\0b\nother\ndata: é\n: hi\n\n: hi\n",
            vec![event("", "é", "1")],
        ),
        ("\n\n\n", vec![]),
        ("", vec![]),
    ] {
        let bytes = stream.as_bytes();
        for size in [1, 2, 3, 5, bytes.len().max(1)] {
            let chunks: Vec<_> = bytes.chunks(size).collect();
            let (events, error) = read(&chunks, Then::End).await;
            assert!(error.is_none(), "{stream:?} by {size}: {error:?}");
            assert_eq!(events, expected, "{stream:?} by {size}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_says_how_after_its_whole_events() {
    let large = format!("data: {}\n\n", "x".repeat(64));
    let endless = "x".repeat(80);
    let many = "data: 12345678\n\n".repeat(17);
    let text = |error: EventsError| match error {
        EventsError::Body(error) => format!("body: {error}"),
        error => error.to_string(),
    };
    for (stream, then, count, expected) in [
        ("data: a\n\ndata: b\n", Then::End, 1, "the stream ends within an event"),
        ("data: a\n\ndata: b", Then::End, 1, "the stream ends within an event"),
        (
            "data: a\n\n",
            Then::Break,
            1,
            "body: the host closed the connection, or does not speak HTTP",
        ),
        (
            "data: a\n\n",
            Then::Silence,
            1,
            "body: the next part of the answer's body did not come within 20000 ms",
        ),
        ("data: a\n\n", Then::Drip, 1, "the stream took too long"),
        (&large, Then::Silence, 0, "an event of the stream has more than 64 bytes"),
        (&endless, Then::Silence, 0, "an event of the stream has more than 64 bytes"),
        (&many, Then::Silence, 16, "the stream has more than 256 bytes"),
        ("data: 1\n\ndata: \u{0}", Then::End, 1, "the stream ends within an event"),
    ] {
        let chunks: Vec<_> = stream.as_bytes().chunks(16).collect();
        let (events, error) = read(&chunks, then).await;
        assert_eq!((events.len(), error.map(text).as_deref()), (count, Some(expected)), "{stream}");
    }
    let (_, error) = read(&[b"data: 1\n\ndata: \xff\n\n"], Then::End).await;
    assert!(matches!(error, Some(EventsError::NotUtf8(9))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn comments_keep_a_stream_open_and_are_no_part_of_an_event() {
    let comments = ": keep-alive\n".repeat(10);
    let (events, error) = read(&[b"data: a\n", comments.as_bytes(), b"\n"], Then::End).await;
    assert_eq!(events, [event("", "a", "")]);
    assert!(error.is_none(), "{error:?}");
}

/// The end of a chunked body is told from a cut; without an encoding, a cut between events is an end.
#[tokio::test]
async fn the_body_of_a_real_answer_ends_or_is_cut() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    for (head, body, is_whole) in [
        ("transfer-encoding: chunked", "9\r\ndata: a\n\n\r\n0\r\n\r\n", true),
        ("transfer-encoding: chunked", "9\r\ndata: a\n\n\r\n", false),
        ("transfer-encoding: chunked", "12\r\ndata: a\n\n", false),
        ("content-length: 9", "data: a\n\n", true),
        ("content-length: 99", "data: a\n\n", false),
        ("connection: close", "data: a\n\n", true),
        ("connection: close", "data: a\n\ndata", false),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let serve = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
            let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let read = async {
            let client = Client::new(ClientConfig::new(Arc::new(|| 0))).unwrap();
            let limits = Limits::within(IDLE);
            let answer = client.exchange(&Request::new(Method::GET, uri, limits)).await.unwrap();
            let ends = Instant::now() + IDLE;
            let limits = EventLimits { event_bytes: 64, total_bytes: 256, idle: IDLE, ends };
            let mut reader = EventReader::new(answer.body, limits);
            assert_eq!(reader.next().await.unwrap().unwrap().data, "a");
            reader.next().await.is_ok_and(|event| event.is_none())
        };
        let ((), found) = tokio::join!(serve, read);
        assert_eq!(found, is_whole, "{head} {body:?}");
    }
}
