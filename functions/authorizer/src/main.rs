//! The `bootstrap` of the authorizer.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda_authorizer::main()
}
