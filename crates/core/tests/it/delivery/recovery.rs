//! Stream recovery and the sweep: unclaimed pushes, and their deliverers.

use a2a_lambda_core::{Delivered, End, Mark, Swept, TaskKey, deliver};

use super::{sent, url};
use crate::support::{Fault, Kind, Manner, Scripted, World, millis, script, secs};

fn asks() -> Scripted {
    script!(|_, _| { Ok(End::input_required("which one?")) })
}

/// An agent that shows so many things and is done, a second after each other.
fn shows(count: usize) -> Scripted {
    script!(|turn, _| {
        for n in 0..count {
            turn.progress(format!("{n}")).await?;
            turn.sleep(secs(1)).await;
        }
        Ok(End::completed())
    })
}

#[tokio::test(start_paused = true)]
async fn the_cancel_of_a_queued_task_is_pushed() {
    let (world, key) = World::pushing_to("hook", asks()).await;
    let until = world.now().saturating_add(secs(2));
    assert_eq!(world.deliver(&key).await, Delivered::NotBefore { at: until });
    world.cancel(&key).await;
    assert_eq!(world.head(&key).await.mark(), Some(&Mark::Open));
    assert_eq!(world.deliver(&key).await, sent(2));
    assert_eq!(world.told("hook"), ["task SUBMITTED", "status CANCELED"]);
    let head = world.head(&key).await;
    assert_eq!((head.mark(), head.due), (None, None));
    world.attend(&key).await;
    assert_eq!(world.told("hook").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_cancel_of_a_question_is_pushed() {
    let world = World::new(asks());
    let key = world.attended_for("hook").await;
    world.cancel(&key).await;
    assert_eq!(world.deliver(&key).await, sent(1));
    let all = ["task SUBMITTED", "status WORKING", "status INPUT_REQUIRED", "status CANCELED"];
    assert_eq!(world.told("hook"), all);
    assert_eq!(world.deliver(&World::key("none")).await, Delivered::NoSuchTask);
}

#[tokio::test(start_paused = true)]
async fn the_sweep_delivers_unclaimed_pushes() {
    let (world, key) = World::pushing_to("hook", asks()).await;
    world.cancel(&key).await;
    tokio::time::sleep(secs(59)).await;
    assert_eq!(world.sweep().await, Swept::default());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(world.sweep().await, Swept { due: 1, pushes: 1, ..Swept::default() });
    assert_eq!(world.told("hook").len(), 2);
    tokio::time::sleep(secs(600)).await;
    assert_eq!(world.sweep().await, Swept::default());
}

#[tokio::test(start_paused = true)]
async fn of_two_that_deliver_one_does() {
    let (world, key) = World::pushing_to("hook", asks()).await;
    world.cancel(&key).await;
    let slow = |call: crate::support::Call<'_>| {
        (call.kind == Kind::Commit).then_some(Fault::SlowRequest(millis(5)))
    };
    world.faults.plan(slow);
    let (one, two) = tokio::join!(world.deliver(&key), world.deliver(&key));
    assert!(one == sent(2) || two == sent(2), "{one:?} {two:?}");
    assert_ne!(one, two);
    assert_eq!(world.told("hook").len(), 2);
    let held = matches!(one, Delivered::HeldBy { .. }) || matches!(two, Delivered::HeldBy { .. });
    assert!(held, "{one:?} {two:?}");
}

#[tokio::test(start_paused = true)]
async fn with_too_little_time_nothing_is_begun() {
    let (world, key) = World::pushing_to("hook", asks()).await;
    world.cancel(&key).await;
    let before = world.head(&key).await;
    let deadline = world.now().saturating_add(millis(10_999));
    let late = deliver(&world.engine, &key, deadline).await.unwrap();
    assert_eq!(late, Delivered::TooLate);
    assert_eq!(world.head(&key).await, before);
    assert!(world.told("hook").is_empty());
    let swept = a2a_lambda_core::sweep(&world.engine, deadline).await;
    assert_eq!(swept.pushes, 0, "it is not due either");
    tokio::time::sleep(secs(60)).await;
    let deadline = world.now().saturating_add(secs(5));
    let swept = a2a_lambda_core::sweep(&world.engine, deadline).await;
    assert_eq!(swept, Swept { due: 1, more: true, ..Swept::default() });
    let deadline = world.now().saturating_add(secs(11));
    assert_eq!(deliver(&world.engine, &key, deadline).await.unwrap(), sent(2));
}

/// A receiver takes so long that the time is over before all is sent.
#[tokio::test(start_paused = true)]
async fn pushes_without_time_are_signaled() {
    let (world, key) = World::pushing_to("hook", asks()).await;
    world.cancel(&key).await;
    world.receivers.script(&url("hook"), |_| Manner::Slow(secs(5)));
    let deadline = world.now().saturating_add(secs(15));
    assert_eq!(deliver(&world.engine, &key, deadline).await.unwrap(), sent(1));
    let until = world.now().saturating_add(secs(1));
    // Not open: the function that an open mark wakes serves unclaimed pushes only.
    assert_eq!(world.head(&key).await.mark(), Some(&Mark::Waiting { until }));
    assert_eq!(world.queue.take_times().last(), Some(&secs(6)));
    tokio::time::sleep(secs(1)).await;
    assert_eq!(world.deliver(&key).await, sent(1));
    assert_eq!(world.told("hook"), ["task SUBMITTED", "status CANCELED"]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_receiver_does_not_delay_others() {
    let world = World::new(asks());
    let key = world.attended_for("hangs").await;
    world.register(&key, "well").await;
    world.receivers.script(&url("hangs"), |_| Manner::Hangs);
    world.receivers.script(&url("well"), |_| Manner::Answers(200));
    world.register(&key, "hangs").await;
    let during = async {
        tokio::time::sleep(secs(3)).await;
        world.cancel(&key).await;
        let begin = world.now();
        tokio::time::sleep(millis(1_100)).await;
        assert_eq!(world.told("well"), ["task INPUT_REQUIRED", "status CANCELED"]);
        // One that is made meanwhile is not held up either.
        world.register(&key, "new").await;
        tokio::time::sleep(millis(1_100)).await;
        assert_eq!(world.told("new"), ["task CANCELED"]);
        assert!(world.now() < begin.saturating_add(secs(7)), "the other still hangs");
    };
    let (delivered, ()) = tokio::join!(world.deliver(&key), during);
    let Delivered::Ran(tally) = delivered else { panic!("{delivered:?}") };
    assert_eq!((tally.acknowledged, tally.failed), (3, 1));
    world.receivers.script(&url("hangs"), |_| Manner::Answers(200));
    world.live(&key, secs(10)).await;
    let told = world.taken("hangs");
    assert_eq!(told[told.len() - 2..], ["task INPUT_REQUIRED", "status CANCELED"]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_receiver_does_not_delay_others_beside_the_agent() {
    let (world, key) = World::pushing_to("hangs", shows(15)).await;
    world.register(&key, "well").await;
    world.receivers.script(&url("hangs"), |_| Manner::Hangs);
    world.attend(&key).await;
    let arrived = world.receivers.arrived(&url("well"));
    assert_eq!(arrived.len(), 18);
    let log = world.snapshot(&key).await.tail;
    let statuses: Vec<_> = log.iter().skip(1).map(|entry| entry.at).collect();
    for (arrived, at) in arrived[1..].iter().zip(statuses) {
        assert!(arrived.at <= at.saturating_add(secs(1)), "{} {at}", arrived.at);
    }
}

/// An attempt that outlasts its claim could arrive after another's later push.
#[tokio::test(start_paused = true)]
async fn no_attempt_outlasts_its_claim() {
    let (world, key) = World::pushing_to("hook", asks()).await;
    world.receivers.script(&url("hook"), |_| Manner::Slow(secs(9)));
    for _ in 0..8 {
        world.follow_up(&key, "more").await;
    }
    world.cancel(&key).await;
    let watching = async {
        loop {
            tokio::time::sleep(secs(1)).await;
            let head = world.head(&key).await;
            let Some(Mark::Claimed { until, .. }) = head.mark() else { break };
            let arrived = world.receivers.arrived(&url("hook"));
            let newest = arrived.last().unwrap().at;
            assert!(newest.saturating_add(secs(10)) < *until, "{newest} {until}");
        }
    };
    let (delivered, ()) = tokio::join!(world.deliver(&key), watching);
    assert_eq!(delivered, sent(2));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_does_not_come_with_the_head_is_read() {
    let world = World::new(shows(20));
    let key = world.done().await;
    world.register(&key, "late").await;
    assert_eq!(world.deliver(&key).await, sent(1));
    let task = world.receivers.arrived(&url("late"))[0].json();
    assert_eq!(task["task"]["history"].as_array().unwrap().len(), 21);

    // One that has missed much.
    let world = World::new(shows(20));
    world.receivers.script(&url("hook"), |n| Manner::Answers(if n < 2 { 500 } else { 200 }));
    let key = world.submit_for("hook").await;
    world.live(&key, secs(60)).await;
    assert_eq!(world.taken("hook").len(), 23);
}

async fn hanging(world: &World, count: usize) -> Vec<TaskKey> {
    let mut keys = Vec::new();
    for _ in 0..count {
        let key = world.submit_for("hangs").await;
        world.cancel(&key).await;
        keys.push(key);
    }
    keys
}

/// A slow receiver does not occupy its deliverer for long.
#[tokio::test(start_paused = true)]
async fn a_slow_receiver_with_much_to_come_is_left_to_the_next() {
    let (world, key) = World::with_task("go", asks()).await;
    world.register(&key, "slow").await;
    world.receivers.script(&url("slow"), |_| Manner::Slow(secs(9)));
    for answer in ["one", "two", "three", "four"] {
        world.attend(&key).await;
        world.follow_up(&key, answer).await;
    }
    let deadline = world.now().saturating_add(secs(900));
    let begin = world.passed();
    deliver(&world.engine, &key, deadline).await.unwrap();
    let took = world.passed().saturating_sub(begin);
    assert!(took < secs(20), "{took:?}");
    world.live(&key, secs(300)).await;
    let told = world.told("slow");
    assert_eq!(told.len(), 1 + 2 * 5, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_comes_to_its_end_among_many_that_hang() {
    let world = World::under(|policy| policy.push_at_once = 4).with(asks());
    world.receivers.script(&url("hangs"), |_| Manner::Hangs);
    let keys = hanging(&world, 30).await;
    tokio::time::sleep(secs(61)).await;
    let begin = world.passed();
    let swept = world.sweep().await;
    assert!(world.passed().saturating_sub(begin) <= secs(60));
    assert_eq!((swept.due, swept.failed, swept.more), (30, 0, true), "{swept:?}");
    assert_eq!(swept.pushes, 20, "four at a time, for ten seconds each, but the last ten seconds");
    // Those that were not come first the next time, and the signals for the others are under way.
    let next = world.sweep().await;
    assert_eq!((next.pushes, next.more), (10, false), "{next:?}");
    for key in keys {
        assert!(matches!(world.head(&key).await.mark(), Some(Mark::Waiting { .. })));
    }
}
