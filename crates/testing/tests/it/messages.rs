//! The messages that a test can send, and their streams.

use a2a_lambda_core::End;
use a2a_lambda_protocol::{Message, Part, StreamResponse, Struct};
use a2a_lambda_testing::{Bed, Input, Scripted, script};

use crate::agents::Told;

/// Repeats its input.
fn mirror() -> Scripted {
    script!(|turn, _| {
        let parts: Vec<_> = turn.messages().iter().flat_map(|message| &message.parts).collect();
        let metadata = turn.request_metadata().map(Struct::as_str);
        let said = format!(
            "{} parts for {} of {:?}, {:?}, {:?}, {metadata:?}",
            parts.len(),
            turn.owner(),
            turn.tenant().as_str(),
            turn.accepted_output_modes(),
            turn.extensions(),
        );
        Ok(End::Completed(said.into()))
    })
}

#[tokio::test]
async fn a_request_can_say_more_than_a_text() {
    let input = Input::from("a")
        .and_data("[1]")
        .and(Part::url("https://example.com"))
        .accepting("text/plain")
        .with_extension("urn:x")
        .with_metadata(r#"{"k":1}"#);
    let bed = Bed::builder(mirror()).tenant("acme").build();
    let said = r#"3 parts for alice of "acme", ["text/plain"], ["urn:x"], Some("{\"k\":1}")"#;
    bed.send(input).await.completed().saying(said);
    let message = Message { parts: vec![Part::text("a"), Part::text("b")], ..Message::default() };
    bed.send(message).await.saying(r#"2 parts for alice of "acme", [], [], None"#);
}

#[tokio::test]
async fn a_message_under_a_key_makes_one_task() {
    let bed = Bed::new(mirror());
    let sent = async || bed.send(Input::from("a").under_key("k")).await.completed().id().to_owned();
    assert_eq!(sent().await, sent().await);
    let other = bed.try_send(Input::from("b").under_key("k")).await;
    assert!(other.is_err(), "{other:?}");
}

#[tokio::test]
#[should_panic(expected = "it was refused")]
async fn a_message_without_parts_is_refused() {
    Bed::new(mirror()).send(Input::default()).await;
}

#[tokio::test]
async fn a_stream_has_the_task_and_its_updates() {
    let bed = Bed::new(Told);
    let events = bed.stream("hi").await;
    assert!(matches!(events[0].response, StreamResponse::Task(_)), "{events:?}");
    let generations: Vec<u64> = events.iter().map(|event| event.generation.0).collect();
    assert!(generations.is_sorted() && generations.len() >= 6, "{generations:?}");
    assert!(matches!(events.last().unwrap().response, StreamResponse::StatusUpdate(_)));

    let direct = bed.stream("say").await;
    assert!(matches!(direct[..], [ref one] if matches!(one.response, StreamResponse::Message(_))));
}
