use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::process_environment;
use crate::testing::read;

const WRITE: &str = "UPDATE_DOCS=1 cargo test -p a2a-lambda-runtime --lib documented";

#[test]
fn the_table_is_documented() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let document = document();
    if process_environment("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &document).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == document, "docs/configuration.md is not the table: write it by `{WRITE}`");
}

fn document() -> String {
    let surroundings: Vec<_> = SURROUNDINGS
        .iter()
        .map(|it| it.name())
        .filter(|name| name.starts_with("AWS_"))
        .map(|name| format!("`{name}`"))
        .collect();
    let mut document = format!(
        "# Configuration\n\nA function reads its variables once, when it starts. If one is missing or cannot be used, the function \
         ends with an error that names it. An empty variable counts as not set. `read by` names the functions that look a \
         variable up; `all` is all six, and `tasks` all but `authorizer` and `webhook`. Lambda takes at most 4 KB of variables for a function, so give each function only \
         what it reads. A value in the column `default` holds where the variable is not set. Beside these, Lambda sets \
         the names of the function and of its log, the region and the credentials, and the endpoints can be set to reach an emulator: {}. This file is made from \
         [the table in the code](../crates/runtime/src/table.rs) by `{WRITE}`.\n\n\
         | variable | read by | default | bounds | secret | what |\n|---|---|---|---|---|---|\n",
        surroundings.join(", "),
    );
    for variable in SETTINGS {
        let about = variable.about();
        let readers: Vec<_> = FUNCTIONS.into_iter().filter(|it| about.is_read_by(*it)).collect();
        let readers = if readers == FUNCTIONS {
            "all".to_owned()
        } else if readers == TASK_FUNCTIONS {
            "tasks".to_owned()
        } else {
            readers.iter().map(|reader| reader.name()).collect::<Vec<_>>().join(", ")
        };
        let default = match variable.default() {
            Some(default) => format!("`{default}`"),
            None if variable.is_required() => "required".to_owned(),
            None => "not set".to_owned(),
        };
        let with = match variable {
            Variable::Text(Text { need: Need::With(owner), .. }) => {
                format!(" Required with `{}`, and refused without it.", owner.about.name)
            }
            Variable::Text(Text { need: Need::OnlyWith(owner, _), .. }) => {
                format!(" Refused without `{}`.", owner.about.name)
            }
            _ => String::new(),
        };
        let (name, what) = (about.name, about.what);
        let (bounds, secret) =
            (variable.must_be(), if variable.is_secret() { "yes" } else { "no" });
        writeln!(
            document,
            "| `{name}` | {readers} | {default} | {bounds} | {secret} | {what}{with} |"
        )
        .unwrap();
    }
    document
}

#[test]
fn each_variable_is_in_the_table_once_and_has_a_reader() {
    let mut names = BTreeSet::new();
    for variable in SETTINGS.iter().chain(SURROUNDINGS) {
        let About { name, readers, what } = variable.about();
        assert!(names.insert(*name), "{name} is there twice");
        assert!(!readers.is_empty(), "nobody reads {name}");
        assert!(what.ends_with('.') && !what.contains('|'), "{name}: {what}");
        assert!(!variable.must_be().contains('|') && !variable.must_be().is_empty(), "{name}");
        // A variable that depends on another is read there.
        if let Variable::Text(Text { need: Need::With(owner) | Need::OnlyWith(owner, _), .. }) =
            variable
        {
            assert_eq!(*readers, owner.about.readers, "{name}");
        }
    }
}

#[test]
fn the_defaults_can_be_set() {
    for variable in SETTINGS.iter().chain(SURROUNDINGS) {
        let Some(default) = variable.default() else { continue };
        let lookup = |name: &str| (name == variable.name()).then(|| default.to_string());
        let variables = crate::Variables::new(Reader::LocalCloud, &lookup);
        if !matches!(variable, Variable::Text(_)) {
            read(&variables, *variable).unwrap();
        }
    }
}
