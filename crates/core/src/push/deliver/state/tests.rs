//! The table of the delivery's steps, line by line.

use a2a_lambda_protocol::{Message, Part};

use super::*;
use crate::head::{Ending, Phase};
use crate::ids::{ContextId, Generation, Owner, Registration, TaskId, TaskKey, Tenant, WriteId};
use crate::machine::{Stamp, Submission};
use crate::push::mark::{Mark, Pushes};
use crate::push::{Delivery, DeliveryRecord, Sealed, Trouble};
use crate::terms::Terms;
use crate::version::ProtocolVersion;

/// Marks are `open`, `- ` for none, `wait 20`, or the claimant and the end of its claim: `P` is the
/// deliverer. The deliverer has until 100, unless a line says otherwise.
const TABLE: &str = "
mark    | beside | configs | lane      | besides    | at  | step
P 60    | nobody | stale   | due       |            | 10  | read configs
P 60    | runner | stale   | due       |            | 10  | read configs
P 60    | nobody | read    | due       |            | 10  | post until 59
P 60    | runner | read    | due       |            | 10  | post until 59
P 200   | nobody | read    | due       |            | 10  | post until 100
P 60    | nobody | read    | waits 10  |            | 10  | post until 59
P 60    | nobody | read    | older     |            | 10  | read log after 0
P 60    | runner | read    | older     |            | 10  | read log after 0
P 60    | nobody | read    | older     | log read   | 10  | settle
P 60    | runner | read    | older     | log read   | 10  | wait
P 60    | nobody | read    | busy      |            | 10  | wait 1
P 60    | runner | read    | busy      |            | 10  | wait
P 60    | runner | read    | waits 30  |            | 10  | wait 20
P 60    | nobody | read    | waits 30  |            | 10  | settle until 30
P 60    | runner | read    | done      |            | 10  | wait
P 60    | nobody | read    | done      |            | 10  | settle
P 60    | nobody | read    | disabled  |            | 10  | settle
P 60    | nobody | read    | unstored  |            | 10  | store
P 60    | runner | read    | unstored  |            | 10  | wait 38
P 60    | runner | read    | unstored  |            | 48  | store
P 60    | runner | read    | unstored  | busy       | 48  | wait
P 60    | nobody | read    | unstored  | over       | 10  | settle
P 60    | nobody | read    | unstored  | over, unsure | 10 | store
P 60    | nobody | later   | unstored  | over       | 10  | store
P 22    | nobody | read    | due       |            | 10  | post until 21
P 21    | nobody | read    | due       |            | 10  | claim
P 21    | nobody | read    | due       | claimed    | 10  | post until 20
P 21    | nobody | read    | due       | refused    | 10  | settle until 11
P 21    | runner | read    | due       | refused    | 10  | wait
P 21    | nobody | read    | done      |            | 10  | settle
P 60    | nobody | read    | due       | wide       | 10  | claim
P 60    | nobody | read    | due       | ends at 20 | 10  | settle until 11
P 60    | runner | read    | due       | ends at 20 | 10  | wait
P 60    | nobody | read    | due       |            | 20  | settle until 21
P 60    | runner | read    | due       |            | 20  | post until 59
open    | nobody | read    | due       |            | 10  | claim
open    | nobody | read    | due       | refused    | 10  | stop
open    | nobody | read    | due       | ends at 20 | 10  | stop
open    | nobody | read    | busy      |            | 10  | wait 1
open    | runner | read    | due       |            | 10  | wait
Q 60    | nobody | read    | due       |            | 10  | stop
Q 60    | nobody | read    | busy      |            | 10  | wait 1
Q 60    | runner | read    | due       |            | 10  | wait
Q 10    | nobody | read    | due       |            | 10  | claim
wait 20 | nobody | read    | due       |            | 10  | stop
wait 20 | nobody | read    | due       |            | 20  | claim
-       | nobody | read    | due       |            | 10  | stop
-       | runner | read    | due       |            | 10  | wait
P 60    | nobody | read    | due       | gone       | 10  | stop
P 60    | nobody | read    | busy      | gone       | 10  | wait 1
P 60    | runner | read    | due       | gone       | 10  | wait
";

fn at(seconds: &str) -> Timestamp {
    Timestamp::from_millis(1_000 * seconds.parse::<i64>().unwrap())
}

fn seconds(at: Timestamp) -> i64 {
    at.as_millis() / 1_000
}

fn mark(word: &str) -> Option<Mark> {
    let (name, until) = word.split_once(' ').unwrap_or((word, "0"));
    let until = at(until);
    match name {
        "-" => None,
        "open" => Some(Mark::Open),
        "wait" => Some(Mark::Waiting { until }),
        token => Some(Mark::Claimed { token: ClaimToken::new(token), until }),
    }
}

fn task(mark: Option<Mark>) -> Snapshot {
    let submission = Submission {
        key: TaskKey { tenant: Tenant::default(), task: TaskId::parse("task").unwrap() },
        owner: Owner::parse("alice").unwrap(),
        context: ContextId::parse("context").unwrap(),
        message: Message { parts: vec![Part::text("go")], ..Message::default() },
        terms: Terms::default(),
        sender_waits_until: None,
        request: None,
        pushes: None,
        trace: None,
    };
    let stamp = Stamp {
        now: at("0"),
        write: WriteId::new("write"),
        signal_grace: Duration::ZERO,
        lease: Duration::ZERO,
        push_claim: Duration::ZERO,
        retention: None,
        runner: None,
        pusher: None,
    };
    let new = Head::submit(submission, &stamp);
    let configs = vec![config(Delivery::default()).registration];
    let pushes = Pushes { configs, epoch: 1, held_until: None, signaled: None, mark };
    let head = Head { pushes: Some(pushes), ..new.head().clone() };
    Snapshot { head, tail: new.entries().to_vec(), kept: Kept::default() }
}

fn config(delivery: Delivery) -> PushConfig {
    let id = ConfigId::parse("config").unwrap();
    PushConfig {
        registration: Registration::new(&id, "1"),
        id,
        url: "https://hook.example".to_owned(),
        scheme: String::new(),
        secrets: Sealed::default(),
        version: ProtocolVersion::V1_0,
        trace: None,
        created_at: at("0"),
        write: WriteId::new("write"),
        delivery,
    }
}

fn delivery(lane: &str) -> Delivery {
    let in_trouble = |next| {
        let trouble = Trouble { since: at("0"), failures: 1, ours: 0, next, attempts: Vec::new() };
        DeliveryRecord { trouble: Some(trouble), ..DeliveryRecord::default() }.into()
    };
    match lane.split_once(' ').unwrap_or((lane, "")) {
        ("due" | "older" | "busy", _) => Delivery::default(),
        ("waits", until) => in_trouble(Some(at(until))),
        ("disabled", _) => in_trouble(None),
        ("done" | "unstored", _) => {
            let mut done = Delivery::default();
            done.acknowledged(Position(1), Generation(1));
            done
        }
        other => panic!("no lane {other:?}"),
    }
}

fn met(row: &[&str]) -> State {
    let &[marked, beside, configs, lane, besides, ..] = row else { panic!("{row:?}") };
    let mut snapshot = task(mark(marked));
    if lane == "older" {
        snapshot.tail.clear();
    }
    let deadline = at(besides.strip_prefix("ends at ").unwrap_or("100"));
    let token = ClaimToken::new("P");
    if besides.starts_with("over") {
        snapshot.head.phase = Phase::Ended(Ending::Completed);
    }
    let epoch = if configs == "later" { 3 } else { 1 };
    if let Some(pushes) = &mut snapshot.head.pushes {
        pushes.epoch = epoch;
    }
    let mut feed = Feed::none();
    feed.knows_all = besides != "over, unsure";
    let mut state = State::new(Arc::default(), token, deadline, snapshot, &feed);
    if beside == "nobody" {
        state.left_alone(at("10"));
    }
    let epoch = if configs == "stale" { 0 } else { epoch };
    let read = config(delivery(lane));
    let id = read.id.clone();
    state.take_configs(vec![read], Some(epoch));
    if lane == "busy" || besides == "busy" {
        state.begin(&id);
    }
    if lane == "unstored" {
        state.lanes.get_mut(&id).unwrap().unstored = 1;
    }
    match besides {
        "log read" => state.read_log(&id, Position(0), true),
        "claimed" => state.claimed(Claimed::Now),
        "refused" => state.claimed(Claimed::Refused),
        "wide" => state.wide.widen(MAX_PUSH_VIEW),
        "gone" => state.lose(),
        _ => {}
    }
    state
}

fn word(step: &Step) -> String {
    match step {
        Step::ReadConfigs => "read configs".to_owned(),
        Step::ReadLog { after, .. } => format!("read log after {after}"),
        Step::Claim => "claim".to_owned(),
        Step::Post { ends_by, .. } => format!("post until {}", seconds(*ends_by)),
        Step::StoreConfig { .. } => "store".to_owned(),
        Step::Wait(None) => "wait".to_owned(),
        Step::Wait(Some(pause)) => format!("wait {}", pause.as_secs()),
        Step::Settle(Settlement { next: None, .. }) => "settle".to_owned(),
        Step::Settle(Settlement { next: Some(at), .. }) => format!("settle until {}", seconds(*at)),
        Step::Stop => "stop".to_owned(),
    }
}

#[test]
fn every_step() {
    for line in TABLE.trim().lines().skip(1) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [.., now, expected] = cells[..] else { panic!("{line}") };
        assert_eq!(word(&met(&cells).next_step(at(now))), expected, "{line}");
    }
}

#[test]
fn a_longer_log_is_read_again() {
    let line = ["P 60", "nobody", "read", "older", "log read"];
    let mut state = met(&line);
    let mut newer = task(mark("P 60"));
    newer.head.revision = newer.head.revision.next();
    newer.tail.clear();
    state.adopt(newer);
    assert_eq!(word(&state.next_step(at("10"))), "read log after 0");
}

#[test]
fn an_attempt_that_is_over_brings_the_next_step() {
    let mut state = met(&["P 60", "nobody", "read", "busy", ""]);
    let id = ConfigId::parse("config").unwrap();
    let ended = |result| Attempted { id: id.clone(), result };
    let written = PushConfig { write: WriteId::new("next"), ..config(delivery("done")) };
    for (result, expected) in [
        (Ok(PushOutcome { config: config(delivery("done")), acknowledged: true }), "store"),
        (Ok(PushOutcome { config: written, acknowledged: true }), "settle"),
        (
            Ok(PushOutcome { config: config(delivery("waits 30")), acknowledged: false }),
            "settle until 30",
        ),
        (Err(NoOutcome::Superseded), "read configs"),
        (Err(NoOutcome::Withdrawn), "read configs"),
        (Err(NoOutcome::NoTime), "read configs"),
        (Err(NoOutcome::Later(at("40"))), "read configs"),
    ] {
        state.take_configs(vec![config(Delivery::default())], Some(1));
        state.begin(&id);
        state.take_outcome(ended(result), at("10"));
        assert_eq!(word(&state.next_step(at("10"))), expected);
    }
    let expected = Tally { acknowledged: 2, failed: 1, unknown: 2, late: 1 };
    assert_eq!(state.tally, expected);
}
