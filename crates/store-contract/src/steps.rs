//! Records of steps, for the cases and for the differential test.

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::push::Sealed;
use a2a_lambda_core::steps::{Put, RecordKey, Resolution, ScopeKey, StepRecord, StepState};
use a2a_lambda_core::{StoreError, TaskKey};
use a2a_lambda_protocol::{Json, Timestamp};

use crate::bench::Bench;
use crate::content::json_of;

/// The record key with this number.
pub(crate) fn record_key(number: u64) -> RecordKey {
    RecordKey::parse(&format!("{number:032x}")).expect("a key")
}

/// A scope of a task without an incarnation.
pub(crate) fn scope(task: &TaskKey, number: u32) -> ScopeKey {
    ScopeKey { task: task.clone(), incarnation: None, number }
}

/// A record with every value.
pub(crate) fn record(number: u64, write: &str, state: StepState) -> StepRecord {
    StepRecord {
        key: record_key(number),
        name: format!("step {number}"),
        arguments: "0123456789abcdef0123456789abcdef".to_owned(),
        tries: 3,
        begun_at: Timestamp::from_millis(1_760_000_000_001),
        recorded_at: Timestamp::from_millis(1_760_000_000_999),
        state,
        token: Sealed::new("l1.dG9rZW4"),
        write: WriteId::new(write),
        expires_at: Timestamp::from_millis(1_762_000_000_001),
    }
}

/// A result of JSON that must come back as the same text.
pub(crate) fn done(label: &str) -> StepState {
    let text = Json::from_value(label).expect("JSON");
    StepState::Done(json_of(&format!(r#"{{"b":1.50, "a":[1e2,{}]}}"#, text.as_str())))
}

/// A record in each state.
pub(crate) fn states() -> Vec<StepState> {
    let until = Timestamp::from_millis(1_770_000_000_000);
    vec![
        StepState::Begun,
        StepState::Unknown,
        done("é 🦀"),
        StepState::Done(json_of("null")),
        StepState::Failed("it \u{1}\u{0} broke: \"{}\"\n".to_owned()),
        StepState::Waiting { until, patience_ms: u64::MAX },
        StepState::Waiting { until: Timestamp::MAX, patience_ms: 0 },
        StepState::Answered(Resolution::Result(json_of(r#"[0.10, "a"]"#))),
        StepState::Answered(Resolution::GaveUp("no\r\nreason".to_owned())),
        StepState::TimedOut,
    ]
}

/// The records, in the order of their keys.
pub(crate) fn sorted(mut records: Vec<StepRecord>) -> Vec<StepRecord> {
    records.sort_by(|one, other| one.key.cmp(&other.key));
    records
}

impl Bench {
    pub(crate) async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&StepRecord>,
        record: &StepRecord,
    ) -> Put {
        self.try_put_step(scope, before, record).await.expect("put")
    }

    pub(crate) async fn try_put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&StepRecord>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        self.records().put_step(scope, before.map(|before| &before.write), record).await
    }

    /// Stores a record where there is none.
    pub(crate) async fn record_step(&self, scope: &ScopeKey, record: &StepRecord) {
        assert_eq!(self.put_step(scope, None, record).await, Put::Stored, "a new record");
    }

    pub(crate) async fn step(&self, scope: &ScopeKey, number: u64) -> Option<StepRecord> {
        self.records().step(scope, &record_key(number)).await.expect("step")
    }

    /// The records of a scope, in the order of their keys.
    pub(crate) async fn steps(&self, scope: &ScopeKey) -> Vec<StepRecord> {
        sorted(self.records().steps(scope).await.expect("steps"))
    }
}
