use std::sync::{Mutex, PoisonError};

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde_json::{Value, json};
use tracing::{info, trace};

use super::*;

#[derive(Debug)]
struct Noon;

#[async_trait]
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_780_800_000)
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

/// The lines that are written while `work` runs.
fn lines(metrics: Which, work: impl FnOnce(&Telemetry)) -> Vec<Value> {
    let written = Arc::new(Mutex::new(Vec::new()));
    let out = {
        let written = written.clone();
        Out(Arc::new(move |line: &str| {
            let line = serde_json::from_str(line).unwrap();
            written.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }))
    };
    let settings = Settings {
        level: LevelFilter::INFO,
        metrics,
        names: Names { service: "agents".to_owned(), function: "executor-1".to_owned() },
        namespace: "Agents".to_owned(),
    };
    let (telemetry, subscriber) = Telemetry::new(settings, out, Arc::new(Noon));
    tracing::subscriber::with_default(subscriber, || work(&telemetry));
    std::mem::take(&mut written.lock().unwrap())
}

/// An invocation as the runtime makes it.
fn invoke(telemetry: &Telemetry, id: &str, work: impl FnOnce()) {
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let span = info_span!(
        target: LAMBDA_RUNTIME,
        "Lambda runtime invoke",
        requestId = id,
        xrayTraceId = trace
    );
    let _entered = span.enter();
    let invocation = telemetry.invocation();
    let _entered = invocation.span().clone().entered();
    work();
}

#[test]
fn a_line_has_the_keys_of_powertools_and_what_the_event_says() {
    let lines = lines(Which::None, |telemetry| {
        info!("at the start");
        invoke(telemetry, "r1", || {
            info!(level = "mine", count = 2, ok = true, task = %"t1", "done");
            tracing::debug!("not at this level");
            trace!(target: measure::TARGET, turn_millis = 5);
        });
        invoke(telemetry, "r2", || info!(error = ?"é", "again"));
    });
    let [start, first, second] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(start["message"], "at the start");
    assert_eq!(start.get("function_request_id"), None);
    let expected = json!({
        "level": "INFO", "message": "done", "timestamp": "2026-11-27T12:00:00.000Z",
        "service": "agents", "function_name": "executor-1", "cold_start": true,
        "function_request_id": "r1",
        "xray_trace_id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
        "target": "a2a_lambda_runtime::telemetry::tests",
        "count": 2, "ok": true, "task": "t1",
    });
    assert_eq!(*first, expected);
    assert_eq!(second["function_request_id"], "r2");
    assert_eq!((&second["cold_start"], &second["error"]), (&json!(false), &json!("\"é\"")));
}

#[test]
fn an_invocation_s_metrics_are_one_line_of_emf() {
    let lines = lines(Which::All, |telemetry| {
        invoke(telemetry, "r1", || {
            // In a span inside of the invocation's, and beside it.
            info_span!(target: INVOCATION, "inner").in_scope(|| {
                trace!(target: measure::TARGET, turn_millis = 40_u64, attempts = 1_u32);
            });
            trace!(target: measure::TARGET, turn_millis = 50_u64, attempts = 2_u32);
            trace!(target: measure::TARGET, tasks_completed = 1);
            trace!(target: measure::TARGET, tasks_completed = 1);
            trace!(target: measure::TARGET, lost_signals = 0, unknown = 3);
        });
        // Nothing to say: no line.
        invoke(telemetry, "r2", || {});
        invoke(telemetry, "r3", || {
            (0..1_050_u64).for_each(|n| trace!(target: measure::TARGET, push_lag_millis = n));
        });
    });
    let metric = |name, unit| json!({ "Name": name, "Unit": unit });
    let expected = json!({
        "_aws": {
            "Timestamp": 1_795_780_800_000_i64,
            "CloudWatchMetrics": [{
                "Namespace": "Agents",
                "Dimensions": [["service", "function_name"]],
                "Metrics": [
                    metric("ColdStart", "Count"), metric("TurnMillis", "Milliseconds"),
                    metric("Attempts", "Count"), metric("TasksCompleted", "Count"),
                ],
            }],
        },
        "service": "agents", "function_name": "executor-1", "function_request_id": "r1",
        "ColdStart": 1, "TurnMillis": [40, 50], "Attempts": [1, 2], "TasksCompleted": 2,
    });
    assert_eq!(lines[0], expected);
    // 100 values a line, and 1,000 in all.
    assert_eq!(lines.len(), 1 + 10);
    let of = |line: &Value| line["PushLagMillis"].as_array().map(Vec::len);
    assert!(lines[1..].iter().all(|line| of(line) == Some(100)), "{lines:?}");
    assert_eq!(lines[10]["PushLagMillis"][99], 999);
}

#[test]
fn alarms_are_given_their_three_metrics_also_when_they_are_0_and_no_others() {
    let lines = lines(Which::Alarms, |telemetry| {
        invoke(telemetry, "r1", || trace!(target: measure::TARGET, tasks_failed = 1));
        invoke(telemetry, "r2", || {
            trace!(
                target: measure::TARGET,
                due_tasks = 0_usize,
                oldest_due_seconds = 0_u64,
                oldest_push_seconds = 7_u64,
                lost_signals = 4_usize,
            );
        });
    });
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
    let names: Vec<_> =
        metrics.as_array().unwrap().iter().map(|metric| metric["Name"].clone()).collect();
    assert_eq!(names, ["DueTasks", "OldestDueSeconds", "OldestPushSeconds"]);
    assert_eq!((&line["DueTasks"], &line["OldestPushSeconds"]), (&json!(0), &json!(7)));
}

#[test]
fn powertools_level_comes_before_ours() {
    let level = |pairs: &[(&str, &str)]| {
        let lookup = |name: &str| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        super::level(&Variables::new(Reader::Request, &lookup)).unwrap()
    };
    let (ours, theirs) = (("LOG_LEVEL", "warn"), ("POWERTOOLS_LOG_LEVEL", "DEBUG"));
    assert_eq!(level(&[]), LevelFilter::INFO);
    assert_eq!(level(&[ours]), LevelFilter::WARN);
    assert_eq!(level(&[ours, theirs]), LevelFilter::DEBUG);
    assert_eq!(level(&[("POWERTOOLS_LOG_LEVEL", "WARNING")]), LevelFilter::WARN);
}
