//! The events of an Application Load Balancer. Its target group says whether names have one value in
//! them or several.

use a2a_lambda_protocol::A2aError;
use http::uri::Authority;
use http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::headers::Headers;
use super::parameters::Parameters;
use super::{Arrival, Credentials, Form, Place, all_headers, method};

/// The header in which the load balancer says who has signed in.
const OIDC_DATA: &str = "x-amzn-oidc-data";

/// The user agent of a load balancer's health checks.
const HEALTH_CHECKER: &str = "ELB-HealthChecker/";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    http_method: Option<String>,
    path: Option<String>,
    headers: Option<Headers>,
    multi_value_headers: Option<Headers>,
    query_string_parameters: Option<Parameters>,
    multi_value_query_string_parameters: Option<Parameters>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape<'a> {
    #[serde(borrow)]
    multi_value_headers: Option<&'a RawValue>,
}

/// The answer must have its headers as the event has them.
pub(super) fn form(event: &RawValue) -> Form {
    let shape = serde_json::from_str::<Shape<'_>>(event.get());
    Form::LoadBalancer { multi_value: shape.is_ok_and(|it| it.multi_value_headers.is_some()) }
}

pub(super) fn arrival(event: Event) -> Result<Arrival, A2aError> {
    let headers = all_headers(event.multi_value_headers, event.headers);
    let parameters = event.multi_value_query_string_parameters.filter(|all| !all.is_empty());
    let parameters = parameters.or(event.query_string_parameters).unwrap_or_default();
    let (path, map) = (event.path.unwrap_or_default(), headers.map);
    let is_http = text(&map, "x-forwarded-proto") == Some("http");
    Ok(Arrival {
        method: method(&event.http_method.unwrap_or_default())?,
        place: Place::of_host(host(&map), is_http, path),
        credentials: credentials(&map),
        headers: map,
        headers_cut: headers.cut,
        // The load balancer leaves them as the client has encoded them.
        query: parameters.joined(),
        body: event.body.unwrap_or_default(),
        is_base64: event.is_base64_encoded.unwrap_or_default(),
    })
}

pub(super) fn is_health_check(arrival: &Arrival) -> bool {
    let agent = text(&arrival.headers, header::USER_AGENT.as_str());
    arrival.method == Method::GET && agent.is_some_and(|agent| agent.starts_with(HEALTH_CHECKER))
}

/// The host in the client's request: the card names it unless `PUBLIC_URL` is set.
fn host(headers: &HeaderMap) -> Option<String> {
    let host = text(headers, header::HOST.as_str())?;
    let authority: Authority = host.parse().ok()?;
    (!host.contains('@')).then(|| authority.as_str().to_owned())
}

fn credentials(headers: &HeaderMap) -> Credentials {
    let mut tokens = headers.get_all(OIDC_DATA).iter();
    match (tokens.next(), tokens.next()) {
        (None, _) => Credentials::Nothing,
        // A value that is not text fails the check.
        (Some(token), None) => {
            Credentials::Unchecked(token.to_str().unwrap_or_default().to_owned())
        }
        // The load balancer sends one.
        (Some(_), Some(_)) => Credentials::Unchecked(String::new()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
