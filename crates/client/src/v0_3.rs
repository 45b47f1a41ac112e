//! The differences of 0.3: methods, paths, and the JSON of requests.

use a2a_lambda_protocol::v0_3::{
    DeleteTaskPushNotificationConfigParams, GetTaskPushNotificationConfigParams, MessageSendParams,
    TaskIdParams, TaskPushNotificationConfig, TaskQueryParams, rest,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::call::Call;
use crate::error::Error;

/// The method and the parameters of a call over JSON-RPC.
pub(crate) fn json_rpc(call: Call) -> Result<(&'static str, Box<RawValue>), Error> {
    let operation = call.operation();
    let method = operation.name_in_v0_3().ok_or_else(|| missing(operation.name()))?;
    let params = match call {
        Call::SendMessage(request) | Call::SendStreamingMessage(request) => {
            raw(&MessageSendParams::from(request))
        }
        Call::GetTask(request) => raw(&TaskQueryParams::from(request)),
        Call::CancelTask(request) => raw(&TaskIdParams::from(request)),
        Call::SubscribeToTask(request) => raw(&TaskIdParams::from(request)),
        Call::CreatePushConfig(config) => raw(&TaskPushNotificationConfig::from(config)),
        Call::GetPushConfig(request) => raw(&GetTaskPushNotificationConfigParams::from(request)),
        Call::ListPushConfigs(request) => raw(&TaskIdParams::from(request)),
        Call::DeletePushConfig(request) => {
            raw(&DeleteTaskPushNotificationConfigParams::from(request))
        }
        Call::ListTasks(_) => Err(missing(operation.name())),
        // It has no parameters.
        Call::GetExtendedAgentCard(_) => raw(&serde_json::Map::new()),
    };
    Ok((method, params?))
}

/// The body of a call over HTTP+JSON, of those that have one.
pub(crate) fn rest_body(call: Call) -> Result<Box<RawValue>, Error> {
    match call {
        Call::SendMessage(request) | Call::SendStreamingMessage(request) => {
            raw(&rest::SendMessageRequest::from(request))
        }
        Call::CreatePushConfig(config) => {
            raw(&rest::CreateTaskPushNotificationConfigRequest::from(config))
        }
        call => raw(&call),
    }
}

/// The path of a call over HTTP+JSON, from its path in 1.0.
pub(crate) fn rest_path(call: &Call, path: &str) -> Result<String, Error> {
    match call {
        Call::ListTasks(_) => Err(missing(call.operation().name())),
        Call::GetExtendedAgentCard(_) => Ok("/v1/card".to_owned()),
        _ => Ok(format!("/v1{path}")),
    }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|_| Error::Request("it cannot be written as JSON".to_owned()))
}

fn missing(operation: &str) -> Error {
    Error::Request(format!("A2A 0.3 has no {operation}"))
}
