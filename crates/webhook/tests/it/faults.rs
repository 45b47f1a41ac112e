//! The side at fault when no push was sent, and the text for an operator.

use std::io;
use std::time::Duration;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{Always, PushError, Webhook};
use a2a_lambda_https::testing::{Answer, Names};
use a2a_lambda_webhook::{HttpWebhook, LookUpError};

use crate::support::{Network, PUBLIC, URL, plain, push};

/// A webhook whose network fails like this.
fn failing(
    resolve: impl Fn() -> Answer + Send + Sync + 'static,
    dial: impl Fn() -> Option<io::Error> + Send + Sync + 'static,
) -> HttpWebhook {
    let names = Names::by(move |_| resolve(), Duration::ZERO);
    Network::by(names, move || dial().map(Err)).webhook(plain())
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of several that may be silent")]
fn found() -> Answer {
    Some(Ok(vec![PUBLIC.parse().unwrap()]))
}

#[tokio::test(start_paused = true)]
async fn why_a_receiver_cannot_be_reached_is_named() {
    let refused = || Some(io::ErrorKind::ConnectionRefused.into());
    for (webhook, text) in [
        (failing(|| Some(Err(LookUpError::NoSuchName)), refused), "the host name does not exist"),
        (failing(|| Some(Ok(vec![])), refused), "the host name has no address"),
        (failing(|| None, refused), "no name server answered for the host name within 5000 ms"),
        (
            failing(|| Some(Err(LookUpError::Failed("ServerFailure".to_owned()))), refused),
            "the name servers failed to look up the host name: ServerFailure",
        ),
        (
            failing(found, refused),
            "no address of the host accepts the connection: connection refused",
        ),
        (failing(found, || None), "there was no connection within 3000 ms"),
    ] {
        let error = webhook.post(push(URL), &Always).await.unwrap_err();
        assert!(matches!(error, PushError::Unreachable(_)), "{error:?}");
        assert_eq!(error.to_string(), "the receiver cannot be reached");
        let error = chain(&error);
        assert!(error.ends_with(text), "{error}");
    }
}

#[tokio::test]
async fn the_rule_that_refuses_an_address_is_named() {
    let network = Network::new(&[&[PUBLIC, "10.1.2.3"]], None);
    let error = network.webhook(plain()).post(push(URL), &Always).await.unwrap_err();
    assert!(matches!(error, PushError::Refused(_)), "{error:?}");
    let text = "the URL's host has an address that is not public";
    assert!(chain(&error).ends_with(text), "{}", chain(&error));
}

#[tokio::test(start_paused = true)]
async fn a_lack_in_this_process_is_not_the_receiver_s_failure() {
    const EMFILE: i32 = 24;
    let no_file = || Some(io::Error::from_raw_os_error(EMFILE));
    let error = failing(found, no_file).post(push(URL), &Always).await.unwrap_err();
    assert!(matches!(error, PushError::Ours(_)), "{error:?}");

    // More than can be connected to at a time: those that had no time of their own are not blamed.
    let webhook = failing(found, || None);
    let post = |number| {
        let webhook = webhook.clone();
        let push = push(&format!("http://h{number}.example.com/"));
        tokio::spawn(async move { webhook.post(push, &Always).await.unwrap_err() })
    };
    let posts: Vec<_> = (0..960).map(post).collect();
    let (mut ours, mut theirs) = (0, 0);
    for post in posts {
        match post.await.unwrap() {
            PushError::Ours(_) => ours += 1,
            PushError::Unreachable(_) => theirs += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(ours > 0 && theirs >= 192, "{ours} {theirs}");
}
