//! The agent card: an agent's description of itself (specification 4.4).

use std::collections::BTreeMap;

use crate::json::Struct;
use crate::security::{SecurityRequirement, SecurityScheme};

message! {
    /// A self-describing manifest of an agent (specification 4.4.1).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AgentCard {
        /// Its name, for people.
        #[json("name", required)]
        pub name: String,
        /// A description for people and other agents.
        #[json("description", required)]
        pub description: String,
        /// The interfaces, the preferred one first.
        #[json("supportedInterfaces", required)]
        pub supported_interfaces: Vec<AgentInterface>,
        /// The provider.
        #[json("provider")]
        pub provider: Option<AgentProvider>,
        /// The agent's own version.
        #[json("version", required)]
        pub version: String,
        /// The URL of its documentation.
        #[json("documentationUrl")]
        pub documentation_url: Option<String>,
        /// The optional features that it supports.
        #[json("capabilities", required)]
        pub capabilities: AgentCapabilities,
        /// Ways to authenticate, by name.
        #[json("securitySchemes")]
        pub security_schemes: BTreeMap<String, SecurityScheme>,
        /// The schemes that a client needs: any one of these.
        #[json("securityRequirements")]
        pub security_requirements: Vec<SecurityRequirement>,
        /// MIME types that all skills take.
        #[json("defaultInputModes", required)]
        pub default_input_modes: Vec<String>,
        /// MIME types that all skills give.
        #[json("defaultOutputModes", required)]
        pub default_output_modes: Vec<String>,
        /// The agent's skills.
        #[json("skills", required)]
        pub skills: Vec<AgentSkill>,
        /// Signatures over this card.
        #[json("signatures")]
        pub signatures: Vec<AgentCardSignature>,
        /// The URL of its icon.
        #[json("iconUrl")]
        pub icon_url: Option<String>,
    }
}

message! {
    /// A URL with the binding and version that is spoken there (specification 4.4.6).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AgentInterface {
        /// Where: an absolute HTTPS URL in production.
        #[json("url", required)]
        pub url: String,
        /// How: `JSONRPC`, `HTTP+JSON`, `GRPC`, or the URI of a custom binding.
        #[json("protocolBinding", required)]
        pub protocol_binding: String,
        /// Clients put this into `tenant` of each request to this interface.
        #[json("tenant")]
        pub tenant: String,
        /// The protocol's version, such as `1.0`.
        #[json("protocolVersion", required)]
        pub protocol_version: String,
    }
}

message! {
    /// The provider of an agent (specification 4.4.2).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AgentProvider {
        /// The provider's web site.
        #[json("url", required)]
        pub url: String,
        /// The provider's name.
        #[json("organization", required)]
        pub organization: String,
    }
}

message! {
    /// The protocol's optional features that an agent supports (specification 4.4.3).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AgentCapabilities {
        /// Streams.
        #[json("streaming")]
        pub streaming: Option<bool>,
        /// Push notifications.
        #[json("pushNotifications")]
        pub push_notifications: Option<bool>,
        /// Extensions.
        #[json("extensions")]
        pub extensions: Vec<AgentExtension>,
        /// A fuller card for authenticated clients.
        #[json("extendedAgentCard")]
        pub extended_agent_card: Option<bool>,
    }
}

message! {
    /// An extension that an agent supports (specification 4.4.4).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AgentExtension {
        /// The extension's URI.
        #[json("uri")]
        pub uri: String,
        /// The agent's use of it, for people.
        #[json("description")]
        pub description: String,
        /// Whether a client must support it.
        #[json("required")]
        pub required: bool,
        /// The extension's own parameters.
        #[json("params")]
        pub params: Option<Struct>,
    }
}

message! {
    /// Something an agent can do (specification 4.4.5).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AgentSkill {
        /// Its id, unique within the card.
        #[json("id", required)]
        pub id: String,
        /// Its name, for people.
        #[json("name", required)]
        pub name: String,
        /// A description of the skill.
        #[json("description", required)]
        pub description: String,
        /// Keywords.
        #[json("tags", required)]
        pub tags: Vec<String>,
        /// Example prompts.
        #[json("examples")]
        pub examples: Vec<String>,
        /// MIME types it takes, in place of the card's.
        #[json("inputModes")]
        pub input_modes: Vec<String>,
        /// MIME types it gives, in place of the card's.
        #[json("outputModes")]
        pub output_modes: Vec<String>,
        /// The security schemes that it needs.
        #[json("securityRequirements")]
        pub security_requirements: Vec<SecurityRequirement>,
    }
}

message! {
    /// A JSON Web Signature over an agent card (specification 4.4.7 and 8.4).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct AgentCardSignature {
        /// The protected header: base64url of a JSON object.
        #[json("protected", required)]
        pub protected: String,
        /// The signature, base64url.
        #[json("signature", required)]
        pub signature: String,
        /// The unprotected header.
        #[json("header")]
        pub header: Option<Struct>,
    }
}
