//! Whether a receiver wants to be one.

use std::time::Duration;

use a2a_lambda_core::{NotAdmitted, Webhook};
use a2a_lambda_webhook::WebhookConfig;

use crate::support::{Network, PUBLIC, Reply, Server, plain, serving};

const URL: &str = "http://hooks.example.com/a";
/// The token in tests; elsewhere it is random.
const TOKEN: &str = "to ken&1";

fn challenging() -> WebhookConfig {
    WebhookConfig { challenge: true, ..plain() }
}

#[tokio::test]
async fn a_receiver_that_gives_the_token_back_is_admitted() {
    for (url, line) in [
        ("http://hooks.example.com", "GET /?validationToken=to%20ken%261 HTTP/1.1"),
        (URL, "GET /a?validationToken=to%20ken%261 HTTP/1.1"),
        ("http://hooks.example.com/a?", "GET /a?validationToken=to%20ken%261 HTTP/1.1"),
        ("http://hooks.example.com/?b=c", "GET /?b=c&validationToken=to%20ken%261 HTTP/1.1"),
    ] {
        for body in [TOKEN.to_owned(), format!("  {TOKEN}\r\n")] {
            let (server, _, webhook) =
                serving(move |_, _| Reply::text(200, &body), challenging()).await;
            assert_eq!(webhook.admit(url).await, Ok(()), "{url}");
            let received = server.only();
            assert_eq!(received.line, line);
            // It learns nothing else.
            let names: Vec<_> = received.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["accept", "host", "user-agent"]);
        }
    }
}

#[tokio::test]
async fn another_answer_is_not_enough_and_not_passed_on() {
    let long = TOKEN.to_owned() + &" ".repeat(1024);
    let replies: Vec<Box<dyn Fn() -> Reply + Send + Sync>> = vec![
        Box::new(|| Reply::status(200)),
        Box::new(|| Reply::text(200, "hush")),
        Box::new(|| Reply::text(200, "to%20ken%261")),
        Box::new(|| Reply::text(200, "TO KEN&1")),
        Box::new(|| Reply::text(200, "{\"validationToken\": \"to ken&1\"}")),
        Box::new(|| Reply::text(404, TOKEN)),
        Box::new(|| Reply::text(302, TOKEN)),
        Box::new(|| Reply::text(500, TOKEN)),
        Box::new(move || Reply::text(200, &long)),
        Box::new(|| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nto ken&1").close()),
        Box::new(|| Reply::raw("").reset()),
        Box::new(|| Reply::raw("hush\r\n\r\n").close()),
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        let (server, _, webhook) = serving(move |_, _| reply(), challenging()).await;
        let NotAdmitted(text) = webhook.admit(URL).await.unwrap_err();
        assert!(text.starts_with("the receiver"), "{number}: {text}");
        assert!(!text.contains("hush") && !text.contains(TOKEN), "{text}");
        server.only();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_none() {
    let challenge_timeout = Duration::from_millis(700);
    let config = WebhookConfig { challenge_timeout, ..challenging() };
    let (_server, _, webhook) = serving(|_, _| Reply::raw("").hang(), config).await;
    let text = "the receiver did not answer in 700 ms".to_owned();
    assert_eq!(webhook.admit(URL).await, Err(NotAdmitted(text)));
}

/// The body that never ends, or has no length on a connection that is kept, has said the token.
#[tokio::test(start_paused = true)]
async fn a_token_counts_whether_or_not_its_body_ends() {
    for headers in ["", "content-length: 99\r\n"] {
        let text = format!("HTTP/1.1 200 Said\r\n{headers}\r\n{TOKEN}");
        let (_server, _, webhook) =
            serving(move |_, _| Reply::raw(&*text).hang(), challenging()).await;
        assert_eq!(webhook.admit(URL).await, Ok(()), "{headers}");
    }
}

#[tokio::test]
async fn a_forbidden_receiver_is_not_challenged() {
    let server = Server::start(|_, _| Reply::text(200, TOKEN)).await;
    for (url, answer) in [
        ("http://127.0.0.1/", PUBLIC),
        ("http://localhost/", PUBLIC),
        ("ftp://hooks.example.com/", PUBLIC),
        (URL, "127.0.0.1"),
        (URL, "169.254.169.254"),
        (URL, "::1"),
    ] {
        let network = Network::new(&[&[answer]], Some(&server));
        let NotAdmitted(text) = network.webhook(challenging()).admit(url).await.unwrap_err();
        assert!(text.starts_with("the URL"), "{text}");
        assert_eq!(network.dialed(), Vec::<String>::new());
    }
    assert_eq!(server.connections(), 0);
}
