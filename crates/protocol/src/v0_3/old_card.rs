//! Cards of agents that know 0.3 only, read as cards of 1.0.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::card::PROTOCOL_VERSION;
use crate::card::{
    AgentCapabilities, AgentCard, AgentCardSignature, AgentInterface, AgentProvider, AgentSkill,
};
use crate::decode::decode;
use crate::error::A2aError;
use crate::security::{SecurityRequirement, SecurityScheme, StringList};

/// The security schemes of 0.3 by their `type`, as the members of 1.0.
const SCHEMES: [(&str, &str); 5] = [
    ("apiKey", "apiKeySecurityScheme"),
    ("http", "httpAuthSecurityScheme"),
    ("oauth2", "oauth2SecurityScheme"),
    ("openIdConnect", "openIdConnectSecurityScheme"),
    ("mutualTLS", "mtlsSecurityScheme"),
];

/// The OAuth flows of 0.3, in the order in which one is taken.
const FLOWS: [&str; 4] = ["authorizationCode", "clientCredentials", "implicit", "password"];

message! {
    /// A card as 0.3 has it.
    #[derive(Default)]
    #[allow(unreachable_pub)] // `message!` makes public structs.
    pub struct OldCard {
        #[json("name")]
        pub name: String,
        #[json("description")]
        pub description: String,
        #[json("version")]
        pub version: String,
        #[json("url", required)]
        pub url: String,
        #[json("preferredTransport")]
        pub preferred_transport: String,
        #[json("protocolVersion")]
        pub protocol_version: String,
        #[json("additionalInterfaces")]
        pub additional_interfaces: Vec<OldInterface>,
        #[json("provider")]
        pub provider: Option<AgentProvider>,
        #[json("documentationUrl")]
        pub documentation_url: Option<String>,
        #[json("iconUrl")]
        pub icon_url: Option<String>,
        #[json("capabilities")]
        pub capabilities: AgentCapabilities,
        #[json("defaultInputModes")]
        pub default_input_modes: Vec<String>,
        #[json("defaultOutputModes")]
        pub default_output_modes: Vec<String>,
        #[json("skills")]
        pub skills: Vec<AgentSkill>,
        #[json("signatures")]
        pub signatures: Vec<AgentCardSignature>,
        #[json("supportsAuthenticatedExtendedCard")]
        pub supports_authenticated_extended_card: bool,
        #[json("security")]
        pub security: Vec<BTreeMap<String, Vec<String>>>,
    }
}

message! {
    /// A further interface.
    #[derive(Default, PartialEq)]
    #[allow(unreachable_pub)]
    pub struct OldInterface {
        #[json("url", required)]
        pub url: String,
        #[json("transport", required)]
        pub transport: String,
    }
}

/// Reads a card of an agent that knows 0.3 only: one without `supportedInterfaces`.
///
/// The preferred transport comes first. Requirements of single skills are left out, and so are
/// security schemes of unknown types, and all but the first flow of OAuth.
///
/// # Errors
/// As [`decode`], and if the card has no URL.
pub fn read_card(text: &[u8]) -> Result<AgentCard, A2aError> {
    let old: OldCard = decode(text)?;
    if old.url.is_empty() {
        return Err(A2aError::invalid_field("url", "is required"));
    }
    let document: Value = decode(text)?;
    let version = match old.protocol_version.as_str() {
        "" => PROTOCOL_VERSION,
        version => version,
    };
    let interface = |url: &str, transport: &str| AgentInterface {
        url: url.to_owned(),
        protocol_binding: if transport.is_empty() { "JSONRPC" } else { transport }.to_owned(),
        tenant: String::new(),
        protocol_version: version.to_owned(),
    };
    let mut interfaces = vec![interface(&old.url, &old.preferred_transport)];
    for other in &old.additional_interfaces {
        let other = interface(&other.url, &other.transport);
        if !interfaces.contains(&other) {
            interfaces.push(other);
        }
    }
    let extended = old.supports_authenticated_extended_card;
    let mut capabilities = old.capabilities;
    capabilities.extended_agent_card = capabilities.extended_agent_card.or(Some(extended));
    Ok(AgentCard {
        name: old.name,
        description: old.description,
        supported_interfaces: interfaces,
        provider: old.provider,
        version: old.version,
        documentation_url: old.documentation_url,
        capabilities,
        security_schemes: schemes(&document),
        security_requirements: old.security.into_iter().map(requirement).collect(),
        default_input_modes: old.default_input_modes,
        default_output_modes: old.default_output_modes,
        skills: old.skills,
        signatures: old.signatures,
        icon_url: old.icon_url,
    })
}

fn requirement(old: BTreeMap<String, Vec<String>>) -> SecurityRequirement {
    let schemes = old.into_iter().map(|(name, list)| (name, StringList { list })).collect();
    SecurityRequirement { schemes }
}

fn schemes(document: &Value) -> BTreeMap<String, SecurityScheme> {
    let old = document.get("securitySchemes").and_then(Value::as_object);
    let read = |scheme: &Value| {
        let kind = scheme.get("type")?.as_str()?;
        let (_, member) = SCHEMES.iter().find(|(old, _)| *old == kind)?;
        let mut fields = scheme.as_object()?.clone();
        if let Some(location) = fields.remove("in") {
            fields.insert("location".to_owned(), location);
        }
        if let Some(flows) = fields.get_mut("flows") {
            *flows = first_flow(flows);
        }
        serde_json::from_value(json!({ *member: fields })).ok()
    };
    let read = |(name, scheme): (&String, &Value)| Some((name.clone(), read(scheme)?));
    old.into_iter().flatten().filter_map(read).collect()
}

/// 1.0 has one flow.
fn first_flow(flows: &Value) -> Value {
    let first = FLOWS.iter().find_map(|name| Some((*name, flows.get(*name)?.clone())));
    Value::Object(
        first.map(|(name, flow)| Map::from_iter([(name.to_owned(), flow)])).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{OAuthFlows, SecurityScheme as Scheme};

    #[test]
    fn a_card_of_0_3_is_read_as_one_of_1_0() {
        let card = json!({
            "name": "n", "description": "d", "version": "2", "protocolVersion": "0.3.0",
            "url": "https://a/rpc", "preferredTransport": "HTTP+JSON",
            "additionalInterfaces": [
                {"url": "https://a/rpc", "transport": "HTTP+JSON"},
                {"url": "https://a/x", "transport": "JSONRPC"}
            ],
            "capabilities": {"streaming": true, "stateTransitionHistory": true},
            "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
            "skills": [{"id": "s", "name": "s", "description": "s", "tags": [], "security": [{}]}],
            "supportsAuthenticatedExtendedCard": true,
            "security": [{"key": [], "oauth": ["read"]}],
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "http": {"type": "http", "scheme": "Bearer"},
                "tls": {"type": "mutualTLS"},
                "oauth": {"type": "oauth2", "flows": {
                    "password": {"tokenUrl": "t", "scopes": {}},
                    "clientCredentials": {"tokenUrl": "t", "scopes": {"read": "r"}}
                }},
                "new": {"type": "telepathy"}, "none": 7
            }
        });
        let read = read_card(card.to_string().as_bytes()).unwrap();
        let interfaces: Vec<_> = read
            .supported_interfaces
            .iter()
            .map(|it| (it.url.as_str(), it.protocol_binding.as_str(), it.protocol_version.as_str()))
            .collect();
        assert_eq!(
            interfaces,
            [("https://a/rpc", "HTTP+JSON", "0.3.0"), ("https://a/x", "JSONRPC", "0.3.0")]
        );
        assert_eq!(read.capabilities.streaming, Some(true));
        assert_eq!(read.capabilities.extended_agent_card, Some(true));
        assert_eq!(read.skills[0].id, "s");
        assert_eq!(read.security_requirements[0].schemes["oauth"].list, ["read"]);
        let names: Vec<_> = read.security_schemes.keys().map(String::as_str).collect();
        assert_eq!(names, ["http", "key", "oauth", "tls"]);
        let Scheme::ApiKey(key) = &read.security_schemes["key"] else { panic!("{read:?}") };
        assert_eq!((key.location.as_str(), key.name.as_str()), ("header", "X-Key"));
        let Scheme::OAuth2(oauth) = &read.security_schemes["oauth"] else { panic!("{read:?}") };
        assert!(matches!(oauth.flows, Some(OAuthFlows::ClientCredentials(_))), "{oauth:?}");
    }

    #[test]
    fn the_least_card_is_for_json_rpc_and_less_is_none() {
        let read = read_card(br#"{"url": "https://a"}"#).unwrap();
        assert_eq!(read.supported_interfaces[0].protocol_binding, "JSONRPC");
        assert_eq!(read.supported_interfaces[0].protocol_version, "0.3.0");
        for bad in ["{}", "[]", "", r#"{"url": 1}"#, r#"{"url": "a", "skills": {}}"#] {
            read_card(bad.as_bytes()).unwrap_err();
        }
    }
}
