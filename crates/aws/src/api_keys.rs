//! The store of API keys: the table of tasks.

use std::sync::Arc;

use a2a_lambda_core::ApiKeys;
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::clients::{dynamodb_client, http_client};
use crate::engine::table_name;
use crate::environment::AwsEnvironment;

/// The API keys of a deployment, for a function that has no engine.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn api_keys(variables: &Variables<'_>) -> Result<Arc<dyn ApiKeys>, ConfigError> {
    let table = table_name(variables)?;
    let aws = AwsEnvironment::from_variables(variables)?;
    Ok(Arc::new(DynamoDbStore::new(dynamodb_client(&aws, http_client()), table)))
}
