//! The bootstrap of the function `stream-recovery`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::stream_recovery::main()
}
