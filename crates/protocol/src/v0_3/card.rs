//! The agent card, for clients of both versions at once.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::card::AgentSkill;
use crate::security::{
    ApiKeySecurityScheme, HttpAuthSecurityScheme, ImplicitOAuthFlow, MutualTlsSecurityScheme,
    OAuth2SecurityScheme, OAuthFlows, OpenIdConnectSecurityScheme, PasswordOAuthFlow,
    SecurityRequirement, SecurityScheme,
};
use crate::wire::Field;

/// The version that a card of 0.3 declares.
pub const PROTOCOL_VERSION: &str = "0.3.0";

/// The bindings that are spoken in 0.3, too.
const TRANSPORTS: [&str; 2] = ["JSONRPC", "HTTP+JSON"];

/// The fields at the top of a 0.3 card that 1.0 lacks. They can stand beside those of 1.0.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CardFields {
    /// The agent's URL, for the preferred transport.
    pub url: String,
    /// The protocol at the URL.
    pub preferred_transport: String,
    /// Always [`PROTOCOL_VERSION`].
    pub protocol_version: &'static str,
    /// All the ways to reach the agent, the preferred one among them.
    pub additional_interfaces: Vec<AgentInterface>,
    /// Whether there is a fuller card for authenticated clients; left out if not.
    #[serde(skip_serializing_if = "is_false")]
    pub supports_authenticated_extended_card: bool,
    /// The security schemes that a client needs: any one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<BTreeMap<String, Vec<String>>>,
}

/// A URL and its protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentInterface {
    /// Where. Clients of `HTTP+JSON` append `/v1/message:send` and so on.
    pub url: String,
    /// How: `JSONRPC` or `HTTP+JSON`.
    pub transport: String,
}

impl CardFields {
    /// The fields of an agent that speaks 0.3 at the given URL, over those bindings of the card that
    /// 0.3 has. The URL must lead to the tenant, if there is one: 0.3 knows no tenants.
    pub fn new(card: &crate::AgentCard, url: &str) -> Self {
        let mut transports: Vec<&str> = Vec::new();
        for interface in &card.supported_interfaces {
            let binding = interface.protocol_binding.as_str();
            if TRANSPORTS.contains(&binding) && !transports.contains(&binding) {
                transports.push(binding);
            }
        }
        let interface = |transport: &&str| AgentInterface {
            url: url.to_owned(),
            transport: (*transport).to_owned(),
        };
        Self {
            url: url.to_owned(),
            preferred_transport: transports.first().unwrap_or(&TRANSPORTS[0]).to_string(),
            protocol_version: PROTOCOL_VERSION,
            additional_interfaces: transports.iter().map(interface).collect(),
            supports_authenticated_extended_card: card.capabilities.extended_agent_card
                == Some(true),
            security: security(&card.security_requirements),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_false(value: &bool) -> bool {
    !value
}

fn security(requirements: &[SecurityRequirement]) -> Vec<BTreeMap<String, Vec<String>>> {
    let scopes = |requirement: &SecurityRequirement| {
        let schemes = requirement.schemes.iter();
        schemes.map(|(name, scopes)| (name.clone(), scopes.list.clone())).collect()
    };
    requirements.iter().map(scopes).collect()
}

/// A card of 1.0 that clients of 0.3 can read.
///
/// It is the 1.0 card with the [`CardFields`] beside it. A field that both versions have under one
/// name has both forms at once: each security scheme has the member of 1.0 among the fields of 0.3,
/// and each skill has its requirements twice. Clients skip unknown fields, and the official SDK's
/// server writes its cards in this way.
///
/// A signature stays with the card and is good for clients of 1.0 only: a client of 0.3 signs, and
/// checks, other fields.
#[derive(Debug, Clone)]
pub struct AgentCard<'a> {
    current: &'a crate::AgentCard,
    fields: CardFields,
}

impl<'a> AgentCard<'a> {
    /// The card of an agent that speaks 0.3 at the given URL: see [`CardFields::new`].
    pub fn new(current: &'a crate::AgentCard, url: &str) -> Self {
        Self { current, fields: CardFields::new(current, url) }
    }
}

impl Serialize for AgentCard<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let schemes = &self.current.security_schemes;
        Document {
            // Without the fields that have both forms, below.
            card: Stripped(self.current),
            fields: &self.fields,
            security_schemes: schemes.iter().map(|(name, it)| (name.as_str(), it.into())).collect(),
            skills: self.current.skills.iter().map(Skill::from).collect(),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    card: Stripped<'a>,
    #[serde(flatten)]
    fields: &'a CardFields,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    security_schemes: BTreeMap<&'a str, Scheme<'a>>,
    skills: Vec<Skill<'a>>,
}

/// A card without its security schemes and skills.
struct Stripped<'a>(&'a crate::AgentCard);

impl Serialize for Stripped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // All fields by name, so that a new one is not forgotten.
        let crate::AgentCard {
            name,
            description,
            supported_interfaces,
            provider,
            version,
            documentation_url,
            capabilities,
            security_schemes: _,
            security_requirements,
            default_input_modes,
            default_output_modes,
            skills: _,
            signatures,
            icon_url,
        } = self.0;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("name", name)?;
        object.serialize_entry("description", description)?;
        object.serialize_entry("supportedInterfaces", supported_interfaces)?;
        object.serialize_entry("version", version)?;
        object.serialize_entry("capabilities", capabilities)?;
        object.serialize_entry("defaultInputModes", default_input_modes)?;
        object.serialize_entry("defaultOutputModes", default_output_modes)?;
        optional(&mut object, "provider", provider)?;
        optional(&mut object, "documentationUrl", documentation_url)?;
        optional(&mut object, "securityRequirements", security_requirements)?;
        optional(&mut object, "signatures", signatures)?;
        optional(&mut object, "iconUrl", icon_url)?;
        object.end()
    }
}

fn optional<M: SerializeMap>(
    object: &mut M,
    name: &'static str,
    value: &(impl Field + Serialize),
) -> Result<(), M::Error> {
    if value.is_absent() { Ok(()) } else { object.serialize_entry(name, value) }
}

#[derive(Serialize)]
struct Skill<'a> {
    #[serde(flatten)]
    current: &'a AgentSkill,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    security: Vec<BTreeMap<String, Vec<String>>>,
}

impl<'a> From<&'a AgentSkill> for Skill<'a> {
    fn from(current: &'a AgentSkill) -> Self {
        Self { current, security: security(&current.security_requirements) }
    }
}

/// A security scheme in both forms: the one member of 1.0 among the fields of 0.3.
#[derive(Serialize)]
struct Scheme<'a> {
    #[serde(flatten)]
    current: &'a SecurityScheme,
    #[serde(flatten)]
    old: OldScheme<'a>,
}

/// A security scheme of 0.3, after that of `OpenAPI`. Those that are given as they are have the same
/// fields in 1.0.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum OldScheme<'a> {
    ApiKey(ApiKey<'a>),
    Http(&'a HttpAuthSecurityScheme),
    #[serde(rename = "oauth2")]
    OAuth2(OAuth2<'a>),
    OpenIdConnect(&'a OpenIdConnectSecurityScheme),
    #[serde(rename = "mutualTLS")]
    MutualTls(&'a MutualTlsSecurityScheme),
}

#[derive(Serialize)]
struct ApiKey<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(rename = "in")]
    location: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OAuth2<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    flows: OldFlows<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    oauth2_metadata_url: &'a str,
}

/// The flow of 1.0, which has its REQUIRED fields. In two that are deprecated nothing is REQUIRED any
/// more, so they are written with all of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum OldFlows<'a> {
    #[serde(rename_all = "camelCase")]
    Implicit {
        authorization_url: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        refresh_url: &'a str,
        scopes: &'a BTreeMap<String, String>,
    },
    #[serde(rename_all = "camelCase")]
    Password {
        token_url: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        refresh_url: &'a str,
        scopes: &'a BTreeMap<String, String>,
    },
    #[serde(untagged)]
    Same(&'a OAuthFlows),
    #[serde(untagged)]
    None {},
}

impl<'a> From<&'a SecurityScheme> for Scheme<'a> {
    fn from(current: &'a SecurityScheme) -> Self {
        let old = match current {
            SecurityScheme::ApiKey(ApiKeySecurityScheme { description, location, name }) => {
                OldScheme::ApiKey(ApiKey { description, location, name })
            }
            SecurityScheme::HttpAuth(scheme) => OldScheme::Http(scheme),
            SecurityScheme::OAuth2(scheme) => OldScheme::OAuth2(scheme.into()),
            SecurityScheme::OpenIdConnect(scheme) => OldScheme::OpenIdConnect(scheme),
            SecurityScheme::MutualTls(scheme) => OldScheme::MutualTls(scheme),
        };
        Self { current, old }
    }
}

impl<'a> From<&'a OAuth2SecurityScheme> for OAuth2<'a> {
    fn from(current: &'a OAuth2SecurityScheme) -> Self {
        let OAuth2SecurityScheme { description, flows, oauth2_metadata_url } = current;
        Self { description, flows: flows.as_ref().into(), oauth2_metadata_url }
    }
}

impl<'a> From<Option<&'a OAuthFlows>> for OldFlows<'a> {
    fn from(current: Option<&'a OAuthFlows>) -> Self {
        match current {
            None => Self::None {},
            Some(OAuthFlows::Implicit(flow)) => {
                let ImplicitOAuthFlow { authorization_url, refresh_url, scopes } = flow;
                Self::Implicit { authorization_url, refresh_url, scopes }
            }
            Some(OAuthFlows::Password(flow)) => {
                let PasswordOAuthFlow { token_url, refresh_url, scopes } = flow;
                Self::Password { token_url, refresh_url, scopes }
            }
            Some(flow) => Self::Same(flow),
        }
    }
}
