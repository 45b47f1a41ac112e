//! The cost of memory and session state: an agent within its turn, and a store whose requests are
//! counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::conversation::{Budget, Held, MemoryItem, Swap};
use a2a_lambda_core::{
    Agent, AgentProfile, Agents, Company, End, Engine, Failure, Operations, Policy, Runner,
    SendOptions, Turn,
};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_protocol::Message;
use a2a_lambda_testing::{Doubles, TestClock, TestIds, caller, sending, user};
use async_trait::async_trait;

use super::meter::{Meter, Written};
use super::{TABLE, database};

/// The cost of an action: requests, read units, and write units of the table.
type Took = (&'static str, Vec<&'static str>, f64, f64);

/// Notes the cost of each use of memory and session.
struct Remembers {
    meter: Arc<Meter>,
    took: Arc<Mutex<Vec<Took>>>,
}

impl Remembers {
    fn note(&self, what: &'static str) {
        let (requests, read, written) = self.meter.take_both();
        let Written { table, list, due, context } = written;
        assert_eq!((list, due, context), (0.0, 0.0, 0.0), "no index is written");
        self.took.lock().unwrap().push((what, requests, read, table));
    }
}

#[async_trait]
impl Agent for Remembers {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("remembers", "Remembers.", "1")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        self.meter.take();
        turn.memory().load(Budget::tokens(10_000)).await?;
        self.note("load");
        let items = [MemoryItem::user(turn.text()), MemoryItem::agent("x".repeat(600))];
        turn.memory().append(items.clone()).await?;
        self.note("append");
        let count: Held<u32> = turn.session().get("count").await?;
        self.note("get");
        let next = count.value.unwrap_or_default() + 1;
        let set = turn.session().set("count", &next, Some(&count.version)).await?;
        self.note("set");
        assert!(matches!(set, Swap::Done(_)));
        if turn.text() == "retry" && turn.attempt() == 1 {
            return Err(Failure::retryable("again"));
        }
        Ok(End::completed())
    }
}

/// The cost of each turn of one conversation with these messages.
async fn took(texts: &[&str]) -> Vec<Took> {
    let (_, metered, meter) = database().await;
    let store = Arc::new(DynamoDbStore::new(metered, TABLE));
    let doubles = Doubles::of(TestClock::by_tokio(), Policy::default());
    let ids = Arc::new(TestIds::uuids());
    let engine = Engine { ids, ..doubles.engine.clone().over(store) };
    let (meter, took) = (Arc::new(meter), Arc::default());
    let agent = Remembers { meter: meter.clone(), took: Arc::clone(&took) };
    let runner = Runner::new(engine.clone(), Agents::new(Arc::new(agent)));
    for text in texts {
        let message = Message { context_id: "trip".to_owned(), ..user(text) };
        let operations = Operations::new(engine.clone());
        let (alice, options) = (caller("", "alice"), SendOptions::default());
        let sent = operations.send(&alice, sending(message), &options);
        Box::pin(sent).await.unwrap();
        for _ in 0..2 {
            doubles.clock.advance(Duration::from_secs(5));
            for signal in doubles.queue.take_arrived(engine.clock.now()) {
                let key = signal.key();
                let attending = runner.attend(&key, doubles.deadline(), Company::Alone);
                Box::pin(attending).await.unwrap();
            }
        }
    }
    let took = took.lock().unwrap();
    took.clone()
}

#[tokio::test(start_paused = true)]
async fn memory_and_session_take_few_units() {
    let took = took(&["first", "retry"]).await;
    let put =
        |what, requests: &[&'static str], read, written| (what, requests.to_vec(), read, written);
    let first = [
        // The newest entry, the lists by context that stand for it, and the record of the end.
        put("load", &["Query", "Query", "BatchGetItem", "Query", "PutItem"], 2.5, 1.0),
        put("append", &["Query", "PutItem"], 1.0, 1.0),
        put("get", &["GetItem", "PutItem"], 1.0, 1.0),
        put("set", &["GetItem", "PutItem", "PutItem"], 1.0, 2.0),
    ];
    assert_eq!(took[..4], first);
    let later = [
        put("load", &["Query", "PutItem", "Query"], 2.0, 1.0),
        put("append", &["Query", "PutItem"], 1.0, 1.0),
        put("get", &["GetItem", "PutItem"], 1.0, 1.0),
        put("set", &["GetItem", "PutItem", "PutItem"], 1.0, 2.0),
    ];
    assert_eq!(took[4..8], later);
    let repeated = [
        // The records of the scope, and the memory up to the recorded end.
        put("load", &["Query", "Query"], 2.0, 0.0),
        put("append", &["Query"], 1.0, 0.0),
        put("get", &[], 0.0, 0.0),
        put("set", &[], 0.0, 0.0),
    ];
    assert_eq!(took[8..], repeated);
}
