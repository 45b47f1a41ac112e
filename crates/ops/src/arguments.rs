//! The command line.

use std::ffi::OsString;

use a2a_lambda_core::ids::{ConfigId, Generation, TaskId, TaskKey, Tenant};
use lexopt::prelude::{Long, Short, Value};
use lexopt::{Error, Parser, ValueExt as _};

pub(crate) const USAGE: &str = "\
Looks after the push notifications of an a2a-lambda deployment, and after signals that were given up.

Usage: a2a-lambda-ops COMMAND [options]

Commands:
  failing                            list the push configs that are in trouble, the longest first
  show TASK                          show a task's push configs, how far they are, what went wrong
  replay TASK CONFIG --since GENERATION
                                     send again what came after that generation of the task, in
                                     order; 0 for all of it
  enable TASK CONFIG                 go on with a config that was disabled, or waits, now
  redrive                            move signals from the dead-letter queue back to the queue

Options:
  --tenant T    the task's tenant, if it is not the default one (show, replay, enable)
  --limit N     how many at most, 1 to 10000 (failing, redrive) [default: 100 of failing, 1000 of
                redrive]
  --json        print JSON
  --help        print this

Variables, as the functions have them:
  TABLE_NAME              the DynamoDB table (all but redrive)
  QUEUE_URL               the SQS queue of signals
  DEAD_LETTER_QUEUE_URL   the SQS queue of what was given up (redrive)
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
                          if the AWS CLI is logged in, this sets all of them but the region:
                          eval \"$(aws configure export-credentials --format env)\"

`scripts/dev --aws-port 9001` prints the variables for a local cloud.

The exit code is 0; 1 if something could not be done; 2 if the command line is not as above.
";

/// The most that can be asked for.
const MAX_LIMIT: usize = 10_000;

#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) json: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Failing { limit: usize },
    Show { task: TaskKey },
    Replay { task: TaskKey, config: ConfigId, since: Generation },
    Enable { task: TaskKey, config: ConfigId },
    Redrive { limit: usize },
}

/// What the command line has, whatever the command.
#[derive(Debug, Default)]
struct Given {
    words: Vec<String>,
    tenant: Option<Tenant>,
    limit: Option<usize>,
    since: Option<Generation>,
    json: bool,
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<Arguments, Error> {
    let mut parser = Parser::from_args(arguments);
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => {
                return Ok(Arguments { command: Command::Help, json: false });
            }
            Long("json") => given.json = true,
            Long("tenant") => {
                let tenant = parser.value()?.string()?;
                let wrong = |error| format!("--tenant {error}");
                given.tenant = Some(Tenant::parse(&tenant).map_err(wrong)?);
            }
            Long("limit") => {
                let limit = parser.value()?.parse()?;
                if !(1..=MAX_LIMIT).contains(&limit) {
                    return Err(format!("--limit must be from 1 to {MAX_LIMIT}").into());
                }
                given.limit = Some(limit);
            }
            Long("since") => given.since = Some(Generation(parser.value()?.parse()?)),
            Value(word) => given.words.push(word.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    let json = given.json;
    Ok(Arguments { command: given.command()?, json })
}

impl Given {
    fn command(mut self) -> Result<Command, Error> {
        if self.words.is_empty() {
            return Err("a command is missing".into());
        }
        let name = self.words.remove(0);
        let mut words = std::mem::take(&mut self.words).into_iter();
        let mut next = |what: &str| -> Result<String, Error> {
            words.next().ok_or_else(|| format!("{name} needs a {what}").into())
        };
        let command = match name.as_str() {
            "failing" => Command::Failing { limit: self.limit.take().unwrap_or(100) },
            "redrive" => Command::Redrive { limit: self.limit.take().unwrap_or(1_000) },
            "show" => Command::Show { task: self.task(next("TASK")?)? },
            "enable" => {
                let task = self.task(next("TASK")?)?;
                Command::Enable { task, config: config(next("CONFIG")?)? }
            }
            "replay" => {
                let task = self.task(next("TASK")?)?;
                let config = config(next("CONFIG")?)?;
                let missing = "replay needs --since GENERATION: what came after that is sent again";
                let since = self.since.take().ok_or(missing)?;
                Command::Replay { task, config, since }
            }
            _ => return Err(format!("there is no command {name:?}").into()),
        };
        if let Some(word) = words.next() {
            return Err(format!("{name} does not take {word:?}").into());
        }
        // What the command had no use for would have been meant for something.
        let rest = [
            ("--limit", self.limit.is_some()),
            ("--since", self.since.is_some()),
            ("--tenant", self.tenant.is_some()),
        ];
        match rest.into_iter().find(|(_, is_left)| *is_left) {
            Some((option, _)) => Err(format!("{name} does not take {option}").into()),
            None => Ok(command),
        }
    }

    fn task(&mut self, id: String) -> Result<TaskKey, Error> {
        let task = TaskId::parse(id).map_err(|error| format!("TASK {error}"))?;
        Ok(TaskKey { tenant: self.tenant.take().unwrap_or_default(), task })
    }
}

fn config(id: String) -> Result<ConfigId, Error> {
    ConfigId::parse(id).map_err(|error| format!("CONFIG {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        parse(line.split_whitespace().map(str::to_owned)).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_are_understood() {
        let task = |tenant: &str| TaskKey {
            tenant: Tenant::parse(tenant).unwrap(),
            task: TaskId::parse("t").unwrap(),
        };
        let config = || ConfigId::parse("c").unwrap();
        let replay = |since| {
            let (task, config) = (task("acme"), config());
            Command::Replay { task, config, since: Generation(since) }
        };
        for (line, command) in [
            ("--help", Command::Help),
            ("failing -h", Command::Help),
            ("failing", Command::Failing { limit: 100 }),
            ("--limit=7 failing", Command::Failing { limit: 7 }),
            ("show t", Command::Show { task: task("") }),
            ("show t --tenant acme", Command::Show { task: task("acme") }),
            ("replay t c --since 0 --tenant acme", replay(0)),
            ("--since 12 replay --tenant acme t c", replay(12)),
            ("enable t c", Command::Enable { task: task(""), config: config() }),
            ("redrive", Command::Redrive { limit: 1_000 }),
        ] {
            assert_eq!(parsed(line), Ok(Arguments { command, json: false }), "{line}");
        }
        assert!(parsed("failing --json").unwrap().json);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, error) in [
            ("", "a command is missing"),
            ("fail", "there is no command \"fail\""),
            ("failing x", "failing does not take \"x\""),
            ("failing --tenant a", "failing does not take --tenant"),
            ("failing --limit 0", "--limit must be from 1 to 10000"),
            ("redrive --limit 10001", "--limit must be from 1 to 10000"),
            (
                "redrive --limit many",
                "cannot parse argument \"many\": invalid digit found in string",
            ),
            ("show", "show needs a TASK"),
            ("show t --since 1", "show does not take --since"),
            (
                "show t --tenant a/b",
                "--tenant may only have ASCII letters, digits, '.', '_' and '-'",
            ),
            ("enable t", "enable needs a CONFIG"),
            ("enable t c d", "enable does not take \"d\""),
            ("replay t c", "replay needs --since GENERATION: what came after that is sent again"),
            (
                "replay t c --since -1",
                "cannot parse argument \"-1\": invalid digit found in string",
            ),
            ("replay t c --since", "missing argument for option '--since'"),
            ("failing --verbose", "invalid option '--verbose'"),
        ] {
            assert_eq!(parsed(line), Err(error.to_owned()), "{line}");
        }
        assert_eq!(parse(["show", ""]).unwrap_err().to_string(), "TASK must not be empty");
    }
}
