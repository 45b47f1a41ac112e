//! The cost of reads and writes on DynamoDB: every request is counted, and its units.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod life;
mod lists;
mod memory;
mod meter;
mod places;
mod pushes;
mod retention;
mod stage;
mod steps;

use std::collections::HashMap;
use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::log::ArtifactChange;
use a2a_lambda_core::machine::{FirstPush, Stamp, Submission, Update};
use a2a_lambda_core::push::{DeliveryRecord, Sealed};
use a2a_lambda_core::store::{Committed, Created, Depth, Guard};
use a2a_lambda_core::{
    Change, ClaimToken, Command, Head, LeaseToken, Position, PushConfig, PushConfigs, Retention,
    Snapshot, StoreError, TaskId, TaskKey, TaskStore, Tenant,
};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_protocol::{Artifact, Message, Part, Timestamp};
use a2a_lambda_testing::{carry_out, push_config};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::body::SdkBody;

use meter::Meter;

const TABLE: &str = "tasks";

/// A task whose agent is at work, in its own database.
struct Bench {
    client: Client,
    store: DynamoDbStore,
    meter: Meter,
    task: Snapshot,
    writes: u32,
    retention: Option<Retention>,
}

/// A database with an empty table: a plain client, and a metered one.
async fn database() -> (Client, Client, Meter) {
    let database = EmbeddedDynamoDb::memory().expect("a database");
    let client = database.client();
    create_table(&client, TABLE).await.expect("a table");
    let (metered, meter) = database.metered();
    (client, metered.client(), Meter(meter))
}

fn key() -> TaskKey {
    TaskKey { tenant: Tenant::default(), task: TaskId::parse("task").unwrap() }
}

fn token() -> LeaseToken {
    LeaseToken::new("token")
}

fn stamp(write: u32) -> Stamp {
    // Time passes: a status of another time has another place in the list index.
    let now = Timestamp::from_millis(1_760_000_000_000 + i64::from(write));
    let second = Duration::from_secs(1);
    let usual = a2a_lambda_testing::stamp(now, format!("w-{write}"));
    Stamp { signal_grace: second, lease: second, push_claim: second, ..usual }
}

fn chunk(bytes: usize) -> Update {
    let artifact = Artifact::new("a", [Part::text("x".repeat(bytes))]);
    Update::Artifact(ArtifactChange { artifact, append: true, ..ArtifactChange::default() })
}

fn new_task(pushes: Option<FirstPush>, retention: Option<Retention>) -> Change {
    let message = Message { parts: vec![Part::text("hello")], ..Message::default() };
    let submission = Submission { message, pushes, ..a2a_lambda_testing::submission("task") };
    Head::submit(submission, &Stamp { retention, ..stamp(0) })
}

/// The head's item, with its inline log and all other attributes.
async fn head_item(client: &Client) -> HashMap<String, AttributeValue> {
    let request = client.get_item().table_name(TABLE);
    let request = request.key("pk", AttributeValue::S(key().to_string()));
    request.key("sk", AttributeValue::S("H".to_owned())).send().await.unwrap().item.unwrap()
}

impl Bench {
    /// Position 1 is the message, position 2 the claim.
    async fn new() -> Self {
        let mut bench = Self::submitted(None).await;
        bench.apply(Command::Claim { token: token(), max_attempts: 9 }).await;
        assert_eq!(bench.end(), Position(2));
        bench
    }

    /// A submitted task that no runner has claimed.
    async fn submitted(pushes: Option<FirstPush>) -> Self {
        Self::submitted_where(pushes, None).await
    }

    /// The same, with tasks that are kept for this long.
    async fn submitted_where(pushes: Option<FirstPush>, retention: Option<Retention>) -> Self {
        let (client, metered, meter) = database().await;
        let store = DynamoDbStore::new(metered, TABLE);
        let created = store.create(&new_task(pushes, retention)).await.unwrap();
        assert!(matches!(created, Created::Now(_)), "{created:?}");
        let task = store.read(&key(), Depth::Tail).await.unwrap().unwrap();
        Self { client, store, meter, task, writes: 0, retention }
    }

    async fn apply(&mut self, command: Command) {
        self.apply_as(None, command).await;
    }

    /// As [`apply`](Self::apply), by the deliverer of the commit's entries.
    async fn apply_as(&mut self, pusher: Option<ClaimToken>, command: Command) {
        self.writes += 1;
        let stamp = Stamp { pusher, retention: self.retention, ..stamp(self.writes) };
        self.task = carry_out(&self.store, &self.task, command, &stamp).await;
    }

    /// One entry of about this size.
    async fn emit(&mut self, bytes: usize) {
        self.apply(Command::Emit { token: token(), updates: vec![chunk(bytes)] }).await;
    }

    fn end(&self) -> Position {
        self.task.head.position
    }

    /// The position this many entries before the last.
    fn back(&self, entries: u64) -> Position {
        Position(self.end().0 - entries)
    }

    /// The cost of reading the entries after a position. The read must return all of them.
    async fn cost(&self, known: Position) -> (Vec<&'static str>, f64) {
        self.meter.take();
        let read = self.store.read(&key(), Depth::After(known)).await.unwrap().unwrap();
        let new = read.after(known).expect("what comes after").len() as u64;
        assert_eq!(new, self.end().0.saturating_sub(known.0));
        self.meter.take()
    }

    /// The same store with unreadable answers.
    fn garbled(&self) -> DynamoDbStore {
        let config = self.client.config().to_builder().interceptor(Garbling).build();
        DynamoDbStore::new(Client::from_conf(config), TABLE)
    }

    /// Deletes the oldest segment, as only an administrator can.
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
    assert_eq!(bench.cost(Position(0)).await, (vec!["GetItem"], 1.0), "all of it");
    assert_eq!(bench.cost(Position(1_000)).await, (vec!["GetItem"], 1.0), "yet to come");
    bench.meter.take();
    for depth in [Depth::Tail, Depth::After(bench.end())] {
        bench.store.glance(&key(), depth).await.unwrap().unwrap();
        assert_eq!(bench.meter.take(), (vec!["GetItem"], 0.5), "a glance is half of it");
    }
}

/// The runner of a new task's own request does not read it first.
#[tokio::test]
async fn a_commit_on_a_created_task_counts_its_first_message() {
    let claim = || Command::Claim { token: token(), max_attempts: 9 };
    let mut read = Bench::submitted(None).await;
    read.apply(claim()).await;
    let expected = head_item(&read.client).await;
    // The answer to the first try may be lost.
    for tries in [1, 2] {
        let (client, metered, _) = database().await;
        let store = DynamoDbStore::new(metered, TABLE);
        let mut created = store.create(&new_task(None, None)).await.unwrap();
        for _ in 1..tries {
            created = store.create(&new_task(None, None)).await.unwrap();
        }
        let Created::Now(created) = created else { panic!("{created:?}") };
        carry_out(&store, &created, claim(), &stamp(1)).await;
        assert_eq!(head_item(&client).await, expected, "{tries} tries");
    }
}

#[tokio::test]
async fn a_missing_task_takes_one_item() {
    let bench = Bench::new().await;
    bench.meter.take();
    let missing = TaskKey { task: TaskId::parse("missing").unwrap(), ..key() };
    assert_eq!(bench.store.read(&missing, Depth::After(Position(3))).await.unwrap(), None);
    assert_eq!(bench.meter.take().0, ["GetItem"]);
}

#[tokio::test]
async fn a_new_parcel_takes_one_more() {
    let mut bench = Bench::new().await;
    bench.emit(3_000).await;
    assert_eq!(bench.cost(bench.back(1)).await, (vec!["GetItem", "GetItem"], 2.0));
    // There is nothing to read after it.
    assert_eq!(bench.cost(bench.end()).await, (vec!["GetItem"], 1.0));
    bench.emit(100).await;
    assert_eq!(bench.cost(bench.back(1)).await, (vec!["GetItem"], 1.0));
    assert_eq!(bench.cost(bench.back(2)).await, (vec!["GetItem", "GetItem"], 2.0));
    // The rest of the log is inline, before and after it.
    assert_eq!(bench.cost(Position(0)).await, (vec!["GetItem", "GetItem"], 2.0));
}

#[tokio::test]
async fn several_parcels_take_one_query() {
    let mut bench = Bench::new().await;
    bench.emit(60_000).await;
    for _ in 0..3 {
        bench.emit(2_400).await;
    }
    // Three entries of 2.6 KB: their sizes are added up, without the large entry before them.
    assert_eq!(bench.cost(bench.back(3)).await, (vec!["GetItem", "Query"], 3.0));
    assert_eq!(bench.cost(bench.back(1)).await, (vec!["GetItem", "GetItem"], 2.0));
}

#[tokio::test]
async fn a_follower_whose_entries_moved_reads_one_segment() {
    let mut bench = Bench::new().await;
    let mut known = bench.end();
    let mut moved = 0;
    for _ in 0..200 {
        // The follower is always one commit late.
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
    assert!(moved > 100, "{moved} of 200");
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
    // The head with the inline log costs one unit or two, and a segment one.
    for behind in [20_u32, 50, 100, 299] {
        let (requests, units) = bench.cost(bench.back(behind.into())).await;
        let share = full * f64::from(behind) / 300.0;
        assert!(units <= 2.0 * share + 5.0, "{behind} behind take {units} of {full} units");
        assert!(requests.len() <= 9, "{behind} behind take {requests:?}");
    }
    // One query for everything is cheapest.
    let (requests, units) = bench.cost(Position(0)).await;
    assert_eq!(requests, ["GetItem", "Query"]);
    assert!(units <= full + 2.0, "{units} of {full} units");
}

/// Some entries in segments point to parcels.
#[tokio::test]
async fn what_has_moved_and_is_large_takes_three_queries_at_most() {
    let mut bench = Bench::new().await;
    for _ in 0..40 {
        bench.emit(3_000).await;
        bench.emit(1_500).await;
    }
    for behind in 1..=4 {
        let (requests, _) = bench.cost(bench.back(behind)).await;
        assert_eq!(requests[0], "GetItem");
        assert!(requests.len() <= 4, "{behind} behind take {requests:?}");
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
    for known in [Position(0), Position(1)] {
        let failed = bench.store.read(&key(), Depth::After(known)).await;
        assert!(matches!(failed, Err(StoreError::Corrupt { .. })), "after {known}: {failed:?}");
        let (requests, _) = bench.meter.take();
        assert!(requests.len() <= 10, "it is given up at last: {requests:?}");
    }
}

fn config(id: &str) -> PushConfig {
    PushConfig {
        url: "https://example.com".to_owned(),
        scheme: "Bearer".to_owned(),
        secrets: Sealed::new("hush"),
        created_at: Timestamp::from_millis(1),
        write: WriteId::new("w-0"),
        delivery: DeliveryRecord { cursor: Position(1), ..DeliveryRecord::default() }.into(),
        ..push_config(id)
    }
}

/// Makes every answer unreadable.
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
        let body = r#"{"Item":{"sec":{"S":"hush"},"url":{"S":hush}}}"#;
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
    // A body may also be printed as its bytes.
    assert!(!shown.concat().contains("104, 117, 115, 104"), "a secret is shown: {shown:?}");
}

#[tokio::test]
async fn errors_do_not_show_secrets() {
    let bench = Bench::new().await;
    let configs: &dyn PushConfigs = &bench.store;
    configs.put(&key(), &config("config")).await.unwrap();
    configs.put(&key(), &config("other")).await.unwrap();
    let damages = [
        ("sec", AttributeValue::L(vec![AttributeValue::S("hush".to_owned())])),
        ("w", AttributeValue::Bool(true)),
        ("tr", AttributeValue::S("{".to_owned())),
        ("pv", AttributeValue::S("2.0".to_owned())),
        ("cur", AttributeValue::N("-1".to_owned())),
    ];
    for (attribute, value) in damages {
        configs.put(&key(), &config("config")).await.unwrap();
        let request = bench.client.update_item().table_name(TABLE);
        let request = request
            .key("pk", AttributeValue::S(key().to_string()))
            .key("sk", AttributeValue::S(format!("C#{}", config("config").registration.as_str())))
            .update_expression("SET #a = :v")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":v", value);
        request.send().await.unwrap();
        let (one, other) = (config("config").registration, config("other").registration);
        let failed = configs.get(&key(), std::slice::from_ref(&one)).await.unwrap_err();
        assert!(matches!(failed, StoreError::Corrupt { .. }), "{failed:?}");
        shows_nothing(&failed);
        shows_nothing(&configs.get(&key(), &[one, other]).await.unwrap_err());
    }
    let garbled = bench.garbled();
    let configs: &dyn PushConfigs = &garbled;
    let failed = configs.get(&key(), &[config("config").registration]).await.unwrap_err();
    assert!(matches!(failed, StoreError::Unavailable(_)), "{failed:?}");
    shows_nothing(&failed);
}

/// A write with a success status was carried out, even if its answer cannot be read.
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
