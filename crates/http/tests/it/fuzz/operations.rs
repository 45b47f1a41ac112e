//! Every operation, on tasks that are there: requests that are nearly in order, with any headers,
//! by anybody.

use a2a_lambda_core::Owner;
use a2a_lambda_http::Principal;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{check, in_runtime, odd, put};
use crate::support::{BINDINGS, Binding, call_request, operations};
use crate::wrong::Scene;

/// Answers in a scene with tasks, in bounded time.
fn answer(
    principal: Principal,
    request: impl FnOnce(&Scene) -> Option<Request<Bytes>>,
) -> Option<(String, Response<Bytes>)> {
    in_runtime(async {
        let scene = Scene::new().await;
        let request = request(&scene)?;
        let path = request.uri().path().to_owned();
        let world = scene.world.as_principal(principal);
        let world = world.in_a_hurry(std::time::Duration::from_secs(2));
        Some((path, world.request(request).await))
    })
}

fn alice() -> Principal {
    Principal::Somebody(Owner::parse("alice").unwrap())
}

fn operation() -> impl Strategy<Value = &'static str> {
    select(operations().map(|(operation, _)| operation).to_vec())
}

fn binding() -> impl Strategy<Value = Binding> {
    select(&BINDINGS[..])
}

fn principal() -> impl Strategy<Value = Principal> {
    let anybody = Principal::Anybody(Owner::parse("everybody").unwrap());
    select(vec![alice(), alice(), anybody, Principal::Nobody])
}

/// Parameters for both bindings must be an object: others are sent as JSON-RPC has them.
fn mutated(scene: &Scene, operation: &str, changes: &[(Vec<Index>, Value)]) -> Value {
    let mut params = scene.params(operation);
    for (way, odd) in changes {
        put(&mut params, way, odd.clone());
    }
    params
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let name = select(vec![
        "a2a-version",
        "a2a-extensions",
        "x-a2a-extensions",
        "last-event-id",
        "idempotency-key",
        "if-none-match",
        "content-type",
        "accept",
    ]);
    let known = select(vec![
        "1.0",
        "0.3",
        "",
        "2",
        "3",
        "999",
        "18446744073709551615",
        "urn:a2a-lambda:generation:v1",
        "https://example.com/extensions/required/v1, x",
        ",,",
        "*/*",
    ]);
    let value = prop_oneof![
        known.prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..20),
        "[0-9.,; -]{0,12}".prop_map(String::into_bytes),
    ];
    vec((name, value), 0..5)
}

/// Adds the headers that can be sent at all.
fn add_headers(request: &mut Request<Bytes>, headers: Vec<(&'static str, Vec<u8>)>) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            request.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
}

/// The conditions for every version: an answer, of JSON or of events, that is not our fault.
fn check_loosely(response: &Response<Bytes>) {
    assert!(response.status().as_u16() < 500, "{response:?}");
    let text = std::str::from_utf8(response.body()).unwrap();
    assert!(!text.contains("-32603"), "{text}");
    let lines: Vec<&str> = match response.headers()[header::CONTENT_TYPE].to_str().unwrap() {
        "text/event-stream" => text.lines().filter_map(|it| it.strip_prefix("data: ")).collect(),
        _ => vec![text],
    };
    for line in lines {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn parameters_with_values_changed(
        binding in binding(),
        operation in operation(),
        principal in principal(),
        changes in vec((vec(any::<Index>(), 1..6), odd()), 0..3),
    ) {
        let answered = answer(principal, |scene| {
            let params = mutated(scene, operation, &changes);
            let binding = if params.is_object() { binding } else { Binding::JsonRpc };
            Some(call_request(binding, operation, params, &[]))
        });
        let (path, response) = answered.unwrap();
        check(&path, &response);
    }

    #[test]
    fn bytes_changed_in_the_body_or_the_target(
        binding in binding(),
        operation in operation(),
        changes in vec((any::<Index>(), any::<u8>(), 0..3, any::<bool>()), 1..4),
    ) {
        let answered = answer(alice(), |scene| {
            let request = call_request(binding, operation, scene.params(operation), &[]);
            let (mut head, body) = request.into_parts();
            let mut target = head.uri.to_string().into_bytes();
            let mut body = body.to_vec();
            for (at, byte, change, in_target) in &changes {
                let bytes = if *in_target || body.is_empty() { &mut target } else { &mut body };
                if bytes.is_empty() {
                    continue;
                }
                let at = at.index(bytes.len());
                match change {
                    0 => bytes[at] = *byte,
                    1 => bytes.insert(at, *byte),
                    _ => drop(bytes.remove(at)),
                }
            }
            // Not every target can be sent.
            head.uri = target.as_slice().try_into().ok()?;
            Some(Request::from_parts(head, body.into()))
        });
        if let Some((path, response)) = answered {
            if response.headers()[header::CONTENT_TYPE] == "text/event-stream" {
                // The fuzzer may have changed the id.
                check_loosely(&response);
            } else {
                check(&path, &response);
            }
        }
    }

    #[test]
    fn any_headers(
        binding in binding(),
        operation in operation(),
        principal in principal(),
        headers in headers(),
    ) {
        let is_plain = !headers.iter().any(|(name, _)| *name == "a2a-version");
        let answered = answer(principal, |scene| {
            let mut request = call_request(binding, operation, scene.params(operation), &[]);
            if !is_plain {
                request.headers_mut().remove("a2a-version");
            }
            add_headers(&mut request, headers);
            Some(request)
        });
        let (path, response) = answered.unwrap();
        if is_plain {
            check(&path, &response);
        } else {
            check_loosely(&response);
        }
    }

    #[test]
    fn any_query(
        operation in operation(),
        query in "([a-zA-Z]{0,4}|tenant=|generation=|pageSize=|historyLength=|status=|[%+=&0-9._-]){0,8}",
    ) {
        let answered = answer(alice(), |scene| {
            let request = call_request(Binding::Rest, operation, scene.params(operation), &[]);
            let (mut head, body) = request.into_parts();
            head.uri = format!("{}?{query}", head.uri.path()).parse().ok()?;
            Some(Request::from_parts(head, body))
        });
        if let Some((path, response)) = answered {
            check(&path, &response);
        }
    }

    #[test]
    fn last_event_ids(binding in binding(), last in prop_oneof![0_u64..12, any::<u64>()]) {
        let answered = answer(alice(), |scene| {
            let last = last.to_string();
            let headers = [("Last-Event-ID", last.as_str())];
            let params = scene.params("SubscribeToTask");
            Some(call_request(binding, "SubscribeToTask", params, &headers))
        });
        let (path, response) = answered.unwrap();
        check(&path, &response);
    }

    #[test]
    fn texts_in_a_stream(binding in binding(), text in any::<String>(), key in any::<String>()) {
        let answered = answer(alice(), |scene| {
            let mut params = scene.params("SendStreamingMessage");
            params["message"]["parts"] = json!([{ "text": text }, { "data": { key: text } }]);
            Some(call_request(binding, "SendStreamingMessage", params, &[]))
        });
        let (path, response) = answered.unwrap();
        check(&path, &response);
    }
}
