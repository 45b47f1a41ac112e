//! Configuration: variables, parsed once at the start of a process.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::{Engine, Policy, PushConfigs, TaskStore, Timer};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::clients::{dynamodb_client, http_client, scheduler_client, sqs_client};
use crate::environment::{AwsEnvironment, EnvironmentError};
use crate::records::Records;
use crate::scheduler::SchedulerTimer;
use crate::sqs::SqsQueue;
use crate::system::{RandomIds, SystemClock};
use crate::vault::vault;
use crate::webhook::webhook;

/// How many waits there may be between the attempts at a receiver in trouble.
const MAX_WAITS: usize = 32;

/// The configuration cannot be used. The text names the variable and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("the environment variable {variable} is not set: it must be {what}")]
    Missing {
        /// The variable's name.
        variable: &'static str,
        /// What it must be.
        what: &'static str,
    },
    /// A variable has a value that it cannot have.
    #[error("the environment variable {variable} must be {what}")]
    Invalid {
        /// The variable's name.
        variable: &'static str,
        /// What it must be.
        what: String,
        /// Why this value is not.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// What AWS sets is not there.
    #[error(transparent)]
    Aws(#[from] EnvironmentError),
}

/// The variables of a process, looked up by name. An empty variable counts as not set.
pub struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

impl<'a> Variables<'a> {
    /// Variables by this lookup; in a function, of [the process](crate::process_environment).
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// The value of a variable, if it is set.
    pub fn optional(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(
        &self,
        variable: &'static str,
        what: &'static str,
    ) -> Result<String, ConfigError> {
        self.optional(variable).ok_or(ConfigError::Missing { variable, what })
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// When the variable is set to anything else.
    pub fn number(
        &self,
        variable: &'static str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ConfigError> {
        let Some(text) = self.optional(variable) else {
            return Ok(None);
        };
        let what = || format!("a whole number from {} to {}", bounds.start(), bounds.end());
        match text.parse::<u64>() {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            Ok(_) => Err(ConfigError::Invalid { variable, what: what(), source: None }),
            Err(error) => {
                Err(ConfigError::Invalid { variable, what: what(), source: Some(error.into()) })
            }
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// When the variable is set to anything else than `true` or `false`.
    pub fn flag(&self, variable: &'static str) -> Result<Option<bool>, ConfigError> {
        match self.optional(variable).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => {
                let what = "true or false".to_owned();
                Err(ConfigError::Invalid { variable, what, source: None })
            }
        }
    }

    /// What `read` makes of a variable that must be set.
    ///
    /// # Errors
    /// When it is not set, or when `read` refuses it.
    pub fn required_as<T, E: Error + Send + Sync + 'static>(
        &self,
        variable: &'static str,
        what: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let text = self.required(variable, what)?;
        self.read(variable, what, |_| read(&text))
    }

    /// What `read` makes of a variable, set or not.
    ///
    /// # Errors
    /// When `read` refuses it.
    pub fn read<T, E: Error + Send + Sync + 'static>(
        &self,
        variable: &'static str,
        what: &str,
        read: impl FnOnce(Option<&str>) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        read(self.optional(variable).as_deref()).map_err(|error| ConfigError::Invalid {
            variable,
            what: what.to_owned(),
            source: Some(error.into()),
        })
    }

    /// What AWS sets.
    ///
    /// # Errors
    /// When it is not there.
    pub fn aws(&self) -> Result<AwsEnvironment, ConfigError> {
        Ok(AwsEnvironment::from_lookup(self.lookup)?)
    }
}

/// The policy, with what variables change of its defaults: `LEASE_SECONDS` (6 to 900),
/// `MAX_ATTEMPTS` (1 to 100), `BLOCKING_WAIT_SECONDS` (0 to 900), `MAX_STREAM_SECONDS` (1 to 900),
/// `DEDUPLICATE_MESSAGES` (`true` or `false`); of pushes, `PUSH_TASK` (whether a config is first sent
/// the task; `true` or `false`), `PUSH_ARTIFACTS` (whether it is sent more than changes of status),
/// `PUSH_TIMEOUT_SECONDS` (how long a receiver may take, 1 to 60) and `PUSH_WAITS_SECONDS` (the waits
/// between the attempts at a receiver in trouble, with commas: 1 to 32 of them, each 1 to 604800).
///
/// What a process that died was at is taken up again in time: `SIGNAL_GRACE_SECONDS` (1 to 900) is how
/// long a signal may take before the sweep sends another, and `PUSH_CLAIM_SECONDS` (4 to 900) how long
/// a task's pushes are left to whoever has begun with them; at least three times what a receiver may
/// take.
///
/// # Errors
/// When one of them is out of its bounds.
pub fn policy(variables: &Variables<'_>) -> Result<Policy, ConfigError> {
    let mut policy = Policy::default();
    if let Some(seconds) = variables.number("LEASE_SECONDS", 6..=900)? {
        policy.lease = Duration::from_secs(seconds);
    }
    if let Some(attempts) = variables.number("MAX_ATTEMPTS", 1..=100)? {
        policy.max_attempts = u32::try_from(attempts).unwrap_or(policy.max_attempts);
    }
    if let Some(seconds) = variables.number("BLOCKING_WAIT_SECONDS", 0..=900)? {
        policy.blocking_wait = Duration::from_secs(seconds);
    }
    if let Some(seconds) = variables.number("MAX_STREAM_SECONDS", 1..=900)? {
        policy.max_stream = Duration::from_secs(seconds);
    }
    if let Some(deduplicate) = variables.flag("DEDUPLICATE_MESSAGES")? {
        policy.deduplicate_messages = deduplicate;
    }
    policy.push_task = variables.flag("PUSH_TASK")?.unwrap_or(policy.push_task);
    policy.push_artifacts = variables.flag("PUSH_ARTIFACTS")?.unwrap_or(policy.push_artifacts);
    if let Some(seconds) = variables.number("PUSH_TIMEOUT_SECONDS", 1..=60)? {
        policy.push_timeout = Duration::from_secs(seconds);
    }
    if let Some(seconds) = variables.number("PUSH_CLAIM_SECONDS", 4..=900)? {
        policy.push_claim = Duration::from_secs(seconds);
    }
    policy.push_claim = policy.push_claim.max(3 * policy.push_timeout);
    if let Some(waits) = push_waits(variables)? {
        policy.push_waits = waits;
    }
    if let Some(seconds) = variables.number("SIGNAL_GRACE_SECONDS", 1..=900)? {
        policy.signal_grace = Duration::from_secs(seconds);
    }
    Ok(policy)
}

fn push_waits(variables: &Variables<'_>) -> Result<Option<Vec<Duration>>, ConfigError> {
    let variable = "PUSH_WAITS_SECONDS";
    let Some(text) = variables.optional(variable) else { return Ok(None) };
    let wait = |text: &str| {
        let seconds = text.trim().parse().ok().filter(|seconds| (1..=604_800).contains(seconds));
        seconds.map(Duration::from_secs)
    };
    // One more than there may be tells that there are too many.
    let waits: Option<Vec<Duration>> = text.split(',').take(MAX_WAITS + 1).map(wait).collect();
    let waits = waits.filter(|waits| waits.len() <= MAX_WAITS).ok_or_else(|| {
        let what = format!(
            "1 to {MAX_WAITS} whole numbers from 1 to 604800 with commas, such as 5,30,120"
        );
        ConfigError::Invalid { variable, what, source: None }
    })?;
    Ok(Some(waits))
}

/// The engine of a function: `TABLE_NAME` and `QUEUE_URL`, the [policy]'s variables, and what AWS
/// sets. The store is made by the caller, who knows which it wants.
///
/// A signal for a time that SQS cannot wait for [hops](SqsQueue), or is a
/// [schedule](SchedulerTimer) if these say how:
///
/// | variable | |
/// |---|---|
/// | `SCHEDULER_ROLE_ARN` | the role by which EventBridge Scheduler sends to the queue |
/// | `QUEUE_ARN` | required then: the queue of `QUEUE_URL` |
/// | `SCHEDULE_GROUP` | the group of the schedules, which must exist; `default`, if it is not set |
///
/// How pushes are sent is for [`webhook_config`](crate::webhook_config()), what seals their secrets for [`vault`](crate::vault()).
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine<S: TaskStore + PushConfigs>(
    variables: &Variables<'_>,
    make_store: impl FnOnce(aws_sdk_dynamodb::Client, String) -> S,
) -> Result<Engine, ConfigError> {
    Ok(engine_with_records(variables, make_store)?.0)
}

/// As [`engine`], for a function that the queue feeds.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine_with_records<S: TaskStore + PushConfigs>(
    variables: &Variables<'_>,
    make_store: impl FnOnce(aws_sdk_dynamodb::Client, String) -> S,
) -> Result<(Engine, Arc<dyn Records>), ConfigError> {
    let table = variables.required("TABLE_NAME", "the name of the DynamoDB table of tasks")?;
    let queue_url = variables.required("QUEUE_URL", "the URL of the SQS queue of signals")?;
    let policy = policy(variables)?;
    let aws = variables.aws()?;
    let http = http_client();
    let store = Arc::new(make_store(dynamodb_client(&aws, http.clone()), table));
    let timer = scheduler_timer(variables, &aws, &http)?;
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let vault = vault(variables, &aws, &http, clock.clone())?;
    let webhook = webhook(variables, ids.clone())?;
    let queue = Arc::new(SqsQueue::new(sqs_client(&aws, http), queue_url));
    let engine = Engine {
        store: store.clone(),
        configs: store,
        queue: queue.clone(),
        timer: timer.map_or(queue.clone() as Arc<dyn Timer>, |timer| Arc::new(timer)),
        clock,
        ids,
        webhook,
        vault,
        policy: Arc::new(policy),
    };
    Ok((engine, queue))
}

/// EventBridge Scheduler, if there is a role for it.
fn scheduler_timer(
    variables: &Variables<'_>,
    aws: &AwsEnvironment,
    http: &SharedHttpClient,
) -> Result<Option<SchedulerTimer>, ConfigError> {
    let Some(role_arn) = variables.optional("SCHEDULER_ROLE_ARN") else {
        // Whoever has set these believes that there are schedules.
        for variable in ["QUEUE_ARN", "SCHEDULE_GROUP"] {
            if variables.optional(variable).is_some() {
                let what = "unset, or SCHEDULER_ROLE_ARN set: it is for schedules only".to_owned();
                return Err(ConfigError::Invalid { variable, what, source: None });
            }
        }
        return Ok(None);
    };
    let what = "the ARN of the SQS queue of signals, as SCHEDULER_ROLE_ARN is set";
    let queue_arn = variables.required("QUEUE_ARN", what)?;
    for (variable, arn) in [("SCHEDULER_ROLE_ARN", &role_arn), ("QUEUE_ARN", &queue_arn)] {
        if !arn.starts_with("arn:") {
            let what = "an ARN, which begins with arn:".to_owned();
            return Err(ConfigError::Invalid { variable, what, source: None });
        }
    }
    let group = variables.optional("SCHEDULE_GROUP").unwrap_or_else(|| "default".to_owned());
    if group.len() > 64 || !group.chars().all(is_of_a_name) {
        let (variable, what) = ("SCHEDULE_GROUP", "1 to 64 letters, digits, -, _ and .".to_owned());
        return Err(ConfigError::Invalid { variable, what, source: None });
    }
    let client = scheduler_client(aws, http.clone());
    Ok(Some(SchedulerTimer::new(client, group, role_arn, queue_arn)))
}

/// What EventBridge Scheduler's names are made of.
fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

#[cfg(test)]
mod tests;
