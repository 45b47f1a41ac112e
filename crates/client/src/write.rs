//! Calls, as each binding and version writes them.

use http::Method;
use serde_json::value::{RawValue, to_raw_value};

use crate::call::Call;
use crate::error::Error;
use crate::interface::{Binding, Interface, Version};
use crate::json_rpc;
use crate::rest::{query, route, segment};
#[cfg(feature = "v0_3")]
use crate::v0_3;

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
        Binding::JsonRpc => write_json_rpc(call, interface, id),
        Binding::HttpJson => write_http_json(&call, interface, id),
    }
}

fn write_json_rpc(call: Call, interface: &Interface, id: u64) -> Result<Written, Error> {
    let (method, params) = match interface.version {
        Version::V1_0 => {
            let method = call.operation().name();
            let tenant = interface.tenant.as_str();
            (method, raw(&if tenant.is_empty() { call } else { call.of_tenant(tenant) })?)
        }
        #[cfg(feature = "v0_3")]
        Version::V0_3 => v0_3::json_rpc(call)?,
        #[cfg(not(feature = "v0_3"))]
        Version::V0_3 => return Err(Error::NoInterface),
    };
    let body = json_rpc::write(id, method, &params).map_err(|_| unwritable())?;
    let url = interface.url.to_string();
    let media_type = "application/json";
    Ok(Written { method: Method::POST, url, media_type, body: Some(body), id })
}

fn write_http_json(call: &Call, interface: &Interface, id: u64) -> Result<Written, Error> {
    let route = route(call)?;
    if interface.url.query().is_some() {
        return Err(Error::Request("the URL of HTTP+JSON must have no query".to_owned()));
    }
    let mut url = interface.url.to_string().trim_end_matches('/').to_owned();
    if !interface.tenant.is_empty() {
        url.push('/');
        url.push_str(&segment(&interface.tenant)?);
    }
    let (path, method, media_type) = match interface.version {
        Version::V1_0 => (route.path, route.method, "application/a2a+json"),
        #[cfg(feature = "v0_3")]
        Version::V0_3 => {
            // Only 1.0 takes a POST without a body.
            let is_get = matches!(call, Call::SubscribeToTask(_));
            let method = if is_get { Method::GET } else { route.method };
            (v0_3::rest_path(call, &route.path)?, method, "application/json")
        }
        #[cfg(not(feature = "v0_3"))]
        Version::V0_3 => return Err(Error::NoInterface),
    };
    url.push_str(&path);
    let mut body = None;
    if route.has_body {
        let json = match interface.version {
            Version::V1_0 => raw(call)?,
            #[cfg(feature = "v0_3")]
            Version::V0_3 => v0_3::rest_body(call.clone())?,
            #[cfg(not(feature = "v0_3"))]
            Version::V0_3 => return Err(Error::NoInterface),
        };
        body = Some(json.get().as_bytes().to_vec());
    } else {
        url.push_str(&query(call));
    }
    Ok(Written { method, url, media_type, body, id })
}

fn raw(call: &Call) -> Result<Box<RawValue>, Error> {
    to_raw_value(call).map_err(|_| unwritable())
}

fn unwritable() -> Error {
    Error::Request("it cannot be written as JSON".to_owned())
}
