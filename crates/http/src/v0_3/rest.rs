//! The paths of 0.3, and its HTTP+JSON binding below `/v1`.

use a2a_lambda_protocol::v0_3::rest::{
    CreateTaskPushNotificationConfigRequest, ErrorBody, ListTaskPushNotificationConfigResponse,
    SendMessageRequest, SendMessageResult, StreamEvent, Task, TaskPushNotificationConfig,
    TaskQueryParams, http_status,
};
use a2a_lambda_protocol::{A2aError, Operation, decode};
use bytes::Bytes;
use http::{Method, Response};

use super::{card, in_old_words};
use crate::answer::Frame;
use crate::binding::{PLAIN_JSON, challenge, json};
use crate::body::Body;
use crate::exchange::Exchange;
use crate::operation::{Outcome, Request, Served};
use crate::query::{or_empty, query_object};
use crate::route::{Found, RestCall, find_in, json_rpc};
use crate::service::{Bindings, tenant_named};

/// The target of a path in 0.3, if it differs from 1.0: the HTTP+JSON binding, and the JSON-RPC
/// binding of a tenant, which a request of 0.3 cannot name.
pub(crate) fn find_path(method: &Method, segments: &[&str]) -> Option<Found> {
    let (tenant, rest) = match segments {
        ["v1", rest @ ..] => ("", rest),
        [tenant, "v1", rest @ ..] => (*tenant, rest),
        [tenant] if *method == Method::POST && is_tenant(tenant) => {
            return Some(json_rpc(method, tenant));
        }
        _ => return None,
    };
    Some(match rest {
        ["card"] => find_in(method, tenant, &["extendedAgentCard"]),
        // 1.0 has these paths, 0.3 does not.
        ["extendedAgentCard" | "tasks"] | [".well-known", ..] => Found::Nothing,
        rest => find_in(method, tenant, rest),
    })
}

fn is_tenant(segment: &str) -> bool {
    !segment.is_empty() && tenant_named(segment).is_ok()
}

impl Bindings {
    pub(crate) async fn rest_v0_3(
        &self,
        call: RestCall,
        body: &Bytes,
        exchange: &Exchange<'_>,
    ) -> Result<Response<Body>, A2aError> {
        let RestCall { operation, tenant, task, config } = call;
        let query = || query_object(exchange.parts);
        let request = match operation {
            Operation::SendMessage => {
                Request::SendMessage(decode::<SendMessageRequest>(body)?.into())
            }
            Operation::SendStreamingMessage => {
                Request::SendStreamingMessage(decode::<SendMessageRequest>(body)?.into())
            }
            Operation::GetTask => {
                Request::GetTask(decode::<TaskQueryParams>(query().as_bytes())?.into())
            }
            Operation::CreatePushConfig => Request::CreatePushConfig(
                decode::<CreateTaskPushNotificationConfigRequest>(body)?.into_current("")?,
            ),
            Operation::CancelTask => Request::read(operation, or_empty(body))?,
            Operation::ListPushConfigs => Request::read(operation, query().as_bytes())?,
            // The path says everything.
            operation => Request::read(operation, b"{}")?,
        };
        let request = request.of(task, config)?;
        let served = self.serve(operation, &tenant, request, exchange).await.map_err(|error| {
            let names = match operation {
                Operation::SendMessage | Operation::SendStreamingMessage => {
                    Some(SendMessageRequest::FIELDS)
                }
                Operation::CreatePushConfig => {
                    Some(CreateTaskPushNotificationConfigRequest::FIELDS)
                }
                _ => None,
            };
            in_old_words(operation, names, error)
        })?;
        let frame = Frame::Http(PLAIN_JSON);
        Ok(match served {
            Served::Stream(tail) => frame.stream(tail, self.config.keep_alive, StreamEvent::from),
            Served::Whole(Outcome::Sent(sent)) => frame.whole(&SendMessageResult::from(sent)),
            Served::Whole(Outcome::Task(task)) => frame.whole(&Task::from(task)),
            Served::Whole(Outcome::PushConfig(config)) => {
                frame.whole(&TaskPushNotificationConfig::from(config))
            }
            Served::Whole(Outcome::PushConfigs(page)) => {
                frame.whole(&ListTaskPushNotificationConfigResponse::from(page))
            }
            Served::Whole(Outcome::Card(new)) => frame.whole(&card(&new)),
            Served::Whole(outcome @ (Outcome::Deleted {} | Outcome::Tasks(_))) => {
                frame.whole(&outcome)
            }
        })
    }
}

pub(crate) fn error_response(error: &A2aError) -> Response<Bytes> {
    challenge(json(http_status(error.kind), PLAIN_JSON, &ErrorBody::from(error)), error)
}
