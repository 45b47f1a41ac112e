//! The messages of a test.

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_protocol::{
    Json, Message, Part, Role, SendMessageConfiguration, SendMessageRequest, Struct,
    TaskPushNotificationConfig,
};

/// A message to an agent: a text, parts, or other fields of a request.
///
/// ```
/// use a2a_lambda_testing::Input;
///
/// let input = Input::from("summarize this").and_data(r#"{"words": 3}"#).accepting("text/plain");
/// # _ = input;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Input {
    message: Message,
    accepted_output_modes: Vec<String>,
    metadata: Option<Struct>,
    push: Option<TaskPushNotificationConfig>,
    extensions: Vec<String>,
    idempotency_key: Option<String>,
}

impl Input {
    /// Adds a part of text.
    #[must_use]
    pub fn and_text(self, text: impl Into<String>) -> Self {
        self.and(Part::text(text))
    }

    /// Adds a part of data.
    ///
    /// # Panics
    /// When the text is not JSON.
    #[must_use]
    pub fn and_data(self, json: &str) -> Self {
        match Json::parse(json) {
            Ok(data) => self.and(Part::data(data)),
            Err(error) => panic!("{json:?} is not JSON: {error}"),
        }
    }

    /// Adds a part.
    #[must_use]
    pub fn and(mut self, part: Part) -> Self {
        self.message.parts.push(part);
        self
    }

    /// Says which media types the sender takes.
    #[must_use]
    pub fn accepting(mut self, media_type: impl Into<String>) -> Self {
        self.accepted_output_modes.push(media_type.into());
        self
    }

    /// Gives the request metadata: a JSON object.
    ///
    /// # Panics
    /// When the text is not a JSON object.
    #[must_use]
    pub fn with_metadata(self, json: &str) -> Self {
        match Struct::parse(json) {
            Ok(metadata) => Self { metadata: Some(metadata), ..self },
            Err(error) => panic!("{json:?} is not a JSON object: {error}"),
        }
    }

    /// Makes an extension active.
    #[must_use]
    pub fn with_extension(mut self, uri: impl Into<String>) -> Self {
        self.extensions.push(uri.into());
        self
    }

    /// Sends the message under this `Idempotency-Key`.
    #[must_use]
    pub fn under_key(self, key: impl Into<String>) -> Self {
        Self { idempotency_key: Some(key.into()), ..self }
    }

    /// Has the updates of the task pushed to this URL.
    #[must_use]
    pub fn pushing_to(self, url: impl Into<String>) -> Self {
        let push = TaskPushNotificationConfig::of("", url);
        Self { push: Some(push), ..self }
    }

    /// The request, to a task if there is one.
    pub(crate) fn request(self, id: String, task: Option<&str>) -> SendMessageRequest {
        let mut message = self.message;
        message.role = Role::User;
        if message.message_id.is_empty() {
            // The same key and message make a retry.
            message.message_id = self.idempotency_key.unwrap_or(id);
        }
        if let Some(task) = task {
            task.clone_into(&mut message.task_id);
        }
        let configuration = SendMessageConfiguration {
            return_immediately: true,
            accepted_output_modes: self.accepted_output_modes,
            task_push_notification_config: self.push,
            ..SendMessageConfiguration::default()
        };
        let metadata = self.metadata;
        SendMessageRequest { metadata, ..SendMessageRequest::of(message, configuration) }
    }

    /// The options beside the request.
    pub(crate) fn options(&self, may_answer_directly: bool) -> SendOptions {
        SendOptions {
            idempotency_key: self.idempotency_key.clone(),
            extensions: self.extensions.clone(),
            may_answer_directly,
            ..SendOptions::default()
        }
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::default().and_text(text)
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::default().and_text(text)
    }
}

impl From<Part> for Input {
    fn from(part: Part) -> Self {
        Self::default().and(part)
    }
}

impl From<Vec<Part>> for Input {
    fn from(parts: Vec<Part>) -> Self {
        Self::from(Message { parts, ..Message::default() })
    }
}

impl From<Message> for Input {
    fn from(message: Message) -> Self {
        Self { message, ..Self::default() }
    }
}
