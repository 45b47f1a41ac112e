//! The usage that AWS would bill. The meter notes every request to the embedded database, with its
//! units, and to the queue.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The name of the table itself, beside those of its indexes, in the units of a write.
pub const TABLE: &str = "table";
/// The name of a request that was refused, such as a write whose condition does not hold.
pub const REFUSED: &str = "error";

const READS: [&str; 5] = ["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"];
const WRITES: [&str; 5] =
    ["BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"];
const OF_QUEUES: [&str; 4] =
    ["ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessage", "SendMessageBatch"];
/// The member that marks a request for a number of items. An item may contain it, too, but far
/// behind.
const COUNTS: &[u8] = br#""Select":"COUNT""#;
const MAX_QUERY_BYTES: usize = 2_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metered {
    /// The operation, such as `PutItem`, or [`REFUSED`].
    pub name: &'static str,
    /// Whether a number of items was asked for, and not the items.
    pub counts: bool,
    /// The read units.
    pub read: f64,
    /// The write units of [`TABLE`], and of each index by its name.
    pub written: BTreeMap<String, f64>,
}

/// Notes every request until it is asked.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Vec<Metered>>);

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    consumed_capacity: Option<OneOrMany>,
}

/// Requests of several items answer for each table.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Capacity),
    Many(Vec<Capacity>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: f64,
    #[serde(default)]
    global_secondary_indexes: BTreeMap<String, OfIndex>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfIndex {
    capacity_units: f64,
}

fn among(names: &[&'static str], target: &str) -> Option<&'static str> {
    let operation = target.rsplit('.').next()?;
    names.iter().copied().find(|name| *name == operation)
}

impl Meter {
    /// The requests since the last look.
    pub fn take(&self) -> Vec<Metered> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The request with a question for its units, if it is one that takes units. No client of ours
    /// asks itself.
    pub(crate) fn asking(target: &str, body: &[u8]) -> Option<Vec<u8>> {
        among(&READS, target).or_else(|| among(&WRITES, target))?;
        let rest = body.strip_prefix(b"{").filter(|rest| rest != b"}")?;
        Some([br#"{"ReturnConsumedCapacity":"INDEXES","#, rest].concat())
    }

    /// Notes a request and its answer.
    pub(crate) fn note(&self, target: &str, request: &[u8], status: u16, answer: &str) {
        let write = among(&WRITES, target);
        let other = || among(&READS, target).or_else(|| among(&OF_QUEUES, target));
        let Some(name) = write.or_else(other) else { return };
        let counts = request.windows(COUNTS.len()).take(MAX_QUERY_BYTES).any(|part| part == COUNTS);
        let mut metered = Metered { name, counts, read: 0.0, written: BTreeMap::new() };
        if status == 200 {
            let answer: Answer = serde_json::from_str(answer).unwrap_or_default();
            let capacities = match answer.consumed_capacity {
                Some(OneOrMany::One(one)) => vec![one],
                Some(OneOrMany::Many(many)) => many,
                None => Vec::new(),
            };
            for capacity in capacities {
                if write.is_some() {
                    metered.add_written(capacity);
                } else {
                    metered.read += capacity.capacity_units;
                }
            }
        } else {
            metered.name = REFUSED;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(metered);
    }
}

impl Metered {
    fn add_written(&mut self, capacity: Capacity) {
        let mut of_table = capacity.capacity_units;
        for (index, of_index) in capacity.global_secondary_indexes {
            of_table -= of_index.capacity_units;
            *self.written.entry(index).or_default() += of_index.capacity_units;
        }
        *self.written.entry(TABLE.to_owned()).or_default() += of_table;
    }
}
