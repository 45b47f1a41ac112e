//! A walk through the whole table, for operators. No other code scans the table: the cost grows
//! with its size.

use std::fmt;
use std::str::FromStr;

use a2a_lambda_core::head::{Ending, Interruption, Phase};
use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_core::store::StoreError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde_json::{Value, json};
use tracing::error;

use crate::attributes::{Item, get_string, string};
use crate::error::store_error;
use crate::head_item::PHASE;
use crate::store::DynamoDbStore;
use crate::table::{HEAD, PK, SK, TTL, task_key};

/// The most items that one page reads.
const PAGE_ITEMS: i32 = 1_000;

/// A place in the table, after the items that a walk has read. Its text is JSON, so that a later
/// walk can resume there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkPlace {
    pk: String,
    sk: String,
}

impl fmt::Display for WalkPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json!([self.pk, self.sk]).fmt(f)
    }
}

/// A text that names no place in the table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a place from the output of an earlier run")]
pub struct NoPlace;

impl FromStr for WalkPlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        match serde_json::from_str(text) {
            Ok(Value::Array(parts)) => match &parts[..] {
                [Value::String(pk), Value::String(sk)] if !pk.is_empty() && !sk.is_empty() => {
                    Ok(Self { pk: pk.clone(), sk: sk.clone() })
                }
                _ => Err(NoPlace),
            },
            _ => Err(NoPlace),
        }
    }
}

/// A page of a walk.
#[derive(Debug)]
pub struct WalkPage {
    /// Tasks that have ended, or wait for their users, and whose heads have no time to live.
    pub tasks: Vec<TaskKey>,
    /// How many items the page read.
    pub items: usize,
    /// The units of read capacity that the page used.
    pub read_units: f64,
    /// The begin of the next page; `None` if this was the last one.
    pub next: Option<WalkPlace>,
}

/// The phases in which a task changes no more by itself.
const AT_REST: [Phase; 6] = [
    Phase::Interrupted { interruption: Interruption::InputRequired, patience: None },
    Phase::Interrupted { interruption: Interruption::AuthRequired, patience: None },
    Phase::Ended(Ending::Completed),
    Phase::Ended(Ending::Failed),
    Phase::Ended(Ending::Canceled),
    Phase::Ended(Ending::Rejected),
];

impl DynamoDbStore {
    /// Reads a page of the table, in no order of time, and finds the tasks that may lack an expiry.
    /// A page may be empty without being the last.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or refuses.
    pub async fn walk(&self, after: Option<&WalkPlace>) -> Result<WalkPage, StoreError> {
        let start = after.map(|place| {
            Item::from([(PK.to_owned(), string(&place.pk)), (SK.to_owned(), string(&place.sk))])
        });
        let names: Vec<String> = (0..AT_REST.len()).map(|place| format!(":p{place}")).collect();
        let filter =
            format!("#s = :h AND attribute_not_exists(#t) AND #p IN ({})", names.join(", "));
        let phases = names.into_iter().zip(AT_REST.iter().map(|phase| string(phase.name())));
        let mut values: Item = phases.collect();
        values.insert(":h".to_owned(), AttributeValue::S(HEAD.to_owned()));
        let page = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression(filter)
            .projection_expression("#k, #s")
            .expression_attribute_names("#k", PK)
            .expression_attribute_names("#s", SK)
            .expression_attribute_names("#t", TTL)
            .expression_attribute_names("#p", PHASE)
            .set_expression_attribute_values(Some(values))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_exclusive_start_key(start)
            .limit(PAGE_ITEMS)
            .send()
            .await
            .map_err(store_error)?;
        let read_units = page.consumed_capacity.and_then(|used| used.capacity_units);
        let next = page.last_evaluated_key.as_ref().map(|key| {
            let text = |name| get_string(key, name).unwrap_or_default().to_owned();
            WalkPlace { pk: text(PK), sk: text(SK) }
        });
        Ok(WalkPage {
            tasks: page.items.unwrap_or_default().iter().filter_map(task).collect(),
            items: usize::try_from(page.scanned_count).unwrap_or_default(),
            read_units: read_units.unwrap_or_default(),
            next,
        })
    }
}

/// The task of an item. An unreadable one must not end the walk: it is logged and skipped.
fn task(item: &Item) -> Option<TaskKey> {
    let read = get_string(item, PK).and_then(task_key);
    if let Err(error) = &read {
        let pk = get_string(item, PK).ok();
        error!(event = "item_malformed", pk, %error,
            "an item of the table is malformed and is skipped");
    }
    read.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = WalkPlace { pk: "acme#a \"task\"".to_owned(), sk: "S#1#2".to_owned() };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "x", "[]", r#"["a"]"#, r#"["a",1]"#, r#"["",""]"#, r#"{"a":"b"}"#] {
            assert_eq!(wrong.parse::<WalkPlace>(), Err(NoPlace), "{wrong}");
        }
    }
}
