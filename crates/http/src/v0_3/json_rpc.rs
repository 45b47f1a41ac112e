//! The JSON-RPC binding of 0.3.

use a2a_lambda_protocol::v0_3::{
    DeleteTaskPushNotificationConfigParams, GetTaskPushNotificationConfigParams, MessageSendParams,
    SendMessageResult, StreamEvent, Task, TaskIdParams, TaskPushNotificationConfig,
    TaskQueryParams, WhichPushNotificationConfig,
};
use a2a_lambda_protocol::{A2aError, ErrorKind, Operation, decode};
use http::Response;

use super::{card, in_old_words};
use crate::answer::Frame;
use crate::body::Body;
use crate::envelope::Call;
use crate::exchange::Exchange;
use crate::operation::{Outcome, Request, Served};
use crate::service::Bindings;

impl Bindings {
    pub(crate) async fn call_v0_3(
        &self,
        operation: Operation,
        call: &Call<'_>,
        tenant: &str,
        exchange: &Exchange<'_>,
        frame: Frame<'_>,
    ) -> Result<Response<Body>, A2aError> {
        let request = read(operation, call)?;
        let served = self.serve(operation, tenant, request, exchange).await.map_err(|error| {
            let names = match operation {
                Operation::SendMessage | Operation::SendStreamingMessage => {
                    MessageSendParams::FIELDS
                }
                Operation::CreatePushConfig => TaskPushNotificationConfig::FIELDS,
                Operation::GetPushConfig => GetTaskPushNotificationConfigParams::FIELDS,
                Operation::ListPushConfigs => TaskIdParams::LIST_FIELDS,
                Operation::DeletePushConfig => DeleteTaskPushNotificationConfigParams::FIELDS,
                _ => return in_old_words(operation, None, error),
            };
            in_old_words(operation, Some(names), error)
        })?;
        Ok(match served {
            Served::Stream(tail) => frame.stream(tail, self.config.keep_alive, StreamEvent::from),
            Served::Whole(Outcome::Sent(sent)) => frame.whole(&SendMessageResult::from(sent)),
            Served::Whole(Outcome::Task(task)) => frame.whole(&Task::from(task)),
            Served::Whole(Outcome::PushConfig(config)) => {
                frame.whole(&TaskPushNotificationConfig::from(config))
            }
            Served::Whole(Outcome::PushConfigs(page)) => {
                let mut configs = page.configs.into_iter().map(TaskPushNotificationConfig::from);
                if operation == Operation::ListPushConfigs {
                    return Ok(frame.whole(&configs.collect::<Vec<_>>()));
                }
                let text = "the task has no push config";
                let first = configs.next();
                frame.whole(&first.ok_or_else(|| A2aError::new(ErrorKind::TaskNotFound, text))?)
            }
            Served::Whole(Outcome::Deleted {}) => frame.whole(&()),
            Served::Whole(Outcome::Card(new)) => frame.whole(&card(&new)),
            // 0.3 has no method for this operation.
            Served::Whole(Outcome::Tasks(page)) => frame.whole(&page),
        })
    }
}

fn read(operation: Operation, call: &Call<'_>) -> Result<Request, A2aError> {
    let one = || decode::<TaskIdParams>(call.params()?);
    let message = || decode::<MessageSendParams>(call.params()?);
    Ok(match operation {
        Operation::SendMessage => Request::SendMessage(message()?.into()),
        Operation::SendStreamingMessage => Request::SendStreamingMessage(message()?.into()),
        Operation::GetTask => Request::GetTask(decode::<TaskQueryParams>(call.params()?)?.into()),
        Operation::CancelTask => Request::CancelTask(one()?.into()),
        Operation::SubscribeToTask => Request::SubscribeToTask(one()?.into()),
        Operation::CreatePushConfig => {
            let request = decode::<TaskPushNotificationConfig>(call.params()?)?;
            if request.push_notification_config.is_none() {
                return Err(A2aError::invalid_field("pushNotificationConfig", "is required"));
            }
            Request::CreatePushConfig(request.into())
        }
        // A request without a config id means any config of the task.
        Operation::GetPushConfig => {
            match decode::<GetTaskPushNotificationConfigParams>(call.params()?)?.into() {
                WhichPushNotificationConfig::One(request) => Request::GetPushConfig(request),
                WhichPushNotificationConfig::First(request) => Request::ListPushConfigs(request),
            }
        }
        Operation::ListPushConfigs => Request::ListPushConfigs(one()?.into()),
        Operation::DeletePushConfig => Request::DeletePushConfig(
            decode::<DeleteTaskPushNotificationConfigParams>(call.params()?)?.into(),
        ),
        // These operations have no parameters in 0.3.
        Operation::ListTasks | Operation::GetExtendedAgentCard => Request::read(operation, b"{}")?,
    })
}
