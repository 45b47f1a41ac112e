//! Streams that are cut, and resumed where they were cut.

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{End, Failure, Generation, Next, StreamEvent, Tail, TaskKey};
use a2a_lambda_protocol::{A2aError, ErrorKind, Json, Message, Part};

use super::{chunks, send_streaming, told};
use crate::support::{Scripted, World, drain, millis, script, secs, subscribe, told_by, user};

/// The user's action and its time.
#[derive(Debug, Clone, Copy)]
enum Act {
    Say(u64, &'static str),
    Cancel(u64),
}

/// An agent, the actions on its task, and the number of its events.
struct Case {
    name: &'static str,
    agent: fn() -> Scripted,
    acts: &'static [Act],
    events: usize,
}

const CASES: [Case; 8] = [
    Case { name: "over at once", agent: super::completes, acts: &[], events: 3 },
    Case { name: "chunks", agent: || chunks(300, 8), acts: &[], events: 11 },
    Case { name: "bursts", agent: bursts, acts: &[], events: 63 },
    Case { name: "canceled", agent: || chunks(300, 8), acts: &[Act::Cancel(1_000)], events: 7 },
    Case { name: "fails", agent: fails, acts: &[], events: 9 },
    Case {
        name: "mail",
        agent: parks,
        acts: &[Act::Say(700, "more"), Act::Say(1_400, "m")],
        events: 7,
    },
    Case {
        name: "asks",
        agent: asks_twice,
        acts: &[Act::Say(1_000, "a"), Act::Say(2_000, "b")],
        events: 10,
    },
    Case { name: "parks", agent: parks, acts: &[], events: 6 },
];

/// Many at once, more than a store has with the head, then a pause.
fn bursts() -> Scripted {
    script!(|turn, _| {
        for burst in 0..3 {
            for n in 0..20 {
                turn.progress(format!("{burst}-{n}")).await?;
                if n % 7 == 0 {
                    turn.flush().await?;
                }
            }
            turn.sleep(secs(1)).await;
        }
        Ok(End::completed())
    })
}

/// Fails for now, and then for good.
fn fails() -> Scripted {
    script!(|turn, _| {
        let mut chunks = turn.chunked("text");
        chunks.push([Part::text("begun")]).await?;
        chunks.push([Part::text("and torn")]).await?;
        turn.sleep(millis(100)).await;
        match turn.attempt() {
            1 => Err(Failure::retryable("torn")),
            2 => panic!("torn worse"),
            _ => Err(Failure::permanent("broken")),
        }
    })
}

/// Asks for input and for credentials.
fn asks_twice() -> Scripted {
    script!(|turn, _| {
        turn.progress(format!("turn {}", turn.number())).await?;
        turn.sleep(millis(100)).await;
        let checkpoint = Some(Json::from_value(&turn.number())?);
        match turn.number() {
            1 => Ok(End::InputRequired { question: "what?".into(), checkpoint, patience: None }),
            2 => Ok(End::AuthRequired { question: "who?".into(), checkpoint, patience: None }),
            _ => Ok(End::completed()),
        }
    })
}

/// Continues, parks, and completes.
fn parks() -> Scripted {
    script!(|turn, _| {
        turn.progress(format!("turn {}", turn.number())).await?;
        turn.sleep(millis(500)).await;
        let wake_at = turn.now().saturating_add(secs(20));
        match turn.number() {
            1 => Ok(End::Continue { checkpoint: Some(Json::parse("1")?) }),
            2 => Ok(End::ParkUntil { wake_at, checkpoint: None }),
            _ => Ok(End::completed()),
        }
    })
}

/// Whether a stream has each generation from 1 on: a client takes a gap for a lost event.
fn is_gapless(events: &[StreamEvent]) -> bool {
    (1..).zip(events).all(|(number, event)| event.generation == Generation(number))
}

async fn act(world: &World, key: &TaskKey, acts: &[Act]) {
    for act in acts {
        let (Act::Say(at, _) | Act::Cancel(at)) = act;
        tokio::time::sleep(millis(*at).saturating_sub(world.passed())).await;
        match act {
            Act::Say(_, text) => drop(world.follow_up(key, text).await),
            Act::Cancel(_) => drop(world.cancel(key).await),
        }
    }
}

/// Reads a stream that is cut after every event and resumed after a pause, until it ends or there
/// is nothing to resume.
async fn relay<R>(mut tail: Tail, pause_ms: u64, resume: R) -> Vec<StreamEvent>
where
    R: AsyncFn(Generation) -> Result<Tail, A2aError>,
{
    let mut events: Vec<StreamEvent> = Vec::new();
    loop {
        match tail.next(secs(15)).await {
            Next::Event(event) => {
                tokio::time::sleep(millis(pause_ms)).await;
                let resumed = resume(event.generation).await;
                events.push(*event);
                match resumed {
                    Ok(resumed) => tail = resumed,
                    Err(error) => {
                        assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
                        return events;
                    }
                }
            }
            Next::Idle => {}
            Next::End => return events,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_cut_anywhere_goes_on_exactly_there() {
    for Case { name, agent, acts, events } in CASES {
        let (world, key) = World::with_task("go", agent()).await;
        let subscribe = async |last: Option<u64>| subscribe(&world, &key, last).await;
        let resume = async |last: Generation| subscribe(Some(last.0)).await;
        let mut whole = subscribe(None).await.unwrap();
        let at_once = relay(subscribe(None).await.unwrap(), 0, resume);
        let later = relay(subscribe(None).await.unwrap(), 700, resume);
        let acts = act(&world, &key, acts);
        let all = async { tokio::join!(drain(&mut whole), at_once, later, acts) };
        let (whole, at_once, later, ()) = world.served(all).await;
        assert_eq!(whole.len(), events, "{name}: {:?}", told_by(&whole));
        assert!(is_gapless(&whole), "{name}: {:?}", told_by(&whole));
        assert_eq!(told_by(&at_once), told_by(&whole), "{name}");
        assert_eq!(at_once, whole, "{name}");
        assert_eq!(later, whole, "{name}");

        // The task has ended by now: its missing events are still there.
        for (n, cut) in whole.iter().enumerate() {
            let rest = subscribe(Some(cut.generation.0)).await;
            if n + 1 == whole.len() {
                assert_eq!(rest.unwrap_err().kind, ErrorKind::UnsupportedOperation, "{name}");
            } else {
                assert_eq!(drain(&mut rest.unwrap()).await, whole[n + 1..], "{name}, cut at {n}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sent_stream_that_is_cut_anywhere_goes_on_when_the_request_is_repeated() {
    for Case { name, agent, acts, .. } in CASES {
        let world = World::new(agent());
        let send = async |last_event: Option<Generation>| {
            let idempotency_key = Some("key".to_owned());
            let options = SendOptions { idempotency_key, last_event, ..SendOptions::default() };
            send_streaming(&world, user("go"), &options).await
        };
        let mut whole = send(None).await.unwrap();
        let first = crate::support::event(&mut whole).await;
        let a2a_lambda_protocol::StreamResponse::Task(task) = &first.response else {
            panic!("{first:?}")
        };
        let key = World::key(&task.id);
        let resume = async |last| send(Some(last)).await;
        let at_once = relay(send(None).await.unwrap(), 0, resume);
        let later = relay(send(None).await.unwrap(), 700, resume);
        let acts = act(&world, &key, acts);
        let all = async { tokio::join!(drain(&mut whole), at_once, later, acts) };
        let (rest, at_once, later, ()) = world.served(all).await;
        let whole = [vec![first], rest].concat();
        assert!(is_gapless(&whole), "{name}: {:?}", told_by(&whole));
        assert_eq!(told_by(&at_once), told_by(&whole), "{name}");
        assert_eq!(at_once, whole, "{name}");
        assert_eq!(later, whole, "{name}");

        // A stream that has ended has no more, also when the task has gone on since.
        world.settle(&key).await;
        for (n, cut) in whole.iter().enumerate() {
            let mut rest = send(Some(cut.generation)).await.unwrap();
            assert_eq!(drain(&mut rest).await, whole[n + 1..], "{name}, cut at {n}");
        }
        assert_eq!(world.diary.read().len(), 0);
        assert_eq!(world.task(&key).await.history[0].message_id, user("go").message_id);
    }
}

/// The message came at the generation of the question that it answers, and the stream begins there.
#[tokio::test(start_paused = true)]
async fn a_follow_ups_stream_that_is_cut_anywhere_goes_on_when_the_request_is_repeated() {
    const TOLD: [&[&str]; 3] = [
        &["1 task SUBMITTED", "2 WORKING", "3 WORKING turn 1", "4 INPUT_REQUIRED what?"],
        &["4 task SUBMITTED", "5 WORKING", "6 WORKING turn 2", "7 AUTH_REQUIRED who?"],
        &["7 task SUBMITTED", "8 WORKING", "9 WORKING turn 3", "10 COMPLETED"],
    ];
    for pause_ms in [0, 700] {
        let world = World::new(asks_twice());
        let send = async |text: &str, id: &str, last_event: Option<Generation>| {
            let idempotency_key = Some(text.to_owned());
            let options = SendOptions { idempotency_key, last_event, ..SendOptions::default() };
            let message = Message { task_id: id.to_owned(), ..user(text) };
            send_streaming(&world, message, &options).await
        };
        let mut id = String::new();
        let mut streams = Vec::new();
        for (text, told) in ["go", "a", "b"].into_iter().zip(TOLD) {
            let to = id.clone();
            // The stream of a new message begins with the task, after any cursor.
            let stale = (!to.is_empty()).then_some(Generation(2));
            let tail = send(text, &to, stale).await.unwrap();
            let resume = async |last| send(text, &to, Some(last)).await;
            let stream = world.served(relay(tail, pause_ms, resume)).await;
            assert_eq!(told_by(&stream), told, "{text}");
            id = world.list_one().await.task.to_string();
            streams.push((text, to, stream));
        }
        for (text, to, stream) in &streams {
            for (n, cut) in stream.iter().enumerate() {
                let mut rest = send(text, to, Some(cut.generation)).await.unwrap();
                assert_eq!(drain(&mut rest).await, stream[n + 1..], "{text}, cut at {n}");
            }
        }
        // Events before the message do not end its stream.
        let mut all = send("b", &id, Some(Generation(2))).await.unwrap();
        let rest = streams.iter().flat_map(|(_, _, stream)| &stream[1..]).skip(1);
        assert!(drain(&mut all).await.iter().eq(rest));
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_task_has_not_had_cannot_be_resumed_from() {
    let (world, key) = World::with_task("go", super::completes()).await;
    assert!(subscribe(&world, &key, Some(1)).await.is_ok());
    for last in [2, 3, u64::MAX] {
        let error = subscribe(&world, &key, Some(last)).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["Last-Event-ID"]));
    }
    world.attend(&key).await;
    let error = subscribe(&world, &key, Some(4)).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["Last-Event-ID"]));
    let error = subscribe(&world, &key, Some(3)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedOperation);
}

#[tokio::test(start_paused = true)]
async fn the_last_event_of_another_request_is_of_no_use_to_a_new_one() {
    let world = World::new(super::completes());
    for (key, last) in [(None, 2), (Some("one"), 2), (Some("two"), 99)] {
        let options = SendOptions {
            idempotency_key: key.map(str::to_owned),
            last_event: Some(Generation(last)),
            ..SendOptions::default()
        };
        let mut tail = send_streaming(&world, user("go"), &options).await.unwrap();
        let events = world.served(drain(&mut tail)).await;
        assert_eq!(told_by(&events), ["1 task SUBMITTED", "2 WORKING", "3 COMPLETED done"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_repeated_without_a_last_event_begins_with_the_task() {
    let world = World::new(chunks(300, 8));
    let options = SendOptions { idempotency_key: Some("key".into()), ..SendOptions::default() };
    let again = async {
        let mut first = send_streaming(&world, user("go"), &options).await.unwrap();
        crate::support::event(&mut first).await;
        tokio::time::sleep(secs(1)).await;
        let mut second = send_streaming(&world, user("go"), &options).await.unwrap();
        (drain(&mut first).await, drain(&mut second).await)
    };
    let (first, second) = world.served(again).await;
    assert_eq!(told_by(&second[..1]), ["6 task WORKING"]);
    assert_eq!(second[1..], first[5..]);
    let mut over = send_streaming(&world, user("go"), &options).await.unwrap();
    assert_eq!(told_by(&drain(&mut over).await), ["11 task COMPLETED"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_at_a_question_is_over_when_the_task_goes_on() {
    let world = World::new(super::asks());
    let idempotency_key = Some("key".to_owned());
    let options = SendOptions { idempotency_key, ..SendOptions::default() };
    let mut first = send_streaming(&world, user("go"), &options).await.unwrap();
    let events = world.served(drain(&mut first)).await;
    let last_event = events.last().map(|event| event.generation);
    let key = world.list_one().await;
    world.follow_up(&key, "more").await;
    let options = SendOptions { last_event, ..options };
    let mut again = send_streaming(&world, user("go"), &options).await.unwrap();
    let begin = world.passed();
    assert_eq!(drain(&mut again).await, []);
    assert_eq!(world.passed(), begin);
}
