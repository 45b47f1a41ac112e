//! The operators' commands: they look after pushes, given-up signals and API keys, and delete tasks and
//! conversations.

mod arguments;
mod report;
mod retain;
mod text;
mod work;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use a2a_lambda_aws::{
    AwsEnvironment, RedriveError, Redriven, api_keys, engine, http_client, queue_url, redrive,
    sqs_client,
};
use a2a_lambda_core::api_key::{ApiKey, InvalidKey, KeyId, KeySecret};
use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_core::push::{FailingConfig, MAX_FAILING_PAGE};
use a2a_lambda_core::{Clock as _, OperateError, Operator, StoreError};
use a2a_lambda_runtime::table::{DEAD_LETTER_QUEUE_URL, QUEUE_URL};
use a2a_lambda_runtime::{
    ConfigError, NoRandomness, Reader, SystemClock, Variables, process_environment, random_bytes,
};
use tracing_subscriber::filter::LevelFilter;

use crate::{chain, complain, misused, print, run_to_end};
use arguments::{Arguments, COMMANDS, Command, USAGE};
use report::{Report, RevokedKey};

const DAY: Duration = Duration::from_hours(24);

/// Why something was not done. The remedy is in [`Failure::hint`].
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Operate(#[from] OperateError),
    #[error(transparent)]
    Redrive(#[from] RedriveError),
    #[error("with STORED_FORMAT=1 tasks do not expire")]
    KeepsAll,
    #[error("{0} is not set: it decides when tasks expire")]
    NotSaid(&'static str),
    #[error("the table cannot be read")]
    Walk(#[source] StoreError),
    #[error("the API keys cannot be reached")]
    Keys(#[source] StoreError),
    #[error("the API key cannot be made")]
    InvalidKey(#[from] InvalidKey),
    #[error("there is no API key {0}")]
    NoSuchKey(KeyId),
    #[error("the API key cannot be made: its id is taken")]
    KeyIsTaken,
    #[error("the API key cannot be made: the system has no randomness")]
    NoRandomness(#[from] NoRandomness),
    #[error("the report cannot be written")]
    Print(#[from] std::io::Error),
    #[error("the report cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Whether a service is looked for elsewhere than at AWS.
fn is_elsewhere(variable: &str) -> bool {
    let is_set = |name| process_environment(name).is_some_and(|url| !url.is_empty());
    is_set(variable) || is_set("AWS_ENDPOINT_URL")
}

impl Failure {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(ConfigError::Invalid { variable, .. })
                if variable.starts_with("AWS_ENDPOINT_URL") =>
            {
                Some(
                    "leave it unset to reach AWS, or give it a URL such as http://127.0.0.1:9001, which \
                 scripts/dev --aws-port prints",
                )
            }
            Self::Config(ConfigError::Missing { variable, .. }) if variable.starts_with("AWS_") => {
                Some(
                    "the AWS variables are not there: set AWS_REGION, and the rest by \
                 eval \"$(aws configure export-credentials --format env)\"",
                )
            }
            Self::Config(_) => Some("set it as the functions have it; --help lists the variables"),
            Self::Operate(OperateError::NoSuchTask) => {
                Some("check its id, --tenant, TABLE_NAME and AWS_REGION")
            }
            Self::Operate(OperateError::NoSuchConfig) => {
                Some("`show TASK` lists the task's configs")
            }
            Self::Operate(OperateError::NotEnded { .. }) => {
                Some("--cancel cancels it first, and then deletes it")
            }
            Self::Operate(OperateError::NotYet { .. }) => {
                Some("--since takes a generation that the task has come to, or 0 for all of it")
            }
            Self::Operate(OperateError::Contended) | Self::KeyIsTaken => Some("do it again"),
            Self::Operate(OperateError::Store(error))
                if error.is_retryable() && is_elsewhere("AWS_ENDPOINT_URL_DYNAMODB") =>
            {
                Some(
                    "requests go to AWS_ENDPOINT_URL_DYNAMODB, or else to AWS_ENDPOINT_URL: check \
                     that DynamoDB is served there, and do it again",
                )
            }
            Self::NoSuchKey(_) => Some("`keys` lists the keys"),
            Self::KeepsAll => Some("do it when the functions have STORED_FORMAT=2"),
            Self::NotSaid(_) => Some("set it to what the functions have; 0 keeps tasks for ever"),
            Self::Walk(_) => Some(
                "check TABLE_NAME, AWS_REGION, the credentials and their right to dynamodb:Scan, and go \
                 on by --from as the last line of a page says",
            ),
            Self::Operate(OperateError::Store(_)) | Self::Keys(_) => Some(
                "check TABLE_NAME, AWS_REGION and the credentials, which expire, and do it again",
            ),
            Self::Redrive(_) if is_elsewhere("AWS_ENDPOINT_URL_SQS") => Some(
                "requests go to AWS_ENDPOINT_URL_SQS, or else to AWS_ENDPOINT_URL: check that SQS is \
                 served there, DEAD_LETTER_QUEUE_URL and QUEUE_URL, and do it again",
            ),
            Self::Redrive(_) => Some(
                "check DEAD_LETTER_QUEUE_URL, QUEUE_URL, AWS_REGION and the credentials, which \
                 expire, and do it again",
            ),
            Self::Print(_) | Self::Json(_) | Self::InvalidKey(_) | Self::NoRandomness(_) => None,
        }
    }
}

/// Whether a word is the name of one of these commands.
pub(crate) fn is_command(word: &str) -> bool {
    COMMANDS.contains(&word)
}

/// Runs a command of operators. The arguments begin with its name, or with options of it.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return misused(error, USAGE),
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(LevelFilter::WARN)
        .with_target(false)
        // They would go there as well, and a panic would follow if that is closed.
        .log_internal_errors(false)
        .init();
    run_to_end(done(arguments), |failure| {
        complain(chain(failure));
        if let Some(hint) = failure.hint() {
            complain(hint);
        }
    })
}

/// Runs a command and prints its report. False if it was done in part.
async fn done(arguments: Arguments) -> Result<bool, Failure> {
    let Arguments { command, json } = arguments;
    let variables = Variables::new(Reader::Ops, &process_environment);
    let report = match command {
        Command::Help => {
            print(USAGE)?;
            return Ok(true);
        }
        Command::Redrive { limit } => Report::redriven(&redrive_all(&variables, limit).await?),
        Command::Failing { limit } => {
            let (failing, more) = failing(&operator(&variables)?, limit).await?;
            Report::failing(&failing, more)
        }
        Command::Show { task } => Report::task(&operator(&variables)?.show(&task).await?),
        Command::ShowSteps { task } => {
            Report::Work(operator(&variables)?.work(&task).await?.into())
        }
        Command::Replay { task, config, since } => {
            let operator = operator(&variables)?;
            let changed = operator.replay(&task, &config, since).await?;
            Report::changed("replayed", &task, &changed)
        }
        Command::Delete { task, cancels } => {
            Report::deleted(&task, operator(&variables)?.delete(&task, cancels).await?)
        }
        Command::DeleteContext { of } => {
            let deleted = operator(&variables)?.delete_context(&of).await?;
            Report::forgotten(&of, &deleted)
        }
        Command::Retain(walk) => Report::Retained(retain::retain(&variables, walk).await?),
        Command::Enable { task, config } => {
            let operator = operator(&variables)?;
            let changed = operator.enable(&task, &config).await?;
            Report::changed("enabled", &task, &changed)
        }
        Command::Keys => {
            let keys = api_keys(&variables)?.all().await.map_err(Failure::Keys)?;
            Report::keys(&keys, SystemClock.now())
        }
        Command::MakeKey { owner, tenant, scopes, days } => {
            let now = SystemClock.now();
            let secret = KeySecret::of(&random_bytes()?);
            let key = ApiKey {
                id: secret.id().clone(),
                digest: secret.digest(),
                owner,
                tenant,
                scopes,
                created_at: now,
                expires_at: Some(now.saturating_add(DAY * days)),
            };
            key.check()?;
            if !api_keys(&variables)?.add(&key).await.map_err(Failure::Keys)? {
                return Err(Failure::KeyIsTaken);
            }
            Report::made_key(&secret, &key)
        }
        Command::RevokeKey { id } => {
            if !api_keys(&variables)?.remove(&id).await.map_err(Failure::Keys)? {
                return Err(Failure::NoSuchKey(id));
            }
            Report::RevokedKey(RevokedKey { revoked: id })
        }
    };
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { text::of(&report) };
    print(&text)?;
    Ok(report.is_whole())
}

fn operator(variables: &Variables<'_>) -> Result<Operator, ConfigError> {
    Ok(Operator::new(engine(variables)?))
}

/// The configs in trouble, and whether there are more.
async fn failing(
    operator: &Operator,
    limit: usize,
) -> Result<(Vec<FailingConfig>, bool), OperateError> {
    let mut found = Vec::new();
    let mut place = None;
    loop {
        let asked = (limit - found.len()).min(MAX_FAILING_PAGE);
        let page = operator.failing(asked, place.as_ref()).await?;
        found.extend(page.configs);
        place = page.next;
        if place.is_none() || found.len() >= limit {
            return Ok((found, place.is_some()));
        }
    }
}

/// The URLs of the dead-letter queue and the queue, and where they are.
fn queues(variables: &Variables<'_>) -> Result<(String, String, AwsEnvironment), ConfigError> {
    let dead_letters = queue_url(variables, &DEAD_LETTER_QUEUE_URL)?;
    let signals = queue_url(variables, &QUEUE_URL)?;
    if dead_letters == signals {
        let variable = DEAD_LETTER_QUEUE_URL.about.name;
        let what = "another queue than that of QUEUE_URL".to_owned();
        return Err(ConfigError::Invalid { variable, what, source: None });
    }
    Ok((dead_letters, signals, AwsEnvironment::from_variables(variables)?))
}

async fn redrive_all(variables: &Variables<'_>, limit: usize) -> Result<Redriven, Failure> {
    let (dead_letters, signals, aws) = queues(variables)?;
    let client = sqs_client(&aws, http_client());
    Ok(redrive(&client, &dead_letters, &signals, limit).await?)
}

/// A task as the command line names it.
fn named(task: &TaskKey) -> String {
    match task.tenant.as_str() {
        "" => task.task.to_string(),
        tenant => format!("{} --tenant {tenant}", task.task),
    }
}

#[cfg(test)]
mod tests {
    use a2a_lambda_runtime::table::{SETTINGS, SURROUNDINGS};
    use a2a_lambda_runtime::testing::assert_reads;

    use super::*;

    #[test]
    fn the_program_reads_the_table_s_variables_and_its_help_names_them() {
        assert_reads(Reader::Ops, &|variables| {
            operator(variables)?;
            queues(variables).map(drop)
        });
        for variable in SETTINGS.iter().chain(SURROUNDINGS) {
            let name = variable.name();
            // Endpoints are for emulators, which print them.
            let is_in_help =
                variable.about().is_read_by(Reader::Ops) && !name.starts_with("AWS_ENDPOINT_URL");
            let words = USAGE.split(|c: char| c != '_' && !c.is_ascii_alphanumeric());
            assert_eq!(words.into_iter().any(|word| word == name), is_in_help, "{name}");
        }
    }
}
