//! The cost of pushes: their configs, and the mark in the head.

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::{Command, Finish, FirstPush, NewPush, Settlement, TurnEnd};
use a2a_lambda_core::push::{
    Attempt, DeliveryRecord, MAX_ATTEMPTS_KEPT, MAX_CAUSE_BYTES, Sealed, Trouble,
};
use a2a_lambda_core::{
    ClaimToken, Generation, Position, PushConfig, PushConfigs, Registration, Snapshot,
};
use a2a_lambda_protocol::Timestamp;

use super::meter::Written;
use super::{Bench, chunk, config, key, token};

/// The most trouble that a config remembers, in common letters.
fn trouble(failures: u32) -> Trouble {
    let at = Timestamp::from_millis(1_760_000_000_000);
    let (reason, cause) = ("x".repeat(40), Some("y".repeat(MAX_CAUSE_BYTES)));
    let attempt = Attempt { at, generation: Generation(9), reason, cause };
    let attempts = vec![attempt; MAX_ATTEMPTS_KEPT.min(failures as usize)];
    Trouble { since: at, failures, ours: 0, next: Some(at), attempts }
}

/// The units of one write to the table, of an item of up to 1 KB.
const ONE: Written = Written { table: 1.0, list: 0.0, due: 0.0, context: 0.0 };

fn pusher() -> ClaimToken {
    ClaimToken::new("pusher")
}

/// The same config, after another write.
fn further(config: &PushConfig, number: u64) -> PushConfig {
    let delivery = DeliveryRecord {
        cursor: Position(number),
        delivered: Generation(number),
        introduced: true,
        batch: Some(Position(number)),
        ..DeliveryRecord::default()
    };
    let delivery = delivery.into();
    PushConfig { write: WriteId::new(format!("p-{number}")), delivery, ..config.clone() }
}

/// Advances a config. Returns the units.
async fn advance(
    bench: &Bench,
    before: &PushConfig,
    after: &PushConfig,
) -> (Vec<&'static str>, Written) {
    bench.meter.take();
    assert!(bench.store.advance(&key(), &before.write, after).await.unwrap());
    bench.meter.take_written()
}

#[tokio::test]
async fn configs_take_one_request_each() {
    let bench = Bench::new().await;
    let store: &dyn PushConfigs = &bench.store;
    for number in 10..40 {
        store.put(&key(), &config(&number.to_string())).await.unwrap();
    }
    bench.meter.take();
    store.put(&key(), &config("10")).await.unwrap();
    store.get(&key(), &[config("10").registration]).await.unwrap();
    store.delete(&key(), &config("10").registration).await.unwrap();
    assert_eq!(bench.meter.take(), (vec!["PutItem", "GetItem", "DeleteItem"], 1.0));
    for count in [2, 10, 16] {
        let configs = (10..10 + count).map(|number| config(&number.to_string()).registration);
        store.get(&key(), &configs.collect::<Vec<_>>()).await.unwrap();
        assert_eq!(bench.meter.take().0, ["Query"], "for {count}");
    }
    store.get(&key(), &[]).await.unwrap();
    assert_eq!(bench.meter.take().0, [""; 0]);
    // The configs are no part of the task.
    assert_eq!(bench.cost(Position(0)).await, (vec!["GetItem"], 1.0));
}

#[tokio::test]
async fn a_write_of_a_config_takes_one_unit() {
    let bench = Bench::new().await;
    let store: &dyn PushConfigs = &bench.store;
    // The largest usual token and credentials, sealed.
    let new = PushConfig { secrets: Sealed::new("s".repeat(600)), ..config("config") };
    bench.meter.take();
    store.put(&key(), &new).await.unwrap();
    assert_eq!(bench.meter.take_written(), (vec!["PutItem"], ONE));
    let first = further(&new, 1);
    assert_eq!(advance(&bench, &new, &first).await, (vec!["PutItem"], ONE));
    let second = further(&new, 2);
    assert_eq!(advance(&bench, &first, &second).await, (vec!["PutItem"], ONE));
    // One request loses the race. Its answer tells whether the write was its own.
    bench.meter.take();
    assert!(!store.advance(&key(), &first.write, &further(&new, 3)).await.unwrap());
    assert_eq!(bench.meter.take().0, ["error"]);
    assert!(store.advance(&key(), &first.write, &second).await.unwrap());
    assert_eq!(bench.meter.take().0, ["error"]);
    store.delete(&key(), &new.registration).await.unwrap();
    assert_eq!(bench.meter.take_written(), (vec!["DeleteItem"], ONE));
}

/// An index is written when trouble begins and when it ends, and not in between.
#[tokio::test]
async fn trouble_takes_one_index_entry() {
    let bench = Bench::new().await;
    let store: &dyn PushConfigs = &bench.store;
    let mut now = config("config");
    store.put(&key(), &now).await.unwrap();
    for failures in 1..=8 {
        let trouble = Some(trouble(failures));
        let delivery = DeliveryRecord { trouble, ..(*now.delivery).clone() }.into();
        let write = WriteId::new(format!("f-{failures}"));
        let next = PushConfig { write, delivery, ..now.clone() };
        let (requests, written) = advance(&bench, &now, &next).await;
        assert_eq!(requests, ["PutItem"]);
        let due = if failures == 1 { 1.0 } else { 0.0 };
        // Five of the longest reasons are more than 1 KB.
        let table = if failures < 4 { 1.0 } else { 2.0 };
        assert_eq!(written, Written { table, due, ..ONE }, "after {failures}");
        now = next;
    }
    let well = further(&now, 9);
    let (_, written) = advance(&bench, &now, &well).await;
    // The last time, DynamoDB charges for the larger item.
    assert_eq!(written, Written { table: 2.0, due: 1.0, ..ONE });
}

#[tokio::test]
async fn failing_configs_take_one_query_a_page() {
    let bench = Bench::new().await;
    let store: &dyn PushConfigs = &bench.store;
    let shard = a2a_lambda_core::store::due_shard(&key());
    bench.meter.take();
    assert_eq!(store.failing(shard, None, 100).await.unwrap(), []);
    assert_eq!(bench.meter.take(), (vec!["Query"], 0.5));
    for number in 10..40 {
        let config = config(&number.to_string());
        store.put(&key(), &config).await.unwrap();
        let trouble = Some(trouble(5));
        let delivery = DeliveryRecord { trouble, ..(*config.delivery).clone() }.into();
        store.put(&key(), &PushConfig { delivery, ..config }).await.unwrap();
    }
    bench.meter.take();
    // The index has only the keys of an entry.
    let found = store.failing(shard, None, 100).await.unwrap();
    assert_eq!((found.len(), bench.meter.take()), (30, (vec!["Query"], 0.5)));
    let found = store.failing(shard, found.get(9), 10).await.unwrap();
    assert_eq!((found.len(), bench.meter.take()), (10, (vec!["Query"], 0.5)));
}

/// Beside an agent, the deliverer claims by the agent's own commits, at no extra cost.
#[tokio::test]
async fn a_claimed_mark_comes_with_a_commit() {
    let mut bench = Bench::new().await;
    bench.apply(register("config", 1)).await;
    // The first commit after the claim moves the task in lists.
    bench.apply(Command::Emit { token: token(), updates: Vec::new() }).await;
    for number in 0..3 {
        bench.meter.take();
        let emit = Command::Emit { token: token(), updates: vec![chunk(50)] };
        bench.apply_as(Some(pusher()), emit).await;
        assert!(bench.task.head.pushed_until(&pusher()).is_some());
        assert_eq!(bench.meter.take_written(), (vec!["UpdateItem"], ONE), "{number}");
    }
}

/// The most configs that a task may have add no further KB to its head.
#[tokio::test]
async fn the_names_of_all_configs_take_another_unit() {
    let mut bench = Bench::new().await;
    let mut units = Vec::new();
    for number in 0..16 {
        bench.meter.take();
        // Ids may be long.
        bench.apply(register(&format!("{number}{}", "i".repeat(200)), 1)).await;
        let (requests, written) = bench.meter.take_written();
        assert_eq!((requests, written.list, written.due), (vec!["UpdateItem"], 0.0, 0.0));
        units.push(written.table);
    }
    assert_eq!((units[0], units[1]), (1.0, 1.0));
    assert!(units.iter().all(|units| *units <= 2.0), "{units:?}");
}

/// A config that is created, replaced and deleted without a deliverer costs an item and a commit
/// each.
#[tokio::test]
async fn making_and_deleting_a_config_takes_a_commit_each() {
    let mut bench = Bench::new().await;
    for making in 1..=3 {
        bench.meter.take();
        bench.apply(register("config", making)).await;
        assert_eq!(bench.meter.take_written(), (vec!["UpdateItem"], ONE), "{making}");
    }
    let id = config("config").id;
    bench.apply(Command::UnregisterPush { id }).await;
    assert_eq!(bench.meter.take_written(), (vec!["UpdateItem"], ONE));
    assert_eq!(bench.task.head.pushes, None);
}

/// The command that names a config, or replaces it.
fn register(id: &str, making: u32) -> Command {
    let registration = Registration::new(&config(id).id, &making.to_string());
    Command::RegisterPush(NewPush { registration, most: 16 })
}

/// The settlement of the mark's holder, which has seen the whole task.
pub(super) fn settlement(task: &Snapshot, next: Option<Timestamp>) -> Command {
    Command::SettlePush(Settlement {
        token: pusher(),
        epoch: task.head.pushes.as_ref().expect("it has configs").epoch,
        through: task.head.position,
        next,
    })
}

pub(super) fn finish(task: &Snapshot) -> Command {
    let given = task.head.last_message;
    let turn = TurnEnd::new(token(), given, Vec::new());
    Command::Finish { turn, ending: Finish::Completed(None) }
}

/// The due index is written once when the mark is set, and once when it is cleared. A claim keeps
/// the present due time.
#[tokio::test]
async fn the_mark_of_a_task_that_is_over_takes_one_index_entry() {
    let mut bench = Bench::new().await;
    let over = finish(&bench.task);
    bench.apply(over).await;
    assert_eq!(bench.task.head.due, None);
    bench.meter.take();
    let due = |units: f64| Written { due: units, ..ONE };
    bench.apply(register("config", 1)).await;
    assert_eq!(bench.meter.take_written(), (vec!["UpdateItem"], due(1.0)));
    bench.apply(Command::ClaimPush { token: pusher() }).await;
    assert_eq!(bench.meter.take_written(), (vec!["UpdateItem"], due(0.0)));
    let settle = settlement(&bench.task, None);
    bench.apply(settle).await;
    assert_eq!(bench.meter.take_written(), (vec!["UpdateItem"], due(1.0)));
}

/// A small task with one config. Its runner delivers beside the agent.
#[tokio::test]
async fn a_whole_life_with_one_config() {
    let registration = config("config").registration;
    let first = Some(FirstPush { registration, held_until: None });
    let mut bench = Bench::submitted(first).await;
    let written = |table, list, due| Written { table, list, due, context: 0.0 };
    let (requests, submitted) = bench.meter.take_written();
    assert_eq!(requests, ["PutItem", "GetItem"], "the latter is the test's own");
    assert_eq!(submitted, Written { context: 1.0, ..written(1.0, 1.0, 1.0) });
    let mut all = submitted;
    let mut count = |bench: &Bench, name: &str, expected: Written| {
        let (requests, written) = bench.meter.take_written();
        assert_eq!((requests, written), (vec![name], expected));
        all.table += written.table;
        all.list += written.list;
        all.due += written.due;
        all.context += written.context;
    };
    let mut now = config("config");
    bench.store.put(&key(), &now).await.unwrap();
    count(&bench, "PutItem", ONE);
    // The runner has the mark from its first commit on.
    let claim = Command::Claim { token: token(), max_attempts: 9 };
    bench.apply_as(Some(pusher()), claim).await;
    count(&bench, "UpdateItem", ONE);
    assert!(bench.task.head.pushed_until(&pusher()).is_some());
    let emit = Command::Emit { token: token(), updates: vec![chunk(50)] };
    bench.apply_as(Some(pusher()), emit).await;
    count(&bench, "UpdateItem", written(1.0, 2.0, 0.0));
    let over = finish(&bench.task);
    bench.apply_as(Some(pusher()), over).await;
    count(&bench, "UpdateItem", written(1.0, 2.0, 0.0));
    // The deliverer reads the configs once: no client has registered one since.
    let configs = bench.store.get(&key(), bench.task.head.registrations()).await.unwrap();
    assert_eq!((configs.len(), bench.meter.take()), (1, (vec!["GetItem"], 1.0)));
    // The task at its creation, then WORKING, the artifact, and COMPLETED.
    for position in 1..=4 {
        let next = further(&now, position);
        assert!(bench.store.advance(&key(), &now.write, &next).await.unwrap());
        count(&bench, "PutItem", ONE);
        now = next;
    }
    assert_eq!(bench.end(), Position(4));
    let settle = settlement(&bench.task, None);
    bench.apply(settle).await;
    count(&bench, "UpdateItem", written(1.0, 0.0, 1.0));
    assert_eq!(bench.task.head.due, None);
    // 10 writes to the table; 4 without the config.
    assert_eq!(all, Written { context: 1.0, ..written(10.0, 5.0, 2.0) });
}
