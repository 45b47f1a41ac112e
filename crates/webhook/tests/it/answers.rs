//! Receivers' answers, and the faults of those without one.

use std::time::Duration;

use a2a_lambda_core::{Always, Answer, Push, PushError, Webhook};

use crate::support::{Network, PUBLIC, Reply, Server, URL, plain, push, serving};

const WEEK: Duration = Duration::from_hours(7 * 24);

/// The result of an answer.
async fn answered(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Answer, PushError> {
    let (server, _, webhook) = serving(move |_, _| reply(), plain()).await;
    let answer = webhook.post(push(URL), &Always).await;
    assert_eq!(server.received().len(), 1, "one attempt, and no more");
    answer
}

#[tokio::test]
async fn every_status_is_an_answer_and_none_is_followed() {
    for status in [200, 201, 204, 301, 302, 303, 307, 308, 400, 401, 404, 410, 429, 500, 503, 599] {
        let location = "location: http://127.0.0.1/latest/meta-data/\r\n";
        let (server, network, webhook) =
            serving(move |_, _| Reply::with(status, location), plain()).await;
        let answer = webhook.post(push(URL), &Always).await.unwrap();
        assert_eq!(answer, Answer { status, retry_after: None });
        assert_eq!((network.look_ups(), network.dialed().len()), (1, 1));
        server.only();
    }
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let text =
        "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 202 Said\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(answered(move || Reply::raw(text)).await.unwrap().status, 202);
}

#[tokio::test]
async fn a_receiver_can_ask_to_be_left_alone() {
    // The push was at 2001-09-09T01:46:41.5Z.
    for (value, seconds) in [
        ("0", Some(Duration::ZERO)),
        ("120", Some(Duration::from_mins(2))),
        (" 7 ", Some(Duration::from_secs(7))),
        ("604800", Some(WEEK)),
        ("604801", Some(WEEK)),
        ("99999999999999999999999999", Some(WEEK)),
        ("Sun, 09 Sep 2001 01:46:42 GMT", Some(Duration::from_millis(500))),
        ("Sun, 09 Sep 2001 01:48:41 GMT", Some(Duration::from_millis(119_500))),
        ("Sunday, 09-Sep-01 01:46:42 GMT", Some(Duration::from_millis(500))),
        ("Sun Sep  9 01:46:42 2001", Some(Duration::from_millis(500))),
        ("Sun, 09 Sep 2001 01:46:40 GMT", Some(Duration::ZERO)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(Duration::ZERO)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(WEEK)),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("+1", None),
        ("1e3", None),
        ("0x10", None),
        ("2001-09-09T01:46:42Z", None),
        ("Sun, 32 Sep 2001 01:46:42 GMT", None),
        ("\u{fc}", None),
    ] {
        let reply = move || Reply::with(503, &format!("retry-after: {value}\r\n"));
        let answer = answered(reply).await.unwrap();
        assert_eq!(answer, Answer { status: 503, retry_after: seconds }, "{value:?}");
    }
}

#[tokio::test]
async fn a_server_without_http_is_unreachable_and_a_bad_answer_is_reported() {
    // The owner must not learn which ports of a host take connections: only that HTTP is spoken.
    let unreachable = 5;
    let many = || format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(400_000));
    let two = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab";
    let replies: Vec<Box<dyn Fn() -> Reply + Send + Sync>> = vec![
        Box::new(|| Reply::raw("").close()),
        Box::new(|| Reply::raw("").reset()),
        Box::new(|| Reply::raw("hush\r\n\r\n").close()),
        Box::new(|| Reply::raw("SSH-2.0-OpenSSH_9.9\r\n").close()),
        Box::new(|| Reply::raw([0_u8, 1, 2, 255, 13, 10, 13, 10]).close()),
        Box::new(|| Reply::raw("HTTP/1.1 OK\r\n\r\n").close()),
        Box::new(|| Reply::raw("HTTP/1.1 2000 OK\r\n\r\n").close()),
        Box::new(|| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").close()),
        Box::new(|| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n").close()),
        Box::new(move || Reply::raw(many()).close()),
        Box::new(move || Reply::raw(two).close()),
        Box::new(|| Reply::raw("HTT").close()),
        Box::new(|| Reply::raw("HTTP/1.1 200 OK\r\n").reset()),
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        let answer = answered(reply).await;
        let Err(error) = answer else { panic!("{number}: {answer:?}") };
        let text = if number < unreachable {
            assert!(matches!(error, PushError::Unreachable(_)), "{number}: {error:?}");
            "the receiver cannot be reached"
        } else {
            assert!(matches!(error, PushError::BadAnswer(_)), "{number}: {error:?}");
            "the receiver's answer is malformed or incomplete"
        };
        assert_eq!(error.to_string(), text, "{number}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let network = Network::new(&[&[PUBLIC]], None);
    let error = network.webhook(plain()).post(push(URL), &Always).await.unwrap_err();
    assert!(matches!(error, PushError::Unreachable(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_none() {
    let timeout = Duration::from_millis(700);
    for text in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let (_server, _, webhook) = serving(move |_, _| Reply::raw(text).hang(), plain()).await;
        let error = webhook.post(Push { timeout, ..push(URL) }, &Always).await.unwrap_err();
        assert!(matches!(error, PushError::TimedOut(limit) if limit == timeout), "{error:?}");
        assert_eq!(error.to_string(), "the receiver did not answer in 700 ms");
    }
}

/// The status decides, even if the body fails.
#[tokio::test(start_paused = true)]
async fn an_answer_counts_even_if_its_body_fails() {
    type Then = fn(Reply) -> Reply;
    for status in [200, 410, 503] {
        for (headers, body, then) in [
            ("", "", Reply::hang as Then),
            ("", "ok", Reply::hang),
            ("", "ok", Reply::reset),
            ("content-length: 5\r\n", "", Reply::hang),
            ("content-length: 5\r\n", "abcd", Reply::hang),
            ("content-length: 5\r\n", "ab", Reply::close),
            ("content-length: 5\r\n", "ab", Reply::reset),
            ("content-length: 99999999999\r\n", "ab", Reply::hang),
            ("transfer-encoding: chunked\r\n", "1\r\na\r\n", Reply::hang),
            ("transfer-encoding: chunked\r\n", "5\r\nab", Reply::close),
            ("transfer-encoding: chunked\r\n", "z\r\n", Reply::close),
            ("transfer-encoding: gzip\r\n", "ab", Reply::close),
        ] {
            let text = format!("HTTP/1.1 {status} Said\r\n{headers}\r\n{body}");
            let (server, _, webhook) = serving(move |_, _| then(Reply::raw(&*text)), plain()).await;
            for posts in 1..=2 {
                let begun = tokio::time::Instant::now();
                let answer = webhook.post(push(URL), &Always).await;
                let answer = answer.unwrap_or_else(|error| panic!("{headers}{body}: {error:?}"));
                assert_eq!(answer, Answer { status, retry_after: None });
                assert!(begun.elapsed().as_millis() <= 250, "{headers}{body}");
                assert_eq!(server.received().len(), posts);
            }
            // The client does not reuse a connection whose answer has not ended.
            assert_eq!(server.connections(), 2, "{headers}{body}");
        }
    }
}

#[tokio::test]
async fn a_giant_body_is_not_read() {
    let giant = "a".repeat(16 * 1024 * 1024);
    let (server, _, webhook) = serving(move |_, _| Reply::text(200, &giant), plain()).await;
    for _ in 0..2 {
        assert_eq!(webhook.post(push(URL), &Always).await.unwrap().status, 200);
    }
    // Its connection is not used again.
    assert_eq!(server.connections(), 2);
    // Without an end, it is not waited for.
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(20 * 1024));
    let (_server, _, webhook) = serving(move |_, _| Reply::raw(&*endless).hang(), plain()).await;
    assert_eq!(webhook.post(push(URL), &Always).await.unwrap().status, 200);
}

/// Lets the client's tasks run, which take connections back.
async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let said = "b".repeat(16 * 1024);
    for body in ["", "ok", &said] {
        let body = body.to_owned();
        let server = Server::start(move |_, _| Reply::text(200, &body)).await;
        // A later look-up would find a bad address: no look-up follows.
        let network = Network::new(&[&[PUBLIC], &["127.0.0.1"]], Some(&server));
        let webhook = network.webhook(plain());
        for _ in 0..3 {
            webhook.post(push(URL), &Always).await.unwrap();
            settle().await;
        }
        assert_eq!((server.received().len(), server.connections()), (3, 1));
        assert_eq!((network.look_ups(), network.dialed().len()), (1, 1));
        // Another name has its own connections, even at the same address.
        let refused = webhook.post(push("http://other.example.com/"), &Always).await;
        assert!(matches!(refused, Err(PushError::Refused(_))), "{refused:?}");
    }
}
