//! One attempt: a POST, and what is noted of it.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use tracing::{info, warn};

use super::has_time_for_one;
use super::parcel::Parcel;
use super::view::{StillWanted, View};
use crate::engine::{Engine, chain};
use crate::ids::{ConfigId, TaskKey, fnv1a};
use crate::push::{Attempt, MAX_ATTEMPTS_KEPT, PushConfig, PushSecrets, Trouble};
use crate::store::StoreError;
use crate::vault::VaultError;
use crate::webhook::{Push, PushError};

/// The wait when it is no fault of the receiver's: its secrets or its cursor cannot be had.
const OWN_TROUBLE: Duration = Duration::from_secs(30);

/// What came of an attempt.
pub(super) struct Attempted {
    pub(super) id: ConfigId,
    pub(super) result: Result<Noted, NotNoted>,
}

/// An attempt of which the config knows.
pub(super) struct Noted {
    pub(super) config: PushConfig,
    pub(super) acknowledged: bool,
}

/// An attempt of which nothing is known, if it was made at all.
pub(super) enum NotNoted {
    /// The config is another one by now, or gone, or somebody else delivers.
    Superseded,
    /// It was not made: its config was deleted or replaced, or somebody else delivers.
    Withdrawn,
    /// It is to be made again then.
    Later(Timestamp),
}

/// What a receiver did with a push.
enum Verdict {
    Acknowledged,
    Failed { reason: String, again: Again },
}

/// Whether a receiver is to be sent the same again.
enum Again {
    /// When the schedule has it, but no sooner than this.
    After(Duration),
    /// It wants nothing more, ever.
    Never,
}

/// Sends a parcel, unless that could take longer than `ends_by`, and notes what came of it.
pub(super) async fn attempt(
    engine: &Engine,
    task: &TaskKey,
    config: PushConfig,
    parcel: Parcel,
    ends_by: Timestamp,
    view: Arc<View>,
) -> Attempted {
    let id = config.id.clone();
    let result = try_once(engine, task, config, parcel, ends_by, view).await;
    Attempted { id, result }
}

async fn try_once(
    engine: &Engine,
    task: &TaskKey,
    mut config: PushConfig,
    parcel: Parcel,
    ends_by: Timestamp,
    view: Arc<View>,
) -> Result<Noted, NotNoted> {
    let Parcel { through, generation, .. } = parcel;
    if parcel.to_be_noted {
        config.delivery.batch = Some(through);
        config = note(engine, task, config).await?;
    }
    let secrets = secrets(engine, task, &config).await;
    let verdict = match secrets {
        // The store or the vault took so long that somebody else may deliver before this is over.
        Ok(_) if !has_time_for_one(engine, ends_by) => {
            return Err(NotNoted::Later(engine.clock.now()));
        }
        Ok(secrets) => post(engine, task, &config, secrets, parcel, view).await?,
        Err(VaultError::Unavailable(error)) => {
            let (tenant, task, error) = (&task.tenant, &task.task, chain(error.as_ref()));
            warn!(%tenant, %task, config = %config.id, error, "no key for the secrets of a push");
            return Err(NotNoted::Later(engine.clock.now().saturating_add(OWN_TROUBLE)));
        }
        // The key is gone, or the secrets are damaged. The receiver is not to blame.
        Err(error) => {
            let (tenant, task, error) = (&task.tenant, &task.task, chain(&error));
            warn!(%tenant, %task, config = %config.id, error, "the secrets of a push cannot be opened");
            return Err(NotNoted::Later(engine.clock.now().saturating_add(OWN_TROUBLE)));
        }
    };
    let delivery = &mut config.delivery;
    let acknowledged = matches!(verdict, Verdict::Acknowledged);
    match verdict {
        Verdict::Acknowledged => {
            delivery.cursor = through;
            delivery.delivered = generation;
            delivery.introduced = true;
            delivery.batch = None;
            delivery.trouble = None;
        }
        Verdict::Failed { reason, again } => {
            let attempt = Attempt { at: engine.clock.now(), generation, reason };
            let trouble = after_failure(engine, delivery.trouble.take(), attempt, again);
            log_failure(task, &config.id, &trouble);
            config.delivery.trouble = Some(trouble);
        }
    }
    let config = note(engine, task, config).await?;
    Ok(Noted { config, acknowledged })
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

async fn post(
    engine: &Engine,
    task: &TaskKey,
    config: &PushConfig,
    secrets: PushSecrets,
    parcel: Parcel,
    view: Arc<View>,
) -> Result<Verdict, NotNoted> {
    let timeout = engine.policy.push_timeout;
    let id = config.push_id(task, parcel.through);
    let trace = config.trace.as_ref().map(|trace| trace.child(&id));
    let push = Push {
        id,
        at: engine.clock.now(),
        url: config.url.clone(),
        scheme: config.scheme.clone(),
        secrets,
        content_type: parcel.content_type,
        body: parcel.body,
        traceparent: trace.map(|trace| trace.as_str().to_owned()),
        timeout,
    };
    let wanted = StillWanted::new(engine, task, &config.registration, view);
    let answer = tokio::select! {
        biased;
        answer = engine.webhook.post(push, &wanted) => answer,
        () = engine.clock.sleep(timeout) => Err(PushError::TimedOut(timeout)),
    };
    Ok(match answer {
        Ok(answer) if (200..300).contains(&answer.status) => Verdict::Acknowledged,
        Ok(answer) if answer.status == 410 => {
            Verdict::Failed { reason: "HTTP 410: it wants no more".to_owned(), again: Again::Never }
        }
        Ok(answer) => Verdict::Failed {
            reason: format!("HTTP {}", answer.status),
            again: Again::After(answer.retry_after.unwrap_or_default()),
        },
        Err(PushError::Withdrawn) if wanted.is_unknown() => {
            let (tenant, task) = (&task.tenant, &task.task);
            warn!(%tenant, %task, config = %config.id, "the task was not read in time for a push");
            return Err(NotNoted::Later(engine.clock.now().saturating_add(OWN_TROUBLE)));
        }
        Err(PushError::Withdrawn) => return Err(NotNoted::Withdrawn),
        Err(PushError::Ours(error)) => {
            let (tenant, task, error) = (&task.tenant, &task.task, chain(error.as_ref()));
            warn!(%tenant, %task, config = %config.id, error, "a push could not be begun");
            return Err(NotNoted::Later(engine.clock.now().saturating_add(OWN_TROUBLE)));
        }
        Err(error) => {
            let (tenant, task, config) = (&task.tenant, &task.task, &config.id);
            let why = chain(&error);
            info!(%tenant, %task, %config, error = why, "a receiver was not reached");
            Verdict::Failed { reason: told(&error), again: Again::After(Duration::ZERO) }
        }
    })
}

/// What is told of an error to who has made the config: nothing of what a name stands for in this
/// network, or of which ports are open in it.
fn told(error: &PushError) -> String {
    match error {
        PushError::Refused(_) | PushError::Unreachable(_) => {
            "the receiver cannot be reached".to_owned()
        }
        PushError::TimedOut(_) | PushError::Withdrawn | PushError::Ours(_) => error.to_string(),
    }
}

/// What is known of a receiver's trouble after another failure: how long to wait, or that there is
/// no use in it.
fn after_failure(
    engine: &Engine,
    before: Option<Trouble>,
    attempt: Attempt,
    again: Again,
) -> Trouble {
    let policy = &engine.policy;
    let now = attempt.at;
    let new = || Trouble { since: now, failures: 0, next: None, attempts: Vec::new() };
    let mut trouble = before.unwrap_or_else(new);
    let wait = usize::try_from(trouble.failures).ok().and_then(|n| policy.push_waits.get(n));
    trouble.next = match (again, wait) {
        (Again::After(asked), Some(wait)) => {
            let wait = with_jitter(*wait, &engine.ids.fresh());
            Some(now.saturating_add(wait.max(asked.min(policy.push_wait_most))))
        }
        (Again::Never, _) | (_, None) => None,
    };
    trouble.failures = trouble.failures.saturating_add(1);
    let over = (trouble.attempts.len() + 1).saturating_sub(MAX_ATTEMPTS_KEPT);
    trouble.attempts.drain(..over);
    trouble.attempts.push(attempt);
    trouble
}

/// Up to a tenth is added, so that what failed together is not tried again together.
fn with_jitter(wait: Duration, chance: &str) -> Duration {
    let thousandths = u32::try_from(fnv1a(chance.as_bytes()) % 1_000).unwrap_or_default();
    wait + wait / 10 * thousandths / 1_000
}

fn log_failure(task: &TaskKey, config: &ConfigId, trouble: &Trouble) {
    let (tenant, task) = (&task.tenant, &task.task);
    let reason = trouble.attempts.last().map_or("", |attempt| &attempt.reason);
    let failures = trouble.failures;
    if let Some(next) = trouble.next {
        info!(%tenant, %task, %config, failures, reason, %next, "a push failed");
    } else {
        warn!(%tenant, %task, %config, failures, reason, "a push config is disabled");
    }
}

/// Writes down what is known of a config, if it is still the one that was read.
async fn note(engine: &Engine, task: &TaskKey, config: PushConfig) -> Result<PushConfig, NotNoted> {
    let before = config.write.clone();
    let config = PushConfig { write: engine.write_id(), ..config };
    match engine.advance_config(task, &before, &config).await {
        Ok(true) => Ok(config),
        Ok(false) => Err(NotNoted::Superseded),
        Err(error) => Err(not_written(engine, task, &config.id, &error)),
    }
}

fn not_written(engine: &Engine, task: &TaskKey, config: &ConfigId, error: &StoreError) -> NotNoted {
    let (tenant, task, error) = (&task.tenant, &task.task, chain(error));
    warn!(%tenant, %task, %config, error, "the state of a push config could not be written");
    NotNoted::Later(engine.clock.now().saturating_add(OWN_TROUBLE))
}
