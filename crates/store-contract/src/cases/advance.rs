//! Advancing a push config: the new state replaces the one that it is based on, and no other.

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::push::{Attempt, Delivery, DeliveryRecord, Trouble};
use a2a_lambda_core::{Generation, Position, PushConfig, TaskKey};
use a2a_lambda_protocol::Timestamp;

use super::configs::{assert_same, confusable};
use super::races::together;
use crate::bench::{Bench, key};
use crate::configs::{
    ODD_TEXTS, bare_config, config, failing_config, stored_as, trouble, with_trouble,
};

/// How often a race with several possible ends is run.
const ROUNDS: usize = 12;

/// How many writers run in parallel.
const RUNNERS: usize = 8;

fn mark(text: &str) -> WriteId {
    WriteId::new(text)
}

/// The same config in a later state.
fn further(bench: &Bench, config: &PushConfig) -> PushConfig {
    let write = mark(&bench.fresh());
    stored_as(PushConfig { write, ..config.clone() }, |record| record.cursor = record.cursor.next())
}

/// Advances from the stored config, and reads it back.
async fn advances(bench: &Bench, task: &TaskKey, before: &PushConfig, after: &PushConfig) {
    assert!(bench.advance_config(task, &before.write, after).await, "from what is stored");
    is_stored(bench, task, after).await;
}

/// Advances from an outdated config, which changes nothing.
async fn does_not_advance(bench: &Bench, task: &TaskKey, before: &WriteId, after: &PushConfig) {
    let stored = bench.all_configs(task).await;
    let failing = bench.all_failing().await;
    assert!(!bench.advance_config(task, before, after).await, "from what is not stored");
    assert_eq!(bench.all_configs(task).await, stored);
    assert_eq!(bench.all_failing().await, failing);
}

async fn is_stored(bench: &Bench, task: &TaskKey, config: &PushConfig) {
    let read = bench.config(task, config.id.as_str()).await.expect("it is there");
    assert_same(&read, config);
    let all = bench.all_configs(task).await;
    let listed = all.iter().find(|listed| listed.id == config.id).expect("it is listed");
    assert_same(listed, config);
}

pub(crate) async fn the_next_takes_its_place(bench: Bench) {
    let (task, mut now) = bench.submit_with(config("config", "one")).await;
    for _ in 0..5 {
        let next = further(&bench, &now);
        advances(&bench, task.key(), &now, &next).await;
        now = next;
    }
    assert_eq!(bench.all_configs(task.key()).await, [now]);
}

/// Even the fields that a delivery does not change.
pub(crate) async fn all_of_it_is_stored(bench: Bench) {
    let task = bench.submit().await;
    let all = [
        bare_config("config"),
        failing_config("config", 5),
        config("config", "one"),
        bare_config("config"),
        config("config", "two"),
    ];
    bench.put_config(task.key(), &config("config", "zero")).await;
    let mut now = config("config", "zero");
    for next in all {
        let next = PushConfig { write: mark(&bench.fresh()), ..next };
        advances(&bench, task.key(), &now, &next).await;
        now = next;
    }
}

/// A delivery with failures, their end, and a new beginning.
pub(crate) async fn every_part_of_the_delivery_is_stored(bench: Bench) {
    let (task, mut now) = bench.submit_with(bare_config("config")).await;
    let mut attempts = Vec::new();
    let mut deliveries = Vec::new();
    for (number, reason) in ODD_TEXTS.iter().enumerate() {
        let position = Position(1 << (number * 9));
        let generation = Generation(position.0);
        let (reason, cause) =
            ((*reason).to_owned(), (number % 2 > 0).then(|| (*reason).to_owned()));
        attempts.push(Attempt { at: bench.now(), generation, reason, cause });
        let failures = u32::try_from(number).expect("a few");
        let next = (number % 3 > 0).then(|| bench.now());
        let trouble = Trouble { failures, next, attempts: attempts.clone(), ..trouble(5) };
        let (introduced, batch) = (number % 2 > 0, (number % 4 > 1).then_some(position));
        let trouble = Some(trouble);
        deliveries.push(DeliveryRecord { introduced, batch, trouble, ..DeliveryRecord::default() });
    }
    let (cursor, delivered) = (Position(u64::MAX), Generation(u64::MAX));
    deliveries.push(DeliveryRecord { cursor, introduced: true, ..DeliveryRecord::default() });
    deliveries.push(DeliveryRecord { delivered, ..DeliveryRecord::default() });
    deliveries.push(DeliveryRecord { cursor, replays: u32::MAX, ..DeliveryRecord::default() });
    deliveries.push(DeliveryRecord { batch: Some(cursor), ..DeliveryRecord::default() });
    deliveries.push(DeliveryRecord { trouble: Some(trouble(6)), ..DeliveryRecord::default() });
    deliveries.push(DeliveryRecord::default());
    for delivery in deliveries.into_iter().map(Delivery::from) {
        let next = PushConfig { write: mark(&bench.fresh()), delivery, ..now.clone() };
        advances(&bench, task.key(), &now, &next).await;
        now = next;
    }
}

pub(crate) async fn another_write_stands_in_its_way(bench: Bench) {
    let (task, read) = bench.submit_with(config("config", "one")).await;
    let other = further(&bench, &read);
    advances(&bench, task.key(), &read, &other).await;
    for late in [further(&bench, &read), failing_config("config", 3), bare_config("config")] {
        does_not_advance(&bench, task.key(), &read.write, &late).await;
    }
    is_stored(&bench, task.key(), &other).await;
    // From the present state, the advance succeeds.
    let late = further(&bench, &other);
    advances(&bench, task.key(), &other, &late).await;
}

/// Write ids may differ by a single character.
pub(crate) async fn only_its_own_mark_will_do(bench: Bench) {
    let task = bench.submit().await;
    let others = ["", "mark", "Mark-1", "mark-1 ", " mark-1", "mark-10", "mark-2", "w", "#w"];
    let read = PushConfig { write: mark("mark-1"), ..config("config", "one") };
    bench.put_config(task.key(), &read).await;
    for other in others.iter().chain(ODD_TEXTS) {
        does_not_advance(&bench, task.key(), &mark(other), &further(&bench, &read)).await;
    }
    let mut now = read;
    for text in ODD_TEXTS {
        let next = PushConfig { write: mark(text), ..now.clone() };
        advances(&bench, task.key(), &now, &next).await;
        now = next;
    }
}

/// A put replaces the config, so an advance of the earlier one is void.
pub(crate) async fn a_replaced_one_is_left_alone(bench: Bench) {
    let (task, read) = bench.submit_with(config("config", "one")).await;
    let replaced = config("config", "two");
    bench.put_config(task.key(), &replaced).await;
    does_not_advance(&bench, task.key(), &read.write, &further(&bench, &read)).await;
    is_stored(&bench, task.key(), &replaced).await;
    advances(&bench, task.key(), &replaced, &further(&bench, &replaced)).await;
}

pub(crate) async fn a_deleted_one_does_not_come_back(bench: Bench) {
    let (task, read) = bench.submit_with(failing_config("config", 5)).await;
    bench.put_config(task.key(), &config("other", "one")).await;
    let next = further(&bench, &read);
    advances(&bench, task.key(), &read, &next).await;
    bench.delete_config(task.key(), "config").await;
    for before in [&read, &next] {
        does_not_advance(&bench, task.key(), &before.write, &further(&bench, before)).await;
        // Not even the write that was made before.
        does_not_advance(&bench, task.key(), &before.write, &next).await;
    }
    assert_eq!(bench.config(task.key(), "config").await, None);
    assert_eq!(bench.all_failing().await, []);
    // A config that is created under its id later is another one.
    let again = config("config", "again");
    bench.put_config(task.key(), &again).await;
    does_not_advance(&bench, task.key(), &next.write, &further(&bench, &next)).await;
    is_stored(&bench, task.key(), &again).await;
}

pub(crate) async fn a_missing_one_is_not_made(bench: Bench) {
    let task = bench.submit().await;
    for task in [task.key(), &key("", "missing"), &key("acme", task.id().as_str())] {
        for new in [config("config", "one"), failing_config("config", 5)] {
            for before in [new.write.clone(), mark(""), mark("w")] {
                does_not_advance(&bench, task, &before, &new).await;
            }
        }
        assert_eq!(bench.all_configs(task).await, []);
    }
    task.verify().await;
}

/// A writer repeats its write after a lost answer.
pub(crate) async fn the_same_write_again_is_known(bench: Bench) {
    let (task, read) = bench.submit_with(config("config", "one")).await;
    let next = with_trouble(further(&bench, &read), Some(trouble(5)));
    for _ in 0..3 {
        advances(&bench, task.key(), &read, &next).await;
    }
    let last = further(&bench, &next);
    for _ in 0..2 {
        advances(&bench, task.key(), &next, &last).await;
        // The write was made, but it is not the newest any more.
        does_not_advance(&bench, task.key(), &read.write, &next).await;
    }
    is_stored(&bench, task.key(), &last).await;
}

pub(crate) async fn a_put_takes_the_place_of_an_advanced_one(bench: Bench) {
    let task = bench.submit().await;
    for new in [config("config", "new"), bare_config("config"), failing_config("config", 9)] {
        let read = failing_config("config", 5);
        bench.put_config(task.key(), &read).await;
        let next = further(&bench, &read);
        advances(&bench, task.key(), &read, &next).await;
        bench.put_config(task.key(), &new).await;
        is_stored(&bench, task.key(), &new).await;
        does_not_advance(&bench, task.key(), &next.write, &further(&bench, &next)).await;
    }
}

/// Several configs may have the same write id, if one request wrote them.
pub(crate) async fn others_stay_as_they_are(bench: Bench) {
    for task in confusable() {
        for id in ["config", "config#", "Config"] {
            bench.put_config(&task, &config(id, "one")).await;
        }
    }
    let one = config("config", "one");
    for (number, task) in confusable().enumerate() {
        advances(&bench, &task, &one, &further(&bench, &one)).await;
        for (place, other) in confusable().enumerate() {
            let all = bench.all_configs(&other).await;
            let untouched = all.iter().filter(|config| config.write == one.write).count();
            assert_eq!(untouched, if place > number { 3 } else { 2 }, "{other} after {task}");
        }
    }
}

pub(crate) async fn the_task_is_left_alone(bench: Bench) {
    let mut task = bench.submit().await;
    let due = bench.all_due(Timestamp::MAX).await;
    let mut now = config("config", "one");
    bench.put_config(task.key(), &now).await;
    for next in [failing_config("config", 5), further(&bench, &now)] {
        let next = PushConfig { write: mark(&bench.fresh()), ..next };
        advances(&bench, task.key(), &now, &next).await;
        now = next;
        assert_eq!(bench.all_due(Timestamp::MAX).await, due);
        task.verify().await;
    }
    // The commit has an earlier base, and the config stays unchanged.
    task.claim().await;
    task.verify().await;
    is_stored(&bench, task.key(), &now).await;
}

pub(crate) async fn of_many_at_once_one_wins(bench: Bench) {
    let (task, mut now) = bench.submit_with(config("config", "one")).await;
    for _ in 0..ROUNDS {
        let racers = (0..RUNNERS).map(|runner| {
            let (bench, task, before) = (bench.clone(), task.key().clone(), now.write.clone());
            let mut next = further(&bench, &now);
            next = with_trouble(next, (runner % 2 > 0).then(|| trouble(5)));
            async move { bench.advance_config(&task, &before, &next).await.then_some(next) }
        });
        let won: Vec<PushConfig> = together(racers).await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "one of them");
        now = won[0].clone();
        is_stored(&bench, task.key(), &now).await;
        let failing = usize::from(now.delivery.trouble.is_some());
        assert_eq!(bench.all_failing().await.len(), failing);
    }
}

pub(crate) async fn the_same_at_once_is_made_once(bench: Bench) {
    let (task, mut now) = bench.submit_with(config("config", "one")).await;
    for _ in 0..ROUNDS {
        let next = further(&bench, &now);
        let racers = (0..RUNNERS).map(|_| {
            let (bench, task) = (bench.clone(), task.key().clone());
            let (before, next) = (now.write.clone(), next.clone());
            async move { bench.advance_config(&task, &before, &next).await }
        });
        assert_eq!(together(racers).await, [true; RUNNERS]);
        is_stored(&bench, task.key(), &next).await;
        now = next;
    }
}

/// Each writer advances from its latest read until it has won a few times. No writer undoes
/// another's write.
pub(crate) async fn many_writers_lose_nothing(bench: Bench) {
    const WINS: u64 = 10;
    let task = bench.submit().await;
    bench.put_config(task.key(), &bare_config("config")).await;
    let writers = (0..RUNNERS).map(|_| {
        let (bench, task) = (bench.clone(), task.key().clone());
        async move {
            let mut wins = 0;
            while wins < WINS {
                let read = bench.config(&task, "config").await.expect("it is there");
                let next = further(&bench, &read);
                wins += u64::from(bench.advance_config(&task, &read.write, &next).await);
            }
        }
    });
    together(writers).await;
    let last = bench.config(task.key(), "config").await.expect("it is there");
    assert_eq!(last.delivery.cursor.0, WINS * RUNNERS as u64);
}

/// In either order, the config is gone, or has the content of the put.
pub(crate) async fn a_delete_or_a_put_at_once_has_the_last_word(bench: Bench) {
    let task = bench.submit().await;
    for round in 0..ROUNDS * 2 {
        let read = config("config", "one");
        bench.put_config(task.key(), &read).await;
        let new = (round % 2 > 0).then(|| config("config", "two"));
        let racers = (0..RUNNERS).map(|runner| {
            let (bench, task, new) = (bench.clone(), task.key().clone(), new.clone());
            let (before, next) = (read.write.clone(), further(&bench, &read));
            async move {
                match new {
                    _ if runner > 0 => drop(bench.advance_config(&task, &before, &next).await),
                    Some(new) => bench.put_config(&task, &new).await,
                    None => bench.delete_config(&task, "config").await,
                }
            }
        });
        together(racers).await;
        assert_eq!(bench.config(task.key(), "config").await, new, "in round {round}");
    }
}
