//! A function that reads one item of the table, by the client that all functions have: what
//! `scripts/bench cpu` compares operations with. Its event is the item's partition key, as JSON.

use std::process::ExitCode;

use a2a_lambda_aws::{
    AwsEnvironment, EventError, Invoked, dynamodb_client, http_client, run_function,
};
use a2a_lambda_runtime::table::TABLE_NAME;
use a2a_lambda_runtime::{ConfigError, Configured, Reader, Telemetry, Variables};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

struct Context {
    client: Client,
    table: String,
}

fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let environment = AwsEnvironment::from_variables(variables)?;
    let client = dynamodb_client(&environment, http_client());
    Ok(Context { client, table: variables.required(&TABLE_NAME)? })
}

/// How many attributes the item has.
async fn read(key: &str, context: &Context) -> usize {
    let request = context.client.get_item().table_name(&context.table).consistent_read(true);
    let request = request.key("pk", AttributeValue::S(key.to_owned()));
    let answer = request.key("sk", AttributeValue::S("H".to_owned())).send().await;
    answer.ok().and_then(|answer| answer.item).map_or(0, |item| item.len())
}

fn main() -> ExitCode {
    let make = async |variables: &Variables<'_>| context(variables);
    let work = async |invoked: Invoked, configured: &Configured<Context>, _: &Telemetry| {
        let key = invoked.event.get().trim_matches('"');
        Ok::<_, EventError>(read(key, &*configured.current().await).await)
    };
    run_function(Reader::ScheduledRecovery, make, &work)
}
