//! Requests with push configs that come at once: what is refused leaves nothing behind, and takes
//! nothing from what is accepted.

use std::collections::BTreeSet;

use a2a_lambda_core::operator::Operator;
use a2a_lambda_core::push::{Attempt, DeliveryRecord, Trouble};
use a2a_lambda_core::{Delivered, Generation, ProtocolVersion, PushConfigs, Registration, TaskKey};
use a2a_lambda_protocol::{
    A2aError, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    ListTaskPushNotificationConfigsRequest, TaskPushNotificationConfig,
};
use futures_util::future::join_all;

use super::inline_configs::{send, urls};
use super::{asks, completes, takes, told};
use crate::support::{Fault, Kind, World, after, history, secs, to, user};

fn config(id: &str, url: &str) -> TaskPushNotificationConfig {
    let (id, url) = (id.to_owned(), format!("https://{url}.example/hook"));
    TaskPushNotificationConfig { id, url, ..TaskPushNotificationConfig::default() }
}

async fn create(world: &World, key: &TaskKey, id: &str) -> Result<(), A2aError> {
    let task_id = key.task.as_str().to_owned();
    let config = TaskPushNotificationConfig { task_id, ..config(id, "hook") };
    let (operations, alice) = (world.operations(), World::alice());
    let made = operations.create_push_config(&alice, config, ProtocolVersion::V1_0);
    Box::pin(made).await.map(drop)
}

async fn delete(world: &World, key: &TaskKey, id: &str) {
    let request = DeleteTaskPushNotificationConfigRequest::of(key.task.as_str(), id);
    world.operations().delete_push_config(&World::alice(), &request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn of_one_follow_up_that_is_sent_several_times_at_once_the_config_lives() {
    for id in ["", "mine"] {
        let (world, key) = World::with_attended("go", asks()).await;
        let copies = (0..5).map(|_| send(&world, to(&key, "more"), config(id, "hook"), None));
        let accepted = join_all(copies).await.into_iter().flatten().count();
        assert!(accepted > 0);
        assert_eq!(urls(&world, &key).await, ["https://hook.example/hook"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_that_comes_too_late_leaves_the_config_of_the_one_before() {
    let (world, key) = World::with_task("go", completes()).await;
    // The first is accepted, the task ends, and only then the second has stored its config.
    world.faults.fail_nth(Kind::PutConfig, 2, Fault::SlowAnswer(secs(5)));
    let ending = after(secs(1), world.attend(&key));
    let (first, second, _) = tokio::join!(
        send(&world, to(&key, "more"), config("mine", "first"), None),
        send(&world, to(&key, "more"), config("mine", "second"), None),
        ending,
    );
    let (live, refused, error) = match (first, second) {
        (Ok(_), Err(error)) => ("first", "second", error),
        (Err(error), Ok(_)) => ("second", "first", error),
        both => panic!("not one of them was accepted: {both:?}"),
    };
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
    assert_eq!(urls(&world, &key).await, [format!("https://{live}.example/hook")]);
    assert!(world.receivers.arrived(&format!("https://{refused}.example/hook")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_many_messages_under_one_key_the_accepted_ones_config_is_there() {
    let world = World::new(takes(600));
    let texts: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    let sends = texts.iter().map(|text| send(&world, user(text), config("", text), Some("key")));
    let outcomes = join_all(sends).await;
    let key = world.list_one().await;
    let said = history(&world.task(&key).await).remove(0);
    assert_eq!(urls(&world, &key).await, [format!("https://{said}.example/hook")]);
    for (outcome, text) in outcomes.into_iter().zip(&texts) {
        match outcome {
            Ok(accepted) => assert_eq!((accepted, text), (key.clone(), &said)),
            Err(error) => {
                assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["Idempotency-Key"]));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_one_message_with_many_configs_under_one_key_one_is_accepted() {
    for follows in [false, true] {
        let (world, task) = World::with_task("before", takes(600)).await;
        let message = if follows { to(&task, "go") } else { user("go") };
        let names: Vec<String> = (0..40).map(|number| format!("hook{number}")).collect();
        let send = |name: &String| send(&world, message.clone(), config(name, name), Some("key"));
        let outcomes = join_all(names.iter().map(send)).await;
        let accepted: Vec<_> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        for error in refused {
            assert_eq!(told(error), (ErrorKind::InvalidParams, vec!["Idempotency-Key"]));
        }
        assert_eq!(accepted.len(), 1);
        assert_eq!(urls(&world, accepted[0]).await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn of_forty_configs_at_once_sixteen_are_made() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let ids: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
    let outcomes = join_all(ids.iter().map(|id| create(&world, &key, id))).await;
    let made: BTreeSet<&str> = ids
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| outcome.is_ok())
        .map(|(id, _)| id.as_str())
        .collect();
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let refused: Vec<_> = refused.map(|error| error.kind).collect();
    assert_eq!((made.len(), refused), (16, vec![ErrorKind::UnsupportedOperation; 24]));
    world.assert_nothing_is_left_behind(&key).await;
    let live = world.configs(&key).await;
    assert_eq!(live.iter().map(|config| config.id.as_str()).collect::<BTreeSet<_>>(), made);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_brings_the_config_that_is_one_too_many_by_now_is_refused_whole() {
    let world = World::under(|policy| policy.max_push_configs = 1).with(takes(600));
    let key = world.submit("go").await;
    let (made, sent) = tokio::join!(
        create(&world, &key, "a"),
        send(&world, to(&key, "more"), config("b", "hook"), None),
    );
    assert_ne!(made.is_ok(), sent.is_ok(), "one of them");
    let said = if sent.is_ok() { vec!["go", "more"] } else { vec!["go"] };
    assert_eq!(history(&world.task(&key).await), said);
    for error in made.err().into_iter().chain(sent.err()) {
        assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
    }
    assert_eq!(urls(&world, &key).await.len(), 1);
}

/// The answer to the commit that names a config is lost, and others write meanwhile. Nobody can
/// tell whether it was made. A config that a task names must be stored in any case.
#[tokio::test(start_paused = true)]
async fn a_config_whose_making_was_not_heard_of_is_made_as_another() {
    for deletes in [false, true] {
        let (world, key) = World::with_task("go", takes(600)).await;
        world.faults.fail_nth(Kind::Commit, 1, Fault::LoseAnswerFor(secs(1)));
        let meanwhile = async {
            tokio::time::sleep(secs(1) / 2).await;
            if deletes {
                delete(&world, &key, "a").await;
            }
            for _ in 0..2 {
                world.follow_up(&key, "more").await;
            }
        };
        let (made, ()) = tokio::join!(create(&world, &key, "a"), meanwhile);
        made.unwrap();
        assert_eq!(urls(&world, &key).await, ["https://hook.example/hook"], "{deletes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_request_s_leftovers_have_no_effect() {
    let world = World::under(|policy| policy.max_push_configs = 2).with(completes());
    let key = world.submit("go").await;
    create(&world, &key, "live").await.unwrap();
    let mut left = world.configs(&key).await.remove(0);
    left.url = "https://dead.example/hook".to_owned();
    let attempt = Attempt {
        at: world.now(),
        generation: Generation(1),
        reason: "HTTP 500".to_owned(),
        cause: None,
    };
    let trouble = Some(Trouble {
        since: world.now(),
        failures: 1,
        ours: 0,
        next: Some(world.now()),
        attempts: vec![attempt],
    });
    left.delivery = DeliveryRecord { trouble, ..(*left.delivery).clone() }.into();
    for unique in ["x", "y", "z"] {
        left.registration = Registration::new(&left.id, unique);
        world.memory.put(&key, &left).await.unwrap();
    }
    // It is not counted, listed or shown, nor pushed to.
    create(&world, &key, "second").await.unwrap();
    let request = ListTaskPushNotificationConfigsRequest::of(key.task.as_str());
    let listed = world.operations().list_push_configs(&World::alice(), &request).await.unwrap();
    let listed: Vec<_> = listed.configs.into_iter().map(|config| config.id).collect();
    assert_eq!(listed, ["live", "second"]);
    let operator = Operator::new(world.engine.clone());
    assert_eq!(operator.failing(10, None).await.unwrap().configs, []);
    assert_eq!(operator.show(&key).await.unwrap().configs.len(), 2);
    world.attend(&key).await;
    assert!(world.receivers.arrived("https://dead.example/hook").is_empty());
    let deadline = world.now().saturating_add(secs(60));
    let delivered = a2a_lambda_core::deliver(&world.engine, &key, deadline).await.unwrap();
    assert_eq!(delivered, Delivered::Nothing);
}

/// Two requests add the same message within a millisecond. The second commits late, when the runner has
/// gone on from the first: the first one's entry is not taken for its own.
#[tokio::test(start_paused = true)]
async fn a_request_is_not_taken_for_another_with_the_same_message() {
    for (key, kind) in [(Some("k"), ErrorKind::InvalidParams), (None, ErrorKind::Unavailable)] {
        let world = World::new(asks());
        let task = world.attended("go").await;
        world.faults.fail_nth(Kind::Commit, 2, Fault::SlowRequest(secs(1)));
        let first = async {
            send(&world, to(&task, "yes"), config("a", "first"), key).await.unwrap();
            world.attend(&task).await;
        };
        let second = send(&world, to(&task, "yes"), config("b", "second"), key);
        let ((), second) = tokio::join!(first, second);
        assert_eq!(second.unwrap_err().kind, kind, "{key:?}");
        assert_eq!(urls(&world, &task).await, ["https://first.example/hook"], "{key:?}");
    }
}
