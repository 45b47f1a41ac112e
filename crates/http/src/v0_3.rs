//! A2A 0.3 at the same URL, for clients that send no `A2A-Version`, or 0.3. It has the methods,
//! paths, shapes and statuses of 0.3 over the operations of 1.0.

mod json_rpc;
mod rest;

use a2a_lambda_core::Tenant;
use a2a_lambda_protocol::v0_3::{self, FieldNames};
use a2a_lambda_protocol::{A2aError, AgentCard, AgentInterface, ErrorKind, Operation};

pub(crate) use rest::{error_response, find_path};

/// The version of the interfaces in an agent's card, major and minor.
const VERSION: &str = "0.3";

/// An operation's error in the form of 0.3, with the fields under their names in 0.3.
fn in_old_words(operation: Operation, names: Option<FieldNames>, error: A2aError) -> A2aError {
    let mut error = match names {
        Some(names) => names.rename(error),
        None => error,
    };
    // 0.3 has one error for two cases: the card is not offered, and it does not exist.
    if operation == Operation::GetExtendedAgentCard && error.kind == ErrorKind::UnsupportedOperation
    {
        error.kind = ErrorKind::ExtendedAgentCardNotConfigured;
    }
    error
}

/// Adds the interfaces of 0.3 to those of 1.0. They name no tenant: in 0.3 it is part of the URL.
pub(crate) fn add_interfaces(
    interfaces: &mut Vec<AgentInterface>,
    base_url: &str,
    tenant: &Tenant,
) {
    let url = match tenant.as_str() {
        "" => base_url.to_owned(),
        tenant => format!("{base_url}/{tenant}"),
    };
    for current in interfaces.clone() {
        let (tenant, protocol_version) = (String::new(), VERSION.to_owned());
        interfaces.push(AgentInterface { url: url.clone(), tenant, protocol_version, ..current });
    }
}

/// A card with these interfaces, in a form for clients of both versions.
pub(crate) fn card(card: &AgentCard) -> v0_3::AgentCard<'_> {
    let mut interfaces = card.supported_interfaces.iter();
    let old = interfaces.find(|it| it.protocol_version == VERSION);
    v0_3::AgentCard::new(card, old.map_or("", |it| &it.url))
}
