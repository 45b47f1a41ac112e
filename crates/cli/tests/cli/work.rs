//! The attempts at a task, and its steps.

use a2a_lambda_core::machine::Stamp;
use a2a_lambda_core::steps::{Put, RecordKey, Resolution, ScopeKey, StepRecord, StepState};
use a2a_lambda_core::{Command, LeaseToken, RunnerName, StepRecords as _};
use a2a_lambda_protocol::Json;

use super::*;

fn record(number: u32, name: &str, state: StepState) -> StepRecord {
    StepRecord {
        key: RecordKey::parse(&format!("{number:032x}")).unwrap(),
        name: name.to_owned(),
        arguments: "hush-arguments".to_owned(),
        tries: number,
        begun_at: at(i64::from(number)),
        recorded_at: at(2 * i64::from(number)),
        state,
        token: Sealed::new("hush-token"),
        write: WriteId::new(format!("s{number}")),
        expires_at: at(100_000),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_and_steps_are_shown_without_their_contents() {
    let deployment = Deployment::new().await;
    let key = deployment.task("t").await;
    let shown = deployment.run("show t --tenant acme --steps").await.well();
    assert!(shown.ends_with("no attempts are known\n\nno steps are stored\n"), "{shown}");

    let mut now = deployment.store.read(&key, Depth::Tail).await.unwrap().unwrap();
    let scope = ScopeKey::of(&now.head);
    for seconds in [10, 100] {
        let token = LeaseToken::new(format!("hush-lease-{seconds}"));
        let claim = Command::Claim { token, max_attempts: 5 };
        let runner = Some(RunnerName::of("0a1b2c3d"));
        let stamp = Stamp { runner, ..stamp(at(seconds), format!("w{seconds}")) };
        now = carry_out(&*deployment.store, &now, claim, &stamp).await;
    }
    let json = Json::from_value("hush-result").unwrap();
    for (number, name, state) in [
        (3, "approve", StepState::Waiting { until: at(9_000), patience_ms: 1 }),
        (1, "plan\u{1b}[2J", StepState::Done(json.clone())),
        (2, "charge", StepState::Failed("hush-reason".to_owned())),
        (4, "ask", StepState::Answered(Resolution::Result(json))),
    ] {
        let put = deployment.store.put_step(&scope, None, &record(number, name, state)).await;
        assert_eq!(put.unwrap(), Put::Stored);
    }
    let shown = deployment.run("show t --tenant acme --steps").await.well();
    let expected = "\
task      t
tenant    acme
state     TASK_STATE_WORKING, after 0 turns

TURN  ATTEMPT  BEGAN                     TOOK      OUTCOME    RUNNER
1     1        2027-01-15T08:00:10.000Z  30.000 s  died       0a1b2c3d
1     2        2027-01-15T08:01:40.000Z  -         under way  0a1b2c3d

steps of the scope that began after 0 turns, and is open
STEP           TRIES  BEGUN                     TOOK     OUTCOME   BYTES
plan\\u{1b}[2J  1      2027-01-15T08:00:01.000Z  1.000 s  done      13
charge         2      2027-01-15T08:00:02.000Z  2.000 s  failed    11
approve        3      2027-01-15T08:00:03.000Z  -        waiting   0
ask            4      2027-01-15T08:00:04.000Z  4.000 s  answered  13
";
    assert_eq!(shown, expected);
    let shown = deployment.run("show t --tenant acme --steps --json").await.json();
    assert_eq!(
        (&shown["attempts"][0]["outcome"], &shown["attempts"][1]["outcome"]),
        (&json!("died"), &json!(null))
    );
    assert_eq!(shown["scope"]["steps"][1]["millis"], json!(2_000));
    assert!(!shown.to_string().contains("hush"), "{shown}");
}
