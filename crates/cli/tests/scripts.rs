//! `a2a-lambda package` and `a2a-lambda deploy` from outside. They need `python3`.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::folder;

/// Runs the program with a cache in a folder: the exit code, the output, and the errors.
fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_a2a-lambda"));
    command.args(arguments).current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The files below a folder, by their paths in it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_file() {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            } else if !path.ends_with("__pycache__") {
                folders.push(path);
            }
        }
    }
    found
}

#[test]
fn scripts_are_written_once_repaired_and_run_under_the_program_s_name() {
    let folder = folder("scripts-cache");
    for name in ["package", "deploy"] {
        let (code, out, err) = run(&folder, &[name, "--help"], &[]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.starts_with(&format!("usage: a2a-lambda {name} ")), "{out}");
        assert!(!out.contains("scripts/"), "{out}");
        assert_eq!(run(&folder, &[name, "--unknown"], &[]).0, 2);
    }
    let cache = folder.join("cache/a2a-lambda");
    let [versioned] = fs::read_dir(&cache).unwrap().collect::<Vec<_>>().try_into().unwrap();
    let versioned = versioned.unwrap();
    assert!(versioned.file_name().to_str().unwrap().starts_with("0.1.0-"));
    let versioned = versioned.path();

    // All that the scripts of the repository are made of, but for the one that measures the checkout.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let library = files(&repository.join("scripts/lib"));
    let mut expected: BTreeSet<_> = library
        .into_iter()
        .filter(|path| !path.starts_with("bench"))
        .map(|path| Path::new("scripts/lib").join(path))
        .collect();
    expected
        .extend(["scripts/package", "scripts/deploy", "infra/template.yaml"].map(PathBuf::from));
    assert_eq!(files(&versioned), expected, "crates/cli/src/bundle.rs names all of them");
    let same = |path: &PathBuf| {
        fs::read(versioned.join(path)).unwrap() == fs::read(repository.join(path)).unwrap()
    };
    assert!(expected.iter().all(same), "crates/cli/bundle has links, and no copies");

    // The command restores files that were removed or changed.
    fs::write(versioned.join("scripts/package"), "raise SystemExit(7)").unwrap();
    fs::remove_dir_all(versioned.join("scripts/lib")).unwrap();
    assert_eq!(run(&folder, &["package", "--help"], &[]).0, 0);
    assert_eq!(files(&versioned), expected);
}

#[test]
fn a_missing_program_is_named() {
    let folder = folder("scripts-missing");
    let (code, out, err) = run(&folder, &["package"], &[("PATH", "/nowhere")]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "python3 is missing: install Python 3.11 or later (Debian: python3 and python3-venv)\n"
    );
    let (code, _, err) = run(&folder, &["deploy"], &[("XDG_CACHE_HOME", "here"), ("HOME", "")]);
    assert_eq!(code, 1);
    assert!(err.starts_with("no folder for a cache is known: set HOME"), "{err}");

    fs::write(folder.join("file"), "").unwrap();
    let file = folder.join("file");
    let (code, _, err) = run(&folder, &["deploy"], &[("XDG_CACHE_HOME", file.to_str().unwrap())]);
    assert!(code == 1 && err.contains("cannot be written: set XDG_CACHE_HOME"), "{err}");

    let (code, out, err) = run(&folder, &["package", "--workspace", "none"], &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    let expected = "error: --workspace: none has no Cargo.toml: name the folder of a workspace\n";
    assert_eq!(err, expected);
}
