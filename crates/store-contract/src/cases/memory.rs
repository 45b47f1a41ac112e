//! Conversations: entries of memory, and session values.

use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, MemoryEntry, MemoryItem, Put, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::{ContextId, Owner, StoreError, Tenant};
use a2a_lambda_protocol::{Json, Timestamp};

use crate::bench::Bench;
use crate::memory::{conversation, entry, value};

/// More entries than any case makes.
const MANY: usize = 1_000;

async fn put(bench: &Bench, of: &ConversationKey, entry: &MemoryEntry) {
    let stored = bench.memory().put_entry(of, None, entry).await.unwrap();
    assert_eq!(stored, Put::Stored, "entry {}", entry.number);
}

async fn set(bench: &Bench, of: &ConversationKey, before: Option<&WriteId>, value: &SessionValue) {
    let stored = bench.memory().put_value(of, before, value).await.unwrap();
    assert_eq!(stored, Put::Stored, "{value:?}");
}

async fn all(bench: &Bench, of: &ConversationKey) -> Vec<MemoryEntry> {
    let EntryPage { entries, more } = bench.memory().entries(of, 0, u64::MAX, MANY).await.unwrap();
    assert!(!more);
    entries
}

async fn get(bench: &Bench, of: &ConversationKey, key: &str) -> Option<SessionValue> {
    bench.memory().value(of, key).await.unwrap()
}

fn other<T>(stored: Put<T>) -> Option<T> {
    match stored {
        Put::Other(other) => other.map(|other| *other),
        Put::Stored => panic!("it was stored"),
    }
}

pub(crate) async fn of_nothing_is_empty(bench: Bench) {
    let of = conversation("", "alice", "c");
    assert_eq!(all(&bench, &of).await, []);
    assert_eq!(get(&bench, &of, "k").await, None);
    assert!(bench.memory().forget(&of, 1).await.unwrap());
}

pub(crate) async fn every_part_of_an_entry_is_kept(bench: Bench) {
    let of = conversation("acme", "alice", "c");
    let json = Json::parse("{\"é\":[1.5,null,\"\\u0001\\\"🦀\"]}").unwrap();
    let items = vec![
        MemoryItem::user(" \"quoted\"\n é 🦀 "),
        MemoryItem::agent(""),
        MemoryItem::ToolCall { id: "1".into(), name: "t".into(), arguments: json.clone() },
        MemoryItem::ToolResult { id: "1".into(), result: json, failed: true },
        MemoryItem::User(Vec::new()),
    ];
    let full = MemoryEntry {
        items,
        fence: u64::MAX,
        expires_at: Some(Timestamp::from_millis(1_900_000_000_001)),
        ..entry(u64::MAX, "a")
    };
    let bare = MemoryEntry { items: Vec::new(), expires_at: None, ..entry(1, "b") };
    put(&bench, &of, &full).await;
    put(&bench, &of, &bare).await;
    assert_eq!(all(&bench, &of).await, [full, bare]);
}

pub(crate) async fn the_first_writer_of_a_number_wins(bench: Bench) {
    let of = conversation("", "alice", "c");
    let (first, second) = (entry(1, "first"), entry(1, "second"));
    put(&bench, &of, &first).await;
    let stored = bench.memory().put_entry(&of, None, &second).await.unwrap();
    assert_eq!(other(stored), Some(first.clone()));
    assert_eq!(all(&bench, &of).await, [first]);
}

pub(crate) async fn an_entry_is_replaced_by_its_write(bench: Bench) {
    let (of, memory) = (conversation("", "alice", "c"), bench.memory());
    let [first, second, third] = ["first", "second", "third"].map(|write| entry(1, write));
    put(&bench, &of, &first).await;
    let stored = memory.put_entry(&of, Some(&first.write), &second).await.unwrap();
    assert_eq!(stored, Put::Stored);
    let stored = memory.put_entry(&of, Some(&first.write), &third).await.unwrap();
    assert_eq!(other(stored), Some(second.clone()));
    let missing = memory.put_entry(&of, Some(&first.write), &entry(2, "new")).await.unwrap();
    assert_eq!(other(missing), None, "nothing is there to be replaced");
    assert_eq!(all(&bench, &of).await, [second]);
}

pub(crate) async fn the_same_write_again_is_known(bench: Bench) {
    let (of, memory) = (conversation("", "alice", "c"), bench.memory());
    let (first, second) = (entry(1, "first"), entry(1, "second"));
    for _ in 0..2 {
        assert_eq!(memory.put_entry(&of, None, &first).await.unwrap(), Put::Stored);
    }
    for _ in 0..2 {
        let stored = memory.put_entry(&of, Some(&first.write), &second).await.unwrap();
        assert_eq!(stored, Put::Stored);
    }
    let late = memory.put_entry(&of, None, &first).await.unwrap();
    assert_eq!(other(late), Some(second.clone()), "another write came since");
    assert_eq!(all(&bench, &of).await, [second]);
    let (first, second) = (value("k", "first"), value("k", "second"));
    for _ in 0..2 {
        set(&bench, &of, None, &first).await;
    }
    for _ in 0..2 {
        set(&bench, &of, Some(&first.write), &second).await;
    }
    let late = memory.put_value(&of, None, &first).await.unwrap();
    assert_eq!(other(late), Some(second.clone()));
    assert_eq!(get(&bench, &of, "k").await, Some(second));
}

pub(crate) async fn of_many_writers_at_once_one_wins(bench: Bench) {
    let of = conversation("", "alice", "c");
    let writers = (0..8).map(|n| {
        let (bench, of) = (bench.clone(), of.clone());
        tokio::spawn(async move {
            let (entry, value) = (entry(1, &format!("w{n}")), value("k", &format!("w{n}")));
            let memory = bench.memory();
            let entry = memory.put_entry(&of, None, &entry).await.unwrap() == Put::Stored;
            let value = memory.put_value(&of, None, &value).await.unwrap() == Put::Stored;
            (usize::from(entry), usize::from(value))
        })
    });
    let (mut entries, mut values) = (0, 0);
    for writer in writers.collect::<Vec<_>>() {
        let (entry, value) = writer.await.unwrap();
        (entries, values) = (entries + entry, values + value);
    }
    assert_eq!((entries, values), (1, 1));
    assert_eq!(all(&bench, &of).await.len(), 1);
}

pub(crate) async fn entries_come_newest_first_in_pages_of_any_size(bench: Bench) {
    let of = conversation("", "alice", "c");
    // Numbers sort as numbers, and not as texts.
    let numbers = [1, 2, 9, 10, 11, 99, 100, 1_000, u64::MAX - 1, u64::MAX];
    for number in numbers {
        put(&bench, &of, &entry(number, &number.to_string())).await;
    }
    for limit in [1, 2, 3, MANY] {
        let (mut through, mut found) = (u64::MAX, Vec::new());
        loop {
            let page = bench.memory().entries(&of, 0, through, limit).await.unwrap();
            assert!(page.entries.len() <= limit);
            found.extend(page.entries.iter().map(|entry| entry.number));
            if !page.more {
                break;
            }
            through = page.entries.last().expect("an entry").number - 1;
        }
        assert!(found.iter().rev().eq(&numbers), "{found:?} in pages of {limit}");
    }
}

pub(crate) async fn entries_of_a_range_are_in_it(bench: Bench) {
    let of = conversation("", "alice", "c");
    for number in 1..=5 {
        put(&bench, &of, &entry(number, &number.to_string())).await;
    }
    for (after, through, expected) in [
        (0, 5, &[5, 4, 3, 2, 1][..]),
        (2, 4, &[4, 3]),
        (4, 4, &[]),
        (5, 4, &[]),
        (4, u64::MAX, &[5]),
        (u64::MAX, u64::MAX, &[]),
    ] {
        let page = bench.memory().entries(&of, after, through, MANY).await.unwrap();
        let found: Vec<u64> = page.entries.iter().map(|entry| entry.number).collect();
        assert_eq!(found, expected, "({after}, {through}]");
    }
    let page = bench.memory().entries(&of, 1, 4, 2).await.unwrap();
    assert_eq!((page.entries[1].number, page.more), (3, true));
}

pub(crate) async fn large_entries_are_read_whole(bench: Bench) {
    let of = conversation("", "alice", "c");
    let large = |number: u64| MemoryEntry {
        items: vec![MemoryItem::agent("x".repeat(300 * 1_024))],
        ..entry(number, &number.to_string())
    };
    for number in 1..=5 {
        put(&bench, &of, &large(number)).await;
    }
    let (mut through, mut found) = (u64::MAX, Vec::new());
    loop {
        let page = bench.memory().entries(&of, 0, through, MANY).await.unwrap();
        found.extend(page.entries);
        if !page.more {
            break;
        }
        through = found.last().expect("an entry").number - 1;
    }
    assert!(found == (1..=5).rev().map(large).collect::<Vec<_>>());
}

pub(crate) async fn what_is_too_large_is_refused_whole(bench: Bench) {
    let (of, memory) = (conversation("", "alice", "c"), bench.memory());
    let text = "x".repeat(351 * 1_024);
    let large = MemoryEntry { items: vec![MemoryItem::agent(&*text)], ..entry(1, "w") };
    let refused = memory.put_entry(&of, None, &large).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { .. }), "{refused:?}");
    let large = SessionValue { value: Json::from_value(&text).ok(), ..value("k", "w") };
    let refused = memory.put_value(&of, None, &large).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { .. }), "{refused:?}");
    assert_eq!((all(&bench, &of).await, get(&bench, &of, "k").await), (Vec::new(), None));
}

pub(crate) async fn every_part_of_a_value_is_kept(bench: Bench) {
    let of = conversation("", "alice", "c");
    let full = SessionValue {
        value: Json::parse("{\"é\":[1,\" \\u0001\\\"\"]}").ok(),
        before: ["a", "b"].map(WriteId::new).to_vec(),
        expires_at: Some(Timestamp::from_millis(1_900_000_000_001)),
        ..value("é#/ 🦀", "w")
    };
    let bare = SessionValue { value: Json::from_value("").ok(), ..value("@bare", "w") };
    let deleted = SessionValue { value: None, ..value("k", "w") };
    for value in [full, bare, deleted] {
        set(&bench, &of, None, &value).await;
        assert_eq!(get(&bench, &of, &value.key).await, Some(value));
    }
}

pub(crate) async fn a_value_is_replaced_by_its_write(bench: Bench) {
    let (of, memory) = (conversation("", "alice", "c"), bench.memory());
    let [first, second, third] = ["first", "second", "third"].map(|write| value("k", write));
    set(&bench, &of, None, &first).await;
    let stored = memory.put_value(&of, None, &second).await.unwrap();
    assert_eq!(other(stored), Some(first.clone()), "the first writer wins");
    set(&bench, &of, Some(&first.write), &second).await;
    let stored = memory.put_value(&of, Some(&first.write), &third).await.unwrap();
    assert_eq!(other(stored), Some(second.clone()));
    let missing = memory.put_value(&of, Some(&first.write), &value("l", "w")).await.unwrap();
    assert_eq!(other(missing), None);
    assert_eq!(get(&bench, &of, "k").await, Some(second));
    assert_eq!(get(&bench, &of, "l").await, None);
}

pub(crate) async fn conversations_are_apart(bench: Bench) {
    let long = "x".repeat(256);
    let keys = [
        ("", "alice", "c"),
        ("acme", "alice", "c"),
        ("", "bob", "c"),
        ("", "alice", "d"),
        ("", "alice/c", "d"),
        ("", "alice", "c/d"),
        ("", "a#b", "c"),
        ("", "a%/b", "c"),
        ("", &long, "c"),
        ("", "alice", &long),
        ("", "é", "🦀"),
    ];
    let keys = keys.map(|(tenant, owner, context)| conversation(tenant, owner, context));
    for (place, of) in keys.iter().enumerate() {
        put(&bench, of, &entry(1, &format!("e{place}"))).await;
        set(&bench, of, None, &value("k", &format!("v{place}"))).await;
    }
    for (place, of) in keys.iter().enumerate() {
        assert_eq!(all(&bench, of).await, [entry(1, &format!("e{place}"))], "{of}");
        assert_eq!(get(&bench, of, "k").await, Some(value("k", &format!("v{place}"))), "{of}");
    }
    assert!(bench.memory().forget(&keys[0], MANY).await.unwrap());
    assert_eq!((all(&bench, &keys[0]).await, get(&bench, &keys[0], "k").await), (vec![], None));
    for of in &keys[1..] {
        assert_eq!(all(&bench, of).await.len(), 1, "{of}");
    }
}

pub(crate) async fn forgetting_takes_all_in_parts_of_any_size(bench: Bench) {
    for limit in [1, 2, 3, 6, 7, MANY] {
        let of = conversation("", "alice", &format!("c{limit}"));
        for number in 1..=4 {
            put(&bench, &of, &entry(number, &number.to_string())).await;
        }
        for key in ["a", "b"] {
            set(&bench, &of, None, &value(key, "w")).await;
        }
        let mut calls = 1;
        while !bench.memory().forget(&of, limit).await.unwrap() {
            let left = all(&bench, &of).await.len();
            assert!(left + calls * limit >= 4, "a call deletes more than {limit}");
            calls += 1;
            assert!(calls < 10, "it ends");
        }
        assert_eq!(all(&bench, &of).await, []);
        for key in ["a", "b"] {
            assert_eq!(get(&bench, &of, key).await, None);
        }
        // A forgotten entry can be written anew.
        put(&bench, &of, &entry(1, "again")).await;
        assert_eq!(all(&bench, &of).await.len(), 1);
    }
}

/// A task and a conversation never meet in a store, even under the same names.
pub(crate) async fn tasks_are_left_alone(bench: Bench) {
    let task = bench.submit().await;
    let head = task.head().clone();
    let of = ConversationKey {
        tenant: head.key.tenant.clone(),
        owner: head.owner.clone(),
        context: head.context.clone(),
    };
    let like = ConversationKey {
        tenant: Tenant::default(),
        owner: Owner::parse(head.key.to_string()).unwrap(),
        context: ContextId::parse(head.key.task.as_str()).unwrap(),
    };
    for of in [of, like] {
        put(&bench, &of, &entry(1, "w")).await;
        assert!(bench.memory().forget(&of, MANY).await.unwrap());
        task.verify().await;
    }
}
