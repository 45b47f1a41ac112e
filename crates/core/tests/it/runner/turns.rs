//! The input of a turn, and the fate of its output.

use a2a_lambda_core::{Attended, End, Event, Phase};
use a2a_lambda_protocol::{Artifact, Json, Part, TaskState};

use crate::support::{
    Fault, Kind, World, artifacts, history, millis, ran, script, secs, status_text, user,
};

#[tokio::test(start_paused = true)]
async fn a_task_is_worked_on_and_completed() {
    let world = World::new(script!(|turn, diary| {
        diary.note(turn.text());
        diary.note(format!("turn {} attempt {}", turn.number(), turn.attempt()));
        turn.progress("half").await?;
        turn.artifact(Artifact::new(turn.artifact_id(), [Part::text("result")])).await?;
        Ok(End::Completed("done".into()))
    }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));

    let task = world.task(&key).await;
    assert_eq!(world.diary.read(), ["hello", "turn 1 attempt 1"]);
    assert_eq!(artifacts(&task), ["1-1: result"]);
    assert_eq!(
        (status_text(&task).as_str(), history(&task)),
        ("done", vec!["hello".into(), "half".into()])
    );
    let head = world.head(&key).await;
    assert_eq!((head.turn, head.consumed, head.due), (1, head.last_message, None));
    assert_eq!(world.attend(&key).await, Attended::AlreadyDone);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_exist_is_left_alone() {
    let world = World::new(script!(|_, _| { Ok(End::completed()) }));
    assert_eq!(world.attend(&World::key("nothing")).await, Attended::NoSuchTask);
}

/// The agent shows three chunks and a message, flushing after those that `flush` names.
async fn commits_of(flush: &'static [usize]) -> (usize, Vec<String>) {
    let world = World::new(script!(|turn, _| {
        let mut chunks = turn.chunked("letters");
        for (n, text) in ["a", "b", "c"].into_iter().enumerate() {
            chunks.push([Part::text(text)]).await?;
            if flush.contains(&n) {
                turn.flush().await?;
            }
        }
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    world.faults.heal();
    world.attend(&key).await;
    (world.faults.count_of(Kind::Commit), artifacts(&world.task(&key).await))
}

#[tokio::test(start_paused = true)]
async fn output_without_a_pause_shares_one_commit_with_the_end() {
    // The other commit is the claim.
    assert_eq!(commits_of(&[]).await, (2, vec!["1-1: a|b|c".into()]));
}

#[tokio::test(start_paused = true)]
async fn a_flush_commits_all_output() {
    assert_eq!(commits_of(&[0]).await, (3, vec!["1-1: a|b|c".into()]));
    assert_eq!(commits_of(&[0, 1, 2]).await, (5, vec!["1-1: a|b|c".into()]));
}

#[tokio::test(start_paused = true)]
async fn after_a_flush_everything_shown_before_is_stored() {
    let world = World::new(script!(|turn, _| {
        turn.progress("first").await?;
        turn.flush().await?;
        turn.progress("second").await?;
        turn.sleep(secs(600)).await;
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    // Requests take 3 s, so that it takes until 6 s (claim, first) before the flush returns.
    world.faults.fail_each(Kind::Commit, Fault::SlowRequest(secs(3)));
    assert!(!world.attend_killed_after(&key, millis(5_900)).await);
    assert_eq!(status_text(&world.task(&key).await), "");

    let key = world.submit("go").await;
    assert!(!world.attend_killed_after(&key, millis(6_100)).await);
    assert_eq!(status_text(&world.task(&key).await), "first");
}

#[tokio::test(start_paused = true)]
async fn output_during_a_commit_shares_the_next_one() {
    let world = World::new(script!(|turn, _| {
        let mut chunks = turn.chunked("numbers");
        for n in 0..30 {
            chunks.push([Part::text(n.to_string())]).await?;
            turn.sleep(millis(100)).await;
        }
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    // Claim, then 3 s of showing in commits of 1 s each, then the end.
    world.faults.fail_each(Kind::Commit, Fault::SlowRequest(secs(1)));
    world.attend(&key).await;
    assert_eq!(world.faults.count_of(Kind::Commit), 5);
    let numbers: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    assert_eq!(artifacts(&world.task(&key).await), [format!("1-1: {}", numbers.join("|"))]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_end_while_what_it_showed_last_is_committed() {
    let world = World::new(script!(|turn, _| {
        turn.progress("half").await?;
        turn.sleep(millis(100)).await;
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    world.faults.fail_each(Kind::Commit, Fault::SlowRequest(secs(1)));
    let began = tokio::time::Instant::now();
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
    // The claim, the update, and the end.
    assert_eq!((world.faults.count_of(Kind::Commit), began.elapsed().as_secs()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_commit_has_at_most_so_many_updates() {
    let world = World::under(|policy| policy.updates_per_commit = 10).with(script!(|turn, _| {
        for n in 0..25 {
            turn.progress(n.to_string()).await?;
        }
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    world.faults.heal();
    world.attend(&key).await;
    // The claim, two full commits, and the end with the rest.
    assert_eq!(world.faults.count_of(Kind::Commit), 4);
    assert_eq!(history(&world.task(&key).await).len(), 26);
}

#[tokio::test(start_paused = true)]
async fn a_commit_has_at_most_so_many_bytes() {
    let world = World::under(|policy| policy.commit_bytes = 1_500).with(script!(|turn, _| {
        for size in [600, 600, 5_000, 300, 300, 5_000] {
            turn.progress("x".repeat(size)).await?;
        }
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    world.faults.heal();
    world.attend(&key).await;
    // The claim; 600 + 600; 5,000 alone, as it is larger; 300 + 300; 5,000 with the end.
    assert_eq!(world.faults.count_of(Kind::Commit), 5);
    let lengths: Vec<usize> = history(&world.task(&key).await).iter().map(String::len).collect();
    assert_eq!(lengths, [2, 600, 600, 5_000, 300, 300, 5_000]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_shows_faster_than_is_stored_waits() {
    let world = World::under(|policy| {
        policy.update_buffer = 4;
        policy.updates_per_commit = 4;
    })
    .with(script!(|turn, diary| {
        for n in 0..40 {
            turn.progress(n.to_string()).await?;
        }
        diary.note(format!("{:?}", turn.deadline().saturating_since(turn.now())));
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    world.faults.fail_each(Kind::Commit, Fault::SlowRequest(secs(1)));
    world.attend(&key).await;
    // 900 s less the margin of 5 s, less the claim, less the commits until the last 4 + 4 + 4 were
    // taken out of its hands.
    let left = 895 - 1 - 8;
    assert_eq!(world.diary.read(), [format!("{:?}", secs(left))]);
    assert_eq!(history(&world.task(&key).await).len(), 41);
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_ends_a_first_turn() {
    let world = World::new(script!(|_, _| { Ok(End::Message("just this".into())) }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
    assert!(world.head(&key).await.is_direct());
    assert_eq!(status_text(&world.task(&key).await), "just this");
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_after_an_update_fails_the_task() {
    for flushes in [false, true] {
        let world = World::new(script!(|turn, _| {
            turn.progress("half").await?;
            if flushes {
                turn.flush().await?;
            }
            Ok(End::Message("just this".into()))
        }));
        let key = world.submit("hello").await;
        assert_eq!(world.attend(&key).await, ran(1, TaskState::Failed));
        let task = world.task(&key).await;
        assert_eq!(status_text(&task), "the agent gave a direct message after it had begun a task");
        assert_eq!(history(&task), ["hello", "half"], "what was shown stays");
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_without_parts_fails_the_task() {
    let world = World::new(script!(|_, _| { Ok(End::Message(Vec::new().into())) }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_in_a_later_turn_completes_the_task() {
    let world = World::new(script!(|turn, _| {
        match turn.number() {
            1 => Ok(End::input_required("which one?")),
            _ => Ok(End::Message("that one".into())),
        }
    }));
    let key = world.attended("hello").await;
    world.follow_up(&key, "this one").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
    let head = world.head(&key).await;
    assert!(!head.is_direct());
    assert_eq!(status_text(&world.task(&key).await), "that one");
}

#[tokio::test(start_paused = true)]
async fn a_question_and_its_answer_are_two_turns() {
    let world = World::new(script!(|turn, diary| {
        let asked: Option<u32> = turn.checkpoint()?;
        diary.note(format!("{} {asked:?} {}", turn.number(), turn.text()));
        match asked {
            None => Ok(End::AuthRequired {
                question: "password?".into(),
                checkpoint: Some(Json::parse("7")?),
                patience: None,
            }),
            Some(_) => Ok(End::completed()),
        }
    }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::AuthRequired));
    assert_eq!(status_text(&world.task(&key).await), "password?");
    assert_eq!(world.attend(&key).await, Attended::WaitsForUser);
    let task = world.follow_up(&key, "secret").await;
    assert_eq!(task.status.state, TaskState::Submitted);
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
    assert_eq!(world.diary.read(), ["1 None hello", "2 Some(7) secret"]);
    assert_eq!(history(&world.task(&key).await), ["hello", "password?", "secret"]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_task_says_why() {
    let world = World::new(script!(|_, _| { Ok(End::Rejected("not that".into())) }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Rejected));
    assert_eq!(status_text(&world.task(&key).await), "not that");
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_given_the_whole_history_and_only_the_new_messages() {
    let world = World::new(script!(|turn, diary| {
        let ids: Vec<&str> = turn.messages().iter().map(|m| m.task_id.as_str()).collect();
        assert!(ids.iter().all(|id| *id == turn.task().id), "{ids:?}");
        diary.note(format!("{} of {}", turn.text(), turn.task().history.len()));
        Ok(End::input_required("more?"))
    }));
    let key = world.submit("m1").await;
    for n in 2..=6 {
        world.attend(&key).await;
        world.follow_up(&key, &format!("m{n}")).await;
    }
    world.follow_up(&key, "m7").await;
    world.attend(&key).await;
    // The memory store gives four entries with the head: the history comes from beyond them.
    let expected = ["m1 of 1", "m2 of 3", "m3 of 5", "m4 of 7", "m5 of 9", "m6\nm7 of 12"];
    assert_eq!(world.diary.read(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_canceled_before_it_began_is_not_run() {
    let world = World::new(script!(|_, diary| {
        diary.note("ran");
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    world.cancel(&key).await;
    assert_eq!(world.attend(&key).await, Attended::AlreadyDone);
    assert!(world.diary.read().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_is_about_to_end_begins_nothing() {
    let (world, key) = World::with_task("hello", script!(|_, _| { Ok(End::completed()) })).await;
    assert_eq!(world.attend_for(&key, millis(5_999)).await.unwrap(), Attended::TooLate);
    assert_eq!(world.head(&key).await.phase, Phase::Submitted);
    let attended = world.attend_for(&key, millis(6_000)).await.unwrap();
    assert_eq!(attended, ran(1, TaskState::Completed));
}

#[tokio::test(start_paused = true)]
async fn messages_of_users_are_kept_as_they_came() {
    let world = World::new(script!(|turn, _| {
        let mut given = turn.messages()[0].clone();
        given.task_id.clear();
        given.context_id.clear();
        assert_eq!(given, user("hello"));
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_soon_after_a_commit_shares_the_next() {
    let world = World::new(script!(|turn, _| {
        let mut chunks = turn.chunked("text");
        for wait_ms in [0, 60, 60, 40] {
            turn.sleep(millis(wait_ms)).await;
            chunks.push([Part::text("x")]).await?;
        }
        turn.flush().await?;
        turn.sleep(millis(40)).await;
        chunks.push([Part::text("x")]).await?;
        turn.sleep(millis(20)).await;
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    let began = world.now();
    world.attend(&key).await;
    let log = world.snapshot(&key).await.tail;
    let shown = log.iter().filter(|entry| matches!(entry.event, Event::Artifact(_)));
    let after_ms: Vec<_> =
        shown.map(|entry| entry.at.saturating_since(began).as_millis()).collect();
    // The first comes at once. Then come the commit at 150 ms, the flush, and the end.
    assert_eq!(after_ms, [0, 150, 150, 160, 220]);
    assert_eq!(log.last().unwrap().at.saturating_since(began), millis(220));
}
