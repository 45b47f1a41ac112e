//! `a2a-lambda package` and `a2a-lambda deploy`: the scripts of the repository, which travel in the program.
//!
//! They are written to the user's cache, into a folder of their version, and Python runs them there.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{fs, process};

use sha2::{Digest as _, Sha256};

use crate::bundle::SCRIPTS;
use crate::{chain, complain};

const PYTHON: &str = "python3";

/// Why a script was not run.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no folder for a cache is known: set HOME, or XDG_CACHE_HOME to an absolute path")]
    NoCache,
    #[error("{} cannot be written: set XDG_CACHE_HOME to a writable folder", .path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("python3 is missing: install Python 3.11 or later (Debian: python3 and python3-venv)")]
    NoPython,
    #[error("python3 cannot be run")]
    Python(#[source] io::Error),
}

/// Runs a script in place of this process. The arguments are those behind its name.
pub(crate) fn run(name: &str, arguments: Vec<OsString>) -> ExitCode {
    let Err(failure) = replace(name, arguments);
    complain(chain(&failure));
    ExitCode::FAILURE
}

fn replace(name: &str, arguments: Vec<OsString>) -> Result<std::convert::Infallible, Failure> {
    let cache = cache().ok_or(Failure::NoCache)?;
    let folder = cache.join(version());
    for file in SCRIPTS {
        let path = folder.join(file.path);
        if let Err(source) = ensure(&path, file.content) {
            return Err(Failure::Write { path, source });
        }
    }
    let mut command = Command::new(PYTHON);
    command.arg(folder.join("scripts").join(name)).args(arguments);
    command.env("A2A_LAMBDA_TOOLS", cache.join("tools")).env("PYTHONDONTWRITEBYTECODE", "1");
    let error = command.exec();
    Err(match error.kind() {
        io::ErrorKind::NotFound => Failure::NoPython,
        _ => Failure::Python(error),
    })
}

/// This program's folder in the user's cache.
fn cache() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "of a user's own program, not of a function")]
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    Some(cache.or_else(|| Some(set("HOME")?.join(".cache")))?.join("a2a-lambda"))
}

/// The program's version and a digest of its scripts: two builds of a version may differ.
fn version() -> String {
    let mut digest = Sha256::new();
    for file in SCRIPTS {
        for text in [file.path, file.content] {
            digest.update(text.len().to_be_bytes());
            digest.update(text);
        }
    }
    let mut name = concat!(env!("CARGO_PKG_VERSION"), "-").to_owned();
    for byte in &digest.finalize()[..6] {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Writes a file unless it is there as it should be. Another process may do the same.
fn ensure(path: &Path, content: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|found| found == content.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension(format!("{}.new", process::id()));
    fs::write(&unfinished, content)?;
    fs::rename(&unfinished, path)
}
