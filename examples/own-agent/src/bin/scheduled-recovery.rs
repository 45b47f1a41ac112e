//! The bootstrap of the function `scheduled-recovery`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::scheduled_recovery::main()
}
