//! One card for clients of A2A 0.3 and of 1.0.

use a2a_lambda_protocol::v0_3::{self, CardFields};
use a2a_lambda_protocol::{AgentCard, decode};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::strategies as s;

fn card() -> AgentCard {
    let card = json!({
        "name": "n", "description": "d", "version": "7",
        "supportedInterfaces": [
            {"url": "https://a.example", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "https://a.example", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
            {"url": "https://a.example", "protocolBinding": "GRPC", "protocolVersion": "1.0"}
        ],
        "capabilities": {"streaming": true, "extendedAgentCard": true},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "securitySchemes": {
            "key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}},
            "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
            "code": {"oauth2SecurityScheme": {"description": "o", "flows": {"authorizationCode": {
                "authorizationUrl": "https://a", "tokenUrl": "https://t", "scopes": {"r": "read"}}}}},
            "implicit": {"oauth2SecurityScheme": {"flows": {"implicit": {
                "authorizationUrl": "https://a"}}}},
            "password": {"oauth2SecurityScheme": {"flows": {"password": {"tokenUrl": "https://t"}}}},
            "oidc": {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://o"}},
            "mtls": {"mtlsSecurityScheme": {}}
        },
        "securityRequirements": [
            {"schemes": {"code": {"list": ["r"]}, "key": {"list": []}}},
            {"schemes": {"bearer": {"list": []}}}
        ],
        "skills": [{"id": "s", "name": "s", "description": "s", "tags": ["t"],
            "securityRequirements": [{"schemes": {"key": {"list": []}}}]}],
        "signatures": [{"protected": "p", "signature": "s"}]
    });
    decode(card.to_string().as_bytes()).unwrap()
}

fn document(card: &AgentCard) -> Value {
    serde_json::to_value(v0_3::AgentCard::new(card, "https://a.example/t")).unwrap()
}

#[test]
fn fields_that_only_0_3_has() {
    let fields = serde_json::to_value(CardFields::new(&card(), "https://a.example/t")).unwrap();
    let expected = json!({
        "url": "https://a.example/t",
        "preferredTransport": "JSONRPC",
        "protocolVersion": "0.3.0",
        "additionalInterfaces": [
            {"url": "https://a.example/t", "transport": "JSONRPC"},
            {"url": "https://a.example/t", "transport": "HTTP+JSON"}
        ],
        "supportsAuthenticatedExtendedCard": true,
        "security": [{"code": ["r"], "key": []}, {"bearer": []}]
    });
    assert_eq!(fields, expected);
    let document = document(&card());
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&document[name], value);
    }
    // An agent that says nothing of these says nothing of them in 0.3.
    let plain = serde_json::to_value(CardFields::new(&AgentCard::default(), "u")).unwrap();
    assert!(plain.get("security").is_none());
    assert!(plain.get("supportsAuthenticatedExtendedCard").is_none());
}

#[test]
fn fields_of_both_versions_have_both_forms() {
    let document = document(&card());
    assert_eq!(document["skills"][0]["security"], json!([{"key": []}]));
    assert!(document["skills"][0]["securityRequirements"].is_array());
    let current = serde_json::to_value(card()).unwrap();
    for (name, old) in [
        ("key", json!({"type": "apiKey", "in": "header", "name": "X-Key"})),
        ("bearer", json!({"type": "http", "scheme": "Bearer", "bearerFormat": "JWT"})),
        (
            "code",
            json!({"type": "oauth2", "description": "o", "flows": {"authorizationCode": {
                "authorizationUrl": "https://a", "tokenUrl": "https://t",
                "scopes": {"r": "read"}}}}),
        ),
        // 0.3 wants the scopes.
        (
            "implicit",
            json!({"type": "oauth2", "flows": {"implicit": {
                "authorizationUrl": "https://a", "scopes": {}}}}),
        ),
        (
            "password",
            json!({"type": "oauth2", "flows": {"password": {
                "tokenUrl": "https://t", "scopes": {}}}}),
        ),
        ("oidc", json!({"type": "openIdConnect", "openIdConnectUrl": "https://o"})),
        ("mtls", json!({"type": "mutualTLS"})),
    ] {
        let mut both = old.as_object().unwrap().clone();
        both.extend(current["securitySchemes"][name].as_object().unwrap().clone());
        assert_eq!(document["securitySchemes"][name], Value::Object(both), "{name}");
    }
}

fn official(card: &impl Serialize) -> Result<Value, serde_json::Error> {
    let text = serde_json::to_string(card)?;
    serde_json::to_value(serde_json::from_str::<a2a::AgentCard>(&text)?)
}

#[test]
fn the_official_crate_reads_the_card_as_it_was() {
    let mut card = card();
    // Of deprecated flows it wants fields that are not REQUIRED.
    card.security_schemes.retain(|name, _| !["implicit", "password"].contains(&name.as_str()));
    let both = official(&v0_3::AgentCard::new(&card, "https://a.example/t")).unwrap();
    assert_eq!(both, official(&card).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A client of 1.0 reads the card that it was: this crate, and the official one where it reads
    /// the card at all. No field is there twice, which either would refuse.
    #[test]
    fn clients_of_1_0_read_the_card_as_it_was(card in s::agent_card(), url in s::text()) {
        let both = v0_3::AgentCard::new(&card, &url);
        let text = serde_json::to_string(&both).unwrap();
        prop_assert_eq!(&decode::<AgentCard>(text.as_bytes()).unwrap(), &card);
        if let Ok(plain) = official(&card) {
            prop_assert_eq!(official(&both).unwrap(), plain);
        }
    }
}
