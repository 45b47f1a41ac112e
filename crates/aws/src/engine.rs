//! The composition: an engine over DynamoDB, SQS, EventBridge Scheduler and KMS.

use std::sync::Arc;

use a2a_lambda_core::{Engine, Timer};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_runtime::{ConfigError, RandomIds, SystemClock, Variables, policy, webhook};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::clients::{dynamodb_client, http_client, scheduler_client, sqs_client};
use crate::environment::AwsEnvironment;
use crate::records::Records;
use crate::scheduler::SchedulerTimer;
use crate::sqs::SqsQueue;
use crate::vault::vault;

/// The engine of a function: `TABLE_NAME` and `QUEUE_URL`, the [policy](a2a_lambda_runtime::policy())'s variables, and what AWS
/// sets.
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
/// How pushes are sent is for [`webhook_config`](a2a_lambda_runtime::webhook_config()), what seals their secrets for [`vault`](crate::vault()).
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine(variables: &Variables<'_>) -> Result<Engine, ConfigError> {
    Ok(engine_with_records(variables)?.0)
}

/// As [`engine`], for a function that the queue feeds.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine_with_records(
    variables: &Variables<'_>,
) -> Result<(Engine, Arc<dyn Records>), ConfigError> {
    let table = variables.required("TABLE_NAME", "the name of the DynamoDB table of tasks")?;
    let queue_url = variables.required("QUEUE_URL", "the URL of the SQS queue of signals")?;
    let policy = policy(variables)?;
    let aws = AwsEnvironment::from_variables(variables)?;
    let http = http_client();
    let store = Arc::new(DynamoDbStore::new(dynamodb_client(&aws, http.clone()), table));
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
