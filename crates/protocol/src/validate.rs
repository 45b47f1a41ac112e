//! The rules for a request beyond its shape: REQUIRED fields (specification 5.7) and our bounds.

use crate::enums::Role;
use crate::error::{A2aError, FieldViolation};
use crate::push::{
    AuthenticationInfo, DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest,
    TaskPushNotificationConfig,
};
use crate::requests::{
    CancelTaskRequest, GetExtendedAgentCardRequest, GetTaskRequest, ListTasksRequest,
    SendMessageConfiguration, SendMessageRequest, SubscribeToTaskRequest,
};
use crate::task::Message;

/// Parts of a message, at most.
pub const MAX_PARTS: usize = 1000;
/// Extensions of a message, at most.
pub const MAX_EXTENSIONS: usize = 100;
/// Tasks that a message refers to, at most.
pub const MAX_REFERENCE_TASKS: usize = 100;
/// The most media types that a client may accept.
pub const MAX_OUTPUT_MODES: usize = 100;
/// The longest media type, in bytes.
pub const MAX_MEDIA_TYPE_BYTES: usize = 256;
/// Bytes of an id (message, context, task, tenant, config), at most. Ids are parts of storage keys.
pub const MAX_ID_BYTES: usize = 256;
/// Bytes of a URL or URI, at most.
pub const MAX_URL_BYTES: usize = 2048;
/// The most bytes of a push's header value (token, scheme, credentials).
pub const MAX_HEADER_BYTES: usize = 8192;
/// Tasks on a page of `ListTasks`, at most (specification 3.1.4).
pub const MAX_PAGE_SIZE: i32 = 100;
/// Tasks on a page of `ListTasks` when the client does not say (specification 3.1.4).
pub const DEFAULT_PAGE_SIZE: i32 = 50;

/// A request that knows its rules.
pub trait Validate {
    /// Appends every broken rule. `path` is where `self` stands in the request, empty for the
    /// request itself.
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>);
}

/// Checks all the rules of a request.
///
/// # Errors
/// [`ErrorKind::InvalidParams`](crate::ErrorKind::InvalidParams) with every broken rule.
pub fn validate<T: Validate + ?Sized>(request: &T) -> Result<(), A2aError> {
    let mut violations = Vec::new();
    request.violations("", &mut violations);
    if violations.is_empty() { Ok(()) } else { Err(A2aError::invalid_fields(violations)) }
}

/// Collects the violations of one object.
struct Check<'a> {
    path: &'a str,
    out: &'a mut Vec<FieldViolation>,
}

impl Check<'_> {
    fn at(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    fn violation(&mut self, field: &str, description: impl Into<String>) {
        self.out.push(FieldViolation::new(self.at(field), description));
    }

    fn max_bytes(&mut self, field: &str, value: &str, max: usize) {
        if value.len() > max {
            self.violation(field, format!("must have at most {max} bytes, has {}", value.len()));
        }
    }

    fn required(&mut self, field: &str, value: &str) {
        if value.is_empty() {
            self.violation(field, "is required");
        }
    }

    fn id(&mut self, field: &str, value: &str) {
        self.max_bytes(field, value, MAX_ID_BYTES);
    }

    fn required_id(&mut self, field: &str, value: &str) {
        self.required(field, value);
        self.id(field, value);
    }

    fn not_negative(&mut self, field: &str, value: Option<i32>) {
        if let Some(value @ ..0) = value {
            self.violation(field, format!("must not be negative, is {value}"));
        }
    }

    /// A list is either too long, which is one violation, or checked item by item.
    fn items(&mut self, field: &str, items: &[String], max: usize, max_item_bytes: usize) {
        if items.len() > max {
            self.violation(field, format!("must have at most {max} items, has {}", items.len()));
            return;
        }
        for (index, item) in items.iter().enumerate() {
            self.max_bytes(&format!("{field}[{index}]"), item, max_item_bytes);
        }
    }

    /// A push sends this value as a header. A wrong one is refused now, because every delivery would
    /// fail later.
    fn header(&mut self, field: &str, value: &str) {
        self.max_bytes(field, value, MAX_HEADER_BYTES);
        if !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            self.violation(field, "must be printable ASCII, it is sent in an HTTP header");
        }
    }
}

impl Validate for SendMessageRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        match &self.message {
            Some(message) => message.violations(&check.at("message"), check.out),
            None => check.violation("message", "is required"),
        }
        if let Some(configuration) = &self.configuration {
            configuration.violations(&check.at("configuration"), check.out);
        }
    }
}

/// The rules for a message of a client. `contextId` and `taskId` are optional there.
impl Validate for Message {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.required_id("messageId", &self.message_id);
        check.id("contextId", &self.context_id);
        check.id("taskId", &self.task_id);
        if self.role == Role::Unspecified {
            check.violation("role", "is required: ROLE_USER or ROLE_AGENT");
        }
        if self.parts.is_empty() {
            check.violation("parts", "must have at least one part");
        } else if self.parts.len() > MAX_PARTS {
            let count = self.parts.len();
            check.violation("parts", format!("must have at most {MAX_PARTS} parts, has {count}"));
        }
        check.items("extensions", &self.extensions, MAX_EXTENSIONS, MAX_URL_BYTES);
        let references = &self.reference_task_ids;
        check.items("referenceTaskIds", references, MAX_REFERENCE_TASKS, MAX_ID_BYTES);
    }
}

impl Validate for SendMessageConfiguration {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.not_negative("historyLength", self.history_length);
        let modes = &self.accepted_output_modes;
        check.items("acceptedOutputModes", modes, MAX_OUTPUT_MODES, MAX_MEDIA_TYPE_BYTES);
        if let Some(config) = &self.task_push_notification_config {
            // Without a task id: the task is that of the message.
            inline_config(config, &check.at("taskPushNotificationConfig"), check.out);
        }
    }
}

impl Validate for GetTaskRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        check.required_id("id", &self.id);
        check.not_negative("historyLength", self.history_length);
    }
}

impl Validate for ListTasksRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        check.id("contextId", &self.context_id);
        if let Some(size) = self.page_size.filter(|size| !(1..=MAX_PAGE_SIZE).contains(size)) {
            check.violation("pageSize", format!("must be 1 to {MAX_PAGE_SIZE}, is {size}"));
        }
        check.not_negative("historyLength", self.history_length);
    }
}

impl Validate for CancelTaskRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        check.required_id("id", &self.id);
    }
}

impl Validate for SubscribeToTaskRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        check.required_id("id", &self.id);
    }
}

impl Validate for GetExtendedAgentCardRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        Check { path, out }.id("tenant", &self.tenant);
    }
}

/// The rules for `CreateTaskPushNotificationConfig`. The config's own id is optional there.
impl Validate for TaskPushNotificationConfig {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        Check { path, out }.required("taskId", &self.task_id);
        inline_config(self, path, out);
    }
}

/// The rules for a config that comes with a message.
fn inline_config(config: &TaskPushNotificationConfig, path: &str, out: &mut Vec<FieldViolation>) {
    let mut check = Check { path, out };
    check.id("tenant", &config.tenant);
    check.id("id", &config.id);
    check.id("taskId", &config.task_id);
    check.required("url", &config.url);
    check.max_bytes("url", &config.url, MAX_URL_BYTES);
    check.header("token", &config.token);
    if let Some(authentication) = &config.authentication {
        authentication.violations(&check.at("authentication"), check.out);
    }
}

impl Validate for AuthenticationInfo {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.required("scheme", &self.scheme);
        check.header("scheme", &self.scheme);
        check.header("credentials", &self.credentials);
    }
}

impl Validate for GetTaskPushNotificationConfigRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        check.required_id("taskId", &self.task_id);
        check.required_id("id", &self.id);
    }
}

impl Validate for DeleteTaskPushNotificationConfigRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        check.required_id("taskId", &self.task_id);
        check.required_id("id", &self.id);
    }
}

impl Validate for ListTaskPushNotificationConfigsRequest {
    fn violations(&self, path: &str, out: &mut Vec<FieldViolation>) {
        let mut check = Check { path, out };
        check.id("tenant", &self.tenant);
        check.required_id("taskId", &self.task_id);
        check.not_negative("pageSize", Some(self.page_size));
    }
}
