//! The suite on the memory store.

use a2a_lambda_core::MemoryStore;
use a2a_lambda_store_contract::{differential, store_contract};

store_contract!(async { MemoryStore::new() });

/// Tests the differential test itself: its operations are legal, and two equal stores pass.
#[tokio::test]
async fn does_not_differ_from_itself() {
    for seed in 0..20 {
        differential(&MemoryStore::new(), &MemoryStore::new(), seed, 400).await;
    }
}
