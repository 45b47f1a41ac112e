use std::sync::{Mutex, PoisonError};

use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::{TestClock, TestIds};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, dispatcher, field, info, trace, trace_span};

use super::*;
use crate::testing::lookup;

const NOON: Timestamp = Timestamp::from_millis(1_795_780_800_000);

/// Noon. A time limit ends at once, unless its work is ready.
fn noon() -> Arc<TestClock> {
    Arc::new(TestClock::skipping().starting_at(NOON))
}

/// Noon, for ever: nothing is ever late.
fn patient() -> Arc<TestClock> {
    Arc::new(TestClock::by_hand().starting_at(NOON))
}

/// The lines that are written while `work` runs.
fn lines(metrics: Which, work: impl FnOnce(&Telemetry)) -> Vec<Value> {
    lines_of(metrics, None, work)
}

fn lines_of(metrics: Which, traces: Option<Way>, work: impl FnOnce(&Telemetry)) -> Vec<Value> {
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
        traces,
        names: Names { service: "agents".to_owned(), function: "executor-1".to_owned() },
        namespace: "Agents".to_owned(),
    };
    let (telemetry, subscriber) = Telemetry::new(settings, out, noon(), Arc::new(TestIds::uuids()));
    tracing::subscriber::with_default(subscriber, || work(&telemetry));
    std::mem::take(&mut written.lock().unwrap())
}

/// An invocation as the runtime makes it.
fn invoke(telemetry: &Telemetry, id: &str, work: impl FnOnce()) {
    let trace = "Self=1-5759e988-1;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
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
fn a_line_has_the_keys_of_powertools_and_the_event_s_fields() {
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
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
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
        super::log_level(&Variables::new(Reader::Request, &lookup(pairs))).unwrap()
    };
    let (ours, theirs) = (("LOG_LEVEL", "warn"), ("POWERTOOLS_LOG_LEVEL", "DEBUG"));
    assert_eq!(level(&[]), LevelFilter::INFO);
    assert_eq!(level(&[ours]), LevelFilter::WARN);
    assert_eq!(level(&[ours, theirs]), LevelFilter::DEBUG);
    assert_eq!(level(&[("POWERTOOLS_LOG_LEVEL", "WARNING")]), LevelFilter::WARN);
}

const REMOTE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-0123456789abcdef-01";

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

/// An invocation's work in the trace of a client: a request, and in it a push, which is in the
/// trace of its config.
fn traced(parent: Option<&str>) {
    let span = trace_span!(
        target: trace::TARGET,
        "request",
        name = "POST",
        kind = "server",
        parent,
        http.response.status_code = field::Empty,
    );
    let push = span.in_scope(|| {
        info!(seen = traceparent().map(|trace| trace.to_string()), "in the request");
        let long = "é".repeat(200);
        trace_span!(target: trace::TARGET, "push", kind = "client", parent = REMOTE, context = OWN, long)
    });
    push.in_scope(|| info!("in the push"));
    push.record("error.type", "timeout");
    span.record("http.response.status_code", 200);
}

fn spans_of(message: &Value) -> Vec<Value> {
    message["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

#[test]
fn spans_are_told_as_otlp_and_name_their_place_in_each_line() {
    let lines = lines_of(Which::None, Some(Way::Log), |telemetry| {
        let invocation = telemetry.invocation();
        run(invocation.complete(async { traced(Some(REMOTE)) }));
        // Nothing happened, so nothing is reported.
        run(telemetry.invocation().complete(async {}));
    });
    let [request, push, told] = &lines[..] else { panic!("{lines:?}") };
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request_span = "0000000000000001";
    assert_eq!((&request["trace_id"], &request["span_id"]), (&json!(trace), &json!(request_span)));
    assert_eq!(request["seen"], format!("00-{trace}-{request_span}-01"));
    assert_eq!((&push["trace_id"], &push["span_id"]), (&json!(trace), &json!("0123456789abcdef")));

    let resource = told["resourceSpans"][0]["resource"]["attributes"].clone();
    let attribute =
        |name: &str, text: &str| json!({ "key": name, "value": { "stringValue": text } });
    assert_eq!(resource[0], attribute("service.name", "agents"));
    assert_eq!(resource[1], attribute("faas.name", "executor-1"));
    let [push, request] = &spans_of(told)[..] else { panic!("{told}") };
    let noon = "1795780800000000000";
    let expected = json!({
        "traceId": trace, "spanId": request_span, "parentSpanId": "00f067aa0ba902b7",
        "name": "POST", "kind": 2, "startTimeUnixNano": noon, "endTimeUnixNano": noon,
        "attributes": [{ "key": "http.response.status_code", "value": { "intValue": "200" } }],
        "status": {},
    });
    assert_eq!(*request, expected);
    let place = (&push["spanId"], &push["parentSpanId"], &push["name"], &push["kind"]);
    let (own, above) = (json!("0123456789abcdef"), json!("00f067aa0ba902b7"));
    assert_eq!(place, (&own, &above, &json!("push"), &json!(3)));
    assert_eq!(push["attributes"][0], attribute("long", &"é".repeat(128)));
}

#[test]
fn a_trace_begins_without_a_parent_and_its_first_span_decides_the_sampling() {
    let lines = lines_of(Which::None, Some(Way::Log), |telemetry| {
        let begun = telemetry.invocation();
        run(begun.complete(async {
            drop(trace_span!(target: trace::TARGET, "attempt", "error.type" = "store"));
        }));
        let unsampled = REMOTE.replace("-01", "-00");
        let invocation = telemetry.invocation();
        run(invocation.complete(async {
            drop(trace_span!(target: trace::TARGET, "request", parent = unsampled));
        }));
        let malformed = telemetry.invocation();
        run(malformed.complete(async {
            drop(trace_span!(target: trace::TARGET, "request", parent = "hunter2"));
        }));
    });
    let [begun, anew] = &lines[..] else { panic!("{lines:?}") };
    let span = &spans_of(begun)[0];
    assert_eq!(span["traceId"].as_str().map(str::len), Some(32), "{span}");
    assert_eq!((span.get("parentSpanId"), &span["status"]), (None, &json!({ "code": 2 })));
    assert!(!anew.to_string().contains("hunter2"), "{anew}");
    assert_ne!(spans_of(anew)[0]["traceId"], span["traceId"]);
}

#[test]
fn without_traces_a_trace_of_a_client_goes_on_as_it_came_and_none_begins() {
    let lines = lines(Which::None, |telemetry| {
        for parent in [Some(REMOTE), None] {
            run(telemetry.invocation().complete(async { traced(parent) }));
        }
    });
    let [request, push, alone, _] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(
        (&request["seen"], &request["span_id"]),
        (&json!(REMOTE), &json!("00f067aa0ba902b7"))
    );
    assert_eq!(push["span_id"], "0123456789abcdef");
    assert_eq!((alone.get("seen"), alone.get("trace_id")), (None, None));
}

/// Work of which is learned in it only which trace it is in.
fn joining(parent: Option<&str>) {
    let span = trace_span!(target: trace::TARGET, "record", parent);
    span.in_scope(|| {
        info!("before");
        tracing::Span::current().record("parent", REMOTE);
        info!(seen = traceparent().map(|trace| trace.to_string()), "after");
        trace_span!(target: trace::TARGET, "attempt").in_scope(|| {
            info!("within");
            // A span with a parent stays where it is.
            let other = REMOTE.replace("4bf9", "0000");
            tracing::Span::current().record("parent", &*other);
        });
    });
}

#[test]
fn a_span_joins_a_trace_that_becomes_known_in_it_unless_its_own_is_known() {
    for (way, spans) in [(Some(Way::Log), 2), (None, 0)] {
        let is_on = way.is_some();
        let lines = lines_of(Which::None, way, |telemetry| {
            run(telemetry.invocation().complete(async { joining(None) }));
        });
        let trace = json!("4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(lines[0].get("trace_id"), Some(&trace), "not known yet");
        let [after, within] = &lines[1..3] else { panic!("{lines:?}") };
        assert_eq!((&after["trace_id"], &within["trace_id"]), (&trace, &trace), "{lines:?}");
        assert!(after["seen"].as_str().unwrap().contains(trace.as_str().unwrap()));
        assert_eq!(lines.get(3).map_or(0, |told| spans_of(told).len()), spans);
        if let Some(told) = lines.get(3) {
            let [attempt, record] = &spans_of(told)[..] else { panic!("{told}") };
            assert_eq!(record["parentSpanId"], "00f067aa0ba902b7");
            assert_eq!(attempt["parentSpanId"], record["spanId"]);
            assert_eq!((&record["traceId"], &attempt["traceId"]), (&trace, &trace));
        }
        let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let lines = lines_of(Which::None, is_on.then_some(Way::Log), |telemetry| {
            run(telemetry.invocation().complete(async { joining(Some(own)) }));
        });
        let traces: Vec<_> = lines[..3].iter().map(|line| &line["trace_id"]).collect();
        assert_eq!(traces, ["0af7651916cd43dd8448eb211c80319c"; 3]);
    }
}

#[test]
fn an_invocation_keeps_so_many_spans() {
    let lines = lines_of(Which::None, Some(Way::Log), |telemetry| {
        run(telemetry.invocation().complete(async {
            (0..600).for_each(|_| drop(trace_span!(target: trace::TARGET, "attempt")));
        }));
    });
    assert_eq!(spans_of(&lines[0]).len(), 512);
}

/// A collector that gives this answer to the first request, or none if it is empty.
async fn collected(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        String::from_utf8(asked).unwrap()
    });
    let settings = Settings {
        traces: Some(Way::Collector(url.parse().unwrap())),
        ..Settings::fallback(Reader::Request)
    };
    let out = Out(Arc::new(|_| {}));
    let clock = if answer.is_empty() { noon() } else { patient() };
    let ids = Arc::new(TestIds::uuids());
    let (telemetry, subscriber) = Telemetry::new(settings, out, clock, ids);
    let dispatch = tracing::Dispatch::new(subscriber);
    let invocation = tracing::dispatcher::with_default(&dispatch, || {
        let invocation = telemetry.invocation();
        invocation.span().in_scope(|| drop(trace_span!(target: trace::TARGET, "attempt")));
        invocation
    });
    // It ends in any case.
    invocation.finish().await;
    if answer.is_empty() { String::new() } else { served.await.unwrap() }
}

#[tokio::test]
async fn a_collector_gets_the_spans_and_its_answer_does_not_matter() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        "nonsense",
    ] {
        let asked = collected(answer).await;
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(spans_of(&serde_json::from_str(body).unwrap()).len(), 1);
    }
    // Silence is waited out by the clock.
    collected("").await;
}

/// A callsite of a library, below the level of the log.
struct Library;

static LIBRARY: Metadata<'static> = Metadata::new(
    "event",
    "hyper::proto",
    Level::DEBUG,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&Library)),
    Kind::EVENT,
);

impl Callsite for Library {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &LIBRARY
    }
}

/// Otherwise each span and event of the libraries costs a look at all filters.
#[test]
fn what_no_layer_wants_is_asked_about_once() {
    for metrics in [Which::None, Which::Alarms, Which::All] {
        for traces in [None, Some(Way::Log)] {
            lines_of(metrics, traces, |_| {
                let interest = dispatcher::get_default(|of| of.register_callsite(&LIBRARY));
                assert!(interest.is_never(), "{metrics:?}: {interest:?}");
            });
        }
    }
}
