//! The calls of each function to AWS, recorded: `infra/tests/calls.json`.
//!
//! Each function's own context works against servers that note each call by the credentials that
//! signed it. The tests of the template compare the file with the functions' roles.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod account;
mod journeys;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use a2a_lambda_aws_emulator::endpoint::rights::Call;
use a2a_lambda_runtime::process_environment;
use a2a_lambda_runtime::table::PUSH_KMS_KEY;

use account::{Account, Calls};

const WRITE: &str = "UPDATE_CALLS=1 cargo test -p a2a-lambda-local --test calls";

/// Written by `WRITE`. A call that is new means that a role needs a new right.
#[tokio::test]
async fn the_calls_of_each_function_are_those_of_the_file() {
    let usual = recorded(false).await;
    let with_key = recorded(true).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/tests/calls.json");
    let document = document(&usual, &with_key);
    if process_environment("UPDATE_CALLS").is_some() {
        std::fs::write(&file, &document).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written == document,
        "infra/tests/calls.json is not what is called: write it by `{WRITE}`\n{document}"
    );
}

async fn recorded(has_kms_key: bool) -> Calls {
    let account = Account::start(has_kms_key).await;
    journeys::all(&account).await;
    account.calls()
}

/// A line for each call. `when` names the variable without which a function does not make it.
fn document(usual: &Calls, with_key: &Calls) -> String {
    let none = BTreeSet::new();
    let callers: BTreeMap<_, Vec<String>> = with_key
        .iter()
        .map(|(caller, calls)| {
            let usual = usual.get(caller).unwrap_or(&none);
            let lines = usual.union(calls).map(|call| line(call, usual.contains(call)));
            (caller, lines.collect())
        })
        .collect();
    let mut document = "{".to_owned();
    for (place, (caller, lines)) in callers.into_iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(document, "{comma}\n  \"{caller}\": [\n    {}\n  ]", lines.join(",\n    ")).unwrap();
    }
    document + "\n}\n"
}

fn line(Call { action, resource }: &Call, is_usual: bool) -> String {
    let when = format!(r#", "when": "{}""#, PUSH_KMS_KEY.about.name);
    let when = if is_usual { "" } else { &when };
    format!(r#"{{"action": "{action}", "resource": "{resource}"{when}}}"#)
}
