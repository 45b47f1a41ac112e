//! The command line of a2a-lambda.

mod bundle;
#[cfg(feature = "call")]
mod call;
mod new;
#[cfg(feature = "operate")]
mod operate;
mod scripts;

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "\
Durable A2A agents on AWS Lambda: from a new agent to its deployment.

Usage: a2a-lambda COMMAND [options]

Commands for an agent:
  new          make a workspace with an agent
  package      build the functions of a workspace, and make a zip of each
  deploy       deploy them to AWS, with all that they need

Commands that call an agent, of any make:
  card         show its card
  send         send a message, and wait for the task
  stream       send a message, and show what comes of it as it comes
  get          show a task
  cancel       cancel a task
  watch        show a task's updates

Commands for a deployment:
  failing      list the push configs that are in trouble
  show         show a task's push configs
  replay       send pushes again
  enable       go on with a push config
  delete       delete a task
  delete-context
               delete a conversation
  retain       give tasks their time to go that have none
  redrive      move signals from the dead-letter queue back to the queue
  keys         list the API keys
  make-key     make an API key
  revoke-key   remove an API key

`a2a-lambda COMMAND --help` says more.

Options:
  --version    print the version
  --help       print this
";

/// An error with all of its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Runs a command to its end. `tell` says why it failed. The exit code says whether all was done.
#[cfg(any(feature = "call", feature = "operate"))]
fn run_to_end<E: From<std::io::Error>>(
    command: impl Future<Output = Result<bool, E>>,
    tell: impl FnOnce(&E),
) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(E::from).and_then(|runtime| runtime.block_on(command)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            tell(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to the standard error output, if that is still open.
fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Shows the usage, and then says what is wrong with the command line: the last line stays in sight.
fn misused(what: impl Display, usage: &str) -> ExitCode {
    complain(format_args!("{usage}\n{what}"));
    ExitCode::from(2)
}

/// Writes to the standard output, which shows the text at once, even without the end of its line. A
/// reader such as `head` that stops early has enough.
fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints a text. The exit code says whether it could be written.
fn show(text: &str) -> ExitCode {
    match print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("the text cannot be written: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first().map(|word| word.to_string_lossy().into_owned());
    match first.as_deref() {
        None => misused("a command is missing", USAGE),
        Some("-h" | "--help") => show(USAGE),
        Some("-V" | "--version") => show(concat!("a2a-lambda ", env!("CARGO_PKG_VERSION"), "\n")),
        Some("new") => new::run(arguments.split_off(1)),
        Some(script @ ("package" | "deploy")) => scripts::run(script, arguments.split_off(1)),
        #[cfg(feature = "call")]
        Some(word) if call::is_command(word) => call::run(arguments),
        // Operators may give options first.
        #[cfg(feature = "operate")]
        Some(word) if operate::is_command(word) || word.starts_with('-') => operate::run(arguments),
        Some(word) => misused(format_args!("there is no command {word:?}"), USAGE),
    }
}
