//! The operations that clients call.

mod cancel;
mod configs_at_once;
mod direct;
mod get;
mod inline;
mod inline_configs;
mod keys;
mod list;
mod long_poll;
mod pace;
mod push_configs;
mod resume;
mod send;
mod tail;
mod tail_faults;
mod waiting;

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{Caller, End, Tail};
use a2a_lambda_protocol::{A2aError, ErrorKind, Message, Part, SendMessageRequest, Task};
use a2a_lambda_testing::{caller, sending, task_of};

use crate::support::{Scripted, World, asks, completes, millis, script, takes};

/// Shows a chunk at each interval.
fn chunks(every_ms: u64, count: u32) -> Scripted {
    script!(|turn, _| {
        let mut chunks = turn.chunked("text");
        for n in 0..count {
            chunks.push([Part::text(n.to_string())]).await?;
            turn.sleep(millis(every_ms)).await;
        }
        Ok(End::completed())
    })
}

/// Callers who must not see the tasks of [`World::alice`].
fn others() -> [Caller; 2] {
    [caller("", "mallory"), caller("other", "alice")]
}

/// A request whose sender waits.
fn waiting(message: Message) -> SendMessageRequest {
    SendMessageRequest { message: Some(message), ..SendMessageRequest::default() }
}

/// Sends without waiting, as Alice.
async fn send(world: &World, message: Message) -> Result<Task, A2aError> {
    send_as(world, &World::alice(), message, None).await
}

/// Sends without waiting, under an idempotency key if there is one.
async fn send_as(
    world: &World,
    caller: &Caller,
    message: Message,
    key: Option<&str>,
) -> Result<Task, A2aError> {
    let options = SendOptions { idempotency_key: key.map(str::to_owned), ..SendOptions::default() };
    let operations = world.operations();
    Box::pin(operations.send(caller, sending(message), &options)).await.map(task_of)
}

/// Sends a message and follows its stream, as Alice.
async fn send_streaming(
    world: &World,
    message: Message,
    options: &SendOptions,
) -> Result<Tail, A2aError> {
    let (operations, request) = (world.operations(), waiting(message));
    Box::pin(operations.send_streaming(&World::alice(), request, options)).await
}

/// The kind of an error, and the fields that it names.
pub(crate) fn told(error: &A2aError) -> (ErrorKind, Vec<&str>) {
    (error.kind, error.violations.iter().map(|violation| violation.field.as_str()).collect())
}
