//! The event of a DynamoDB stream, as far as it is of interest: which items have changed.
//!
//! The image of a task is in each record, with much of its log. The function does not parse the
//! image: it reads the task instead, because the record may be old.

use a2a_lambda_core::TaskKey;
use a2a_lambda_dynamodb::task_of_head;
use serde::Deserialize;

/// A batch of records, in the order of their changes.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    #[serde(rename = "Records", default)]
    pub(crate) records: Vec<Record>,
}

/// A change of an item.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    #[serde(default)]
    dynamodb: Change,
}

#[derive(Debug, Default, Deserialize)]
struct Change {
    #[serde(rename = "Keys", default)]
    keys: Option<Keys>,
    #[serde(rename = "SequenceNumber", default)]
    sequence_number: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

/// A string, as DynamoDB writes it.
#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

impl Record {
    /// The task whose head has changed.
    pub(crate) fn task(&self) -> Option<TaskKey> {
        let Keys { pk, sk } = self.dynamodb.keys.as_ref()?;
        task_of_head(&pk.text, &sk.text)
    }

    /// The record's place in the stream.
    pub(crate) fn sequence_number(&self) -> Option<&str> {
        self.dynamodb.sequence_number.as_deref()
    }
}
