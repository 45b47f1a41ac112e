//! API keys of operators.

use std::sync::Arc;

use a2a_lambda_authorizer::{Context, context_with};
use a2a_lambda_core::api_key::{ApiKey, ApiKeys, KEY_BYTES, KeyId, KeySecret, MemoryApiKeys};
use a2a_lambda_core::{StoreError, Tenant};
use a2a_lambda_https::Fetch;
use a2a_lambda_https::testing::Web;
use a2a_lambda_runtime::testing::lookup;
use a2a_lambda_runtime::{Reader, Variables};
use async_trait::async_trait;
use serde_json::json;

use crate::support::{NOW, ask, at, authorizer, issuer, judged, simple};

fn with_keys(keys: &Arc<dyn ApiKeys>, variables: &[(&str, &str)]) -> Context {
    let fetch: Arc<dyn Fetch> = Arc::new(Web::default());
    let lookup = lookup(variables);
    let variables = Variables::new(Reader::Authorizer, &lookup);
    context_with(&variables, &fetch, Some(keys.clone())).unwrap()
}

fn secret() -> KeySecret {
    KeySecret::of(&[7; KEY_BYTES])
}

fn stored() -> ApiKey {
    ApiKey {
        id: secret().id().clone(),
        digest: secret().digest(),
        owner: "billing".to_owned(),
        tenant: None,
        scopes: vec!["read".to_owned(), "send".to_owned()],
        created_at: at(NOW - 10),
        expires_at: Some(at(NOW + 10)),
    }
}

async fn keys_with(key: ApiKey) -> Arc<dyn ApiKeys> {
    let keys = Arc::new(MemoryApiKeys::default());
    assert!(keys.add(&key).await.unwrap());
    keys
}

#[tokio::test]
async fn a_key_is_good_until_it_is_over_or_revoked() {
    let keys = keys_with(stored()).await;
    let context = with_keys(&keys, &[]);
    let text = secret().expose().to_owned();
    let told = json!({ "a2aLambda": "key", "owner": "billing", "sub": "0707070707070707",
        "scope": "read send", "exp": (NOW + 10).to_string() });
    let answer = ask(&context, &simple(&text), NOW).await.unwrap();
    assert_eq!(answer, json!({ "isAuthorized": true, "context": told }));
    assert_eq!(judged(&context, &text, NOW + 9).await.0, 200);
    assert_eq!(judged(&context, &text, NOW + 10).await.0, 401);
    let other = KeySecret::of(&[[7; 8].as_slice(), &[8; 32]].concat().try_into().unwrap());
    for wrong in [other.expose(), &text[..text.len() - 1], "a2al_", "a2al_x", &text.to_uppercase()]
    {
        assert_eq!(judged(&context, wrong, NOW).await.0, 401, "{wrong}");
    }
    assert!(keys.remove(secret().id()).await.unwrap());
    assert_eq!(judged(&context, &text, NOW).await.0, 401);
}

#[tokio::test]
async fn a_key_has_the_scopes_and_the_tenant_that_it_was_given() {
    let text = secret().expose().to_owned();
    let keys = keys_with(stored()).await;
    for (variables, expected) in [
        (&[("REQUIRED_SCOPES", "send")][..], 200),
        (&[("REQUIRED_SCOPES", "send admin")], 403),
        (&[("TENANT_CLAIM", "org")], 403),
    ] {
        let context = with_keys(&keys, variables);
        assert_eq!(judged(&context, &text, NOW).await.0, expected, "{variables:?}");
    }
    let acme = Some(Tenant::parse("acme").unwrap());
    let keys = keys_with(ApiKey { tenant: acme, ..stored() }).await;
    for variables in [&[][..], &[("TENANT_CLAIM", "org")]] {
        let (status, told) = judged(&with_keys(&keys, variables), &text, NOW).await;
        assert_eq!((status, &told["tenant"]), (200, &json!("acme")));
    }
}

#[tokio::test]
async fn without_api_keys_every_key_is_refused_without_a_look_up() {
    let context = authorizer(&issuer(&[]), &[]);
    assert_eq!(judged(&context, secret().expose(), NOW).await.0, 401);
}

/// A store that does not answer.
struct Down;

#[async_trait]
impl ApiKeys for Down {
    async fn add(&self, _: &ApiKey) -> Result<bool, StoreError> {
        Err(StoreError::Unavailable("down".into()))
    }

    async fn find(&self, _: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        Err(StoreError::Unavailable("down".into()))
    }

    async fn all(&self) -> Result<Vec<ApiKey>, StoreError> {
        Err(StoreError::Unavailable("down".into()))
    }

    async fn remove(&self, _: &KeyId) -> Result<bool, StoreError> {
        Err(StoreError::Unavailable("down".into()))
    }
}

#[tokio::test]
async fn a_failing_table_does_not_make_a_caller_unknown() {
    let keys: Arc<dyn ApiKeys> = Arc::new(Down);
    let context = with_keys(&keys, &[]);
    assert_eq!(judged(&context, secret().expose(), NOW).await.0, 503);
    // A malformed key needs no table.
    assert_eq!(judged(&context, "a2al_x", NOW).await.0, 401);
}
