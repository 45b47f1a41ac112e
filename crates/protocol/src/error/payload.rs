//! Errors as the two bindings write them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{A2aError, ERROR_DOMAIN, FieldViolation};

/// The `error` member of a JSON-RPC response (specification 9.5).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JsonRpcError {
    /// The code.
    pub code: i32,
    /// The error for people.
    pub message: String,
    /// More about it; left out when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<ErrorDetail>,
}

/// The body of an HTTP+JSON error: `{"error": …}` (specification 11.6).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorBody {
    /// The error.
    pub error: Status,
}

/// A `google.rpc.Status` in the JSON form that Google's HTTP services give it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
    /// The name of the `google.rpc.Code`.
    pub status: &'static str,
    /// The error for people.
    pub message: String,
    /// More about it; left out when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ErrorDetail>,
}

/// One detail: a `google.protobuf.Any` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "@type")]
pub enum ErrorDetail {
    /// The kind of the A2A error.
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo {
        /// The error's name in `UPPER_SNAKE_CASE`, without "Error".
        reason: &'static str,
        /// Always [`ERROR_DOMAIN`].
        domain: &'static str,
        /// Context, such as the task's id; left out when empty.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        metadata: BTreeMap<String, String>,
    },
    /// The fields that are wrong.
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest", rename_all = "camelCase")]
    BadRequest {
        /// The fields.
        field_violations: Vec<FieldViolation>,
    },
}

impl A2aError {
    /// The error as JSON-RPC says it.
    pub fn to_json_rpc(&self) -> JsonRpcError {
        JsonRpcError {
            code: self.json_rpc_code(),
            message: self.message.clone(),
            data: self.details(self.reason()),
        }
    }

    /// The error as HTTP+JSON says it.
    pub fn to_status(&self) -> ErrorBody {
        ErrorBody {
            error: Status {
                code: self.http_status(),
                status: self.grpc_status(),
                message: self.message.clone(),
                details: self.details(self.kind.http_reason()),
            },
        }
    }

    fn details(&self, reason: Option<&'static str>) -> Vec<ErrorDetail> {
        let info = reason.map(|reason| ErrorDetail::ErrorInfo {
            reason,
            domain: ERROR_DOMAIN,
            metadata: self.metadata.clone(),
        });
        let fields = (!self.violations.is_empty())
            .then(|| ErrorDetail::BadRequest { field_violations: self.violations.clone() });
        info.into_iter().chain(fields).collect()
    }
}
