//! The command line of the commands that call an agent.

use std::ffi::OsString;
use std::path::PathBuf;

use a2a_lambda_client::{Binding, Preference, Version};
use lexopt::prelude::{Long, Short, Value};
use lexopt::{Error, Parser, ValueExt as _};

/// The names of the commands.
pub(crate) const COMMANDS: [&str; 6] = ["card", "send", "stream", "get", "cancel", "watch"];

pub(crate) const USAGE: &str = "\
Calls an A2A agent, of a2a-lambda or of any other make, in A2A 1.0 or 0.3.

Usage: a2a-lambda COMMAND URL [options]

Commands:
  card URL             show the agent's card
  send URL TEXT        send a message, and wait until its task is over or asks something
  stream URL TEXT      send a message, and show what comes of it as it comes
  get URL TASK         show a task
  cancel URL TASK      cancel a task
  watch URL TASK       show a task's updates until it is over or asks something

URL is the agent's, to which /.well-known/agent-card.json is added. TEXT of `-` is read from the
standard input, at most 1 MiB. `send`, `stream` and `watch` give up after a day.

Options:
  --task TASK          continue this task, which waits for an answer (send, stream)
  --context CONTEXT    continue this conversation (send, stream)
  --key KEY            send under this Idempotency-Key: sending again makes no second task, if the
                       agent is one of a2a-lambda (send, stream)
  --no-wait            do not wait for the task (send)
  --after EVENT        begin behind this event, whose id --json shows (watch)
  --bearer-file FILE   authenticate by the bearer token in FILE; `-` is the standard input
  --header-file FILE   send the headers in FILE, one `Name: value` a line, such as an API key's
  --key-file FILE      take only a card that a key of the JWK set in FILE has signed
  --binding BINDING    speak JSONRPC or HTTP+JSON only
  --a2a VERSION        speak A2A 1.0 or 0.3 only
  --any-origin         follow the card to another origin than its own, with the credentials
  --json               print JSON: of a stream one StreamResponse a line, with its event's id
  --help               print this

Variables:
  A2A_BEARER           the bearer token, without --bearer-file

The exit code is 0; 1 if something could not be done, or the task has failed or was rejected; 2 if the
command line is not as above.
";

#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) options: Options,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Card { url: String },
    Send { url: String, text: String, message: Sending, waits: bool },
    Stream { url: String, text: String, message: Sending },
    Get { url: String, task: String },
    Cancel { url: String, task: String },
    Watch { url: String, task: String, after: Option<String> },
}

/// The task and the conversation of a message, and its key.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sending {
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) key: Option<String>,
}

/// The options of every command.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) bearer_file: Option<PathBuf>,
    pub(crate) header_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) preference: Preference,
    pub(crate) any_origin: bool,
    pub(crate) json: bool,
}

/// The arguments of any command.
#[derive(Debug, Default)]
struct Given {
    words: Vec<String>,
    message: Sending,
    no_wait: bool,
    after: Option<String>,
    options: Options,
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<Arguments, Error> {
    let mut parser = Parser::from_args(arguments);
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => {
                return Ok(Arguments { command: Command::Help, options: given.options });
            }
            Long("task") => given.message.task = Some(parser.value()?.string()?),
            Long("context") => given.message.context = Some(parser.value()?.string()?),
            Long("key") => given.message.key = Some(parser.value()?.string()?),
            Long("no-wait") => given.no_wait = true,
            Long("after") => given.after = Some(parser.value()?.string()?),
            Long("bearer-file") => given.options.bearer_file = Some(parser.value()?.into()),
            Long("header-file") => given.options.header_file = Some(parser.value()?.into()),
            Long("key-file") => given.options.key_file = Some(parser.value()?.into()),
            Long("binding") => {
                let name = parser.value()?.string()?;
                let known = [Binding::JsonRpc, Binding::HttpJson];
                let found = known.into_iter().find(|it| it.name().eq_ignore_ascii_case(&name));
                let binding = found.ok_or("--binding must be JSONRPC or HTTP+JSON")?;
                given.options.preference.binding = Some(binding);
            }
            Long("a2a") => {
                let name = parser.value()?.string()?;
                let known = [Version::V1_0, Version::V0_3];
                let found = known.into_iter().find(|it| it.name() == name);
                given.options.preference.version = Some(found.ok_or("--a2a must be 1.0 or 0.3")?);
            }
            Long("any-origin") => given.options.any_origin = true,
            Long("json") => given.options.json = true,
            Value(word) => given.words.push(word.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    given.arguments()
}

impl Given {
    fn arguments(mut self) -> Result<Arguments, Error> {
        let mut words = std::mem::take(&mut self.words).into_iter();
        let name = words.next().ok_or("a command is missing")?;
        let mut next = |what: &str| -> Result<String, Error> {
            words.next().ok_or_else(|| format!("{name} needs a {what}").into())
        };
        let url = next("URL")?;
        let command = match name.as_str() {
            "card" => Command::Card { url },
            "send" => {
                let (text, message) = (next("TEXT")?, std::mem::take(&mut self.message));
                let waits = !std::mem::take(&mut self.no_wait);
                Command::Send { url, text, message, waits }
            }
            "stream" => {
                let (text, message) = (next("TEXT")?, std::mem::take(&mut self.message));
                Command::Stream { url, text, message }
            }
            "get" => Command::Get { url, task: next("TASK")? },
            "cancel" => Command::Cancel { url, task: next("TASK")? },
            "watch" => {
                let (task, after) = (next("TASK")?, self.after.take());
                Command::Watch { url, task, after }
            }
            _ => return Err(format!("there is no command {name:?}").into()),
        };
        if let Some(word) = words.next() {
            return Err(format!("{name} does not take {word:?}").into());
        }
        // An unused argument would have been meant for something.
        let rest = [
            ("--task", self.message.task.is_some()),
            ("--context", self.message.context.is_some()),
            ("--key", self.message.key.is_some()),
            ("--no-wait", self.no_wait),
            ("--after", self.after.is_some()),
        ];
        match rest.into_iter().find(|(_, is_left)| *is_left) {
            Some((option, _)) => Err(format!("{name} does not take {option}").into()),
            None => Ok(Arguments { command, options: self.options }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        parse(line.split_whitespace().map(str::to_owned)).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_are_understood() {
        let url = || "u".to_owned();
        let message = Sending {
            task: Some("t".to_owned()),
            context: Some("c".to_owned()),
            key: Some("k".to_owned()),
        };
        for (line, command) in [
            ("card u", Command::Card { url: url() }),
            (
                "send u hi --task t --context c --key k --no-wait",
                Command::Send { url: url(), text: "hi".to_owned(), message, waits: false },
            ),
            (
                "stream u -",
                Command::Stream { url: url(), text: "-".to_owned(), message: Sending::default() },
            ),
            ("get u t", Command::Get { url: url(), task: "t".to_owned() }),
            ("cancel u t", Command::Cancel { url: url(), task: "t".to_owned() }),
            (
                "watch --after 7 u t",
                Command::Watch { url: url(), task: "t".to_owned(), after: Some("7".to_owned()) },
            ),
            ("send --help", Command::Help),
        ] {
            assert_eq!(parsed(line).unwrap().command, command, "{line}");
        }
        let options = parsed("card u --binding http+json --a2a 0.3 --json --any-origin").unwrap();
        let Options { preference, any_origin, json, .. } = options.options;
        assert_eq!(preference.binding, Some(Binding::HttpJson));
        assert_eq!((preference.version, any_origin, json), (Some(Version::V0_3), true, true));
    }

    #[test]
    fn a_wrong_line_says_what_is_wrong() {
        for (line, error) in [
            ("card", "card needs a URL"),
            ("send u", "send needs a TEXT"),
            ("get u", "get needs a TASK"),
            ("card u x", "card does not take \"x\""),
            ("get u t --key k", "get does not take --key"),
            ("stream u x --no-wait", "stream does not take --no-wait"),
            ("card u --binding grpc", "--binding must be JSONRPC or HTTP+JSON"),
            ("card u --a2a 2.0", "--a2a must be 1.0 or 0.3"),
            ("card u --bearer secret", "invalid option '--bearer'"),
        ] {
            assert_eq!(parsed(line).unwrap_err(), error, "{line}");
        }
    }

    #[test]
    fn the_help_names_every_command() {
        for command in COMMANDS {
            assert!(USAGE.contains(&format!("\n  {command} URL")), "{command}");
        }
    }
}
