//! The operations.

use std::fmt;
use std::sync::Arc;

use a2a_lambda_https::Transport;
use a2a_lambda_protocol::{
    AgentCard, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest, GetTaskPushNotificationConfigRequest, GetTaskRequest,
    ListTaskPushNotificationConfigsRequest, ListTaskPushNotificationConfigsResponse,
    ListTasksRequest, ListTasksResponse, SendMessageRequest, SendMessageResponse, Task,
    TaskPushNotificationConfig,
};
use a2a_lambda_signing::VerifyingKeys;

use crate::call::Call;
use crate::card::{CardCache, card_url, fetch_card};
use crate::channel::{Channel, Config, Extras, SendOptions};
use crate::error::Error;
use crate::interface::{Interface, origin};
use crate::stream::EventStream;

/// A client of one agent. Clones share it.
#[derive(Clone)]
pub struct Client(Arc<Channel>);

impl Client {
    /// A client of this interface.
    pub fn new(transport: Arc<dyn Transport>, interface: Interface, config: Config) -> Self {
        Self(Arc::new(Channel::new(transport, interface, config)))
    }

    /// Fetches the card of the agent at a URL, as [`fetch_card`] does, and makes a client of the
    /// interface that [fits](Interface::choose).
    ///
    /// # Errors
    /// As [`fetch_card`] and [`Interface::choose`]; [`Error::OtherOrigin`] if the interface is at
    /// another origin than the card and that is not [allowed](Config::other_origins).
    pub async fn connect(
        transport: Arc<dyn Transport>,
        url: &str,
        config: Config,
        keys: Option<&VerifyingKeys>,
        cache: &CardCache,
    ) -> Result<(Self, AgentCard), Error> {
        let Config { credentials, limits, preference, .. } = &config;
        let card = fetch_card(&*transport, url, credentials, keys, limits, cache).await?;
        let interface = Interface::choose(&card, *preference)?;
        let (here, there) = (origin(&card_url(url)?), origin(&interface.url));
        if here != there && !config.other_origins {
            return Err(Error::OtherOrigin(there));
        }
        Ok((Self::new(transport, interface, config), card))
    }

    /// The interface that it speaks to.
    pub fn interface(&self) -> &Interface {
        &self.0.interface
    }

    /// Sends a message, and waits for the task to settle unless the request says otherwise.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn send(
        &self,
        request: SendMessageRequest,
        options: &SendOptions,
    ) -> Result<SendMessageResponse, Error> {
        let extras = Extras { options: Some(options), ..Extras::default() };
        self.0.call(Call::SendMessage(request), &extras).await
    }

    /// Sends a message, and streams the answer.
    ///
    /// # Errors
    /// When no stream begins; see [`Error`].
    pub async fn stream(
        &self,
        request: SendMessageRequest,
        options: &SendOptions,
    ) -> Result<EventStream, Error> {
        EventStream::send(self.0.clone(), request, options.clone()).await
    }

    /// Streams the updates of a task: from behind the event with this id, if the agent numbers its
    /// events, or else from the task as it is. Of a task that is over, or waits for the user where the
    /// agent streams no such task, the task is the only event.
    ///
    /// # Errors
    /// When no stream begins; see [`Error`].
    pub async fn subscribe(
        &self,
        task: &str,
        last_event: Option<&str>,
    ) -> Result<EventStream, Error> {
        EventStream::subscribe(self.0.clone(), task, last_event).await
    }

    /// Reads a task.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn get(&self, request: GetTaskRequest) -> Result<Task, Error> {
        self.0.call(Call::GetTask(request), &Extras::default()).await
    }

    /// Lists tasks. 0.3 has no such operation.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn list(&self, request: ListTasksRequest) -> Result<ListTasksResponse, Error> {
        self.0.call(Call::ListTasks(request), &Extras::default()).await
    }

    /// Cancels a task.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn cancel(&self, request: CancelTaskRequest) -> Result<Task, Error> {
        self.0.call(Call::CancelTask(request), &Extras::default()).await
    }

    /// Adds a push config to a task.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn create_push_config(
        &self,
        config: TaskPushNotificationConfig,
    ) -> Result<TaskPushNotificationConfig, Error> {
        self.0.call(Call::CreatePushConfig(config), &Extras::default()).await
    }

    /// Reads a push config.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn push_config(
        &self,
        request: GetTaskPushNotificationConfigRequest,
    ) -> Result<TaskPushNotificationConfig, Error> {
        self.0.call(Call::GetPushConfig(request), &Extras::default()).await
    }

    /// Lists the push configs of a task.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn push_configs(
        &self,
        request: ListTaskPushNotificationConfigsRequest,
    ) -> Result<ListTaskPushNotificationConfigsResponse, Error> {
        self.0.call(Call::ListPushConfigs(request), &Extras::default()).await
    }

    /// Removes a push config.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn delete_push_config(
        &self,
        request: DeleteTaskPushNotificationConfigRequest,
    ) -> Result<(), Error> {
        self.0.call(Call::DeletePushConfig(request), &Extras::default()).await
    }

    /// Reads the card for authenticated clients.
    ///
    /// # Errors
    /// When there is no result; see [`Error`].
    pub async fn extended_card(&self) -> Result<AgentCard, Error> {
        let request = GetExtendedAgentCardRequest::default();
        self.0.call(Call::GetExtendedAgentCard(request), &Extras::default()).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
