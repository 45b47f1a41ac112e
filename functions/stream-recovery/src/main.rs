//! The `bootstrap` of stream recovery.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda_stream_recovery::main()
}
