//! The `bootstrap` of the request function, with the agents that `AGENT` names.

use std::process::ExitCode;

use a2a_lambda_agents::from_variables;
use a2a_lambda_runtime::Variables;

fn main() -> ExitCode {
    a2a_lambda_request::main(async |variables: &Variables<'_>| from_variables(variables).await)
}
