//! The variables of pushes.

use std::sync::Arc;

use a2a_lambda_core::{Ids, Webhook};
use a2a_lambda_signing::{JwkSet, SigningKey};
use a2a_lambda_webhook::{
    AllowedHosts, ExtraRoots, HttpWebhook, JwtSigner, SigningKeys, WebhookConfig,
};

use crate::public_url::public_url;
use crate::system::SystemClock;
use crate::table::{
    PUBLIC_URL, PUSH_ALLOW_HTTP, PUSH_ALLOW_LOCAL, PUSH_ALLOWED_HOSTS, PUSH_CHALLENGE,
    PUSH_EXTRA_ROOTS, PUSH_JWT_KEY, PUSH_JWT_KEY_ID, PUSH_SIGNING_KEYS,
};
use crate::variables::{ConfigError, Variables};

/// The settings of pushes, and the URLs that are taken.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn webhook_config(variables: &Variables<'_>) -> Result<WebhookConfig, ConfigError> {
    let issuer = public_url(variables)?;
    let jwt = match (jwt_key(variables)?, issuer) {
        (Some((key, key_id)), Some(issuer)) => Some(JwtSigner::new(key, key_id, &issuer)),
        (Some(_), None) => return Err(ConfigError::missing_for(&PUBLIC_URL, &PUSH_JWT_KEY)),
        (None, _) => None,
    };
    Ok(WebhookConfig {
        allow_http: variables.flag(&PUSH_ALLOW_HTTP)?,
        allow_local: variables.flag(&PUSH_ALLOW_LOCAL)?,
        allowed_hosts: variables.read(&PUSH_ALLOWED_HOSTS, AllowedHosts::parse)?,
        challenge: variables.flag(&PUSH_CHALLENGE)?,
        signing_keys: variables.read(&PUSH_SIGNING_KEYS, SigningKeys::parse)?.unwrap_or_default(),
        jwt,
        extra_roots: variables.read(&PUSH_EXTRA_ROOTS, ExtraRoots::from_pem)?.unwrap_or_default(),
        ..WebhookConfig::default()
    })
}

/// The way to the receivers of pushes, as [`webhook_config`] has it.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn webhook(
    variables: &Variables<'_>,
    ids: Arc<dyn Ids>,
) -> Result<Arc<dyn Webhook>, ConfigError> {
    let webhook = HttpWebhook::new(webhook_config(variables)?, ids, Arc::new(SystemClock));
    Ok(Arc::new(webhook.map_err(|error| ConfigError::because(&PUSH_EXTRA_ROOTS, error))?))
}

/// The public keys by which receivers check the tokens in pushes: that of `PUSH_JWT_KEY`, if it is
/// set, with the id `PUSH_JWT_KEY_ID`.
///
/// # Errors
/// When one of the two cannot be used, or is there without the other.
pub fn push_jwks(variables: &Variables<'_>) -> Result<JwkSet, ConfigError> {
    let mut keys = JwkSet::default();
    if let Some((key, key_id)) = jwt_key(variables)? {
        // The first one of a set cannot have another's id.
        let _ = keys.add(key.public_jwk(&key_id));
    }
    Ok(keys)
}

fn jwt_key(variables: &Variables<'_>) -> Result<Option<(SigningKey, String)>, ConfigError> {
    let key = variables.read(&PUSH_JWT_KEY, SigningKey::from_pem)?;
    Ok(key.zip(variables.text(&PUSH_JWT_KEY_ID)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::table::Reader;
    use crate::testing::{KEY, lookup};

    const HMAC: &str = "whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo";
    const PUBLIC: &str = "https://agents.example/a2a/";

    fn config(set: &[(&str, &str)]) -> Result<WebhookConfig, ConfigError> {
        with(set, webhook_config)
    }

    fn with<T>(set: &[(&str, &str)], read: impl FnOnce(&Variables<'_>) -> T) -> T {
        read(&Variables::new(Reader::LocalCloud, &lookup(set)))
    }

    #[test]
    fn nothing_need_be_set() {
        let config = config(&[]).unwrap();
        assert!(!config.allow_http && !config.allow_local && !config.challenge);
        assert!(config.allowed_hosts.is_none() && config.signing_keys.is_empty());
        assert!(config.jwt.is_none());
        assert!(with(&[], push_jwks).unwrap().is_empty());
    }

    #[test]
    fn set_variables_take_effect() {
        let set = [
            ("PUSH_ALLOW_HTTP", "true"),
            ("PUSH_ALLOW_LOCAL", "true"),
            ("PUSH_CHALLENGE", "true"),
            ("PUSH_ALLOWED_HOSTS", "hooks.example.com,*.example.org"),
            ("PUSH_SIGNING_KEYS", HMAC),
            ("PUSH_JWT_KEY", KEY),
            ("PUSH_JWT_KEY_ID", "push-1"),
            ("PUBLIC_URL", PUBLIC),
        ];
        let config = config(&set).unwrap();
        assert!(config.allow_http && config.allow_local && config.challenge);
        assert_eq!(config.allowed_hosts, AllowedHosts::parse(set[3].1).ok());
        assert!(!config.signing_keys.is_empty());
        let keys = json!(config.jwt.as_ref().unwrap().jwks());
        assert_eq!(keys["keys"][0]["kid"], "push-1");
        assert_eq!(json!(with(&set, push_jwks).unwrap()), keys);
        let shown = format!("{config:?}");
        assert!(shown.contains("\"https://agents.example/a2a\""), "{shown}");
        assert!(!shown.contains("aHVz") && !shown.contains("QUFB"), "{shown}");
    }

    #[test]
    fn tokens_need_an_id_and_an_issuer() {
        for (set, missing) in [
            (&[("PUSH_JWT_KEY", KEY)][..], "PUSH_JWT_KEY_ID"),
            (&[("PUSH_JWT_KEY", KEY), ("PUBLIC_URL", PUBLIC)], "PUSH_JWT_KEY_ID"),
            (&[("PUSH_JWT_KEY", KEY), ("PUSH_JWT_KEY_ID", "k")], "PUBLIC_URL"),
        ] {
            let error = config(set).unwrap_err().to_string();
            assert!(error.contains(&format!("variable {missing} is not set")), "{error}");
        }
    }
}
