//! Metrics in CloudWatch's embedded metric format: one line of the log for each invocation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::parts::{Names, Out, SharedClock, in_registry};

/// The most values of a metric that a line can have.
const VALUES_OF_A_LINE: usize = 100;

/// The most values of a metric that an invocation keeps. More are left out.
const MAX_VALUES: usize = 1_000;

/// A metric.
struct Metric {
    /// The field of the event that measures it: a name of [`a2a_lambda_core::measure::NAMES`].
    field: &'static str,
    name: &'static str,
    unit: &'static str,
    what: What,
}

enum What {
    /// Reports each value.
    Values,
    /// Reports the sum of the values, if it is not 0.
    Sum,
    /// Reports each value, 0 too: an alarm watches it.
    Watched,
}

const fn values(field: &'static str, name: &'static str, unit: &'static str) -> Metric {
    Metric { field, name, unit, what: What::Values }
}

const fn sum(field: &'static str, name: &'static str) -> Metric {
    Metric { field, name, unit: "Count", what: What::Sum }
}

const fn watched(field: &'static str, name: &'static str, unit: &'static str) -> Metric {
    Metric { field, name, unit, what: What::Watched }
}

static METRICS: [Metric; 20] = [
    values("turn_millis", "TurnMillis", "Milliseconds"),
    values("attempts", "Attempts", "Count"),
    values("step_millis", "StepMillis", "Milliseconds"),
    sum("steps_failed", "StepsFailed"),
    sum("tasks_completed", "TasksCompleted"),
    sum("tasks_failed", "TasksFailed"),
    sum("tasks_canceled", "TasksCanceled"),
    sum("tasks_rejected", "TasksRejected"),
    values("push_lag_millis", "PushLagMillis", "Milliseconds"),
    sum("push_attempts_failed", "PushAttemptsFailed"),
    values("stream_millis", "StreamMillis", "Milliseconds"),
    watched("due_tasks", "DueTasks", "Count"),
    watched("oldest_due_seconds", "OldestDueSeconds", "Seconds"),
    watched("oldest_push_seconds", "OldestPushSeconds", "Seconds"),
    sum("lost_signals", "LostSignals"),
    sum("dead_leases", "DeadLeases"),
    sum("late_users", "LateUsers"),
    sum("lapsed_tasks", "LapsedTasks"),
    sum("expired_tasks", "ExpiredTasks"),
    sum("sweep_failures", "SweepFailures"),
];

/// An invocation's measurements: values by the names of fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured(Arc<Mutex<Values>>);

type Values = BTreeMap<&'static str, Vec<u64>>;

impl Measured {
    /// Collects the measurements in a span, and in the spans inside of it.
    pub(super) fn collect_in(&self, span: &Span) {
        in_registry(span, |span| span.extensions_mut().insert(self.clone()));
    }

    pub(super) fn take(&self) -> Values {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The layer that collects measurements.
#[derive(Debug)]
pub(super) struct Measures;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Measures {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut scope = context.event_scope(event).into_iter().flatten();
        let measured = scope.find_map(|span| span.extensions().get::<Measured>().cloned());
        if let Some(measured) = measured {
            let mut values = measured.0.lock().unwrap_or_else(PoisonError::into_inner);
            event.record(&mut Collector(&mut values));
        }
    }
}

struct Collector<'a>(&'a mut Values);

impl Visit for Collector<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        let values = self.0.entry(field.name()).or_default();
        if values.len() < MAX_VALUES {
            values.push(value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u64(field, u64::try_from(value).unwrap_or_default());
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// Tells metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) names: Names,
    pub(super) namespace: String,
    pub(super) only_for_alarms: bool,
    pub(super) out: Out,
    pub(super) clock: SharedClock,
}

impl Metrics {
    /// Writes an invocation's measurements, if there are any: one line, or more if they are many.
    pub(super) fn tell(&self, measured: &Values, was_cold: bool, request: Option<&str>) {
        let mut told: Vec<(&'static str, &'static str, Vec<u64>)> = Vec::new();
        if was_cold && !self.only_for_alarms {
            told.push(("ColdStart", "Count", vec![1]));
        }
        for Metric { field, name, unit, what } in &METRICS {
            let Some(values) = measured.get(field) else { continue };
            match what {
                What::Watched => told.push((name, unit, values.clone())),
                _ if self.only_for_alarms => {}
                What::Values => told.push((name, unit, values.clone())),
                What::Sum => match values.iter().sum() {
                    0 => {}
                    sum => told.push((name, unit, vec![sum])),
                },
            }
        }
        let lines = told.iter().map(|(_, _, values)| values.len().div_ceil(VALUES_OF_A_LINE));
        for line in 0..lines.max().unwrap_or_default() {
            let of_line = told.iter().filter_map(|(name, unit, values)| {
                let values = values.chunks(VALUES_OF_A_LINE).nth(line)?;
                Some((*name, *unit, values))
            });
            (self.out.0)(&self.line(of_line, request));
        }
    }

    fn line<'v>(
        &self,
        told: impl Iterator<Item = (&'static str, &'static str, &'v [u64])>,
        request: Option<&str>,
    ) -> String {
        let (mut line, mut metrics) = (Map::new(), Vec::new());
        for (name, unit, values) in told {
            metrics.push(json!({ "Name": name, "Unit": unit }));
            line.insert(
                name.to_owned(),
                match values {
                    [value] => json!(value),
                    values => json!(values),
                },
            );
        }
        // The function has few names, and the service has one: each pair of names and metric is billed.
        let directive = json!({
            "Namespace": self.namespace,
            "Dimensions": [["service", "function_name"]],
            "Metrics": metrics,
        });
        let now = self.clock.0.now().as_millis();
        line.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": now, "CloudWatchMetrics": [directive] }),
        );
        line.insert("service".to_owned(), json!(self.names.service));
        line.insert("function_name".to_owned(), json!(self.names.function));
        if let Some(request) = request {
            line.insert("function_request_id".to_owned(), json!(request));
        }
        Value::Object(line).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_has_a_metric() {
        let fields: Vec<_> = METRICS.iter().map(|metric| metric.field).collect();
        assert_eq!(fields, a2a_lambda_core::measure::NAMES);
    }
}
