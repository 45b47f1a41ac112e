//! Front doors: the requests in their events, and the answers in the form of each.
//!
//! Front doors are told apart by the shape of their events, never by a version that they state. Each
//! shape is read into one [`Arrival`], and from there on all are the same.

mod credentials;
mod form;
mod headers;
mod load_balancer;
mod parameters;
mod payload_1;
mod payload_2;
mod place;

use a2a_lambda_protocol::{A2aError, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::headers::Headers;
use crate::events::EventKind;

pub use credentials::{Credentials, field, name};
pub use form::{AnswerEvent, Form};
pub use place::{Base, Place};

/// The characters that a path must encode. API Gateway may have decoded it; the rest stays encoded.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A request, read from the event of any front door.
#[derive(Debug)]
pub struct Arrival {
    /// The method.
    pub method: Method,
    /// The headers, as far as they are well-formed.
    pub headers: HeaderMap,
    /// Whether headers were dropped, because they are too many or too large.
    pub headers_cut: bool,
    /// The front door's host, and the path.
    pub place: Place,
    /// The caller's credentials, from the front door.
    pub credentials: Credentials,
    query: String,
    body: String,
    is_base64: bool,
}

/// The parsed event of a front door.
#[derive(Debug)]
pub struct Read {
    /// The form of a whole answer to it.
    pub form: Form,
    /// The request in it.
    pub arrival: Result<Arrival, A2aError>,
    /// Whether a load balancer asks if the function is well.
    pub is_health_check: bool,
}

/// Reads the event of a front door; `None` for any other event.
pub fn read(kind: &EventKind, event: &RawValue) -> Option<Read> {
    let (form, arrival) = match kind {
        EventKind::HttpApi => (Form::HttpApi, parse(event, "payload 2.0", payload_2::arrival)),
        EventKind::RestApi => (Form::RestApi, parse(event, "payload 1.0", payload_1::arrival)),
        EventKind::LoadBalancer => {
            let what = "an Application Load Balancer";
            (load_balancer::form(event), parse(event, what, load_balancer::arrival))
        }
        _ => return None,
    };
    let is_health_check = matches!(form, Form::LoadBalancer { .. })
        && arrival.as_ref().is_ok_and(load_balancer::is_health_check);
    Some(Read { form, arrival, is_health_check })
}

fn parse<'de, T: Deserialize<'de>>(
    event: &'de RawValue,
    what: &str,
    arrival: fn(T) -> Result<Arrival, A2aError>,
) -> Result<Arrival, A2aError> {
    let event = serde_json::from_str(event.get()).map_err(|error| {
        let text = format!("the event is not in the form of {what}");
        A2aError::new(ErrorKind::InvalidRequest, text).with_source(error)
    })?;
    arrival(event)
}

fn method(name: &str) -> Result<Method, A2aError> {
    Method::from_bytes(name.as_bytes()).map_err(|error| {
        let text = "the method cannot be read";
        A2aError::new(ErrorKind::InvalidRequest, text).with_source(error)
    })
}

/// The headers of an event that has them once or twice: `multiValueHeaders` has all values.
fn all_headers(many: Option<Headers>, one: Option<Headers>) -> Headers {
    many.filter(|many| many.cut || !many.map.is_empty()).or(one).unwrap_or_default()
}

impl Arrival {
    /// The request itself, at this path of ours.
    ///
    /// # Errors
    /// When headers were dropped, or the path or the body cannot be read.
    pub fn into_request(self, path: &str) -> Result<Request<Bytes>, A2aError> {
        if self.headers_cut {
            let text = "the headers are too many, or too large";
            return Err(A2aError::new(ErrorKind::PayloadTooLarge, text));
        }
        let mut target = utf8_percent_encode(path, NOT_IN_PATHS).to_string();
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        if !self.query.is_empty() {
            target.push('?');
            target.extend(utf8_percent_encode(&self.query, NOT_IN_PATHS));
        }
        let uri: Uri = target.parse().map_err(|error| {
            A2aError::new(ErrorKind::InvalidRequest, "the path cannot be read").with_source(error)
        })?;
        let body = if self.is_base64 {
            let decoded = STANDARD.decode(self.body).map_err(|error| {
                let text = "the body is not base64";
                A2aError::new(ErrorKind::InvalidRequest, text).with_source(error)
            })?;
            Bytes::from(decoded)
        } else {
            Bytes::from(self.body)
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}
