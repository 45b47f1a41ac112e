//! Records of an invocation: the function's requests to their queue while it works.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};

use crate::sqs::{SqsQueue, whole_seconds};

/// The most records that SQS takes in a request.
const BATCH: usize = 10;

/// SQS hides a record for 12 hours at most.
const MAX_HIDDEN: Duration = Duration::from_hours(12);

/// The queue that a function's records come from. The records are named by their receipt handles.
///
/// The function's mapping deletes a record when the function has succeeded. Otherwise SQS
/// redelivers it after the visibility timeout of the queue. That is longer than an invocation may
/// take, so the records of a killed invocation come back late.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Has SQS redeliver undeleted records after this time, and not before.
    async fn redeliver(&self, receipts: &[String], after: Duration) -> Result<(), RecordsError>;

    /// Deletes records whose work another record does.
    async fn delete(&self, receipts: &[String]) -> Result<(), RecordsError>;
}

/// A request about records failed. They are redelivered as the queue has it for all records.
#[derive(Debug, thiserror::Error)]
#[error("the queue refused {operation} (the function's role must allow sqs:{operation})")]
pub struct RecordsError {
    /// The request's name.
    pub operation: &'static str,
    /// Why it was refused.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// The queue refused some records of a request.
#[derive(Debug, thiserror::Error)]
#[error("{count} records of {of} were refused, the first with {code}")]
struct SomeRefused {
    count: usize,
    of: usize,
    code: String,
}

#[async_trait]
impl Records for SqsQueue {
    async fn redeliver(&self, receipts: &[String], after: Duration) -> Result<(), RecordsError> {
        let seconds = whole_seconds(after.min(MAX_HIDDEN));
        for batch in receipts.chunks(BATCH) {
            self.hide(batch, seconds).await.map_err(failed("ChangeMessageVisibility"))?;
        }
        Ok(())
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), RecordsError> {
        for batch in receipts.chunks(BATCH) {
            self.delete_batch(batch).await.map_err(failed("DeleteMessage"))?;
        }
        Ok(())
    }
}

type Failure = Box<dyn Error + Send + Sync>;

fn failed(operation: &'static str) -> impl Fn(Failure) -> RecordsError {
    move |source| RecordsError { operation, source }
}

impl SqsQueue {
    async fn hide(&self, batch: &[String], seconds: i32) -> Result<(), Failure> {
        let entries = batch.iter().enumerate().map(|(place, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
            entry.receipt_handle(receipt).visibility_timeout(seconds).build()
        });
        let entries: Result<Vec<_>, BuildError> = entries.collect();
        let request = self.client.change_message_visibility_batch().queue_url(&self.url);
        let answer = request.set_entries(Some(entries?)).send().await?;
        refused(batch.len(), answer.failed())
    }

    async fn delete_batch(&self, batch: &[String]) -> Result<(), Failure> {
        let entries = batch.iter().enumerate().map(|(place, receipt)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
            entry.receipt_handle(receipt).build()
        });
        let entries: Result<Vec<_>, BuildError> = entries.collect();
        let request = self.client.delete_message_batch().queue_url(&self.url);
        let answer = request.set_entries(Some(entries?)).send().await?;
        refused(batch.len(), answer.failed())
    }
}

fn refused(of: usize, failed: &[BatchResultErrorEntry]) -> Result<(), Failure> {
    match failed.first() {
        Some(first) => {
            Err(SomeRefused { count: failed.len(), of, code: first.code().to_owned() }.into())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{http_client, sqs_client};
    use crate::test_server::{TestResult, environment, serve};

    const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n\
         content-length: 2\r\nconnection: close\r\n\r\n{}";
    const ONE_FAILED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n\
         content-length: 90\r\nconnection: close\r\n\r\n\
         {\"Successful\":[],\"Failed\":[{\"Id\":\"0\",\"Code\":\"ReceiptHandleIsInvalid\",\
         \"SenderFault\":true}]}";

    fn receipts(count: usize) -> Vec<String> {
        (0..count).map(|place| format!("receipt-{place}")).collect()
    }

    #[tokio::test]
    async fn records_are_hidden_and_deleted_ten_at_a_time() -> TestResult {
        let (address, served) = serve(&[EMPTY, EMPTY, EMPTY]).await?;
        let environment = environment(&format!("http://{address}"));
        let queue = SqsQueue::new(sqs_client(&environment, http_client()), "https://sqs/q");
        queue.redeliver(&receipts(11), Duration::from_millis(30_500)).await?;
        queue.delete(&receipts(1)).await?;
        queue.redeliver(&[], Duration::from_secs(31)).await?;
        let asked = served.await??;
        for (request, (operation, of)) in asked.iter().zip([
            ("ChangeMessageVisibilityBatch", 10),
            ("ChangeMessageVisibilityBatch", 1),
            ("DeleteMessageBatch", 1),
        ]) {
            assert!(request.contains(&format!("x-amz-target: AmazonSQS.{operation}\r\n")));
            assert_eq!(request.matches("receipt-").count(), of, "{request}");
            let hidden = request.matches("\"VisibilityTimeout\":31").count();
            assert_eq!(hidden, if operation.starts_with('C') { of } else { 0 }, "{request}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_record_that_is_refused_is_an_error_that_names_the_permission() -> TestResult {
        let (address, _served) = serve(&[ONE_FAILED]).await?;
        let environment = environment(&format!("http://{address}"));
        let queue = SqsQueue::new(sqs_client(&environment, http_client()), "https://sqs/q");
        let refused = queue.redeliver(&receipts(2), Duration::from_secs(31)).await;
        let text = a2a_lambda_core::engine::chain(&refused.expect_err("one was refused"));
        assert!(text.contains("sqs:ChangeMessageVisibility"), "{text}");
        assert!(text.contains("1 records of 2"), "{text}");
        Ok(())
    }
}
