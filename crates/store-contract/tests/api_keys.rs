//! API keys: the behaviour of both stores, and the item of a key.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_core::api_key::{ApiKey, ApiKeys, KEY_BYTES, KeySecret, MemoryApiKeys};
use a2a_lambda_core::{StoreError, Tenant};
use a2a_lambda_dynamodb::{API_KEYS_PARTITION, DynamoDbStore, create_table};
use a2a_lambda_protocol::Timestamp;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

const TABLE: &str = "tasks";

async fn fresh() -> (Client, DynamoDbStore) {
    let client = EmbeddedDynamoDb::memory().unwrap().client();
    create_table(&client, TABLE).await.unwrap();
    (client.clone(), DynamoDbStore::new(client, TABLE))
}

fn key(number: u8) -> ApiKey {
    let secret = KeySecret::of(&[number; KEY_BYTES]);
    let is_full = number % 2 == 1;
    ApiKey {
        id: secret.id().clone(),
        digest: secret.digest(),
        owner: format!("owner {number}"),
        tenant: is_full.then(|| Tenant::parse("acme").unwrap()),
        scopes: if is_full { vec!["read".to_owned(), "send".to_owned()] } else { Vec::new() },
        created_at: Timestamp::from_millis(1_790_000_000_000),
        expires_at: is_full.then(|| Timestamp::from_millis(1_800_000_000_000)),
    }
}

async fn contract(keys: &dyn ApiKeys) {
    assert_eq!(keys.all().await.unwrap(), []);
    assert_eq!(keys.find(&key(1).id).await.unwrap(), None);
    assert!(!keys.remove(&key(1).id).await.unwrap());
    for number in [3, 1, 2] {
        assert!(keys.add(&key(number)).await.unwrap());
        assert_eq!(keys.find(&key(number).id).await.unwrap(), Some(key(number)));
    }
    assert_eq!(keys.all().await.unwrap(), [key(1), key(2), key(3)], "by their ids");
    // No other key may take an existing id.
    let other = ApiKey { owner: "mallory".to_owned(), ..key(1) };
    assert!(!keys.add(&other).await.unwrap());
    assert_eq!(keys.find(&key(1).id).await.unwrap(), Some(key(1)));
    assert!(keys.remove(&key(1).id).await.unwrap());
    assert!(!keys.remove(&key(1).id).await.unwrap());
    assert_eq!(keys.find(&key(1).id).await.unwrap(), None);
    assert_eq!(keys.all().await.unwrap(), [key(2), key(3)]);
}

#[tokio::test]
async fn both_stores_keep_the_contract() {
    contract(&MemoryApiKeys::default()).await;
    contract(&fresh().await.1).await;
}

type Item = std::collections::HashMap<String, AttributeValue>;

async fn items(client: &Client) -> Vec<Item> {
    let request = client.query().table_name(TABLE).key_condition_expression("pk = :p");
    let partition = AttributeValue::S(API_KEYS_PARTITION.to_owned());
    request.expression_attribute_values(":p", partition).send().await.unwrap().items.unwrap()
}

/// The item of format 1. Every release reads it: `docs/formats.md`.
fn format_1(secret: &KeySecret, is_full: bool) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let mut item = Item::from([
        ("pk".to_owned(), text("!keys")),
        ("sk".to_owned(), text(secret.id().as_str())),
        ("v".to_owned(), number("1")),
        ("dg".to_owned(), text(&secret.digest())),
        ("ow".to_owned(), text(if is_full { "owner 1" } else { "owner 2" })),
        ("ca".to_owned(), number("1790000000000")),
    ]);
    if is_full {
        item.insert("tn".to_owned(), text("acme"));
        item.insert("sc".to_owned(), text("read send"));
        item.insert("ex".to_owned(), number("1800000000000"));
    }
    item
}

#[tokio::test]
async fn a_key_is_one_item_of_format_1() {
    for number in [1, 2] {
        let (client, store) = fresh().await;
        assert!(store.add(&key(number)).await.unwrap());
        let expected = format_1(&KeySecret::of(&[number; KEY_BYTES]), number == 1);
        assert_eq!(items(&client).await, [expected]);
    }
}

#[tokio::test]
async fn a_key_of_another_format_is_refused_by_name() {
    let secret = KeySecret::of(&[1; KEY_BYTES]);
    for (attribute, value, found) in [
        ("v", AttributeValue::N("99".to_owned()), "format 99"),
        ("zz", AttributeValue::S("new".to_owned()), "an unknown attribute"),
    ] {
        let (client, store) = fresh().await;
        let mut item = format_1(&secret, true);
        item.insert(attribute.to_owned(), value);
        client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
        let found_by = store.find(secret.id()).await.unwrap_err();
        for error in [found_by, store.all().await.unwrap_err()] {
            assert!(matches!(error, StoreError::OtherRelease { .. }), "{error:?}");
            let text = a2a_lambda_core::engine::chain(&error);
            assert!(text.contains("API key") && text.contains(found), "{text}");
        }
    }
}
