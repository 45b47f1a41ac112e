//! The local cloud with the agents that come with a2a-lambda. `scripts/dev` builds and runs it.

use std::process::ExitCode;

use a2a_lambda_agents::{check, from_variables};
use a2a_lambda_local::program::main_with_agent_option;
use a2a_lambda_runtime::Variables;

fn main() -> ExitCode {
    main_with_agent_option(check, async |variables: &Variables<'_>| from_variables(variables).await)
}
