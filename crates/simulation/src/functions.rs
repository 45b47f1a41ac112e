//! The functions that no client calls: executors that attend to signals, and the sweep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use a2a_lambda_core::{Agents, Attended, Company, Runner, sweep};

use crate::actor::Actor;
use crate::agent::Scripted;
use crate::queue::{Receive, Received};
use crate::rng::Rng;
use crate::world::World;

/// How long a sweep may take.
const SWEEP_LIMIT: Duration = Duration::from_mins(5);

/// What the queue waits beyond the longest invocation before it delivers a signal again.
const VISIBILITY_MARGIN: Duration = Duration::from_secs(30);

/// Attends to signals, one after the other, for ever.
pub(crate) async fn execute(world: Arc<World>, count: Arc<AtomicU32>) {
    let invocation = Duration::from_secs(world.settings.invocation_s.into());
    loop {
        match world.queue.receive(invocation + VISIBILITY_MARGIN, world.settings.receives) {
            Receive::Got(received) => {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let name = format!("x{number}");
                let actor = Actor::new(&world, name).attending(received.signal.key());
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

async fn attend(world: &World, actor: Arc<Actor>, received: &Received, invocation: Duration) {
    let key = received.signal.key();
    let what = format!("is given signal {}", received.receives);
    world.note(actor.name(), &what, &key.task);
    let engine = actor.engine();
    let deadline = engine.clock.now().saturating_add(invocation);
    let runner = Runner::new(engine, Agents::new(Arc::new(Scripted { actor: actor.clone() })));
    let attended = actor.live(invocation, runner.attend(&key, deadline, Company::Alone)).await;
    match attended {
        Some(Ok(outcome)) if outcome != Attended::TooLate => {
            world.note(actor.name(), "is done", format_args!("{outcome:?}"));
            world.queue.delete(received);
        }
        Some(failed) => {
            world.note(actor.name(), "gives the signal back", format_args!("{failed:?}"));
            let mut rng = Rng::derive(world.seed, &format!("{}, back", actor.name()));
            let after = Duration::from_millis(rng.within(0, 30_000));
            world.queue.give_back(received, after);
        }
        // It comes again once the queue has waited long enough.
        None => {}
    }
}

/// Sweeps at intervals, for ever; a slow sweep and the next may overlap.
pub(crate) async fn sweep_at_intervals(world: Arc<World>) {
    let interval = Duration::from_secs(world.settings.sweep_s.into());
    for number in 1_u32.. {
        tokio::time::sleep(interval).await;
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
