//! One attempt: a POST, and the record of its outcome.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use tracing::{Instrument as _, Span, field, trace_span, warn};

use super::payload::Payload;
use super::times::has_time_for_one;
use super::trouble::{answered, log_failure, ours, unanswered};
use super::view::{StillWanted, Unknown, View};
use crate::engine::{Engine, chain};
use crate::ids::{ConfigId, Position, TaskKey};
use crate::measure;
use crate::push::delivery::{Failure, OWN_TROUBLE};
use crate::push::url::server;
use crate::push::{Push, PushConfig, PushError, PushSecrets, VaultError};
use crate::store::StoreError;
use crate::trace::{self, TraceContext};

/// The end of an attempt.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) id: ConfigId,
    pub(super) result: Result<PushOutcome, NoOutcome>,
}

/// An attempt whose outcome is known.
#[derive(Debug)]
pub(super) struct PushOutcome {
    pub(super) config: PushConfig,
    pub(super) acknowledged: bool,
}

/// An attempt whose outcome is unknown, or that was not made.
#[derive(Debug)]
pub(super) enum NoOutcome {
    /// The config was replaced or deleted, or another deliverer has written it.
    Superseded,
    /// Not made: the config was deleted or replaced, or another deliverer has the claim.
    Withdrawn,
    /// To be made again at this time.
    Later(Timestamp),
    /// Not made: the store took this long to confirm that the config still exists.
    Late { took: Duration, config: Box<PushConfig> },
    /// Not made: too little of the claim, or of the invocation, was left.
    NoTime,
}

/// A receiver's reaction to a push.
enum Verdict {
    Acknowledged,
    Failed(Failure),
}

/// Sends a payload, unless that could take longer than `ends_by`, and records the outcome. It
/// stores an acknowledgement only if `stores`, or if the config is in trouble or has a batch.
pub(super) async fn attempt(
    engine: &Engine,
    task: &TaskKey,
    config: PushConfig,
    payload: Payload,
    stores: bool,
    ends_by: Timestamp,
    view: Arc<View>,
) -> Attempted {
    let id = config.id.clone();
    let result = try_once(engine, task, config, payload, stores, ends_by, view).await;
    Attempted { id, result }
}

async fn try_once(
    engine: &Engine,
    task: &TaskKey,
    mut config: PushConfig,
    payload: Payload,
    stores: bool,
    ends_by: Timestamp,
    view: Arc<View>,
) -> Result<PushOutcome, NoOutcome> {
    let Payload { through, generation, since, .. } = payload;
    if payload.is_new_batch {
        config.delivery.batched(through);
        config = store_config(engine, task, config).await?;
    }
    // Log lines about the attempt belong to its trace.
    let mut span = Span::none();
    let secrets = secrets(engine, task, &config).await;
    let verdict = match secrets {
        // The store or the vault was so slow that another deliverer may begin before this attempt
        // ends.
        Ok(_) if !has_time_for_one(&engine.policy, engine.clock.now(), ends_by) => {
            return Err(NoOutcome::NoTime);
        }
        Ok(secrets) => {
            let (trace, own) = trace_of(task, &config, through);
            span = own;
            post(engine, task, &config, secrets, payload, view, (trace, &span)).await?
        }
        Err(error) => Verdict::Failed(ours(&error)),
    };
    let acknowledged = matches!(verdict, Verdict::Acknowledged);
    match verdict {
        Verdict::Acknowledged => {
            if let Some(since) = since {
                measure::pushed(engine.clock.now().saturating_since(since));
            }
            let may_be_behind = config.delivery.may_be_behind();
            config.delivery.acknowledged(through, generation);
            if may_be_behind && !stores {
                return Ok(PushOutcome { config, acknowledged });
            }
        }
        Verdict::Failed(failure) => {
            let (now, chance) = (engine.clock.now(), engine.ids.fresh());
            config.delivery.failed(failure, generation, now, &chance, &engine.policy);
            span.in_scope(|| log_failure(task, &config));
            measure::push_failed();
        }
    }
    drop(span);
    let config = store_config(engine, task, config).await?;
    Ok(PushOutcome { config, acknowledged })
}

async fn secrets(
    engine: &Engine,
    task: &TaskKey,
    config: &PushConfig,
) -> Result<PushSecrets, VaultError> {
    if config.secrets.is_empty() {
        return Ok(PushSecrets::default());
    }
    let context = PushConfig::seal_context(task, &config.id);
    engine.vault.open(&config.secrets, &context).await
}

/// The trace context of the next attempt, in the config's trace, and the attempt's own span.
fn trace_of(
    task: &TaskKey,
    config: &PushConfig,
    through: Position,
) -> (Option<TraceContext>, Span) {
    let id = config.push_id(task, through);
    let failures = config.delivery.trouble.as_ref().map_or(0, |trouble| trouble.failures);
    let name = if failures == 0 { id } else { format!("{id}/{failures}") };
    let trace = config.trace.as_ref().map(|trace| trace.child(&name));
    let (address, port) = server(&config.url);
    let span = trace_span!(
        target: trace::TARGET,
        "push",
        name = "POST",
        kind = "client",
        parent = config.trace.as_ref().map(TraceContext::as_str),
        context = trace.as_ref().map(TraceContext::as_str),
        http.request.method = "POST",
        http.request.resend_count = failures,
        server.address = address,
        server.port = port,
        a2a.task.id = task.task.as_str(),
        http.response.status_code = field::Empty,
        "error.type" = field::Empty,
    );
    (trace, span)
}

async fn post(
    engine: &Engine,
    task: &TaskKey,
    config: &PushConfig,
    secrets: PushSecrets,
    payload: Payload,
    view: Arc<View>,
    (trace, span): (Option<TraceContext>, &Span),
) -> Result<Verdict, NoOutcome> {
    let timeout = engine.policy.push_timeout;
    let push = Push {
        id: config.push_id(task, payload.through),
        at: engine.clock.now(),
        url: config.url.clone(),
        scheme: config.scheme.clone(),
        secrets,
        content_type: payload.content_type,
        body: payload.body,
        traceparent: trace.map(|trace| trace.as_str().to_owned()),
        timeout,
    };
    let wanted = StillWanted::new(engine, task, &config.registration, view);
    let answer = tokio::select! {
        biased;
        answer = engine.webhook.post(push, &wanted).instrument(span.clone()) => answer,
        () = engine.clock.sleep(timeout) => Err(PushError::TimedOut(timeout)),
    };
    match &answer {
        Ok(answer) => {
            span.record("http.response.status_code", answer.status);
            if !answer.acknowledges() {
                span.record("error.type", &*answer.status.to_string());
            }
        }
        Err(error) => {
            span.record("error.type", kind(error));
        }
    }
    let late = |took| NoOutcome::Late { took, config: Box::new(config.clone()) };
    Ok(match answer {
        Ok(answer) if answer.acknowledges() => Verdict::Acknowledged,
        Ok(answer) => Verdict::Failed(answered(&answer)),
        Err(PushError::Withdrawn) => {
            return Err(match wanted.unknown() {
                None => NoOutcome::Withdrawn,
                Some(Unknown::Late(took)) => late(took),
                Some(Unknown::NotRead) => {
                    let (tenant, task) = (&task.tenant, &task.task);
                    warn!(event = "push_check_failed", %tenant, %task, config = %config.id,
                        "the deliverer could not check that the config exists, and sent nothing");
                    NoOutcome::Later(engine.clock.now().saturating_add(OWN_TROUBLE))
                }
            });
        }
        // The connection is up, and the receiver waits for a push that was never begun.
        Err(PushError::TimedOut(_) | PushError::Ours(_)) if let Some(took) = wanted.asks_for() => {
            return Err(late(took));
        }
        Err(error) => Verdict::Failed(unanswered(&error)),
    })
}

/// The name of an error, for traces.
fn kind(error: &PushError) -> &'static str {
    match error {
        PushError::Refused(_) => "refused",
        PushError::Unreachable(_) => "unreachable",
        PushError::BadAnswer(_) => "bad_answer",
        PushError::TimedOut(_) => "timeout",
        PushError::Withdrawn => "withdrawn",
        PushError::Ours(_) => "ours",
    }
}

/// Stores the known state of a config, if nobody has written it since the read.
pub(super) async fn store_config(
    engine: &Engine,
    task: &TaskKey,
    config: PushConfig,
) -> Result<PushConfig, NoOutcome> {
    let before = config.write.clone();
    let config = PushConfig { write: engine.write_id(), ..config };
    match engine.advance_config(task, &before, &config).await {
        Ok(true) => Ok(config),
        Ok(false) => Err(NoOutcome::Superseded),
        Err(error) => Err(not_written(engine, task, &config.id, &error)),
    }
}

fn not_written(
    engine: &Engine,
    task: &TaskKey,
    config: &ConfigId,
    error: &StoreError,
) -> NoOutcome {
    let (tenant, task, error) = (&task.tenant, &task.task, chain(error));
    warn!(event = "push_result_not_stored", %tenant, %task, %config, error,
        "the deliverer could not store the result of a push and may repeat it");
    NoOutcome::Later(engine.clock.now().saturating_add(OWN_TROUBLE))
}
