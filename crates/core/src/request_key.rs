//! Idempotency keys (invariant I9): the same key makes the same task.
//!
//! A new task's id is derived from its tenant, its owner and the key. So the uniqueness of the
//! storage key alone leads a repeated request to the task of the first one. There is no second
//! item, no transaction, and no time after which the key is forgotten before the task.

use a2a_lambda_protocol::{Message, TaskPushNotificationConfig};
use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::ids::{Owner, Tenant};
use crate::terms::Terms;

/// The longest idempotency key, in bytes.
pub const MAX_REQUEST_KEY_BYTES: usize = 256;

/// The digests of an idempotency key and of its request, 128 bits of hexadecimal each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The digest of tenant, owner and key.
    pub key: String,
    /// The digest of the message, its sender's terms, and its push config.
    pub content: String,
}

impl Fingerprint {
    /// The fingerprint of `message` from `owner` under `key`, with `push` if it has a config.
    ///
    /// The digest includes the config's secrets and the key. The store does not have the key, so a
    /// reader of the store cannot guess the secrets.
    pub fn new(
        tenant: &Tenant,
        owner: &Owner,
        key: &str,
        message: &Message,
        terms: &Terms,
        push: Option<&TaskPushNotificationConfig>,
    ) -> Self {
        let content = serde_json::to_vec(message).unwrap_or_default();
        let beside = serde_json::to_vec(terms).unwrap_or_default();
        let push = push.map(|push| serde_json::to_vec(push).unwrap_or_default());
        let push = push.map(|push| digest([key.as_bytes(), push.as_slice()])).unwrap_or_default();
        Self {
            key: digest([tenant.as_str().as_bytes(), owner.as_str().as_bytes(), key.as_bytes()]),
            content: digest([content.as_slice(), beside.as_slice(), push.as_bytes()]),
        }
    }

    /// The id of the task that a request with this key creates, in the form of a UUID (version 8,
    /// RFC 9562 section 5.8).
    pub fn task_id(&self) -> String {
        let hex = &self.key;
        format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use a2a_lambda_protocol::Part;

    fn fingerprint(tenant: &str, owner: &str, key: &str, text: &str) -> Fingerprint {
        let message = Message { parts: vec![Part::text(text)], ..Message::default() };
        Fingerprint::new(
            &Tenant::parse(tenant).unwrap(),
            &Owner::parse(owner).unwrap(),
            key,
            &message,
            &Terms::default(),
            None,
        )
    }

    #[test]
    fn a_push_config_is_content_and_its_secrets_are_digested_with_the_key() {
        let content = |key: &str, push: Option<&TaskPushNotificationConfig>| {
            let (message, terms) = (Message::default(), Terms::default());
            let owner = Owner::parse("o").unwrap();
            Fingerprint::new(&Tenant::default(), &owner, key, &message, &terms, push).content
        };
        let push = |url: &str, token: &str| TaskPushNotificationConfig {
            url: url.to_owned(),
            token: token.to_owned(),
            ..TaskPushNotificationConfig::default()
        };
        let one = push("https://a.test", "secret");
        assert_eq!(content("k", Some(&one)), content("k", Some(&one.clone())));
        assert_ne!(content("k", Some(&one)), content("l", Some(&one)), "the key is digested");
        for other in
            [None, Some(push("https://b.test", "secret")), Some(push("https://a.test", "other"))]
        {
            assert_ne!(content("k", Some(&one)), content("k", other.as_ref()));
        }
    }

    #[test]
    fn the_task_id_depends_on_tenant_owner_and_key_alone() {
        let one = fingerprint("t", "o", "k", "hello");
        assert_eq!(one.task_id(), fingerprint("t", "o", "k", "other").task_id());
        assert_ne!(one.content, fingerprint("t", "o", "k", "other").content);
        for other in [
            fingerprint("u", "o", "k", "hello"),
            fingerprint("t", "p", "k", "hello"),
            fingerprint("t", "o", "l", "hello"),
            fingerprint("to", "k", "k", "hello"),
        ] {
            assert_ne!(one.task_id(), other.task_id());
            assert_eq!(one.content, other.content);
        }
    }

    #[test]
    fn the_task_id_is_a_uuid() {
        let id = fingerprint("", "o", "k", "hello").task_id();
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'8', "version");
        assert_eq!(id.as_bytes()[19], b'8', "variant");
    }
}
