//! The SDK's HTTP transport, without HTTP: a request goes in as a function call.

use super::EmbeddedDynamoDb;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

/// The header that names the operation, as `DynamoDB_20120810.PutItem`.
const TARGET: &str = "x-amz-target";

const SCAN_REFUSED: &str =
    r#"{"__type":"AccessDeniedException","message":"a Scan is for operators"}"#;

pub(super) fn http_client(database: EmbeddedDynamoDb) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Embedded { database });
    http_client_fn(move |_settings, _components| connector.clone())
}

#[derive(Debug, Clone)]
struct Embedded {
    database: EmbeddedDynamoDb,
}

impl HttpConnector for Embedded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let database = self.database.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get(TARGET).unwrap_or_default();
            // Only streaming uploads have bodies that are not in memory; DynamoDB has none.
            let body = request.body().bytes().ok_or_else(|| {
                ConnectorError::user("a request to the embedded database must be in memory".into())
            })?;
            // No function may need a scan, and so none can be tested with one.
            if target.ends_with(".Scan") {
                return into_response((400, SCAN_REFUSED.to_owned()));
            }
            into_response(database.answer(target, body).await)
        })
    }
}

fn into_response((status, body): (u16, String)) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
