//! The limits of open streams and open tasks of an owner.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_agents::Echo;
use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_core::places::{MemoryPlaces, Place, PlaceKind, Places, PlacesOf, Taken};
use a2a_lambda_core::{Agents, Engine, MemoryStore, Owner, StoreError};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_request::{Config, Context, Counters, ResponseMode};
use a2a_lambda_testing::Receivers;
use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::advance;

use crate::limits::{items_of, listing, of, partition};
use crate::streamed::{Streamed, streaming_message};
use crate::support::{Answer, Function, answer, at, calling, event, open, sending, with_header};
use crate::work::said;

/// Longer than any stream of a test.
const LONG: Duration = Duration::from_mins(14);

fn limited(streams: u64, tasks: u64) -> Config {
    let limit = NonZeroU64::new;
    Config {
        open_streams: limit(streams),
        open_tasks: limit(tasks),
        response_mode: ResponseMode::Stream,
        ..open()
    }
}

/// A message of this subject's for a new task, which is streamed.
fn streaming(subject: &str) -> Value {
    let mut event = streaming_message(of(subject, event!("http-api")), "k");
    event["headers"].as_object_mut().unwrap().remove("idempotency-key");
    event
}

/// The same, which is not streamed.
fn message(subject: &str) -> Value {
    sending(of(subject, event!("http-api")), "hi")
}

/// The event as a call of JSON-RPC.
fn called(rest: &Value, method: &str, version: &str) -> Value {
    let mut params: Value = serde_json::from_str(rest["body"].as_str().unwrap_or("{}")).unwrap();
    if version == "0.3" {
        params = json!({ "message": {
            "kind": "message", "messageId": "m1", "role": "user",
            "parts": [{ "kind": "text", "text": "hi" }],
        } });
    }
    let mut event = calling(rest.clone(), method, &params);
    event["headers"]["a2a-version"] = json!(version);
    event
}

/// Opens a stream and reads its first event. Returns it with the id of its task.
async fn opened(function: &Function, event: Value) -> (Streamed, Value) {
    let mut stream = Streamed::events_of(function, event, LONG).await;
    let first = stream.event().await;
    (stream, first.response["task"]["id"].clone())
}

async fn tasks_of(function: &Function, subject: &str) -> usize {
    let mut event = listing(subject);
    event["rawQueryString"] = json!("pageSize=100");
    function.answer(event).await.body["tasks"].as_array().unwrap().len()
}

fn is_refused(answer: &Answer, text: &str) {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "10");
    assert_eq!(answer.header("content-type").as_str().unwrap().find("event-stream"), None);
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert_eq!(message, format!("{text}; try again in 10 s"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_beyond_the_limit_is_refused_before_it_begins_and_another_owner_streams() {
    let function = Function::with(limited(2, 0));
    let (first, task) = opened(&function, streaming("alice")).await;
    let _second = opened(&function, streaming("alice")).await;
    let subscribe =
        at(listing("alice"), "GET", &format!("/tasks/{}:subscribe", task.as_str().unwrap()));
    let called_subscribe = |method, version| {
        let mut event = calling(listing("alice"), method, &json!({ "id": task }));
        event["headers"]["a2a-version"] = json!(version);
        (event, true)
    };
    for (event, is_call) in [
        (streaming("alice"), false),
        (subscribe, false),
        (called(&streaming("alice"), "SendStreamingMessage", "1.0"), true),
        called_subscribe("SubscribeToTask", "1.0"),
        (called(&streaming("alice"), "message/stream", "0.3"), true),
        called_subscribe("tasks/resubscribe", "0.3"),
    ] {
        let refused = function.answer(event).await;
        is_refused(&refused, "the limit is 2 open streams");
        if is_call {
            assert_eq!(refused.body["id"], 7);
            assert_eq!(refused.body["error"]["code"], -32000);
        } else {
            assert_eq!(refused.body["error"]["status"], "RESOURCE_EXHAUSTED");
        }
    }
    // The refused message was not accepted; the owner's other requests and other owners are served.
    assert_eq!(tasks_of(&function, "alice").await, 2);
    assert_eq!(function.answer(message("alice")).await.status, 200);
    let _bobs = opened(&function, streaming("bob")).await;

    // A place is free when a stream ends,
    function.work_on(&task).await.finish().await;
    assert!(!first.rest().await.is_empty());
    let (third, _) = opened(&function, streaming("alice")).await;
    is_refused(&function.answer(streaming("alice")).await, "the limit is 2 open streams");
    // and when its client goes.
    drop(third);
    let _third = opened(&function, streaming("alice")).await;
    is_refused(&function.answer(streaming("alice")).await, "the limit is 2 open streams");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_begin_gives_its_place_back() {
    let function = Function::with(limited(1, 0));
    let bad = at(listing("alice"), "GET", "/tasks/none:subscribe");
    let mut empty = streaming("alice");
    empty["body"] = json!("{}");
    for _ in 0..3 {
        assert_eq!(function.answer(bad.clone()).await.status, 404);
        assert_eq!(function.answer(empty.clone()).await.status, 400);
    }
    let _stream = opened(&function, streaming("alice")).await;
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_process_that_died_is_free_after_its_lease() {
    let function = Function::with(limited(1, 0));
    let (stream, _) = opened(&function, streaming("alice")).await;
    // Nobody is left to give it up.
    std::mem::forget(stream);
    advance(Duration::from_millis(59_999)).await;
    is_refused(&function.answer(streaming("alice")).await, "the limit is 1 open streams");
    advance(Duration::from_millis(1)).await;
    let _stream = opened(&function, streaming("alice")).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_keeps_its_place() {
    let function = Function::with(limited(1, 0));
    let (mut stream, _) = opened(&function, streaming("alice")).await;
    for _ in 0..20 {
        // Comments come meanwhile.
        assert_eq!(stream.chunk().await.as_deref(), Some(": keep-alive\n"));
        is_refused(&function.answer(streaming("alice")).await, "the limit is 1 open streams");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_place_was_taken_while_it_stood_still_goes_on() {
    let function = Function::with(limited(1, 0));
    let (mut stream, task) = opened(&function, streaming("alice")).await;
    advance(Duration::from_mins(2)).await;
    let _other = opened(&function, streaming("alice")).await;
    let work = function.work_on(&task).await;
    assert_eq!(stream.event_soon().await.said(), "TASK_STATE_WORKING");
    work.finish().await;
    assert_eq!(said(&stream.rest().await), [(3, "TASK_STATE_COMPLETED")]);
    // The other's place was not given up with it.
    is_refused(&function.answer(streaming("alice")).await, "the limit is 1 open streams");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_collected_has_a_place_while_it_is() {
    let function = Function::with(Config { response_mode: ResponseMode::Buffer, ..limited(1, 0) });
    let (one, other) =
        tokio::join!(function.answer(streaming("alice")), function.answer(streaming("alice")));
    assert_eq!(one.status, 200);
    is_refused(&other, "the limit is 1 open streams");
    assert_eq!(function.answer(streaming("alice")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_message_for_a_new_task_beyond_the_limit_is_refused_and_another_owner_is_served() {
    let function = Function::with(limited(0, 2));
    let first = with_header(message("alice"), "idempotency-key", "first");
    let made = function.answer(first.clone()).await;
    let task = made.body["task"]["id"].clone();
    assert_eq!(function.answer(message("alice")).await.status, 200);
    for (event, is_call) in [
        (message("alice"), false),
        (with_header(message("alice"), "idempotency-key", "third"), false),
        (streaming("alice"), false),
        (called(&message("alice"), "SendMessage", "1.0"), true),
        (called(&message("alice"), "SendStreamingMessage", "1.0"), true),
        (called(&message("alice"), "message/send", "0.3"), true),
    ] {
        let refused = function.answer(event).await;
        is_refused(&refused, "the limit is 2 open tasks");
        assert_eq!(refused.body["id"], if is_call { json!(7) } else { Value::Null });
    }
    assert_eq!(tasks_of(&function, "alice").await, 2);
    assert_eq!(function.answer(message("bob")).await.status, 200);

    // An accepted message gets the same answer again, and its key has no other use.
    let again = function.answer(first.clone()).await;
    assert_eq!((again.status, &again.body["task"]["id"]), (200, &task));
    let mut misuse = first.clone();
    misuse["body"] = json!(misuse["body"].as_str().unwrap().replace("hi", "ho"));
    let misused = function.answer(misuse).await;
    assert_eq!(misused.status, 400, "{misused:?}");
    // A task that is open takes messages.
    let mut more = message("alice");
    let body = more["body"].as_str().unwrap();
    let body = body.replace("\"messageId\"", &format!("\"taskId\":{task},\"messageId\""));
    more["body"] = json!(body);
    assert_eq!(function.answer(more).await.body["task"]["id"], task);

    // A task that is over makes room for one. For two seconds no request counts again.
    function.work_on(&task).await.finish().await;
    is_refused(&function.answer(message("alice")).await, "the limit is 2 open tasks");
    advance(Duration::from_secs(2)).await;
    assert_eq!(function.answer(message("alice")).await.status, 200);
    is_refused(&function.answer(message("alice")).await, "the limit is 2 open tasks");
    assert_eq!(tasks_of(&function, "alice").await, 3);
    // Also when its task is over, and its place another's.
    let again = function.answer(first).await;
    assert_eq!((again.status, &again.body["task"]["id"]), (200, &task));
    assert_eq!(again.body["task"]["status"]["state"], "TASK_STATE_COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn an_owner_with_few_places_makes_any_number_of_tasks_one_after_the_other() {
    let function = Function::with(limited(0, 1));
    for _ in 0..50 {
        let made = function.answer(message("alice")).await;
        assert_eq!(made.status, 200, "{made:?}");
        function.work_on(&made.body["task"]["id"]).await.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_was_lowered_holds_once_tasks_are_over() {
    let places = Arc::new(MemoryPlaces::default());
    let store = Arc::new(MemoryStore::new());
    let function = |tasks| {
        let counters = Counters { tasks: places.clone(), ..Counters::default() };
        Function::counting_in(counters, store.clone(), Echo, limited(0, tasks))
    };
    let wide = function(100);
    let mut made = Vec::new();
    for _ in 0..40 {
        made.push(wide.answer(message("alice")).await.body["task"]["id"].clone());
    }
    let narrow = function(2);
    is_refused(&narrow.answer(message("alice")).await, "the limit is 2 open tasks");
    for task in &made {
        narrow.work_on(task).await.finish().await;
    }
    advance(Duration::from_secs(2)).await;
    assert_eq!(narrow.answer(message("alice")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_not_made_keeps_no_place() {
    let engine = Function::new().engine;
    let deadline = engine.clock.now().saturating_add(LONG);
    let receivers = Receivers::new(engine.clock.clone());
    receivers.refuse("is not allowed here");
    let engine = Engine { webhook: Arc::new(receivers), ..engine };
    let context = Context::new(engine, Agents::new(Arc::new(Echo)), limited(0, 1));
    let mut bad = message("alice");
    let config = json!({ "url": "https://receiver.example" });
    let mut body: Value = serde_json::from_str(bad["body"].as_str().unwrap()).unwrap();
    body["configuration"]["taskPushNotificationConfig"] = config;
    bad["body"] = json!(body.to_string());
    let refused = answer(bad, deadline, &context).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let text = refused.body["error"]["message"].as_str().unwrap();
    assert!(text.contains("is not allowed here"), "{text}");
    assert_eq!(answer(message("alice"), deadline, &context).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_request_that_died_is_free_after_a_minute() {
    let places = Arc::new(MemoryPlaces::default());
    let counters = Counters { tasks: places.clone(), ..Counters::default() };
    let store = Arc::new(MemoryStore::new());
    let function = Function::counting_in(counters, store, Echo, limited(0, 1));
    let owner = alice();
    // It took its place, and made no task.
    let of = PlacesOf { kind: PlaceKind::Task, owner };
    let until = function.engine.clock.now().saturating_add(Duration::from_mins(1));
    let place = Place { name: "#unmade".to_owned(), until };
    places.take(&of, &place, NonZeroU64::MIN).await.unwrap();
    is_refused(&function.answer(message("alice")).await, "the limit is 1 open tasks");
    advance(Duration::from_secs(59)).await;
    is_refused(&function.answer(message("alice")).await, "the limit is 1 open tasks");
    advance(Duration::from_secs(2)).await;
    assert_eq!(function.answer(message("alice")).await.status, 200);
}

/// Places that cannot be reached, or must not be.
#[derive(Debug)]
struct Unreachable {
    may_be_tried: bool,
}

impl Unreachable {
    fn counters(may_be_tried: bool) -> Counters {
        let places = Arc::new(Self { may_be_tried });
        Counters { streams: places.clone(), tasks: places, ..Counters::default() }
    }

    fn failure<T>(&self) -> Result<T, StoreError> {
        assert!(self.may_be_tried, "places are counted");
        Err(StoreError::Unavailable("down".into()))
    }
}

#[async_trait]
impl Places for Unreachable {
    async fn take(&self, _: &PlacesOf, _: &Place, _: NonZeroU64) -> Result<Taken, StoreError> {
        self.failure()
    }

    async fn free(&self, _: &PlacesOf, _: &[Place]) -> Result<(), StoreError> {
        self.failure()
    }

    async fn renew(&self, _: &PlacesOf, _: &Place) -> Result<bool, StoreError> {
        self.failure()
    }

    async fn leave(&self, _: &PlacesOf, _: &str) -> Result<(), StoreError> {
        self.failure()
    }

    fn leave_soon(self: Arc<Self>, _: PlacesOf, _: String) {}

    async fn looked(&self, _: &PlacesOf, _: Timestamp) -> Result<(), StoreError> {
        self.failure()
    }
}

#[tokio::test(start_paused = true)]
async fn where_places_cannot_be_reached_owners_are_served_and_without_limits_nothing_is_counted() {
    for (config, may_be_tried) in [(limited(1, 1), true), (limited(0, 0), false)] {
        let counters = Unreachable::counters(may_be_tried);
        let function = Function::counting_in(counters, Arc::new(MemoryStore::new()), Echo, config);
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(opened(&function, streaming("alice")).await);
            assert_eq!(function.answer(message("alice")).await.status, 200);
        }
    }
}

/// Processes over one table, which counts.
async fn processes<const N: usize>(config: &Config) -> ([Function; N], aws_sdk_dynamodb::Client) {
    let client = EmbeddedDynamoDb::memory().unwrap().client();
    create_table(&client, "tasks").await.unwrap();
    let process = |()| {
        let table = Arc::new(DynamoDbStore::new(client.clone(), "tasks"));
        let counters =
            Counters { streams: table.clone(), tasks: table.clone(), ..Counters::default() };
        Function::counting_in(counters, table, Echo, config.clone())
    };
    ([(); N].map(process), client)
}

#[tokio::test]
async fn a_place_is_freed_once_and_only_as_it_was() {
    let client = EmbeddedDynamoDb::memory().unwrap().client();
    create_table(&client, "tasks").await.unwrap();
    let table: Arc<dyn Places> = Arc::new(DynamoDbStore::new(client, "tasks"));
    for places in [table, Arc::new(MemoryPlaces::default())] {
        let of = PlacesOf { kind: PlaceKind::Stream, owner: alice() };
        let [one, two, three] = ["one", "two", "three"]
            .map(|name| Place { name: name.to_owned(), until: Timestamp::from_millis(1) });
        let most = NonZeroU64::new(2).unwrap();
        let take = async |place: &Place| places.take(&of, place, most).await.unwrap();
        let names = |taken: Taken| {
            let Taken::Full { places, .. } = taken else { panic!("{taken:?}") };
            let mut names: Vec<_> = places.into_iter().map(|place| place.name).collect();
            names.sort_unstable();
            names
        };
        // The same one twice, such as after an answer that was lost, is one.
        for place in [&one, &one, &two, &two] {
            assert_eq!(take(place).await, Taken::Yes);
        }
        assert_eq!(names(take(&three).await), ["one", "two"]);
        // A missing or renewed place is not freed, and neither are its neighbours.
        places.leave(&of, "three").await.unwrap();
        let later = Place { until: Timestamp::from_millis(2), ..one.clone() };
        assert_eq!(take(&later).await, Taken::Yes, "it is taken for longer");
        places.free(&of, std::slice::from_ref(&one)).await.unwrap();
        assert_eq!(names(take(&three).await), ["one", "two"]);
        assert!(places.renew(&of, &later).await.unwrap());
        assert!(!places.renew(&of, &three).await.unwrap());
        places.free(&of, &[one.clone(), two.clone()]).await.unwrap();
        assert_eq!(names(take(&three).await), ["one", "two"]);

        places.free(&of, &[later]).await.unwrap();
        places.leave(&of, "one").await.unwrap();
        assert_eq!(take(&three).await, Taken::Yes);
        assert_eq!(names(take(&one).await), ["three", "two"]);
        // Another owner has its own, and so has another kind.
        for of in [
            PlacesOf { owner: Owner::parse("bob").unwrap(), ..of.clone() },
            PlacesOf { kind: PlaceKind::Task, ..of.clone() },
        ] {
            assert_eq!(places.take(&of, &one, most).await.unwrap(), Taken::Yes);
        }
        let until = Timestamp::from_millis(9);
        places.looked(&of, until).await.unwrap();
        let Taken::Full { looked_until, .. } = take(&one).await else { panic!("there is none") };
        assert_eq!(looked_until, Some(until));
    }
}

fn alice() -> Owner {
    Owner::of_principal("jwt", &["alice"])
}

#[tokio::test(start_paused = true)]
async fn of_three_times_as_many_streams_begun_at_once_in_many_processes_the_limit_begins() {
    let (functions, client) = processes::<12>(&limited(4, 0)).await;
    let begun = functions.iter().map(|function| function.begin_within(streaming("alice"), LONG));
    let (streams, refused): (Vec<_>, Vec<_>) = join_all(begun)
        .await
        .into_iter()
        .map(Streamed::parts)
        .partition(|it| it.parts.status == 200);
    assert_eq!((streams.len(), refused.len()), (4, 8));
    assert!(
        refused.iter().all(|it| it.parts.status == 429 && it.parts.headers["retry-after"] == "10")
    );
    assert_eq!(tasks_of(&functions[0], "alice").await, 4);

    // One item, which DynamoDB deletes a day after the last stream, and which is in no index.
    let streams_of = partition("streams", &alice());
    let items = items_of(&client, &streams_of).await;
    let number = |name: &str| items[0][name].as_n().unwrap().parse::<i64>().unwrap();
    assert_eq!((items.len(), items[0].len(), number("n")), (1, 4 + 4, 4));
    let now = functions[0].engine.clock.now().as_millis() / 1_000;
    assert!(number("ttl") >= now + 24 * 3_600, "{items:?}");
    for (name, value) in items[0].iter().filter(|(name, _)| name.starts_with('@')) {
        assert_eq!(name.len(), 17, "{name}");
        assert_eq!(value.as_n().unwrap().len(), 13);
    }

    // Of those that died, all places come free. One is left to a process that lives on.
    for stream in streams {
        std::mem::forget(stream);
    }
    advance(Duration::from_secs(61)).await;
    let begun = functions.iter().map(|function| function.begin_within(streaming("alice"), LONG));
    let begun = join_all(begun).await.into_iter().map(Streamed::parts);
    let mut streams: Vec<_> = begun.filter(|it| it.parts.status == 200).collect();
    assert_eq!(streams.len(), 4);
    // A client that goes frees its place in the background, once.
    for left in (0..4).rev() {
        drop(streams.pop());
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let items = items_of(&client, &streams_of).await;
        assert_eq!(items[0]["n"].as_n().unwrap(), &left.to_string());
        assert_eq!(items[0].len(), 4 + left);
    }
}

#[tokio::test(start_paused = true)]
async fn of_three_times_as_many_tasks_begun_at_once_in_many_processes_the_limit_is_made() {
    let (functions, client) = processes::<12>(&limited(0, 4)).await;
    for round in 0..3 {
        let sent = functions.iter().map(|function| function.answer(message("alice")));
        let sent = join_all(sent).await;
        let made: Vec<_> = sent.iter().filter(|it| it.status == 200).collect();
        assert_eq!(made.len(), 4, "round {round}");
        assert_eq!(sent.iter().filter(|it| it.status == 429).count(), 8);
        for answer in made {
            functions[0].work_on(&answer.body["task"]["id"]).await.finish().await;
        }
        advance(Duration::from_secs(3)).await;
    }
    assert_eq!(tasks_of(&functions[0], "alice").await, 12);
    let items = items_of(&client, &partition("tasks", &alice())).await;
    assert_eq!((items.len(), items[0]["n"].as_n().unwrap().as_str()), (1, "4"));
    // pk, sk, n, ttl, the mark, and the places.
    assert_eq!(items[0].len(), 5 + 4, "{items:?}");
}
