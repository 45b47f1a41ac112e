//! Messages that are sent: what is accepted, and what is refused.

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_protocol::{
    ErrorKind, ListTasksRequest, Message, Part, Role, SendMessageRequest, TaskState,
};

use a2a_lambda_testing::{sending, task_of};

use super::{asks, completes, others, send, send_as, told};
use crate::support::{Fault, Kind, World, history, secs, user};

fn to(id: &str, text: &str) -> Message {
    Message { task_id: id.into(), ..user(text) }
}

async fn is_empty(world: &World) -> bool {
    let request = ListTasksRequest::default();
    world.operations().list(&World::alice(), &request).await.unwrap().total_size == 0
}

#[tokio::test(start_paused = true)]
async fn a_message_makes_a_task_that_is_stored_and_signaled() {
    let world = World::new(completes());
    let task = send(&world, user("hello")).await.unwrap();
    assert_eq!(task.status.state, TaskState::Submitted);
    assert_eq!(history(&task), ["hello"]);
    assert!(!task.context_id.is_empty() && task.context_id != task.id);
    assert_eq!(task.history[0].task_id, task.id);
    let key = World::key(&task.id);
    assert_eq!(world.task(&key).await, task);
    let arrived = world.queue.take_arrived(world.now());
    assert_eq!(arrived.iter().map(a2a_lambda_core::Signal::key).collect::<Vec<_>>(), [key]);
}

#[tokio::test(start_paused = true)]
async fn a_new_task_may_join_a_context() {
    let world = World::new(completes());
    let message = Message { context_id: "talk".into(), ..user("hello") };
    let one = send(&world, message.clone()).await.unwrap();
    let two = send(&world, message).await.unwrap();
    assert_eq!((one.context_id.as_str(), two.context_id.as_str()), ("talk", "talk"));
    assert_ne!(one.id, two.id, "the same message id twice is two messages");
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_takes_the_context_of_its_task() {
    let world = World::new(asks());
    let task = send(&world, user("first")).await.unwrap();
    world.attend(&World::key(&task.id)).await;
    let with_context = Message { context_id: task.context_id.clone(), ..to(&task.id, "second") };
    for message in [with_context, to(&task.id, "third")] {
        let after = send(&world, message).await.unwrap();
        assert_eq!((&after.id, &after.context_id), (&task.id, &task.context_id));
    }
    let wrong = Message { context_id: "another".into(), ..to(&task.id, "fourth") };
    let error = send(&world, wrong).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["message.contextId"]));
    let task = world.task(&World::key(&task.id)).await;
    assert_eq!(history(&task), ["first", "which one?", "second", "third"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_to_the_task_of_another_is_one_to_no_task() {
    let world = World::new(asks());
    let task = send(&world, user("first")).await.unwrap();
    let unknown = send(&world, to("nothing", "second")).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::TaskNotFound);
    for other in others() {
        for context in ["", "wrong", &task.context_id] {
            let message = Message { context_id: context.into(), ..to(&task.id, "second") };
            let error = send_as(&world, &other, message, Some("key")).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::TaskNotFound);
            assert_eq!(error.message.replace(&task.id, "nothing"), unknown.message);
        }
    }
    assert_eq!(history(&world.task(&World::key(&task.id)).await), ["first"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_to_a_task_that_is_over_is_refused() {
    let world = World::new(completes());
    let task = send(&world, user("first")).await.unwrap();
    world.attend(&World::key(&task.id)).await;
    let before = world.snapshot(&World::key(&task.id)).await;
    let error = send(&world, to(&task.id, "second")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
    assert_eq!(error.message, "the task is completed and takes no more messages");
    assert_eq!(world.snapshot(&World::key(&task.id)).await, before);
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_is_refused_with_the_field_that_is_wrong() {
    let world = World::new(completes());
    let long = "x".repeat(257);
    for (message, fields) in [
        (Message { role: Role::Agent, ..user("hello") }, vec!["message.role"]),
        (Message { message_id: String::new(), ..user("hello") }, vec!["message.messageId"]),
        (Message { parts: vec![], ..user("hello") }, vec!["message.parts"]),
        (Message { context_id: long.clone(), ..user("hello") }, vec!["message.contextId"]),
        (Message { task_id: long, ..user("hello") }, vec!["message.taskId"]),
    ] {
        let error = send(&world, message).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::InvalidParams, fields));
    }
    let nothing = SendMessageRequest::default();
    let sent = world.operations().send(&World::alice(), nothing, &SendOptions::default()).await;
    assert_eq!(told(&sent.unwrap_err()), (ErrorKind::InvalidParams, vec!["message"]));
    assert!(is_empty(&world).await && world.queue.take_times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_is_refused_before_anything_is_written() {
    let world = World::under(|policy| policy.max_entry_bytes = 1_000).with(asks());
    let large = Message { parts: vec![Part::text("x".repeat(1_000))], ..user("large") };
    let error = send(&world, large.clone()).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["message"]));
    assert!(is_empty(&world).await && world.queue.take_times().is_empty());

    let task = send(&world, user("first")).await.unwrap();
    let before = world.snapshot(&World::key(&task.id)).await;
    world.faults.heal();
    let follow_up = Message { task_id: task.id.clone(), ..large };
    let error = send(&world, follow_up).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["message"]));
    assert_eq!(world.snapshot(&World::key(&task.id)).await, before);
    assert_eq!(world.faults.count_of(Kind::Commit), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_task_takes_no_more_messages() {
    let world = World::under(|policy| policy.max_entries = 3).with(asks());
    let task = send(&world, user("first")).await.unwrap();
    for n in 0..2 {
        send(&world, to(&task.id, &format!("m{n}"))).await.unwrap();
    }
    let error = send(&world, to(&task.id, "too much")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_signal_is_lost_is_accepted_all_the_same() {
    let world = World::new(completes());
    world.queue.set_down(true);
    let task = send(&world, user("hello")).await.unwrap();
    world.queue.set_down(false);
    let key = World::key(&task.id);
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed, "I4");
    // A minute's grace, and a sweep each minute.
    assert!(world.passed() <= secs(121), "{:?}", world.passed());
}

#[tokio::test(start_paused = true)]
async fn messages_at_once_are_all_taken() {
    let world = World::new(asks());
    let task = send(&world, user("first")).await.unwrap();
    world.faults.fail_each(Kind::Read, Fault::SlowAnswer(secs(1)));
    let follow_up = |text: &'static str| send(&world, to(&task.id, text));
    let sent = tokio::join!(follow_up("a"), follow_up("b"), follow_up("c"), follow_up("d"));
    assert!(sent.0.is_ok() && sent.1.is_ok() && sent.2.is_ok() && sent.3.is_ok());
    let mut history = history(&world.task(&World::key(&task.id)).await);
    history.sort();
    assert_eq!(history, ["a", "b", "c", "d", "first"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_refuses_the_message() {
    let world = World::new(completes());
    world.faults.plan(|_| Some(Fault::LoseRequest));
    let error = send(&world, user("hello")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(world.queue.take_times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_answers_history_is_as_long_as_was_asked() {
    let world = World::new(asks());
    let task = send(&world, user("first")).await.unwrap();
    for (length, expected) in [(Some(0), 0), (Some(1), 1), (None, 4)] {
        let mut request = sending(to(&task.id, "more"));
        request.configuration.as_mut().unwrap().history_length = length;
        let sent = world.operations().send(&World::alice(), request, &SendOptions::default()).await;
        let task = task_of(sent.unwrap());
        assert_eq!(task.history.len(), expected, "{length:?}");
    }
}
