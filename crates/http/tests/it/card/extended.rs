//! The card for callers that are known.

use a2a_lambda_core::{AgentProfile, ExtendedProfile, Owner};
use a2a_lambda_http::{HttpConfig, Principal};
use a2a_lambda_protocol::{AgentSkill, ErrorKind};
use http::header;
use serde_json::json;

use super::with;
use crate::support::{BINDINGS, World};

const GET: &str = "GetExtendedAgentCard";

fn extended(description: Option<&str>) -> World {
    let skill = AgentSkill { id: "secret".to_owned(), ..AgentSkill::default() };
    let description = description.map(str::to_owned);
    let mut extended = ExtendedProfile::default();
    extended.description = description;
    extended.skills.push(skill);
    let mut profile = AgentProfile::text("a", "for all", "1");
    profile.extended = Some(extended);
    World::with_agent_and_config(with(profile), super::bearer())
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn it_is_the_public_card_and_more() {
    for (description, expected) in [(Some("for some"), "for some"), (None, "for all")] {
        let world = extended(description);
        for binding in BINDINGS {
            let card = world.call(binding, GET, json!({})).await.ok();
            assert_eq!(card["description"], expected);
            assert_eq!(card["skills"][0]["id"], "a");
            assert_eq!(card["skills"][1]["id"], "secret");
            assert_eq!(card["supportedInterfaces"].as_array().unwrap().len(), 4);
        }
        let public = world.http("GET", super::CARD, "").await;
        let text = String::from_utf8(public.body().to_vec()).unwrap();
        assert!(!text.contains("secret") && text.contains("for all"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_for_authenticated_callers_only() {
    let anybody = Principal::Anybody(Owner::parse("anonymous").unwrap());
    for principal in [anybody, Principal::Nobody] {
        let world = extended(None).as_principal(principal);
        for binding in BINDINGS {
            let answer = world.call(binding, GET, json!({})).await;
            answer.refused_as(ErrorKind::Unauthenticated, GET);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_adds_nothing_gives_its_public_card() {
    let agent = with(AgentProfile::text("a", "d", "1"));
    let world = World::with_agent_and_config(agent, super::bearer());
    for binding in BINDINGS {
        let card = world.call(binding, GET, json!({})).await.ok();
        assert_eq!(
            (&card["description"], card["skills"].as_array().unwrap().len()),
            (&json!("d"), 1)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_challenge_follows_a_card_without_security_schemes() {
    let world = World::new();
    for binding in BINDINGS {
        let answer = world.call(binding, GET, json!({})).await;
        answer.refused_as(ErrorKind::UnsupportedOperation, GET);
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_not_kept_by_anybody_else() {
    let response = extended(None).http("GET", "/extendedAgentCard", "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers().get(header::ETAG), None);
}

#[tokio::test(start_paused = true)]
async fn it_is_signed_as_the_public_card_is() {
    let (signer, key) = super::signatures::ed25519();
    let config = HttpConfig { card_signer: Some(signer), ..super::bearer() };
    let world = World::with_config(config);
    for binding in BINDINGS {
        let card = world.call(binding, GET, json!({})).await.ok();
        assert_eq!(card["skills"].as_array().unwrap().len(), 2);
        assert!(key.has_signed(&card, &super::signatures::unsigned(&card)));
    }
}
