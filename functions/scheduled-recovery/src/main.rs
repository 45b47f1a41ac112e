//! The `bootstrap` of the sweep.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda_scheduled_recovery::main()
}
