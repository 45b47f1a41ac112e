//! A2A 0.3 at the same URL, for clients that send no `A2A-Version`, or 0.3: its methods, paths,
//! shapes and statuses, over the operations of 1.0.

mod json_rpc;
mod rest;

use a2a_lambda_core::Tenant;
use a2a_lambda_protocol::v0_3::FieldNames;
use a2a_lambda_protocol::{A2aError, AgentCard, ErrorKind};

use crate::operation::Operation;

pub(crate) use json_rpc::named;
pub(crate) use rest::{error_response, find_path};

/// The version of the interfaces in an agent's card, major and minor.
pub(crate) const VERSION: &str = "0.3";

/// An operation's error as 0.3 has it, with the fields as it names them.
fn in_old_words(operation: Operation, names: Option<FieldNames>, error: A2aError) -> A2aError {
    let mut error = match names {
        Some(names) => names.rename(error),
        None => error,
    };
    // In 0.3 there is one error for both that the card is not offered and that it is not there.
    if operation == Operation::GetExtendedAgentCard && error.kind == ErrorKind::UnsupportedOperation
    {
        error.kind = ErrorKind::ExtendedAgentCardNotConfigured;
    }
    error
}

/// The URL that a card gives to clients of 0.3.
fn url_of(card: &AgentCard) -> &str {
    let mut interfaces = card.supported_interfaces.iter();
    interfaces.find(|it| it.protocol_version == VERSION).map_or("", |it| &it.url)
}

/// The URL at which a tenant is reached without being named in requests: 0.3 knows no tenants.
pub(crate) fn tenant_url(base_url: &str, tenant: &Tenant) -> String {
    match tenant.as_str() {
        "" => base_url.to_owned(),
        tenant => format!("{base_url}/{tenant}"),
    }
}
