//! Streams of events, which go on where they were cut.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_https::{Event, EventsError};
use a2a_lambda_protocol::{
    GetTaskRequest, RemoteError, SendMessageRequest, StreamResponse, SubscribeToTaskRequest, Task,
    TaskState,
};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::call::Call;
use crate::channel::{Channel, Extras, Opened, SendOptions};
use crate::error::Error;
use crate::interface::Binding;
use crate::json_rpc;
use crate::read::read;

/// How long the client waits before it resumes a stream for the first time. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEvent {
    /// Its id, behind which a stream can be resumed; empty if the agent does not number its events.
    pub id: String,
    /// The event's content. Behind a cut this may be the whole task as it is then.
    pub response: StreamResponse,
}

/// The events of a task, or one message.
///
/// A stream that is cut goes on: behind the last event that came, if the agent numbers its events, or
/// else with the task as it is, by a subscription. If the agent has no subscription for the task any
/// more, the task that `GetTask` gives is the last event. A stream that is cut before its first event is
/// resumed only if the message may be [sent again](SendOptions::repeats), and not often
/// ([`Limits::resends`](crate::Limits::resends)).
pub struct EventStream {
    channel: Arc<Channel>,
    /// The request to send again as long as no task is known.
    again: Option<(SendMessageRequest, SendOptions)>,
    /// `None` while the stream is cut.
    opened: Option<Opened>,
    /// The task, if it is all that there is to stream.
    whole: Option<StreamEvent>,
    /// Whether this is a subscription, or the stream was resumed, and no event came since.
    is_fresh: bool,
    cut: Option<EventsError>,
    task: Option<String>,
    state: Option<TaskState>,
    last_event: String,
    /// How often in a row it was resumed without a new event, and how often in all.
    in_row: u32,
    resumed: u32,
    read_bytes: usize,
    ends: Instant,
    is_over: bool,
}

impl EventStream {
    pub(crate) async fn send(
        channel: Arc<Channel>,
        request: SendMessageRequest,
        options: SendOptions,
    ) -> Result<Self, Error> {
        let mut stream = Self::new(channel);
        let opened = stream.send_now(&request, &options).await?;
        stream.opened = Some(opened);
        if options.repeats && options.idempotency_key.is_some() {
            stream.again = Some((request, options));
        }
        Ok(stream)
    }

    pub(crate) async fn subscribe(
        channel: Arc<Channel>,
        task: &str,
        last_event: Option<&str>,
    ) -> Result<Self, Error> {
        let mut stream = Self::new(channel);
        stream.task = Some(task.to_owned());
        last_event.unwrap_or_default().clone_into(&mut stream.last_event);
        match stream.subscribe_now(task).await {
            Ok(opened) => (stream.opened, stream.is_fresh) = (Some(opened), true),
            Err(error @ Error::Agent(_)) => stream.whole = Some(stream.settled(error).await?),
            Err(error) => return Err(error),
        }
        Ok(stream)
    }

    fn new(channel: Arc<Channel>) -> Self {
        let ends = Instant::now() + channel.limits().stream;
        Self {
            channel,
            again: None,
            opened: None,
            whole: None,
            is_fresh: false,
            cut: None,
            task: None,
            state: None,
            last_event: String::new(),
            in_row: 0,
            resumed: 0,
            read_bytes: 0,
            ends,
            is_over: false,
        }
    }

    /// The task, once it is known.
    pub fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// The id of the last event that came; empty if there is none.
    pub fn last_event(&self) -> &str {
        &self.last_event
    }

    /// How often the stream was resumed.
    pub fn resumed(&self) -> u32 {
        self.resumed
    }

    /// The next event; `None` when the task is over, or waits for the user and the agent has ended the
    /// stream. Dropping the future loses no event.
    ///
    /// # Errors
    /// When the stream cannot be read on: see [`Error`]. There is nothing more then.
    pub async fn next(&mut self) -> Result<Option<StreamEvent>, Error> {
        if self.is_over {
            return Ok(self.whole.take());
        }
        let next = self.advance().await;
        let is_last = match &next {
            Ok(Some(event)) => is_last(&event.response),
            Ok(None) | Err(_) => true,
        };
        if is_last {
            self.end();
        }
        next
    }

    fn end(&mut self) {
        self.is_over = true;
        self.opened = None;
    }

    async fn advance(&mut self) -> Result<Option<StreamEvent>, Error> {
        loop {
            let Some(opened) = &mut self.opened else {
                if let Some(task) = self.resume().await? {
                    return Ok(Some(task));
                }
                continue;
            };
            let next = opened.reader.next().await;
            match next {
                Ok(Some(event)) => {
                    let id = opened.id;
                    let is_fresh = std::mem::take(&mut self.is_fresh);
                    match self.accept(id, event) {
                        Ok(event) => return Ok(Some(event)),
                        // Servers that stream say so within the stream that a task has no more of it.
                        Err(error @ Error::Agent(_)) if is_fresh => {
                            return self.settled(error).await.map(Some);
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(None) if self.state.is_some_and(is_settled) => return Ok(None),
                Ok(None) => self.close(None),
                Err(error @ (EventsError::Body(_) | EventsError::Cut)) => self.close(Some(error)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn close(&mut self, cut: Option<EventsError>) {
        if let Some(opened) = self.opened.take() {
            self.read_bytes += opened.reader.read_bytes();
        }
        self.cut = cut;
    }

    /// Takes an event.
    fn accept(&mut self, id: u64, event: Event) -> Result<StreamEvent, Error> {
        let form = self.channel.form();
        let response: StreamResponse = match self.channel.interface.binding {
            Binding::JsonRpc => {
                let no_answer = || Error::NotA2a("an event is no answer of JSON-RPC".to_owned());
                let result = json_rpc::read(id, &event.data, 200);
                read(result.map_err(|error| error.unwrap_or_else(no_answer))?, form)?
            }
            Binding::HttpJson => read(&event.data, form).map_err(|error| {
                let value = serde_json::from_str::<Value>(&event.data).ok();
                let said = value.and_then(|value| RemoteError::from_http(&value, 200));
                said.map_or(error, Error::from)
            })?,
        };
        let (task, state) = match &response {
            StreamResponse::Task(task) => (&task.id, Some(task.status.state)),
            StreamResponse::StatusUpdate(update) => (&update.task_id, Some(update.status.state)),
            StreamResponse::ArtifactUpdate(update) => (&update.task_id, None),
            StreamResponse::Message(message) => (&message.task_id, None),
        };
        if !task.is_empty() {
            self.task = Some(task.clone());
        }
        self.state = state.or(self.state);
        self.last_event.clone_from(&event.id);
        self.in_row = 0;
        Ok(StreamEvent { id: event.id, response })
    }

    /// Opens the stream anew. Returns the task instead, if there is no more to stream of it.
    async fn resume(&mut self) -> Result<Option<StreamEvent>, Error> {
        let limits = *self.channel.limits();
        let may_resend = self.again.is_some() && self.in_row < limits.resends;
        let is_known = self.task.is_some() || may_resend;
        if !is_known || self.in_row >= limits.resumes {
            return Err(Error::Cut(self.cut.take()));
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.in_row.min(8)).min(LONGEST_PAUSE);
        self.in_row += 1;
        let until = Instant::now() + pause;
        if until >= self.ends {
            return Err(EventsError::Late.into());
        }
        sleep_until(until).await;
        // Without numbers of events, a stream that had none may be that of a task that is over.
        let had_none = self.is_fresh && self.last_event.is_empty();
        // It waits for the user, or did: the agent may have ended the stream.
        let waits = self.state.is_some_and(TaskState::is_interrupted);
        if self.task.is_some() && (had_none || waits) {
            match self.task_now().await {
                Ok(event) if self.state.is_some_and(is_settled) => {
                    self.end();
                    return Ok(Some(event));
                }
                Err(error) if !error.is_retryable() => return Err(error),
                // It goes on, or that is not known yet.
                _ => {}
            }
        }
        let opened = match (self.task.clone(), self.again.clone()) {
            (Some(task), _) => self.subscribe_now(&task).await,
            (None, Some((request, options))) => self.send_now(&request, &options).await,
            (None, None) => return Err(Error::Cut(self.cut.take())),
        };
        match opened {
            Ok(opened) => {
                (self.opened, self.is_fresh) = (Some(opened), true);
                self.resumed += 1;
                Ok(None)
            }
            Err(error @ Error::Agent(_)) if self.task.is_some() => {
                self.settled(error).await.map(Some)
            }
            Err(error) if error.is_retryable() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The task, if it has settled; else the error that refused its stream.
    async fn settled(&mut self, refused: Error) -> Result<StreamEvent, Error> {
        let event = self.task_now().await?;
        if !self.state.is_some_and(is_settled) {
            return Err(refused);
        }
        self.end();
        Ok(event)
    }

    async fn task_now(&mut self) -> Result<StreamEvent, Error> {
        let id = self.task.clone().unwrap_or_default();
        let call = Call::GetTask(GetTaskRequest::of(id));
        let task: Task = self.channel.call(call, &Extras::default()).await?;
        self.state = Some(task.status.state);
        Ok(StreamEvent { id: String::new(), response: StreamResponse::Task(task) })
    }

    // By `&mut`, because a future with `&Self` could not be sent to another thread.
    async fn subscribe_now(&mut self, task: &str) -> Result<Opened, Error> {
        let request = SubscribeToTaskRequest::of(task);
        let last_event = self.last_event.clone();
        let last_event = Some(last_event.as_str());
        let extras = Extras { last_event, ..Extras::default() };
        self.open(Call::SubscribeToTask(request), &extras).await
    }

    async fn send_now(
        &mut self,
        request: &SendMessageRequest,
        options: &SendOptions,
    ) -> Result<Opened, Error> {
        let extras = Extras { options: Some(options), ..Extras::default() };
        self.open(Call::SendStreamingMessage(request.clone()), &extras).await
    }

    async fn open(&mut self, call: Call, extras: &Extras<'_>) -> Result<Opened, Error> {
        let left = self.channel.limits().stream_bytes.saturating_sub(self.read_bytes);
        self.channel.open(call, extras, left, self.ends).await
    }
}

/// Whether nothing comes behind a response.
fn is_last(response: &StreamResponse) -> bool {
    match response {
        StreamResponse::Message(_) => true,
        StreamResponse::Task(task) => task.status.state.is_terminal(),
        StreamResponse::StatusUpdate(update) => update.status.state.is_terminal(),
        StreamResponse::ArtifactUpdate(_) => false,
    }
}

/// Whether an agent may have ended the stream of a task in this state.
fn is_settled(state: TaskState) -> bool {
    state.is_terminal() || state.is_interrupted()
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("task", &self.task)
            .field("last_event", &self.last_event)
            .field("resumed", &self.resumed)
            .finish_non_exhaustive()
    }
}
