//! The bootstrap of the function `sqs-executor`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::sqs_executor::main(own_agent::agents)
}
