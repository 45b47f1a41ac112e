//! The agent card, and its caching.

use a2a_lambda_http::HttpConfig;
use a2a_lambda_protocol::Timestamp;
use bytes::Bytes;
use http::{Response, header};
use serde_json::{Value, json};

use crate::support::{World, request};

const CARD: &str = "/.well-known/agent-card.json";

/// A second and a half after the epoch's billionth second: 2001-09-09 01:46:41.5.
const MODIFIED: Timestamp = Timestamp::from_millis(1_000_000_001_500);
const MODIFIED_TEXT: &str = "Sun, 09 Sep 2001 01:46:41 GMT";

fn world() -> World {
    World::with_config(HttpConfig { card_modified: Some(MODIFIED), ..HttpConfig::default() })
}

async fn get(world: &World, headers: &[(&str, &str)]) -> Response<Bytes> {
    world.request(request("GET", CARD, Bytes::new(), headers)).await
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_card_names_both_interfaces() {
    let response = get(&world(), &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let card = body(&response);
    let interface = |binding: &str| {
        json!({
            "url": "https://agents.example",
            "protocolBinding": binding,
            "protocolVersion": "1.0",
        })
    };
    let interfaces = json!([interface("JSONRPC"), interface("HTTP+JSON")]);
    assert_eq!(card["supportedInterfaces"], interfaces);
    let capabilities =
        json!({ "streaming": false, "pushNotifications": false, "extendedAgentCard": false });
    assert_eq!(card["capabilities"], capabilities);
    assert_eq!(card["name"], "conformance");
    for required in ["description", "version", "defaultInputModes", "defaultOutputModes", "skills"]
    {
        assert!(!card[required].is_null(), "{required}: {card}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_s_card_is_of_its_agent_and_names_it() {
    let card = body(&world().http("GET", &format!("/echo{CARD}"), "").await);
    assert_eq!(card["name"], "echo");
    for interface in card["supportedInterfaces"].as_array().unwrap() {
        assert_eq!(interface["tenant"], "echo");
    }
    let refused = world().http("GET", &format!("/no%20tenant{CARD}"), "").await;
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/a2a+json");
}

#[tokio::test(start_paused = true)]
async fn the_card_says_how_long_it_lasts() {
    let response = get(&world(), &[]).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=300");
    assert_eq!(response.headers()[header::LAST_MODIFIED], MODIFIED_TEXT);
    let config = HttpConfig { card_max_age_s: 0, ..HttpConfig::default() };
    let response = get(&World::with_config(config), &[]).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=0");
    assert_eq!(response.headers().get(header::LAST_MODIFIED), None);
}

#[tokio::test(start_paused = true)]
async fn the_tag_is_of_the_content() {
    let tag = |response: Response<Bytes>| response.headers()[header::ETAG].clone();
    let one = tag(get(&world(), &[]).await);
    assert_eq!(one, tag(get(&world(), &[]).await));
    let tenants = tag(world().http("GET", &format!("/echo{CARD}"), "").await);
    assert_ne!(one, tenants);
    let mut elsewhere = world();
    elsewhere.visitor.base_url = "https://other.example".to_owned();
    assert_ne!(one, tag(get(&elsewhere, &[]).await));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let world = world();
    let tag = get(&world, &[]).await.headers()[header::ETAG].to_str().unwrap().to_owned();
    let (weak, list) = (format!("W/{tag}"), format!("\"other\", {tag}"));
    let unquoted = tag.trim_matches('"').to_owned();
    for (headers, status) in [
        (vec![("If-None-Match", tag.as_str())], 304),
        (vec![("If-None-Match", weak.as_str())], 304),
        (vec![("If-None-Match", list.as_str())], 304),
        (vec![("If-None-Match", "\"other\""), ("If-None-Match", tag.as_str())], 304),
        (vec![("If-None-Match", "*")], 304),
        (vec![("If-None-Match", "\"other\"")], 200),
        (vec![("If-None-Match", unquoted.as_str())], 200),
        (vec![("If-Modified-Since", MODIFIED_TEXT)], 304),
        (vec![("If-Modified-Since", "Sun, 09 Sep 2001 01:46:42 GMT")], 304),
        (vec![("If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT")], 200),
        (vec![("If-Modified-Since", "yesterday")], 200),
        // The tag decides where there is one.
        (vec![("If-None-Match", "\"other\""), ("If-Modified-Since", MODIFIED_TEXT)], 200),
    ] {
        let response = get(&world, &headers).await;
        assert_eq!(response.status(), status, "{headers:?}");
        assert_eq!(response.body().is_empty(), status == 304, "{headers:?}");
        assert_eq!(response.headers()[header::ETAG], tag.as_str(), "{headers:?}");
        assert!(response.headers().contains_key(header::CACHE_CONTROL), "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_request_is_answered_without_the_body() {
    let get = get(&world(), &[]).await;
    let head = world().http("HEAD", CARD, "").await;
    assert_eq!((head.status(), head.headers()), (get.status(), get.headers()));
    assert!(head.body().is_empty());
}
