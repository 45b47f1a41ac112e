//! Other numbers of shards of the due index, on DynamoDB: no due time is lost from sight.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_core::store::{Committed, Depth, DueShards, Guard};
use a2a_lambda_core::{Command, Head, MemoryStore, Snapshot, TaskId, TaskKey, TaskStore};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_store_contract::{Bench, CASES, differential};
use a2a_lambda_testing::{stamp, submission};

const FEWEST: u8 = 8;
const MOST: u8 = DueShards::MOST;

async fn fresh() -> DynamoDbStore {
    let client = EmbeddedDynamoDb::memory().unwrap().client();
    create_table(&client, "tasks").await.unwrap();
    DynamoDbStore::new(client, "tasks")
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_millis(number * 60_000)
}

/// The task ids in each shard that a store's sweep asks, in this minute.
async fn swept(store: &DynamoDbStore, at: i64) -> BTreeMap<u8, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for shard in store.due_shards().swept_at(minute(at)) {
        let due = store.due(shard, Timestamp::MAX, None, 1_000).await.unwrap();
        found.insert(shard, due.into_iter().map(|due| due.key.task.as_str().to_owned()).collect());
    }
    found
}

fn all(swept: &BTreeMap<u8, BTreeSet<String>>) -> BTreeSet<String> {
    swept.values().flatten().cloned().collect()
}

async fn submit(store: &DynamoDbStore, task: &str) -> TaskKey {
    let change = Head::submit(submission(task), &stamp(minute(1), format!("write-{task}")));
    store.create(&change).await.unwrap();
    change.head().key.clone()
}

async fn apply(store: &DynamoDbStore, key: &TaskKey, command: Command, write: &str) -> Snapshot {
    let base = store.read(key, Depth::Tail).await.unwrap().unwrap();
    let change = base.head.apply(command, &stamp(minute(100), write)).unwrap();
    let guard = Guard { revision: base.head.revision, leased_until: None };
    match store.commit(&base, guard, &change).await.unwrap() {
        Committed::Done(now) => *now,
        Committed::Lost(_) => panic!("nobody else writes"),
    }
}

#[tokio::test]
async fn the_cases_of_the_index_hold_with_most_shards() {
    for case in CASES.iter().filter(|case| case.name.starts_with("due::")) {
        case.run(Bench::new(fresh().await.spread_due(MOST))).await;
    }
}

#[tokio::test]
async fn most_shards_do_not_differ_from_memory() {
    let memory = MemoryStore::with_due_shards(DueShards::configured(MOST));
    differential(&memory, &fresh().await.spread_due(MOST), 30, 300).await;
}

#[tokio::test]
async fn tasks_are_found_whether_the_number_is_raised_or_lowered() {
    for (first, then) in [(FEWEST, MOST), (MOST, FEWEST), (FEWEST, 9), (33, 12), (MOST, MOST)] {
        let store = fresh().await;
        let (before, after) = (store.clone().spread_due(first), store.spread_due(then));
        let mut expected = BTreeSet::new();
        for number in 0..80 {
            let key = submit(&before, &format!("task-{number}")).await;
            expected.insert(key.task.as_str().to_owned());
            // A due time that moves stays in its shard.
            if number % 2 == 0 {
                let base = before.read(&key, Depth::Tail).await.unwrap().unwrap();
                let moved = apply(&after, &key, Command::Look, &format!("look-{number}")).await;
                assert!(moved.head.due > base.head.due);
            }
        }
        let times = swept(&after, 0).await;
        if then >= first {
            assert_eq!(all(&times), expected, "{first} to {then}: at the first sweep");
        }
        let mut found = BTreeSet::new();
        for at in 500..556 {
            let times = swept(&after, at).await;
            assert!(times.len() <= usize::from(then) + 1, "a sweep asks one more shard");
            assert_eq!(times.len(), after.due_shards().swept());
            found.extend(all(&times));
        }
        assert_eq!(found, expected, "{first} to {then}: within 56 minutes");
        for task in &expected {
            let key = TaskKey { task: TaskId::parse(task).unwrap(), ..submission("t").key };
            apply(&after, &key, Command::Cancel, &format!("cancel-{task}")).await;
        }
        for shard in after.due_shards().all() {
            let due = after.due(shard, Timestamp::MAX, None, 1_000).await.unwrap();
            assert_eq!(due, [], "{first} to {then}: a canceled task is due in no shard");
        }
    }
}
