//! Bodies with a byte order mark, and compressed ones; and the headers of streams.

use a2a_lambda_protocol::ErrorKind;
use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::support::{Answer, BINDINGS, Binding, World, call_request, send};

const MARK: &[u8] = b"\xef\xbb\xbf";

fn sending(binding: Binding, headers: &[(&str, &str)]) -> Request<Bytes> {
    call_request(binding, "SendMessage", send("hi"), headers)
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_is_skipped_once() {
    for binding in BINDINGS {
        for (marks, kind) in [(1, None), (2, Some(ErrorKind::JsonParse))] {
            let marked =
                sending(binding, &[]).map(|body| [&MARK.repeat(marks)[..], &body].concat().into());
            let response = World::new().request(marked).await;
            let id = if kind.is_none() { json!("r1") } else { json!(null) };
            let answer = Answer::of(binding, &id, &response);
            match kind {
                None => drop(answer.ok()),
                Some(kind) => drop(answer.refused_as(kind, "marked twice")),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_body_is_refused_by_name() {
    let world = World::new();
    for binding in BINDINGS {
        for coding in ["gzip", "br", "identity, gzip", "GZIP,gzip", "x"] {
            let response = world.request(sending(binding, &[("Content-Encoding", coding)])).await;
            assert_eq!(response.status(), 415, "{coding}");
            assert_eq!(response.headers()["accept-encoding"], "identity");
            let text = String::from_utf8_lossy(response.body());
            assert!(text.contains("Content-Encoding") && text.contains("uncompressed"), "{text}");
        }
        for coding in ["identity", "Identity,identity", ","] {
            let response = world.request(sending(binding, &[("Content-Encoding", coding)])).await;
            Answer::of(binding, &json!("r1"), &response).ok();
        }
        // Without a body, nothing is compressed.
        let list =
            call_request(Binding::Rest, "ListTasks", json!({}), &[("Content-Encoding", "gzip")]);
        assert_eq!(world.request(list).await.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_asks_proxies_not_to_hold_it_back() {
    for binding in BINDINGS {
        let request = call_request(binding, "SendStreamingMessage", send("tck-stream-001"), &[]);
        let response = World::new().request(request).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
    }
}
