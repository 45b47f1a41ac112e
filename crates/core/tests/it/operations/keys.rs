//! Idempotency keys (invariant I9).

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_protocol::{ErrorKind, ListTasksRequest, Message, TaskState};

use a2a_lambda_testing::sending;

use super::{asks, caller, completes, others, send_as, takes, told};
use crate::support::{Fault, Kind, World, history, secs, user};

async fn send(
    world: &World,
    message: Message,
    key: &str,
) -> Result<a2a_lambda_protocol::Task, a2a_lambda_protocol::A2aError> {
    send_as(world, &World::alice(), message, Some(key)).await
}

async fn count(world: &World) -> i32 {
    let request = ListTasksRequest::default();
    world.operations().list(&World::alice(), &request).await.unwrap().total_size
}

fn to(id: &str, text: &str) -> Message {
    Message { task_id: id.into(), ..user(text) }
}

#[tokio::test(start_paused = true)]
async fn the_same_key_and_message_make_one_task() {
    let world = World::new(completes());
    let first = send(&world, user("hello"), "key").await.unwrap();
    let second = send(&world, user("hello"), "key").await.unwrap();
    assert_eq!(first, second);
    assert_eq!(world.queue.take_times().len(), 2, "the first signal may be what was lost");
    world.attend(&World::key(&first.id)).await;
    let third = send(&world, user("hello"), "key").await.unwrap();
    assert_eq!((third.id, third.status.state), (first.id, TaskState::Completed));
    assert!(world.queue.take_times().is_empty());
    assert_eq!(count(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_for_another_message_is_refused() {
    let world = World::new(completes());
    let task = send(&world, user("hello"), "key").await.unwrap();
    let error = send(&world, user("goodbye"), "key").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["Idempotency-Key"]));
    assert_eq!(count(&world).await, 1);
    assert_eq!(history(&world.task(&World::key(&task.id)).await), ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn other_keys_no_keys_and_other_owners_make_other_tasks() {
    let world = World::new(completes());
    let mut ids = vec![send(&world, user("hello"), "key").await.unwrap().id];
    ids.push(send(&world, user("hello"), "another key").await.unwrap().id);
    ids.push(super::send(&world, user("hello")).await.unwrap().id);
    for other in others() {
        ids.push(send_as(&world, &other, user("hello"), Some("key")).await.unwrap().id);
    }
    let mut different = ids.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), ids.len());
    assert_eq!(count(&world).await, 3);
}

#[tokio::test(start_paused = true)]
async fn requests_with_the_same_key_at_once_make_one_task() {
    let world = World::new(completes());
    world.faults.fail_each(Kind::Create, Fault::SlowRequest(secs(1)));
    let send = || send(&world, user("hello"), "key");
    let (one, two, three) = tokio::join!(send(), send(), send());
    let id = one.unwrap().id;
    assert_eq!([two.unwrap().id, three.unwrap().id], [id.clone(), id]);
    assert_eq!(count(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_was_lost_is_known_again() {
    for key in [None, Some("key")] {
        let world = World::new(completes());
        world.faults.plan(|call| (call.number == 1).then_some(Fault::LoseAnswer));
        send_as(&world, &World::alice(), user("hello"), key).await.unwrap();
        assert_eq!(count(&world).await, 1);
        assert_eq!(world.queue.take_times().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_gone_on_before_its_create_was_answered_is_known_again() {
    for key in [None, Some("key")] {
        let world = World::new(completes());
        world.faults.fail_nth(Kind::Create, 1, Fault::LoseAnswerFor(secs(1)));
        let alice = World::alice();
        let (task, ()) = tokio::join!(send_as(&world, &alice, user("hello"), key), async {
            tokio::time::sleep(secs(1) / 2).await;
            world.attend(&world.list_one().await).await;
        });
        assert_eq!(task.unwrap().status.state, TaskState::Completed);
        assert_eq!(count(&world).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_key_and_follow_up_add_one_message() {
    let (world, key) = World::with_attended("first", asks()).await;
    let id = key.task.as_str();
    send(&world, to(id, "second"), "key").await.unwrap();
    world.queue.take_times();
    let again = send(&world, to(id, "second"), "key").await.unwrap();
    assert_eq!(history(&again), ["first", "which one?", "second"]);
    let error = send(&world, to(id, "third"), "key").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["Idempotency-Key"]));

    // Also once the task is over, where another message would be refused.
    world.attend(&key).await;
    let again = send(&world, to(id, "second"), "key").await.unwrap();
    assert_eq!(again.status.state, TaskState::Completed);
    let error = send(&world, to(id, "third"), "another key").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
}

#[tokio::test(start_paused = true)]
async fn follow_ups_with_the_same_key_at_once_add_one_message() {
    let (world, key) = World::with_task("first", takes(60)).await;
    let id = key.task.as_str();
    // Both have read the task before either is committed.
    world.faults.fail_each(Kind::Commit, Fault::SlowRequest(secs(1)));
    let (one, two, other) = tokio::join!(
        send(&world, to(id, "second"), "key"),
        send(&world, to(id, "second"), "key"),
        send(&world, to(id, "third"), "another key"),
    );
    for sent in [one, two, other] {
        assert_eq!(sent.unwrap().id, id);
    }
    let mut sent = history(&world.task(&key).await);
    sent.sort();
    assert_eq!(sent, ["first", "second", "third"]);
}

#[tokio::test(start_paused = true)]
async fn the_key_that_made_the_task_is_refused_for_a_follow_up() {
    let world = World::new(asks());
    let task = send(&world, user("first"), "key").await.unwrap();
    let error = send(&world, to(&task.id, "second"), "key").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["Idempotency-Key"]));
}

#[tokio::test(start_paused = true)]
async fn the_key_of_one_tenant_says_nothing_in_another() {
    let world = World::new(completes());
    let one = send_as(&world, &caller("a", "alice"), user("hello"), Some("key")).await.unwrap();
    let two = send_as(&world, &caller("b", "alice"), user("goodbye"), Some("key")).await.unwrap();
    assert_ne!(one.id, two.id);
}

#[tokio::test(start_paused = true)]
async fn a_key_has_its_bounds() {
    let world = World::new(completes());
    for (key, fits) in [("", false), ("k", true)] {
        assert_eq!(send(&world, user("hello"), key).await.is_ok(), fits, "{key:?}");
    }
    assert!(send(&world, user("hello"), &"k".repeat(256)).await.is_ok());
    let options = SendOptions { idempotency_key: Some("k".repeat(257)), ..SendOptions::default() };
    let sent = world.operations().send(&World::alice(), sending(user("hello")), &options).await;
    assert_eq!(told(&sent.unwrap_err()).1, ["Idempotency-Key"]);
}

fn deduplicating() -> World {
    World::under(|policy| policy.deduplicate_messages = true).with(asks())
}

fn named(id: &str, message: Message) -> Message {
    Message { message_id: id.into(), ..message }
}

#[tokio::test(start_paused = true)]
async fn a_message_id_can_be_the_key() {
    let world = deduplicating();
    let send = |message| super::send(&world, message);
    let first = send(named("a", user("hello"))).await.unwrap();
    assert_eq!(send(named("a", user("hello"))).await.unwrap().id, first.id);
    assert_ne!(send(named("b", user("hello"))).await.unwrap().id, first.id);
    assert_eq!(count(&world).await, 2);
    let error = send(named("a", user("goodbye"))).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["message.messageId"]));

    world.attend(&World::key(&first.id)).await;
    for _ in 0..2 {
        send(named("c", to(&first.id, "more"))).await.unwrap();
    }
    let error = send(named("c", to(&first.id, "other"))).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["message.messageId"]));
    let said = history(&world.task(&World::key(&first.id)).await);
    assert_eq!(said.iter().filter(|text| *text == "more").count(), 1, "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_comes_before_a_message_id() {
    let world = deduplicating();
    let with = |key, text| send_as_key(&world, named("a", user(text)), key);
    let first = with("one", "hello").await;
    assert_eq!(with("one", "hello").await, first);
    assert_ne!(with("two", "hello").await, first);
    let by_id = super::send(&world, named("a", user("hello"))).await.unwrap().id;
    assert_ne!(by_id, first);
    // No key that a client can send is that of a message's id.
    assert_ne!(with("a", "hello").await, by_id);
}

async fn send_as_key(world: &World, message: Message, key: &str) -> String {
    send(world, message, key).await.unwrap().id
}
