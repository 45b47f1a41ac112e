//! What the SDK must not retry.

use a2a_lambda_dynamodb::THROTTLED;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use serde::Deserialize;

/// Has the SDK return an answer by which DynamoDB throttles, and not retry it. The engine knows
/// whose request it is: it refuses a message soon, and stores the work of a turn if it can.
#[derive(Debug)]
pub(super) struct Throttles;

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(rename = "__type", borrow)]
    kind: &'a str,
}

impl ClassifyRetry for Throttles {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let body = context.response().filter(|response| response.status().is_client_error());
        let body = body.and_then(|response| response.body().bytes()).unwrap_or_default();
        let refusal: Option<Refusal<'_>> = serde_json::from_slice(body).ok();
        // The name follows that of its namespace and a `#`.
        let code = refusal.and_then(|refusal| refusal.kind.rsplit('#').next());
        if code.is_some_and(|code| THROTTLED.contains(&code)) {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "throttles of DynamoDB"
    }
}
