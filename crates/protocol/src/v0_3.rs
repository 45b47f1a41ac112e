//! A2A 0.3: its data objects, and their conversion to 1.0.
//!
//! 0.3 has two JSON forms. That of its schema, with `kind` in each object, is spoken over JSON-RPC,
//! in push notifications and in agent cards: it is here. That of its `a2a.proto` is spoken over
//! HTTP+JSON: it is in [`rest`], under the same names.
//!
//! A server reads a request with [`decode`](crate::decode), turns it [`Into`] the request of 1.0,
//! and turns the answer of 1.0 back with [`From`]. Where 1.0 refuses a field, the request's `FIELDS`
//! say what 0.3 calls it.
//!
//! # What is not the same on both sides
//!
//! - **Data that is not an object** does not exist in 0.3. It is put into an object as `value`, and
//!   the part's metadata gets `"data_part_compat": true`, as the official SDKs do. Reading takes it
//!   out again, so nothing is lost.
//! - **`filename` and `mediaType` of text and data** have no place in 0.3 and are left out. So is a
//!   `deviceCode` flow, for who reads a card by 0.3 alone.
//! - **A push config's schemes** are many in 0.3 and one in 1.0, as its credentials are: the first
//!   counts.
//! - **A history length of zero** means no limit in 0.3.
//! - **Waiting** is 0.3's default unless `blocking` is false. For its other form see
//!   [`rest::SendMessageRequest`].
//! - **A role or state that is not known** is `agent` and `unknown`.
//!
//! All other data, user data to the byte, is the same on both sides.

mod base64;
mod card;
mod data;
mod fields;
mod names;
mod old_card;
mod part;
mod push;
mod requests;
pub mod rest;
mod stream;
mod task;

pub use card::{AgentCard, AgentInterface, CardFields, PROTOCOL_VERSION};
pub use fields::FieldNames;
pub use names::{Role, TaskState};
pub use old_card::read_card;
pub use part::Part;
pub use push::{
    DeleteTaskPushNotificationConfigParams, GetTaskPushNotificationConfigParams,
    PushNotificationAuthenticationInfo, PushNotificationConfig, TaskPushNotificationConfig,
    WhichPushNotificationConfig,
};
pub use requests::{MessageSendConfiguration, MessageSendParams, TaskIdParams, TaskQueryParams};
pub use stream::{
    ArtifactUpdateKind, SendMessageResult, StatusUpdateKind, StreamEvent, TaskArtifactUpdateEvent,
    TaskStatusUpdateEvent,
};
pub use task::{Artifact, Message, MessageKind, Task, TaskKind, TaskStatus};

/// Every item in its form on the other side.
fn convert<T: Into<U>, U>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(Into::into).collect()
}

/// 0.3 cannot ask for no history: zero means no limit.
fn history_length(length: Option<i32>) -> Option<i32> {
    length.filter(|length| *length != 0)
}
