//! The printed reports. They are the JSON, too, so their fields stay as they are.

use a2a_lambda_aws::{LeftBehind, Redriven};
use a2a_lambda_core::api_key::{ApiKey, KeyId, KeySecret};
use a2a_lambda_core::ids::{ConfigId, Generation, TaskKey, Tenant};
use a2a_lambda_core::push::{Attempt, Trouble};
use a2a_lambda_core::push::{ConfigState, FailingConfig, TaskPushes};
use a2a_lambda_core::{ContextDeleted, ConversationKey, Deleted, Mark};
use a2a_lambda_protocol::Timestamp;
use serde::Serialize;

use super::work::Work;

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Report {
    Failing(Failing),
    Task(Pushes),
    Work(Work),
    Changed(Changed),
    Deleted(Removed),
    Forgotten(Forgotten),
    Retained(Retained),
    Redriven(Outcome),
    MadeKey(MadeKey),
    Keys(Keys),
    RevokedKey(RevokedKey),
}

/// The result of a walk through the table.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retained {
    /// The items that were looked at.
    pub(crate) items: usize,
    /// The tasks among them that were looked at for themselves.
    pub(crate) tasks: usize,
    /// Those of them that had no time to go.
    pub(crate) without_time: usize,
    /// Whether they were given it.
    pub(crate) wrote: bool,
}

/// An API key, and the key itself, this once.
#[derive(Serialize)]
pub(crate) struct MadeKey {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) about: Key,
}

/// It does not show the key.
impl std::fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeKey").field("about", &self.about).finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) owner: String,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) scopes: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) expired: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct RevokedKey {
    pub(crate) revoked: KeyId,
}

#[derive(Debug, Serialize)]
pub(crate) struct Failing {
    pub(crate) failing: Vec<FailingLine>,
    /// Whether there are more than were asked for.
    pub(crate) more: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct FailingLine {
    #[serde(flatten)]
    pub(crate) task: TaskKey,
    pub(crate) config: Config,
}

#[derive(Debug, Serialize)]
pub(crate) struct Pushes {
    #[serde(flatten)]
    pub(crate) task: TaskKey,
    pub(crate) owner: String,
    pub(crate) state: &'static str,
    pub(crate) generation: Generation,
    pub(crate) pending: Pending,
    pub(crate) configs: Vec<Config>,
}

/// The pending-push mark.
#[derive(Debug, Serialize)]
#[serde(tag = "is", rename_all = "camelCase")]
pub(crate) enum Pending {
    Nothing,
    Open,
    Claimed { until: Timestamp },
    Waiting { until: Timestamp },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    pub(crate) id: ConfigId,
    pub(crate) url: String,
    pub(crate) version: &'static str,
    pub(crate) created_at: Timestamp,
    pub(crate) delivered: Generation,
    /// Whether it was sent the task, or need not be.
    pub(crate) introduced: bool,
    pub(crate) disabled: bool,
    pub(crate) trouble: Option<Troubled>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Troubled {
    pub(crate) since: Timestamp,
    pub(crate) failures: u32,
    /// Attempts that could not be made here since the last failure.
    pub(crate) ours: u32,
    pub(crate) next: Option<Timestamp>,
    pub(crate) attempts: Vec<Tried>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Tried {
    pub(crate) at: Timestamp,
    pub(crate) generation: Generation,
    pub(crate) reason: String,
    /// The cause, which the config's owner does not see.
    pub(crate) cause: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    pub(crate) done: &'static str,
    #[serde(flatten)]
    pub(crate) task: TaskKey,
    pub(crate) config: Config,
}

#[derive(Debug, Serialize)]
pub(crate) struct Removed {
    #[serde(flatten)]
    pub(crate) task: TaskKey,
    /// Whether nothing is stored of it any more. The rest is left to the sweep.
    pub(crate) whole: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Forgotten {
    pub(crate) tenant: Tenant,
    pub(crate) owner: String,
    pub(crate) context: String,
    /// How many tasks this run deleted.
    pub(crate) tasks: usize,
    /// Whether nothing is stored of it any more.
    pub(crate) whole: bool,
    /// When the next run can go on, if that is later.
    pub(crate) again_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) moved: usize,
    /// No signals: they are left where they are.
    pub(crate) left: Vec<Left>,
    pub(crate) failed: Vec<Left>,
    /// Whether the limit was reached.
    pub(crate) more: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Left {
    pub(crate) message_id: String,
    pub(crate) reason: String,
}

impl Report {
    pub(crate) fn failing(found: &[FailingConfig], more: bool) -> Self {
        let line = |of: &FailingConfig| FailingLine {
            task: of.task.clone(),
            config: Config::from(&of.config),
        };
        Self::Failing(Failing { failing: found.iter().map(line).collect(), more })
    }

    pub(crate) fn task(pushes: &TaskPushes) -> Self {
        Self::Task(Pushes {
            task: pushes.key.clone(),
            owner: pushes.owner.as_str().to_owned(),
            state: pushes.state.as_str(),
            generation: pushes.generation,
            pending: match &pushes.mark {
                None => Pending::Nothing,
                Some(Mark::Open) => Pending::Open,
                Some(Mark::Claimed { until, .. }) => Pending::Claimed { until: *until },
                Some(Mark::Waiting { until }) => Pending::Waiting { until: *until },
            },
            configs: pushes.configs.iter().map(Config::from).collect(),
        })
    }

    pub(crate) fn changed(done: &'static str, task: &TaskKey, config: &ConfigState) -> Self {
        Self::Changed(Changed { done, task: task.clone(), config: Config::from(config) })
    }

    pub(crate) fn made_key(secret: &KeySecret, key: &ApiKey) -> Self {
        let about = Key::new(key, key.created_at);
        Self::MadeKey(MadeKey { key: secret.expose().to_owned(), about })
    }

    pub(crate) fn keys(keys: &[ApiKey], now: Timestamp) -> Self {
        Self::Keys(Keys { keys: keys.iter().map(|key| Key::new(key, now)).collect() })
    }

    pub(crate) fn deleted(task: &TaskKey, deleted: Deleted) -> Self {
        Self::Deleted(Removed { task: task.clone(), whole: deleted == Deleted::Whole })
    }

    pub(crate) fn forgotten(of: &ConversationKey, deleted: &ContextDeleted) -> Self {
        Self::Forgotten(Forgotten {
            tenant: of.tenant.clone(),
            owner: of.owner.as_str().to_owned(),
            context: of.context.as_str().to_owned(),
            tasks: deleted.tasks,
            whole: deleted.whole,
            again_at: deleted.again_at,
        })
    }

    pub(crate) fn redriven(redriven: &Redriven) -> Self {
        let left = |all: &[LeftBehind]| {
            let left = |one: &LeftBehind| Left {
                message_id: one.message_id.clone(),
                reason: one.reason.clone(),
            };
            all.iter().map(left).collect()
        };
        Self::Redriven(Outcome {
            moved: redriven.moved,
            left: left(&redriven.left),
            failed: left(&redriven.failed),
            more: redriven.more,
        })
    }

    /// Whether all was done that was asked for.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Redriven(moved) => moved.failed.is_empty(),
            Self::Forgotten(forgotten) => forgotten.whole,
            _ => true,
        }
    }
}

impl Key {
    fn new(key: &ApiKey, now: Timestamp) -> Self {
        Self {
            id: key.id.clone(),
            owner: key.owner.clone(),
            tenant: key.tenant.clone(),
            scopes: key.scopes.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            expired: key.is_over(now),
        }
    }
}

impl Tried {
    /// The attempt's result and reason.
    pub(crate) fn told(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {cause}", self.reason),
            None => self.reason.clone(),
        }
    }
}

impl From<&ConfigState> for Config {
    fn from(config: &ConfigState) -> Self {
        let delivery = &config.delivery;
        Self {
            id: config.id.clone(),
            url: config.url.clone(),
            version: config.version.as_str(),
            created_at: config.created_at,
            delivered: delivery.delivered,
            introduced: delivery.introduced,
            disabled: delivery.is_disabled(),
            trouble: delivery.trouble.as_ref().map(Troubled::from),
        }
    }
}

impl From<&Trouble> for Troubled {
    fn from(trouble: &Trouble) -> Self {
        let tried = |attempt: &Attempt| Tried {
            at: attempt.at,
            generation: attempt.generation,
            reason: attempt.reason.clone(),
            cause: attempt.cause.clone(),
        };
        let Trouble { since, failures, ours, next, ref attempts } = *trouble;
        Self { since, failures, ours, next, attempts: attempts.iter().map(tried).collect() }
    }
}
