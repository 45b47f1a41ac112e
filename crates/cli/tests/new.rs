//! `a2a-lambda new` from outside.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::folder;

const PROGRAM: &str = env!("CARGO_BIN_EXE_a2a-lambda");

fn checkout() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap()
}

/// Runs the program in a folder: the exit code, the output, and the errors.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn made(folder: &Path, arguments: &[&str]) {
    let (code, _, err) = run(folder, arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
}

/// All files below a folder, except a build's output.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_file() {
                found.insert(name, fs::read_to_string(&path).unwrap());
            } else if !["target", ".data"].contains(&name.as_str()) {
                folders.push(path);
            }
        }
    }
    found
}

#[test]
fn a_new_workspace_is_the_example_but_for_its_name_and_its_dependency() {
    let folder = folder("new-example");
    let checkout = checkout();
    let mut example = files(&checkout.join("examples/own-agent"));
    made(&folder, &["new", "own-agent", "--path", checkout.to_str().unwrap()]);
    let here = format!("path = \"{}\"", checkout.join("crates/a2a-lambda").display());
    for text in example.values_mut() {
        *text = text.replace("path = \"../../crates/a2a-lambda\"", &here);
    }
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    let own = files(&folder.join("own-agent"));
    assert_eq!(names(&own), names(&example), "crates/cli/bundle/agent has links to all of them");
    assert_eq!(own, example);

    // Names that have parts of the example's, and that stand elsewhere in the lock file.
    let url = "https://git.example/a2a-lambda";
    for name in ["my_own_agent", "zebra", "aa-own-agent"] {
        made(&folder, &["new", &format!("deep/er/{name}"), "--git", url, "--rev", "abc"]);
        let there = format!("git = \"{url}\", rev = \"abc\"");
        let others = files(&folder.join("deep/er").join(name));
        for (path, text) in &example {
            let expected = text.replace("own_agent", &name.replace('-', "_"));
            let expected = expected.replace("own-agent", name).replace(&here, &there);
            if path != "Cargo.lock" {
                assert_eq!(others[path], expected, "{name}: {path}");
                continue;
            }
            let packages = |lock: &str| -> Vec<String> {
                let of = lock.lines().filter_map(|line| line.strip_prefix("name = "));
                of.map(str::to_owned).collect()
            };
            let mut sorted = packages(&expected);
            sorted.sort();
            assert_eq!(packages(&others[path]), sorted);
            assert_eq!(others[path].len(), expected.len());
        }
    }
}

/// Its executables are as small as those of this workspace.
#[test]
fn a_new_workspace_compiles_the_same_crates_for_size() {
    let sizes = |manifest: &str| {
        let text = fs::read_to_string(checkout().join(manifest)).unwrap();
        let (_, rest) = text.split_once("[profile.release.package]\n").unwrap();
        rest.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(sizes("examples/own-agent/Cargo.toml"), sizes("Cargo.toml"));
}

#[test]
fn an_empty_folder_is_taken_and_no_other() {
    let folder = folder("new-empty");
    let checkout = checkout();
    let path = ["--path", checkout.to_str().unwrap()];
    let here = folder.join("my-agent");
    fs::create_dir(&here).unwrap();
    made(&here, &[&["new", "."][..], &path].concat());
    assert!(files(&here)["Cargo.toml"].contains("name = \"my-agent\""));

    let before = files(&here);
    fs::write(here.join("mine"), "").unwrap();
    fs::remove_file(here.join("Cargo.toml")).unwrap();
    let (code, out, err) = run(&folder, &[&["new", "my-agent"][..], &path].concat());
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(err, "my-agent is not empty: name a folder that does not exist yet\n");
    assert_eq!(files(&here).len(), before.len());

    fs::write(folder.join("file"), "").unwrap();
    let (code, _, err) = run(&folder, &[&["new", "file"][..], &path].concat());
    assert!(code == 1 && err.starts_with("file cannot be written; nothing was made"), "{err}");
}

#[test]
fn an_incomplete_workspace_is_removed() {
    let folder = folder("new-half");
    // The lock file is longer than a file may be here.
    let script = format!(
        "trap '' XFSZ; ulimit -f 16; exec {PROGRAM} new deep/er/agent --path {}",
        checkout().display()
    );
    let ran = Command::new("sh").args(["-c", &script]).current_dir(&folder).output().unwrap();
    let err = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{err}");
    let expected = "deep/er/agent/Cargo.lock cannot be written; nothing was made: ";
    assert!(err.starts_with(expected), "{err}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn an_invalid_agent_name_is_refused() {
    let folder = folder("new-refused");
    let checkout = checkout();
    let path = checkout.to_str().unwrap();
    let long = "a".repeat(65);
    for (name, why) in [
        ("My-Agent", "it must have the letters a to z"),
        ("my agent", "it must have the letters a to z"),
        ("7", "it must have the letters a to z"),
        ("-", "it must have the letters a to z"),
        ("agent\u{e9}", "it must have the letters a to z"),
        ("..", "it must have the letters a to z"),
        (&long, "it must have 64 letters at most"),
        ("async", "Rust or Cargo uses it"),
        ("test", "Rust or Cargo uses it"),
        ("request", "one of its executables has it"),
        ("local", "one of its executables has it"),
        ("tokio", "a crate that it is built of has it"),
        ("a2a_lambda", "a crate that it is built of has it"),
    ] {
        // `..` names a folder whose name is not a package's, either.
        let folder = if name == ".." { Path::new("/usr") } else { &folder };
        let (code, out, err) = run(folder, &["new", name, "--path", path]);
        assert_eq!((code, out.as_str()), (1, ""), "{name}: {err}");
        assert!(err.contains(why), "{name}: {err}");
    }
    for (arguments, code, says) in [
        (&["new"][..], 2, "new needs a DIR"),
        (&["new", "a"], 2, "say where a2a-lambda is: --path CHECKOUT, or --git URL"),
        (&["new", "a", "b", "--path", path], 2, "unexpected argument \"b\""),
        (&["new", "a", "--path", path, "--git", "u"], 2, "--path and --git exclude each other"),
        (&["new", "a", "--path", path, "--rev", "u"], 2, "--rev needs --git"),
        (&["new", "a", "--rev", "u"], 2, "--rev needs --git"),
        (&["new", "a", "--path", "/usr"], 1, "--path: /usr is not a checkout of a2a-lambda"),
        (&["new", "a", "--git", ""], 1, "--git: \"\" cannot be used: it is empty"),
        (&["new", "a", "--git", "u", "--rev", "\n"], 1, "--rev: \"\\n\" cannot be used"),
    ] {
        let (found, out, err) = run(&folder, arguments);
        assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}: {err}");
        assert!(err.lines().any(|line| line.starts_with(says)), "{arguments:?}: {err}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
