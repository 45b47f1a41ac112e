//! The command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::num::ParseIntError;
use std::str::FromStr;

use a2a_lambda_core::ConversationKey;
use a2a_lambda_core::api_key::KeyId;
use a2a_lambda_core::ids::{ConfigId, ContextId, Generation, Owner, TaskId, TaskKey, Tenant};
use a2a_lambda_dynamodb::WalkPlace;
use lexopt::prelude::{Long, Short, Value};
use lexopt::{Error, Parser, ValueExt as _};

use super::retain::Walk;

/// The names of the operators' commands.
pub(crate) const COMMANDS: [&str; 11] = [
    "failing",
    "show",
    "replay",
    "enable",
    "delete",
    "delete-context",
    "retain",
    "redrive",
    "keys",
    "make-key",
    "revoke-key",
];

pub(crate) const USAGE: &str = "\
Looks after the push notifications of an a2a-lambda deployment, after signals that were given up, and
after API keys, and deletes tasks and conversations.

Usage: a2a-lambda COMMAND [options]

Commands:
  failing                            list the push configs that are in trouble, the longest first
  show TASK                          show a task's push configs, how far they are, what went wrong;
                                     with --steps, its newest attempts and durable steps instead
  replay TASK CONFIG --since GENERATION
                                     send again what came after that generation of the task, in
                                     order; 0 for all of it
  enable TASK CONFIG                 go on with a config that was disabled, or waits, now
  delete TASK                        delete a task that is over, with all that is stored of it
  delete-context OWNER CONTEXT       delete a conversation of an owner: its tasks, its memory and its
                                     session. Tasks that are not over are canceled first. If it exits
                                     with 1, more is left: run it again
  retain                             count the tasks that have no time to go, since they ended or
                                     began to wait under another retention, or before an upgrade;
                                     with --write, give them theirs. It reads the whole table
  redrive                            move signals from the dead-letter queue back to the queue
  keys                               list the API keys
  make-key --owner NAME              make an API key, and print it: it is never shown again
  revoke-key ID                      remove an API key

Options:
  --tenant T    the tenant, if it is not the default one (show, replay, enable, delete,
                delete-context); the key's only tenant (make-key)
  --owner NAME  whose tasks the key is for: all keys of an owner see the same tasks (make-key)
  --scopes S    the key's scopes, with commas (make-key)
  --days N      how many days the key is good, 1 to 3650 (make-key) [default: 90]
  --limit N     how many at most, 1 to 10000 (failing, redrive) [default: 100 of failing, 1000 of
                redrive]
  --steps       show the attempts at the task, and its steps (show)
  --write       write what is counted otherwise (retain)
  --from PLACE  go on where an earlier run was: each page names its place (retain)
  --read-units N
                how many units of read capacity it may use a second, 1 to 10000 (retain) [default: 25]
  --cancel      cancel the task first if it is not over (delete)
  --json        print JSON
  --help        print this

Variables, as the functions have them:
  TABLE_NAME              the DynamoDB table (all but redrive)
  QUEUE_URL               the SQS queue of signals (all that is about tasks and signals)
  DEAD_LETTER_QUEUE_URL   the SQS queue of what was given up (redrive)
  TASK_RETENTION_DAYS, WAITING_RETENTION_DAYS, STORED_FORMAT, LIST_SHARDS,
  DUE_SHARDS
                          if they are not the defaults (all but redrive)
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
                          if the AWS CLI 2 is logged in, this sets all of them but the region:
                          eval \"$(aws configure export-credentials --format env)\"

`scripts/dev --aws-port 9001` prints the variables for a local cloud.

The exit code is 0; 1 if something could not be done; 2 if the command line is not as above.
";

/// How many days a key is good, and at most.
const KEY_DAYS: u32 = 90;
const MAX_KEY_DAYS: u32 = 3_650;

/// How many units of read capacity a walk may use a second, and at most.
const READ_UNITS: u32 = 25;
const MAX_READ_UNITS: u32 = 10_000;

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
    ShowSteps { task: TaskKey },
    Replay { task: TaskKey, config: ConfigId, since: Generation },
    Enable { task: TaskKey, config: ConfigId },
    Delete { task: TaskKey, cancels: bool },
    DeleteContext { of: ConversationKey },
    Retain(Walk),
    Redrive { limit: usize },
    Keys,
    MakeKey { owner: String, tenant: Option<Tenant>, scopes: Vec<String>, days: u32 },
    RevokeKey { id: KeyId },
}

/// The command line's arguments, for any command.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct Given {
    words: Vec<String>,
    tenant: Option<Tenant>,
    limit: Option<usize>,
    since: Option<Generation>,
    owner: Option<String>,
    scopes: Option<String>,
    days: Option<u32>,
    cancels: bool,
    steps: bool,
    writes: bool,
    from: Option<WalkPlace>,
    read_units: Option<u32>,
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
            Long("cancel") => given.cancels = true,
            Long("steps") => given.steps = true,
            Long("write") => given.writes = true,
            Long("from") => {
                let wrong = |error| format!("--from {error}");
                given.from = Some(parser.value()?.string()?.parse().map_err(wrong)?);
            }
            Long("read-units") => {
                given.read_units = Some(up_to(MAX_READ_UNITS, "--read-units", &mut parser)?);
            }
            Long("tenant") => {
                let tenant = parser.value()?.string()?;
                let wrong = |error| format!("--tenant {error}");
                given.tenant = Some(Tenant::parse(&tenant).map_err(wrong)?);
            }
            Long("limit") => given.limit = Some(up_to(MAX_LIMIT, "--limit", &mut parser)?),
            Long("since") => given.since = Some(Generation(parser.value()?.parse()?)),
            Long("owner") => given.owner = Some(parser.value()?.string()?),
            Long("scopes") => given.scopes = Some(parser.value()?.string()?),
            Long("days") => given.days = Some(up_to(MAX_KEY_DAYS, "--days", &mut parser)?),
            Value(word) => given.words.push(word.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    let json = given.json;
    Ok(Arguments { command: given.command()?, json })
}

/// The number that an option has, from 1 to the most.
fn up_to<T>(most: T, option: &str, parser: &mut Parser) -> Result<T, Error>
where
    T: FromStr<Err = ParseIntError> + PartialOrd + From<u8> + Display + Copy,
{
    let number = parser.value()?.parse()?;
    if number < T::from(1) || number > most {
        return Err(format!("{option} must be from 1 to {most}").into());
    }
    Ok(number)
}

impl Given {
    fn command(mut self) -> Result<Command, Error> {
        if self.words.is_empty() {
            return Err("a command is missing".into());
        }
        let name = self.words.remove(0);
        let mut words = std::mem::take(&mut self.words).into_iter();
        let mut next = |what: &str| -> Result<String, Error> {
            words.next().ok_or_else(|| {
                let article = if what.starts_with(['I', 'O']) { "an" } else { "a" };
                format!("{name} needs {article} {what}").into()
            })
        };
        let command = match name.as_str() {
            "failing" => Command::Failing { limit: self.limit.take().unwrap_or(100) },
            "redrive" => Command::Redrive { limit: self.limit.take().unwrap_or(1_000) },
            "retain" => Command::Retain(Walk {
                writes: std::mem::take(&mut self.writes),
                from: self.from.take(),
                read_units: self.read_units.take().unwrap_or(READ_UNITS),
            }),
            "show" => {
                let task = self.task(next("TASK")?)?;
                if std::mem::take(&mut self.steps) {
                    Command::ShowSteps { task }
                } else {
                    Command::Show { task }
                }
            }
            "delete" => {
                let task = self.task(next("TASK")?)?;
                Command::Delete { task, cancels: std::mem::take(&mut self.cancels) }
            }
            "delete-context" => {
                let owner =
                    Owner::parse(next("OWNER")?).map_err(|error| format!("OWNER {error}"))?;
                let context = ContextId::parse(next("CONTEXT")?);
                let context = context.map_err(|error| format!("CONTEXT {error}"))?;
                let tenant = self.tenant.take().unwrap_or_default();
                Command::DeleteContext { of: ConversationKey { tenant, owner, context } }
            }
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
            "keys" => Command::Keys,
            "make-key" => {
                let missing = "make-key needs --owner NAME: whose tasks the key is for";
                let scopes = self.scopes.take().unwrap_or_default();
                let scopes = scopes.split(',').filter(|scope| !scope.is_empty());
                Command::MakeKey {
                    owner: self.owner.take().ok_or(missing)?,
                    tenant: self.tenant.take(),
                    scopes: scopes.map(str::to_owned).collect(),
                    days: self.days.take().unwrap_or(KEY_DAYS),
                }
            }
            "revoke-key" => {
                let id = KeyId::parse(&next("ID")?);
                let wrong = "ID must be the 16 digits that `keys` lists";
                Command::RevokeKey { id: id.ok_or(wrong)? }
            }
            _ => return Err(format!("there is no command {name:?}").into()),
        };
        if let Some(word) = words.next() {
            return Err(format!("{name} does not take {word:?}").into());
        }
        // An unused argument would have been meant for something.
        let rest = [
            ("--limit", self.limit.is_some()),
            ("--since", self.since.is_some()),
            ("--tenant", self.tenant.is_some()),
            ("--owner", self.owner.is_some()),
            ("--scopes", self.scopes.is_some()),
            ("--days", self.days.is_some()),
            ("--cancel", self.cancels),
            ("--steps", self.steps),
            ("--write", self.writes),
            ("--from", self.from.is_some()),
            ("--read-units", self.read_units.is_some()),
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
        let make = |owner: &str, tenant: Option<&str>, scopes: &[&str], days| Command::MakeKey {
            owner: owner.to_owned(),
            tenant: tenant.map(|tenant| Tenant::parse(tenant).unwrap()),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            days,
        };
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
            ("show --steps t", Command::ShowSteps { task: task("") }),
            ("replay t c --since 0 --tenant acme", replay(0)),
            ("--since 12 replay --tenant acme t c", replay(12)),
            ("enable t c", Command::Enable { task: task(""), config: config() }),
            ("delete t", Command::Delete { task: task(""), cancels: false }),
            (
                "delete --cancel t --tenant acme",
                Command::Delete { task: task("acme"), cancels: true },
            ),
            (
                "delete-context --tenant acme alice trip",
                Command::DeleteContext {
                    of: ConversationKey {
                        tenant: Tenant::parse("acme").unwrap(),
                        owner: Owner::parse("alice").unwrap(),
                        context: ContextId::parse("trip").unwrap(),
                    },
                },
            ),
            ("redrive", Command::Redrive { limit: 1_000 }),
            ("retain", Command::Retain(Walk { writes: false, from: None, read_units: 25 })),
            (
                r#"retain --write --from ["acme#t","H"] --read-units 7"#,
                Command::Retain(Walk {
                    writes: true,
                    from: r#"["acme#t","H"]"#.parse().ok(),
                    read_units: 7,
                }),
            ),
            ("keys", Command::Keys),
            ("make-key --owner bob", make("bob", None, &[], 90)),
            (
                "make-key --owner bob --tenant acme --scopes a,b --days 7",
                make("bob", Some("acme"), &["a", "b"], 7),
            ),
            (
                "revoke-key 0123456789abcdef",
                Command::RevokeKey { id: KeyId::parse("0123456789abcdef").unwrap() },
            ),
        ] {
            assert_eq!(parsed(line), Ok(Arguments { command, json: false }), "{line}");
        }
        assert!(parsed("failing --json").unwrap().json);
    }

    #[test]
    fn a_fault_is_named() {
        for (line, error) in [
            ("", "a command is missing"),
            ("fail", "there is no command \"fail\""),
            ("failing x", "failing does not take \"x\""),
            ("failing --tenant a", "failing does not take --tenant"),
            ("delete", "delete needs a TASK"),
            ("delete t --limit 1", "delete does not take --limit"),
            ("delete-context", "delete-context needs an OWNER"),
            ("delete-context alice", "delete-context needs a CONTEXT"),
            ("delete-context alice c --cancel", "delete-context does not take --cancel"),
            ("show t --cancel", "show does not take --cancel"),
            ("delete t --steps", "delete does not take --steps"),
            ("redrive --write", "redrive does not take --write"),
            ("retain --read-units 0", "--read-units must be from 1 to 10000"),
            ("retain --from t", "--from must be a place from the output of an earlier run"),
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
            ("make-key", "make-key needs --owner NAME: whose tasks the key is for"),
            ("make-key --owner a --days 0", "--days must be from 1 to 3650"),
            ("make-key a --owner a", "make-key does not take \"a\""),
            ("keys --owner a", "keys does not take --owner"),
            ("revoke-key", "revoke-key needs an ID"),
            ("revoke-key 7", "ID must be the 16 digits that `keys` lists"),
            ("failing --verbose", "invalid option '--verbose'"),
        ] {
            assert_eq!(parsed(line), Err(error.to_owned()), "{line}");
        }
        assert_eq!(parse(["show", ""]).unwrap_err().to_string(), "TASK must not be empty");
    }
}
