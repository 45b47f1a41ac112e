//! A process's reports: lines of its log, metrics, and traces.
//!
//! The first two are lines of JSON on the standard output, which Lambda gives to CloudWatch. Keys
//! and variables have the names of Powertools for AWS Lambda, so that one query finds the lines of
//! functions in all languages.

mod emf;
mod lines;
mod otlp;
mod parts;
mod spans;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use a2a_lambda_core::{Clock, Ids, measure, trace};
use a2a_lambda_protocol::Timestamp;
use http::Uri;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument as _, Span, info_span};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use self::emf::{Measured, Measures, Metrics};
use self::lines::Lines;
use self::otlp::{Traces, Way};
use self::parts::{Names, Out, SharedClock};
use self::spans::{Places, Spans};
use crate::system::{RandomIds, SystemClock};
use crate::table::{
    AWS_LAMBDA_FUNCTION_NAME, LOG_LEVEL, METRICS, OTEL_EXPORTER_OTLP_ENDPOINT,
    POWERTOOLS_LOG_LEVEL, POWERTOOLS_METRICS_NAMESPACE, POWERTOOLS_SERVICE_NAME, Reader, TRACES,
    Text,
};
use crate::variables::{ConfigError, Variables};

pub use self::spans::traceparent;

/// The prefix of our code's targets: our crates' names begin so.
const OURS: &str = "a2a_lambda";

/// The target of the spans of invocations.
const INVOCATION: &str = "invocation";

/// The target of the runtime's span of an invocation, which has the request's id.
const LAMBDA_RUNTIME: &str = "lambda_runtime";

/// The most bytes of a name that lines have.
const MAX_NAME: usize = 255;

/// The settings of the log, the metrics and the traces.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    level: LevelFilter,
    metrics: Which,
    traces: Option<Way>,
    names: Names,
    namespace: String,
}

/// The metrics that are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    None,
    /// Those that alarms watch.
    Alarms,
    All,
}

impl Settings {
    /// The settings in a function's variables.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(crate) fn from_variables(
        variables: &Variables<'_>,
        function: Reader,
    ) -> Result<Self, ConfigError> {
        let level = log_level(variables)?;
        let metrics = match variables.choice(&METRICS)? {
            "all" => Which::All,
            "alarms" => Which::Alarms,
            _ => Which::None,
        };
        let collector = collector(variables)?;
        let traces = match variables.choice(&TRACES)? {
            "otlp" => Some(Way::Collector(collector)),
            "stdout" => Some(Way::Log),
            _ => None,
        };
        let service = name(variables, &POWERTOOLS_SERVICE_NAME)?;
        let namespace = name(variables, &POWERTOOLS_METRICS_NAMESPACE)?;
        if namespace.starts_with("AWS/") {
            return Err(ConfigError::invalid(&POWERTOOLS_METRICS_NAMESPACE));
        }
        let named = variables.text(&AWS_LAMBDA_FUNCTION_NAME)?;
        let function = named.unwrap_or_else(|| function.name().to_owned());
        Ok(Self { level, metrics, traces, names: Names { service, function }, namespace })
    }

    /// The settings until the variables are read.
    pub(crate) fn fallback(function: Reader) -> Self {
        let names =
            Names { service: "a2a-lambda".to_owned(), function: function.name().to_owned() };
        let (level, metrics) = (LevelFilter::INFO, Which::None);
        Self { level, metrics, traces: None, names, namespace: String::new() }
    }
}

/// The level of the log. Powertools writes levels in capital letters.
///
/// # Errors
/// When `LOG_LEVEL` or `POWERTOOLS_LOG_LEVEL` is not a level.
pub fn log_level(variables: &Variables<'_>) -> Result<LevelFilter, ConfigError> {
    let ours = variables.choice(&LOG_LEVEL)?;
    let theirs = variables.text(&POWERTOOLS_LOG_LEVEL)?.map(|word| word.to_ascii_lowercase());
    Ok(match theirs.as_deref().unwrap_or(ours) {
        "critical" | "error" => LevelFilter::ERROR,
        "warning" | "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return Err(ConfigError::invalid(&POWERTOOLS_LOG_LEVEL)),
    })
}

/// A name that CloudWatch accepts as a namespace and as the value of a dimension.
fn name(variables: &Variables<'_>, variable: &'static Text) -> Result<String, ConfigError> {
    let name = variables.required(variable)?;
    let is_taken =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b'#');
    if name.len() <= MAX_NAME && name.bytes().all(is_taken) {
        Ok(name)
    } else {
        Err(ConfigError::invalid(variable))
    }
}

/// The URL at which the collector takes traces.
fn collector(variables: &Variables<'_>) -> Result<Uri, ConfigError> {
    let url = variables.required(&OTEL_EXPORTER_OTLP_ENDPOINT)?;
    let url: Uri = format!("{}/v1/traces", url.trim_end_matches('/'))
        .parse()
        .map_err(|_| ConfigError::invalid(&OTEL_EXPORTER_OTLP_ENDPOINT))?;
    let is_web = matches!(url.scheme_str(), Some("http" | "https"));
    let has_password = url.authority().is_some_and(|of| of.as_str().contains('@'));
    if is_web && !has_password && url.query().is_none() {
        Ok(url)
    } else {
        Err(ConfigError::invalid(&OTEL_EXPORTER_OTLP_ENDPOINT))
    }
}

/// Reports the events of a process, invocation by invocation.
#[derive(Debug, Clone)]
pub struct Telemetry {
    metrics: Option<Arc<Metrics>>,
    traces: Option<Arc<Traces>>,
    clock: SharedClock,
    /// Whether the first invocation has not ended yet.
    is_cold: Arc<AtomicBool>,
}

impl Telemetry {
    /// Begins to log, and to measure where that is switched on. Call it once, at the start of the
    /// process.
    ///
    /// A panic's line has only its place, because its message may quote a user.
    pub(crate) fn start(settings: Settings) -> Self {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let (telemetry, subscriber) = Self::new(settings, Out::stdout(), clock, ids);
        // It fails only where there is one already.
        let _ = tracing::subscriber::set_global_default(subscriber);
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(event = "code_panicked", place, "the code panicked");
        }));
        telemetry
    }

    fn new(
        settings: Settings,
        out: Out,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> (Self, impl tracing::Subscriber + Send + Sync) {
        let Settings { level, metrics, traces, names, namespace } = settings;
        let (clock, is_cold) = (SharedClock(clock), Arc::new(AtomicBool::new(true)));
        // Libraries log whole events and requests below `info`, so their lines below it are dropped
        // at every level.
        let logged = Targets::new()
            .with_target(OURS, level)
            .with_default(level.min(LevelFilter::INFO))
            .with_target(LAMBDA_RUNTIME, LevelFilter::INFO)
            .with_target(INVOCATION, LevelFilter::INFO)
            .with_target(trace::TARGET, LevelFilter::TRACE)
            .with_target(measure::TARGET, LevelFilter::OFF);
        let lines = Lines::new(names.clone(), out.clone(), clock.clone(), is_cold.clone());
        let lines = lines.with_filter(logged);
        let places = Places { clock: clock.clone(), ids, are_on: traces.is_some() };
        let in_spans = Targets::new()
            .with_target(trace::TARGET, LevelFilter::TRACE)
            .with_target(INVOCATION, LevelFilter::INFO);
        let places = places.with_filter(in_spans);
        let tells = |way| Traces::new(names.clone(), way, out.clone(), clock.clone());
        let traces = traces.map(tells).map(Arc::new);
        let metrics = match metrics {
            Which::None => None,
            which => Some(Arc::new(Metrics {
                names,
                namespace,
                only_for_alarms: which == Which::Alarms,
                out,
                clock: clock.clone(),
            })),
        };
        // Without metrics it is a layer that wants nothing. With no layer in its place, the others would
        // be asked about each span and event of the libraries anew.
        let wanted = if metrics.is_some() {
            Targets::new()
                .with_target(measure::TARGET, LevelFilter::TRACE)
                .with_target(trace::TARGET, LevelFilter::TRACE)
                .with_target(INVOCATION, LevelFilter::INFO)
        } else {
            Targets::new()
        };
        let measures = Measures.with_filter(wanted);
        let subscriber = tracing_subscriber::registry().with(places).with(lines).with(measures);
        (Self { metrics, traces, clock, is_cold }, subscriber)
    }

    /// Begins an invocation. Call it where the runtime calls the handler: all lines of the
    /// invocation have the request's id.
    pub fn invocation(&self) -> Invocation {
        let span = info_span!(target: INVOCATION, "invocation");
        let measured = Measured::default();
        if self.metrics.is_some() {
            measured.collect_in(&span);
        }
        let spans = Spans::default();
        if self.traces.is_some() {
            spans.keep_of(&span);
        }
        let began = self.clock.0.now();
        Invocation { span, began, measured, spans, telemetry: self.clone() }
    }
}

/// An invocation that is under way. Dropping it reports its measurements.
#[derive(Debug)]
pub struct Invocation {
    span: Span,
    began: Timestamp,
    measured: Measured,
    spans: Spans,
    telemetry: Telemetry,
}

impl Invocation {
    /// Runs the invocation's work, or a part of it.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        work.instrument(self.span.clone()).await
    }

    /// Runs the invocation's work, and ends the invocation.
    pub async fn complete<T>(self, work: impl Future<Output = T>) -> T {
        let done = self.run(work).await;
        self.finish().await;
        done
    }

    /// Ends the invocation: tells its spans, for 200 ms at most.
    pub async fn finish(self) {
        if let Some(traces) = &self.telemetry.traces {
            traces.tell(self.spans.take()).await;
        }
    }

    /// How long it has lasted.
    pub fn elapsed(&self) -> Duration {
        self.telemetry.clock.0.now().saturating_since(self.began)
    }

    /// The span of the invocation.
    pub fn span(&self) -> &Span {
        &self.span
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        let was_cold = self.telemetry.is_cold.swap(false, Ordering::Relaxed);
        if let Some(metrics) = &self.telemetry.metrics {
            let request = lines::request_id(&self.span);
            metrics.tell(&self.measured.take(), was_cold, request.as_deref());
        }
    }
}

#[cfg(test)]
mod tests;
