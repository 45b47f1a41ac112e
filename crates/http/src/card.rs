//! The agent card (spec section 8): its contents, its caching and its signatures.

mod caching;
mod jwks;
mod payload;
mod signer;

use a2a_lambda_core::{AgentProfile, Tenant};
use a2a_lambda_protocol::{
    A2aError, AgentCapabilities, AgentCard, AgentInterface, AgentSkill, ErrorKind,
};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, header};

use crate::binding::{PLAIN_JSON, VERSION, error_response, log_error};
use crate::extensions::on_card;
use crate::hops::is_passed_on;
use crate::service::{Bindings, tenant_named};
#[cfg(feature = "v0_3")]
use crate::v0_3;
use crate::visitor::Visitor;

use caching::Validators;

pub use a2a_lambda_signing::SigningKeyError;
pub use signer::CardSigner;

impl Bindings {
    /// Answers with the card, or says that the client's copy is current.
    pub(crate) async fn card(
        &self,
        parts: &Parts,
        tenant: &str,
        visitor: &Visitor,
    ) -> Response<Bytes> {
        // An agent that asks for this card would be asked for its own in turn, if the two pass messages
        // on in a circle: it gets the card that is known.
        if let Ok(tenant) = tenant_named(tenant)
            && !is_passed_on(parts)
        {
            self.agents.renew_profile(&tenant).await;
        }
        self.public_card(parts, tenant, visitor).unwrap_or_else(|error| {
            log_error("agent card", &error);
            error_response(&error)
        })
    }

    fn public_card(
        &self,
        parts: &Parts,
        tenant: &str,
        visitor: &Visitor,
    ) -> Result<Response<Bytes>, A2aError> {
        let tenant = tenant_named(tenant)?;
        // A missing card is a missing page.
        let profile = self.profile(&tenant).map_err(|mut error| {
            error.kind = ErrorKind::MethodNotFound;
            error
        })?;
        let mut card = self.agent_card(&tenant, (*profile).clone(), &visitor.base_url);
        let unsigned = self.document(&card)?;
        let signer = self.config.card_signer.as_ref();
        // The time of the deployment says nothing of a card that is kept elsewhere.
        let modified = self.config.card_modified.filter(|_| !self.agents.has_renewed(&tenant));
        let validators = Validators::new(&unsigned, signer, modified);
        let mut response = if validators.hold(parts) {
            caching::not_modified()
        } else {
            let document = if self.config.card_signer.is_some() {
                self.sign(&mut card, &unsigned)?;
                self.document(&card)?
            } else {
                unsigned
            };
            Response::new(Bytes::from(document))
        };
        // A 304 needs the type, too: the runtime gives a streamed answer without a type a wrong
        // one, and caches adopt it.
        let json = HeaderValue::from_static(PLAIN_JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if parts.method == Method::HEAD {
            *response.body_mut() = Bytes::new();
        }
        validators.add_headers(&mut response, self.config.card_max_age_s);
        Ok(response)
    }

    /// Refuses callers that the front door has not authenticated, if there is an extended card.
    pub(crate) fn check_extended_card(&self, visitor: &Visitor) -> Result<(), A2aError> {
        if !self.has_extended_card() {
            return Err(A2aError::unsupported("the agent has no extended card"));
        }
        visitor.principal.authenticated()
    }

    /// The card for callers that the front door has authenticated (spec section 3.1.11). Its
    /// signature covers the form for clients of 1.0.
    pub(crate) fn extended_card(
        &self,
        tenant: &Tenant,
        profile: &AgentProfile,
        base_url: &str,
    ) -> Result<AgentCard, A2aError> {
        let mut profile = profile.clone();
        if let Some(extended) = profile.extended.take() {
            profile.description = extended.description.unwrap_or(profile.description);
            profile.skills.extend(extended.skills);
        }
        let mut card = self.agent_card(tenant, profile, base_url);
        let document = serde_json::to_vec(&card).map_err(A2aError::internal)?;
        self.sign(&mut card, &document)?;
        Ok(card)
    }

    /// Whether the card declares an extended card. Clients request a declared one, so it is
    /// declared only if the card says how to authenticate. An agent that adds nothing gives its
    /// public card.
    fn has_extended_card(&self) -> bool {
        !self.config.security_schemes.is_empty()
    }

    fn agent_card(&self, tenant: &Tenant, profile: AgentProfile, base_url: &str) -> AgentCard {
        let interface = |binding: &str| AgentInterface {
            url: base_url.to_owned(),
            protocol_binding: binding.to_owned(),
            tenant: tenant.as_str().to_owned(),
            protocol_version: VERSION.to_owned(),
        };
        #[cfg_attr(not(feature = "v0_3"), expect(unused_mut))]
        let mut interfaces = vec![interface("JSONRPC"), interface("HTTP+JSON")];
        #[cfg(feature = "v0_3")]
        if self.config.serves_v0_3() {
            v0_3::add_interfaces(&mut interfaces, base_url, tenant);
        }
        // An operation without a declared capability is refused with the error that the
        // specification names (section 3.3.4).
        let is_offered = self.offered(&profile);
        let capabilities = AgentCapabilities {
            streaming: Some(profile.offers.streaming),
            push_notifications: Some(is_offered.pushes),
            extensions: on_card(&profile, is_offered),
            extended_agent_card: Some(self.has_extended_card()),
        };
        // Some readers require the optional media types of a skill.
        let or_default = |modes: Vec<String>, default: &[String]| {
            if modes.is_empty() { default.to_vec() } else { modes }
        };
        let skills = profile.skills.into_iter().map(|skill| AgentSkill {
            input_modes: or_default(skill.input_modes, &profile.input_modes),
            output_modes: or_default(skill.output_modes, &profile.output_modes),
            ..skill
        });
        let skills = skills.collect();
        AgentCard {
            name: profile.name,
            description: profile.description,
            provider: profile.provider,
            version: profile.version,
            documentation_url: profile.documentation_url,
            icon_url: profile.icon_url,
            supported_interfaces: interfaces,
            capabilities,
            security_schemes: self.config.security_schemes.clone(),
            security_requirements: self.config.security_requirements.clone(),
            default_input_modes: profile.input_modes,
            default_output_modes: profile.output_modes,
            skills,
            ..AgentCard::default()
        }
    }

    /// The card in the form for its clients.
    #[cfg_attr(not(feature = "v0_3"), expect(clippy::unused_self))]
    fn document(&self, card: &AgentCard) -> Result<Vec<u8>, A2aError> {
        #[cfg(feature = "v0_3")]
        if self.config.serves_v0_3() {
            return serde_json::to_vec(&v0_3::card(card)).map_err(A2aError::internal);
        }
        serde_json::to_vec(card).map_err(A2aError::internal)
    }

    /// Signs a card, of which `document` is the clients' form.
    ///
    /// It signs for each answer. That takes less time than reading the request, and a cache for any
    /// number of tenants would need a bound.
    fn sign(&self, card: &mut AgentCard, document: &[u8]) -> Result<(), A2aError> {
        let Some(signer) = &self.config.card_signer else {
            return Ok(());
        };
        for payload in payload::payloads(card, document).map_err(A2aError::internal)? {
            card.signatures.push(signer.sign(&payload)?);
        }
        Ok(())
    }
}
