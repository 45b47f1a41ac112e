//! Results, as each form of A2A has them.

use a2a_lambda_protocol::{
    A2aError, AgentCard, ListTaskPushNotificationConfigsResponse, ListTasksResponse,
    SendMessageResponse, StreamResponse, Task, TaskPushNotificationConfig, TaskState, decode,
};

use crate::error::Error;
use crate::interface::Interface;

/// A JSON form of the data objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// That of 1.0, over either binding.
    V1_0,
}

impl Form {
    /// That of an interface.
    pub(crate) fn of(_: &Interface) -> Self {
        Self::V1_0
    }
}

/// What a call results in.
pub(crate) trait Read: Sized {
    /// Reads it. The text is one JSON value.
    fn read(text: &str, form: Form) -> Result<Self, A2aError>;

    /// Says what is missing that no server leaves out.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads a result and checks it.
pub(crate) fn read<T: Read>(text: &str, form: Form) -> Result<T, Error> {
    let result = T::read(text, form).map_err(Error::shape)?;
    result.check()?;
    Ok(result)
}

macro_rules! read_as {
    ($($result:ty),*) => {$(
        impl Read for $result {
            fn read(text: &str, form: Form) -> Result<Self, A2aError> {
                match form {
                    Form::V1_0 => decode(text.as_bytes()),
                }
            }
        }
    )*};
}

read_as!(ListTasksResponse, ListTaskPushNotificationConfigsResponse, AgentCard);
read_as!(TaskPushNotificationConfig);

impl Read for Task {
    fn read(text: &str, form: Form) -> Result<Self, A2aError> {
        match form {
            Form::V1_0 => decode(text.as_bytes()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        has("the task's id", &self.id)?;
        match self.status.state {
            // 0.3 has a name for it.
            TaskState::Unspecified => Err(Error::NotA2a("the task's state is missing".to_owned())),
            _ => Ok(()),
        }
    }
}

impl Read for SendMessageResponse {
    fn read(text: &str, form: Form) -> Result<Self, A2aError> {
        match form {
            Form::V1_0 => decode(text.as_bytes()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Task(task) => task.check(),
            Self::Message(message) => has("the message's id", &message.message_id),
        }
    }
}

impl Read for StreamResponse {
    fn read(text: &str, form: Form) -> Result<Self, A2aError> {
        match form {
            Form::V1_0 => decode(text.as_bytes()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Task(task) => task.check(),
            Self::Message(message) => has("the message's id", &message.message_id),
            Self::StatusUpdate(event) => has("the event's task", &event.task_id),
            Self::ArtifactUpdate(event) => has("the event's task", &event.task_id),
        }
    }
}

/// Nothing: what a deletion results in, whatever the server says beside that.
impl Read for () {
    fn read(_: &str, _: Form) -> Result<Self, A2aError> {
        Ok(())
    }
}

fn has(what: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() { Err(Error::NotA2a(format!("{what} is missing"))) } else { Ok(()) }
}
