//! The agent card, and its caching.

mod extended;
mod keys;
mod signatures;

use std::collections::BTreeMap;

use a2a_lambda_core::{AgentProfile, End, ExtendedProfile, Owner};
use a2a_lambda_http::{
    DELIVERY_EXTENSION, GENERATION_EXTENSION, HttpConfig, Principal, WORK_EXTENSION,
};
use a2a_lambda_protocol::{
    AgentExtension, AgentSkill, HttpAuthSecurityScheme, SecurityRequirement, SecurityScheme,
    StringList, Timestamp,
};
use a2a_lambda_testing::{Scripted, script};
use bytes::Bytes;
use http::{Response, header};
use serde_json::{Value, json};

use crate::support::{Binding, World, request};

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

/// The ways to authenticate of a deployment with bearer tokens, which have no scopes.
fn bearer() -> HttpConfig {
    let scheme = HttpAuthSecurityScheme { scheme: "Bearer".to_owned(), ..Default::default() };
    let schemes = BTreeMap::from([("bearer".to_owned(), StringList::default())]);
    HttpConfig {
        security_schemes: [("bearer".to_owned(), SecurityScheme::HttpAuth(scheme))].into(),
        security_requirements: vec![SecurityRequirement { schemes }],
        ..HttpConfig::default()
    }
}

fn interface(url: &str, binding: &str, version: &str) -> Value {
    json!({ "url": url, "protocolBinding": binding, "protocolVersion": version })
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn the_card_names_both_interfaces_in_both_versions() {
    let response = get(&world(), &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let card = body(&response);
    let url = "https://agents.example";
    let interfaces = json!([
        interface(url, "JSONRPC", "1.0"),
        interface(url, "HTTP+JSON", "1.0"),
        interface(url, "JSONRPC", "0.3"),
        interface(url, "HTTP+JSON", "0.3")
    ]);
    assert_eq!(card["supportedInterfaces"], interfaces);
    assert_eq!(card["name"], "conformance");
    for required in ["description", "version", "defaultInputModes", "defaultOutputModes", "skills"]
    {
        assert!(!card[required].is_null(), "{required}: {card}");
    }
    // For clients of 0.3.
    assert_eq!(card["protocolVersion"], "0.3.0");
    assert_eq!(card["url"], url);
    assert_eq!(card["preferredTransport"], "JSONRPC");
    let old = json!([
        { "url": url, "transport": "JSONRPC" },
        { "url": url, "transport": "HTTP+JSON" }
    ]);
    assert_eq!(card["additionalInterfaces"], old);
    assert!(card.get("signatures").is_none());
}

#[tokio::test(start_paused = true)]
async fn without_0_3_the_card_has_nothing_of_it() {
    let config = HttpConfig { v0_3: false, ..bearer() };
    let card = body(&get(&World::with_config(config), &[]).await);
    let url = "https://agents.example";
    let interfaces = json!([interface(url, "JSONRPC", "1.0"), interface(url, "HTTP+JSON", "1.0")]);
    assert_eq!(card["supportedInterfaces"], interfaces);
    for old in ["protocolVersion", "url", "preferredTransport", "additionalInterfaces", "security"]
    {
        assert!(card.get(old).is_none(), "{old}: {card}");
    }
    let scheme = json!({ "httpAuthSecurityScheme": { "scheme": "Bearer" } });
    assert_eq!(card["securitySchemes"], json!({ "bearer": scheme }));
    assert_eq!(card["securityRequirements"], json!([{ "schemes": { "bearer": {} } }]));
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn the_ways_to_authenticate_are_in_both_forms() {
    let card = body(&get(&World::with_config(bearer()), &[]).await);
    let scheme = json!({
        "httpAuthSecurityScheme": { "scheme": "Bearer" }, "type": "http", "scheme": "Bearer"
    });
    assert_eq!(card["securitySchemes"], json!({ "bearer": scheme }));
    assert_eq!(card["securityRequirements"], json!([{ "schemes": { "bearer": {} } }]));
    assert_eq!(card["security"], json!([{ "bearer": [] }]));
}

/// An agent with a profile of its own.
fn with(profile: AgentProfile) -> Scripted {
    script!(|_, _| { Ok(End::completed()) }).with_profile(profile)
}

/// Some clients ask for an extended card wherever one is declared, and give up if they may not.
#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn an_extended_card_is_declared_where_the_card_says_how_to_authenticate() {
    for (config, is_declared) in [(HttpConfig::default(), false), (bearer(), true)] {
        let world = World::with_config(config);
        let card = body(&get(&world, &[]).await);
        assert_eq!(card.get("securitySchemes").is_some(), is_declared, "{card}");
        assert_eq!(card["capabilities"]["extendedAgentCard"], is_declared, "{card}");
        let old = card.get("supportsAuthenticatedExtendedCard");
        assert_eq!(old, is_declared.then_some(&json!(true)), "{card}");
        let anybody = Principal::Anybody(Owner::parse("anonymous").unwrap());
        for principal in [anybody, Principal::Nobody] {
            let theirs = body(&get(&world.as_principal(principal), &[]).await);
            assert_eq!(theirs, card, "the card does not depend on its reader");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_skill_has_media_types_of_its_own() {
    let mut profile = AgentProfile::text("a", "d", "1");
    profile.skills.push(AgentSkill { id: "sees".to_owned(), ..AgentSkill::default() });
    profile.skills[1].input_modes = vec!["image/*".to_owned()];
    let added = AgentSkill { id: "secret".to_owned(), ..AgentSkill::default() };
    profile.extended.insert(ExtendedProfile::default()).skills.push(added);
    let world = World::with_agent_and_config(with(profile), bearer());
    let public = body(&get(&world, &[]).await);
    let extended = world.call(Binding::Rest, "GetExtendedAgentCard", json!({})).await.ok();
    let modes = |card: &Value| -> Vec<(Value, Value)> {
        let skills = card["skills"].as_array().unwrap().iter();
        skills.map(|it| (it["inputModes"].clone(), it["outputModes"].clone())).collect()
    };
    let text = json!(["text/plain"]);
    let expected = [(text.clone(), text.clone()), (json!(["image/*"]), text.clone())];
    assert_eq!(modes(&public), expected);
    assert_eq!(modes(&extended), [&expected[..], &[(text.clone(), text)]].concat());
}

#[tokio::test(start_paused = true)]
async fn the_capabilities_are_the_agent_s() {
    let own = AgentExtension { uri: "urn:own".to_owned(), required: true, ..Default::default() };
    for on in [true, false] {
        let mut profile = AgentProfile::text("a", "d", "1");
        profile.offers.streaming = on;
        profile.offers.push_notifications = !on;
        profile.extensions.push(own.clone());
        let card = body(&get(&World::with_agent(with(profile)), &[]).await);
        let capabilities = &card["capabilities"];
        assert_eq!(capabilities["streaming"], on);
        assert_eq!(capabilities["pushNotifications"], !on);
        let extensions = capabilities["extensions"].as_array().unwrap();
        assert_eq!(extensions[0], json!({ "uri": "urn:own", "required": true }));
        assert_eq!(extensions[1]["uri"], GENERATION_EXTENSION);
        // Absent features are not mentioned.
        let more: Vec<_> = extensions[2..].iter().map(|extension| &extension["uri"]).collect();
        let (delivery, work) = (json!(DELIVERY_EXTENSION), json!(WORK_EXTENSION));
        assert_eq!(more, if on { vec![&work] } else { vec![&delivery, &work] });
    }
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn a_tenant_s_card_is_of_its_agent_and_names_it() {
    let card = body(&world().http("GET", &format!("/echo{CARD}"), "").await);
    assert_eq!(card["name"], "echo");
    // 0.3 knows no tenants: there they are part of the URL.
    for interface in card["supportedInterfaces"].as_array().unwrap() {
        if interface["protocolVersion"] == "0.3" {
            assert_eq!(interface.get("tenant"), None);
            assert_eq!(interface["url"], "https://agents.example/echo");
        } else {
            assert_eq!(interface["tenant"], "echo");
            assert_eq!(interface["url"], "https://agents.example");
        }
    }
    assert_eq!(card["url"], "https://agents.example/echo");
    let refused = world().http("GET", &format!("/no%20tenant{CARD}"), "").await;
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/a2a+json");
    assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store");
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

/// A program's own times do not change with its configuration.
#[tokio::test(start_paused = true)]
async fn without_a_time_of_the_deployment_a_time_says_nothing() {
    let world = World::with_config(HttpConfig::default());
    let tag = get(&world, &[]).await.headers()[header::ETAG].to_str().unwrap().to_owned();
    let later = ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT");
    for (headers, status) in [
        (vec![later], 200),
        (vec![("If-None-Match", tag.as_str()), later], 304),
        (vec![("If-None-Match", "\"other\""), later], 200),
    ] {
        let response = get(&world, &headers).await;
        assert_eq!(response.status(), status, "{headers:?}");
        assert_eq!(response.headers().get(header::LAST_MODIFIED), None, "{headers:?}");
    }
}

/// Only the tag changes.
#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn a_change_of_configuration_changes_the_tag() {
    let tag = async |config| get(&World::with_config(config), &[]).await.headers()["etag"].clone();
    let configs = [HttpConfig::default(), HttpConfig { v0_3: false, ..bearer() }, bearer()];
    let mut tags = Vec::new();
    for config in configs {
        tags.push(tag(config).await);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_head_request_is_answered_without_the_body() {
    let get = get(&world(), &[]).await;
    let head = world().http("HEAD", CARD, "").await;
    assert_eq!((head.status(), head.headers()), (get.status(), get.headers()));
    assert!(head.body().is_empty());
}
