//! Results, as each form of A2A has them.

#[cfg(feature = "v0_3")]
use a2a_lambda_protocol::v0_3;
use a2a_lambda_protocol::{
    A2aError, AgentCard, ListTaskPushNotificationConfigsResponse, ListTasksResponse,
    SendMessageResponse, StreamResponse, Task, TaskPushNotificationConfig, TaskState, decode,
};

use crate::error::Error;
use crate::interface::Interface;
#[cfg(feature = "v0_3")]
use crate::interface::{Binding, Version};

/// A JSON form of the data objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// That of 1.0, over either binding.
    V1_0,
    /// That of the schema of 0.3, over JSON-RPC.
    #[cfg(feature = "v0_3")]
    V0_3,
    /// That of the proto of 0.3, over HTTP+JSON.
    #[cfg(feature = "v0_3")]
    RestV0_3,
}

impl Form {
    /// That of an interface.
    #[cfg(feature = "v0_3")]
    pub(crate) fn of(interface: &Interface) -> Self {
        match (interface.version, interface.binding) {
            (Version::V0_3, Binding::JsonRpc) => Self::V0_3,
            (Version::V0_3, Binding::HttpJson) => Self::RestV0_3,
            (Version::V1_0, _) => Self::V1_0,
        }
    }

    /// That of an interface.
    #[cfg(not(feature = "v0_3"))]
    pub(crate) fn of(_: &Interface) -> Self {
        Self::V1_0
    }
}

/// The result of a call.
pub(crate) trait Read: Sized {
    /// Reads it. The text is one JSON value.
    fn read(text: &str, form: Form) -> Result<Self, A2aError>;

    /// Checks that no required member is missing.
    fn check(&self, _: Form) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads a result and checks it.
pub(crate) fn read<T: Read>(text: &str, form: Form) -> Result<T, Error> {
    let result = T::read(text, form).map_err(Error::shape)?;
    result.check(form)?;
    Ok(result)
}

/// Makes results readable: in each of the two forms of 0.3, with a check of the members.
macro_rules! reads {
    ($($result:ty: |$text:ident| $old:expr, $rest:expr;)*) => {$(
        impl Read for $result {
            fn read(text: &str, form: Form) -> Result<Self, A2aError> {
                let $text = text.as_bytes();
                match form {
                    Form::V1_0 => decode($text),
                    #[cfg(feature = "v0_3")]
                    Form::V0_3 => $old,
                    #[cfg(feature = "v0_3")]
                    Form::RestV0_3 => $rest,
                }
            }

            fn check(&self, form: Form) -> Result<(), Error> {
                Check::check(self, form)
            }
        }
    )*};
}

reads! {
    Task: |text|
        decode::<v0_3::Task>(text).map(Into::into),
        decode::<v0_3::rest::Task>(text).map(Into::into);
    SendMessageResponse: |text|
        v0_3::SendMessageResult::read(text).map(Into::into),
        decode::<v0_3::rest::SendMessageResult>(text).map(Into::into);
    StreamResponse: |text|
        v0_3::StreamEvent::read(text).map(Into::into),
        decode::<v0_3::rest::StreamEvent>(text).map(Into::into);
    TaskPushNotificationConfig: |text|
        decode::<v0_3::TaskPushNotificationConfig>(text).map(Into::into),
        decode::<v0_3::rest::TaskPushNotificationConfig>(text).map(Into::into);
    ListTaskPushNotificationConfigsResponse: |text|
        decode::<Vec<v0_3::TaskPushNotificationConfig>>(text).map(all),
        decode::<v0_3::rest::ListTaskPushNotificationConfigResponse>(text).map(Into::into);
    // 0.3 has no such operation.
    ListTasksResponse: |text| decode(text), decode(text);
    AgentCard: |text| either_card(text), either_card(text);
}

/// All configs of a task: 0.3 has no pages over JSON-RPC.
#[cfg(feature = "v0_3")]
fn all(configs: Vec<v0_3::TaskPushNotificationConfig>) -> ListTaskPushNotificationConfigsResponse {
    let configs = configs.into_iter().map(Into::into).collect();
    ListTaskPushNotificationConfigsResponse { configs, next_page_token: String::new() }
}

/// A card that both versions read, or one of 0.3 only.
#[cfg(feature = "v0_3")]
fn either_card(text: &[u8]) -> Result<AgentCard, A2aError> {
    match decode::<AgentCard>(text) {
        Ok(card) if !card.supported_interfaces.is_empty() => Ok(card),
        _ => v0_3::read_card(text),
    }
}

/// The members that no server leaves out.
trait Check {
    fn check(&self, _: Form) -> Result<(), Error> {
        Ok(())
    }
}

impl Check for TaskPushNotificationConfig {}
impl Check for ListTaskPushNotificationConfigsResponse {}
impl Check for ListTasksResponse {}
impl Check for AgentCard {}

impl Check for Task {
    fn check(&self, form: Form) -> Result<(), Error> {
        has("the task's id", &self.id)?;
        // 0.3 has a name for it.
        if form == Form::V1_0 && self.status.state == TaskState::Unspecified {
            return Err(Error::NotA2a("the task's state is missing".to_owned()));
        }
        Ok(())
    }
}

impl Check for SendMessageResponse {
    fn check(&self, form: Form) -> Result<(), Error> {
        match self {
            Self::Task(task) => Check::check(task, form),
            Self::Message(message) => has("the message's id", &message.message_id),
        }
    }
}

impl Check for StreamResponse {
    fn check(&self, form: Form) -> Result<(), Error> {
        match self {
            Self::Task(task) => Check::check(task, form),
            Self::Message(message) => has("the message's id", &message.message_id),
            Self::StatusUpdate(event) => has("the event's task", &event.task_id),
            Self::ArtifactUpdate(event) => has("the event's task", &event.task_id),
        }
    }
}

/// Nothing: the result of a deletion. The rest of the server's answer does not matter.
impl Read for () {
    fn read(_: &str, _: Form) -> Result<Self, A2aError> {
        Ok(())
    }
}

fn has(what: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() { Err(Error::NotA2a(format!("{what} is missing"))) } else { Ok(()) }
}
