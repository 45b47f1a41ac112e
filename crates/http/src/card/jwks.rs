//! The public keys of the deployment (RFC 7517). Clients check the signatures of cards against
//! them, and receivers those of pushes.

use a2a_lambda_signing::JwkSet;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, header};

use super::caching::{self, Validators};
use crate::binding::{PLAIN_JSON, method_not_allowed};
use crate::service::Bindings;

/// The conventional path of the keys.
const PATH: &str = "/.well-known/jwks.json";

impl Bindings {
    /// Answers with the public keys, if the request is for them and there are any.
    pub(crate) fn public_keys(&self, parts: &Parts) -> Option<Response<Bytes>> {
        if parts.uri.path() != PATH {
            return None;
        }
        let mut keys = self.config.jwks.clone();
        if let Some(signer) = &self.config.card_signer {
            // A second key with the same id is a mistake of the configuration: the first one is
            // shown.
            let _ = keys.add(signer.public_jwk());
        }
        if keys.is_empty() {
            return None;
        }
        if ![Method::GET, Method::HEAD].contains(&parts.method) {
            return Some(method_not_allowed(&parts.method, "GET, HEAD"));
        }
        Some(self.jwks(parts, &keys))
    }

    fn jwks(&self, parts: &Parts, keys: &JwkSet) -> Response<Bytes> {
        // Serialization of texts cannot fail.
        let document = serde_json::to_vec(keys).unwrap_or_default();
        let validators = Validators::new(&document, None, None);
        let mut response = if validators.hold(parts) {
            caching::not_modified()
        } else if parts.method == Method::HEAD {
            Response::default()
        } else {
            Response::new(Bytes::from(document))
        };
        let json = HeaderValue::from_static(PLAIN_JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        validators.add_headers(&mut response, self.config.card_max_age_s);
        response
    }
}
