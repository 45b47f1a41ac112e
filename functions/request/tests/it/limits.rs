//! The limit of requests per owner and minute.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_agents::Echo;
use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_core::{MemoryStore, Owner, StoreError};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_request::{Config, Counters, Counts};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::{Function, at, by, calling, event, jwt, open};

fn limited(requests: u64) -> Config {
    Config { requests_per_minute: NonZeroU64::new(requests), ..open() }
}

fn counting_in(requests: impl Counts + 'static, config: Config) -> Function {
    let counters = Counters { requests: Arc::new(requests), ..Counters::default() };
    Function::counting_in(counters, Arc::new(MemoryStore::new()), Echo, config)
}

/// The event, of this subject.
pub(crate) fn of(subject: &str, event: Value) -> Value {
    by(event, &jwt(json!({ "sub": subject })))
}

/// A request of this subject, for a list of tasks.
pub(crate) fn listing(subject: &str) -> Value {
    let mut event = at(event!("http-api"), "GET", "/tasks");
    event["rawQueryString"] = json!("pageSize=1");
    of(subject, event)
}

#[tokio::test(start_paused = true)]
async fn one_owner_is_at_its_limit_and_another_is_served() {
    let function = Function::with(limited(3));
    for _ in 0..3 {
        assert_eq!(function.answer(listing("alice")).await.status, 200);
    }
    for _ in 0..2 {
        let refused = function.answer(listing("alice")).await;
        assert_eq!(refused.status, 429, "{refused:?}");
        // The test's clock is 20 s into a minute.
        assert_eq!(refused.header("retry-after"), "40");
        assert_eq!(refused.body["error"]["status"], "RESOURCE_EXHAUSTED");
        let text = "more than 3 requests in this minute; try again in 40 s";
        assert_eq!(refused.body["error"]["message"], text);
    }
    assert_eq!(function.answer(listing("bob")).await.status, 200);
    tokio::time::advance(Duration::from_millis(39_999)).await;
    assert_eq!(function.answer(listing("alice")).await.header("retry-after"), "1");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(function.answer(listing("alice")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_the_form_of_its_binding() {
    for (method, version) in
        [("ListTasks", "1.0"), ("SendStreamingMessage", "1.0"), ("message/stream", "0.3")]
    {
        let function = Function::with(limited(1));
        assert_eq!(function.answer(listing("alice")).await.status, 200);
        let mut call = calling(listing("alice"), method, &json!({}));
        call["headers"]["a2a-version"] = json!(version);
        let refused = function.answer(call).await;
        assert_eq!((refused.status, &refused.body["id"]), (429, &json!(7)), "{refused:?}");
        assert_eq!(refused.header("retry-after"), "40", "{method}");
        assert_eq!(refused.body["error"]["code"], -32000, "{method}");
        let text = refused.body["error"]["message"].as_str().unwrap();
        assert!(text.starts_with("more than 1 requests in this minute"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_known_callers_are_counted() {
    let function =
        Function::with(Config { identity: a2a_lambda_request::Identity::default(), ..limited(1) });
    let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
    for _ in 0..3 {
        assert_eq!(function.answer(card.clone()).await.status, 200);
        assert_eq!(function.answer(at(event!("http-api"), "GET", "/tasks")).await.status, 401);
    }
    assert_eq!(function.answer(listing("alice")).await.status, 200);
    // If all callers are one owner, all share its limit.
    let open = Function::with(limited(1));
    let anybody = at(event!("http-api"), "GET", "/tasks");
    assert_eq!(open.answer(anybody.clone()).await.status, 200);
    assert_eq!(open.answer(anybody).await.status, 429);
    // The card is for everybody, and not counted. A task's name does not avoid the limit.
    for (path, status) in [
        ("/.well-known/agent-card.json", 200),
        ("/acme/.well-known/agent-card.json", 200),
        ("/tasks/.well-known", 429),
    ] {
        let answer = open.answer(at(event!("http-api"), "GET", path)).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_is_counted() {
    #[derive(Debug)]
    struct Never;
    #[async_trait]
    impl Counts for Never {
        async fn count(&self, _: &Owner, _: i64, _: NonZeroU64) -> Result<bool, StoreError> {
            panic!("a request is counted")
        }
    }
    let function = counting_in(Never, open());
    assert_eq!(function.answer(listing("alice")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_served_where_the_counts_cannot_be_reached() {
    #[derive(Debug)]
    struct Down;
    #[async_trait]
    impl Counts for Down {
        async fn count(&self, _: &Owner, _: i64, _: NonZeroU64) -> Result<bool, StoreError> {
            Err(StoreError::Unavailable("down".into()))
        }
    }
    let function = counting_in(Down, limited(1));
    for _ in 0..3 {
        assert_eq!(function.answer(listing("alice")).await.status, 200);
    }
}

#[tokio::test]
async fn the_table_counts_for_all_processes() {
    let client = EmbeddedDynamoDb::memory().unwrap().client();
    create_table(&client, "tasks").await.unwrap();
    let counts = [(); 2].map(|()| DynamoDbStore::new(client.clone(), "tasks"));
    let most = NonZeroU64::new(5).unwrap();
    let alice = Owner::of_principal("jwt", &["https://issuer", "alice"]);
    let mut counted = 0;
    for _ in 0..5 {
        for process in &counts {
            counted += u32::from(process.count(&alice, 28_333_333, most).await.unwrap());
        }
    }
    assert_eq!(counted, 5);
    let bob = Owner::of_principal("jwt", &["https://issuer", "bob"]);
    assert!(counts[0].count(&bob, 28_333_333, most).await.unwrap());
    assert!(counts[0].count(&alice, 28_333_334, most).await.unwrap());

    // An item per owner and minute, which DynamoDB deletes an hour later, and which is in no index.
    for (owner, minutes) in [(&alice, 2), (&bob, 1)] {
        let items = items_of(&client, &partition("requests", owner)).await;
        assert_eq!(items.len(), minutes);
        for item in items {
            let number = |name: &str| item[name].as_n().unwrap().parse::<i64>().unwrap();
            assert!(number("n") <= 5 && number("ttl") >= 28_333_333 * 60 + 3_600, "{item:?}");
            assert_eq!(item.len(), 4, "{item:?}");
            // No task has such a partition.
            assert!(!item["pk"].as_s().unwrap().contains('#'), "{item:?}");
        }
    }
}

/// The partition of an owner's counters.
pub(crate) fn partition(what: &str, owner: &Owner) -> String {
    format!("{what}@{}", owner.to_string().replace('#', "%/"))
}

pub(crate) async fn items_of(
    client: &Client,
    partition: &str,
) -> Vec<HashMap<String, AttributeValue>> {
    let query = client
        .query()
        .table_name("tasks")
        .key_condition_expression("pk=:pk")
        .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
    query.send().await.unwrap().items.unwrap_or_default()
}
