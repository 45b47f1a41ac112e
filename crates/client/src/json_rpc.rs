//! The envelope of JSON-RPC.

use a2a_lambda_protocol::RemoteError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Error;

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: &'a RawValue,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    jsonrpc: Option<Value>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Value>,
}

/// A request.
pub(crate) fn write(
    id: u64,
    method: &str,
    params: &RawValue,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Request { jsonrpc: "2.0", id, method, params })
}

/// Takes the result out of the answer to the request of this id. `Err(None)` if the text is no answer
/// of JSON-RPC at all.
pub(crate) fn read(id: u64, text: &str, http_status: u16) -> Result<&str, Option<Error>> {
    let not_a2a = |text: &str| Err(Some(Error::NotA2a(text.to_owned())));
    let Ok(answer) = serde_json::from_str::<Answer<'_>>(text) else { return Err(None) };
    if answer.result.is_none() && answer.error.is_none() && answer.jsonrpc.is_none() {
        return Err(None);
    }
    if answer.jsonrpc.as_ref().and_then(Value::as_str) != Some("2.0") {
        return not_a2a("jsonrpc must be \"2.0\"");
    }
    let is_ours = answer.id.as_ref().and_then(Value::as_u64) == Some(id);
    match (answer.result, answer.error.filter(|it| !it.is_null())) {
        (Some(_), Some(_)) => not_a2a("has both a result and an error"),
        // An error without an id: the server could not read that of the request.
        (None, Some(_)) if !is_ours && answer.id.is_some_and(|id| !id.is_null()) => {
            not_a2a("answers another request")
        }
        (None, Some(error)) => match RemoteError::from_json_rpc(&error, http_status) {
            Some(error) => Err(Some(error.into())),
            None => not_a2a("its error has no code"),
        },
        (Some(_), None) if !is_ours => not_a2a("answers another request"),
        (Some(result), None) => Ok(result.get()),
        // serde_json takes `"result": null` for none: the answer to a deletion.
        (None, None) if is_ours => Ok("null"),
        (None, None) => not_a2a("answers another request"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_of_its_request() {
        let error = r#""error":{"code":-32001,"message":"task not found"}"#;
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":{"a": 1}}"#.to_owned(), Ok(r#"{"a": 1}"#)),
            (r#"{"jsonrpc":"2.0","id":7,"result":null}"#.to_owned(), Ok("null")),
            (r#"{"jsonrpc":"2.0","id":8,"result":1}"#.to_owned(), Err("another request")),
            (r#"{"jsonrpc":"2.0","id":"7","result":1}"#.to_owned(), Err("another request")),
            (r#"{"jsonrpc":"2.0","result":1}"#.to_owned(), Err("another request")),
            (r#"{"jsonrpc":"2.0","result":null}"#.to_owned(), Err("another request")),
            (r#"{"jsonrpc":"1.0","id":7,"result":1}"#.to_owned(), Err("jsonrpc must be")),
            (r#"{"id":7,"result":1}"#.to_owned(), Err("jsonrpc must be")),
            (format!(r#"{{"jsonrpc":"2.0","id":7,{error}}}"#), Err("task not found")),
            (format!(r#"{{"jsonrpc":"2.0","id":null,{error}}}"#), Err("task not found")),
            (format!(r#"{{"jsonrpc":"2.0",{error}}}"#), Err("task not found")),
            (format!(r#"{{"jsonrpc":"2.0","id":8,{error}}}"#), Err("another request")),
            (format!(r#"{{"jsonrpc":"2.0","id":7,"result":1,{error}}}"#), Err("both")),
            (r#"{"jsonrpc":"2.0","id":7,"error":{}}"#.to_owned(), Err("no code")),
            ("<html>".to_owned(), Err("none")),
            (r#"{"message":"Forbidden"}"#.to_owned(), Err("none")),
            ("[]".to_owned(), Err("none")),
        ] {
            let read = read(7, &text, 200);
            let found = read.map_err(|it| it.map_or("none".to_owned(), |error| error.to_string()));
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
    }
}
