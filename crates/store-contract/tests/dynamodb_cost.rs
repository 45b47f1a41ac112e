//! What reading costs on DynamoDB: every request is counted, and the units that it takes.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::ids::{ConfigId, WriteId};
use a2a_lambda_core::log::ArtifactChange;
use a2a_lambda_core::machine::{Stamp, Submission, Update};
use a2a_lambda_core::push::{PushSecrets, Secret};
use a2a_lambda_core::store::{Committed, Created, Depth, Guard};
use a2a_lambda_core::{
    Command, ContextId, Generation, Head, LeaseToken, Owner, PushConfig, PushConfigs, Snapshot,
    StoreError, TaskId, TaskKey, TaskStore, Tenant, Terms,
};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_local::embedded::EmbeddedDynamoDb;
use a2a_lambda_protocol::{Artifact, Message, Part, Timestamp};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
    BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_types::body::SdkBody;

const TABLE: &str = "tasks";

/// Asks every read for what it costs, and notes it.
#[derive(Debug, Clone, Default)]
struct Meter(Arc<Mutex<Vec<(&'static str, f64)>>>);

impl Meter {
    /// The requests since the last look, and the units that they took.
    fn take(&self) -> (Vec<&'static str>, f64) {
        let requests = std::mem::take(&mut *self.0.lock().unwrap());
        let units = requests.iter().map(|(_, units)| units).sum();
        (requests.into_iter().map(|(name, _)| name).collect(), units)
    }
}

fn units(capacity: Option<&ConsumedCapacity>) -> f64 {
    capacity.and_then(ConsumedCapacity::capacity_units).expect("it was asked for")
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let total = Some(ReturnConsumedCapacity::Total);
        let input = context.input_mut();
        if let Some(get) = input.downcast_mut::<GetItemInput>() {
            get.return_consumed_capacity = total;
        } else if let Some(query) = input.downcast_mut::<QueryInput>() {
            query.return_consumed_capacity = total;
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let noted = match context.output_or_error() {
            Err(_) => ("error", 0.0),
            Ok(output) => match (output.downcast_ref(), output.downcast_ref()) {
                (Some::<&GetItemOutput>(get), _) => ("GetItem", units(get.consumed_capacity())),
                (_, Some::<&QueryOutput>(query)) => ("Query", units(query.consumed_capacity())),
                _ => ("write", 0.0),
            },
        };
        self.0.lock().unwrap().push(noted);
        Ok(())
    }
}

/// A task that an agent is at work on, in a database of its own.
struct Bench {
    client: Client,
    store: DynamoDbStore,
    meter: Meter,
    task: Snapshot,
    writes: u32,
}

fn key() -> TaskKey {
    TaskKey { tenant: Tenant::default(), task: TaskId::parse("task").unwrap() }
}

fn token() -> LeaseToken {
    LeaseToken::new("token")
}

fn stamp(write: u32) -> Stamp {
    let second = Duration::from_secs(1);
    let now = Timestamp::from_millis(1_760_000_000_000);
    Stamp { now, write: WriteId::new(format!("w-{write}")), signal_grace: second, lease: second }
}

fn chunk(bytes: usize) -> Update {
    let parts = vec![Part::text("x".repeat(bytes))];
    let artifact = Artifact { artifact_id: "a".to_owned(), parts, ..Artifact::default() };
    Update::Artifact(ArtifactChange { artifact, append: true, ..ArtifactChange::default() })
}

impl Bench {
    /// Generation 1 is the message, generation 2 the claim.
    async fn new() -> Self {
        let client = EmbeddedDynamoDb::memory().expect("a database").client();
        create_table(&client, TABLE).await.expect("a table");
        let meter = Meter::default();
        let metered = client.config().to_builder().interceptor(meter.clone()).build();
        let store = DynamoDbStore::new(Client::from_conf(metered), TABLE);
        let submission = Submission {
            key: key(),
            owner: Owner::parse("alice").unwrap(),
            context: ContextId::parse("context").unwrap(),
            message: Message { parts: vec![Part::text("hello")], ..Message::default() },
            terms: Terms::default(),
            sender_waits_until: None,
            request: None,
        };
        let new = Head::submit(submission, &stamp(0));
        assert_eq!(store.create(&new).await.unwrap(), Created::Now);
        let task = store.read(&key(), Depth::Tail).await.unwrap().unwrap();
        let mut bench = Self { client, store, meter, task, writes: 0 };
        bench.apply(Command::Claim { token: token(), max_attempts: 9 }).await;
        assert_eq!(bench.end(), Generation(2));
        bench
    }

    async fn apply(&mut self, command: Command) {
        self.writes += 1;
        let change = self.task.head.apply(command, &stamp(self.writes)).expect("it is legal");
        let guard = Guard { revision: self.task.head.revision, leased_until: None };
        match self.store.commit(&self.task, guard, &change).await.unwrap() {
            Committed::Done(now) => self.task = *now,
            Committed::Lost(_) => panic!("nobody else writes"),
        }
    }

    /// One entry of about this size.
    async fn emit(&mut self, bytes: usize) {
        self.apply(Command::Emit { token: token(), updates: vec![chunk(bytes)] }).await;
    }

    fn end(&self) -> Generation {
        self.task.head.generation
    }

    /// The entry so many before the last.
    fn back(&self, entries: u64) -> Generation {
        Generation(self.end().0 - entries)
    }

    /// What it costs to read what comes after an entry, which must be all of that.
    async fn cost(&self, known: Generation) -> (Vec<&'static str>, f64) {
        self.meter.take();
        let read = self.store.read(&key(), Depth::After(known)).await.unwrap().unwrap();
        let new = read.after(known).expect("what comes after").len() as u64;
        assert_eq!(new, self.end().0.saturating_sub(known.0));
        self.meter.take()
    }

    /// The same store, whose answers cannot be read.
    fn garbled(&self) -> DynamoDbStore {
        let config = self.client.config().to_builder().interceptor(Garbling).build();
        DynamoDbStore::new(Client::from_conf(config), TABLE)
    }

    /// Deletes the oldest of the segments, as nobody but an administrator can.
    async fn delete_oldest_segment(&self) {
        let request = self.client.query().table_name(TABLE).limit(1);
        let request = request
            .key_condition_expression("pk = :p AND begins_with(sk, :s)")
            .expression_attribute_values(":p", AttributeValue::S(key().to_string()))
            .expression_attribute_values(":s", AttributeValue::S("S#".to_owned()));
        let oldest = request.send().await.unwrap().items.unwrap().remove(0);
        let request = self.client.delete_item().table_name(TABLE);
        let request = request.key("pk", AttributeValue::S(key().to_string()));
        request.key("sk", oldest["sk"].clone()).send().await.unwrap();
    }
}

#[tokio::test]
async fn following_inline_entries_takes_one_item() {
    let mut bench = Bench::new().await;
    for number in 0..8 {
        bench.emit(200).await;
        assert_eq!(bench.cost(bench.end()).await, (vec!["GetItem"], 1.0), "nothing new");
        assert_eq!(bench.cost(bench.back(1)).await, (vec!["GetItem"], 1.0), "one, {number}");
    }
    assert_eq!(bench.cost(Generation(0)).await, (vec!["GetItem"], 1.0), "all of it");
    assert_eq!(bench.cost(Generation(1_000)).await, (vec!["GetItem"], 1.0), "yet to come");
}

#[tokio::test]
async fn a_missing_task_takes_one_item() {
    let bench = Bench::new().await;
    bench.meter.take();
    let missing = TaskKey { task: TaskId::parse("missing").unwrap(), ..key() };
    assert_eq!(bench.store.read(&missing, Depth::After(Generation(3))).await.unwrap(), None);
    assert_eq!(bench.meter.take().0, ["GetItem"]);
}

#[tokio::test]
async fn a_new_parcel_takes_one_more() {
    let mut bench = Bench::new().await;
    bench.emit(3_000).await;
    assert_eq!(bench.cost(bench.back(1)).await, (vec!["GetItem", "GetItem"], 2.0));
    // Behind it, there is nothing to fetch.
    assert_eq!(bench.cost(bench.end()).await, (vec!["GetItem"], 1.0));
    bench.emit(100).await;
    assert_eq!(bench.cost(bench.back(1)).await, (vec!["GetItem"], 1.0));
    assert_eq!(bench.cost(bench.back(2)).await, (vec!["GetItem", "GetItem"], 2.0));
    // The rest of the log is inline, on both sides of it.
    assert_eq!(bench.cost(Generation(0)).await, (vec!["GetItem", "GetItem"], 2.0));
}

#[tokio::test]
async fn several_parcels_take_one_query() {
    let mut bench = Bench::new().await;
    bench.emit(60_000).await;
    for _ in 0..3 {
        bench.emit(2_400).await;
    }
    // 3 of 2.6 KB: paid for together, and without the large one before them.
    assert_eq!(bench.cost(bench.back(3)).await, (vec!["GetItem", "Query"], 3.0));
    assert_eq!(bench.cost(bench.back(1)).await, (vec!["GetItem", "GetItem"], 2.0));
}

#[tokio::test]
async fn a_follower_whose_entries_moved_reads_one_segment() {
    let mut bench = Bench::new().await;
    let mut known = bench.end();
    let mut moved = 0;
    for _ in 0..200 {
        // It is always one commit late.
        let read = bench.end();
        bench.emit(400).await;
        let (requests, units) = bench.cost(known).await;
        match requests.as_slice() {
            ["GetItem"] => assert!(units <= 2.0, "{units} units"),
            ["GetItem", "Query"] => {
                moved += 1;
                assert!(units <= 3.0, "{units} units, with the head and one segment");
            }
            other => panic!("{other:?}"),
        }
        known = read;
    }
    assert!((10..40).contains(&moved), "{moved} of 200");
}

#[tokio::test]
async fn who_is_far_behind_reads_little_in_vain() {
    let mut bench = Bench::new().await;
    for _ in 0..300 {
        bench.emit(400).await;
    }
    bench.meter.take();
    bench.store.read(&key(), Depth::Full).await.unwrap();
    let (requests, full) = bench.meter.take();
    assert_eq!(requests, ["Query"]);
    // The head with the inline log is one unit or two, a segment one.
    for behind in [20_u32, 50, 100, 299] {
        let (requests, units) = bench.cost(bench.back(behind.into())).await;
        let share = full * f64::from(behind) / 300.0;
        assert!(units <= 2.0 * share + 5.0, "{behind} behind take {units} of {full} units");
        assert!(requests.len() <= 7, "{behind} behind take {requests:?}");
    }
    // All of it is best had at once.
    let (requests, units) = bench.cost(Generation(0)).await;
    assert_eq!(requests, ["GetItem", "Query"]);
    assert!(units <= full + 2.0, "{units} of {full} units");
}

/// Entries in segments that point to parcels, too.
#[tokio::test]
async fn what_has_moved_and_is_large_takes_two_queries_at_most() {
    let mut bench = Bench::new().await;
    for _ in 0..40 {
        bench.emit(3_000).await;
        bench.emit(1_500).await;
    }
    for behind in 1..=4 {
        let (requests, _) = bench.cost(bench.back(behind)).await;
        assert_eq!(requests[0], "GetItem");
        assert!(requests.len() <= 3, "{behind} behind take {requests:?}");
    }
}

#[tokio::test]
async fn a_log_with_a_hole_is_read_up_to_it() {
    let mut bench = Bench::new().await;
    for _ in 0..60 {
        bench.emit(400).await;
    }
    bench.delete_oldest_segment().await;
    assert_eq!(bench.cost(bench.back(20)).await.0.first(), Some(&"GetItem"));
    bench.meter.take();
    for known in [Generation(0), Generation(1)] {
        let failed = bench.store.read(&key(), Depth::After(known)).await;
        assert!(matches!(failed, Err(StoreError::Corrupt { .. })), "after {known}: {failed:?}");
        let (requests, _) = bench.meter.take();
        assert!(requests.len() <= 10, "it is given up at last: {requests:?}");
    }
}

fn config(id: &str) -> PushConfig {
    PushConfig {
        id: ConfigId::parse(id).unwrap(),
        url: "https://example.com".to_owned(),
        scheme: "Bearer".to_owned(),
        secrets: PushSecrets { token: Secret::new("hush"), credentials: Secret::new("hush!") },
        version: ProtocolVersion::V1_0,
        created_at: Timestamp::from_millis(1),
        cursor: Generation(1),
    }
}

#[tokio::test]
async fn configs_take_one_request_each() {
    let bench = Bench::new().await;
    let store: &dyn PushConfigs = &bench.store;
    for number in 10..40 {
        store.put(&key(), &config(&number.to_string())).await.unwrap();
    }
    bench.meter.take();
    store.put(&key(), &config("10")).await.unwrap();
    store.get(&key(), &config("10").id).await.unwrap();
    store.delete(&key(), &config("10").id).await.unwrap();
    assert_eq!(bench.meter.take(), (vec!["write", "GetItem", "write"], 1.0));
    for limit in [1, 10, 29, 30, 1_000] {
        store.list(&key(), None, limit).await.unwrap();
        assert_eq!(bench.meter.take().0, ["Query"], "in pages of {limit}");
        store.list(&key(), Some(&config("20").id), limit).await.unwrap();
        assert_eq!(bench.meter.take().0, ["Query"], "in pages of {limit}");
    }
    // They are no part of the task.
    assert_eq!(bench.cost(Generation(0)).await, (vec!["GetItem"], 1.0));
}

/// Garbles every answer.
#[derive(Debug)]
struct Garbling;

impl Intercept for Garbling {
    fn name(&self) -> &'static str {
        "Garbling"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = r#"{"Item":{"sec":{"S":"{\"t\":\"hush\"}"},"url":{"S":hush}}}"#;
        *context.response_mut().body_mut() = SdkBody::from(body);
        Ok(())
    }
}

fn shows_nothing(error: &StoreError) {
    let mut shown = vec![format!("{error:?}")];
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        shown.push(format!("{error} {error:?}"));
        next = error.source();
    }
    assert!(!shown.concat().contains("hush"), "a secret is shown: {shown:?}");
    // Bodies can be printed as their bytes.
    assert!(!shown.concat().contains("104, 117, 115, 104"), "a secret is shown: {shown:?}");
}

#[tokio::test]
async fn errors_do_not_show_secrets() {
    let bench = Bench::new().await;
    let configs: &dyn PushConfigs = &bench.store;
    configs.put(&key(), &config("config")).await.unwrap();
    let damages = [
        ("sec", AttributeValue::S(r#"{"t":"hush","c":["hush"]}"#.to_owned())),
        ("sec", AttributeValue::S("hush".to_owned())),
        ("pv", AttributeValue::S("2.0".to_owned())),
        ("cur", AttributeValue::N("-1".to_owned())),
    ];
    for (attribute, value) in damages {
        configs.put(&key(), &config("config")).await.unwrap();
        let request = bench.client.update_item().table_name(TABLE);
        let request = request
            .key("pk", AttributeValue::S(key().to_string()))
            .key("sk", AttributeValue::S("C#config".to_owned()))
            .update_expression("SET #a = :v")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":v", value);
        request.send().await.unwrap();
        let failed = configs.get(&key(), &config("config").id).await.unwrap_err();
        assert!(matches!(failed, StoreError::Corrupt { .. }), "{failed:?}");
        shows_nothing(&failed);
        shows_nothing(&configs.list(&key(), None, 10).await.unwrap_err());
    }
    let garbled = bench.garbled();
    let configs: &dyn PushConfigs = &garbled;
    let failed = configs.get(&key(), &config("config").id).await.unwrap_err();
    assert!(matches!(failed, StoreError::Unavailable(_)), "{failed:?}");
    shows_nothing(&failed);
}

/// What was answered with success was carried out, whether the answer can be read or not.
#[tokio::test]
async fn a_write_whose_answer_cannot_be_read_may_have_been_made() {
    let bench = Bench::new().await;
    let emit = Command::Emit { token: token(), updates: vec![chunk(10)] };
    let change = bench.task.head.apply(emit, &stamp(7)).unwrap();
    let guard = Guard { revision: bench.task.head.revision, leased_until: None };
    let failed = bench.garbled().commit(&bench.task, guard, &change).await.unwrap_err();
    assert!(failed.is_retryable() && !failed.certainly_not_applied(), "{failed:?}");
    let again = bench.store.commit(&bench.task, guard, &change).await.unwrap();
    assert!(matches!(again, Committed::Done(_)), "it knows its own write: {again:?}");
}
