//! The texts of the cases' messages and updates, small and large.

use a2a_lambda_core::log::{ArtifactChange, StatusChange};
use a2a_lambda_core::machine::Update;
use a2a_lambda_protocol::{Artifact, Json, Message, Part, Role};

/// More than any store accepts in one entry: DynamoDB's item limit and a little more.
pub(crate) const TOO_LARGE_BYTES: usize = 420 * 1024;

/// Almost the largest entry that the default policy allows (350 KiB as stored).
pub(crate) const LARGEST_BYTES: usize = 345 * 1024;

/// The largest checkpoint that the default policy allows.
pub(crate) const LARGEST_CHECKPOINT_BYTES: usize = 32 * 1024;

/// A text of about this size that contains its label throughout.
pub(crate) fn text_of(bytes: usize, label: &str) -> String {
    let mut text = String::with_capacity(bytes + label.len() + 8);
    for number in 0_u64.. {
        text.push_str(label);
        text.push(' ');
        text.push_str(&number.to_string());
        text.push('.');
        if text.len() >= bytes {
            break;
        }
    }
    text
}

pub(crate) fn user_message(id: &str, text: &str) -> Message {
    Message::text(id, Role::User, text)
}

pub(crate) fn agent_message(id: &str, text: &str) -> Message {
    Message::text(id, Role::Agent, text)
}

/// A chunk of the one artifact that most cases write.
pub(crate) fn chunk(text: impl Into<String>) -> Update {
    part(Part::text(text))
}

/// Like [`chunk`], but of this size.
pub(crate) fn chunk_of(bytes: usize, label: &str) -> Update {
    chunk(text_of(bytes, label))
}

/// Like [`chunk`], but with structured data, which must come back as the same text.
pub(crate) fn data(json: &str) -> Update {
    part(Part::data(json_of(json)))
}

fn part(part: Part) -> Update {
    let artifact = Artifact::new("out", [part]);
    Update::Artifact(ArtifactChange { artifact, append: true, ..ArtifactChange::default() })
}

/// A message about progress: a status entry.
pub(crate) fn progress(text: &str) -> Update {
    let message = Some(agent_message("progress", text));
    Update::Progress(StatusChange { message, ..StatusChange::default() })
}

pub(crate) fn json_of(text: &str) -> Json {
    Json::parse(text).expect("JSON that the protocol takes")
}
