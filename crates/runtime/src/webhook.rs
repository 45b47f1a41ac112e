//! The variables of pushes.

use std::sync::Arc;

use a2a_lambda_core::{Ids, Webhook};
use a2a_lambda_signing::{JwkSet, SigningKey, SigningKeyError};
use a2a_lambda_webhook::{
    AllowedHosts, AllowedHostsError, ExtraRoots, ExtraRootsError, HttpWebhook, JwtSigner,
    SigningKeys, SigningKeysError, WebhookConfig, WebhookError,
};

use crate::system::SystemClock;
use crate::variables::{ConfigError, Variables};

const ALLOWED_HOSTS: &str = "PUSH_ALLOWED_HOSTS";
const SIGNING_KEYS: &str = "PUSH_SIGNING_KEYS";
const JWT_KEY: &str = "PUSH_JWT_KEY";
const JWT_KEY_ID: &str = "PUSH_JWT_KEY_ID";
const EXTRA_ROOTS: &str = "PUSH_EXTRA_ROOTS";

/// How pushes are sent:
///
/// | variable | |
/// |---|---|
/// | `PUSH_ALLOW_HTTP` | `true` pushes to `http` URLs, too; `false` if not set |
/// | `PUSH_ALLOW_LOCAL` | `true` pushes to private addresses, too, never to metadata services; `false` if not set |
/// | `PUSH_ALLOWED_HOSTS` | the only hosts that are pushed to, with commas: `hooks.example.com,*.example.org`; all public ones if not set |
/// | `PUSH_CHALLENGE` | `true` takes a URL only if its receiver answers a [challenge](WebhookConfig::challenge); `false` if not set |
/// | `PUSH_SIGNING_KEYS` | the [keys](SigningKeys) that sign pushes as Standard Webhooks has it, with spaces; no signature if not set |
/// | `PUSH_JWT_KEY` | the private key of the [tokens](JwtSigner) in pushes, a PEM of PKCS#8, of P-256 or Ed25519; no tokens if not set |
/// | `PUSH_JWT_KEY_ID` | the key's id (`kid`), required with the key |
/// | `PUBLIC_URL` | required with the key: the tokens' issuer, under which receivers find the public key |
/// | `PUSH_EXTRA_ROOTS` | root certificates that are trusted beside Mozilla's, as PEM; none if not set |
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn webhook_config(variables: &Variables<'_>) -> Result<WebhookConfig, ConfigError> {
    let mut config = WebhookConfig::default();
    config.allow_http = variables.flag("PUSH_ALLOW_HTTP")?.unwrap_or(config.allow_http);
    config.allow_local = variables.flag("PUSH_ALLOW_LOCAL")?.unwrap_or(config.allow_local);
    config.challenge = variables.flag("PUSH_CHALLENGE")?.unwrap_or(config.challenge);
    let what = "hosts with commas, such as `hooks.example.com,*.example.org`";
    let hosts = |text: Option<&str>| -> Result<_, AllowedHostsError> {
        text.map(AllowedHosts::parse).transpose()
    };
    config.allowed_hosts = variables.read(ALLOWED_HOSTS, what, hosts)?;
    let what = "keys with spaces, each `whsec_` or `whsk_` and then base64";
    let keys = |text: Option<&str>| -> Result<_, SigningKeysError> {
        Ok(text.map(SigningKeys::parse).transpose()?.unwrap_or_default())
    };
    config.signing_keys = variables.read(SIGNING_KEYS, what, keys)?;
    let what = "root certificates as PEM";
    let roots = |text: Option<&str>| -> Result<_, ExtraRootsError> {
        Ok(text.map(ExtraRoots::from_pem).transpose()?.unwrap_or_default())
    };
    config.extra_roots = variables.read(EXTRA_ROOTS, what, roots)?;
    if let Some((key, key_id)) = jwt_key(variables)? {
        let what = "the deployment's public URL, as PUSH_JWT_KEY is set";
        let issuer = variables.required("PUBLIC_URL", what)?;
        config.jwt = Some(JwtSigner::new(key, key_id, issuer.trim_end_matches('/')));
    }
    Ok(config)
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
    let failed = |error: WebhookError| ConfigError::Invalid {
        variable: EXTRA_ROOTS,
        what: "root certificates that can be used".to_owned(),
        source: Some(error.into()),
    };
    Ok(Arc::new(webhook.map_err(failed)?))
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
    let what = "a private key as PEM of PKCS#8, of P-256 or Ed25519";
    let key = |text: Option<&str>| -> Result<_, SigningKeyError> {
        text.map(SigningKey::from_pem).transpose()
    };
    let Some(key) = variables.read(JWT_KEY, what, key)? else {
        // Whoever has set it believes that there are tokens.
        if variables.optional(JWT_KEY_ID).is_some() {
            let what = "unset, or PUSH_JWT_KEY set: it is the id of that key".to_owned();
            return Err(ConfigError::Invalid { variable: JWT_KEY_ID, what, source: None });
        }
        return Ok(None);
    };
    Ok(Some((key, variables.required(JWT_KEY_ID, "the id of PUSH_JWT_KEY")?)))
}

#[cfg(test)]
mod tests {
    use a2a_lambda_core::engine::chain;
    use serde_json::json;

    use super::*;

    /// An Ed25519 key that is nobody's: 32 times the letter A.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
-----END PRIVATE KEY-----";
    const HMAC: &str = "whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo";
    const PUBLIC: &str = "https://agents.example/a2a/";

    fn config(set: &[(&str, &str)]) -> Result<WebhookConfig, ConfigError> {
        with(set, webhook_config)
    }

    fn with<T>(set: &[(&str, &str)], read: impl FnOnce(&Variables<'_>) -> T) -> T {
        let lookup = |name: &str| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        read(&Variables::new(&lookup))
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
    fn what_is_set_counts() {
        let set = [
            ("PUSH_ALLOW_HTTP", "true"),
            ("PUSH_ALLOW_LOCAL", "true"),
            ("PUSH_CHALLENGE", "true"),
            (ALLOWED_HOSTS, "hooks.example.com,*.example.org"),
            (SIGNING_KEYS, HMAC),
            (JWT_KEY, KEY),
            (JWT_KEY_ID, "push-1"),
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
    fn what_cannot_be_used_is_named_and_not_shown() {
        let secret = "aHVzaGh1c2g=";
        let (short, broken) = (format!("whsec_{secret}"), KEY.replace("MC4", "MD4"));
        for (variable, value) in [
            ("PUSH_ALLOW_HTTP", "yes"),
            ("PUSH_ALLOW_LOCAL", "1"),
            ("PUSH_CHALLENGE", "True"),
            (ALLOWED_HOSTS, "https://hooks.example.com"),
            (ALLOWED_HOSTS, ","),
            (SIGNING_KEYS, secret),
            (SIGNING_KEYS, &short),
            (JWT_KEY, "hush"),
            (JWT_KEY, &broken),
            (JWT_KEY_ID, "key-without-key"),
            (EXTRA_ROOTS, "hush"),
            (EXTRA_ROOTS, "-----BEGIN CERTIFICATE-----\naHVzaA==\n-----END CERTIFICATE-----"),
        ] {
            let error = config(&[(variable, value)]).unwrap_err();
            let text = format!("{} {error:?}", chain(&error));
            assert!(text.contains(&format!("variable {variable} must be ")), "{text}");
            assert!(!text.contains(secret) && !text.contains("QUFB"), "{text}");
        }
    }

    #[test]
    fn tokens_need_an_id_and_an_issuer() {
        for (set, missing) in [
            (&[(JWT_KEY, KEY)][..], JWT_KEY_ID),
            (&[(JWT_KEY, KEY), ("PUBLIC_URL", PUBLIC)], JWT_KEY_ID),
            (&[(JWT_KEY, KEY), (JWT_KEY_ID, "k")], "PUBLIC_URL"),
        ] {
            let error = config(set).unwrap_err().to_string();
            assert!(error.contains(&format!("variable {missing} is not set")), "{error}");
        }
    }
}
