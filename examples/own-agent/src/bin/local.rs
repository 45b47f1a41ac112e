//! The local cloud: `cargo run`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::local::main(own_agent::agents)
}
