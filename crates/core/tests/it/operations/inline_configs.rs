//! Push configs that come with a message.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{Position, PushConfig, TaskKey};
use a2a_lambda_protocol::{
    A2aError, AuthenticationInfo, ErrorKind, Message, TaskPushNotificationConfig,
};
use a2a_lambda_testing::{pushing, task_of};

use super::{asks, caller, completes, takes, told};
use crate::support::{Fault, Kind, World, after, history, millis, secs, to, user};

fn config(url: &str) -> TaskPushNotificationConfig {
    TaskPushNotificationConfig { url: url.into(), ..TaskPushNotificationConfig::default() }
}

/// Sends a message with a config, without waiting, as Alice.
pub(super) async fn send(
    world: &World,
    message: Message,
    config: TaskPushNotificationConfig,
    key: Option<&str>,
) -> Result<TaskKey, A2aError> {
    let request = pushing(message, Some(config));
    let idempotency_key = key.map(str::to_owned);
    let version = ProtocolVersion::V0_3;
    let options = SendOptions { idempotency_key, version, ..SendOptions::default() };
    let sent = Box::pin(world.operations().send(&World::alice(), request, &options)).await?;
    Ok(World::key(&task_of(sent).id))
}

/// The configs that a task has.
async fn kept(world: &World, key: &TaskKey) -> Vec<PushConfig> {
    world.assert_nothing_is_left_behind(key).await;
    world.configs(key).await
}

pub(super) async fn urls(world: &World, key: &TaskKey) -> Vec<String> {
    kept(world, key).await.into_iter().map(|config| config.url).collect()
}

#[tokio::test(start_paused = true)]
async fn a_new_tasks_config_is_there_before_the_task() {
    let world = World::new(completes());
    let sent = TaskPushNotificationConfig {
        token: "hush".into(),
        authentication: Some(AuthenticationInfo {
            scheme: "Bearer".into(),
            credentials: "hush, too".into(),
        }),
        ..config("https://example.com")
    };
    let key = send(&world, user("go"), sent, None).await.unwrap();
    let [kept] = &kept(&world, &key).await[..] else { panic!("not one config") };
    assert_eq!((kept.id.as_str(), kept.url.as_str()), (key.task.as_str(), "https://example.com"));
    let cursor = kept.delivery.cursor;
    assert_eq!((cursor, kept.version), (Position(0), ProtocolVersion::V0_3));
    let secrets = world.secrets(&key, kept).await;
    assert_eq!(secrets.token.reveal(), "hush");
    assert_eq!((kept.scheme.as_str(), secrets.credentials.reveal()), ("Bearer", "hush, too"));

    // The config is stored before the task: it is there if the creation fails.
    let world = World::new(completes());
    world.faults.fail_each(Kind::Create, Fault::Refuse);
    let error = send(&world, user("go"), config("https://example.com"), None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
    assert_eq!(world.faults.count_of(Kind::PutConfig), 1);
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_s_config_begins_with_the_later_updates() {
    let (world, key) = World::with_attended("first", asks()).await;
    let named = TaskPushNotificationConfig { id: "mine".into(), ..config("https://example.com") };
    send(&world, to(&key, "second"), named, None).await.unwrap();
    let [kept] = &kept(&world, &key).await[..] else { panic!("not one config") };
    assert_eq!((kept.id.as_str(), kept.delivery.cursor), ("mine", Position(3)));
    assert_eq!(history(&world.task(&key).await), ["first", "which one?", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_repeated_with_its_config_and_with_no_other() {
    let world = World::new(takes(600));
    let key = send(&world, user("go"), config("https://example.com/1"), Some("a")).await.unwrap();
    let secret = |url: &str| TaskPushNotificationConfig { token: "hush".into(), ..config(url) };
    let named = |url: &str| TaskPushNotificationConfig { id: "b".into(), ..config(url) };
    for (number, message) in [(1, user("go")), (2, to(&key, "more"))] {
        let url = format!("https://example.com/{number}");
        let idempotency_key = ["", "a", "b"][number];
        for _ in 0..2 {
            let again = send(&world, message.clone(), config(&url), Some(idempotency_key)).await;
            assert_eq!(again.unwrap(), key);
        }
        for (message, config) in [
            (message.clone(), config("https://example.com/other")),
            (message.clone(), secret(&url)),
            (message.clone(), named(&url)),
            (Message { parts: user("other").parts, ..message.clone() }, config(&url)),
        ] {
            let misused = send(&world, message, config, Some(idempotency_key)).await.unwrap_err();
            assert_eq!(told(&misused), (ErrorKind::InvalidParams, vec!["Idempotency-Key"]));
        }
        assert_eq!(urls(&world, &key).await, [url]);
    }
    assert_eq!(history(&world.task(&key).await), ["go", "more"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_with_one_config_too_many_is_refused() {
    let world = World::under(|policy| policy.max_push_configs = 1).with(takes(600));
    let key = send(&world, user("go"), config("https://example.com/1"), None).await.unwrap();
    let another = TaskPushNotificationConfig { id: "b".into(), ..config("https://example.com/2") };
    let error = send(&world, to(&key, "more"), another, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
    assert_eq!(history(&world.task(&key).await), ["go"]);
    // The one without a name is the same, each time.
    send(&world, to(&key, "more"), config("https://example.com/3"), None).await.unwrap();
    assert_eq!(urls(&world, &key).await, ["https://example.com/3"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_accepted_where_the_config_cannot_be_stored() {
    {
        let kind = Kind::PutConfig;
        for (fault, expected) in
            [(Fault::LoseRequest, ErrorKind::Unavailable), (Fault::Refuse, ErrorKind::Internal)]
        {
            let (world, task) = World::with_task("go", takes(600)).await;
            world.queue.take_times();
            world.faults.fail_each(kind, fault);
            for message in [user("new"), to(&task, "more")] {
                for key in [None, Some("key")] {
                    let sent = send(&world, message.clone(), config("https://example.com"), key);
                    assert_eq!(sent.await.unwrap_err().kind, expected);
                }
            }
            let writes = world.faults.count_of(Kind::Create) + world.faults.count_of(Kind::Commit);
            assert_eq!((writes, world.list_one().await), (0, task.clone()));
            assert_eq!(history(&world.task(&task).await), ["go"]);
            assert!(world.queue.take_times().is_empty());
            // It can be sent again, under the same key.
            world.faults.heal();
            let config = || config("https://example.com");
            let new = send(&world, user("new"), config(), Some("key")).await.unwrap();
            assert_eq!(urls(&world, &new).await, ["https://example.com"]);
            send(&world, to(&task, "more"), config(), Some("key 2")).await.unwrap();
            assert_eq!(urls(&world, &task).await, ["https://example.com"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_that_is_refused_leaves_no_config() {
    let (world, key) = World::with_attended("go", completes()).await;
    let error = send(&world, to(&key, "more"), config("https://example.com"), None).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::UnsupportedOperation);
    let wrong = Message { context_id: "wrong".into(), ..to(&key, "more") };
    assert!(send(&world, wrong, config("https://example.com"), None).await.is_err());
    assert!(kept(&world, &key).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_that_is_refused_because_the_task_ends_meanwhile_leaves_no_config() {
    for before in [None, Some("https://example.com/before")] {
        let world = World::new(takes(600));
        let key = match before {
            None => world.submit("go").await,
            Some(url) => send(&world, user("go"), config(url), None).await.unwrap(),
        };
        // The task ends while the config is stored.
        world.faults.fail_each(Kind::PutConfig, Fault::SlowAnswer(secs(2)));
        let follow_up = send(&world, to(&key, "more"), config("https://example.com"), Some("key"));
        let (sent, _) = tokio::join!(follow_up, after(millis(500), world.cancel(&key)));
        assert_eq!(sent.unwrap_err().kind, ErrorKind::UnsupportedOperation);
        assert_eq!(urls(&world, &key).await, Vec::from_iter(before));
    }
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_to_the_task_of_another_leaves_no_config() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let request = pushing(to(&key, "more"), Some(config("https://example.com")));
    let mallory = caller("", "mallory");
    let sent = world.operations().send(&mallory, request, &SendOptions::default()).await;
    assert_eq!(sent.unwrap_err().kind, ErrorKind::TaskNotFound);
    assert!(kept(&world, &key).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_config_that_names_another_task_is_kept_with_the_messages_task() {
    let (world, other) = World::with_task("other", takes(600)).await;
    let named = TaskPushNotificationConfig {
        task_id: other.task.as_str().to_owned(),
        ..config("https://example.com")
    };
    let key = send(&world, user("go"), named, None).await.unwrap();
    assert!(kept(&world, &other).await.is_empty());
    assert_eq!(kept(&world, &key).await[0].id.as_str(), key.task.as_str());
}

#[tokio::test(start_paused = true)]
async fn the_same_request_at_once_makes_one_task_with_one_config() {
    let world = World::new(takes(600));
    world.faults.fail_each(Kind::PutConfig, Fault::SlowRequest(secs(1)));
    let send = || send(&world, user("go"), config("https://example.com"), Some("key"));
    let (one, two) = tokio::join!(send(), send());
    let key = one.unwrap();
    assert_eq!((two.unwrap(), world.list_one().await), (key.clone(), key.clone()));
    assert_eq!(urls(&world, &key).await, ["https://example.com"]);
}
