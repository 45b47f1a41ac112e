//! Attempts that fail.

use a2a_lambda_core::{Attended, End, Failure, Phase};
use a2a_lambda_protocol::{Part, TaskState};

use crate::support::{World, artifacts, history, millis, ran, script, scripted, secs, status_text};

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_with_longer_and_longer_waits_until_it_is_final() {
    let world = World::under(|policy| policy.max_attempts = 4).with(script!(|turn, _| {
        Err(Failure::retryable(format!("no luck, {}", turn.attempt())))
    }));
    let key = world.submit("hello").await;
    world.queue.take_times();
    let mut waits = Vec::new();
    loop {
        let begin = world.now();
        let attended = world.attend(&key).await;
        let Attended::Ran { turns: 1, state } = attended else { panic!("{attended:?}") };
        if state == TaskState::Failed {
            break;
        }
        let Phase::Waiting { until } = world.head(&key).await.phase else { panic!("{state:?}") };
        waits.push(until.saturating_since(begin).as_secs());
        assert_eq!(world.queue.take_times().len(), 1);
        tokio::time::sleep(until.saturating_since(world.now())).await;
    }
    assert_eq!(waits, [1, 2, 4]);
    assert!(world.queue.take_times().is_empty());
    assert_eq!(status_text(&world.task(&key).await), "no luck, 4");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_not_tried_again() {
    let world = World::new(script!(|turn, _| {
        turn.progress("half").await?;
        Err(Failure::permanent("cannot be done").caused_by("a secret"))
    }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Failed));
    let task = world.task(&key).await;
    assert_eq!((status_text(&task).as_str(), history(&task).len()), ("cannot be done", 2));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_passed_on_is_retried_and_not_shown() {
    let world = World::under(|policy| policy.max_attempts = 2)
        .with(script!(|_, _| { Err(std::io::Error::other("/secret/path").into()) }));
    let key = world.submit("hello").await;
    let task = world.settle(&key).await;
    assert_eq!(world.head(&key).await.fence.0, 2, "claims");
    assert_eq!(
        (task.status.state, status_text(&task).as_str()),
        (TaskState::Failed, "the agent failed")
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_contained_and_tried_again() {
    let world = World::new(script!(|turn, _| {
        turn.progress(format!("attempt {}", turn.attempt())).await?;
        if turn.attempt() == 1 {
            turn.sleep(millis(1)).await;
            panic!("as the test wants it");
        }
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Working));
    let task = world.settle(&key).await;
    assert_eq!(task.status.state, TaskState::Completed);
    assert_eq!(history(&task), ["hello", "attempt 1", "attempt 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_first_await_is_contained_too() {
    let world = World::under(|policy| policy.max_attempts = 2)
        .with(scripted(|_, _| panic!("as the test wants it, before there is a future")));
    let key = world.submit("hello").await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_new_attempt_replaces_the_last_one_s_artifacts() {
    let world = World::new(script!(|turn, _| {
        let mut chunks = turn.chunked("story");
        chunks.push([Part::text("once")]).await?;
        chunks.push([Part::text(format!("upon {}", turn.attempt()))]).await?;
        if turn.attempt() < 3 {
            return Err(Failure::retryable("torn"));
        }
        chunks.finish([Part::text("a time")]).await?;
        Ok(End::completed())
    }));
    let key = world.attended("hello").await;
    assert_eq!(artifacts(&world.task(&key).await), ["1-1: once|upon 1"]);
    assert_eq!(artifacts(&world.settle(&key).await), ["1-1: once|upon 3|a time"]);
}

#[tokio::test(start_paused = true)]
async fn the_idempotency_key_is_that_of_the_scope() {
    let world = World::new(script!(|turn, diary| {
        diary.note(turn.idempotency_key());
        match (turn.number(), turn.attempt()) {
            (1, 1) => Err(Failure::retryable("again")),
            (1, _) => Ok(End::again()),
            (2, _) => Ok(End::continue_with(&1)?),
            _ => Ok(End::completed()),
        }
    }));
    let key = world.submit("hello").await;
    world.settle(&key).await;
    let task = key.task.as_str();
    assert_eq!(world.diary.read(), [1, 1, 1, 3].map(|first| format!("{task}-{first}")));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_kills_its_runner_each_time_fails_and_says_so() {
    let world = World::new(script!(|_, diary| {
        diary.note("begun");
        std::future::pending().await
    }));
    let key = world.submit("hello").await;
    let mut rounds = 0;
    while !world.head(&key).await.is_terminal() {
        rounds += 1;
        assert!(rounds < 20, "it goes on for ever");
        world.attend_killed_after(&key, secs(5)).await;
        tokio::time::sleep(secs(31)).await;
    }
    let task = world.task(&key).await;
    assert_eq!(task.status.state, TaskState::Failed);
    assert_eq!(status_text(&task), "gave up after 5 attempts: in 5 of them the process died");
    assert_eq!(world.diary.read().len(), 5, "I10");
}
