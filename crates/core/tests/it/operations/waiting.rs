//! Messages whose senders wait for the answer.

use std::time::Duration;

use a2a_lambda_core::End;
use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_protocol::{
    ListTasksRequest, Message, Role, SendMessageResponse, TaskState, Timestamp,
};

use a2a_lambda_testing::task_of as task;

use super::{asks, takes, waiting};
use crate::support::{Fault, Kind, World, history, millis, script, secs, text_of, user};

/// Sends and waits for the answer. Beside it, a runner attends to every signal.
async fn send_and_wait(
    world: &World,
    message: Message,
    answer_by: Option<Timestamp>,
) -> (SendMessageResponse, Duration) {
    let options = SendOptions { answer_by, ..SendOptions::default() };
    let begin = world.passed();
    let operations = world.operations();
    let alice = World::alice();
    let sent = operations.send(&alice, waiting(message), &options);
    let answer = world.served(sent).await.unwrap();
    (answer, world.passed().saturating_sub(begin))
}

#[tokio::test(start_paused = true)]
async fn a_sender_waits_until_the_task_is_over() {
    let world = World::new(takes(3));
    let (answer, waited) = send_and_wait(&world, user("hello"), None).await;
    assert_eq!(task(answer).status.state, TaskState::Completed);
    assert!((secs(3)..=secs(4)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_short_task_is_answered_shortly() {
    let world = World::new(takes(0));
    let (answer, waited) = send_and_wait(&world, user("hello"), None).await;
    assert_eq!(task(answer).status.state, TaskState::Completed);
    assert!(waited <= millis(60), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sender_waits_until_the_task_waits_for_it() {
    let world = World::new(asks());
    let (answer, _) = send_and_wait(&world, user("first"), None).await;
    let asked = task(answer);
    assert_eq!(asked.status.state, TaskState::InputRequired);
    let follow_up = Message { task_id: asked.id, ..user("second") };
    let (answer, _) = send_and_wait(&world, follow_up, None).await;
    let done = task(answer);
    assert_eq!(done.status.state, TaskState::Completed);
    assert_eq!(history(&done), ["first", "which one?", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_kept_waiting_for_a_bounded_time() {
    let world = World::new(takes(600));
    let (answer, waited) = send_and_wait(&world, user("hello"), None).await;
    assert_eq!(task(answer).status.state, TaskState::Working);
    assert_eq!(waited, secs(25));
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_answered_in_time() {
    let world = World::new(takes(600));
    for (seconds, expected) in [(7, 7), (100, 25), (0, 0)] {
        let by = world.now().saturating_add(secs(seconds));
        let (answer, waited) = send_and_wait(&world, user("hello"), Some(by)).await;
        assert!(!task(answer).status.state.is_terminal());
        assert_eq!(waited, secs(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_does_not_ask_the_store_too_often() {
    let world = World::new(takes(600));
    let operations = world.operations();
    let alice = World::alice();
    let options = SendOptions::default();
    operations.send(&alice, waiting(user("hello")), &options).await.unwrap();
    // A glance is half a read.
    let reads = world.faults.count_of(Kind::Read);
    let looks = reads + world.faults.count_of(Kind::Glance);
    assert!((25..=40).contains(&looks), "{looks} looks in 25 s");
    assert!(10 * reads <= looks + 20, "{reads} reads of {looks} looks");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_watched_does_not_make_the_message_look_refused() {
    let world = World::new(takes(3));
    world.faults.fail_each(Kind::Read, Fault::LoseRequest);
    let options = SendOptions::default();
    let alice = World::alice();
    let sent = world.operations().send(&alice, waiting(user("hello")), &options).await;
    assert_eq!(task(sent.unwrap()).status.state, TaskState::Submitted);
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_is_the_answer_and_there_is_no_task() {
    let world = World::new(script!(|_, _| { Ok(End::Message("just this".into())) }));
    let sent = Message { context_id: "talk".into(), ..user("hello") };
    let (answer, _) = send_and_wait(&world, sent, None).await;
    let SendMessageResponse::Message(message) = answer else { panic!("{answer:?}") };
    assert_eq!((text_of(&message).as_str(), message.role), ("just this", Role::Agent));
    assert_eq!((message.task_id.as_str(), message.context_id.as_str()), ("", "talk"));
    assert!(!message.message_id.is_empty());
    let listed =
        world.operations().list(&World::alice(), &ListTasksRequest::default()).await.unwrap();
    assert_eq!((listed.tasks.len(), listed.total_size), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_that_comes_too_late_completes_the_task_that_was_shown() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(secs(10)).await;
        Ok(End::Message("just this".into()))
    }));
    let answer_by = world.now().saturating_add(secs(5));
    let alice = World::alice();
    let options = SendOptions { answer_by: Some(answer_by), ..SendOptions::default() };
    let sent = world.operations().send(&alice, waiting(user("hello")), &options).await;
    let shown = task(sent.unwrap());
    world.attend(&World::key(&shown.id)).await;
    let listed = world.operations().list(&alice, &ListTasksRequest::default()).await.unwrap();
    assert_eq!(listed.tasks.len(), 1, "it does not disappear");
    assert_eq!(listed.tasks[0].id, shown.id);
    assert_eq!(listed.tasks[0].status.state, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_does_not_wait_gets_a_task_for_any_answer() {
    let world = World::new(script!(|_, _| { Ok(End::Message("just this".into())) }));
    world.attended("hello").await;
    let listed =
        world.operations().list(&World::alice(), &ListTasksRequest::default()).await.unwrap();
    assert_eq!(listed.tasks.len(), 1);
    assert_eq!(listed.tasks[0].status.state, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_not_heard_is_given_again_under_the_same_key() {
    let world = World::new(script!(|_, _| { Ok(End::Message("just this".into())) }));
    let options = SendOptions { idempotency_key: Some("key".into()), ..SendOptions::default() };
    let alice = World::alice();
    let send = || async {
        let operations = world.operations();
        let (sent, ()) =
            tokio::join!(operations.send(&alice, waiting(user("hello")), &options), async {
                tokio::time::sleep(millis(10)).await;
                for signal in world.queue.take_arrived(world.now()) {
                    world.attend(&signal.key()).await;
                }
            });
        sent.unwrap()
    };
    let first = send().await;
    assert!(matches!(first, SendMessageResponse::Message(_)), "{first:?}");
    assert_eq!(send().await, first);
}
