//! A sender's wishes beside its message, and the tasks that it refers to.

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{Caller, End, Failure, TaskKey, Turn};
use a2a_lambda_protocol::{ErrorKind, Json, Message, SendMessageRequest, Struct};
use a2a_lambda_testing::{caller, sending, submit, task_of};

use crate::support::{Fault, Kind, Scripted, World, after, history, millis, script, secs, user};

/// Sends a message with these terms: output modes, extensions, metadata.
async fn send(
    world: &World,
    message: Message,
    (modes, extensions, metadata): (&[&str], &[&str], Option<&str>),
) -> TaskKey {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let mut request = sending(message);
    request.configuration.as_mut().unwrap().accepted_output_modes = owned(modes);
    request.metadata = metadata.map(|json| Struct::parse(json).unwrap());
    let options = SendOptions { extensions: owned(extensions), ..SendOptions::default() };
    let sent = world.operations().send(&World::alice(), request, &options).await;
    World::key(&task_of(sent.unwrap()).id)
}

const RICH: (&[&str], &[&str], Option<&str>) =
    (&["text/plain", "image/png"], &["urn:a", "urn:b"], Some(r#"{"n":1.50}"#));
const OTHER: (&[&str], &[&str], Option<&str>) = (&["text/html"], &[], None);
const NONE: (&[&str], &[&str], Option<&str>) = (&[], &[], None);

const RICH_SAID: &str = r#"text/plain,image/png urn:a,urn:b {"n":1.50}"#;
const OTHER_SAID: &str = "text/html  -";
const NONE_SAID: &str = "  -";

fn terms(turn: &Turn) -> String {
    let metadata = turn.request_metadata().map_or("-", Struct::as_str);
    format!("{} {} {metadata}", turn.accepted_output_modes().join(","), turn.extensions().join(","))
}

/// Notes the terms of each turn, and ends it as `end` says.
fn notes(end: fn(&Turn) -> Result<End, Failure>) -> Scripted {
    script!(|turn, diary| {
        diary.note(format!("{}.{} {}", turn.number(), turn.attempt(), terms(turn)));
        turn.sleep(millis(100)).await;
        end(turn)
    })
}

fn noted(world: &World, expected: &[(&str, &str)]) {
    let expected: Vec<String> = expected.iter().map(|(n, said)| format!("{n} {said}")).collect();
    assert_eq!(world.diary.read(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_agent_knows_for_whom_it_works() {
    let world = World::new(script!(|turn, diary| {
        diary.note(format!("{:?} of {:?}", turn.owner(), turn.tenant()));
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    world.settle(&key).await;
    let Caller { owner, tenant } = World::alice();
    assert_eq!(world.diary.read(), [format!("{owner:?} of {tenant:?}")]);
}

#[tokio::test(start_paused = true)]
async fn the_terms_reach_the_agent_and_are_not_part_of_the_task() {
    for (sent, said) in [(RICH, RICH_SAID), (OTHER, OTHER_SAID), (NONE, NONE_SAID)] {
        let world = World::new(notes(|_| Ok(End::completed())));
        let key = send(&world, user("go"), sent).await;
        world.attend(&key).await;
        noted(&world, &[("1.1", said)]);
        let task = world.task(&key).await;
        assert_eq!(
            (task.metadata, task.history),
            (
                None,
                vec![Message {
                    task_id: task.id.clone(),
                    context_id: task.context_id.clone(),
                    ..user("go")
                }]
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_terms_that_the_first_had() {
    let world = World::new(notes(|turn| match (turn.number(), turn.attempt()) {
        (1, 1) => Err(Failure::retryable("torn")),
        (1, 2) => panic!("torn worse"),
        _ => Ok(End::completed()),
    }));
    let key = send(&world, user("go"), RICH).await;
    // The second message comes between the attempts: it is for the next turn, with its terms.
    world.attend(&key).await;
    send(&world, Message { task_id: key.task.as_str().into(), ..user("more") }, OTHER).await;
    world.settle(&key).await;
    noted(
        &world,
        &[("1.1", RICH_SAID), ("1.2", RICH_SAID), ("1.3", RICH_SAID), ("2.1", OTHER_SAID)],
    );
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_a_crash_has_the_terms() {
    let world = World::new(notes(|_| Ok(End::completed())));
    let key = send(&world, user("go"), RICH).await;
    assert!(!world.attend_killed_after(&key, millis(50)).await);
    world.settle(&key).await;
    noted(&world, &[("1.1", RICH_SAID), ("1.2", RICH_SAID)]);
}

#[tokio::test(start_paused = true)]
async fn continued_and_woken_turns_have_the_terms_of_the_newest_message() {
    let world = World::new(notes(|turn| match turn.number() {
        1 | 2 => Ok(End::Continue { checkpoint: Some(Json::parse("1").unwrap()) }),
        3 | 4 => {
            let wake_at = turn.now().saturating_add(secs(1_000));
            Ok(End::park_until(wake_at).with_checkpoint(&1)?)
        }
        _ => Ok(End::completed()),
    }));
    let key = send(&world, user("go"), RICH).await;
    let message = Message { task_id: key.task.as_str().into(), ..user("more") };
    tokio::join!(world.settle(&key), after(secs(100), send(&world, message, OTHER)));
    noted(
        &world,
        &[
            ("1.1", RICH_SAID),
            ("2.1", RICH_SAID),
            ("3.1", RICH_SAID),
            ("4.1", OTHER_SAID),
            ("5.1", OTHER_SAID),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn of_several_messages_the_newest_says() {
    for (first, second, said) in
        [(RICH, OTHER, OTHER_SAID), (OTHER, RICH, RICH_SAID), (RICH, NONE, NONE_SAID)]
    {
        let world = World::new(notes(|_| Ok(End::completed())));
        let key = send(&world, user("first"), first).await;
        send(&world, Message { task_id: key.task.as_str().into(), ..user("second") }, second).await;
        world.attend(&key).await;
        noted(&world, &[("1.1", said)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_during_a_turn_does_not_change_its_terms() {
    let world = World::new(notes(|_| Ok(End::completed())));
    let key = send(&world, user("first"), RICH).await;
    let message = Message { task_id: key.task.as_str().into(), ..user("second") };
    tokio::join!(world.attend(&key), after(millis(50), send(&world, message, OTHER)));
    noted(&world, &[("1.1", RICH_SAID), ("2.1", OTHER_SAID)]);
}

#[tokio::test(start_paused = true)]
async fn terms_that_are_far_back_in_the_log_are_found() {
    let world = World::new(script!(|turn, diary| {
        diary.note(format!("{}.{} {}", turn.number(), turn.attempt(), terms(turn)));
        for n in 0..20 {
            turn.progress(n.to_string()).await?;
        }
        match turn.number() {
            1 => Ok(End::Continue { checkpoint: Some(Json::parse("1")?) }),
            _ => Ok(End::completed()),
        }
    }));
    let key = send(&world, user("go"), RICH).await;
    world.settle(&key).await;
    noted(&world, &[("1.1", RICH_SAID), ("2.1", RICH_SAID)]);
}

#[tokio::test(start_paused = true)]
async fn a_message_and_its_terms_that_are_too_large_together_are_refused() {
    let world = World::under(|policy| {
        policy.max_entry_bytes = 1_000;
    })
    .with(notes(|_| Ok(End::completed())));
    let metadata = format!(r#"{{"x": "{}"}}"#, "x".repeat(950));
    let metadata = Some(Struct::parse(&metadata).unwrap());
    let request = SendMessageRequest { metadata, ..sending(user("go")) };
    let sent = world.operations().send(&World::alice(), request, &SendOptions::default()).await;
    let error = sent.unwrap_err();
    assert_eq!(crate::operations::told(&error), (ErrorKind::InvalidParams, vec!["metadata"]));
    assert_eq!(world.faults.count_of(Kind::Create), 0);
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_look_at_other_tasks_of_its_user_only() {
    let world = World::new(script!(|turn, diary| {
        for id in turn.messages().iter().flat_map(|message| &message.reference_task_ids) {
            let found = turn.referenced(id).await?;
            diary.note(found.map_or("nothing".into(), |task| history(&task)[..1].join(",")));
        }
        // More than a store has with the head.
        for _ in 0..8 {
            turn.progress("half").await?;
        }
        Ok(End::Completed("done".into()))
    }));
    let mine = world.attended("mine").await;
    world.diary.read();
    let mut foreign = Vec::new();
    for (tenant, owner) in [("", "mallory"), ("other", "alice")] {
        let task = submit(&world.engine, &caller(tenant, owner), "foreign").await;
        foreign.push(task.task.as_str().to_owned());
    }
    let mut ids = vec![mine.task.as_str().to_owned(), "nothing".into(), String::new()];
    ids.extend(foreign);
    let key = send(&world, Message { reference_task_ids: ids, ..user("go") }, NONE).await;
    // The store stumbles.
    world.faults.fail_nth(Kind::Read, 2, Fault::LoseRequest);
    world.attend(&key).await;
    assert_eq!(world.diary.read(), ["mine", "nothing", "nothing", "nothing", "nothing"]);
}
