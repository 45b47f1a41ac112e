//! Messages that other agents have passed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_http::HttpConfig;
use a2a_lambda_protocol::{ErrorKind, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;

use crate::support::{Binding, World, request, send};

/// Says by which hops its message has come. Its card has a number that grows when it is renewed.
#[derive(Clone, Default)]
struct Hops(Arc<AtomicU32>);

#[async_trait]
impl Agent for Hops {
    fn profile(&self) -> AgentProfile {
        let version = self.0.load(Ordering::Relaxed).to_string();
        AgentProfile::text("hops", "Counts hops", &version)
    }

    async fn renew_profile(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) < 2
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let metadata = turn.request_metadata().map(ToString::to_string).unwrap_or_default();
        Ok(End::Completed(format!("{} {metadata}", turn.hops().join("+")).into()))
    }
}

#[tokio::test(start_paused = true)]
async fn the_hops_of_a_message_come_to_its_agent() {
    let world = World::with_agent(Hops::default());
    let key = "urn:a2a-lambda:hops:v1";
    for (header, metadata, expected) in [
        (None, json!(null), " ".to_owned()),
        (Some("a"), json!(null), format!(r#"a {{"{key}":["a"]}}"#)),
        (Some("a, b"), json!({ "x": 1.50 }), format!(r#"a+b {{"{key}":["a","b"],"x":1.5}}"#)),
        (None, json!({ key: ["c"] }), format!(r#"c {{"{key}":["c"]}}"#)),
        (None, json!({ key: 7 }), format!(r#" {{"{key}":7}}"#)),
        (
            Some("1,2,3,4,5,6,7,8"),
            json!({ key: ["c"] }),
            format!(r#"1+2+3+4+5+6+7+8 {{"{key}":["1","2","3","4","5","6","7","8"]}}"#),
        ),
    ] {
        let mut params = send("go");
        params["metadata"] = metadata;
        let headers: Vec<_> = header.iter().map(|hops| ("a2a-hops", *hops)).collect();
        let sent = world.call_with(Binding::Rest, "SendMessage", params, &headers).await.ok();
        let said = &sent["task"]["status"]["message"]["parts"][0]["text"];
        assert_eq!(said, &expected, "{header:?}");
    }
    for hops in ["1,2,3,4,5,6,7,8,9", "a b", &"x".repeat(65)] {
        for binding in [Binding::Rest, Binding::JsonRpc] {
            let headers = [("a2a-hops", hops)];
            let answer = world.call_with(binding, "SendMessage", send("go"), &headers).await;
            answer.names_fields(ErrorKind::InvalidParams, &["A2A-Hops"], hops);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_is_kept_elsewhere_is_renewed() {
    let modified = Some(Timestamp::from_millis(1_000_000_000_000));
    let config = HttpConfig { card_modified: modified, ..HttpConfig::default() };
    let world = World::with_agent_and_config(Hops::default(), config);
    let mut versions = Vec::new();
    // One that passes messages on gets the card that is known, or agents would ask in a circle.
    for passes_on in [false, true, true, false, true, false] {
        let path = "/.well-known/agent-card.json";
        let hops = [("a2a-hops", "0123456789abcdef")];
        let headers = if passes_on { &hops[..] } else { &[] };
        let response = world.request(request("GET", path, Bytes::new(), headers)).await;
        assert!(!response.headers().contains_key("last-modified"));
        let card: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        versions.push(card["version"].as_str().unwrap().to_owned());
    }
    assert_eq!(versions, ["1", "1", "1", "2", "2", "2"]);
}
