//! The suite on DynamoDB: the real client and the real store, on a database in this process.

#![allow(clippy::expect_used, reason = "without a database there is nothing to test")]

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_core::MemoryStore;
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_store_contract::{differential, store_contract};

const TABLE: &str = "tasks";

/// A store with its own database, which lives as long as the store's client.
async fn fresh() -> DynamoDbStore {
    let client = EmbeddedDynamoDb::memory().expect("a database").client();
    create_table(&client, TABLE).await.expect("a table");
    DynamoDbStore::new(client, TABLE)
}

store_contract!(fresh());

#[tokio::test]
async fn does_not_differ_from_memory() {
    for seed in 0..8 {
        differential(&MemoryStore::new(), &fresh().await, seed, 300).await;
    }
    differential(&MemoryStore::new(), &fresh().await.spread(2), 8, 300).await;
}

/// Each store works on the items of the other, as before and after a switch of the format.
#[tokio::test]
async fn does_not_differ_from_memory_whatever_format_comes_next() {
    let (memory, store) = (MemoryStore::new(), fresh().await);
    for (seed, format) in [(20, 2), (21, 3), (22, 2), (23, 3)] {
        differential(&memory, &store.clone().writing(format).spread(1 << (seed - 20)), seed, 150)
            .await;
    }
}
