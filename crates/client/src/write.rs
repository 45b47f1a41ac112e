//! Calls, as each binding writes them.

use http::Method;
use serde_json::value::to_raw_value;

use crate::call::Call;
use crate::error::Error;
use crate::interface::{Binding, Interface};
use crate::json_rpc;
use crate::rest::{query, route, segment};

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
        Binding::HttpJson => http_json_call(&call, interface, id),
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

fn http_json_call(call: &Call, interface: &Interface, id: u64) -> Result<Written, Error> {
    let unwritable = |_| Error::Request("it cannot be written as JSON".to_owned());
    let route = route(call)?;
    let base = interface.url.to_string();
    if interface.url.query().is_some() {
        return Err(Error::Request("the URL of HTTP+JSON must have no query".to_owned()));
    }
    let mut url = base.trim_end_matches('/').to_owned();
    if !interface.tenant.is_empty() {
        url.push('/');
        url.push_str(&segment(&interface.tenant)?);
    }
    url.push_str(&route.path);
    let mut body = None;
    if route.has_body {
        body = Some(serde_json::to_vec(call).map_err(unwritable)?);
    } else {
        url.push_str(&query(call));
    }
    let media_type = "application/a2a+json";
    Ok(Written { method: route.method, url, media_type, body, id })
}
