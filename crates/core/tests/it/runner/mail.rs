//! Messages that come while a turn runs (invariant I5).

use a2a_lambda_core::{Attended, End, Failure};
use a2a_lambda_protocol::{Json, TaskState};

use crate::support::{
    Fault, Kind, Scripted, World, history, millis, ran, script, secs, status_text,
};

/// Takes 10 s for each turn, records its input, and ends as `end` says.
fn ten_seconds(end: fn(u32) -> Result<End, Failure>) -> Scripted {
    script!(|turn, diary| {
        diary.note(turn.text());
        turn.sleep(secs(10)).await;
        end(turn.number())
    })
}

/// Attends, while the messages come at these moments.
async fn with_messages(world: &World, at_millis: &[u64]) -> (a2a_lambda_core::TaskKey, Attended) {
    let key = world.submit("first").await;
    let begin = world.now();
    let (attended, ()) = tokio::join!(world.attend(&key), async {
        for (n, at) in at_millis.iter().enumerate() {
            tokio::time::sleep(millis(*at).saturating_sub(world.now().saturating_since(begin)))
                .await;
            world.follow_up(&key, &format!("m{n}")).await;
        }
    });
    (key, attended)
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_completes_with_mail_runs_another_turn() {
    let world = World::new(ten_seconds(|turn| Ok(End::Completed(format!("end {turn}").into()))));
    let (key, attended) = with_messages(&world, &[1_000, 2_000, 11_000]).await;
    assert_eq!(attended, ran(3, TaskState::Completed));
    assert_eq!(world.diary.read(), ["first", "m0\nm1", "m2"]);
    let task = world.task(&key).await;
    assert_eq!(history(&task), ["first", "m0", "m1", "end 1", "m2", "end 2"]);
    assert_eq!(status_text(&task), "end 3");
}

#[tokio::test(start_paused = true)]
async fn a_message_between_the_agents_end_and_its_commit_is_seen_in_another_turn() {
    let world = World::new(ten_seconds(|_| Ok(End::completed())));
    // The claim, and that lists show it, are the first commits. The end takes 4 s to arrive.
    world.faults.fail_nth(Kind::Commit, 3, Fault::SlowRequest(secs(4)));
    let (key, attended) = with_messages(&world, &[12_000]).await;
    assert_eq!(attended, ran(2, TaskState::Completed));
    assert_eq!(world.diary.read(), ["first", "m0"]);
    assert!(!world.head(&key).await.has_mail());
}

#[tokio::test(start_paused = true)]
async fn a_message_between_the_read_and_the_claim_is_in_the_first_turn() {
    let world = World::new(ten_seconds(|_| Ok(End::completed())));
    world.faults.fail_nth(Kind::Commit, 1, Fault::SlowRequest(secs(4)));
    let (_, attended) = with_messages(&world, &[2_000]).await;
    assert_eq!(attended, ran(1, TaskState::Completed));
    assert_eq!(world.diary.read(), ["first\nm0"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_with_mail_is_asked_and_the_mail_is_the_answer() {
    let world = World::new(ten_seconds(|turn| match turn {
        1 => Ok(End::InputRequired {
            question: "which?".into(),
            checkpoint: Some(Json::parse("1").unwrap()),
            patience: None,
        }),
        _ => Ok(End::completed()),
    }));
    let (key, attended) = with_messages(&world, &[1_000]).await;
    assert_eq!(attended, ran(2, TaskState::Completed));
    assert_eq!(history(&world.task(&key).await), ["first", "m0", "which?"]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_only_gives_messages_lives_with_mail() {
    let world = World::new(ten_seconds(|turn| Ok(End::Message(format!("answer {turn}").into()))));
    let (key, attended) = with_messages(&world, &[1_000]).await;
    assert_eq!(attended, ran(2, TaskState::Completed));
    let task = world.task(&key).await;
    assert_eq!(history(&task), ["first", "m0", "answer 1"]);
    assert_eq!(status_text(&task), "answer 2");
}

#[tokio::test(start_paused = true)]
async fn a_park_or_a_continuation_with_mail_goes_on_at_once() {
    for end in [
        |turn| match turn {
            1 => Ok(End::ParkUntil {
                wake_at: a2a_lambda_protocol::Timestamp::MAX,
                checkpoint: Some(Json::parse("1").unwrap()),
            }),
            _ => Ok(End::completed()),
        },
        |turn| match turn {
            1 => Ok(End::Continue { checkpoint: Some(Json::parse("1").unwrap()) }),
            _ => Ok(End::completed()),
        },
    ] {
        let world = World::new(ten_seconds(end));
        let (key, attended) = with_messages(&world, &[1_000]).await;
        assert_eq!(attended, ran(1, TaskState::Working));
        assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
        assert_eq!(world.diary.read(), ["first", "m0"]);
        assert!(world.passed() < secs(25), "{:?}", world.passed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_given_the_same_and_the_mail_is_for_the_next_turn() {
    let world = World::new(script!(|turn, diary| {
        diary.note(format!("{} as {}", turn.text(), turn.number()));
        turn.sleep(secs(10)).await;
        match turn.attempt() {
            1 => Err(Failure::retryable("again")),
            _ => Ok(End::completed()),
        }
    }));
    let (key, _) = with_messages(&world, &[1_000]).await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    let seen = world.diary.read();
    assert_eq!(seen, ["first as 1", "first as 1", "m0 as 2", "m0 as 2"]);
}

#[tokio::test(start_paused = true)]
async fn mail_for_which_no_time_is_left_is_handed_over() {
    let world = World::new(script!(|turn, diary| {
        diary.note(format!("{} in turn {}", turn.text(), turn.number()));
        turn.stopped().await;
        let checkpoint = Some(Json::parse("1")?);
        if turn.number() == 1 {
            return Ok(End::InputRequired {
                question: "which?".into(),
                checkpoint,
                patience: None,
            });
        }
        assert_eq!(turn.checkpoint::<u32>()?, Some(1), "it is handed over too");
        Ok(End::completed())
    }));
    let (key, attended) = with_messages(&world, &[1_000]).await;
    assert!(matches!(attended, Attended::Ran { state: TaskState::Working, .. }), "{attended:?}");
    let head = world.head(&key).await;
    assert!(head.leased_until().is_none() && head.has_mail(), "{head:?}");
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    let seen = world.diary.read();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].starts_with("m0 in turn"), "{seen:?}");
}
