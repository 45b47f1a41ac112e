//! The bootstrap of the function `request`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::request::main(own_agent::agents)
}
