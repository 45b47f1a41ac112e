//! The session of a conversation.

use a2a_lambda_core::conversation::{Held, Swap};
use a2a_lambda_core::{End, Failure, StepError};
use a2a_lambda_protocol::TaskState;

use super::{CONTEXT, trip};
use crate::support::{Fault, Kind, Scripted, World, after, script, secs, status_text, user};

/// An agent that adds one to a number of its conversation.
fn counts() -> Scripted {
    script!(|turn, _| {
        let session = turn.session();
        loop {
            let held: Held<u32> = session.get("n").await?;
            let next = held.value.unwrap_or_default() + 1;
            // Another task may come in between.
            turn.sleep(secs(1)).await;
            if let Swap::Done(_) = session.set("n", &next, Some(&held.version)).await? {
                return Ok(End::Completed(next.to_string().into()));
            }
        }
    })
}

impl World {
    fn count(&self) -> Option<u32> {
        let (_, values) = self.memory.stored_conversation(&trip());
        let value = values.into_iter().find(|value| value.key == "n")?.value?;
        Some(value.to().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_that_count_at_once_lose_no_count() {
    let world = World::new(counts());
    let mut keys = Vec::new();
    for n in 0..5 {
        keys.push(world.say(CONTEXT, &n.to_string()).await);
    }
    futures_util::future::join_all(keys.iter().map(|key| world.attend(key))).await;
    assert_eq!(world.count(), Some(5));
    let bob = a2a_lambda_testing::caller("", "bob");
    let of_bob = a2a_lambda_protocol::Message { context_id: CONTEXT.to_owned(), ..user("b") };
    let task = world.post_as(&bob, of_bob).await.unwrap().id;
    assert_eq!(status_text(&world.settle(&World::key(&task)).await), "1", "another owner (I8)");
}

/// A run dies around each of its writes, and another task counts before the next attempt.
#[tokio::test(start_paused = true)]
async fn a_write_is_made_once_whatever_dies() {
    for kind in [Kind::PutValue, Kind::PutStep] {
        for fault in [Fault::HangBefore, Fault::HangAfter] {
            for of_kind in 1..=2 {
                let world = World::new(counts());
                let key = world.say(CONTEXT, "first").await;
                world.faults.plan(move |call| {
                    (call.kind == kind && call.of_kind == of_kind).then_some(fault)
                });
                world.attend_killed_after(&key, secs(10)).await;
                world.faults.heal();
                let other = world.say(CONTEXT, "other").await;
                world.attend(&other).await;
                assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
                assert_eq!(world.count(), Some(2), "{kind:?} {of_kind} {fault:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_has_versions_also_where_there_is_none() {
    let world = World::new(script!(|turn, diary| {
        let session = turn.session();
        let none: Held<String> = session.get("k").await?;
        let tell = |what: &str, swap: &Swap| {
            diary.note(format!("{what} {}", matches!(swap, Swap::Done(_))));
        };
        tell("first", &session.set("k", "a", Some(&none.version)).await?);
        tell("first again", &session.set("k", "b", Some(&none.version)).await?);
        let a: Held<String> = session.get("k").await?;
        tell("unconditional", &session.set("k", "c", None).await?);
        tell("stale delete", &session.delete("k", Some(&a.version)).await?);
        let c: Held<String> = session.get("k").await?;
        diary.note(format!("{:?} {:?} {:?}", none.value, a.value, c.value));
        tell("delete", &session.delete("k", Some(&c.version)).await?);
        tell("late", &session.set("k", "d", Some(&c.version)).await?);
        let gone: Held<String> = session.get("k").await?;
        diary.note(format!("{:?}", gone.value));
        tell("none there", &session.set("k", "d", Some(&gone.version)).await?);
        tell("null", &session.set("k", &None::<u32>, None).await?);
        let null: Held<Option<u32>> = session.get("k").await?;
        diary.note(format!("{:?}", null.value));
        tell("delete what is not there", &session.delete("other", None).await?);
        Ok(End::completed())
    }));
    let key = world.say(CONTEXT, "go").await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    assert_eq!(
        world.diary.read(),
        [
            "first true",
            "first again false",
            "unconditional true",
            "stale delete false",
            r#"None Some("a") Some("c")"#,
            "delete true",
            "late false",
            "None",
            "none there true",
            "null true",
            "None",
            "delete what is not there true",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeated_run_reads_and_writes_as_the_first_did() {
    let world = World::new(script!(|turn, diary| {
        let session = turn.session();
        let before: Held<String> = session.get("k").await?;
        let done = session.set("k", &turn.text(), None).await?;
        diary.note(format!("{} {:?} {}", turn.text(), before.value, matches!(done, Swap::Done(_))));
        if turn.text() == "first" && turn.attempt() < 3 {
            turn.sleep(secs(5)).await;
            return Err(Failure::retryable("again"));
        }
        Ok(End::completed())
    }));
    let first = world.say(CONTEXT, "first").await;
    let second = world.say(CONTEXT, "second").await;
    let other = after(secs(2), world.attend(&second));
    futures_util::future::join(world.settle(&first), other).await;
    let notes = world.diary.read();
    let of_first = notes.iter().filter(|note| *note == "first None true");
    assert_eq!(of_first.count(), 3, "{notes:?}");
    let (_, values) = world.memory.stored_conversation(&trip());
    assert_eq!(values[0].value.as_ref().unwrap().as_str(), r#""second""#);
}

#[tokio::test(start_paused = true)]
async fn a_value_ends_with_its_life() {
    for (waits, expected) in [(89, "2"), (91, "1")] {
        let world = World::new(counts());
        for _ in 0..2 {
            let key = world.say(CONTEXT, &format!("after {waits}")).await;
            let task = world.settle(&key).await;
            if world.passed() > secs(86_400) {
                assert_eq!(status_text(&task), expected);
            }
            world.clock.advance(secs(waits * 86_400));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_key_or_a_value_is_refused() {
    let world = World::new(script!(|turn, diary| {
        let session = turn.session();
        for key in ["", "@deleting", &"k".repeat(65)] {
            let got = session.get::<u32>(key).await.unwrap_err();
            let set = session.set(key, &1, None).await.unwrap_err();
            assert!(matches!(got, StepError::SessionKey { .. }), "{key}");
            assert!(matches!(set, StepError::SessionKey { .. }), "{key}");
        }
        session.set(&*"k".repeat(64), &"x".repeat(32 * 1_024 - 2), None).await.map(drop)?;
        let large = session.set("k", &"x".repeat(32 * 1_024 - 1), None).await.unwrap_err();
        diary.note(large.to_string());
        session.set("text", "no number", None).await.map(drop)?;
        let form = session.get::<u32>("text").await.unwrap_err();
        assert!(form.is_permanent() && matches!(form, StepError::Form { .. }));
        Err(large.into())
    }));
    let key = world.say(CONTEXT, "go").await;
    let task = world.settle(&key).await;
    assert_eq!(task.status.state, TaskState::Failed);
    assert_eq!(
        world.diary.read(),
        ["a session value is too large (32769 bytes, 32768 at most)"],
        "one attempt: {}",
        status_text(&task)
    );
}
