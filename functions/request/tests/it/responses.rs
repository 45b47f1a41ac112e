//! The event that answers.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::machine::Change;
use a2a_lambda_core::store::{
    Committed, Created, Depth, DueTask, Guard, ListQuery, Page, Renewed, Snapshot,
};
use a2a_lambda_core::{LeaseToken, StoreError, TaskKey, TaskStore};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{Function, at, event, sending};

#[tokio::test(start_paused = true)]
async fn an_answer_is_an_event_of_format_2() {
    let answer = Function::new().answer(event!("http-api")).await;
    assert_eq!(answer.event["isBase64Encoded"], false);
    assert_eq!(answer.event["headers"]["content-type"], "application/a2a+json");
    assert!(answer.event["body"].is_string(), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_body_has_its_headers() {
    let function = Function::new();
    let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
    let tag = function.answer(card.clone()).await.event["headers"]["etag"].clone();
    let mut again = card;
    again["headers"]["if-none-match"] = tag.clone();
    let answer = function.answer(again).await;
    assert_eq!((answer.status, &answer.event["headers"]["etag"]), (304, &tag), "{answer:?}");
    assert_eq!(answer.event["body"], "");
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_answered_before_the_invocation_ends() {
    let mut event = sending(event!("http-api"), "hi");
    let body = event["body"].as_str().unwrap().replace("true", "false");
    event["body"] = json!(body);
    let begin = Instant::now();
    let answer = Function::new().answer_within(event.clone(), Duration::from_secs(10)).await;
    assert_eq!(answer.body["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{answer:?}");
    assert_eq!(begin.elapsed(), Duration::from_millis(9_500), "half a second for the way back");
    // With no time at all, the message is accepted all the same.
    let answer = Function::new().answer_within(event, Duration::ZERO).await;
    assert_eq!(answer.body["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_no_reason_not_to_answer() {
    let function = Function::over(Arc::new(Hanging));
    let begin = Instant::now();
    let get = at(event!("http-api"), "GET", "/tasks/t");
    let answer = function.answer_within(get, Duration::from_secs(10)).await;
    assert_eq!((answer.status, &answer.body["error"]["status"]), (503, &json!("UNAVAILABLE")));
    assert_eq!(begin.elapsed(), Duration::from_millis(9_850));

    let mut call = at(event!("http-api"), "POST", "/");
    call["body"] =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": { "id": "t" } })
            .to_string()
            .into();
    let answer = function.answer_within(call, Duration::from_secs(10)).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (200, &json!(-32603)));
    assert_eq!(answer.body["id"], 1, "the client must know which of its calls it was");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lambda_would_not_take_is_refused_by_name() {
    // Quotes take two bytes each in the event.
    let text = "\"".repeat(174_000);
    let function = Function::new();
    for _ in 0..10 {
        let answer = function.answer(sending(event!("http-api"), &text)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = function.answer(at(event!("http-api"), "GET", "/tasks")).await;
    assert_eq!(answer.body["error"]["status"], "FAILED_PRECONDITION", "{}", answer.status);
    let said = answer.body["error"]["message"].as_str().unwrap();
    assert!(said.contains("ask for less"), "{said}");
    let mut less = at(event!("http-api"), "GET", "/tasks");
    less["rawQueryString"] = json!("pageSize=2");
    assert_eq!(function.answer(less).await.body["tasks"].as_array().unwrap().len(), 2);
}

/// A store that never answers.
struct Hanging;

#[async_trait]
impl TaskStore for Hanging {
    async fn create(&self, _: &Change) -> Result<Created, StoreError> {
        std::future::pending().await
    }

    async fn read(&self, _: &TaskKey, _: Depth) -> Result<Option<Snapshot>, StoreError> {
        std::future::pending().await
    }

    async fn commit(&self, _: &Snapshot, _: Guard, _: &Change) -> Result<Committed, StoreError> {
        std::future::pending().await
    }

    async fn renew(
        &self,
        _: &TaskKey,
        _: &LeaseToken,
        _: Timestamp,
    ) -> Result<Renewed, StoreError> {
        std::future::pending().await
    }

    async fn list(&self, _: &ListQuery) -> Result<Page, StoreError> {
        std::future::pending().await
    }

    async fn due(
        &self,
        _: u8,
        _: Timestamp,
        _: Option<&DueTask>,
        _: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        std::future::pending().await
    }
}
