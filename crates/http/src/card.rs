//! The agent card (spec section 8), with its caching (section 8.6).

use std::time::{Duration, UNIX_EPOCH};

use a2a_lambda_core::Tenant;
use a2a_lambda_protocol::{A2aError, AgentCard, AgentInterface, Timestamp};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::binding::{PLAIN_JSON, VERSION, error_response, json};
use crate::service::capabilities;
use crate::{Bindings, Visitor};

impl Bindings {
    /// Answers with the card, or that the client's copy is still good.
    pub(crate) fn card(&self, parts: &Parts, tenant: &str, visitor: &Visitor) -> Response<Bytes> {
        let tenant = match Tenant::parse(tenant) {
            Ok(tenant) => tenant,
            Err(error) => {
                return error_response(&A2aError::invalid_field("tenant", error.to_string()));
            }
        };
        let mut response = json(200, PLAIN_JSON, &self.agent_card(&tenant, &visitor.base_url));
        let tag = etag(response.body());
        let modified = self.config.card_modified.map(whole_seconds);
        if is_fresh(parts, &tag, modified) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        if response.status() == StatusCode::NOT_MODIFIED || parts.method == Method::HEAD {
            *response.body_mut() = Bytes::new();
        }
        let cache = format!("public, max-age={}", self.config.card_max_age_s);
        set(&mut response, header::CACHE_CONTROL, &cache);
        set(&mut response, header::ETAG, &tag);
        if let Some(modified) = modified {
            set(&mut response, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
        }
        response
    }

    fn agent_card(&self, tenant: &Tenant, base_url: &str) -> AgentCard {
        let profile = self.agents.of(tenant).profile();
        let interface = |binding: &str| AgentInterface {
            url: base_url.to_owned(),
            protocol_binding: binding.to_owned(),
            tenant: tenant.as_str().to_owned(),
            protocol_version: VERSION.to_owned(),
        };
        AgentCard {
            name: profile.name,
            description: profile.description,
            version: profile.version,
            supported_interfaces: vec![interface("JSONRPC"), interface("HTTP+JSON")],
            capabilities: capabilities(),
            default_input_modes: profile.input_modes,
            default_output_modes: profile.output_modes,
            skills: profile.skills,
            ..AgentCard::default()
        }
    }
}

fn set(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A tag for the card's content: FNV-1a, the same in every instance of the same version.
fn etag(body: &[u8]) -> String {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}

fn whole_seconds(at: Timestamp) -> std::time::SystemTime {
    let seconds = u64::try_from(at.as_millis() / 1_000).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Whether the client's copy is still good (RFC 9110 section 13.2.2): the tag decides where it is
/// sent, else the time.
fn is_fresh(parts: &Parts, tag: &str, modified: Option<std::time::SystemTime>) -> bool {
    if parts.headers.contains_key(header::IF_NONE_MATCH) {
        let lines = parts.headers.get_all(header::IF_NONE_MATCH).iter();
        let tags = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        return tags
            .map(str::trim)
            .any(|sent| sent == "*" || sent.strip_prefix("W/").unwrap_or(sent) == tag);
    }
    let since = parts.headers.get(header::IF_MODIFIED_SINCE).and_then(|at| at.to_str().ok());
    let since = since.and_then(|at| httpdate::parse_http_date(at).ok());
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}
