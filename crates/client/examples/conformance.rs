//! Calls each operation of an agent that behaves as the conformance agent, and prints what comes of it, a
//! line each: `conformance URL BINDING HOOK`. The binding is the name that a card has for it, and the hook
//! the URL to push to.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use a2a_lambda_client::{
    Binding, CardCache, Client, Config, Error, EventStream, Preference, SendOptions,
};
use a2a_lambda_https::{Client as Https, ClientConfig, WallClock};
use a2a_lambda_protocol::{
    Artifact, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest, GetTaskRequest, ListTaskPushNotificationConfigsRequest,
    ListTasksRequest, Message, Part, PartContent, Role, SendMessageConfiguration,
    SendMessageRequest, SendMessageResponse, StreamResponse, Task, TaskPushNotificationConfig,
    TaskStatus,
};
use serde_json::Value;

/// The behaviours that end, or ask, by themselves and at once.
const BEHAVIOURS: &[&str] = &[
    "tck-complete-task",
    "tck-input-required",
    "tck-auth-required",
    "tck-artifact-text",
    "tck-artifact-file",
    "tck-artifact-file-url",
    "tck-artifact-data",
    "tck-message-response",
    "tck-stream-002",
    "tck-stream-artifact-chunked",
    "tck-reject-task",
    "tck-task-failure",
    "anything-else",
];
const CONFIG: &str = "c1";

type Done = Result<(), Box<dyn StdError>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, binding, hook] = words.as_slice() else {
        return Err("usage: conformance URL BINDING HOOK".into());
    };
    let binding = [Binding::JsonRpc, Binding::HttpJson].into_iter().find(|it| it.name() == binding);
    let binding = Some(binding.ok_or("no such binding")?);
    let wall: Arc<dyn WallClock> = Arc::new(now_ms);
    let https = Arc::new(Https::new(ClientConfig::new(wall.clone()))?);
    let config =
        Config { preference: Preference { binding, ..Preference::default() }, ..Config::default() };
    let (client, card) = Client::connect(https, url, config, None, &CardCache::new(wall)).await?;
    say("card", card.name);
    for behaviour in BEHAVIOURS {
        let sent = client.send(request(behaviour), &SendOptions::default()).await?;
        say(behaviour, answer(&sent));
        let streamed = client.stream(request(behaviour), &SendOptions::default()).await?;
        say(&format!("{behaviour}, streamed"), end(streamed).await?);
    }
    questions(&client).await?;
    tasks(&client).await?;
    push_configs(&client, hook).await
}

/// Two questions and their answers, and the list of the conversation.
async fn questions(client: &Client) -> Done {
    let options = SendOptions::default();
    let first = task(client.send(request("tck-multi-turn"), &options).await?)?;
    say("tck-multi-turn", shown(&first.status, &first.artifacts));
    for word in ["one", "two"] {
        let mut request = request(word);
        if let Some(message) = &mut request.message {
            (message.task_id, message.context_id) = (first.id.clone(), first.context_id.clone());
        }
        let next = task(client.send(request, &options).await?)?;
        say(&format!("answer {word}"), shown(&next.status, &next.artifacts));
        if next.id != first.id {
            return Err("the answer went to another task".into());
        }
    }
    let request =
        ListTasksRequest { context_id: first.context_id.clone(), ..ListTasksRequest::default() };
    let listed = client.list(request).await.map(|it| {
        let ours = it.tasks.iter().filter(|task| task.id == first.id).count();
        format!("{ours} of {}", it.total_size)
    });
    say("the conversation", outcome(listed));
    Ok(())
}

/// Tasks that are under way: followed, read, canceled; and one that does not exist.
async fn tasks(client: &Client) -> Done {
    let id = begin(client, "tck-long-running").await?;
    say("tck-long-running, followed", end(client.subscribe(&id, None).await?).await?);
    let read = GetTaskRequest::of(&id);
    let read = client.get(read).await?;
    say("read", shown(&read.status, &read.artifacts));
    say("followed again", end(client.subscribe(&id, None).await?).await?);

    let cancel = CancelTaskRequest::of(begin(client, "tck-cancel").await?);
    let canceled = client.cancel(cancel.clone()).await?;
    say("tck-cancel", shown(&canceled.status, &canceled.artifacts));
    let again = client.cancel(cancel).await;
    say("canceled again", outcome(again.map(|it| it.status.state)));

    let unknown = GetTaskRequest::of("none");
    say("an unknown task", outcome(client.get(unknown).await.map(|it| it.id)));
    let followed = match client.subscribe("none", None).await {
        // 0.3 refuses within the stream.
        Ok(stream) => end(stream).await,
        Err(error) => Err(error),
    };
    say("an unknown task, followed", outcome(followed));
    Ok(())
}

/// A push config, and the end of its task, which the agent then pushes.
async fn push_configs(client: &Client, hook: &str) -> Done {
    let task_id = begin(client, "tck-long-running").await?;
    let config = TaskPushNotificationConfig {
        id: CONFIG.to_owned(),
        token: "s3cret".to_owned(),
        ..TaskPushNotificationConfig::of(&task_id, hook)
    };
    let of = |it: TaskPushNotificationConfig| {
        let hook = if it.url == hook { "to the hook" } else { "elsewhere" };
        let task = if it.task_id == task_id { "of the task" } else { "of another" };
        format!("{} {task} {hook}", it.id)
    };
    say("a push config", outcome(client.create_push_config(config).await.map(of)));
    let one = GetTaskPushNotificationConfigRequest::of(&task_id, CONFIG);
    say("the push config, read", outcome(client.push_config(one).await.map(of)));
    let all = ListTaskPushNotificationConfigsRequest::of(&task_id);
    let listed = client.push_configs(all.clone()).await;
    say("push configs", outcome(listed.map(|it| it.configs.len())));
    say("the task with pushes", end(client.subscribe(&task_id, None).await?).await?);
    let one = DeleteTaskPushNotificationConfigRequest::of(task_id, CONFIG);
    say("the push config, removed", outcome(client.delete_push_config(one).await.map(|()| "yes")));
    say(
        "push configs that are left",
        outcome(client.push_configs(all).await.map(|it| it.configs.len())),
    );
    Ok(())
}

fn say(what: &str, came: impl Display) {
    println!("{what}: {came}");
}

/// A request whose message makes the agent behave so.
fn request(behaviour: &str) -> SendMessageRequest {
    let message = Message::text(format!("{behaviour}-{}", now_ms()), Role::User, "hello");
    SendMessageRequest { message: Some(message), ..SendMessageRequest::default() }
}

/// The id of a new task that works.
async fn begin(client: &Client, behaviour: &str) -> Result<String, Box<dyn StdError>> {
    let configuration = SendMessageConfiguration {
        return_immediately: true,
        ..SendMessageConfiguration::default()
    };
    let request = SendMessageRequest { configuration: Some(configuration), ..request(behaviour) };
    let begun = task(client.send(request, &SendOptions::default()).await?)?;
    if begun.status.state.is_terminal() {
        return Err(format!("{behaviour} is over already").into());
    }
    Ok(begun.id)
}

fn task(response: SendMessageResponse) -> Result<Task, &'static str> {
    match response {
        SendMessageResponse::Task(task) => Ok(task),
        SendMessageResponse::Message(_) => Err("a message instead of a task"),
    }
}

fn answer(response: &SendMessageResponse) -> String {
    match response {
        SendMessageResponse::Task(task) => shown(&task.status, &task.artifacts),
        SendMessageResponse::Message(message) => format!("message {}", parts(&message.parts)),
    }
}

/// The outcome of a whole stream.
async fn end(mut stream: EventStream) -> Result<String, Error> {
    let mut status = TaskStatus::default();
    let mut artifacts: Vec<Artifact> = Vec::new();
    while let Some(event) = stream.next().await? {
        match event.response {
            StreamResponse::Message(message) => {
                return Ok(format!("message {}", parts(&message.parts)));
            }
            StreamResponse::Task(task) => (status, artifacts) = (task.status, task.artifacts),
            StreamResponse::StatusUpdate(update) => status = update.status,
            StreamResponse::ArtifactUpdate(update) => {
                let artifact = update.artifact;
                let known = artifacts.iter_mut().find(|it| it.artifact_id == artifact.artifact_id);
                match known {
                    Some(known) if update.append => known.parts.extend(artifact.parts),
                    Some(known) => *known = artifact,
                    None => artifacts.push(artifact),
                }
            }
        }
    }
    Ok(shown(&status, &artifacts))
}

fn shown(status: &TaskStatus, artifacts: &[Artifact]) -> String {
    let state = status.state.to_string().replace("TASK_STATE_", "");
    let said = status.message.iter().map(|it| format!(" {}", parts(&it.parts)));
    let made = artifacts.iter().map(|it| format!(", {}={}", it.name, parts(&it.parts)));
    std::iter::once(state).chain(said).chain(made).collect()
}

/// Texts of neighbours are one text: where a stream is cut into parts is the server's choice.
fn parts(parts: &[Part]) -> String {
    let shown = parts.iter().map(|part| {
        let content = match &part.content {
            PartContent::Text(text) => text.clone(),
            PartContent::Raw(bytes) => format!("bytes {bytes:?}"),
            PartContent::Url(url) => format!("at {url}"),
            PartContent::Data(data) => members(data.as_str()),
        };
        if part.filename.is_empty() {
            content
        } else {
            format!("{content} {} {}", part.filename, part.media_type)
        }
    });
    shown.collect()
}

/// A JSON object, by its members' names. Some servers make 42.0 of 42.
fn members(json: &str) -> String {
    let object: BTreeMap<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let members = object.into_iter().map(|(name, value)| match value.as_f64() {
        Some(number) => format!("{name}: {number}"),
        None => format!("{name}: {value}"),
    });
    members.collect::<Vec<_>>().join(", ")
}

/// An operation's result, or why it has none.
fn outcome<T: Display>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => match error.kind() {
            Some(kind) => format!("{kind:?}"),
            None => error.to_string(),
        },
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own has no other clock")]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}
