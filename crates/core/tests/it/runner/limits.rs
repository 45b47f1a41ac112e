//! Output that is too large or too much (invariant I10).

use a2a_lambda_core::head::Impatience;
use a2a_lambda_core::{Attended, End, Failure, Policy};
use a2a_lambda_protocol::{Artifact, Json, Part, TaskState};

use crate::support::{World, artifacts, history, ran, script, secs, status_text};

const FAILED: Attended = Attended::Ran { turns: 1, state: TaskState::Failed };

#[tokio::test(start_paused = true)]
async fn an_update_that_is_too_large_is_refused_and_the_agent_may_go_on() {
    let world =
        World::under(|policy| policy.max_entry_bytes = 1_000).with(script!(|turn, diary| {
            let refused = turn.progress("x".repeat(1_000)).await.unwrap_err();
            diary.note(refused.to_string());
            turn.progress("shorter").await?;
            Ok(End::completed())
        }));
    let key = world.attended("hello").await;
    let said = world.diary.read().join("\n");
    assert!(said.ends_with("is larger than the 1000 bytes that an entry can have"), "{said}");
    let task = world.task(&key).await;
    assert_eq!((task.status.state, history(&task).len()), (TaskState::Completed, 2));
}

#[tokio::test(start_paused = true)]
async fn an_update_that_is_too_large_fails_the_task_of_an_agent_that_passes_the_error_on() {
    let world =
        World::under(|policy| policy.max_entry_bytes = 1_000).with(script!(|turn, diary| {
            diary.note("ran");
            turn.progress("shown before").await?;
            turn.progress("x".repeat(1_000)).await?;
            Ok(End::completed())
        }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, FAILED);
    assert_eq!(world.diary.read().len(), 1, "it is not tried again");
    let task = world.task(&key).await;
    assert!(status_text(&task).starts_with("an update of "), "{}", status_text(&task));
    assert_eq!(history(&task), ["hello", "shown before"]);
}

#[tokio::test(start_paused = true)]
async fn an_artifact_needs_an_id_and_parts() {
    let world = World::new(script!(|turn, _| {
        let parts = vec![Part::text("x")];
        let nameless = Artifact { parts, ..Artifact::default() };
        assert!(turn.artifact(nameless).await.is_err());
        assert!(turn.chunked("empty").push([]).await.is_err());
        Ok(End::completed())
    }));
    let key = world.attended("hello").await;
    assert!(artifacts(&world.task(&key).await).is_empty());
}

/// The failure of a task whose agent ends like this after it has shown something.
async fn failure_of(end: fn() -> Result<End, Failure>) -> String {
    let world = World::under(|policy| {
        policy.max_entry_bytes = 1_000;
        policy.max_checkpoint_bytes = 100;
    })
    .with(script!(|turn, _| {
        turn.progress("shown before").await?;
        end()
    }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, FAILED);
    let task = world.task(&key).await;
    assert_eq!(history(&task), ["hello", "shown before"], "what was shown is kept");
    status_text(&task)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_fails_the_task() {
    for end in [
        || Ok(End::Completed("x".repeat(1_000).into())),
        || Ok(End::input_required("x".repeat(1_000))),
        || Err(Failure::permanent("x".repeat(1_000))),
    ] {
        let text = failure_of(end).await;
        assert!(text.starts_with("the agent's message has "), "{text}");
        assert!(text.ends_with("bytes; the limit is 1000"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_is_too_large_fails_the_task() {
    let text = failure_of(|| {
        Ok(End::Continue { checkpoint: Some(Json::from_value(&"x".repeat(99)).unwrap()) })
    });
    assert_eq!(text.await, "the agent left a checkpoint of 101 bytes; the limit is 100");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_may_be_as_large_as_the_limit() {
    let world = World::under(|policy| policy.max_checkpoint_bytes = 100).with(script!(|_, _| {
        let checkpoint = Some(Json::from_value(&"x".repeat(98))?);
        Ok(End::InputRequired { question: "more?".into(), checkpoint, patience: None })
    }));
    let key = world.attended("hello").await;
    assert_eq!(world.task(&key).await.status.state, TaskState::InputRequired);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_shows_too_much_fails() {
    for flushes in [false, true] {
        let world = World::under(|policy| {
            policy.max_entries = 20;
            policy.updates_per_commit = 5;
        })
        .with(script!(|turn, _| {
            for n in 0..100 {
                turn.progress(n.to_string()).await?;
                if flushes {
                    turn.flush().await?;
                }
            }
            Ok(End::completed())
        }));
        let key = world.submit("hello").await;
        assert_eq!(world.attend(&key).await, FAILED);
        assert_eq!(
            status_text(&world.task(&key).await),
            "the task showed more than 20 updates or 4194304 bytes"
        );
        // The last entry says why.
        assert!(world.head(&key).await.position.0 <= 21);
    }
}

#[tokio::test(start_paused = true)]
async fn output_that_the_store_cannot_hold_fails_the_task() {
    // The policy allows 400 KB, and the store does not.
    let too_large = |policy: &mut Policy| policy.max_entry_bytes = 500 * 1_024;
    let text = || "x".repeat(450 * 1_024);
    for end in [
        || Ok(End::completed()),
        || Err(Failure::retryable("torn")),
        || Err(Failure::permanent("broken")),
    ] {
        for flushes in [false, true] {
            let world = World::under(too_large).with(script!(|turn, _| {
                turn.progress(text()).await?;
                if flushes {
                    // It never returns well, because the awaited output is not stored.
                    turn.flush().await?;
                }
                end()
            }));
            let key = world.submit("hello").await;
            assert_eq!(world.attend(&key).await, FAILED);
            let said = status_text(&world.task(&key).await);
            assert!(said.ends_with("does not fit: the limit is 409600"), "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_shows_more_bytes_than_it_may_have_fails() {
    // Each update is so large that the rest of its entry does not matter.
    let world = World::under(|policy| policy.max_task_bytes = 35_000).with(script!(|turn, _| {
        for _ in 0..6 {
            turn.progress("x".repeat(10_000)).await?;
            turn.flush().await?;
        }
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, FAILED);
    let task = world.task(&key).await;
    assert_eq!(status_text(&task), "the task showed more than 10000 updates or 35000 bytes");
    assert_eq!(task.history.len(), 1 + 3, "what did fit is kept");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_its_bytes_takes_no_more_messages() {
    let world = World::under(|policy| policy.max_task_bytes = 600)
        .with(script!(|_, _| { Ok(End::input_required("more?")) }));
    let key = world.submit("hello").await;
    // The task has room until it is full. The text stands in the id, too.
    world.follow_up(&key, &"x".repeat(240)).await;
    let refused = world.try_follow_up(&key, "more").await.unwrap_err();
    assert!(refused.message.contains("600 bytes"), "{refused}");
    assert_eq!(history(&world.task(&key).await).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_only_ever_continues_is_stopped() {
    let world = World::under(|policy| policy.max_turns = 3).with(script!(|turn, diary| {
        diary.note(turn.number().to_string());
        Ok(End::Continue { checkpoint: Some(Json::parse("1")?) })
    }));
    let key = world.submit("hello").await;
    let task = world.settle(&key).await;
    assert_eq!(task.status.state, TaskState::Failed);
    assert_eq!(status_text(&task), "the task did not finish in 3 turns");
    assert_eq!(world.diary.read(), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_only_ever_asks_and_wakes_is_stopped_once_the_log_is_full() {
    // A message, then two entries for each turn, of which the question is the large one.
    let limits: [(fn(&mut Policy), _, _); 2] = [
        (|policy| policy.max_entries = 6, 6, "6 updates or 4194304 bytes"),
        (|policy| policy.max_task_bytes = 35_000, 8, "10000 updates or 35000 bytes"),
    ];
    for (limit, full, said) in limits {
        let world = World::under(limit).with(script!(|turn, _| {
            let end = End::input_required("x".repeat(10_000));
            Ok(end.until(turn.now().saturating_add(secs(1)), Impatience::Wake))
        }));
        let key = world.submit("hello").await;
        while world.attend(&key).await == ran(1, TaskState::InputRequired) {
            tokio::time::sleep(secs(1)).await;
        }
        let head = world.head(&key).await;
        assert_eq!(
            status_text(&world.task(&key).await),
            format!("the task showed more than {said}")
        );
        assert!(head.is_terminal() && (full..=full + 4).contains(&head.position.0), "{head:?}");
    }
}
