//! The bootstrap of the function `authorizer`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::authorizer::main()
}
