//! The functions that no client calls: executors for signals, stream recovery, and the sweep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use a2a_lambda_core::{Agents, Attended, Runner, TaskKey, deliver, sweep};

use crate::actor::Actor;
use crate::agent::Scripted;
use crate::queue::{Receive, Received};
use crate::recovering;
use crate::world::World;
use a2a_lambda_testing::Random;

/// How long a sweep may take.
const SWEEP_LIMIT: Duration = Duration::from_mins(5);

/// The longest time without a sweep: a day, in milliseconds.
const LONGEST_REST_MS: u64 = 86_400_000;

/// How long stream recovery may take.
const STREAM_LIMIT: Duration = Duration::from_mins(1);

/// How often stream recovery gets a record before the record is dropped.
const RECORD_TRIES: u32 = 3;

/// How much longer than the longest invocation the queue waits before it redelivers a signal.
const VISIBILITY_MARGIN: Duration = Duration::from_secs(30);

/// Attends to signals one after the other, without end.
pub(crate) async fn execute(world: Arc<World>, count: Arc<AtomicU32>) {
    let invocation = Duration::from_secs(world.settings.invocation_s.into());
    loop {
        match world.queue.receive(invocation + VISIBILITY_MARGIN, world.settings.receives) {
            Receive::Got(received) => {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let actor = Actor::new(&world, format!("x{number}"));
                attend(&world, Arc::new(actor), &received, invocation).await;
            }
            Receive::GivenUp(signal) => world.note("queue", "gives up", signal.task_id),
            Receive::NotBefore(at) => {
                tokio::select! {
                    biased;
                    () = world.queue.changed.notified() => {}
                    () = tokio::time::sleep_until(at) => {}
                }
            }
            Receive::Empty => world.queue.changed.notified().await,
        }
    }
}

async fn attend(world: &Arc<World>, actor: Arc<Actor>, received: &Received, invocation: Duration) {
    let key = received.signal.key();
    let what = format!("is given signal {}", received.receives);
    world.note(actor.name(), &what, &key.task);
    let engine = actor.engine();
    let deadline = engine.clock.now().saturating_add(invocation);
    let runner = Runner::new(engine, Agents::new(Arc::new(Scripted { actor: actor.clone() })));
    let (is_calm, is_told) = (world.is_calm(), AtomicBool::new(false));
    let attending = recovering::attend(&actor, &runner, received, deadline, &is_told);
    let attended = actor.live(invocation, attending).await;
    match attended {
        Some(Ok(outcome)) if outcome != Attended::TooLate => {
            world.note(actor.name(), "is done", format_args!("{outcome:?}"));
            world.queue.delete(received);
        }
        Some(failed) => {
            world.note(actor.name(), "gives the signal back", format_args!("{failed:?}"));
            let mut rng = Random::derive(world.seed, &format!("{}, back", actor.name()));
            let after = Duration::from_millis(rng.within(0, 30_000));
            world.queue.hide(received, after);
        }
        // The actor has died. It has set the time of the signal's redelivery.
        None => {
            let is_prompt = is_calm && is_told.into_inner();
            world.runner_died(actor.name(), received, is_prompt);
        }
    }
}

/// Sweeps at intervals, without end. A slow sweep and the next may overlap. After the world has
/// healed, it skips sweeps without due work: they would have no effect, and receivers can be down
/// for days.
pub(crate) async fn sweep_at_intervals(world: Arc<World>) {
    let interval_ms = u64::from(world.settings.sweep_s) * 1_000;
    let mut last = 0;
    loop {
        let now_ms = world.now_ms();
        let earliest_ms = world.rests_until_ms().clamp(now_ms, now_ms + LONGEST_REST_MS);
        let number = earliest_ms.div_ceil(interval_ms).max(last + 1);
        let pause = (number * interval_ms).saturating_sub(world.now_ms());
        tokio::select! {
            biased;
            () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            () = world.written.notified() => continue,
        }
        last = number;
        let actor = Arc::new(Actor::new(&world, format!("sweep{number}")));
        tokio::spawn(async move {
            let engine = actor.engine();
            let deadline = engine.clock.now().saturating_add(SWEEP_LIMIT);
            let swept = actor.live(SWEEP_LIMIT, sweep(&engine, deadline)).await;
            actor.world().note(actor.name(), "has swept", format_args!("{swept:?}"));
            actor.world().judge_sweep();
        });
    }
}

/// Stream recovery gets the record of a write that left an unclaimed mark.
pub(crate) async fn recover_from_stream(world: Arc<World>, key: TaskKey, number: u32) {
    let mut rng = Random::derive(world.seed, &format!("record {number}"));
    let faults = world.faults();
    let is_lost = rng.chance(faults.late / 10);
    let is_late = rng.chance(faults.late);
    let times = if rng.chance(faults.repeat) { 2 } else { 1 };
    let waits = [rng.within(50, 1_000), rng.within(50, 40_000), rng.within(0, 10_000)];
    let [usual, late, between] = waits.map(Duration::from_millis);
    tokio::time::sleep(if is_late { late } else { usual }).await;
    if is_lost {
        world.note("stream", "loses a record", &key.task);
        return;
    }
    for repeat in 1..=times {
        for receive in 1..=RECORD_TRIES {
            let name = format!("stream{number}-{repeat}-{receive}");
            let actor = Arc::new(Actor::new(&world, name));
            world.note(actor.name(), "is given a record", &key.task);
            let engine = actor.engine();
            let deadline = engine.clock.now().saturating_add(STREAM_LIMIT);
            let delivered = actor.live(STREAM_LIMIT, deliver(&engine, &key, deadline)).await;
            world.note(actor.name(), "is done", format_args!("{delivered:?}"));
            if matches!(delivered, Some(Ok(_))) {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(between).await;
    }
}

/// Lets the store delete expired items by itself, some time after their expiry, without end.
pub(crate) async fn die_at_intervals(world: Arc<World>) {
    if world.settings.kept_s == 0 {
        return;
    }
    let mut rng = Random::derive(world.seed, "ttl");
    loop {
        tokio::time::sleep(Duration::from_millis(rng.within(1_000, 60_000))).await;
        let late_ms = rng.pick(&[0, 30_000, 120_000]);
        world.let_die(world.now_ms().saturating_sub(late_ms)).await;
    }
}
