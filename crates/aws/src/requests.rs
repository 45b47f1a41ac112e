//! The counts of requests, in the table of the tasks.

use a2a_lambda_dynamodb::RequestCounts;
use a2a_lambda_runtime::table::TABLE_NAME;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::{AwsEnvironment, dynamodb_client, http_client};

/// The counts in the table of `TABLE_NAME`, by connections of their own.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn request_counts(variables: &Variables<'_>) -> Result<RequestCounts, ConfigError> {
    let table = variables.required(&TABLE_NAME)?;
    let aws = AwsEnvironment::from_variables(variables)?;
    Ok(RequestCounts::new(dynamodb_client(&aws, http_client()), table))
}
