//! The local cloud as a program. `scripts/dev` builds and runs it.

use std::path::PathBuf;
use std::process::ExitCode;

use a2a_lambda_core::engine::chain;
use a2a_lambda_local::cloud::{Cloud, Data};
use a2a_lambda_local::server::serve;
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
  --log LEVEL    error, warn, info, debug or trace, to the standard error output [default: warn]
  --help         print this

A bearer token stands for a user: `Authorization: Bearer alice` makes the request alice's, and
alice sees her own tasks only. Without one, everybody is the same user. Nothing is checked: this is
for one's own machine.
";

struct Options {
    port: u16,
    agent: Option<String>,
    data: Data,
    log: LevelFilter,
}

fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options {
        port: 9000,
        agent: None,
        data: Data::Folder(PathBuf::from(".data")),
        log: LevelFilter::WARN,
    };
    let mut folder = false;
    let mut memory = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => options.port = arguments.value()?.parse()?,
            Long("agent") => options.agent = Some(arguments.value()?.string()?),
            Long("data") => {
                folder = true;
                options.data = Data::Folder(arguments.value()?.into());
            }
            Long("memory") => {
                memory = true;
                options.data = Data::Memory;
            }
            Long("log") => options.log = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    if folder && memory {
        return Err("--data and --memory exclude each other".into());
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    let options = match parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
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
        .with_max_level(options.log)
        .with_target(false)
        .init();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(&options)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .map_err(|error| format!("port {} cannot be used: {error}", options.port))?;
    let address = listener.local_addr()?;
    let cloud = Cloud::start(options.agent.as_deref(), &options.data, address.to_string()).await?;
    println!("listening on http://{address}");
    tokio::select! {
        () = serve(listener, cloud.clone()) => {}
        () = cloud.run() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}
