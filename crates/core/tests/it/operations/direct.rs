//! Streams of agents that may answer with a direct message, and so are held back for it.

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{End, Next, StreamEvent, Tail, Turn};
use a2a_lambda_protocol::{ListTasksRequest, Role, StreamResponse, SubscribeToTaskRequest, Task};

use super::{send_streaming, told};
use crate::support::{
    Fault, Kind, World, answers_after, drain, event, millis, script, secs, to, told_by, user,
};

fn may() -> SendOptions {
    SendOptions { may_answer_directly: true, ..SendOptions::default() }
}

/// The stream of a message, and when its first event came.
async fn stream_of(world: &World, options: &SendOptions) -> (Vec<StreamEvent>, u128) {
    let mut tail = send_streaming(world, user("go"), options).await.unwrap();
    read(world, &mut tail).await
}

async fn read(world: &World, tail: &mut Tail) -> (Vec<StreamEvent>, u128) {
    let begin = world.passed();
    world
        .served(async {
            let first = event(tail).await;
            let waited = world.passed().saturating_sub(begin).as_millis();
            ([vec![first], drain(tail).await].concat(), waited)
        })
        .await
}

async fn listed(world: &World) -> Vec<Task> {
    let list = world.operations().list(&World::alice(), &ListTasksRequest::default()).await;
    list.unwrap().tasks
}

#[tokio::test(start_paused = true)]
async fn the_stream_of_a_direct_message_has_just_that() {
    for wait_ms in [0, 300, 900] {
        let world = World::new(answers_after(wait_ms));
        let (events, waited) = stream_of(&world, &may()).await;
        assert_eq!(told_by(&events), ["3 message just this"]);
        assert!(waited <= u128::from(wait_ms) + 210, "{waited} ms");
        let StreamResponse::Message(message) = &events[0].response else { unreachable!() };
        assert_eq!((message.role, message.task_id.as_str()), (Role::Agent, ""));
        assert!(!message.context_id.is_empty() && !message.message_id.is_empty());
        assert!(listed(&world).await.is_empty(), "there is no task");
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_that_takes_too_long_completes_a_task() {
    let world = World::new(answers_after(2_000));
    let (events, waited) = stream_of(&world, &may()).await;
    assert_eq!(told_by(&events), ["1 task SUBMITTED", "2 WORKING", "3 COMPLETED just this"]);
    assert_eq!(waited, 1_000, "that long it was held back");
    assert_eq!(listed(&world).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whenever_the_message_comes_there_is_either_a_task_or_none() {
    for wait_ms in (800..1_200).step_by(10) {
        let world = World::new(answers_after(wait_ms));
        let (events, _) = stream_of(&world, &may()).await;
        let is_message = matches!(events[0].response, StreamResponse::Message(_));
        assert_eq!(events.len(), if is_message { 1 } else { 3 }, "{wait_ms}");
        assert_eq!(listed(&world).await.is_empty(), is_message, "{wait_ms}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_shows_something_has_a_task_at_once() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(millis(100)).await;
        turn.progress("half").await?;
        turn.sleep(secs(10)).await;
        Ok(End::completed())
    }));
    let (events, waited) = stream_of(&world, &may()).await;
    assert_eq!(
        told_by(&events),
        ["1 task SUBMITTED", "2 WORKING", "3 WORKING half", "4 COMPLETED"]
    );
    assert!((100..200).contains(&waited), "{waited} ms");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_has_a_task_at_once() {
    type Ends = fn(&Turn) -> End;
    let ends: [(Ends, &str); 4] = [
        (|_| End::completed(), "3 COMPLETED"),
        (|_| End::Rejected("no".into()), "3 REJECTED no"),
        (|_| End::input_required("what?"), "3 INPUT_REQUIRED what?"),
        (
            |turn| match turn.number() {
                1 => End::ParkUntil {
                    wake_at: turn.now().saturating_add(secs(60)),
                    checkpoint: None,
                },
                _ => End::completed(),
            },
            "3 COMPLETED",
        ),
    ];
    for (end, last) in ends {
        let world = World::new(script!(|turn, _| { Ok(end(turn)) }));
        let (events, waited) = stream_of(&world, &may()).await;
        assert_eq!(told_by(&events), ["1 task SUBMITTED", "2 WORKING", last]);
        assert!(waited <= 60, "{waited} ms for {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_another_agent_is_never_held_back() {
    let world = World::new(answers_after(300));
    let (events, waited) = stream_of(&world, &SendOptions::default()).await;
    assert_eq!(told_by(&events), ["1 task SUBMITTED", "2 WORKING", "3 COMPLETED just this"]);
    assert_eq!(waited, 0);
    assert_eq!(listed(&world).await.len(), 1, "its sender was shown it");
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_is_not_held_back() {
    let (world, key) = World::with_attended("first", super::asks()).await;
    let message = to(&key, "second");
    let mut tail = send_streaming(&world, message, &may()).await.unwrap();
    let begin = world.passed();
    assert_eq!(told_by(&[event(&mut tail).await]), ["3 task SUBMITTED"]);
    assert_eq!(world.passed(), begin);
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_is_streamed_again_when_the_request_is_repeated() {
    let world = World::new(answers_after(100));
    let options = SendOptions { idempotency_key: Some("key".into()), ..may() };
    let (first, _) = stream_of(&world, &options).await;
    let (second, waited) = stream_of(&world, &options).await;
    assert_eq!((told_by(&first), waited), (vec!["3 message just this".to_owned()], 0));
    assert_eq!(second, first);
    // One who has had it has had everything.
    let options = SendOptions { last_event: Some(first[0].generation), ..options };
    let mut tail = send_streaming(&world, user("go"), &options).await.unwrap();
    assert_eq!(tail.next(secs(1)).await, Next::End);
    // For a subscriber the task is over.
    let StreamResponse::Message(_) = &first[0].response else { unreachable!() };
    let id = super::send_as(&world, &World::alice(), user("go"), Some("key")).await.unwrap().id;
    let request = SubscribeToTaskRequest::of(id);
    let error = world.operations().subscribe(&World::alice(), &request, None, None).await;
    let error = error.unwrap_err();
    assert_eq!(told(&error), (a2a_lambda_protocol::ErrorKind::UnsupportedOperation, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_time_is_up_while_it_is_held_back_has_its_task() {
    for (end_ms, first) in [(500, "1 task SUBMITTED"), (0, "1 task SUBMITTED")] {
        let world = World::new(answers_after(5_000));
        let answer_by = Some(world.now().saturating_add(millis(end_ms)));
        let (events, waited) = stream_of(&world, &SendOptions { answer_by, ..may() }).await;
        assert_eq!(told_by(&events)[0], first);
        assert_eq!(waited, u128::from(end_ms));
        let key = match &events[0].response {
            StreamResponse::Task(task) => World::key(&task.id),
            other => panic!("{other:?}"),
        };
        // The task that the client has seen does not disappear.
        world.settle(&key).await;
        assert_eq!(listed(&world).await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_there_before_the_stream_was_read_is_found() {
    // The signal takes so long that the answer was there before, and the wait is over.
    let world = World::new(answers_after(100));
    let options = may();
    let runs = async {
        let send = send_streaming(&world, user("go"), &options);
        let mut tail = send.await.unwrap();
        tokio::time::sleep(secs(5)).await;
        drain(&mut tail).await
    };
    let events = world.served(runs).await;
    assert_eq!(told_by(&events), ["3 message just this"]);
    assert!(listed(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_does_not_hold_a_stream_back_for_longer() {
    let faults =
        [Fault::LoseRequest, Fault::Refuse, Fault::HangBefore, Fault::SlowAnswer(secs(60))];
    for fault in faults {
        let world = World::new(answers_after(5_000));
        let mut tail = send_streaming(&world, user("go"), &may()).await.unwrap();
        world.faults.fail_each(Kind::Read, fault);
        let first = event(&mut tail).await;
        assert_eq!(told_by(&[first]), ["1 task SUBMITTED"]);
        assert!(world.passed() <= secs(3), "{fault:?}: {:?}", world.passed());
    }
}
