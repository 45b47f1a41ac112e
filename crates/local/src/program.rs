//! The local cloud as a program: the one that `scripts/dev` builds and runs, and the `main` of
//! other workspaces.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use a2a_lambda_aws_emulator::gate::Gate;
use a2a_lambda_aws_emulator::server::listen;
use a2a_lambda_core::Agents;
use a2a_lambda_core::engine::chain;
use a2a_lambda_request::ResponseMode;
use a2a_lambda_runtime::table::{AGENT_COMMAND, ALLOWED_ORIGINS, LOG_LEVEL, POWERTOOLS_LOG_LEVEL};
use a2a_lambda_runtime::{ConfigError, Reader, Variables, log_level, process_environment};
use serde_json::json;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use crate::cloud::{Cloud, Data, Options};
use crate::logs;
use crate::server::serve;

const USAGE: &str = "\
Runs the local cloud: the functions of a2a-lambda over an embedded DynamoDB, in one process.

Usage: scripts/dev [options]
       scripts/dev [options] --agent process -- PROGRAM [arguments]

Options:
  --port P       the port to listen on at 127.0.0.1 [default: 9000; 0 takes a free one]
  --agent NAME   the agent to run [default: echo]: `http:URL` for one that is served elsewhere, `a2a:URL`
                 for another A2A agent, and `process` for one that is started by the PROGRAM behind `--`
                 and listens at $PORT
  --data DIR     the folder that the tasks are kept in [default: .data]
  --memory       keep the tasks in memory: they are gone when this ends
  --processes    run the functions as processes of their own, as Lambda does; they end with this. What
                 they write (lines of their logs, metrics, spans) goes to the standard error output,
                 each line behind the name of its function
  --auth         check who calls as a deployment does, by the function `authorizer`: set JWT_ISSUERS,
                 or API_KEYS=true and make a key by `a2a-lambda make-key` (see --aws-port)
  --buffer       give answers whole, as an HTTP API does: streams, too, when they end
  --allow-origin ORIGIN
                 let the web pages of this origin, such as http://localhost:5173, call from a
                 browser; can be given several times, and `*` lets in all; without it none may
  --allow-host HOST
                 serve requests for this host, too, such as dev.example.com, beside localhost and
                 127.0.0.1; can be given several times
  --aws-port P   serve the database and the queue, too, at this port of 127.0.0.1 [0 takes a free
                 one], and say by which variables `a2a-lambda` reaches them
  --log LEVEL    error, warn, info, debug or trace, to the standard error output [default: LOG_LEVEL, or
                 warn]; with --processes, that of the functions, too, unless LOG_LEVEL is set
  --help         print this

The functions' variables can be set as for a deployment: `PUSH_SIGNING_KEYS`, `MAX_BODY_BYTES` and so
on, and `ALLOWED_ORIGINS` for --allow-origin. A warning names those that are not taken here, and why:
metrics, traces and secrets by reference (`ssm:`) need --processes. Pushes go to http URLs and to this
machine, too, unless `PUSH_ALLOW_HTTP` or `PUSH_ALLOW_LOCAL` is false; leases last 10 s unless
`LEASE_SECONDS` is set.

Callbacks are answered below /callbacks, by everybody who has the URL of one, with --auth, too.

An interrupt or SIGTERM ends it. What was under way goes on at the next start with the same --data.

A bearer token stands for a user: `Authorization: Bearer alice` makes the request alice's, and
alice sees her own tasks only. Without one, everybody is the same user. Nothing is checked without
--auth: this is for one's own machine.
";

/// The lines of the usage that belong only to the program with a2a-lambda's own agents.
const ITS_NAME: &str = "scripts/dev [options]";
const ITS_PROGRAM: &str = "       scripts/dev [options] --agent process -- PROGRAM [arguments]\n";
const AGENT_OPTION: &str = "  --agent NAME   the agent to run [default: echo]: `http:URL` for one that is served elsewhere, `a2a:URL`
                 for another A2A agent, and `process` for one that is started by the PROGRAM behind `--`
                 and listens at $PORT
";

/// The usage of a program with agents of its own.
fn own_usage() -> String {
    USAGE
        .replace(ITS_PROGRAM, "")
        .replace(AGENT_OPTION, "")
        .replace(ITS_NAME, "cargo run -- [options]")
}

/// Runs the local cloud with these agents, as the `main` of a program: with `--help` it says how.
/// `agents` is called at the start, if the functions do not run as processes of their own. Its error
/// ends the program, and is written.
pub fn main<E: Into<Box<dyn Error + Send + Sync>>>(
    agents: impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
) -> ExitCode {
    run_program(None, &own_usage(), agents)
}

/// The same, with the option `--agent` for the functions' variable `AGENT`. `check` refuses all
/// other cases.
pub fn main_with_agent_option<E: Into<Box<dyn Error + Send + Sync>>, R: Error + 'static>(
    check: impl Fn(&str) -> Result<(), R>,
    agents: impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
) -> ExitCode {
    run_program(Some(&|text| Ok(check(text)?)), USAGE, agents)
}

/// Refuses an impossible value of `--agent`.
type CheckAgent<'a> = &'a dyn Fn(&str) -> Result<(), Box<dyn Error>>;

/// How long the end may take. Threads that hang, in an agent or in a look-up of a name, end with the
/// process.
const END_WITHIN: Duration = Duration::from_millis(500);

struct Arguments {
    port: u16,
    log: LevelFilter,
    gate: Gate,
    cloud: Options,
}

fn parse(
    mut arguments: lexopt::Parser,
    with_agent: bool,
) -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::*;
    let variables = Variables::new(Reader::LocalCloud, &process_environment);
    let mut parsed = Arguments {
        port: 9000,
        log: own_level(&variables).map_err(|error| error.to_string())?,
        gate: Gate::default(),
        cloud: Options {
            agent: with_agent.then(|| "echo".to_owned()),
            agent_command: None,
            data: Data::Folder(PathBuf::from(".data")),
            bootstraps: None,
            response_mode: ResponseMode::Stream,
            aws_port: None,
            auth: false,
            log: None,
        },
    };
    let options = &mut parsed.cloud;
    let set = variables.text(&ALLOWED_ORIGINS).map_err(|error| error.to_string())?;
    let mut origins: Vec<String> = set.into_iter().collect();
    let mut hosts = Vec::new();
    let mut folder = false;
    let mut memory = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => parsed.port = arguments.value()?.parse()?,
            Long("agent") if with_agent => {
                options.agent = Some(arguments.value()?.string()?);
            }
            Long("data") => {
                folder = true;
                options.data = Data::Folder(arguments.value()?.into());
            }
            Long("memory") => {
                memory = true;
                options.data = Data::Memory;
            }
            Long("processes") => options.bootstraps = Some(own_folder()?),
            Long("allow-origin") => origins.push(arguments.value()?.string()?),
            Long("allow-host") => hosts.push(arguments.value()?.string()?),
            Long("auth") => options.auth = true,
            Long("aws-port") => options.aws_port = Some(arguments.value()?.parse()?),
            Long("buffer") => options.response_mode = ResponseMode::Buffer,
            Long("log") => {
                parsed.log = arguments.value()?.parse()?;
                options.log = Some(parsed.log);
            }
            Short('h') | Long("help") => return Ok(None),
            // All that follows is the agent's.
            Value(program) if options.agent.as_deref().is_some_and(starts_a_process) => {
                let words = std::iter::once(program).chain(arguments.raw_args()?);
                let words = words.map(ValueExt::string).collect::<Result<Vec<_>, _>>()?;
                options.agent_command = Some(json!(words).to_string());
            }
            _ => return Err(argument.unexpected()),
        }
    }
    if folder && memory {
        return Err("--data and --memory exclude each other".into());
    }
    if options.bootstraps.is_some() && options.response_mode == ResponseMode::Buffer {
        return Err("--processes and --buffer exclude each other".into());
    }
    if options.agent.as_deref().is_some_and(starts_a_process)
        && options.agent_command.is_none()
        && process_environment(AGENT_COMMAND.about.name).is_none()
    {
        return Err("the agent `process` needs its PROGRAM behind `--`, or AGENT_COMMAND".into());
    }
    parsed.gate = Gate::new(&origins.join(","), &hosts).map_err(|error| error.to_string())?;
    Ok(Some(parsed))
}

/// Whether the text of `AGENT` names the agent that a command starts.
fn starts_a_process(agent: &str) -> bool {
    let mut items = agent.split(',').map(|item| item.rsplit('=').next().unwrap_or_default().trim());
    items.any(|item| item == "process" || item.starts_with("process:"))
}

/// The level of this program's log, where no option says it: that of the functions', if it is set.
fn own_level(variables: &Variables<'_>) -> Result<LevelFilter, ConfigError> {
    let names = [LOG_LEVEL.about.name, POWERTOOLS_LOG_LEVEL.about.name];
    let is_set = |name: &&str| process_environment(name).is_some_and(|value| !value.is_empty());
    if names.iter().any(is_set) { log_level(variables) } else { Ok(LevelFilter::WARN) }
}

/// The folder of this executable: the functions' are beside it.
fn own_folder() -> Result<PathBuf, lexopt::Error> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// Writes a line to the standard error output, if that is still open.
fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn run_program<E: Into<Box<dyn Error + Send + Sync>>>(
    check_agent: Option<CheckAgent<'_>>,
    usage: &str,
    agents: impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
) -> ExitCode {
    let arguments = match parse(lexopt::Parser::from_env(), check_agent.is_some()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            // A reader that stops after the first lines has enough.
            let _ = io::stdout().write_all(usage.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            // The error is last: a terminal has fewer lines than the usage.
            complain(format_args!("{usage}\n{error}"));
            return ExitCode::from(2);
        }
    };
    logs::init(arguments.log);
    let checked = match (check_agent, &arguments.cloud.agent) {
        (Some(check), Some(agent)) => check(agent),
        _ => Ok(()),
    };
    match checked.and_then(|()| start(arguments, agents)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Runs the cloud on two sets of threads, so that busy agents do not delay requests.
fn start<E: Into<Box<dyn Error + Send + Sync>>>(
    arguments: Arguments,
    make: impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
) -> Result<(), Box<dyn Error>> {
    let runtime = |name: &str| Builder::new_multi_thread().thread_name(name).enable_all().build();
    let requests: Runtime = runtime("requests")?;
    let agents: Runtime = runtime("agents")?;
    let done = requests.block_on(run(arguments, make, agents.handle()));
    // The functions' processes end with the last that uses them.
    agents.shutdown_timeout(END_WITHIN);
    requests.shutdown_timeout(END_WITHIN);
    done
}

async fn run<E: Into<Box<dyn Error + Send + Sync>>>(
    arguments: Arguments,
    make: impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
    agents: &Handle,
) -> Result<(), Box<dyn Error>> {
    // From here on they end it in order.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let Arguments { port, gate, cloud, .. } = arguments;
    let listener = listen(port).map_err(|error| format!("port {port} cannot be used: {error}"))?;
    let address = listener.local_addr()?;
    let cloud = tokio::select! {
        started = Cloud::start(&cloud, address.to_string(), &make) => started?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    if let Some(variables) = cloud.operator_variables() {
        complain("For a2a-lambda, in another shell:");
        for (name, value) in variables {
            complain(format_args!("export {name}={value}"));
        }
    }
    writeln!(io::stdout(), "listening on http://{address}")?;
    let work = {
        let cloud = cloud.clone();
        agents.spawn(async move { cloud.run().await })
    };
    tokio::select! {
        () = serve(listener, gate, cloud) => {}
        ended = work => ended?,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the command line is refused for; nothing if it is not.
    fn refused(line: &str) -> Option<String> {
        let parser = lexopt::Parser::from_args(line.split_whitespace());
        parse(parser, true).err().map(|error| error.to_string())
    }

    #[test]
    fn a_wrong_command_line_is_refused_by_what_is_wrong() {
        for (line, says) in [
            ("--agnet echo", Some("invalid option '--agnet'")),
            ("python3 agent.py", Some("unexpected argument \"python3\"")),
            ("--agent process", Some("needs its PROGRAM behind `--`")),
            ("--agent echo,acme=process:8080", Some("needs its PROGRAM behind `--`")),
            ("--agent process -- python3 agent.py", None),
            ("--agent http:http://127.0.0.1:8080", None),
            ("--data d --memory", Some("--data and --memory exclude each other")),
            ("--processes --buffer", Some("--processes and --buffer exclude each other")),
        ] {
            let found = refused(line);
            let is_right = match (&found, says) {
                (Some(found), Some(says)) => found.contains(says),
                (found, says) => found.is_none() && says.is_none(),
            };
            assert!(is_right, "{line}: {found:?}");
        }
    }
}
