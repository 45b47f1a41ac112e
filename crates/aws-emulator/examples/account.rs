//! DynamoDB and SQS as `scripts/bench` has them: metered, and fed to functions by its own hand.
//!
//! It prints where they are, and then a line of JSON for each line that it is given: `take` (the
//! requests since the last look), `signals` and `records` (the event that Lambda would invoke
//! a function with, or `null`). What an event has is deleted at the next look.

use std::error::Error;
use std::io::{Write as _, stdin, stdout};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::events::{sqs_event, stream_event};
use a2a_lambda_aws_emulator::queue::{MAX_BATCH, Queue, QueueConfig};
use a2a_lambda_dynamodb::create_table;
use a2a_lambda_protocol::Timestamp;
use serde_json::{Value, json};
use tokio::time::timeout;

const CAPACITY: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// How long an event may be waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// As the mapping of the queue, and of the stream, has it.
const VISIBILITY: Duration = Duration::from_mins(16);
const MAX_RECORDS: usize = 25;

#[expect(clippy::disallowed_methods, reason = "a program of its own has no other clock")]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

fn say(line: &Value) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (database, stream) = EmbeddedDynamoDb::memory()?.streamed();
    create_table(&database.client(), "tasks").await?;
    let (database, meter) = database.metered();
    let config = QueueConfig {
        capacity: CAPACITY,
        max_receive_count: None,
        dead_letter_capacity: NonZeroUsize::MIN,
    };
    let queue = Arc::new(Queue::new(config, now_ms));
    let endpoint = Endpoint::start(database, queue.clone()).await?;
    say(&json!({ "url": endpoint.url(), "queue": endpoint.queue_url() }))?;
    let mut done = Vec::new();
    for line in stdin().lines() {
        let answer = match line?.as_str() {
            "take" => json!(meter.take()),
            "signals" => {
                for handle in done.drain(..) {
                    queue.delete(&handle);
                }
                let messages = queue.receive(MAX_BATCH, VISIBILITY, PATIENCE).await?;
                done.extend(messages.iter().map(|message| message.receipt_handle));
                if messages.is_empty() { Value::Null } else { sqs_event(&messages) }
            }
            "records" => {
                let now = Timestamp::from_millis(i64::try_from(now_ms())?);
                let records = timeout(PATIENCE, stream.receive(MAX_RECORDS)).await;
                records.map_or(Value::Null, |records| stream_event(&records, now))
            }
            other => return Err(format!("unknown command: {other}").into()),
        };
        say(&answer)?;
    }
    Ok(())
}
