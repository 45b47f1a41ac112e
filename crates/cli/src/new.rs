//! `a2a-lambda new`: makes a workspace with an agent, the executables of its functions, and tests.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::{Long, Short, Value};
use lexopt::{Error, Parser, ValueExt as _};

use crate::bundle::{AGENT, File};
use crate::{chain, complain, misused, show};

const USAGE: &str = "\
Makes a workspace in the folder DIR: an agent, the executables of its functions, and tests. The package
has the name of the folder.

Usage: a2a-lambda new DIR [options]

Options:
  --path CHECKOUT   build with the a2a-lambda of this checkout
  --git URL         build with the a2a-lambda of this git repository
  --rev REV         its commit (--git) [default: the newest of the default branch]
  --help            print this

One of --path and --git is needed where the program does not know which commit it was built from.
";

/// The name in the example that the new agent's name replaces.
const EXAMPLE: &str = "own-agent";
const EXAMPLE_DEPENDENCY: &str = "path = \"../../crates/a2a-lambda\"";

/// The longest name of a package.
const MAX_NAME: usize = 64;

/// Words that Rust keeps for itself, or Cargo for its folders: they cannot name a crate.
const RESERVED: &str = " abstract alloc as async await become box break build const continue core crate \
    deps do dyn else enum examples extern false final fn for gen if impl in incremental let loop macro \
    match mod move mut override priv proc-macro pub ref return self static std struct super test trait \
    true try type typeof unsafe unsized use virtual where while yield ";

/// The source of the crate `a2a-lambda`.
#[derive(Debug, PartialEq)]
enum Dependency {
    Path(PathBuf),
    Git { url: String, rev: Option<String> },
}

#[derive(Debug, PartialEq)]
enum Arguments {
    Help,
    New { folder: PathBuf, dependency: Dependency },
}

/// Why no workspace was made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "{name:?} cannot be the name of a package: {why}. Give the folder another name, such as my-agent"
    )]
    Name { name: String, why: &'static str },
    #[error("{} is not empty: name a folder that does not exist yet", .0.display())]
    NotEmpty(PathBuf),
    #[error("--path: {} is not a checkout of a2a-lambda: it lacks crates/a2a-lambda", .0.display())]
    NoCheckout(PathBuf),
    #[error("{option}: {value:?} cannot be used: {why}")]
    Option { option: &'static str, value: String, why: &'static str },
    #[error("{} cannot be written; nothing was made", .path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Runs the command. The arguments are those behind its name.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let (folder, dependency) = match parse(arguments) {
        Ok(Arguments::New { folder, dependency }) => (folder, dependency),
        Ok(Arguments::Help) => return show(USAGE),
        Err(error) => return misused(error, USAGE),
    };
    match new(&folder, &dependency) {
        Ok(name) => {
            let folder = folder.display();
            show(&format!("made {name}. Go on with:\n  cd {folder} && cargo test && cargo run\n"))
        }
        Err(failure) => {
            complain(chain(&failure));
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Arguments, Error> {
    let mut parser = Parser::from_args(arguments);
    let (mut folder, mut path, mut git, mut rev) = (None, None, None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Arguments::Help),
            Long("path") => path = Some(PathBuf::from(parser.value()?)),
            Long("git") => git = Some(parser.value()?.string()?),
            Long("rev") => rev = Some(parser.value()?.string()?),
            Value(word) if folder.is_none() => folder = Some(PathBuf::from(word)),
            _ => return Err(argument.unexpected()),
        }
    }
    let folder = folder.ok_or("new needs a DIR: the folder to make")?;
    let dependency = match (path, git, rev) {
        (Some(path), None, None) => Dependency::Path(path),
        (None, Some(url), rev) => Dependency::Git { url, rev },
        (Some(_), Some(_), _) => return Err("--path and --git exclude each other".into()),
        (_, None, Some(_)) => return Err("--rev needs --git".into()),
        (None, None, None) => built_from().ok_or(
            "say where a2a-lambda is: --path CHECKOUT, or --git URL and the commit as --rev REV",
        )?,
    };
    Ok(Arguments::New { folder, dependency })
}

/// The source of this program, if it was built with its commit in `A2A_LAMBDA_COMMIT`.
fn built_from() -> Option<Dependency> {
    let url = env!("CARGO_PKG_REPOSITORY");
    let rev = option_env!("A2A_LAMBDA_COMMIT")?.to_owned();
    (!url.is_empty()).then(|| Dependency::Git { url: url.to_owned(), rev: Some(rev) })
}

/// Makes the workspace; returns its name.
fn new(folder: &Path, dependency: &Dependency) -> Result<String, Failure> {
    let name = name(folder)?;
    let dependency = dependency.in_toml()?;
    let adapted = |file: &File| {
        // The crate first: the package's name may have underscores, too.
        let text = file.content.replace(&EXAMPLE.replace('-', "_"), &name.replace('-', "_"));
        let text = text.replace(EXAMPLE, &name).replace(EXAMPLE_DEPENDENCY, &dependency);
        (file.path, if file.path == "Cargo.lock" { sorted(&text) } else { text })
    };
    let files: Vec<_> = AGENT.iter().map(adapted).collect();

    let mut made = Made::default();
    let written = made.folder(folder).and_then(|()| {
        let is_empty = fs::read_dir(folder)?.next().is_none();
        if is_empty { Ok(()) } else { Err(io::ErrorKind::DirectoryNotEmpty.into()) }
    });
    match written {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            return Err(Failure::NotEmpty(folder.to_owned()));
        }
        Err(source) => return Err(Failure::Write { path: folder.to_owned(), source }),
        Ok(()) => {}
    }
    for (path, text) in files {
        let path = folder.join(path);
        let source = match made.file(&path, &text) {
            Ok(()) => continue,
            Err(source) => source,
        };
        return Err(Failure::Write { path, source });
    }
    made.keep();
    Ok(name)
}

/// The package's name: that of the folder.
fn name(folder: &Path) -> Result<String, Failure> {
    // `.` has a name, too.
    let absolute = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let crate_of = |name: &str| name.replace('-', "_");
    let lock = AGENT.iter().find(|file| file.path == "Cargo.lock").map_or("", |file| file.content);
    let mut known =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let why = if !starts_well || !name.chars().all(is_plain) {
        "it must have the letters a to z, digits, '-' and '_' only, and begin with a letter"
    } else if name.len() > MAX_NAME {
        "it must have 64 letters at most"
    } else if RESERVED.contains(&format!(" {name} ")) {
        "Rust or Cargo uses it"
    } else if AGENT.iter().any(|file| file.path == format!("src/bin/{name}.rs")) {
        "one of its executables has it"
    } else if known.any(|known| known != EXAMPLE && crate_of(known) == crate_of(&name)) {
        "a crate that it is built of has it"
    } else {
        return Ok(name);
    };
    Err(Failure::Name { name, why })
}

/// A lock file with its packages in Cargo's order, which a new name changes.
fn sorted(lock: &str) -> String {
    let mut parts = lock.trim_end().split("\n\n[[package]]\n");
    let head = parts.next().unwrap_or_default();
    let mut packages: Vec<_> = parts.collect();
    // Name and version are the first lines. The sort is stable: equal names keep their order.
    packages.sort_by_key(|package| package.lines().next());
    let packages = packages.iter().map(|package| format!("\n\n[[package]]\n{package}"));
    format!("{head}{}\n", packages.collect::<String>())
}

impl Dependency {
    /// The dependency's text in the manifest.
    fn in_toml(&self) -> Result<String, Failure> {
        match self {
            Self::Path(checkout) => {
                let missing = || Failure::NoCheckout(checkout.clone());
                let folder = checkout.join("crates/a2a-lambda");
                let folder = fs::canonicalize(folder).map_err(|_| missing())?;
                if !folder.join("Cargo.toml").is_file() {
                    return Err(missing());
                }
                let why = "its path is no UTF-8";
                let value = || checkout.to_string_lossy().into_owned();
                let wrong = || Failure::Option { option: "--path", value: value(), why };
                Ok(format!("path = {}", quoted("--path", folder.to_str().ok_or_else(wrong)?)?))
            }
            Self::Git { url, rev: None } => Ok(format!("git = {}", quoted("--git", url)?)),
            Self::Git { url, rev: Some(rev) } => {
                Ok(format!("git = {}, rev = {}", quoted("--git", url)?, quoted("--rev", rev)?))
            }
        }
    }
}

/// A text as TOML has it.
fn quoted(option: &'static str, text: &str) -> Result<String, Failure> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    };
    Err(Failure::Option { option, value: text.to_owned(), why })
}

/// The folders and files made so far. It is removed again unless it is kept.
#[derive(Default)]
struct Made {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    /// Makes a folder, and those above it, where they are not there.
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.folder(above)?;
        }
        fs::create_dir(folder)?;
        self.folders.push(folder.to_owned());
        Ok(())
    }

    fn file(&mut self, path: &Path, text: &str) -> io::Result<()> {
        if let Some(above) = path.parent() {
            self.folder(above)?;
        }
        let mut file = fs::File::create_new(path)?;
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes())
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for file in self.files.iter().rev() {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
