//! Lives of tasks, and the table's items at points of them. The same calls create the same items.

use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_core::head::{Impatience, Interruption, Patience};
use a2a_lambda_core::ids::{ConfigId, Generation, Registration, WriteId};
use a2a_lambda_core::log::{ArtifactChange, StatusChange};
use a2a_lambda_core::machine::{
    Cut, Finish, FirstPush, NewPush, NextTurn, Pause, Retry, Settlement, Stamp, Submission,
    TurnEnd, Update,
};
use a2a_lambda_core::push::{Attempt, DeliveryRecord, Trouble};
use a2a_lambda_core::request_key::Fingerprint;
use a2a_lambda_core::steps::{
    Put, RecordKey, Resolution, ScopeKey, StepRecord, StepRecords, StepState,
};
use a2a_lambda_core::store::{Created, Depth};
use a2a_lambda_core::{
    ClaimToken, Command, Head, LeaseToken, Owner, Position, ProtocolVersion, PushConfig,
    PushConfigs, Retention, RunnerName, Sealed, Snapshot, TaskId, TaskKey, TaskStore, Tenant,
    Terms, TraceContext,
};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_protocol::{Artifact, Json, Message, Part, Role, Timestamp};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::items::{Item, from_json, to_json};

/// The newest format that is written.
pub(crate) const NEWEST: u64 = 4;

const TABLE: &str = "tasks";
const BEGIN: i64 = 1_790_000_000_000;

/// A table in memory.
pub(crate) struct Table {
    client: Client,
    pub(crate) store: DynamoDbStore,
}

impl Table {
    /// A table whose items have at most this format.
    pub(crate) async fn writing(newest: u64) -> Self {
        let client = EmbeddedDynamoDb::memory().unwrap().client();
        create_table(&client, TABLE).await.unwrap();
        Self { store: DynamoDbStore::new(client.clone(), TABLE).writing(newest), client }
    }

    pub(crate) async fn of(items: &[Item]) -> Self {
        Self::with(items, NEWEST).await
    }

    pub(crate) async fn with(items: &[Item], newest: u64) -> Self {
        let table = Self::writing(newest).await;
        for item in items {
            let request = table.client.put_item().table_name(TABLE);
            request.set_item(Some(from_json(item))).send().await.unwrap();
        }
        table
    }

    /// The items of a task, by their names.
    pub(crate) async fn items(&self, key: &TaskKey) -> Vec<Item> {
        let request = self.client.query().table_name(TABLE).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :p")
            .expression_attribute_values(":p", AttributeValue::S(key.to_string()));
        let page = request.send().await.unwrap();
        assert!(page.last_evaluated_key.is_none());
        page.items.unwrap().iter().map(to_json).collect()
    }
}

/// The table's items at a point of a task's life, and the task that is read from them.
pub(crate) struct Point {
    /// The format of the task's items.
    pub(crate) format: u64,
    pub(crate) name: &'static str,
    pub(crate) items: Vec<Item>,
    pub(crate) submission: Submission,
    pub(crate) task: Snapshot,
    pub(crate) configs: Vec<PushConfig>,
    /// The records of steps in the task's open scope.
    pub(crate) steps: Vec<StepRecord>,
}

struct Life {
    table: Table,
    format: u64,
    submission: Submission,
    task: Snapshot,
    seconds: i64,
    writes: u32,
}

/// How long tasks are kept in formats after 1.
pub(crate) const KEPT: Retention = Retention {
    ended: Some(Duration::from_hours(24 * 30)),
    waiting: Some(Duration::from_hours(24 * 90)),
    purge_after: Duration::from_hours(1),
};

pub(crate) fn stamp(seconds: i64, write: &str) -> Stamp {
    a2a_lambda_testing::stamp(at(seconds), write)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(BEGIN + seconds * 1_000)
}

fn submission(tenant: &str) -> Submission {
    let tenant = Tenant::parse(tenant).unwrap();
    Submission {
        key: TaskKey { tenant, task: TaskId::parse("task").unwrap() },
        owner: Owner::parse("jwt:https://issuer.example#alice").unwrap(),
        message: Message::text("m1", Role::User, "go"),
        ..a2a_lambda_testing::submission("task")
    }
}

fn token() -> LeaseToken {
    LeaseToken::new("lease")
}

fn pusher() -> ClaimToken {
    ClaimToken::new("pusher")
}

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn artifact(text: &str) -> Update {
    let artifact =
        Artifact::new("a", [Part::text(text), Part::data(json(r#"{"b":1.50,"a":null}"#))]);
    Update::Artifact(ArtifactChange {
        artifact,
        append: true,
        last_chunk: true,
        ..ArtifactChange::default()
    })
}

fn registration(id: &str) -> Registration {
    Registration::new(&ConfigId::parse(id).unwrap(), "1")
}

fn small_config() -> PushConfig {
    PushConfig {
        registration: registration("c1"),
        url: "https://hooks.example/1".to_owned(),
        created_at: at(0),
        write: WriteId::new("cw-1"),
        ..a2a_lambda_testing::push_config("c1")
    }
}

fn trace() -> Option<TraceContext> {
    TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
}

/// A config with every value.
fn large_config() -> PushConfig {
    let attempt = |cause: Option<&str>| Attempt {
        at: at(3),
        generation: Generation(2),
        reason: "HTTP 500".to_owned(),
        cause: cause.map(str::to_owned),
    };
    let trouble = Trouble {
        since: at(2),
        failures: 2,
        ours: 1,
        next: Some(at(60)),
        attempts: vec![attempt(None), attempt(Some("no route"))],
    };
    PushConfig {
        id: ConfigId::parse("c2").unwrap(),
        registration: registration("c2"),
        scheme: "Bearer".to_owned(),
        secrets: Sealed::new("l1.c2VhbGVk"),
        version: ProtocolVersion::V0_3,
        trace: trace(),
        write: WriteId::new("cw-2"),
        delivery: DeliveryRecord {
            cursor: Position(1),
            delivered: Generation(1),
            replays: 3,
            introduced: true,
            batch: Some(Position(2)),
            trouble: Some(trouble),
        }
        .into(),
        ..small_config()
    }
}

/// Tasks expire since format 2.
pub(crate) fn retention(format: u64) -> Option<Retention> {
    (format > 1).then_some(KEPT)
}

/// Attempts are kept since format 4.
pub(crate) fn runner(format: u64) -> Option<RunnerName> {
    (format > 3).then(|| RunnerName::of("0a1b2c3d"))
}

impl Life {
    async fn new(submission: Submission, format: u64) -> Self {
        let table = Table::writing(format).await;
        let runner = runner(format);
        let stamp = Stamp { retention: retention(format), runner, ..stamp(0, "w-0") };
        let change = Head::submit(submission.clone(), &stamp);
        let created = table.store.create(&change).await.unwrap();
        assert!(matches!(created, Created::Now(_)), "{created:?}");
        let key = &submission.key;
        let task = table.store.read(key, Depth::Tail).await.unwrap().unwrap();
        Self { table, format, submission, task, seconds: 0, writes: 0 }
    }

    async fn apply(&mut self, command: Command) {
        self.apply_as(None, command).await;
    }

    async fn apply_as(&mut self, pusher: Option<ClaimToken>, command: Command) {
        self.writes += 1;
        self.seconds += 1;
        let stamp = stamp(self.seconds, &format!("w-{}", self.writes));
        let (retention, runner) = (retention(self.format), runner(self.format));
        let stamp = Stamp { pusher, retention, runner, ..stamp };
        self.task =
            a2a_lambda_testing::carry_out(&self.table.store, &self.task, command, &stamp).await;
    }

    async fn claim(&mut self) {
        self.apply(Command::Claim { token: token(), max_attempts: 5 }).await;
    }

    fn turn(&self, updates: Vec<Update>) -> TurnEnd {
        TurnEnd::new(token(), self.task.head.given, updates)
    }

    async fn park(&mut self, pause: Pause) {
        let turn = self.turn(Vec::new());
        self.apply(Command::Park { turn, pause }).await;
    }

    /// Ends the turn, and leaves its scope open.
    async fn repeat(&mut self, seconds: i64) {
        let turn = TurnEnd { has_records: true, ..self.turn(Vec::new()) };
        let next = NextTurn::Repeats { seen: turn.given, checkpoint: None };
        let pause = Pause::Until { wake_at: at(seconds), next };
        self.apply(Command::Park { turn, pause }).await;
    }

    async fn retry(&mut self, cut: Option<Cut>) {
        let (updates, after) = (Vec::new(), Duration::from_secs(1));
        let retry =
            Retry { updates, has_records: false, after, cut, max_attempts: 5, reason: None };
        self.apply(Command::Retry { token: token(), retry }).await;
    }

    async fn finish(&mut self, ending: Finish) {
        let turn = self.turn(Vec::new());
        self.apply(Command::Finish { turn, ending }).await;
    }

    async fn put(&self, config: &PushConfig) {
        PushConfigs::put(&self.table.store, &self.submission.key, config).await.unwrap();
    }

    async fn point(&self, name: &'static str) -> Point {
        let key = &self.submission.key;
        let store = &self.table.store;
        let task = store.read(key, Depth::Full).await.unwrap().unwrap();
        assert_eq!(task.head, self.task.head);
        Point {
            format: self.format,
            name,
            items: self.table.items(key).await,
            submission: self.submission.clone(),
            configs: store.get(key, task.head.registrations()).await.unwrap(),
            steps: store.steps(&ScopeKey::of(&task.head)).await.unwrap(),
            task,
        }
    }
}

/// Every kind of item in every phase of a task, in each written format.
pub(crate) async fn points() -> Vec<Point> {
    let mut points = open_scopes().await;
    points.extend(attempts().await);
    for format in 1..NEWEST {
        points.extend(a_conversation(format).await);
        points.extend(pushes(format).await);
        points.extend(endings(format).await);
        points.extend(a_large_log(format).await);
        if format > 1 {
            points.extend(what_is_to_go(format).await);
        }
    }
    points
}

/// A record in this state. Its token is sealed.
fn record(number: u32, state: StepState) -> StepRecord {
    StepRecord {
        key: RecordKey::parse(&format!("{number:032x}")).unwrap(),
        name: format!("step {number}"),
        arguments: if number == 1 { String::new() } else { "c0ffee".to_owned() },
        tries: number,
        begun_at: at(1),
        recorded_at: at(2),
        token: if number == 4 { Sealed::new("l1.c2VhbGVk") } else { Sealed::default() },
        state,
        write: WriteId::new(format!("sw-{number}")),
        expires_at: at(3_600),
    }
}

fn states() -> Vec<StepState> {
    vec![
        StepState::Begun,
        StepState::Done(json(r#"{"b":1.50,"a":null}"#)),
        StepState::Failed("no route".to_owned()),
        StepState::Waiting { until: at(60), patience_ms: 58_000 },
        StepState::Answered(Resolution::Result(json("[1e2]"))),
        StepState::Answered(Resolution::GaveUp("closed".to_owned())),
        StepState::TimedOut,
    ]
}

/// Heads with attempts have format 4: with one that is under way, and with as many as there can be, of
/// every outcome.
async fn attempts() -> Vec<Point> {
    let mut points = Vec::new();
    let mut life = Life::new(submission(""), 4).await;
    life.claim().await;
    points.push(life.point("running-attempt").await);
    points.push(life.point("running-unlisted").await);
    life.seconds = 60;
    life.claim().await;
    life.retry(None).await;
    life.seconds = 100;
    for cut in [Cut::Callback, Cut::Time, Cut::HandOver] {
        life.claim().await;
        let turn = TurnEnd { cut: Some(cut), ..life.turn(Vec::new()) };
        let pause = Pause::until(at(life.seconds + 1), None);
        life.apply(Command::Park { turn, pause }).await;
    }
    life.claim().await;
    life.park(Pause::until(at(life.seconds + 1), None)).await;
    life.claim().await;
    life.finish(Finish::Completed(None)).await;
    points.push(life.point("completed-attempts").await);
    points
}

/// Heads with an open scope have format 4, too. With records of steps, which have a format of their
/// own.
async fn open_scopes() -> Vec<Point> {
    let mut points = Vec::new();
    let mut life = Life::new(submission(""), 4).await;
    life.claim().await;
    let progress = StatusChange {
        message: Some(Message::text("p1", Role::Agent, "well under way")),
        ..StatusChange::default()
    };
    let updates = vec![Update::Progress(progress)];
    life.apply(Command::Emit { token: token(), updates }).await;
    let scope = ScopeKey::of(&life.task.head);
    for (number, state) in (1..).zip(states()) {
        let put = life.table.store.put_step(&scope, None, &record(number, state)).await.unwrap();
        assert_eq!(put, Put::Stored);
    }
    life.repeat(60).await;
    points.push(life.point("waiting-scope").await);
    life.seconds = 60;
    life.claim().await;
    life.apply(Command::Wake { scope: scope.number }).await;
    points.push(life.point("running-woken").await);
    life.repeat(100).await;
    life.apply(Command::Cancel).await;
    points.push(life.point("canceled-scope").await);
    points
}

/// Format 1 has no tasks that are to be deleted.
async fn what_is_to_go(format: u64) -> Vec<Point> {
    let mut points = Vec::new();
    let mut life = Life::new(submission(""), format).await;
    life.claim().await;
    life.apply(Command::Emit { token: token(), updates: vec![artifact(&"x".repeat(2_500))] }).await;
    life.finish(Finish::Completed(None)).await;
    points.push(life.point("completed-large").await);
    life.apply(Command::Delete).await;
    points.push(life.point("deleted").await);
    points
}

async fn a_conversation(format: u64) -> Vec<Point> {
    let mut points = Vec::new();
    let mut life = Life::new(submission(""), format).await;
    points.push(life.point("submitted").await);
    life.claim().await;
    points.push(life.point("running").await);
    let progress = StatusChange {
        message: Some(Message::text("p1", Role::Agent, "well under way")),
        ..StatusChange::default()
    };
    let updates = vec![Update::Progress(progress), artifact("one")];
    life.apply(Command::Emit { token: token(), updates }).await;
    points.push(life.point("running-updates").await);
    let checkpoint = Some(json(r#"{"step":1,"rate":1.50}"#));
    life.park(Pause::until(at(10), checkpoint.clone())).await;
    points.push(life.point("waiting").await);
    life.seconds = 10;
    life.claim().await;
    life.park(Pause::ForUser {
        interruption: Interruption::InputRequired,
        message: Some(Message::text("q1", Role::Agent, "which?")),
        checkpoint,
        patience: Some(Patience { until: at(100), then: Impatience::Wake }),
    })
    .await;
    points.push(life.point("input-required").await);
    let answer = Message::text("m2", Role::User, "this one");
    let terms = Terms {
        accepted_output_modes: vec!["text/plain".to_owned()],
        extensions: vec!["urn:x".to_owned()],
        metadata: None,
    };
    let Submission { key, owner, .. } = life.submission.clone();
    let request = Fingerprint::new(&key.tenant, &owner, "key 2", &answer, &terms, None);
    life.apply(Command::Message { message: answer, terms, request: Some(request), push: None })
        .await;
    points.push(life.point("follow-up").await);
    life.claim().await;
    life.park(Pause::ForUser {
        interruption: Interruption::AuthRequired,
        message: None,
        checkpoint: None,
        patience: Some(Patience { until: at(100), then: Impatience::Fail }),
    })
    .await;
    points.push(life.point("auth-required").await);
    let mut other = Life::new(submission(""), format).await;
    other.claim().await;
    other.finish(Finish::Completed(Some(Message::text("d1", Role::Agent, "done")))).await;
    points.push(other.point("completed").await);
    points
}

async fn pushes(format: u64) -> Vec<Point> {
    let mut points = Vec::new();
    let first = submission("acme");
    let (tenant, owner) = (&first.key.tenant, &first.owner);
    let request = Fingerprint::new(tenant, owner, "key 1", &first.message, &first.terms, None);
    let first = Submission {
        sender_waits_until: Some(at(20)),
        request: Some(request),
        pushes: Some(FirstPush { registration: registration("c1"), held_until: Some(at(20)) }),
        trace: trace(),
        ..first
    };
    let mut life = Life::new(first, format).await;
    life.put(&small_config()).await;
    points.push(life.point("submitted-pushes").await);
    life.put(&large_config()).await;
    life.apply(Command::RegisterPush(NewPush { registration: registration("c2"), most: 9 })).await;
    life.seconds = 20;
    life.apply_as(Some(pusher()), Command::Claim { token: token(), max_attempts: 5 }).await;
    life.apply(Command::ClaimPush { token: pusher() }).await;
    points.push(life.point("running-pushes").await);
    let epoch = life.task.head.pushes.as_ref().unwrap().epoch;
    let settlement =
        Settlement { token: pusher(), epoch, through: Position(2), next: Some(at(60)) };
    life.apply(Command::SettlePush(settlement)).await;
    points.push(life.point("running-settled").await);
    life.finish(Finish::Direct(Message::text("d1", Role::Agent, "a direct message"))).await;
    points.push(life.point("completed-direct").await);
    points
}

async fn endings(format: u64) -> Vec<Point> {
    let mut points = Vec::new();
    let mut life = Life::new(submission(""), format).await;
    life.claim().await;
    life.seconds = 60;
    life.apply(Command::Look).await;
    points.push(life.point("waiting-died").await);
    life.claim().await;
    life.finish(Finish::Failed(None)).await;
    points.push(life.point("failed").await);
    let mut life = Life::new(submission(""), format).await;
    life.claim().await;
    life.finish(Finish::Rejected(None)).await;
    points.push(life.point("rejected").await);
    let mut life = Life::new(submission(""), format).await;
    life.put(&small_config()).await;
    life.apply(Command::RegisterPush(NewPush { registration: registration("c1"), most: 9 })).await;
    life.apply(Command::Cancel).await;
    points.push(life.point("canceled-to-push").await);
    points
}

/// A log with a segment, one of whose entries is in a parcel.
async fn a_large_log(format: u64) -> Vec<Point> {
    let mut life = Life::new(submission(""), format).await;
    life.claim().await;
    for bytes in [2_500, 1_500, 1_500, 1_500, 10] {
        let updates = vec![artifact(&"x".repeat(bytes))];
        life.apply(Command::Emit { token: token(), updates }).await;
    }
    let point = life.point("running-large").await;
    for prefix in ["P#", "S#", "H"] {
        let is_there = |item: &Item| item["sk"]["S"].as_str().unwrap().starts_with(prefix);
        assert!(point.items.iter().any(is_there), "{prefix}");
    }
    vec![point]
}
