//! The bindings as a `tower::Service`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use a2a_lambda_http::{Bindings, HttpConfig, Visitor};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde_json::Value;
use tower_service::Service;

use crate::support::{Binding, World, call_request, send};

/// Calls the service, and reads its answer.
async fn answer<B>(bindings: &Bindings, request: Request<B>) -> Response<Bytes>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = bindings.clone().call(request).await.unwrap().into_parts();
    let hint = body.size_hint().exact();
    let bytes = body.collect().await.unwrap().to_bytes();
    // A whole body has its length.
    assert!(hint.is_none_or(|hint| hint == u64::try_from(bytes.len()).unwrap()), "{hint:?}");
    assert_eq!(hint.is_none(), head.headers[header::CONTENT_TYPE] == "text/event-stream");
    Response::from_parts(head, bytes)
}

fn sent(operation: &str, visitor: Option<&Visitor>) -> Request<Full<Bytes>> {
    let mut request = call_request(Binding::Rest, operation, send("tck-complete-task"), &[]);
    if let Some(visitor) = visitor {
        request.extensions_mut().insert(visitor.clone());
    }
    request.map(Full::new)
}

#[tokio::test(start_paused = true)]
async fn a_visitor_among_the_extensions_is_served() {
    let world = World::new();
    let response = answer(&world.bindings, sent("SendMessage", Some(&world.visitor))).await;
    let task: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(task["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{task}");

    let response =
        answer(&world.bindings, sent("SendStreamingMessage", Some(&world.visitor))).await;
    let events = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(events.contains("TASK_STATE_COMPLETED") && events.ends_with("\n\n"), "{events}");
}

#[tokio::test(start_paused = true)]
async fn without_a_visitor_there_is_the_card_and_no_more() {
    let world = World::new();
    let response = answer(&world.bindings, sent("SendMessage", None)).await;
    assert_eq!(response.status(), 401, "{response:?}");
    let card = Request::get("/.well-known/agent-card.json").header("host", "a2a.example:81");
    let card = answer(&world.bindings, card.body(Full::<Bytes>::default()).unwrap()).await;
    let card: Value = serde_json::from_slice(card.body()).unwrap();
    assert_eq!(card["supportedInterfaces"][0]["url"], "http://a2a.example:81", "{card}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_or_breaks_is_refused_and_read_no_further() {
    let max_body_bytes = 10_000;
    let world = World::with_config(HttpConfig { max_body_bytes, ..HttpConfig::default() });
    let read = Arc::new(AtomicUsize::new(0));
    let long = {
        let read = read.clone();
        let piece = move || {
            read.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b' '; 1_000])))
        };
        stream::repeat_with(piece).take(1_000)
    };
    let mut request = Request::post("/message:send").header("a2a-version", "1.0");
    request.extensions_mut().unwrap().insert(world.visitor.clone());
    let request = request.body(StreamBody::new(long)).unwrap();
    let response = answer(&world.bindings, request).await;
    assert_eq!(response.status(), 413, "{response:?}");
    assert!(read.load(Ordering::Relaxed) <= 12, "{read:?} pieces were read");

    let broken = stream::iter([Err::<Frame<Bytes>, _>(std::io::Error::other("hunter2"))]);
    let request = Request::post("/").body(StreamBody::new(broken)).unwrap();
    let response = answer(&world.bindings, request).await;
    // JSON-RPC's errors have status 200.
    let error: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(error["error"]["code"], -32600, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
}
