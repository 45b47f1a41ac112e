//! The transport of the SDK's requests: the one outgoing client.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::Clock;
use a2a_lambda_https::{
    Client, ClientConfig, ConnectError, Error, Limits, Open, Repeat, Request, Roots,
};
use a2a_lambda_runtime::Wall;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

/// How long an idle connection to AWS is kept. A new one costs a TLS handshake, and AWS's endpoints
/// keep theirs for longer than common servers do.
const IDLE: Duration = Duration::from_secs(20);
/// The largest answer: DynamoDB's are at most 16 MB, plus a little around the items.
const MAX_ANSWER_BYTES: usize = 20 * 1024 * 1024;
/// The limit if the SDK sets none. The SDK gives up an attempt sooner by itself.
const NO_LIMIT: Duration = Duration::from_mins(1);

/// An HTTP client of the SDK. By the clock it notices that the machine stood still: a thawed
/// function's connections are dead.
pub(super) fn over(clock: Arc<dyn Clock>) -> SharedHttpClient {
    let client = client(clock);
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Transport { client: client.clone(), limits: limits(settings) })
    })
}

/// The outgoing client to AWS.
pub(super) fn client(clock: Arc<dyn Clock>) -> Result<Client, String> {
    Client::new(ClientConfig {
        roots: Roots::Amazon,
        idle: IDLE,
        ..ClientConfig::new(Arc::new(Wall(clock)))
    })
    .map_err(|error| error.to_string())
}

fn limits(settings: &HttpConnectorSettings) -> Limits {
    let read = settings.read_timeout().unwrap_or(NO_LIMIT);
    let connect = settings.connect_timeout().unwrap_or(NO_LIMIT);
    Limits { connect, ..Limits::within(read) }
}

#[derive(Debug)]
struct Transport {
    /// Or the reason why there is no client.
    client: Result<Client, String>,
    limits: Limits,
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, limits) = (self.client.clone(), self.limits);
        HttpConnectorFuture::new(async move {
            let client = client.map_err(|error| ConnectorError::other(error.into(), None))?;
            let request = own_request(request, limits)?;
            let response = client.send(&request, &Open).await.map_err(connector_error)?;
            let (status, headers) = (response.status, response.headers);
            let body = response.body.all(MAX_ANSWER_BYTES).await.map_err(connector_error)?;
            let mut answer = http::Response::new(SdkBody::from(body));
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            HttpResponse::try_from(answer)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn own_request(request: HttpRequest, limits: Limits) -> Result<Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    // Only streaming uploads have bodies that are not in memory, and none of these clients has them.
    let body = body.bytes().map(Bytes::copy_from_slice);
    let body = body.ok_or_else(|| ConnectorError::user("the body must be in memory".into()))?;
    Ok(Request {
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body,
        // The SDK itself repeats a request whose outcome it does not know. A write has a condition
        // and a mark by which it knows its own; a signal may come twice.
        repeat: Repeat::Safe,
        limits,
    })
}

/// The SDK's kind of error: it retries after a timeout or an I/O error.
fn connector_error(error: Error) -> ConnectorError {
    match error {
        Error::TimedOut { .. } | Error::Unreachable(ConnectError::TimedOut(_)) => {
            ConnectorError::timeout(error.into())
        }
        Error::Unreachable(_) | Error::Broken(_) | Error::BadAnswer(_) | Error::Ours(_) => {
            ConnectorError::io(error.into())
        }
        Error::Refused(_) | Error::Malformed(_) => ConnectorError::user(error.into()),
        Error::TooLarge(_) | Error::Withheld => ConnectorError::other(error.into(), None),
    }
}
