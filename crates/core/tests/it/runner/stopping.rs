//! Agents that must stop: by the user, by another runner, by the clock.

use std::time::Duration;

use a2a_lambda_core::head::LISTED_WITHIN;
use a2a_lambda_core::{Attended, Clock, Company, End, Phase, Runner, StopReason, Turn};
use a2a_lambda_protocol::{Json, Part, TaskState};

use crate::support::{
    Diary, Fault, Kind, TestClock, World, after, artifacts, millis, ran, script, scripted, secs,
    status_text,
};

fn when(turn: &Turn) -> Duration {
    // Tests attend at 0 in an invocation of 900 s, unless they say otherwise.
    secs(895).saturating_sub(turn.deadline().saturating_since(turn.now()))
}

/// Waits for its stop, and records the reason and the time.
async fn until_stopped(turn: &Turn, diary: &Diary) -> StopReason {
    let why = turn.stopped().await;
    diary.note(format!("{why:?} at {:?}", when(turn)));
    why
}

#[tokio::test(start_paused = true)]
async fn a_canceled_agent_is_told_within_two_seconds_and_shows_nothing_more() {
    let world = World::new(script!(|turn, diary| {
        turn.progress("at work").await?;
        until_stopped(turn, &diary).await;
        let late = turn.progress("late").await;
        diary.note(format!("{:?}", late.unwrap_err()));
        Ok(End::Completed("done all the same".into()))
    }));
    let key = world.submit("hello").await;
    let (attended, canceled) =
        tokio::join!(world.attend(&key), after(millis(10_100), world.cancel(&key)));
    assert_eq!(attended, Attended::Stopped);
    // Looks are 1.5 s apart.
    assert_eq!(world.diary.read(), ["Canceled at 10.5s", "Over"]);
    assert_eq!(canceled.status.state, TaskState::Canceled);
    assert_eq!(world.task(&key).await, canceled, "I7: nothing happened after the cancel");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_shows_all_the_time_is_told_of_the_cancel_too() {
    let world = World::new(script!(|turn, diary| {
        let mut chunks = turn.chunked("endless");
        loop {
            tokio::select! {
                biased;
                _ = until_stopped(turn, &diary) => break,
                () = turn.sleep(millis(100)) => {}
            }
            chunks.push([Part::text("x")]).await?;
        }
        turn.sleep(millis(500)).await;
        diary.note("cleaned up");
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    let (attended, canceled) =
        tokio::join!(world.attend(&key), after(millis(10_050), world.cancel(&key)));
    assert_eq!(attended, Attended::Stopped);
    // It is the next commit that finds out here, not the next look.
    assert_eq!(world.diary.read(), ["Canceled at 10.15s", "cleaned up"]);
    assert_eq!(world.task(&key).await, canceled);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_stop_is_left_behind() {
    let world = World::new(scripted(|_, _| Box::pin(std::future::pending())));
    let key = world.submit("hello").await;
    let (attended, _) = tokio::join!(world.attend(&key), after(millis(100), world.cancel(&key)));
    assert_eq!(attended, Attended::Stopped);
    assert_eq!(world.passed(), LISTED_WITHIN + secs(2), "the commit for lists, and the grace");
}

#[tokio::test(start_paused = true)]
async fn a_canceled_agent_that_has_just_ended_is_not_waited_for() {
    let world = World::under(|policy| policy.updates_per_commit = 1).with(script!(|turn, _| {
        turn.progress("one").await?;
        turn.progress("two").await?;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    // The commit of the first update is under way when the cancel comes.
    world.faults.fail_nth(Kind::Commit, 2, Fault::SlowRequest(secs(10)));
    let (attended, _) = tokio::join!(world.attend(&key), after(secs(1), world.cancel(&key)));
    assert_eq!(attended, Attended::Stopped);
    assert!(world.passed() < secs(3), "{:?}", world.passed());
}

#[tokio::test(start_paused = true)]
async fn a_runner_whose_lease_is_taken_stops() {
    let world = World::new(script!(|turn, diary| {
        if turn.attempt() == 1 {
            until_stopped(turn, &diary).await;
            return Ok(End::Completed("by the first".into()));
        }
        turn.sleep(secs(20)).await;
        Ok(End::Completed("by the second".into()))
    }));
    let key = world.submit("hello").await;
    // The first runner's renewals and looks are lost from 5 s on, for longer than the lease lasts.
    let clock = world.clock.clone();
    world.faults.plan(move |call| {
        let passed = clock.now().saturating_since(TestClock::START);
        let cut_off = (secs(5)..secs(45)).contains(&passed);
        (cut_off && call.kind != Kind::Commit).then_some(Fault::LoseRequest)
    });
    let second = Runner::new(world.healthy(), world.agents().clone());
    let (first, second) = tokio::join!(world.attend(&key), async {
        tokio::time::sleep(LISTED_WITHIN + millis(30_100)).await;
        second.attend(&key, world.now().saturating_add(secs(900)), Company::Alone).await.unwrap()
    });
    assert_eq!(first, Attended::Stopped);
    assert_eq!(second, ran(1, TaskState::Completed));
    assert_eq!(world.diary.read(), ["Superseded at 45s"]);
    assert_eq!(status_text(&world.task(&key).await), "by the second");
}

#[tokio::test(start_paused = true)]
async fn a_long_run_keeps_its_lease() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(secs(600)).await;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    world.faults.heal();
    let (attended, ()) = tokio::join!(world.attend(&key), async {
        for _ in 0..59 {
            tokio::time::sleep(secs(10)).await;
            let until = world.head(&key).await.leased_until().unwrap();
            let left = until.saturating_since(world.now());
            assert!(left > secs(15), "{left:?} left of the lease");
            let another = world.attend(&key).await;
            assert!(matches!(another, Attended::HeldBy { .. }), "{another:?}");
        }
    });
    assert_eq!(attended, ran(1, TaskState::Completed));
    // Renewals are the cost of a long run: not many more than one for each third of a lease.
    assert!((50..=60).contains(&world.faults.count_of(Kind::Renew)));
    assert_eq!(
        world.faults.count_of(Kind::Commit),
        3,
        "the claim, lists and the end, at the first try"
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_that_gives_up_the_lease_does_not_look_like_a_lost_lease() {
    let wake_at = TestClock::START.saturating_add(secs(300));
    let world = World::new(script!(|turn, _| {
        turn.sleep(secs(5)).await;
        Ok(End::ParkUntil { wake_at, checkpoint: None })
    }));
    let key = world.submit("hello").await;
    world.queue.take_times();
    // The answer to the commit that parks takes so long that the next look finds the lease gone.
    world.faults.fail_nth(Kind::Commit, 2, Fault::SlowAnswer(secs(3)));
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Working));
    assert_eq!(world.queue.take_times(), [secs(300)], "the wake-up is not lost");
}

#[tokio::test(start_paused = true)]
async fn a_signal_that_takes_long_to_send_is_not_given_up() {
    let world = World::new(script!(|turn, _| {
        Ok(End::Continue { checkpoint: Some(Json::from_value(&turn.number())?) })
    }));
    let key = world.submit("hello").await;
    world.queue.take_times();
    // By now the lease is given up, and the next look would find that.
    world.queue.set_latency(secs(5));
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Working));
    assert_eq!(world.queue.take_times().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_is_told_then_left_and_tried_again() {
    let world = World::new(script!(|turn, diary| {
        if turn.attempt() == 1 {
            turn.progress("at work").await?;
            until_stopped(turn, &diary).await;
            std::future::pending::<()>().await;
        }
        Ok(End::Completed("at the second".into()))
    }));
    let key = world.submit("hello").await;
    world.queue.take_times();
    assert_eq!(world.attend(&key).await, ran(1, TaskState::Working));
    // Told 5 s before the end of the invocation, and left 2 s later.
    assert_eq!(world.diary.read(), ["OutOfTime at 895s"]);
    assert_eq!(world.passed().as_secs(), 897);
    let head = world.head(&key).await;
    assert!(matches!(head.phase, Phase::Waiting { .. }) && head.attempt == 1, "{head:?}");
    assert_eq!(world.queue.take_times().len(), 1);
    assert_eq!(status_text(&world.settle(&key).await), "at the second");
}

#[tokio::test(start_paused = true)]
async fn work_goes_on_in_the_next_invocation_from_a_checkpoint() {
    let world = World::new(script!(|turn, diary| {
        let mut done: u32 = turn.checkpoint()?.unwrap_or(0);
        diary.note(format!("turn {} attempt {} from {done}", turn.number(), turn.attempt()));
        while done < 40 {
            tokio::select! {
                biased;
                StopReason::OutOfTime = turn.stopped() => {
                    turn.progress(format!("{done} of 40")).await?;
                    return Ok(End::Continue { checkpoint: Some(Json::from_value(&done)?) });
                }
                () = turn.sleep(secs(60)) => done += 1,
            }
        }
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    let task = world.settle(&key).await;
    assert_eq!(task.status.state, TaskState::Completed);
    // 895 s are enough for 14 steps; the 40 take three invocations, none of which failed.
    let expected =
        ["turn 1 attempt 1 from 0", "turn 2 attempt 1 from 14", "turn 3 attempt 1 from 28"];
    assert_eq!(world.diary.read(), expected);
}

#[tokio::test(start_paused = true)]
async fn output_of_the_last_seconds_is_kept() {
    let world = World::new(script!(|turn, _| {
        let mut chunks = turn.chunked("story");
        chunks.push([Part::text("once")]).await?;
        assert_eq!(turn.stopped().await, StopReason::OutOfTime);
        assert_eq!(turn.stop_reason(), Some(StopReason::OutOfTime));
        chunks.push([Part::text("upon")]).await?;
        turn.flush().await?;
        chunks.finish([Part::text("a time")]).await?;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    let attended = world.attend_for(&key, secs(60)).await.unwrap();
    assert_eq!(attended, ran(1, TaskState::Completed));
    assert_eq!(artifacts(&world.task(&key).await), ["1-1: once|upon|a time"]);
}
