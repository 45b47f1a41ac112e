//! The bootstrap of the function `webhook`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::webhook::main()
}
