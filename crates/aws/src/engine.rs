//! The composition: an engine over DynamoDB, SQS, EventBridge Scheduler and KMS.

use std::sync::Arc;

use a2a_lambda_core::{Engine, Nowhere, RunnerName, Timer};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_runtime::table::{
    DUE_SHARDS, LIST_SHARDS, QUEUE_ARN, QUEUE_URL, SCHEDULE_GROUP, SCHEDULER_ROLE_ARN,
    STORED_FORMAT, TABLE_NAME, Text,
};
use a2a_lambda_runtime::{ConfigError, RandomIds, SystemClock, Variables, policy, webhook};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::clients::{dynamodb_client, http_client, scheduler_client, sqs_client};
use crate::environment::AwsEnvironment;
use crate::records::Records;
use crate::scheduler::SchedulerTimer;
use crate::sqs::SqsQueue;
use crate::vault::vault;

/// The engine of a function. A function that runs agents sets the runner's name itself. A signal
/// beyond the longest delay of SQS [hops](SqsQueue). If a role for schedules is set, it is a
/// [schedule](SchedulerTimer) instead.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine(variables: &Variables<'_>) -> Result<Engine, ConfigError> {
    Ok(parts(variables)?.0)
}

/// As [`engine`], for a function that counts owners' requests, streams and tasks in the table.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine_with_table(
    variables: &Variables<'_>,
) -> Result<(Engine, Arc<DynamoDbStore>), ConfigError> {
    let (engine, table, _) = parts(variables)?;
    Ok((engine, table))
}

/// As [`engine`], for a function that the queue feeds.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine_with_records(
    variables: &Variables<'_>,
) -> Result<(Engine, Arc<dyn Records>), ConfigError> {
    let (engine, _, queue) = parts(variables)?;
    Ok((engine, queue))
}

/// As [`engine`], for a function that never pushes, and whose signals are all for now.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn engine_without_pushes(variables: &Variables<'_>) -> Result<Engine, ConfigError> {
    Ok(base(variables)?.engine)
}

fn parts(
    variables: &Variables<'_>,
) -> Result<(Engine, Arc<DynamoDbStore>, Arc<SqsQueue>), ConfigError> {
    let Base { engine, store, queue, aws, http } = base(variables)?;
    let timer = scheduler_timer(variables, &aws, &http)?;
    let timer = timer.map_or(engine.timer, |timer| Arc::new(timer) as Arc<dyn Timer>);
    let webhook = webhook(variables, engine.ids.clone())?;
    Ok((Engine { timer, webhook, ..engine }, store, queue))
}

/// An engine that pushes nowhere, and its parts.
struct Base {
    engine: Engine,
    store: Arc<DynamoDbStore>,
    queue: Arc<SqsQueue>,
    aws: AwsEnvironment,
    http: SharedHttpClient,
}

fn base(variables: &Variables<'_>) -> Result<Base, ConfigError> {
    let table = table_name(variables)?;
    let queue_url = queue_url(variables, &QUEUE_URL)?;
    let policy = policy(variables)?;
    let aws = AwsEnvironment::from_variables(variables)?;
    let http = http_client();
    let store = DynamoDbStore::new(dynamodb_client(&aws, http.clone()), table)
        .writing(variables.number(&STORED_FORMAT)?)
        .spread(u8::try_from(variables.number(&LIST_SHARDS)?).unwrap_or(1))
        .spread_due(u8::try_from(variables.number(&DUE_SHARDS)?).unwrap_or(8));
    let store = Arc::new(store);
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let vault = vault(variables, &aws, &http, clock.clone())?;
    let queue = Arc::new(SqsQueue::new(sqs_client(&aws, http.clone()), queue_url));
    let engine = Engine {
        store: store.clone(),
        configs: store.clone(),
        steps: store.clone(),
        memory: store.clone(),
        queue: queue.clone(),
        timer: queue.clone(),
        clock,
        ids,
        webhook: Arc::new(Nowhere),
        vault,
        policy: Arc::new(policy),
        runner: RunnerName::default(),
    };
    Ok(Base { engine, store, queue, aws, http })
}

/// EventBridge Scheduler, if there is a role for it.
fn scheduler_timer(
    variables: &Variables<'_>,
    aws: &AwsEnvironment,
    http: &SharedHttpClient,
) -> Result<Option<SchedulerTimer>, ConfigError> {
    // All of them are looked at, so that none is set for nothing.
    let role_arn = arn(variables, &SCHEDULER_ROLE_ARN)?;
    let queue_arn = arn(variables, &QUEUE_ARN)?;
    let group = variables.text(&SCHEDULE_GROUP)?;
    if group.as_deref().is_some_and(|group| group.len() > 64 || !group.chars().all(is_of_a_name)) {
        return Err(ConfigError::invalid(&SCHEDULE_GROUP));
    }
    let (Some(role_arn), Some(queue_arn), Some(group)) = (role_arn, queue_arn, group) else {
        return Ok(None);
    };
    let client = scheduler_client(aws, http.clone());
    Ok(Some(SchedulerTimer::new(client, group, role_arn, queue_arn)))
}

/// The URL of a queue.
///
/// # Errors
/// When the variable is not set, or is not a URL.
pub fn queue_url(
    variables: &Variables<'_>,
    variable: &'static Text,
) -> Result<String, ConfigError> {
    let url = variables.required(variable)?;
    let is_url = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
    if is_url { Ok(url) } else { Err(ConfigError::invalid(variable)) }
}

/// An ARN, if the variable is set.
fn arn(variables: &Variables<'_>, variable: &'static Text) -> Result<Option<String>, ConfigError> {
    let text = variables.text(variable)?;
    if text.as_deref().is_some_and(|text| !text.starts_with("arn:")) {
        return Err(ConfigError::invalid(variable));
    }
    Ok(text)
}

/// The table of tasks.
pub(crate) fn table_name(variables: &Variables<'_>) -> Result<String, ConfigError> {
    let table = variables.required(&TABLE_NAME)?;
    if names_a_table(&table) { Ok(table) } else { Err(ConfigError::invalid(&TABLE_NAME)) }
}

/// As DynamoDB has it: a name, or an ARN.
fn names_a_table(text: &str) -> bool {
    let is_name = (3..=255).contains(&text.len()) && text.chars().all(is_of_a_name);
    is_name || (text.starts_with("arn:") && text.len() <= 1_024)
}

/// The characters in names of tables and of schedule groups.
fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

#[cfg(test)]
mod tests;
