//! Processes that are killed at random while they work.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_aws_emulator::queue::MAX_WAIT;
use a2a_lambda_core::{Signal, TaskKey, sweep};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::Random;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{Aws, Client, Ended, Executor, PATIENCE, now};

/// How long between kills, in milliseconds.
const KILL_EVERY: (u64, u64) = (200, 500);

/// How often the sweep comes.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The time until the queue redelivers every second message of a killed process: before its lease
/// expires. The others come when the process has said.
const TOO_EARLY: Duration = Duration::from_secs(3);

/// A process that was killed.
pub(crate) struct Kill {
    pub(crate) at: Timestamp,
    /// The tasks of the signals that it got.
    pub(crate) given: Vec<TaskKey>,
}

/// A place for a process: who is in it can be killed while it is busy.
#[derive(Default)]
pub(crate) struct Seat(Mutex<Option<oneshot::Sender<()>>>);

/// Keeps a place filled, and its process fed.
pub(crate) async fn serve(aws: Arc<Aws>, seat: Arc<Seat>, kills: Arc<Mutex<Vec<Kill>>>) {
    let mut executor = Executor::start(&aws).await;
    loop {
        let batch = aws.batch(MAX_WAIT).await;
        if batch.is_empty() {
            continue;
        }
        let (kill, killed) = oneshot::channel();
        *seat.0.lock().unwrap() = Some(kill);
        let ended = tokio::select! {
            biased;
            Ok(()) = killed => None,
            ended = executor.invoke(&batch, PATIENCE) => Some(ended),
        };
        *seat.0.lock().unwrap() = None;
        if let Some(ended) = ended {
            assert!(matches!(ended, Ended::Answered(_)), "it was not killed, but {ended:?}");
            aws.settle(&batch, &ended);
            continue;
        }
        let at = now();
        executor.0.kill().await;
        let task = |body: &str| serde_json::from_str::<Signal>(body).unwrap().key();
        let given = batch.iter().map(|message| task(&message.body)).collect();
        kills.lock().unwrap().push(Kill { at, given });
        for message in batch.iter().step_by(2) {
            // It may have been sent on and deleted.
            let _ = aws.queue.change_visibility(&message.receipt_handle, TOO_EARLY);
        }
        executor = Executor::start(&aws).await;
    }
}

/// Kills processes that are busy, one after the other, while at least so many are.
pub(crate) async fn kill_at_random(
    seats: &[Arc<Seat>],
    number: usize,
    fewest: usize,
    mut dice: Random,
) {
    let mut kills = 0;
    while kills < number {
        sleep(Duration::from_millis(dice.within(KILL_EVERY.0, KILL_EVERY.1 - 1))).await;
        let is_busy = |seat: &&Arc<Seat>| seat.0.lock().unwrap().is_some();
        let busy: Vec<_> = seats.iter().filter(is_busy).collect();
        if busy.len() < fewest.max(1) {
            continue;
        }
        let chosen = busy[dice.place(busy.len())].0.lock().unwrap().take();
        // It may have answered just now.
        if chosen.is_some_and(|kill| kill.send(()).is_ok()) {
            kills += 1;
        }
    }
}

/// Sweeps until it is dropped.
pub(crate) async fn sweep_on(client: &Client) {
    loop {
        sleep(SWEEP_EVERY).await;
        let swept = sweep(client.engine(), now().saturating_add(PATIENCE)).await;
        assert!(swept.errors.is_empty() && !swept.more, "{swept:?}");
    }
}

/// Waits until no task is open any more, and no push.
pub(crate) async fn all_ended(client: &Client) {
    let forever = Timestamp::from_millis(i64::MAX);
    let mut shards = client.engine().store.due_shards().all().peekable();
    while let Some(shard) = shards.peek() {
        // Every unfinished task and every open push has a due time.
        if client.engine().store.due(*shard, forever, None, 1).await.unwrap().is_empty() {
            shards.next();
        } else {
            sleep(Duration::from_millis(250)).await;
        }
    }
}
