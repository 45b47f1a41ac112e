//! A2A 0.3 at the same URL, for clients that send no `A2A-Version`, or 0.3: its methods, paths,
//! shapes and statuses, over the operations of 1.0.

mod json_rpc;
mod rest;

use a2a_lambda_core::Tenant;
use a2a_lambda_protocol::v0_3::FieldNames;
use a2a_lambda_protocol::{A2aError, AgentCard, ErrorKind};

use crate::Bindings;
use crate::exchange::Exchange;

pub(crate) use json_rpc::{error_response_to_call, refused, stream_error_response, wants_stream};
pub(crate) use rest::{error_response, find};

/// No fields have other names.
const SAME_FIELDS: Option<FieldNames> = None;

/// Names the fields in an error as 0.3 does.
fn in_old_names<T>(result: Result<T, A2aError>, names: Option<FieldNames>) -> Result<T, A2aError> {
    result.map_err(|error| match names {
        Some(names) => names.rename(error),
        None => error,
    })
}

impl Bindings {
    /// The card for callers that are known, and the URL of its tenant: 0.3 knows no tenants.
    fn old_extended(
        &self,
        tenant: &str,
        exchange: &Exchange<'_>,
    ) -> Result<(AgentCard, String), A2aError> {
        let card = self.extended(tenant, "", exchange).map_err(|mut error| {
            // In 0.3 there is one error for both that it is not offered and that it is not there.
            if error.kind == ErrorKind::UnsupportedOperation {
                error.kind = ErrorKind::ExtendedAgentCardNotConfigured;
            }
            error
        })?;
        let tenant = self.tenant_of(tenant, "", exchange.visitor)?;
        Ok((card, tenant_url(&exchange.visitor.base_url, &tenant)))
    }
}

/// The URL at which a tenant is reached without being named in requests.
pub(crate) fn tenant_url(base_url: &str, tenant: &Tenant) -> String {
    match tenant.as_str() {
        "" => base_url.to_owned(),
        tenant => format!("{base_url}/{tenant}"),
    }
}
