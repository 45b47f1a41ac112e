//! Errors over HTTP+JSON. Over JSON-RPC they are those of 1.0, whose codes continue 0.3's.

use serde::Serialize;

use crate::error::{A2aError, ErrorKind};

/// The body of an error over HTTP+JSON.
///
/// The specification leaves it open. The official SDK for Python writes only the message and reads
/// only the status. The one for JavaScript tells errors apart by the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// The code over JSON-RPC.
    pub code: i32,
    /// The error for people.
    pub message: String,
}

impl From<&A2aError> for ErrorBody {
    fn from(error: &A2aError) -> Self {
        Self { code: error.json_rpc_code(), message: error.message.clone() }
    }
}

/// The HTTP status over HTTP+JSON: that of the official SDK's server, where 1.0 has another.
pub const fn http_status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::InvalidParams => 422,
        ErrorKind::TaskNotCancelable => 409,
        ErrorKind::PushNotificationNotSupported | ErrorKind::UnsupportedOperation => 501,
        ErrorKind::ContentTypeNotSupported => 415,
        ErrorKind::InvalidAgentResponse => 502,
        ErrorKind::ExtendedAgentCardNotConfigured => 404,
        kind => kind.http_status(),
    }
}
