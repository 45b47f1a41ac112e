//! Signals that were given up, sent again.

use std::collections::HashSet;
use std::time::Duration;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{BadSignal, Signal};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, DeleteMessageBatchRequestEntry, Message, SendMessageBatchRequestEntry,
};

/// The most messages that SQS takes or gives at a time.
const BATCH: usize = 10;

/// How long a message that was taken is hidden from others who redrive: longer than it takes to
/// send and to delete it.
const HIDDEN: Duration = Duration::from_mins(1);

/// How long to wait for a first message: a queue that is not asked all of its servers seems empty.
const WAIT: Duration = Duration::from_secs(1);

/// A signal has some ids, and is far smaller. A larger body is another sender's.
const MAX_SIGNAL_BYTES: usize = 4 * 1_024;

/// The result of a redrive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redriven {
    /// How many signals were moved.
    pub moved: usize,
    /// Messages left in the dead-letter queue because they are not signals. It is hidden there for
    /// a minute.
    pub left: Vec<LeftBehind>,
    /// Signals that could not be sent, or were sent and could not be deleted. The next redrive
    /// sends them again, which does no harm.
    pub failed: Vec<LeftBehind>,
    /// Whether the limit was reached: there may be more.
    pub more: bool,
}

/// A message that is still in the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    /// SQS's id of it.
    pub message_id: String,
    /// Why.
    pub reason: String,
}

/// Messages could not be moved. Those that were moved before stay moved, and nothing is lost.
#[derive(Debug, thiserror::Error)]
#[error("{moved} signals were moved; then the {queue} queue failed at {operation}")]
pub struct RedriveError {
    /// How many had been moved.
    pub moved: usize,
    /// The queue's name.
    pub queue: &'static str,
    /// The request's name.
    pub operation: &'static str,
    /// Why.
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A message that was taken.
struct Taken {
    id: String,
    receipt: String,
    body: String,
    group: String,
}

/// Moves signals from a dead-letter queue to the queue of signals, at most `limit` messages. It
/// sends, and then deletes: a signal may be sent twice, and none is lost. A body that is not a
/// signal stays where it is.
///
/// It needs no other rights than `sqs:ReceiveMessage` and `sqs:DeleteMessage` on the one queue, and
/// `sqs:SendMessage` on the other.
///
/// # Errors
/// When a queue does not answer, or refuses.
pub async fn redrive(
    client: &Client,
    dead_letters: &str,
    signals: &str,
    limit: usize,
) -> Result<Redriven, RedriveError> {
    let mut done = Redriven::default();
    let mut seen = HashSet::new();
    while seen.len() < limit {
        let asked = BATCH.min(limit - seen.len());
        let messages = receive(client, dead_letters, asked)
            .await
            .map_err(|source| failed(&done, "dead-letter", "ReceiveMessage", source))?;
        let before = seen.len();
        let mut batch = Vec::new();
        for message in messages {
            let Message { message_id: Some(id), receipt_handle: Some(receipt), body, .. } = message
            else {
                continue;
            };
            // One that was left and is visible again: there are no others.
            if !seen.insert(id.clone()) {
                continue;
            }
            let body = body.unwrap_or_default();
            match check(&body) {
                Ok(signal) => batch.push(Taken { id, receipt, body, group: signal.group() }),
                Err(reason) => done.left.push(LeftBehind { message_id: id, reason }),
            }
        }
        if seen.len() == before {
            return Ok(done);
        }
        let batch = send(client, signals, batch, &mut done)
            .await
            .map_err(|source| failed(&done, "signals", "SendMessage", source))?;
        delete(client, dead_letters, batch, &mut done)
            .await
            .map_err(|source| failed(&done, "dead-letter", "DeleteMessage", source))?;
    }
    done.more = true;
    Ok(done)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn failed(
    done: &Redriven,
    queue: &'static str,
    operation: &'static str,
    source: Failure,
) -> RedriveError {
    RedriveError { moved: done.moved, queue, operation, source }
}

/// The signal in a body, or the reason why a runner would refuse it.
fn check(body: &str) -> Result<Signal, String> {
    if body.len() > MAX_SIGNAL_BYTES {
        return Err(format!("it is not a signal: it has {} bytes", body.len()));
    }
    match Signal::from_json(body) {
        Ok(signal) => Ok(signal),
        Err(error @ BadSignal::OtherRelease(_)) => Err(chain(&error)),
        Err(BadSignal::Malformed(error)) => Err(format!("it is not a signal: {error}")),
        Err(BadSignal::Id(error)) => {
            Err(format!("its task or tenant cannot be one: {}", chain(&error)))
        }
    }
}

async fn receive(client: &Client, queue: &str, most: usize) -> Result<Vec<Message>, Failure> {
    let received = client
        .receive_message()
        .queue_url(queue)
        .max_number_of_messages(seconds_or_count(most))
        .visibility_timeout(seconds_or_count(HIDDEN.as_secs()))
        .wait_time_seconds(seconds_or_count(WAIT.as_secs()))
        .send()
        .await
        .map_err(without_answer)?;
    Ok(received.messages.unwrap_or_default())
}

/// Sends the signals; returns those that were sent.
async fn send(
    client: &Client,
    queue: &str,
    batch: Vec<Taken>,
    done: &mut Redriven,
) -> Result<Vec<Taken>, Failure> {
    if batch.is_empty() {
        return Ok(batch);
    }
    let entries = batch.iter().enumerate().map(|(place, taken)| {
        let entry = SendMessageBatchRequestEntry::builder().id(place.to_string());
        entry.message_body(&taken.body).message_group_id(&taken.group).build()
    });
    let entries: Result<Vec<_>, BuildError> = entries.collect();
    let request = client.send_message_batch().queue_url(queue).set_entries(Some(entries?));
    let answer = request.send().await.map_err(without_answer)?;
    Ok(succeeded(batch, answer.failed(), "it was not sent", done))
}

/// Deletes the sent messages.
async fn delete(
    client: &Client,
    queue: &str,
    batch: Vec<Taken>,
    done: &mut Redriven,
) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    let entries = batch.iter().enumerate().map(|(place, taken)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
        entry.receipt_handle(&taken.receipt).build()
    });
    let entries: Result<Vec<_>, BuildError> = entries.collect();
    let request = client.delete_message_batch().queue_url(queue).set_entries(Some(entries?));
    let answer = request.send().await.map_err(without_answer)?;
    let deleted = succeeded(batch, answer.failed(), "it was sent, and not deleted", done);
    done.moved += deleted.len();
    Ok(())
}

/// Takes the failed messages out of a batch, by their places.
fn succeeded(
    batch: Vec<Taken>,
    failures: &[BatchResultErrorEntry],
    what: &str,
    done: &mut Redriven,
) -> Vec<Taken> {
    let mut rest = Vec::new();
    for (place, taken) in batch.into_iter().enumerate() {
        match failures.iter().find(|failure| failure.id() == place.to_string()) {
            None => rest.push(taken),
            Some(failure) => {
                let reason = format!("{what}: {}", failure.code());
                done.failed.push(LeftBehind { message_id: taken.id, reason });
            }
        }
    }
    rest
}

/// The error without the whole answer, which the SDK adds.
fn without_answer<E>(error: aws_sdk_sqs::error::SdkError<E>) -> Failure
where
    E: std::error::Error + Send + Sync + 'static,
{
    error.into_source().unwrap_or_else(Into::into)
}

/// SQS's numbers are small, and signed.
fn seconds_or_count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_body_is_a_signal() {
        assert!(check(r#"{"taskId":"t"}"#).is_ok());
        assert!(check(r#"{"v":1,"tenant":"acme","taskId":"t"}"#).is_ok());
        let long = format!(r#"{{"taskId":"t","x":"{}"}}"#, "x".repeat(MAX_SIGNAL_BYTES));
        for (body, reason) in [
            ("", "not a signal"),
            ("[]", "not a signal"),
            ("{}", "missing field `taskId`"),
            (r#"{"taskId":""}"#, "must not be empty"),
            (r#"{"tenant":"a#b","taskId":"t"}"#, "ASCII letters"),
            (r#"{"taskId":"t","new":1}"#, "the signal has an unknown field \"new\""),
            // A later release can send it again.
            (
                r#"{"v":99,"taskId":"t"}"#,
                "the signal has format 99, and this release reads format 1",
            ),
            (&long, "bytes"),
        ] {
            let refused = check(body).expect_err(body);
            assert!(refused.contains(reason), "{body}: {refused}");
        }
    }
}
