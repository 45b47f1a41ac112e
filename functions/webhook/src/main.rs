//! The `bootstrap` of the function that takes the answers to callbacks.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda_webhook_function::main()
}
