//! The cost of retention.

use std::time::Duration;

use a2a_lambda_core::head::Interruption;
use a2a_lambda_core::machine::{Command, FirstPush, Pause, TurnEnd};
use a2a_lambda_core::{PushConfigs, Retention, TaskStore, Terms};
use a2a_lambda_protocol::{Message, Part};

use super::meter::Written;
use super::pushes::{finish, settlement};
use super::{Bench, ClaimToken, chunk, config, key, token};

const KEPT: Option<Retention> = Some(Retention {
    ended: Some(Duration::from_hours(24 * 30)),
    waiting: Some(Duration::from_hours(24 * 90)),
    purge_after: Duration::from_hours(1),
});

fn claim() -> Command {
    Command::Claim { token: token(), max_attempts: 9 }
}

fn ask(bench: &Bench) -> Command {
    let given = bench.task.head.last_message;
    let turn = TurnEnd::new(token(), given, Vec::new());
    let interruption = Interruption::InputRequired;
    let pause = Pause::ForUser { interruption, message: None, checkpoint: None, patience: None };
    Command::Park { turn, pause }
}

fn answer() -> Command {
    let message = Message { parts: vec![Part::text("blue")], ..Message::default() };
    Command::Message { message, terms: Terms::default(), request: None, push: None }
}

/// The units since the last call.
fn taken(bench: &Bench) -> Written {
    bench.meter.take_written().1
}

/// The units of a small task from its submission to its end.
async fn small(retention: Option<Retention>) -> Written {
    let mut bench = Bench::submitted_where(None, retention).await;
    bench.apply(claim()).await;
    let over = finish(&bench.task);
    bench.apply(over).await;
    assert_eq!(bench.task.head.ttl.is_some(), retention.is_some());
    taken(&bench)
}

#[tokio::test]
async fn a_small_task_that_expires_takes_no_more_than_one_that_is_kept_for_ever() {
    assert_eq!(small(None).await, Written { table: 3.0, list: 3.0, due: 2.0, context: 1.0 });
    assert_eq!(small(KEPT).await, small(None).await);
}

/// The sweep visits the task at its expiry. The write moves its entry in the due index, and does
/// not delete and create it.
#[tokio::test]
async fn a_question_takes_two_more_index_units() {
    let mut taken_where = Vec::new();
    for retention in [None, KEPT] {
        let mut bench = Bench::submitted_where(None, retention).await;
        bench.apply(claim()).await;
        taken(&bench);
        let ask = ask(&bench);
        bench.apply(ask).await;
        bench.apply(answer()).await;
        taken_where.push(taken(&bench).due);
    }
    assert_eq!(taken_where, [2.0, 4.0]);
}

/// A task with a longer log has an entry in the due index from its end on. The sweep deletes each
/// item for its size, and the head with its index entries.
#[tokio::test]
async fn a_larger_task_costs_by_the_size_of_its_items() {
    let mut bench = Bench::submitted_where(None, KEPT).await;
    bench.apply(claim()).await;
    // Two parcels of 10 KB.
    for _ in 0..2 {
        bench.apply(Command::Emit { token: token(), updates: vec![chunk(10_000)] }).await;
    }
    taken(&bench);
    let over = finish(&bench.task);
    bench.apply(over).await;
    assert_eq!(
        taken(&bench),
        Written { table: 1.0, list: 2.0, due: 2.0, context: 0.0 },
        "one more"
    );
    assert!(bench.store.purge(&bench.task.head, 100).await.unwrap());
    let (requests, purged) = bench.meter.take_written();
    assert_eq!(requests, ["Query", "DeleteItem", "DeleteItem", "DeleteItem"]);
    assert_eq!(purged, Written { table: 21.0, list: 1.0, due: 1.0, context: 1.0 });
}

/// The sweep deletes a task that has had a config, because the config's item must be deleted.
#[tokio::test]
async fn a_task_with_a_config_takes_six_more() {
    let pusher = ClaimToken::new("pusher");
    let registration = config("config").registration;
    let first = Some(FirstPush { registration, held_until: None });
    let mut bench = Bench::submitted_where(first, KEPT).await;
    bench.store.put(&key(), &config("config")).await.unwrap();
    bench.apply_as(Some(pusher.clone()), claim()).await;
    let over = finish(&bench.task);
    bench.apply_as(Some(pusher), over).await;
    taken(&bench);
    let settle = settlement(&bench.task, None);
    bench.apply(settle).await;
    assert_eq!(
        taken(&bench),
        Written { table: 1.0, list: 0.0, due: 2.0, context: 0.0 },
        "one more"
    );
    assert!(bench.store.purge(&bench.task.head, 100).await.unwrap());
    let (requests, purged) = bench.meter.take_written();
    assert_eq!(requests, ["Query", "DeleteItem", "DeleteItem"]);
    assert_eq!(
        purged,
        Written { table: 2.0, list: 1.0, due: 1.0, context: 1.0 },
        "five, with the query six"
    );
}
