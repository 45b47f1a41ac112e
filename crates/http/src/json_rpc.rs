//! The JSON-RPC binding (spec section 9).

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_protocol::{A2aError, ErrorKind, Operation};
use bytes::Bytes;
use http::request::Parts;
use http::{Response, header};
use serde_json::value::RawValue;

use crate::answer::{Frame, error_response, stream_error_response};
use crate::binding::{PLAIN_JSON, header_texts, log_error, not_supported};
use crate::body::{Body, whole};
use crate::envelope::{self, Call};
use crate::exchange::Exchange;
use crate::service::Bindings;
use crate::visitor::Visitor;

impl Bindings {
    pub(crate) async fn json_rpc(
        &self,
        parts: &Parts,
        body: &Bytes,
        tenant: &str,
        version: Result<ProtocolVersion, A2aError>,
        visitor: &Visitor,
    ) -> Response<Body> {
        let is_new = matches!(version, Ok(ProtocolVersion::V1_0));
        let (id, call) = match self.check_body(parts, body) {
            Ok(()) => envelope::read(body),
            Err(error) => (None, Err(error)),
        };
        let (call, version) = match call.and_then(|call| Ok((call, version?))) {
            Ok(read) => read,
            // It is unknown whether this is a method of A2A.
            Err(error) => {
                log_error("unread", &error);
                return whole(unread_response(parts, is_new, id, &error));
            }
        };
        let mut exchange = Exchange::new(parts, visitor, version);
        let operation = match version {
            ProtocolVersion::V1_0 => Operation::named(&call.method),
            ProtocolVersion::V0_3 => Operation::named_in_v0_3(&call.method),
        };
        let frame = Frame::JsonRpc(id);
        let answered = match (version, operation) {
            (ProtocolVersion::V1_0, Some(operation)) => match call.params() {
                Ok(json) => {
                    let served =
                        self.serve_json(operation, tenant, json, None, &mut exchange).await;
                    served.map(|served| frame.write(served, self.config.keep_alive))
                }
                Err(error) => Err(error),
            },
            (ProtocolVersion::V1_0, None) => {
                let text = "A2A 1.0 has no such method";
                Err(A2aError::new(ErrorKind::MethodNotFound, text))
            }
            (ProtocolVersion::V0_3, _) if !self.config.serves_v0_3() => {
                Err(not_supported("A2A 0.3 is not supported", false))
            }
            #[cfg(feature = "v0_3")]
            (ProtocolVersion::V0_3, Some(operation)) => {
                self.call_v0_3(operation, &call, tenant, &exchange, frame).await
            }
            (ProtocolVersion::V0_3, _) => {
                let text = "A2A 0.3 has no such method; to speak 1.0, send A2A-Version: 1.0";
                Err(A2aError::new(ErrorKind::MethodNotFound, text))
            }
        };
        let mut response = answered.unwrap_or_else(|error| {
            // The log does not repeat a name that is not a method of A2A.
            log_error(operation.map_or("unknown", Operation::name), &error);
            whole(call_error_response(version, id, &call, &error))
        });
        exchange.add_headers(response.headers_mut());
        response
    }
}

/// An error in the form that the client of a request reads.
pub(crate) fn error_response_to(
    parts: &Parts,
    body: &[u8],
    version: &Result<ProtocolVersion, A2aError>,
    error: &A2aError,
) -> Response<Bytes> {
    let version = version.as_ref().ok().copied();
    let (id, call) = envelope::read(body);
    match call {
        Ok(call) => call_error_response(version.unwrap_or_default(), id, &call, error),
        Err(_) => unread_response(parts, version == Some(ProtocolVersion::V1_0), id, error),
    }
}

/// An error in the form that the client of a call reads. A client of 0.3 that requested a stream
/// reads only a stream.
fn call_error_response(
    version: ProtocolVersion,
    id: Option<&RawValue>,
    call: &Call<'_>,
    error: &A2aError,
) -> Response<Bytes> {
    let old = Operation::named_in_v0_3(&call.method);
    if version == ProtocolVersion::V0_3 && old.is_some_and(Operation::streams) {
        return stream_error_response(id, error);
    }
    error_response(id, error)
}

/// An error for a request that was not read. Its headers tell whether its client reads only a
/// stream. Clients of 1.0 read JSON after a request for a stream.
fn unread_response(
    parts: &Parts,
    is_new: bool,
    id: Option<&RawValue>,
    error: &A2aError,
) -> Response<Bytes> {
    let accepted = header_texts(parts, header::ACCEPT.as_str()).unwrap_or_default();
    let names = |wanted: &str| {
        accepted.iter().flat_map(|line| line.split(',')).any(|range| {
            let media_type = range.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case(wanted)
        })
    };
    if !is_new && names("text/event-stream") && !names(PLAIN_JSON) {
        return stream_error_response(id, error);
    }
    error_response(id, error)
}
