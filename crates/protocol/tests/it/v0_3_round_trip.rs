//! A round trip through 0.3 keeps everything that 0.3 can express.

use a2a_lambda_protocol::v0_3::{self, rest};
use a2a_lambda_protocol::{
    Artifact, Message, Part, PartContent, Role, SendMessageRequest, StreamResponse, Task,
    TaskPushNotificationConfig, TaskStatus, decode,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::strategies as s;

/// Leaves out the fields that neither form of 0.3 has.
fn part(mut part: Part) -> Part {
    if matches!(part.content, PartContent::Text(_) | PartContent::Data(_)) {
        part.filename.clear();
        part.media_type.clear();
    }
    part
}

fn message(schema: bool) -> impl Fn(Message) -> Message {
    move |mut message| {
        message.parts = message.parts.into_iter().map(part).collect();
        match schema {
            true if message.role == Role::Unspecified => message.role = Role::Agent,
            true => {}
            false => message.reference_task_ids.clear(),
        }
        message
    }
}

fn artifact(mut artifact: Artifact) -> Artifact {
    artifact.parts = artifact.parts.into_iter().map(part).collect();
    artifact
}

fn status(schema: bool, status: TaskStatus) -> TaskStatus {
    TaskStatus { message: status.message.map(message(schema)), ..status }
}

fn task(schema: bool, task: Task) -> Task {
    Task {
        status: status(schema, task.status),
        artifacts: task.artifacts.into_iter().map(artifact).collect(),
        history: task.history.into_iter().map(message(schema)).collect(),
        ..task
    }
}

/// An event that 0.3's schema or its proto can express.
fn sayable(schema: bool, event: StreamResponse) -> StreamResponse {
    match event {
        StreamResponse::Task(it) => StreamResponse::Task(task(schema, it)),
        StreamResponse::Message(it) => StreamResponse::Message(message(schema)(it)),
        StreamResponse::StatusUpdate(mut it) => {
            it.status = status(schema, it.status);
            StreamResponse::StatusUpdate(it)
        }
        StreamResponse::ArtifactUpdate(mut it) => {
            it.artifact = artifact(it.artifact);
            StreamResponse::ArtifactUpdate(it)
        }
    }
}

fn back<T: DeserializeOwned + Into<U>, U>(event: &impl Serialize) -> U {
    // With white space, which user data must not keep.
    decode::<T>(serde_json::to_string_pretty(event).unwrap().as_bytes()).unwrap().into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn schema(event in s::stream_response()) {
        let event = sayable(true, event);
        let written = v0_3::StreamEvent::from(event.clone());
        let read = match &event {
            StreamResponse::Task(_) => StreamResponse::Task(back::<v0_3::Task, _>(&written)),
            StreamResponse::Message(_) => {
                StreamResponse::Message(back::<v0_3::Message, _>(&written))
            }
            StreamResponse::StatusUpdate(_) => {
                StreamResponse::StatusUpdate(back::<v0_3::TaskStatusUpdateEvent, _>(&written))
            }
            StreamResponse::ArtifactUpdate(_) => {
                StreamResponse::ArtifactUpdate(back::<v0_3::TaskArtifactUpdateEvent, _>(&written))
            }
        };
        prop_assert_eq!(read, event);
    }

    #[test]
    fn proto(event in s::stream_response()) {
        let event = sayable(false, event);
        let written = serde_json::to_vec(&rest::StreamEvent::from(event.clone())).unwrap();
        let read = match decode(&written).unwrap() {
            rest::StreamEvent::Task(it) => StreamResponse::Task(it.into()),
            rest::StreamEvent::Message(it) => StreamResponse::Message(it.into()),
            rest::StreamEvent::StatusUpdate(it) => StreamResponse::StatusUpdate(it.into()),
            rest::StreamEvent::ArtifactUpdate(it) => StreamResponse::ArtifactUpdate(it.into()),
        };
        prop_assert_eq!(read, event);
    }

    #[test]
    fn request(request in s::message(), metadata in proptest::option::of(s::object())) {
        let request = SendMessageRequest {
            message: Some(message(true)(request)),
            metadata,
            ..SendMessageRequest::default()
        };
        let params = v0_3::MessageSendParams {
            message: request.message.clone().map(Into::into),
            metadata: request.metadata.clone(),
            ..v0_3::MessageSendParams::default()
        };
        prop_assert_eq!(back::<v0_3::MessageSendParams, SendMessageRequest>(&params), request);
    }

    #[test]
    fn push_config(mut config in s::push_config()) {
        config.tenant.clear();
        // An empty one equals an absent one.
        config.authentication = config.authentication.filter(|info| !info.scheme.is_empty());
        let written = v0_3::TaskPushNotificationConfig::from(config.clone());
        prop_assert_eq!(&back::<v0_3::TaskPushNotificationConfig, TaskPushNotificationConfig>(&written), &config);
    }

    /// A valid request with one byte changed: an answer, no panic.
    #[test]
    fn one_byte_off(value in s::message(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let params = v0_3::MessageSendParams {
            message: Some(value.clone().into()),
            ..v0_3::MessageSendParams::default()
        };
        let request = rest::SendMessageRequest {
            request: Some(value.into()),
            ..rest::SendMessageRequest::default()
        };
        let changed = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        };
        if let Ok(params) =
            decode::<v0_3::MessageSendParams>(&changed(serde_json::to_vec(&params).unwrap()))
        {
            let _ = SendMessageRequest::from(params);
        }
        if let Ok(request) =
            decode::<rest::SendMessageRequest>(&changed(serde_json::to_vec(&request).unwrap()))
        {
            let _ = SendMessageRequest::from(request);
        }
    }
}
