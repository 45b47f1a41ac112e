//! Receivers in trouble: when they are tried again, and when no more.

use std::time::Duration;

use a2a_lambda_core::operator::Operator;
use a2a_lambda_core::{Delivered, End, Mark, Policy, Tally, TaskKey};
use a2a_lambda_testing::Signals;

use super::{sent, url};
use crate::support::{Manner, World, completes, millis, script, secs};

fn failed(failed: usize) -> Delivered {
    Delivered::Ran(Tally { failed, ..Tally::default() })
}

/// A task that is over, and a receiver that does as told.
async fn receiver(script: impl FnMut(usize) -> Manner + Send + 'static) -> (World, TaskKey) {
    let world = World::new(completes());
    let key = world.done().await;
    world.receivers.script(&url("hook"), script);
    world.register(&key, "hook").await;
    (world, key)
}

/// The arrival time of the one signal, and whether the queue has it.
fn signaled(world: &World) -> (Duration, bool) {
    let (queue, timer) = (world.queue.take_times(), world.timer.take_times());
    assert_eq!(queue.len() + timer.len(), 1, "{queue:?} {timer:?}");
    (queue.iter().chain(&timer).copied().next().unwrap(), !queue.is_empty())
}

#[tokio::test(start_paused = true)]
async fn a_receiver_is_tried_for_three_days_and_then_no_more() {
    let (world, key) = receiver(|_| Manner::Down).await;
    assert_eq!(world.deliver(&key).await, failed(1));
    let since = world.now();
    let waits = Policy::default().push_waits;
    assert_eq!(waits.len(), 11);
    for (n, wait) in waits.iter().enumerate() {
        let trouble = world.config_of(&key, "hook").await.delivery.trouble.clone().unwrap();
        assert_eq!((trouble.since, trouble.failures), (since, u32::try_from(n).unwrap() + 1));
        assert_eq!(trouble.attempts.len(), (n + 1).min(5));
        let next = trouble.next.unwrap().saturating_since(world.now());
        assert!(next >= *wait && next <= *wait + *wait / 10, "{next:?} instead of {wait:?}");
        let until = trouble.next.unwrap();
        assert_eq!(world.head(&key).await.mark(), Some(&Mark::Waiting { until }));
        let due = world.head(&key).await.due.unwrap();
        assert!(due > world.now() && due <= until.saturating_add(secs(60)), "{due} {until}");
        let (at, by_queue) = signaled(&world);
        assert_eq!(at, world.passed() + next);
        assert_eq!(by_queue, next <= Signals::LONGEST_DELAY);
        assert_eq!(world.deliver(&key).await, Delivered::NotBefore { at: until });
        tokio::time::sleep(next).await;
        // By the signal: the runner delivers open pushes of an ended task.
        world.attend(&key).await;
        assert_eq!(world.told("hook").len(), n + 2);
    }
    let config = world.config_of(&key, "hook").await;
    assert!(config.delivery.is_disabled());
    assert_eq!(config.delivery.trouble.clone().unwrap().failures, 12);
    assert!(world.ids("hook").windows(2).all(|pair| pair[0] == pair[1]), "it is one push");
    assert!(world.queue.take_times().is_empty() && world.timer.take_times().is_empty());
    let head = world.head(&key).await;
    assert_eq!((head.mark(), head.due), (None, None));

    // The other config still gets its pushes; the gone one does, once it is made again.
    world.register(&key, "other").await;
    assert_eq!(world.deliver(&key).await, sent(1));
    world.receivers.script(&url("hook"), |_| Manner::Answers(200));
    world.register(&key, "hook").await;
    assert_eq!(world.deliver(&key).await, sent(1));
    assert_eq!(world.told("hook").len(), 13);
    assert_ne!(world.ids("hook")[12], world.ids("hook")[11], "it is another push");
    let delivery = world.config_of(&key, "hook").await.delivery;
    assert!(delivery.trouble.is_none() && delivery.introduced);
}

#[tokio::test(start_paused = true)]
async fn a_lost_signal_is_made_good_by_the_sweep() {
    let (world, key) = receiver(|n| Manner::Answers(if n < 3 { 500 } else { 200 })).await;
    world.queue.set_down(true);
    assert_eq!(world.deliver(&key).await, failed(1));
    for _ in 0..5 {
        tokio::time::sleep(secs(60)).await;
        world.sweep().await;
    }
    assert_eq!(world.told("hook").len(), 3);
    let head = world.head(&key).await;
    assert_eq!((head.mark(), head.due), (None, None));
}

#[tokio::test(start_paused = true)]
async fn only_2xx_is_an_acknowledgement() {
    for status in [200, 201, 204, 299] {
        let (world, key) = receiver(move |_| Manner::Answers(status)).await;
        assert_eq!(world.deliver(&key).await, sent(1), "{status}");
    }
    for status in [101, 199, 300, 301, 307, 400, 401, 404, 429, 500, 503] {
        let (world, key) = receiver(move |_| Manner::Answers(status)).await;
        assert_eq!(world.deliver(&key).await, failed(1), "{status}");
        let trouble = world.config_of(&key, "hook").await.delivery.trouble.clone().unwrap();
        assert!(trouble.next.is_some(), "{status}");
        assert_eq!(trouble.attempts[0].reason, format!("HTTP {status}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_gone_receiver_gets_no_further_push() {
    let (world, key) = receiver(|_| Manner::Answers(410)).await;
    assert_eq!(world.deliver(&key).await, failed(1));
    let delivery = world.config_of(&key, "hook").await.delivery;
    assert!(delivery.is_disabled());
    assert_eq!(delivery.trouble.as_ref().unwrap().attempts[0].reason, "HTTP 410: it wants no more");
    world.live(&key, secs(1_000)).await;
    assert_eq!(world.told("hook").len(), 1);
    assert_eq!(world.head(&key).await.due, None);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_may_ask_for_a_longer_wait_but_not_for_ever() {
    let (hour, day) = (secs(3_600), secs(24 * 3_600));
    for (asked, least, most) in [
        (secs(0), secs(5), millis(5_500)),
        (secs(2), secs(5), millis(5_500)),
        (hour, hour, hour),
        (day * 30, day, day),
    ] {
        let (world, key) = receiver(move |_| Manner::Busy(asked)).await;
        assert_eq!(world.deliver(&key).await, failed(1));
        let trouble = world.config_of(&key, "hook").await.delivery.trouble.clone().unwrap();
        let wait = trouble.next.unwrap().saturating_since(world.now());
        assert!(wait >= least && wait <= most, "{wait:?} for {asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn success_clears_the_trouble_and_later_pushes_follow() {
    let world = World::new(script!(|turn, _| {
        for text in ["one", "two"] {
            turn.progress(text).await?;
            turn.sleep(secs(1)).await;
        }
        Ok(End::completed())
    }));
    world.receivers.script(&url("hook"), |n| Manner::Answers(if n == 2 { 503 } else { 200 }));
    let key = world.submit_for("hook").await;
    world.live(&key, secs(30)).await;
    let all = ["task SUBMITTED", "status WORKING", "status WORKING"];
    assert_eq!(world.taken("hook")[..3], all);
    assert_eq!(world.taken("hook").last().unwrap(), "status COMPLETED");
    assert_eq!(world.told("hook").len(), 6, "one was sent twice");
    let arrived = world.receivers.arrived(&url("hook"));
    let taken: Vec<bool> = arrived.iter().map(|arrived| arrived.taken).collect();
    assert_eq!(taken, [true, false, true, true, true, true]);
    let wait = arrived[2].at.saturating_since(arrived[1].at);
    assert!(wait >= secs(5) && wait <= secs(7), "nothing was sent meanwhile: {wait:?}");
    assert_eq!(world.config_of(&key, "hook").await.delivery.trouble, None);
}

#[tokio::test(start_paused = true)]
async fn a_silent_receiver_gets_the_time_of_one_attempt() {
    let (world, key) = receiver(|_| Manner::Hangs).await;
    let begin = world.passed();
    assert_eq!(world.deliver(&key).await, failed(1));
    assert_eq!(world.passed().saturating_sub(begin), secs(10));
    let trouble = world.config_of(&key, "hook").await.delivery.trouble.clone().unwrap();
    assert_eq!(trouble.attempts[0].reason, "the receiver did not answer in 10000 ms");
}

/// The operator sees it, and no owner does.
#[tokio::test(start_paused = true)]
async fn only_the_operator_learns_of_the_network() {
    let (world, key) = receiver(|_| Manner::Down).await;
    for (said, cause) in [
        ("10.0.0.7: connection refused".to_owned(), "10.0.0.7: connection refused".to_owned()),
        // Two bytes each: it ends between two of them.
        (format!("x{}", "\u{fc}".repeat(200)), format!("x{}", "\u{fc}".repeat(79))),
    ] {
        world.receivers.say(&said);
        assert_eq!(world.deliver(&key).await, failed(1));
        let trouble = world.config_of(&key, "hook").await.delivery.trouble.clone().unwrap();
        let last = trouble.attempts.last().unwrap();
        assert_eq!(last.reason, "the receiver cannot be reached");
        assert_eq!(last.cause.as_ref(), Some(&cause));
        tokio::time::sleep(trouble.next.unwrap().saturating_since(world.now())).await;
    }
    let operator = Operator::new(world.engine.clone());
    let shown = operator.show(&key).await.unwrap();
    let attempts = &shown.configs[0].delivery.trouble.as_ref().unwrap().attempts;
    assert_eq!(attempts[0].cause.as_deref(), Some("10.0.0.7: connection refused"));
}

/// A lack in this process does not count, and does not reset the receiver's failures.
#[tokio::test(start_paused = true)]
async fn a_push_that_cannot_be_begun_here_does_not_count() {
    let manners =
        [Manner::Down, Manner::Crowded, Manner::Crowded, Manner::Down, Manner::Answers(200)];
    let (world, key) = receiver(move |number| manners[number - 1]).await;
    for (failures, ours) in [(1, 0), (1, 1), (1, 2), (2, 0)] {
        assert_eq!(world.deliver(&key).await, failed(1));
        let trouble = world.config_of(&key, "hook").await.delivery.trouble.clone().unwrap();
        assert_eq!((trouble.failures, trouble.ours), (failures, ours));
        tokio::time::sleep(trouble.next.unwrap().saturating_since(world.now())).await;
    }
    assert_eq!(world.deliver(&key).await, sent(1));
}

#[tokio::test(start_paused = true)]
async fn two_receivers_in_trouble_are_each_tried_at_their_time() {
    let world = World::new(completes());
    let key = world.done().await;
    for (name, asked) in [("one", 100), ("two", 200)] {
        let first = move |n| if n == 1 { Manner::Busy(secs(asked)) } else { Manner::Answers(200) };
        world.receivers.script(&url(name), first);
        world.register(&key, name).await;
    }
    assert_eq!(world.deliver(&key).await, failed(2));
    assert_eq!(world.queue.take_times().len(), 1, "a signal for the first one");
    tokio::time::sleep(secs(100)).await;
    assert_eq!(world.deliver(&key).await, sent(1));
    assert_eq!((world.told("one").len(), world.told("two").len()), (2, 1));
    assert_eq!(world.queue.take_times().len(), 1, "and then for the second");
    tokio::time::sleep(secs(100)).await;
    assert_eq!(world.deliver(&key).await, sent(1));
    assert_eq!(world.head(&key).await.mark(), None);
    assert!(world.queue.take_times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_config_in_trouble_leaves_nothing_behind() {
    let (world, key) = receiver(|_| Manner::Down).await;
    assert_eq!(world.deliver(&key).await, failed(1));
    world.unregister(&key, "hook").await;
    world.live(&key, secs(120)).await;
    assert_eq!(world.told("hook").len(), 1);
    let head = world.head(&key).await;
    assert_eq!((head.pushes, head.due), (None, None));
}
