//! SQS, as far as it is asked for here. Functions send, and hide and delete the records that they were
//! given; operators take dead letters, send them, and delete them. To receive from the queue itself
//! is Lambda's part, and so the cloud's or the test's.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::rights::DEAD_LETTERS;
use super::{Answer, refused};
use crate::queue::{ParseReceiptHandleError, Queue, ReceiptHandle};

// Fields that are not known are refused: they would be lost.

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendMessage {
    #[serde(rename = "QueueUrl")]
    _queue_url: String,
    message_body: String,
    #[serde(rename = "MessageGroupId")]
    _group: Group,
    #[serde(default)]
    delay_seconds: u64,
    #[serde(default)]
    message_attributes: Attributes,
}

/// Of attributes only that of traces is known.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    traceparent: Option<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    #[serde(rename = "DataType")]
    _data_type: String,
    string_value: String,
}

/// The group of a fair standard queue. SQS can do without; every sender of ours must set it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Group;

impl TryFrom<String> for Group {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_group =
            (1..=128).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic());
        is_group
            .then_some(Self)
            .ok_or("MessageGroupId has 1 to 128 letters, digits and punctuation")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch<T> {
    queue_url: String,
    entries: Vec<T>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendEntry {
    id: String,
    message_body: String,
    #[serde(rename = "MessageGroupId")]
    _group: Group,
    #[serde(default)]
    delay_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct HideEntry {
    id: String,
    receipt_handle: String,
    visibility_timeout: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ReceiveMessage {
    queue_url: String,
    #[serde(default = "one")]
    max_number_of_messages: usize,
    #[serde(default = "half_a_minute")]
    visibility_timeout: u64,
    /// All dead letters are known at once: there is nothing to wait for.
    #[serde(rename = "WaitTimeSeconds", default)]
    _wait_time_seconds: u64,
}

fn one() -> usize {
    1
}

fn half_a_minute() -> u64 {
    30
}

/// Answers a request. The digests of the bodies are left out: the SDK does not ask for them.
pub(super) fn answer(queue: &Queue, operation: &str, body: &[u8]) -> Answer {
    let answer = match operation {
        "SendMessage" => read(body).and_then(|request| send(queue, request)),
        "SendMessageBatch" => read(body).map(|request| send_batch(queue, request)),
        "ReceiveMessage" => read(body).and_then(|request| receive(queue, &request)),
        "ChangeMessageVisibilityBatch" => read(body).and_then(|request| hide_batch(queue, request)),
        "DeleteMessageBatch" => read(body).map(|request| delete_batch(queue, request)),
        _ => Err(unsupported(operation)),
    };
    answer.map_or_else(|refused| refused, |answer| (StatusCode::OK, answer.to_string()))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    let wrong = |error: serde_json::Error| refused("SerializationException", &error.to_string());
    serde_json::from_slice(body).map_err(wrong)
}

fn unsupported(what: &str) -> Answer {
    refused("com.amazonaws.sqs#UnsupportedOperation", what)
}

fn is_of_dead_letters(queue_url: &str) -> bool {
    queue_url.rsplit('/').next() == Some(DEAD_LETTERS)
}

fn send(queue: &Queue, message: SendMessage) -> Result<Value, Answer> {
    let traceparent = message.message_attributes.traceparent.map(|of| of.string_value);
    let delay = Duration::from_secs(message.delay_seconds);
    match queue.send_in(message.message_body, traceparent, delay) {
        Ok(id) => Ok(json!({ "MessageId": id })),
        Err(error) => Err(refused("com.amazonaws.sqs#InvalidMessageContents", &error.to_string())),
    }
}

fn send_batch(queue: &Queue, batch: Batch<SendEntry>) -> Value {
    let mut answer = BatchAnswer::default();
    for SendEntry { id, message_body, delay_seconds, .. } in batch.entries {
        match queue.send(message_body, Duration::from_secs(delay_seconds)) {
            Ok(message_id) => answer.successful.push(json!({ "Id": id, "MessageId": message_id })),
            Err(error) => answer.fail(&id, "InvalidMessageContents", &error.to_string()),
        }
    }
    answer.json()
}

fn receive(queue: &Queue, request: &ReceiveMessage) -> Result<Value, Answer> {
    if !is_of_dead_letters(&request.queue_url) {
        return Err(unsupported("ReceiveMessage is for the dead letters only"));
    }
    let visibility = Duration::from_secs(request.visibility_timeout);
    let received = queue
        .receive_dead_letters(request.max_number_of_messages, visibility)
        .map_err(|error| refused("com.amazonaws.sqs#InvalidParameterValue", &error.to_string()))?;
    let messages: Vec<Value> = received
        .into_iter()
        .map(|(handle, letter)| {
            let handle = handle.to_string();
            json!({ "MessageId": letter.id, "ReceiptHandle": handle, "Body": letter.body })
        })
        .collect();
    Ok(json!({ "Messages": messages }))
}

fn hide_batch(queue: &Queue, batch: Batch<HideEntry>) -> Result<Value, Answer> {
    if is_of_dead_letters(&batch.queue_url) {
        return Err(unsupported("ChangeMessageVisibilityBatch is not for the dead letters"));
    }
    let mut answer = BatchAnswer::default();
    for HideEntry { id, receipt_handle, visibility_timeout } in batch.entries {
        let Some(handle) = answer.handle(&id, &receipt_handle) else { continue };
        match queue.change_visibility(&handle, Duration::from_secs(visibility_timeout)) {
            Ok(()) => answer.successful.push(json!({ "Id": id })),
            Err(error) => answer.fail(&id, "MessageNotInflight", &error.to_string()),
        }
    }
    Ok(answer.json())
}

fn delete_batch(queue: &Queue, batch: Batch<DeleteEntry>) -> Value {
    let of_dead_letters = is_of_dead_letters(&batch.queue_url);
    let mut answer = BatchAnswer::default();
    for DeleteEntry { id, receipt_handle } in batch.entries {
        let Some(handle) = answer.handle(&id, &receipt_handle) else { continue };
        // As on AWS, one that is gone is as good as deleted.
        if of_dead_letters {
            queue.delete_dead_letter(&handle);
        } else {
            queue.delete(&handle);
        }
        answer.successful.push(json!({ "Id": id }));
    }
    answer.json()
}

#[derive(Debug, Default)]
struct BatchAnswer {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl BatchAnswer {
    /// The receipt handle of an entry. One that cannot be is answered.
    fn handle(&mut self, id: &str, receipt_handle: &str) -> Option<ReceiptHandle> {
        let handle = receipt_handle.parse();
        let wrong = |error: &ParseReceiptHandleError| {
            self.fail(id, "ReceiptHandleIsInvalid", &error.to_string());
        };
        handle.inspect_err(wrong).ok()
    }

    fn fail(&mut self, id: &str, code: &str, message: &str) {
        let failed = json!({ "Id": id, "Code": code, "Message": message, "SenderFault": true });
        self.failed.push(failed);
    }

    fn json(self) -> Value {
        json!({ "Successful": self.successful, "Failed": self.failed })
    }
}
