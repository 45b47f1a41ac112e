//! The stream of the embedded table, with the filter of its mapping: it has the heads whose
//! pending-push mark is open.
//!
//! The engine's own stream is not used: it is never trimmed, and its writes become slower with each
//! record. The write requests and their answers have all its contents.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use a2a_lambda_dynamodb::{OPEN_MARK, PUSH_MARK, task_of_head};
use aws_lambda_events::streams::DynamoDbEventResponse;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;
use tracing::warn;

/// How many records may wait. Beyond that the oldest record is lost, as AWS loses records older
/// than a day. The sweep recovers its task.
const MAX_RECORDS: usize = 10_000;

/// How often a record that failed is tried again.
const MAX_RETRIES: u32 = 3;

/// A change of an item.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its place in the stream.
    pub sequence_number: u64,
    /// Whether the item was made by it.
    pub is_new: bool,
    /// The item's partition key.
    pub pk: String,
    /// The item's sort key.
    pub sk: String,
    /// The item as it was then.
    pub image: Value,
    /// How often its batch has failed.
    pub failures: u32,
}

/// The records that wait for their function.
#[derive(Debug, Default)]
pub struct TableStream {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    records: VecDeque<Record>,
    last: u64,
}

#[derive(Deserialize)]
struct Put {
    #[serde(rename = "Item")]
    item: Value,
}

#[derive(Deserialize)]
struct Updated {
    #[serde(rename = "Attributes")]
    attributes: Option<Value>,
}

impl TableStream {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a request that was carried out: its target, its body and its answer's.
    pub fn note(&self, target: &str, request: &[u8], answer: &str) {
        let (is_new, image) = match target.rsplit('.').next() {
            Some("PutItem") => {
                let put: Option<Put> = serde_json::from_slice(request).ok();
                (true, put.map(|put| put.item))
            }
            // Every update of a head that may have set the mark asks for all that there is then.
            Some("UpdateItem") => {
                let updated: Option<Updated> = serde_json::from_str(answer).ok();
                (false, updated.and_then(|updated| updated.attributes))
            }
            _ => return,
        };
        if let Some(image) = image.filter(is_let_through) {
            self.add(is_new, image);
        }
    }

    fn add(&self, is_new: bool, image: Value) {
        let text = |name: &str| image[name]["S"].as_str().unwrap_or_default().to_owned();
        let (pk, sk) = (text("pk"), text("sk"));
        let mut state = self.state();
        state.last += 1;
        let sequence_number = state.last;
        if state.records.len() >= MAX_RECORDS {
            state.records.pop_front();
        }
        state.records.push_back(Record { sequence_number, is_new, pk, sk, image, failures: 0 });
        drop(state);
        self.arrived.notify_one();
    }

    /// The next records, at least one and at most `most`.
    pub async fn receive(&self, most: usize) -> Vec<Record> {
        loop {
            {
                let mut state = self.state();
                let count = state.records.len().min(most);
                if count > 0 {
                    return state.records.drain(..count).collect();
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Returns failed records, in their order.
    pub fn give_back(&self, records: Vec<Record>) {
        let mut state = self.state();
        for record in records.into_iter().rev() {
            state.records.push_front(record);
        }
        drop(state);
        self.arrived.notify_one();
    }
}

/// The records of a batch to redeliver. As in a mapping that reports item failures, these are all
/// from the first failed record on, or the whole batch if the function did not answer.
pub fn to_come_again(
    mut records: Vec<Record>,
    answer: Option<&DynamoDbEventResponse>,
) -> Vec<Record> {
    let place = |number: Option<&str>| {
        let number = number.and_then(|number| number.parse::<u64>().ok());
        let place = records.iter().position(|record| Some(record.sequence_number) == number);
        // As on AWS: a failure that is not of the batch fails all of it.
        place.unwrap_or_default()
    };
    let first = match answer {
        None => Some(0),
        Some(answer) => {
            let failures = answer.batch_item_failures.iter();
            failures.map(|failure| place(failure.item_identifier.as_deref())).min()
        }
    };
    let mut again = first.map(|first| records.split_off(first)).unwrap_or_default();
    for record in &mut again {
        record.failures += 1;
    }
    let before = again.len();
    again.retain(|record| record.failures <= MAX_RETRIES);
    if again.len() < before {
        warn!(
            event = "records_given_up",
            records = before - again.len(),
            "the stream gives up these records"
        );
    }
    again
}

/// The mapping's filter.
fn is_let_through(image: &Value) -> bool {
    let text = |name: &str| image[name]["S"].as_str().unwrap_or_default();
    text(PUSH_MARK) == OPEN_MARK && task_of_head(text("pk"), text("sk")).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(mark: &str) -> Value {
        json!({ "pk": { "S": "acme#t" }, "sk": { "S": "H" }, "nm": { "S": mark } })
    }

    #[tokio::test]
    async fn records_are_of_heads_with_an_open_mark() {
        let stream = TableStream::default();
        let put = |item: Value| json!({ "Item": item }).to_string();
        stream.note("DynamoDB_20120810.PutItem", put(image("open")).as_bytes(), "{}");
        for other in ["claimed", "waiting"] {
            stream.note("DynamoDB_20120810.PutItem", put(image(other)).as_bytes(), "{}");
        }
        let mut config = image("open");
        config["sk"] = json!({ "S": "C#1" });
        stream.note("DynamoDB_20120810.PutItem", put(config).as_bytes(), "{}");
        stream.note("DynamoDB_20120810.GetItem", b"{}", &put(image("open")));
        let updated = json!({ "Attributes": image("open") }).to_string();
        stream.note("DynamoDB_20120810.UpdateItem", b"{}", &updated);
        stream.note("DynamoDB_20120810.UpdateItem", b"{}", "{}");

        let records = stream.receive(10).await;
        let numbers: Vec<_> = records.iter().map(|r| (r.sequence_number, r.is_new)).collect();
        assert_eq!(numbers, [(1, true), (2, false)]);
        assert_eq!((records[0].pk.as_str(), records[0].sk.as_str()), ("acme#t", "H"));
        assert_eq!(records[1].image, image("open"));
    }

    #[tokio::test]
    async fn redelivery_begins_at_the_first_failed_record() {
        let stream = TableStream::default();
        for _ in 0..4 {
            stream.add(false, image("open"));
        }
        let records = stream.receive(10).await;
        let reported = |numbers: &[&str]| {
            let failures = numbers.iter().map(|number| json!({ "itemIdentifier": number }));
            let failures: Vec<_> = failures.collect();
            serde_json::from_value(json!({ "batchItemFailures": failures })).unwrap()
        };
        let number = |n: u64| format!("{n:021}");
        for (answer, expected) in [
            (Some(reported(&[])), &[][..]),
            (Some(reported(&[&number(4), &number(3)])), &[3, 4]),
            (Some(reported(&[&number(9)])), &[1, 2, 3, 4]),
            (None, &[1, 2, 3, 4]),
        ] {
            let again = to_come_again(records.clone(), answer.as_ref());
            let numbers: Vec<_> = again.iter().map(|record| record.sequence_number).collect();
            assert_eq!(numbers, expected, "{answer:?}");
            assert!(again.iter().all(|record| record.failures == 1));
        }
        let mut again = records;
        for _ in 0..MAX_RETRIES {
            again = to_come_again(again, None);
        }
        assert_eq!(again.len(), 4);
        assert_eq!(to_come_again(again, None).len(), 0);
    }

    #[tokio::test]
    async fn a_returned_record_comes_first() {
        let stream = TableStream::default();
        for _ in 0..4 {
            stream.add(false, image("open"));
        }
        let mut first = stream.receive(3).await;
        assert_eq!(first.len(), 3);
        stream.give_back(first.split_off(1));
        let again: Vec<_> = stream.receive(10).await.iter().map(|r| r.sequence_number).collect();
        assert_eq!(again, [2, 3, 4]);
    }
}
