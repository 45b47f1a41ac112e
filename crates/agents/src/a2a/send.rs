//! The step that sends a scope's message.

use std::sync::{Mutex, PoisonError};

use a2a_lambda_client::{Error, EventStream, SendOptions, StreamEvent};
use a2a_lambda_core::{Failure, Step, StepError, StepRun, StopReason, Turn};
use a2a_lambda_protocol::{
    ErrorKind, SendMessageRequest, SendMessageResponse, StreamResponse, Task,
};

use super::fault::{Fault, When};
use super::remote::{Asked, must_stop};
use super::sent::{Link, RemoteTask, Sent, Words};
use super::{A2aAgent, Stop, message};

/// The name of the step.
const STEP: &str = "send";

/// The longest id of a remote task or context, in bytes.
const MAX_ID_BYTES: usize = 1024;

/// The largest task that is recorded whole, in bytes of JSON.
const MAX_RECORDED_BYTES: usize = 128 * 1024;

/// The stream of a message that was sent in this run, and its first event.
pub(super) struct Opened {
    pub(super) stream: EventStream,
    pub(super) first: StreamEvent,
}

/// The values that an attempt of the step hands to the run, beside the step's record.
#[derive(Default)]
struct Beside {
    opened: Option<Opened>,
    task: Option<String>,
}

impl A2aAgent {
    /// The step that sends the message of a round.
    pub(super) fn step<'t>(&self, turn: &'t Turn, round: u32) -> Step<'t> {
        let step = turn.step(STEP).with(&round);
        if self.settings.once { step.once() } else { step }
    }

    /// Sends the message of a scope, unless that is recorded. A stream that begins with it is returned.
    pub(super) async fn send(
        &self,
        turn: &Turn,
        round: u32,
        before: Option<&Link>,
        asked: &Asked,
    ) -> Result<(Sent, Option<Opened>), Stop> {
        let beside: Mutex<Beside> = Mutex::default();
        let work = |step: StepRun| {
            let beside = &beside;
            async move {
                let sending = self.send_now(turn, &step, round, before, asked, beside);
                let sent = tokio::select! {
                    sent = sending => sent,
                    () = must_stop(turn) => Err(Fault::Stopped),
                };
                match sent {
                    Err(Fault::Forgotten) if self.settings.sends_again => Ok(Sent::Forgotten),
                    sent => sent.map_err(|fault| self.failure(turn, &fault, When::Sending)),
                }
            }
        };
        let sent: Result<Sent, StepError> = self.step(turn, round).run(work).await;
        let Beside { opened, task } = beside.into_inner().unwrap_or_else(PoisonError::into_inner);
        if turn.stop_reason() == Some(StopReason::Canceled)
            && let Some(task) = task
        {
            // The process that passes the cancel on may not have found the task yet. The runner
            // waits for this.
            let _ = self.cancel(&asked.client, &task).await;
        }
        Ok((sent?, opened))
    }

    async fn send_now(
        &self,
        turn: &Turn,
        step: &StepRun,
        round: u32,
        before: Option<&Link>,
        asked: &Asked,
        beside: &Mutex<Beside>,
    ) -> Result<Sent, Fault> {
        let request = message::request(turn, step.idempotency_key(), before, round > 0)?;
        let options = SendOptions {
            idempotency_key: Some(step.idempotency_key().to_owned()),
            repeats: !self.settings.once,
        };
        let at = turn.now().as_millis();
        let sent = if asked.streams && !self.settings.stream_for.is_zero() {
            stream(asked, request, &options, beside).await
        } else {
            asked.client.send(request, &options).await.map_err(Fault::from)
        };
        let is_unknown = |error: &Error| error.kind() == Some(ErrorKind::TaskNotFound);
        match sent {
            Ok(SendMessageResponse::Message(message)) => {
                let (parts, metadata) = (message.parts, message.metadata);
                if parts.is_empty() {
                    return Err(Fault::NotContract("a message has no parts".to_owned()));
                }
                Ok(Sent::Message(Words { parts, metadata }))
            }
            Ok(SendMessageResponse::Task(task)) => {
                let link = Link { task: task.id.clone(), context: task.context_id.clone() };
                if link.task.len() > MAX_ID_BYTES || link.context.len() > MAX_ID_BYTES {
                    return Err(Fault::NotContract("an id is too long".to_owned()));
                }
                lock(beside).task = Some(link.task.clone());
                Ok(Sent::Task(Box::new(RemoteTask { link, at, settled: settled(task) })))
            }
            Err(Fault::Call(error)) if before.is_some() && is_unknown(&error) => {
                Err(Fault::Forgotten)
            }
            Err(fault) => Err(fault),
        }
    }
}

/// Begins the stream of a message. Its first event names the task.
async fn stream(
    asked: &Asked,
    request: SendMessageRequest,
    options: &SendOptions,
    beside: &Mutex<Beside>,
) -> Result<SendMessageResponse, Fault> {
    let mut stream = asked.client.stream(request, options).await?;
    let Some(first) = stream.next().await? else {
        return Err(Fault::NotContract("the stream has no event".to_owned()));
    };
    let task = match &first.response {
        StreamResponse::Message(message) => {
            return Ok(SendMessageResponse::Message(message.clone()));
        }
        StreamResponse::Task(task) => task.clone(),
        StreamResponse::StatusUpdate(event) => named(&event.task_id, &event.context_id),
        StreamResponse::ArtifactUpdate(event) => named(&event.task_id, &event.context_id),
    };
    lock(beside).opened = Some(Opened { stream, first });
    Ok(SendMessageResponse::Task(task))
}

/// A task of which the ids are known.
fn named(id: &str, context: &str) -> Task {
    Task { id: id.to_owned(), context_id: context.to_owned(), ..Task::default() }
}

/// A settled task without its history, if it is small enough to be recorded.
fn settled(mut task: Task) -> Option<Task> {
    task.history.clear();
    let state = task.status.state;
    let is_settled = state.is_terminal() || state.is_interrupted();
    let bytes = serde_json::to_vec(&task).map_or(usize::MAX, |json| json.len());
    (is_settled && bytes <= MAX_RECORDED_BYTES).then_some(task)
}

fn lock(beside: &Mutex<Beside>) -> std::sync::MutexGuard<'_, Beside> {
    beside.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The failure of a step is the agent's.
impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
