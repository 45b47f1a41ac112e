//! Events of AWS services for functions, made from the emulators' events.

use a2a_lambda_protocol::Timestamp;
use serde_json::{Value, json};

use crate::queue::Message;
use crate::table_stream::Record;

/// The event for a batch of messages.
pub fn sqs_event(messages: &[Message]) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.id,
                "receiptHandle": message.receipt_handle.to_string(),
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": message.receive_count.to_string(),
                    "SentTimestamp": message.sent_at_ms.to_string(),
                    "SenderId": "local",
                    "ApproximateFirstReceiveTimestamp": message.first_received_at_ms.to_string(),
                },
                "messageAttributes": attributes(message),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:signals",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records })
}

fn attributes(message: &Message) -> Value {
    match &message.traceparent {
        Some(of) => json!({ "traceparent": { "stringValue": of, "dataType": "String" } }),
        None => json!({}),
    }
}

/// The event for a batch of a stream's records.
pub fn stream_event(records: &[Record], now: Timestamp) -> Value {
    let records: Vec<Value> = records
        .iter()
        .map(|record| {
            let number = record.sequence_number;
            json!({
                "eventID": format!("{number:032x}"),
                "eventName": if record.is_new { "INSERT" } else { "MODIFY" },
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": now.as_millis() / 1_000,
                    "Keys": { "pk": { "S": record.pk }, "sk": { "S": record.sk } },
                    "NewImage": record.image,
                    "SequenceNumber": format!("{number:021}"),
                    "SizeBytes": record.image.to_string().len(),
                    "StreamViewType": "NEW_IMAGE",
                },
                "eventSourceARN":
                    "arn:aws:dynamodb:us-east-1:000000000000:table/tasks/stream/2026-01-01T00:00:00.000",
            })
        })
        .collect();
    json!({ "Records": records })
}

/// The event of a schedule's tick, as EventBridge Scheduler sends it.
pub fn schedule_event(id: &str, now: Timestamp) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": now.to_string(),
        "region": "us-east-1",
        "resources": ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/sweep"],
        "detail": "{}",
    })
}
