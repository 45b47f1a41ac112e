//! Several at once, and answers that are lost while others write.

use a2a_lambda_core::{Attended, Clock, End, Failure};
use a2a_lambda_protocol::{Part, TaskState};

use crate::support::{
    Fault, Kind, TestClock, World, after, artifacts, history, millis, ran, script, secs,
};

#[tokio::test(start_paused = true)]
async fn of_several_runners_one_runs() {
    let world = World::new(script!(|turn, diary| {
        diary.note("begun");
        turn.sleep(secs(10)).await;
        diary.note("ended");
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    // All of them have read the task before the first claims it.
    world.faults.fail_each(Kind::Read, Fault::SlowAnswer(secs(1)));
    let attended = tokio::join!(world.attend(&key), world.attend(&key), world.attend(&key));
    let attended = [attended.0, attended.1, attended.2];
    let ran = ran(1, TaskState::Completed);
    assert_eq!(attended.iter().filter(|a| **a == ran).count(), 1, "{attended:?}");
    let held = attended.iter().filter(|a| matches!(a, Attended::HeldBy { .. })).count();
    assert_eq!(held, 2, "{attended:?}");
    assert_eq!(world.diary.read(), ["begun", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_at_the_last_moment_is_not_taken() {
    let world = World::new(script!(|turn, diary| {
        diary.note("begun");
        turn.sleep(secs(60)).await;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    // No renewal succeeds before the lease expires at 30 s. The second runner reads the task just
    // after that, and its claim takes so long that the next renewal is faster.
    let clock = world.clock.clone();
    world.faults.plan(move |call| {
        let passed = clock.now().saturating_since(TestClock::START);
        match call.kind {
            Kind::Renew if passed < secs(31) => Some(Fault::LoseRequest),
            Kind::Commit if call.of_kind == 2 => Some(Fault::SlowRequest(secs(5))),
            _ => None,
        }
    });
    let (first, second) =
        tokio::join!(world.attend(&key), after(millis(30_100), world.attend(&key)));
    assert_eq!(first, ran(1, TaskState::Completed));
    assert!(matches!(second, Attended::HeldBy { .. }), "{second:?}");
    assert_eq!(world.diary.read(), ["begun"]);
}

/// A run of three chunks, each in a commit of its own. A follow-up comes just after the commit
/// whose answer is lost, and before its repetition.
async fn overtaken(commit: usize) -> World {
    let world = World::new(script!(|turn, diary| {
        diary.note(turn.text());
        let mut chunks = turn.chunked("letters");
        for text in ["a", "b", "c"] {
            chunks.push([Part::text(text)]).await?;
            turn.flush().await?;
        }
        Ok(End::Completed("done".into()))
    }));
    let key = world.submit("first").await;
    world.faults.fail_nth(Kind::Commit, commit, Fault::LoseAnswerFor(millis(1_000)));
    let (attended, _) =
        tokio::join!(world.attend(&key), after(millis(500), world.follow_up(&key, "meanwhile")));
    assert_eq!(attended, ran(2, TaskState::Completed));
    let task = world.task(&key).await;
    assert_eq!(artifacts(&task), ["1-1: a|b|c", "2-1: a|b|c"], "no chunk twice");
    assert_eq!(history(&task), ["first", "meanwhile", "done"]);
    world
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_is_known_again_beneath_a_later_one() {
    for commit in [2, 3, 4] {
        let world = overtaken(commit).await;
        assert_eq!(world.diary.read(), ["first", "meanwhile"]);
    }
}

/// A task's second claim, which adds no entry: the first attempt failed.
#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_known_again_beneath_a_message() {
    let world = World::new(script!(|turn, diary| {
        if turn.number() == 1 && turn.attempt() == 1 {
            return Err(Failure::retryable("again"));
        }
        diary.note(format!("{} in attempt {}", turn.text(), turn.attempt()));
        Ok(End::completed())
    }));
    let key = world.attended("first").await;
    tokio::time::sleep(secs(2)).await;
    world.faults.fail_nth(Kind::Commit, 1, Fault::LoseAnswerFor(millis(1_000)));
    let (attended, _) =
        tokio::join!(world.attend(&key), after(millis(500), world.follow_up(&key, "meanwhile")));
    assert_eq!(attended, ran(2, TaskState::Completed));
    assert_eq!(world.diary.read(), ["first in attempt 2", "meanwhile in attempt 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_runner_whose_clock_steps_back_keeps_its_task() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(secs(5)).await;
        turn.progress("half").await?;
        turn.sleep(secs(40)).await;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    let (attended, ()) = tokio::join!(world.attend(&key), async {
        tokio::time::sleep(secs(3)).await;
        world.clock.step(-2_000);
    });
    assert_eq!(attended, ran(1, TaskState::Completed));
    world.task(&key).await;
}
