//! The answer of either binding; its form is checked on the way.

use a2a_lambda_protocol::ErrorKind;
use bytes::Bytes;
use http::{Response, header};
use serde_json::Value;

/// The binding that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    JsonRpc,
    Rest,
}

pub(crate) const BINDINGS: [Binding; 2] = [Binding::JsonRpc, Binding::Rest];

/// The code of the errors of JSON-RPC that are errors of HTTP, too: see
/// [`ErrorKind::Unauthenticated`] and [`ErrorKind::PermissionDenied`].
const NOT_ALLOWED: i32 = ErrorKind::Unauthenticated.json_rpc_code();

/// An answer: the operation's result, or an error.
#[derive(Debug)]
pub(crate) struct Answer {
    binding: Binding,
    outcome: Result<Value, Value>,
}

impl Answer {
    /// Reads a response, which must have its binding's form. `id` is the JSON-RPC request's.
    pub(crate) fn of(binding: Binding, id: &Value, response: &Response<Bytes>) -> Self {
        let body: Value = serde_json::from_slice(response.body())
            .unwrap_or_else(|error| panic!("{error}: {:?}", response.body()));
        let outcome = match binding {
            Binding::JsonRpc => {
                let code = &body["error"]["code"];
                let statuses: &[u16] = match *code == NOT_ALLOWED {
                    true => &[401, 403],
                    // Too many requests, of this caller or of all.
                    false if response.headers().contains_key(header::RETRY_AFTER) => &[429, 503],
                    false => &[200],
                };
                assert!(statuses.contains(&response.status().as_u16()), "{body}");
                assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
                assert_eq!(body["jsonrpc"], "2.0", "{body}");
                assert_eq!(body.get("id"), Some(id), "{body}");
                assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
                match (body.get("result"), body.get("error")) {
                    (Some(result), None) => Ok(result.clone()),
                    (None, Some(_)) => {
                        check_error_form(binding, response);
                        Err(body["error"].clone())
                    }
                    _ => panic!("neither result nor error: {body}"),
                }
            }
            Binding::Rest => {
                assert_eq!(response.headers()[header::CONTENT_TYPE], "application/a2a+json");
                if response.status() == 200 {
                    Ok(body)
                } else {
                    check_error_form(binding, response);
                    Err(body["error"].clone())
                }
            }
        };
        Self { binding, outcome }
    }

    /// The result of a success.
    pub(crate) fn ok(self) -> Value {
        self.outcome.unwrap_or_else(|error| panic!("{:?}: {error}", self.binding))
    }

    /// The error, of any kind.
    pub(crate) fn refused(self, why: &str) -> Value {
        match self.outcome {
            Ok(result) => panic!("{why}: not refused, but {result}"),
            Err(error) => error,
        }
    }

    /// Whether it succeeded.
    pub(crate) fn is_ok(&self) -> bool {
        self.outcome.is_ok()
    }

    /// The error, which must be of this kind.
    pub(crate) fn refused_as(self, kind: ErrorKind, why: &str) -> Value {
        let binding = self.binding;
        let error = self.refused(why);
        let (code, details, reason) = match binding {
            Binding::JsonRpc => (i64::from(kind.json_rpc_code()), "data", kind.reason()),
            Binding::Rest => {
                assert_eq!(error["status"], kind.grpc_status(), "{why}: {error}");
                (i64::from(kind.http_status()), "details", kind.http_reason())
            }
        };
        assert_eq!(error["code"], code, "{binding:?} {why}: {error}");
        let info = detail(&error[details], "ErrorInfo");
        assert_eq!(info["reason"].as_str(), reason, "{binding:?} {why}: {error}");
        if reason.is_some() {
            assert_eq!(info["domain"], "a2a-protocol.org", "{why}: {error}");
        }
        error
    }

    /// The fields that the error must name, in order.
    pub(crate) fn names_fields(self, kind: ErrorKind, fields: &[&str], why: &str) {
        let binding = self.binding;
        let error = self.refused_as(kind, why);
        assert_eq!(named_fields(binding, &error), fields, "{binding:?} {why}: {error}");
    }
}

/// The fields that an error names.
pub(crate) fn named_fields(binding: Binding, error: &Value) -> Vec<String> {
    let details = if binding == Binding::JsonRpc { "data" } else { "details" };
    let violations = &detail(&error[details], "BadRequest")["fieldViolations"];
    let violations = violations.as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(violations.iter().all(|v| v["description"] != ""), "{error}");
    violations.iter().map(|v| v["field"].as_str().unwrap().to_owned()).collect()
}

/// The reason that an error gives; empty if it gives none.
pub(crate) fn reason(binding: Binding, error: &Value) -> String {
    let details = if binding == Binding::JsonRpc { "data" } else { "details" };
    let info = detail(&error[details], "ErrorInfo");
    info["reason"].as_str().unwrap_or_default().to_owned()
}

/// The detail of this `google.rpc` type, or `null`.
fn detail(details: &Value, name: &str) -> Value {
    let wanted = format!("type.googleapis.com/google.rpc.{name}");
    let mut details = details.as_array().into_iter().flatten();
    details.find(|detail| detail["@type"] == wanted.as_str()).cloned().unwrap_or_default()
}

/// Panics unless the response is an error in the binding's form.
pub(crate) fn check_error_form(binding: Binding, response: &Response<Bytes>) {
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    let details = match binding {
        Binding::JsonRpc => {
            assert!(error["code"].as_i64().is_some_and(|code| code < -31_999), "{body}");
            error.get("data")
        }
        Binding::Rest => {
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/a2a+json");
            assert_eq!(error["code"], response.status().as_u16(), "{body}");
            assert!(error["status"].as_str().is_some_and(|status| !status.is_empty()), "{body}");
            error.get("details")
        }
    };
    for detail in details.into_iter().flat_map(|details| details.as_array().unwrap()) {
        let kind = detail["@type"].as_str().unwrap();
        assert!(kind.starts_with("type.googleapis.com/google.rpc."), "{body}");
    }
}
