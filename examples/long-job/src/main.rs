//! The local cloud with the agent: `cargo run -p a2a-lambda-example-long-job`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::local::main(a2a_lambda_example_long_job::agents)
}
