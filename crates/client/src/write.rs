//! Calls, as each binding writes them.

use http::Method;
use serde_json::value::to_raw_value;

use crate::call::Call;
use crate::error::Error;
use crate::interface::{Binding, Interface};
use crate::json_rpc;

/// A call as it is written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) media_type: &'static str,
    /// `None` for no body.
    pub(crate) body: Option<Vec<u8>>,
    /// The id of the JSON-RPC request.
    pub(crate) id: u64,
}

/// Writes a call to an interface. The id is that of a JSON-RPC request.
pub(crate) fn write(call: Call, interface: &Interface, id: u64) -> Result<Written, Error> {
    match interface.binding {
        Binding::JsonRpc => json_rpc_call(call, interface, id),
        Binding::HttpJson => Err(Error::NoInterface),
    }
}

fn json_rpc_call(call: Call, interface: &Interface, id: u64) -> Result<Written, Error> {
    let unwritable = |_| Error::Request("it cannot be written as JSON".to_owned());
    let method = call.operation().name();
    let call = if interface.tenant.is_empty() { call } else { call.of_tenant(&interface.tenant) };
    let params = to_raw_value(&call).map_err(unwritable)?;
    let body = json_rpc::write(id, method, &params).map_err(unwritable)?;
    let url = interface.url.to_string();
    let media_type = "application/json";
    Ok(Written { method: Method::POST, url, media_type, body: Some(body), id })
}
