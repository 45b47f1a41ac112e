//! Streams: what is in them, and when they end.

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{End, Failure};
use a2a_lambda_protocol::{ErrorKind, Message, Part, StreamResponse, SubscribeToTaskRequest};

use super::{asks, caller, completes, others, send_streaming, takes, told};
use crate::support::{
    Scripted, World, after, drain, event, history, millis, script, secs, subscribe, to, told_by,
    user,
};

/// Shows a bit of everything, with and without pauses.
fn shows() -> Scripted {
    script!(|turn, _| {
        turn.progress("one").await?;
        turn.progress("two").await?;
        turn.sleep(millis(300)).await;
        let mut chunks = turn.chunked("letters");
        chunks.push([Part::text("a")]).await?;
        turn.flush().await?;
        chunks.push([Part::text("b")]).await?;
        turn.sleep(secs(3)).await;
        chunks.finish([Part::text("c")]).await?;
        Ok(End::Completed("done".into()))
    })
}

const SHOWN: [&str; 8] = [
    "1 task SUBMITTED",
    "2 WORKING",
    "3 WORKING one",
    "4 WORKING two",
    "5 1-1: a",
    "6 1-1+ b",
    "7 1-1+ c.",
    "8 COMPLETED done",
];

#[tokio::test(start_paused = true)]
async fn a_stream_has_the_task_and_then_every_entry_in_order() {
    let world = World::new(shows());
    let options = SendOptions::default();
    let mut tail = send_streaming(&world, user("go"), &options).await.unwrap();
    let events = world.served(drain(&mut tail)).await;
    assert_eq!(told_by(&events), SHOWN);

    // Each event has the log's content, with its time and the ids of the task.
    let StreamResponse::Task(task) = &events[0].response else { panic!("{:?}", events[0]) };
    assert_eq!(history(task), ["go"]);
    let snapshot = world.snapshot(&World::key(&task.id)).await;
    for (event, entry) in events.iter().zip(&snapshot.tail).skip(1) {
        assert_eq!(Some(&event.response), entry.to_stream(&snapshot.head).as_ref());
        if let StreamResponse::StatusUpdate(update) = &event.response {
            assert_eq!((&update.task_id, &update.context_id), (&task.id, &task.context_id));
            let ids = update.status.message.as_ref().map(|m| (&m.task_id, &m.context_id));
            assert!(ids.is_none_or(|ids| ids == (&task.id, &task.context_id)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_streams_of_a_task_have_the_same_events() {
    let world = World::new(shows());
    let options = SendOptions::default();
    let mut sent = send_streaming(&world, user("go"), &options).await.unwrap();
    let first = event(&mut sent).await;
    let StreamResponse::Task(task) = &first.response else { panic!("{first:?}") };
    let key = World::key(&task.id);
    let mut early = subscribe(&world, &key, None).await.unwrap();
    let late = async {
        // It begins with the task as it is by then.
        tokio::time::sleep(secs(1)).await;
        drain(&mut subscribe(&world, &key, None).await.unwrap()).await
    };
    let all = async { tokio::join!(drain(&mut sent), drain(&mut early), late) };
    let (sent, early, late) = world.served(all).await;
    assert_eq!(early[0], first);
    assert_eq!(early[1..], sent);
    assert_eq!(told_by(&early), SHOWN);
    assert_eq!(told_by(&late[..1]), ["6 task WORKING"]);
    assert_eq!(late[1..], sent[5..]);
    let StreamResponse::Task(task) = &late[0].response else { unreachable!() };
    assert_eq!(task.artifacts[0].parts.len(), 2, "a and b");
}

#[tokio::test(start_paused = true)]
async fn a_sent_stream_ends_where_the_user_is_asked_and_a_subscription_goes_on() {
    let world = World::new(asks());
    let options = SendOptions::default();
    let mut sent = send_streaming(&world, user("first"), &options).await.unwrap();
    let first = event(&mut sent).await;
    let StreamResponse::Task(task) = first.response else { panic!("{first:?}") };
    let key = World::key(&task.id);
    let mut early = subscribe(&world, &key, None).await.unwrap();
    let follow_up = async {
        let asked = drain(&mut sent).await;
        assert_eq!(told_by(&asked), ["2 WORKING", "3 INPUT_REQUIRED which one?"]);
        // A subscription to a task that waits for its user stays open.
        let mut late = subscribe(&world, &key, None).await.unwrap();
        assert_eq!(told_by(&[event(&mut late).await]), ["3 task INPUT_REQUIRED"]);
        assert_eq!(late.next(secs(600)).await, a2a_lambda_core::Next::Idle);
        let message = Message { task_id: task.id.clone(), ..user("second") };
        let mut sent = send_streaming(&world, message, &options).await.unwrap();
        (drain(&mut sent).await, drain(&mut late).await)
    };
    let (early, (sent, late)) =
        world.served(async { tokio::join!(drain(&mut early), follow_up) }).await;
    assert_eq!(told_by(&sent), ["3 task SUBMITTED", "4 WORKING", "5 COMPLETED"]);
    assert_eq!(late, sent[1..]);
    assert_eq!(
        told_by(&early),
        [
            "1 task SUBMITTED",
            "2 WORKING",
            "3 INPUT_REQUIRED which one?",
            "4 WORKING",
            "5 COMPLETED"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_however_the_task_does() {
    type Ends = fn() -> Result<End, Failure>;
    let ends: [(Ends, &str); 5] = [
        (|| Ok(End::completed()), "3 COMPLETED"),
        (|| Ok(End::Rejected("no".into())), "3 REJECTED no"),
        (|| Err(Failure::permanent("broken")), "3 FAILED broken"),
        (|| Ok(End::input_required("what?")), "3 INPUT_REQUIRED what?"),
        (
            || Ok(End::AuthRequired { question: "who?".into(), checkpoint: None, patience: None }),
            "3 AUTH_REQUIRED who?",
        ),
    ];
    for (end, last) in ends {
        let world = World::new(script!(|_, _| { end() }));
        let options = SendOptions::default();
        let mut tail = send_streaming(&world, user("go"), &options).await.unwrap();
        let events = world.served(drain(&mut tail)).await;
        assert_eq!(told_by(&events), ["1 task SUBMITTED", "2 WORKING", last]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_task_is_canceled() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let mut tail = subscribe(&world, &key, None).await.unwrap();
    let (events, _) = world
        .served(async { tokio::join!(drain(&mut tail), after(secs(30), world.cancel(&key))) })
        .await;
    assert_eq!(told_by(&events), ["1 task SUBMITTED", "2 WORKING", "3 CANCELED"]);
    assert!((secs(30)..=millis(30_200)).contains(&world.passed()), "{:?}", world.passed());
}

#[tokio::test(start_paused = true)]
async fn a_message_to_a_task_at_work_can_be_followed_to_its_end() {
    let (world, key) = World::with_task("first", takes(10)).await;
    let follow = async {
        tokio::time::sleep(secs(3)).await;
        let message = to(&key, "second");
        drain(&mut send_streaming(&world, message, &SendOptions::default()).await.unwrap()).await
    };
    let events = world.served(follow).await;
    // The end of the first turn is not that of the task (I5).
    assert_eq!(told_by(&events), ["2 task WORKING", "3 WORKING done", "4 COMPLETED done"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_over_has_no_stream() {
    let (world, key) = World::with_attended("go", completes()).await;
    let error = subscribe(&world, &key, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
    let message = to(&key, "more");
    let error = send_streaming(&world, message, &SendOptions::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
}

#[tokio::test(start_paused = true)]
async fn the_task_of_another_cannot_be_followed_and_seems_not_to_exist() {
    let (world, running) = World::with_task("go", completes()).await;
    let over = world.attended("go").await;
    let last_events =
        [None, Some(a2a_lambda_core::Generation(1)), Some(a2a_lambda_core::Generation(99))];
    let subscribe = async |caller, id: &str, last| {
        let request = SubscribeToTaskRequest::of(id);
        world.operations().subscribe(&caller, &request, last, None).await.unwrap_err()
    };
    for last in last_events {
        let unknown = subscribe(World::alice(), "nothing", last).await;
        assert_eq!(unknown.kind, ErrorKind::TaskNotFound);
        for other in others() {
            for key in [&running, &over] {
                let id = key.task.as_str();
                let foreign = subscribe(other.clone(), id, last).await;
                assert_eq!(foreign.kind, unknown.kind);
                assert_eq!(foreign.message.replace(id, "nothing"), unknown.message);
                assert_eq!(told(&foreign), told(&unknown));
            }
        }
    }
    let mallory = caller("", "mallory");
    let message = Message { task_id: running.task.as_str().to_owned(), ..user("hello") };
    let request = super::waiting(message);
    let sent = world.operations().send_streaming(&mallory, request, &SendOptions::default()).await;
    assert_eq!(sent.unwrap_err().kind, ErrorKind::TaskNotFound);
    assert_eq!(history(&world.task(&running).await), ["go"]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_has_no_stream() {
    let world = World::new(completes());
    let empty = SubscribeToTaskRequest::default();
    let error = world.operations().subscribe(&World::alice(), &empty, None, None).await;
    assert_eq!(told(&error.unwrap_err()), (ErrorKind::InvalidParams, vec!["id"]));
    let error =
        send_streaming(&world, Message::default(), &SendOptions::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidParams);
    assert!(world.queue.take_times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_first_events_history_is_as_long_as_was_asked() {
    for (length, expected) in [(None, 3), (Some(0), 0), (Some(2), 2)] {
        let (world, key) = World::with_attended("first", asks()).await;
        let mut request = a2a_lambda_testing::sending(to(&key, "second"));
        request.configuration.as_mut().unwrap().history_length = length;
        let options = SendOptions::default();
        let sent = world.operations().send_streaming(&World::alice(), request, &options).await;
        let first = event(&mut sent.unwrap()).await;
        let StreamResponse::Task(task) = first.response else { panic!("{first:?}") };
        assert_eq!(task.history.len(), expected, "{length:?}");
    }
}
