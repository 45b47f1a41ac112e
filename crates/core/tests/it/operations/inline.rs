//! Inline execution: the agent runs in the invocation of the sender that waits for it.

use std::time::Duration;

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{End, Next, Operations, Tail};
use a2a_lambda_protocol::{Message, Part, Task, TaskState};
use a2a_lambda_testing::{sending, task_of};

use super::{asks, takes, waiting};
use crate::support::{Scripted, World, drain, event, history, millis, script, secs, told_by, user};

/// A dead runner's lease has ended by then.
const NET: Duration = secs(31);

fn operations(world: &World) -> Operations {
    world.operations().inline(world.agents().clone())
}

/// Sends as Alice and waits for the answer. Nobody else runs agents.
async fn send(world: &World, message: Message, options: &SendOptions) -> Task {
    let (operations, alice) = (operations(world), World::alice());
    let sent = operations.send(&alice, waiting(message), options);
    task_of(Box::pin(sent).await.unwrap())
}

async fn stream(world: &World, options: &SendOptions) -> Tail {
    let (operations, alice) = (operations(world), World::alice());
    let sent = operations.send_streaming(&alice, waiting(user("go")), options);
    Box::pin(sent).await.unwrap()
}

/// Notes when it is called and when it has ended. It does not heed being told to stop.
fn busy(seconds: u64) -> Scripted {
    script!(|turn, diary| {
        diary.note(format!("turn {} attempt {}", turn.number(), turn.attempt()));
        turn.sleep(secs(seconds)).await;
        diary.note("ends");
        Ok(End::completed())
    })
}

/// Works for this long in all, and goes on in another run when it is told to stop.
fn heeds() -> Scripted {
    script!(|turn, _| {
        if turn.checkpoint::<u32>()?.is_some() {
            return Ok(End::completed());
        }
        turn.progress("half").await?;
        turn.stopped().await;
        Ok(End::continue_with(&1_u32)?)
    })
}

#[tokio::test(start_paused = true)]
async fn a_waiting_sender_has_its_agent_run_at_once_and_the_signal_is_only_the_net() {
    let world = World::new(takes(3));
    let task = send(&world, user("hello"), &SendOptions::default()).await;
    assert_eq!(task.status.state, TaskState::Completed);
    assert_eq!(world.passed(), secs(3), "nobody waits for a look at the store");
    assert_eq!(world.queue.take_times(), [NET]);

    let world = World::new(asks());
    let asked = send(&world, user("first"), &SendOptions::default()).await;
    assert_eq!(asked.status.state, TaskState::InputRequired);
    let follow_up = Message { task_id: asked.id, ..user("second") };
    let done = send(&world, follow_up, &SendOptions::default()).await;
    assert_eq!(history(&done), ["first", "which one?", "second"]);
    assert_eq!(done.status.state, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_ends_within_a_moment_needs_no_signal_and_two_commits() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(millis(900)).await;
        Ok(End::completed())
    }));
    let task = send(&world, user("hello"), &SendOptions::default()).await;
    assert_eq!(task.status.state, TaskState::Completed);
    assert!(world.queue.take_times().is_empty());
    let head = world.head(&World::key(&task.id)).await;
    assert_eq!((head.revision.0, head.fence.0), (2, 1), "its creation claimed it");
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_each_event_when_it_is_committed() {
    let world = World::new(script!(|turn, _| {
        let mut chunks = turn.chunked("letters");
        for _ in 0..20 {
            chunks.push([Part::text("a")]).await?;
            turn.flush().await?;
            turn.sleep(millis(500)).await;
        }
        turn.sleep(secs(20)).await;
        Ok(End::completed())
    }));
    let mut tail = stream(&world, &SendOptions::default()).await;
    let mut events = 0;
    loop {
        let next = tail.next(secs(5)).await;
        match next {
            Next::Event(event) => {
                events += 1;
                // The task at work, the chunks, COMPLETED.
                let expected = match events {
                    1 => Duration::ZERO,
                    22 => secs(30),
                    chunk => millis(500) * (chunk - 2),
                };
                assert_eq!(world.passed(), expected, "event {events}: {event:?}");
            }
            Next::Idle => {}
            Next::End => break,
        }
    }
    assert_eq!(events, 22);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_heeds_being_told_continues_in_another_invocation() {
    let world = World::new(heeds());
    let task = send(&world, user("go"), &SendOptions::default()).await;
    assert_eq!((task.status.state, world.passed()), (TaskState::Working, secs(25)));
    // It was told 6 s before the sender's time was over, and has handed over at once.
    assert_eq!(world.queue.take_times(), [NET, secs(19)]);
    let key = World::key(&task.id);
    world.attend(&key).await;
    let head = world.head(&key).await;
    assert_eq!((head.state(), head.turn, head.deaths), (TaskState::Completed, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_ignores_being_told_is_cut_off_and_nothing_runs_after_the_answer() {
    let world = World::new(busy(100));
    let task = send(&world, user("go"), &SendOptions::default()).await;
    assert_eq!((task.status.state, world.passed()), (TaskState::Working, secs(25)));
    assert_eq!(world.queue.take_times(), [NET, secs(21)], "it goes on at once");
    tokio::time::sleep(secs(200)).await;
    assert_eq!(world.diary.read(), ["turn 1 attempt 1"]);
    let key = World::key(&task.id);
    world.attend(&key).await;
    assert_eq!(world.diary.read(), ["turn 1 attempt 1", "turn 2 attempt 1", "ends"]);
    assert_eq!(world.head(&key).await.deaths, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_in_time_hands_its_agent_over() {
    let world = World::new(busy(100));
    let options = SendOptions {
        answer_by: Some(world.now().saturating_add(secs(40))),
        ..SendOptions::default()
    };
    let mut tail = stream(&world, &options).await;
    let events = drain(&mut tail).await;
    assert_eq!(told_by(&events), ["2 task WORKING"]);
    assert_eq!(world.passed(), secs(40));
    assert_eq!(world.queue.take_times(), [NET, secs(36)]);
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_inline_runner_dies_is_taken_over() {
    let world = World::new(busy(10));
    let options = SendOptions::default();
    let sending = send(&world, user("go"), &options);
    assert!(tokio::time::timeout(secs(3), sending).await.is_err());
    let task = world.settle(&world.list_one().await).await;
    assert_eq!(task.status.state, TaskState::Completed);
    assert_eq!(world.diary.read(), ["turn 1 attempt 1", "turn 1 attempt 2", "ends"]);
    assert!(world.passed() < secs(45), "{:?}", world.passed());
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_by_the_queue_where_nobody_waits_long_enough() {
    let world = World::new(busy(1));
    let at_once = sending(user("one"));
    let operations = operations(&world);
    Box::pin(operations.send(&World::alice(), at_once, &SendOptions::default())).await.unwrap();
    assert_eq!(world.queue.take_times(), [secs(0)]);
    let soon = Some(world.now().saturating_add(secs(7)));
    let options = SendOptions { answer_by: soon, ..SendOptions::default() };
    send(&world, user("two"), &options).await;
    assert_eq!(world.queue.take_times(), [secs(0)]);
    assert_eq!(world.diary.read(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_runs_no_second_agent() {
    let world = World::new(busy(3));
    let options = SendOptions { idempotency_key: Some("key".to_owned()), ..SendOptions::default() };
    let message = user("go");
    let first = send(&world, message.clone(), &options);
    let (first, second) = tokio::join!(first, send(&world, message, &options));
    assert_eq!((first.id, first.status.state), (second.id, second.status.state));
    assert_eq!(world.diary.read(), ["turn 1 attempt 1", "ends"]);
}

#[tokio::test(start_paused = true)]
async fn an_inline_agent_is_told_that_its_task_is_canceled() {
    let world = World::new(script!(|turn, diary| {
        diary.note(format!("{:?}", turn.stopped().await));
        Ok(End::completed())
    }));
    let options = SendOptions::default();
    let canceling = async {
        tokio::time::sleep(secs(3)).await;
        world.cancel(&world.list_one().await).await;
    };
    let (task, ()) = tokio::join!(send(&world, user("go"), &options), canceling);
    assert_eq!(task.status.state, TaskState::Canceled);
    assert_eq!(world.diary.read(), ["Canceled"]);
    assert!(world.passed() < secs(6), "{:?}", world.passed());
}

/// A commit finds out before the runner's next look.
#[tokio::test(start_paused = true)]
async fn the_stream_shows_a_cancel_while_its_agent_does_not_stop() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(millis(3_100)).await;
        turn.progress("still at work").await?;
        std::future::pending().await
    }));
    let mut tail = stream(&world, &SendOptions::default()).await;
    let canceling = async {
        tokio::time::sleep(millis(3_050)).await;
        world.cancel(&world.list_one().await).await;
    };
    let watching = async {
        while told_by(&[event(&mut tail).await]) != ["3 CANCELED"] {}
        world.passed()
    };
    let (shown_after, ()) = tokio::join!(watching, canceling);
    assert_eq!(shown_after, millis(3_100));
}
