//! Push configs: made, read, listed and deleted.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::{Caller, Position, PushConfig, TaskKey};
use a2a_lambda_protocol::{
    A2aError, AuthenticationInfo, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse, TaskPushNotificationConfig,
};

use super::{completes, others, takes, told};
use crate::support::{Fault, Kind, World};

fn config(key: &TaskKey, id: &str, url: &str) -> TaskPushNotificationConfig {
    TaskPushNotificationConfig {
        id: id.to_owned(),
        ..TaskPushNotificationConfig::of(key.task.as_str(), url)
    }
}

fn with_secrets(config: TaskPushNotificationConfig) -> TaskPushNotificationConfig {
    let authentication =
        Some(AuthenticationInfo { scheme: "Bearer".into(), credentials: "hush".into() });
    TaskPushNotificationConfig { token: "hush".into(), authentication, ..config }
}

async fn create_as(
    world: &World,
    caller: &Caller,
    config: TaskPushNotificationConfig,
) -> Result<TaskPushNotificationConfig, A2aError> {
    world.operations().create_push_config(caller, config, ProtocolVersion::V1_0).await
}

async fn create(
    world: &World,
    config: TaskPushNotificationConfig,
) -> Result<TaskPushNotificationConfig, A2aError> {
    create_as(world, &World::alice(), config).await
}

async fn get_as(
    world: &World,
    caller: &Caller,
    task_id: &str,
    id: &str,
) -> Result<TaskPushNotificationConfig, A2aError> {
    let request = GetTaskPushNotificationConfigRequest::of(task_id, id);
    world.operations().get_push_config(caller, &request).await
}

async fn list_as(
    world: &World,
    caller: &Caller,
    task_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<ListTaskPushNotificationConfigsResponse, A2aError> {
    let request = ListTaskPushNotificationConfigsRequest {
        page_size,
        page_token: page_token.into(),
        ..ListTaskPushNotificationConfigsRequest::of(task_id)
    };
    world.operations().list_push_configs(caller, &request).await
}

async fn delete_as(
    world: &World,
    caller: &Caller,
    task_id: &str,
    id: &str,
) -> Result<(), A2aError> {
    let request = DeleteTaskPushNotificationConfigRequest::of(task_id, id);
    world.operations().delete_push_config(caller, &request).await
}

/// The ids of a page, and its token.
async fn page(world: &World, key: &TaskKey, size: i32, token: &str) -> (Vec<String>, String) {
    let page = list_as(world, &World::alice(), key.task.as_str(), size, token).await.unwrap();
    (page.configs.into_iter().map(|config| config.id).collect(), page.next_page_token)
}

/// A config as it is kept.
async fn kept(world: &World, key: &TaskKey, id: &str) -> Option<PushConfig> {
    world.assert_nothing_is_left_behind(key).await;
    world.configs(key).await.into_iter().find(|config| config.id.as_str() == id)
}

#[tokio::test(start_paused = true)]
async fn a_config_is_kept_with_its_secrets_and_shown_without() {
    let (world, key) = World::with_task("go", takes(600)).await;
    world.follow_up(&key, "more").await;
    let asked = with_secrets(config(&key, "mine", "https://example.com/hook?a=b"));
    let made = create(&world, asked.clone()).await.unwrap();
    let shown = TaskPushNotificationConfig {
        token: String::new(),
        authentication: Some(AuthenticationInfo {
            scheme: "Bearer".into(),
            credentials: String::new(),
        }),
        ..asked
    };
    assert_eq!(made, shown);
    assert_eq!(get_as(&world, &World::alice(), key.task.as_str(), "mine").await.unwrap(), shown);
    let listed = list_as(&world, &World::alice(), key.task.as_str(), 0, "").await.unwrap();
    assert_eq!((listed.configs, listed.next_page_token), (vec![shown], String::new()));

    let kept = kept(&world, &key, "mine").await.unwrap();
    assert_eq!(kept.url, "https://example.com/hook?a=b");
    assert_eq!(kept.scheme, "Bearer");
    let secrets = world.secrets(&key, &kept).await;
    assert_eq!(secrets.token.reveal(), "hush");
    assert_eq!(secrets.credentials.reveal(), "hush");
    assert_eq!((kept.delivery.cursor, kept.created_at), (Position(2), world.now()));
    assert_eq!(kept.version, ProtocolVersion::V1_0);
    assert!(!format!("{kept:?}").contains("hush"));
}

#[tokio::test(start_paused = true)]
async fn a_config_without_an_id_is_given_one() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let first = create(&world, config(&key, "", "https://example.com/1")).await.unwrap();
    let second = create(&world, config(&key, "", "https://example.com/2")).await.unwrap();
    assert!(!first.id.is_empty() && !second.id.is_empty() && first.id != second.id);
    assert_eq!(page(&world, &key, 0, "").await.0, [first.id, second.id]);
}

#[tokio::test(start_paused = true)]
async fn a_config_replaces_the_one_with_its_id() {
    let (world, key) = World::with_task("go", takes(600)).await;
    create(&world, with_secrets(config(&key, "a", "https://example.com/1"))).await.unwrap();
    create(&world, config(&key, "b", "https://example.com/b")).await.unwrap();
    let operations = world.operations();
    let replacing = config(&key, "a", "https://example.com/2");
    let alice = World::alice();
    let made =
        operations.create_push_config(&alice, replacing.clone(), ProtocolVersion::V0_3).await;
    assert_eq!(made.unwrap(), replacing);
    assert_eq!(page(&world, &key, 0, "").await.0, ["a", "b"]);
    let kept = kept(&world, &key, "a").await.unwrap();
    assert_eq!((kept.url.as_str(), kept.version), ("https://example.com/2", ProtocolVersion::V0_3));
    assert!(kept.secrets.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_has_as_many_configs_as_the_policy_lets_it() {
    let world = World::under(|policy| policy.max_push_configs = 3).with(takes(600));
    let key = world.submit("go").await;
    let other = world.submit("go").await;
    let create = |key: &TaskKey, id: &str| create(&world, config(key, id, "https://example.com"));
    for id in ["b", "c", "d"] {
        create(&key, id).await.unwrap();
    }
    for id in ["a", "e", ""] {
        let error = create(&key, id).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnsupportedOperation, "{id:?}");
        assert!(error.message.contains('3'), "{error}");
    }
    // One that is there can be replaced, those of another task do not count, and one may go.
    create(&key, "c").await.unwrap();
    create(&other, "a").await.unwrap();
    delete_as(&world, &World::alice(), key.task.as_str(), "b").await.unwrap();
    create(&key, "a").await.unwrap();
    assert_eq!(page(&world, &key, 0, "").await.0, ["a", "c", "d"]);
    assert_eq!(page(&world, &other, 0, "").await.0, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_of_everything_is_taken() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let longest = TaskPushNotificationConfig {
        id: "x".repeat(256),
        url: format!("https://e.com/{}", "x".repeat(2_034)),
        token: "x".repeat(8_192),
        authentication: Some(AuthenticationInfo {
            scheme: "x".repeat(64),
            credentials: "x".repeat(8_192),
        }),
        ..config(&key, "", "")
    };
    create(&world, longest).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn configs_are_listed_page_by_page() {
    let (world, key) = World::with_task("go", takes(600)).await;
    for id in ["e", "c", "a", "d", "b"] {
        create(&world, config(&key, id, "https://example.com")).await.unwrap();
    }
    for size in [1, 2, 3, 4] {
        let (mut all, mut token) = page(&world, &key, size, "").await;
        while !token.is_empty() {
            let (more, next) = page(&world, &key, size, &token).await;
            assert!(!more.is_empty() && more.len() <= usize::try_from(size).unwrap());
            all.extend(more);
            token = next;
        }
        assert_eq!(all, ["a", "b", "c", "d", "e"], "{size}");
    }
    for size in [0, 5, 6, 100, i32::MAX] {
        let (all, token) = page(&world, &key, size, "").await;
        assert_eq!((all.len(), token.as_str()), (5, ""), "{size}");
    }
    // A page goes on where the last one ended, also when that config is gone.
    let (_, token) = page(&world, &key, 2, "").await;
    delete_as(&world, &World::alice(), key.task.as_str(), "b").await.unwrap();
    assert_eq!(page(&world, &key, 2, &token).await.0, ["c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_no_listing_is_refused() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let list = async |size, token: &str| {
        let listed = list_as(&world, &World::alice(), key.task.as_str(), size, token).await;
        listed.unwrap_err()
    };
    // Not base64, not text, empty, and longer than an id can be.
    for token in ["?", "b!", "b===", "_w", "=", &"YWFh".repeat(100)] {
        let error = list(0, token).await;
        assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["pageToken"]), "{token}");
    }
    let error = list(-1, "").await;
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["pageSize"]));
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_deleted_is_gone_and_can_be_deleted_again() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let id = key.task.as_str();
    let alice = World::alice();
    for config_id in ["a", "b"] {
        create(&world, config(&key, config_id, "https://example.com")).await.unwrap();
    }
    for _ in 0..2 {
        delete_as(&world, &alice, id, "a").await.unwrap();
        assert_eq!(page(&world, &key, 0, "").await.0, ["b"]);
    }
    let error = get_as(&world, &alice, id, "a").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TaskNotFound);
    for (task_id, config_id, field) in [("", "a", "taskId"), (id, "", "id")] {
        let error = delete_as(&world, &alice, task_id, config_id).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::InvalidParams, vec![field]));
        let error = get_as(&world, &alice, task_id, config_id).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::InvalidParams, vec![field]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_over_takes_configs() {
    let (world, key) = World::with_attended("go", completes()).await;
    create(&world, config(&key, "a", "https://example.com")).await.unwrap();
    assert_eq!(kept(&world, &key, "a").await.unwrap().delivery.cursor, Position(3));
    assert_eq!(page(&world, &key, 0, "").await.0, ["a"]);
    delete_as(&world, &World::alice(), key.task.as_str(), "a").await.unwrap();
    assert_eq!(kept(&world, &key, "a").await, None);
}

#[tokio::test(start_paused = true)]
async fn the_configs_of_another_are_those_of_a_task_that_does_not_exist() {
    let (world, key) = World::with_task("go", takes(600)).await;
    create(&world, config(&key, "a", "https://example.com/alice")).await.unwrap();
    let errors = async |caller: Caller, id: &str| {
        let at = config(&World::key(id), "a", "https://example.com/mallory");
        [
            create_as(&world, &caller, at).await.unwrap_err(),
            get_as(&world, &caller, id, "a").await.unwrap_err(),
            get_as(&world, &caller, id, "nothing").await.unwrap_err(),
            list_as(&world, &caller, id, 0, "").await.unwrap_err(),
            delete_as(&world, &caller, id, "a").await.unwrap_err(),
        ]
    };
    let unknown = errors(World::alice(), "nothing").await;
    let id = key.task.as_str();
    for other in others() {
        for (foreign, unknown) in errors(other, id).await.iter().zip(&unknown) {
            assert_eq!(told(foreign), (ErrorKind::TaskNotFound, vec![]));
            assert_eq!(foreign.message.replace(id, "nothing"), unknown.message);
        }
    }
    assert_eq!(kept(&world, &key, "a").await.unwrap().url, "https://example.com/alice");
}

#[tokio::test(start_paused = true)]
async fn a_store_of_configs_that_stumbles_is_asked_again_and_one_that_is_down_is_said_to_be() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let id = key.task.as_str();
    let alice = World::alice();
    let make = || create(&world, config(&key, "a", "https://example.com"));
    for fault in [Fault::LoseRequest, Fault::LoseAnswer] {
        let kinds = [Kind::PutConfig, Kind::GetConfigs, Kind::Commit];
        for failing in kinds {
            world.faults.plan(move |c| (c.kind == failing && c.of_kind < 4).then_some(fault));
            make().await.unwrap();
            get_as(&world, &alice, id, "a").await.unwrap();
            list_as(&world, &alice, id, 0, "").await.unwrap();
            delete_as(&world, &alice, id, "a").await.unwrap();
            world.faults.fail_each(failing, fault);
            let results = [
                make().await.err(),
                get_as(&world, &alice, id, "a").await.err(),
                list_as(&world, &alice, id, 0, "").await.err(),
                delete_as(&world, &alice, id, "a").await.err(),
            ];
            let unavailable =
                |e: &Option<A2aError>| e.as_ref().is_some_and(|e| e.kind == ErrorKind::Unavailable);
            assert!(results.iter().any(unavailable), "{failing:?}");
        }
    }
}
