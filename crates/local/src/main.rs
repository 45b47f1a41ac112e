//! The local cloud as a program. `scripts/dev` builds and runs it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use a2a_lambda_core::engine::chain;
use a2a_lambda_local::cloud::{Cloud, Data, Options};
use a2a_lambda_local::server::serve;
use request::ResponseMode;
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;

const USAGE: &str = "\
Runs the local cloud: the functions of a2a-lambda over an embedded DynamoDB, in one process.

Usage: scripts/dev [options]

Options:
  --port P       the port to listen on at 127.0.0.1 [default: 9000; 0 takes a free one]
  --agent NAME   the agent to run [default: echo]
  --data DIR     the folder that the tasks are kept in [default: .data]
  --memory       keep the tasks in memory: they are gone when this ends
  --processes    run the functions as processes of their own, as Lambda does
  --buffer       give answers whole, as an HTTP API does: streams, too, when they end
  --aws-port P   serve the database and the queue, too, at this port of 127.0.0.1 [0 takes a free
                 one], and say by which variables a2a-lambda-ops reaches them
  --log LEVEL    error, warn, info, debug or trace, to the standard error output [default: warn]
  --help         print this

The variables of the agent card and of pushes are those of the functions: `CARD_SIGNING_KEY`, `PUSH_SIGNING_KEYS`
and so on. Pushes go to http URLs and to this machine, too, unless `PUSH_ALLOW_HTTP` or `PUSH_ALLOW_LOCAL` is false.

A bearer token stands for a user: `Authorization: Bearer alice` makes the request alice's, and
alice sees her own tasks only. Without one, everybody is the same user. Nothing is checked: this is
for one's own machine.
";

struct Arguments {
    port: u16,
    log: LevelFilter,
    cloud: Options,
}

fn parse(mut arguments: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parsed = Arguments {
        port: 9000,
        log: LevelFilter::WARN,
        cloud: Options {
            agent: "echo".to_owned(),
            data: Data::Folder(PathBuf::from(".data")),
            bootstraps: None,
            response_mode: ResponseMode::Stream,
            aws_port: None,
        },
    };
    let options = &mut parsed.cloud;
    let mut folder = false;
    let mut memory = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => parsed.port = arguments.value()?.parse()?,
            Long("agent") => options.agent = arguments.value()?.string()?,
            Long("data") => {
                folder = true;
                options.data = Data::Folder(arguments.value()?.into());
            }
            Long("memory") => {
                memory = true;
                options.data = Data::Memory;
            }
            Long("processes") => options.bootstraps = Some(own_folder()?),
            Long("aws-port") => options.aws_port = Some(arguments.value()?.parse()?),
            Long("buffer") => options.response_mode = ResponseMode::Buffer,
            Long("log") => parsed.log = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    if folder && memory {
        return Err("--data and --memory exclude each other".into());
    }
    if options.bootstraps.is_some() && options.response_mode == ResponseMode::Buffer {
        return Err("--processes and --buffer exclude each other".into());
    }
    Ok(Some(parsed))
}

/// The folder of this executable: the functions' are beside it.
fn own_folder() -> Result<PathBuf, lexopt::Error> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

fn main() -> ExitCode {
    let arguments = match parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(arguments.log)
        .with_target(false)
        .init();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(&arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(("127.0.0.1", arguments.port))
        .await
        .map_err(|error| format!("port {} cannot be used: {error}", arguments.port))?;
    let address = listener.local_addr()?;
    let cloud = Cloud::start(&arguments.cloud, address.to_string()).await?;
    if let Some(variables) = cloud.operator_variables() {
        eprintln!("For a2a-lambda-ops, in another shell:");
        for (name, value) in variables {
            eprintln!("export {name}={value}");
        }
    }
    println!("listening on http://{address}");
    tokio::select! {
        () = serve(listener, cloud.clone()) => {}
        () = cloud.run() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}
