//! JSON Patch (RFC 6902), by which AG-UI changes an agent's state.

use serde::Deserialize;
use serde_json::Value;

/// How much a patch may add to a state, in bytes of JSON. Copies could double it again and again.
const MAX_ADDED_BYTES: usize = 1024 * 1024;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Operation {
    Add { path: String, value: Value },
    Remove { path: String },
    Replace { path: String, value: Value },
    Move { from: String, path: String },
    Copy { from: String, path: String },
    Test { path: String, value: Value },
}

/// Applies a patch. After an error the state may have a part of it.
///
/// # Errors
/// The mistake in the patch, as a text.
pub(super) fn apply(state: &mut Value, patch: &str) -> Result<(), String> {
    let operations: Vec<Operation> =
        serde_json::from_str(patch).map_err(|error| format!("it is no JSON Patch: {error}"))?;
    let mut left = MAX_ADDED_BYTES;
    for operation in operations {
        step(state, operation, &mut left)?;
    }
    Ok(())
}

fn step(state: &mut Value, operation: Operation, left: &mut usize) -> Result<(), String> {
    match operation {
        Operation::Add { path, value } => add(state, &path, value),
        Operation::Remove { path } => remove(state, &path).map(drop),
        Operation::Replace { path, value } => {
            *state.pointer_mut(&path).ok_or_else(|| nothing_at(&path))? = value;
            Ok(())
        }
        Operation::Move { from, path } => {
            if path.strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with('/')) {
                return Err(format!("{from:?} cannot move into itself"));
            }
            let value = remove(state, &from)?;
            add(state, &path, value)
        }
        Operation::Copy { from, path } => {
            let value = state.pointer(&from).ok_or_else(|| nothing_at(&from))?;
            let bytes = value.to_string().len();
            *left = left.checked_sub(bytes).ok_or("it copies too much")?;
            let value = value.clone();
            add(state, &path, value)
        }
        Operation::Test { path, value } => {
            let is_so = state.pointer(&path) == Some(&value);
            if is_so { Ok(()) } else { Err(format!("the test of {path:?} fails")) }
        }
    }
}

fn nothing_at(path: &str) -> String {
    format!("there is nothing at {path:?}")
}

/// The parent of a place, and the last word of its path.
fn parent<'v>(state: &'v mut Value, path: &str) -> Result<(&'v mut Value, String), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| nothing_at(path))?;
    let parent = state.pointer_mut(parent).ok_or_else(|| nothing_at(parent))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(state: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *state = value;
        return Ok(());
    }
    let (parent, last) = parent(state, path)?;
    match parent {
        Value::Object(members) => {
            members.insert(last, value);
        }
        Value::Array(items) => {
            let end = items.len();
            let at = if last == "-" { Some(end) } else { index(&last).filter(|at| *at <= end) };
            items.insert(at.ok_or_else(|| nothing_at(path))?, value);
        }
        _ => return Err(nothing_at(path)),
    }
    Ok(())
}

fn remove(state: &mut Value, path: &str) -> Result<Value, String> {
    if path.is_empty() {
        return Ok(state.take());
    }
    let (parent, last) = parent(state, path)?;
    let removed = match parent {
        Value::Object(members) => members.remove(&last),
        Value::Array(items) => {
            index(&last).filter(|at| *at < items.len()).map(|at| items.remove(at))
        }
        _ => None,
    };
    removed.ok_or_else(|| nothing_at(path))
}

/// An index as RFC 6901 writes it: without a leading zero.
fn index(text: &str) -> Option<usize> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_change_a_state_as_the_rfc_says() {
        for (state, patch, expected) in [
            (json!({}), json!([]), Some(json!({}))),
            (
                json!({}),
                json!([{ "op": "add", "path": "/a", "value": 1 }]),
                Some(json!({ "a": 1 })),
            ),
            (json!({}), json!([{ "op": "add", "path": "/a/b", "value": 1 }]), None),
            (json!(1), json!([{ "op": "add", "path": "", "value": [2] }]), Some(json!([2]))),
            (
                json!([1, 3]),
                json!([{ "op": "add", "path": "/1", "value": 2 }]),
                Some(json!([1, 2, 3])),
            ),
            (json!([1]), json!([{ "op": "add", "path": "/-", "value": 2 }]), Some(json!([1, 2]))),
            (json!([1]), json!([{ "op": "add", "path": "/3", "value": 2 }]), None),
            (json!([1]), json!([{ "op": "add", "path": "/01", "value": 2 }]), None),
            (json!([1]), json!([{ "op": "remove", "path": "/-" }]), None),
            (
                json!({ "a/b": 1, "c~": 2 }),
                json!([{ "op": "remove", "path": "/a~1b" },
                { "op": "replace", "path": "/c~0", "value": null }]),
                Some(json!({ "c~": null })),
            ),
            (json!({}), json!([{ "op": "replace", "path": "/a", "value": 1 }]), None),
            (
                json!({ "a": { "b": 1 } }),
                json!([{ "op": "move", "from": "/a/b", "path": "/c" }]),
                Some(json!({ "a": {}, "c": 1 })),
            ),
            (
                json!({ "a": { "b": 1 } }),
                json!([{ "op": "move", "from": "/a", "path": "/a/b" }]),
                None,
            ),
            (
                json!({ "a": [1] }),
                json!([{ "op": "copy", "from": "/a", "path": "/b" }]),
                Some(json!({ "a": [1], "b": [1] })),
            ),
            (
                json!({ "a": 1 }),
                json!([{ "op": "test", "path": "/a", "value": 1, "more": 2 }]),
                Some(json!({ "a": 1 })),
            ),
            (json!({ "a": 1 }), json!([{ "op": "test", "path": "/a", "value": 2 }]), None),
            (json!({}), json!([{ "op": "grow", "path": "" }]), None),
            (json!({}), json!({ "op": "remove", "path": "" }), None),
            // A copy of everything into itself, again and again.
            (
                json!(["x".repeat(1024)]),
                json!(vec![json!({ "op": "copy", "from": "", "path": "/-" }); 64]),
                None,
            ),
        ] {
            let mut patched = state.clone();
            let outcome = apply(&mut patched, &patch.to_string());
            assert_eq!(outcome.is_ok().then_some(patched), expected, "{state} {patch} {outcome:?}");
        }
    }
}
