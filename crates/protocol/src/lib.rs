#![doc = include_str!("../README.md")]
//!
//! The normative source is `a2a.proto`; the structs here have its names and read like it. The crate
//! adds to a plain mapping:
//!
//! - **Liberal in, canonical out.** A reader accepts everything that the `ProtoJSON` rules allow:
//!   camelCase or `snake_case` names, enum names or numbers, `null` for absent, either base64
//!   alphabet, integers in strings. A writer has one form. The rules are in one place, the crate's
//!   `wire` module.
//! - **User data is text.** [`Json`] and [`Struct`] keep their input byte for byte, so that a
//!   19-digit integer or the order of keys survives a round trip.
//! - **Shape first, rules second.** [`decode`] turns bytes into a type or an [`A2aError`] that
//!   names the wrong field. [`validate`] then lists every broken rule of a request at once.
//!
//! Presence follows the proto. An empty [`String`] means absent; only an `optional` field or a
//! message is an [`Option`].

#[macro_use]
mod wire;

mod bytes;
mod card;
mod decode;
mod enums;
mod error;
mod json;
mod operation;
mod part;
#[cfg(test)]
mod proto_test;
mod push;
mod requests;
mod security;
mod stream;
mod task;
mod timestamp;
#[cfg(feature = "v0_3")]
pub mod v0_3;
mod validate;

pub use card::{
    AgentCapabilities, AgentCard, AgentCardSignature, AgentExtension, AgentInterface,
    AgentProvider, AgentSkill,
};
pub use decode::{decode, decode_params};
pub use enums::{Role, TaskState, UnknownEnumName};
pub use error::payload::{ErrorBody, ErrorDetail, JsonRpcError, Status};
pub use error::remote::RemoteError;
pub use error::{A2aError, ERROR_DOMAIN, ErrorKind, FieldViolation};
pub use json::{Json, MAX_DEPTH, Struct};
pub use operation::Operation;
pub use part::{Part, PartContent};
pub use push::{
    AuthenticationInfo, DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse, TaskPushNotificationConfig,
};
pub use requests::{
    CancelTaskRequest, GetExtendedAgentCardRequest, GetTaskRequest, ListTasksRequest,
    ListTasksResponse, SendMessageConfiguration, SendMessageRequest, SubscribeToTaskRequest,
};
pub use security::{
    ApiKeySecurityScheme, AuthorizationCodeOAuthFlow, ClientCredentialsOAuthFlow,
    DeviceCodeOAuthFlow, HttpAuthSecurityScheme, ImplicitOAuthFlow, MutualTlsSecurityScheme,
    OAuth2SecurityScheme, OAuthFlows, OpenIdConnectSecurityScheme, PasswordOAuthFlow,
    SecurityRequirement, SecurityScheme, StringList,
};
pub use stream::{
    SendMessageResponse, StreamResponse, TaskArtifactUpdateEvent, TaskStatusUpdateEvent,
};
pub use task::{Artifact, Message, Task, TaskStatus};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use validate::{
    DEFAULT_PAGE_SIZE, MAX_EXTENSIONS, MAX_HEADER_BYTES, MAX_ID_BYTES, MAX_MEDIA_TYPE_BYTES,
    MAX_OUTPUT_MODES, MAX_PAGE_SIZE, MAX_PARTS, MAX_REFERENCE_TASKS, MAX_URL_BYTES, Validate,
    validate,
};

/// The first segments of the paths of the HTTP+JSON binding (spec section 11.3), behind which no
/// tenant's name can be told from a path. No client could address a tenant with this name.
pub const FIRST_SEGMENTS: [&str; 4] = [".well-known", "extendedAgentCard", "tasks", "v1"];
