//! A2A 0.3 over HTTP+JSON: the `ProtoJSON` of 0.3's `a2a.proto`.
//!
//! The official SDK's client refuses an answer with a field that its proto lacks. So
//! `referenceTaskIds` is left out.

mod error;
mod part;
mod push;
mod requests;
mod stream;
mod task;

pub use super::requests::TaskQueryParams;
pub use error::{ErrorBody, http_status};
pub use part::Part;
pub use push::{
    CreateTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigResponse,
    TaskPushNotificationConfig,
};
pub use requests::{SendMessageConfiguration, SendMessageRequest};
pub use stream::{SendMessageResult, StreamEvent, TaskArtifactUpdateEvent, TaskStatusUpdateEvent};
pub use task::{Artifact, Message, Task, TaskState, TaskStatus};
