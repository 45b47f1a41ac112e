//! Streams, as their readers see them.

use a2a_lambda_core::{Generation, Next, StreamEvent, Tail};
use a2a_lambda_protocol::{A2aError, Part, StreamResponse, SubscribeToTaskRequest};

use super::{World, millis, secs, text_of};
use a2a_lambda_core::TaskKey;

/// More events than any test's stream has.
const MANY: usize = 1_000;

/// Subscribes as Alice, from an event on if there is one.
pub(crate) async fn subscribe(
    world: &World,
    key: &TaskKey,
    last_event: Option<u64>,
) -> Result<Tail, A2aError> {
    let request = SubscribeToTaskRequest::of(key.task.as_str());
    let last_event = last_event.map(Generation);
    world.operations().subscribe(&World::alice(), &request, last_event, None).await
}

/// The next event, which must come in time with any store.
async fn next(tail: &mut Tail) -> Next {
    let next = tokio::time::timeout(secs(5_000), tail.next(secs(3_600))).await;
    next.expect("the stream hangs")
}

/// The next event of a stream that must have one.
pub(crate) async fn event(tail: &mut Tail) -> StreamEvent {
    match next(tail).await {
        Next::Event(event) => *event,
        other => panic!("no event, but {other:?}"),
    }
}

/// Reads a stream to its end.
pub(crate) async fn drain(tail: &mut Tail) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    let mut quiet = 0;
    while events.len() < MANY && quiet < 10 {
        match next(tail).await {
            Next::Event(event) => events.push(*event),
            Next::Idle => quiet += 1,
            Next::End => {
                assert_eq!(tail.next(millis(1)).await, Next::End, "the end is the end");
                return events;
            }
        }
    }
    panic!("a stream without an end: {:?}", told_by(&events));
}

/// The events, each in a word or two: `1 task SUBMITTED`, `3 WORKING half`, `4 1-1: a`, and `5 1-1+
/// b.` for a last chunk that is appended.
pub(crate) fn told_by(events: &[StreamEvent]) -> Vec<String> {
    events.iter().map(|event| format!("{} {}", event.generation, said(&event.response))).collect()
}

fn said(response: &StreamResponse) -> String {
    match response {
        StreamResponse::Task(task) => format!("task {}", short(task.status.state.as_str())),
        StreamResponse::Message(message) => format!("message {}", text_of(message)),
        StreamResponse::StatusUpdate(update) => {
            let text = update.status.message.as_ref().map(text_of).unwrap_or_default();
            format!("{} {text}", short(update.status.state.as_str())).trim_end().to_owned()
        }
        StreamResponse::ArtifactUpdate(update) => {
            let parts = update.artifact.parts.iter().filter_map(Part::as_text);
            let text = parts.collect::<Vec<_>>().join("|");
            let mark = if update.append { '+' } else { ':' };
            let end = if update.last_chunk { "." } else { "" };
            format!("{}{mark} {text}{end}", update.artifact.artifact_id)
        }
    }
}

fn short(state: &str) -> &str {
    state.strip_prefix("TASK_STATE_").unwrap_or(state)
}
