//! The cost of memory and session state: an agent within its turn, and a store whose requests are
//! counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::conversation::{Budget, Held, MemoryItem, Swap};
use a2a_lambda_core::{End, Failure};
use a2a_lambda_protocol::Message;
use a2a_lambda_testing::{Scripted, scripted, sending, user};

use super::meter::{Meter, Written};
use super::stage::Stage;

/// The cost of an action: requests, read units, and write units of the table.
type Took = (&'static str, Vec<&'static str>, f64, f64);

/// The costs so far, as the agent notes them.
#[derive(Clone)]
struct Costs {
    meter: Meter,
    took: Arc<Mutex<Vec<Took>>>,
}

impl Costs {
    fn note(&self, what: &'static str) {
        let (requests, read, written) = self.meter.take_both();
        let Written { table, list, due, context } = written;
        assert_eq!((list, due, context), (0.0, 0.0, 0.0), "no index is written");
        self.took.lock().unwrap().push((what, requests, read, table));
    }
}

/// Notes the cost of each use of memory and session.
fn remembers(costs: Costs) -> Scripted {
    scripted(move |turn, _| {
        let costs = costs.clone();
        Box::pin(async move {
            costs.meter.take();
            turn.memory().load(Budget::tokens(10_000)).await?;
            costs.note("load");
            let items = [MemoryItem::user(turn.text()), MemoryItem::agent("x".repeat(600))];
            turn.memory().append(items.clone()).await?;
            costs.note("append");
            let count: Held<u32> = turn.session().get("count").await?;
            costs.note("get");
            let next = count.value.unwrap_or_default() + 1;
            let set = turn.session().set("count", &next, Some(&count.version)).await?;
            costs.note("set");
            assert!(matches!(set, Swap::Done(_)));
            if turn.text() == "retry" && turn.attempt() == 1 {
                return Err(Failure::retryable("again"));
            }
            Ok(End::completed())
        })
    })
}

/// The cost of each turn of one conversation with these messages.
async fn took(texts: &[&str]) -> Vec<Took> {
    let took = Arc::<Mutex<Vec<Took>>>::default();
    let agent = |meter| remembers(Costs { meter, took: took.clone() });
    let stage = Stage::metering(agent).await;
    for text in texts {
        let message = Message { context_id: "trip".to_owned(), ..user(text) };
        stage.send(sending(message)).await;
        for _ in 0..2 {
            stage.doubles.clock.advance(Duration::from_secs(5));
            stage.attend_signaled().await;
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
