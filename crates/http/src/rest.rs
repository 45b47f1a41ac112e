//! The HTTP+JSON binding (spec section 11).

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_protocol::{A2aError, Operation};
use bytes::Bytes;
use http::{Method, Response};

use crate::answer::Frame;
#[cfg(not(feature = "v0_3"))]
use crate::binding::not_supported;
use crate::binding::{self, PROTOCOL_JSON, log_error};
use crate::body::{Body, whole};
use crate::exchange::Exchange;
use crate::query::{or_empty, query_object};
use crate::route::RestCall;
use crate::service::Bindings;
#[cfg(feature = "v0_3")]
use crate::v0_3;

impl Bindings {
    pub(crate) async fn rest(
        &self,
        call: RestCall,
        body: &Bytes,
        exchange: &mut Exchange<'_>,
    ) -> Response<Body> {
        let operation = call.operation;
        let answered = match exchange.version {
            _ if let Err(error) = self.check_body(exchange.parts, body) => Err(error),
            ProtocolVersion::V1_0 => self.rest_v1_0(call, body, exchange).await,
            #[cfg(feature = "v0_3")]
            ProtocolVersion::V0_3 => self.rest_v0_3(call, body, exchange).await,
            #[cfg(not(feature = "v0_3"))]
            ProtocolVersion::V0_3 => Err(not_supported("A2A 0.3 is not supported", false)),
        };
        answered.unwrap_or_else(|error| {
            log_error(operation.name(), &error);
            whole(error_response_in(exchange.version, &error))
        })
    }

    async fn rest_v1_0(
        &self,
        call: RestCall,
        body: &Bytes,
        exchange: &mut Exchange<'_>,
    ) -> Result<Response<Body>, A2aError> {
        let parts = exchange.parts;
        let query;
        let json = match call.operation {
            Operation::SendMessage
            | Operation::SendStreamingMessage
            | Operation::CreatePushConfig => body.as_ref(),
            Operation::CancelTask => or_empty(body),
            // The proto has GET, with the fields in the query. The specification's text has POST.
            Operation::SubscribeToTask if parts.method != Method::GET => or_empty(body),
            _ => {
                query = query_object(parts);
                query.as_bytes()
            }
        };
        let ids = Some((call.task, call.config));
        let served = self.serve_json(call.operation, &call.tenant, json, ids, exchange).await?;
        Ok(Frame::Http(PROTOCOL_JSON).write(served, self.config.keep_alive))
    }
}

/// The HTTP+JSON form of an error in a version.
pub(crate) fn error_response_in(version: ProtocolVersion, error: &A2aError) -> Response<Bytes> {
    match version {
        ProtocolVersion::V1_0 => binding::error_response(error),
        #[cfg(feature = "v0_3")]
        ProtocolVersion::V0_3 => v0_3::error_response(error),
        #[cfg(not(feature = "v0_3"))]
        ProtocolVersion::V0_3 => binding::error_response(error),
    }
}
