//! Streams and time: their cost, their delay, and their readers' freedom.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::{Generation, Next, StreamEvent, Tail};
use a2a_lambda_protocol::SubscribeToTaskRequest;

use super::{chunks, send_streaming, takes};
use crate::support::{Fault, Kind, World, drain, event, millis, secs, subscribe, told_by, user};

/// How often the store was looked at for a task at which nothing happens. Of 25 looks, 24 cost half.
fn looks(world: &World) -> usize {
    let (reads, glances) = (world.faults.count_of(Kind::Read), world.faults.count_of(Kind::Glance));
    assert!(24 * reads <= glances + 24, "{reads} reads and {glances} glances");
    reads + glances
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_asks_the_store_as_seldom_as_the_policy_says() {
    for (most_ms, bounds) in [(200, 290..=310), (1_000, 58..=65)] {
        let world = World::under(|policy| {
            policy.tail_poll_most = millis(most_ms);
        })
        .with(takes(6_000));
        let key = world.submit("go").await;
        let mut tail = subscribe(&world, &key, None).await.unwrap();
        event(&mut tail).await;
        // It takes a while until it is that slow.
        assert_eq!(tail.next(secs(30)).await, Next::Idle);
        world.faults.heal();
        for _ in 0..4 {
            assert_eq!(tail.next(secs(15)).await, Next::Idle);
        }
        let looks = looks(&world);
        assert!(bounds.contains(&looks), "{looks} looks in a minute");
        assert_eq!(world.faults.count(), looks, "and nothing else");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_s_patience_does_not_change_a_stream_s_cost() {
    for idle_ms in [1, 7, 50, 199] {
        let (world, key) = World::with_task("go", takes(6_000)).await;
        let mut tail = subscribe(&world, &key, None).await.unwrap();
        event(&mut tail).await;
        assert_eq!(tail.next(secs(30)).await, Next::Idle);
        world.faults.heal();
        let end = world.passed() + secs(60);
        while world.passed() < end {
            assert_eq!(tail.next(millis(idle_ms)).await, Next::Idle);
        }
        let looks = looks(&world);
        assert!((290..=310).contains(&looks), "{looks} looks at {idle_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_comes_soon_after_its_commit() {
    // Frequent events are seen sooner: each event resets the interval.
    for (every_ms, median_ms) in [(110, 30), (300, 60), (1_000, 99)] {
        let world = World::new(chunks(every_ms, 100));
        let mut tail = send_streaming(&world, user("go"), &SendOptions::default()).await.unwrap();
        let seen = async {
            let mut seen = Vec::new();
            while let Next::Event(event) = tail.next(secs(60)).await {
                seen.push((event.generation, world.now()));
            }
            seen
        };
        let seen = world.served(seen).await;
        assert_eq!(seen.len(), 103);
        let key = world.list_one().await;
        let log = world.snapshot(&key).await.tail;
        let committed =
            |of: Generation| log.iter().find(|entry| entry.generation == of).unwrap().at;
        let mut late: Vec<u128> = seen
            .iter()
            .map(|(generation, at)| at.saturating_since(committed(*generation)).as_millis())
            .collect();
        late.sort_unstable();
        let (median, worst) = (late[late.len() / 2], late[late.len() - 1]);
        assert!(median <= median_ms && worst <= 200, "{median} and {worst} ms at {every_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn idle_comes_when_nothing_has_come_for_that_long_and_not_before() {
    let (world, key) = World::with_task("go", takes(6_000)).await;
    let mut tail = subscribe(&world, &key, None).await.unwrap();
    event(&mut tail).await;
    for idle_ms in [0, 1, 20, 333, 15_000, 60_000] {
        let begin = world.passed();
        assert_eq!(tail.next(millis(idle_ms)).await, Next::Idle);
        assert_eq!(world.passed().saturating_sub(begin), millis(idle_ms));
    }
    world.cancel(&key).await;
    let begin = world.passed();
    assert_eq!(told_by(&[event(&mut tail).await]), ["2 CANCELED"]);
    assert!(world.passed().saturating_sub(begin) <= millis(200));
    assert_eq!(tail.next(secs(1)).await, Next::End);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_time_is_up_and_can_be_resumed() {
    let (world, key) = World::with_task("go", chunks(300, 10)).await;
    let request = SubscribeToTaskRequest::of(key.task.as_str());
    let until = Some(world.now().saturating_add(millis(1_450)));
    let operations = world.operations();
    let mut whole = subscribe(&world, &key, None).await.unwrap();
    let mut cut = operations.subscribe(&World::alice(), &request, None, until).await.unwrap();
    let all = async {
        let (whole, cut) = tokio::join!(drain(&mut whole), async {
            let cut = drain(&mut cut).await;
            (cut, world.passed())
        });
        (whole, cut)
    };
    let (whole, (cut, ended)) = world.served(all).await;
    assert_eq!(ended, millis(1_450));
    assert_eq!(cut, whole[..cut.len()]);
    assert_eq!(told_by(&cut).last().unwrap(), "7 1-1+ 4");
    let mut rest = subscribe(&world, &key, Some(7)).await.unwrap();
    assert_eq!(drain(&mut rest).await, whole[cut.len()..]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_time_was_up_before_has_just_the_task() {
    let world = World::new(takes(600));
    let options = SendOptions { answer_by: Some(world.now()), ..SendOptions::default() };
    tokio::time::sleep(secs(1)).await;
    let mut tail = send_streaming(&world, user("go"), &options).await.unwrap();
    assert_eq!(told_by(&drain(&mut tail).await), ["1 task SUBMITTED"]);
    assert_eq!(world.passed(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn no_stream_is_longer_than_the_policy_lets_it_be() {
    for until in [None, Some(secs(100_000))] {
        let (world, key) = World::with_task("go", takes(6_000)).await;
        let request = SubscribeToTaskRequest::of(key.task.as_str());
        let until = until.map(|until| world.now().saturating_add(until));
        let operations = world.operations();
        let mut tail = operations.subscribe(&World::alice(), &request, None, until).await.unwrap();
        drain(&mut tail).await;
        assert_eq!(world.passed(), secs(900));
    }
}

/// Polls for the next event that many times, and drops it then if it is not there.
async fn polled(tail: &mut Tail, times: u32) -> Option<Next> {
    let mut next = pin!(tail.next(secs(15)));
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        next.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_give_up_at_any_point_without_missing_anything() {
    // Requests that take time have more points to give up at.
    for latency in [Duration::ZERO, millis(3)] {
        for options in [
            SendOptions::default(),
            SendOptions { may_answer_directly: true, ..SendOptions::default() },
        ] {
            let world = World::new(chunks(30, 20));
            if latency > Duration::ZERO {
                world.faults.plan(move |call| {
                    let slow = [Fault::SlowRequest(latency), Fault::SlowAnswer(latency)];
                    (call.kind == Kind::Read).then(|| slow[call.of_kind % 2])
                });
            }
            let mut tail = send_streaming(&world, user("go"), &options).await.unwrap();
            let key = world.list_one().await;
            let mut whole = subscribe(&world, &key, None).await.unwrap();
            let give_up = async {
                let mut events: Vec<StreamEvent> = Vec::new();
                // From one poll to as many as it takes, again and again.
                for polls in (1..12).cycle().take(50_000) {
                    match polled(&mut tail, polls).await {
                        Some(Next::Event(event)) => events.push(*event),
                        Some(Next::End) => break,
                        Some(Next::Idle) => unreachable!(),
                        None => tokio::time::sleep(millis(1)).await,
                    }
                }
                events
            };
            let all = async { tokio::join!(drain(&mut whole), give_up) };
            let (whole, seen) = world.served(all).await;
            assert_eq!(told_by(&seen), told_by(&whole));
            assert_eq!(seen, whole);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_never_waits_for_long_gets_its_events_as_soon() {
    for patience_ms in [1, 5, 19, 60] {
        let world = World::new(chunks(300, 10));
        let mut tail = send_streaming(&world, user("go"), &SendOptions::default()).await.unwrap();
        let events = async {
            let mut events = 0;
            // As beside something else in a `select!`.
            loop {
                match tokio::time::timeout(millis(patience_ms), tail.next(secs(15))).await {
                    Ok(Next::Event(_)) => events += 1,
                    Ok(Next::End) => return events,
                    Ok(Next::Idle) => unreachable!(),
                    Err(_) => assert!(world.passed() < secs(10), "nothing more comes"),
                }
            }
        };
        assert_eq!(world.served(events).await, 13);
        assert!(world.passed() < millis(3_300), "{:?}", world.passed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_does_not_stop_a_stream() {
    for step_ms in [-3_600_000, -500, 500, 60_000] {
        let world = World::new(chunks(300, 10));
        let mut tail = send_streaming(&world, user("go"), &SendOptions::default()).await.unwrap();
        let set = async {
            tokio::time::sleep(millis(1_000)).await;
            world.clock.step(step_ms);
            std::future::pending::<()>().await;
        };
        let (events, took) = world
            .served(async {
                let begin = tokio::time::Instant::now();
                let events = tokio::select! {
                    events = drain(&mut tail) => events,
                    () = set => unreachable!(),
                };
                (events, begin.elapsed())
            })
            .await;
        assert_eq!(events.len(), 13, "{step_ms}");
        assert!(took <= millis(3_300), "{took:?} at {step_ms}");
    }
}
