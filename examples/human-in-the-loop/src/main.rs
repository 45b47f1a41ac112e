//! The local cloud with the agent: `cargo run -p a2a-lambda-example-human-in-the-loop`.

use std::process::ExitCode;

fn main() -> ExitCode {
    a2a_lambda::local::main(a2a_lambda_example_human_in_the_loop::agents)
}
