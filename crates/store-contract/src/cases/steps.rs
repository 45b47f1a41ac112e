//! Records of steps: the first writer wins, and each scope has its own.

use std::time::Duration;

use a2a_lambda_core::ids::{Incarnation, WriteId};
use a2a_lambda_core::push::Sealed;
use a2a_lambda_core::steps::{Put, ScopeKey, StepRecord, StepState};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{StoreError, TaskKey};
use a2a_lambda_protocol::Timestamp;

use super::configs::confusable;
use super::expiry::{everything, replaced};
use super::races::together;
use crate::bench::{Bench, KEPT, alices};
use crate::configs::ODD_TEXTS;
use crate::content::{LARGEST_BYTES, TOO_LARGE_BYTES, json_of, text_of};
use crate::steps::{done, record, record_key, scope, states};
use crate::tracked::Tracked;

/// How many runners race for a record.
const RUNNERS: usize = 6;

async fn open(bench: &Bench) -> (Tracked, ScopeKey) {
    let task = bench.claimed().await;
    let scope = ScopeKey::of(task.head());
    (task, scope)
}

/// Stores a record, and reads it back alone and with the scope.
async fn keeps(bench: &Bench, scope: &ScopeKey, record: &StepRecord) {
    bench.record_step(scope, record).await;
    let read = bench.records().step(scope, &record.key).await.expect("step");
    assert_same(read.as_ref(), record);
    let read = bench.steps(scope).await;
    assert_same(read.iter().find(|of| of.key == record.key), record);
}

fn assert_same(read: Option<&StepRecord>, expected: &StepRecord) {
    let read = read.expect("the record that was stored");
    assert_eq!(read.token.as_str(), expected.token.as_str(), "the token");
    assert_eq!(read, expected);
}

fn other(outcome: Put) -> StepRecord {
    let Put::Other(Some(other)) = outcome else { panic!("it is stored: {outcome:?}") };
    *other
}

pub(crate) async fn of_a_new_scope_are_none(bench: Bench) {
    let (_, scope) = open(&bench).await;
    assert_eq!(bench.step(&scope, 1).await, None);
    assert_eq!(bench.steps(&scope).await, []);
}

pub(crate) async fn of_every_state_are_kept(bench: Bench) {
    let (_, scope) = open(&bench).await;
    for (number, state) in (0..).zip(states()) {
        keeps(&bench, &scope, &record(number, &bench.fresh(), state)).await;
    }
    let bare = StepRecord {
        arguments: String::new(),
        tries: u32::MAX,
        begun_at: Timestamp::from_millis(0),
        token: Sealed::default(),
        ..record(100, "bare", StepState::Begun)
    };
    keeps(&bench, &scope, &bare).await;
    assert_eq!(bench.steps(&scope).await.len(), states().len() + 1);
}

pub(crate) async fn of_any_text_are_kept(bench: Bench) {
    let (_, scope) = open(&bench).await;
    for (number, text) in (0..).zip(ODD_TEXTS) {
        let state =
            if number % 2 == 0 { done(text) } else { StepState::Failed((*text).to_owned()) };
        let (name, token) = ((*text).to_owned(), Sealed::new(*text));
        let write = WriteId::new(format!("{text} of {number}"));
        let record = StepRecord { name, token, write, ..record(number, "", state) };
        keeps(&bench, &scope, &record).await;
    }
}

pub(crate) async fn of_a_missing_task_are_kept(bench: Bench) {
    let scope = scope(&bench.submission().key, 0);
    keeps(&bench, &scope, &record(1, "w", done("result"))).await;
}

/// Two runners that work on a task at once use the same result.
pub(crate) async fn the_first_writer_wins(bench: Bench) {
    let (_, scope) = open(&bench).await;
    let first = record(1, "first", done("one"));
    bench.record_step(&scope, &first).await;
    let late = StepRecord { name: "late".to_owned(), ..record(1, "late", done("another")) };
    assert_same(Some(&other(bench.put_step(&scope, None, &late).await)), &first);
    assert_eq!(bench.steps(&scope).await, [first]);
}

/// An at-most-once step is begun and then done; a callback waits and is answered.
pub(crate) async fn one_is_replaced_by_who_knows_its_write(bench: Bench) {
    let (_, scope) = open(&bench).await;
    let mut known = record(1, "w-0", StepState::Begun);
    bench.record_step(&scope, &known).await;
    bench.record_step(&scope, &record(2, "of another", done("stays"))).await;
    for (number, state) in (1..).zip(states()) {
        let next = record(1, &format!("w-{number}"), state);
        assert_eq!(bench.put_step(&scope, Some(&known), &next).await, Put::Stored);
        assert_same(bench.step(&scope, 1).await.as_ref(), &next);
        // The others were late: they know the one before, another one, or none.
        let late = record(1, "late", done("late"));
        for before in [Some(&known), Some(&late), None] {
            assert_same(Some(&other(bench.put_step(&scope, before, &late).await)), &next);
        }
        known = next;
    }
    assert_eq!(bench.steps(&scope).await, [known, record(2, "of another", done("stays"))]);
}

/// It went with its task.
pub(crate) async fn one_that_is_gone_is_not_replaced(bench: Bench) {
    let (_, scope) = open(&bench).await;
    let before = record(1, "before", StepState::Begun);
    let next = record(1, "next", done("result"));
    assert_eq!(bench.put_step(&scope, Some(&before), &next).await, Put::Other(None));
    assert_eq!(bench.steps(&scope).await, []);
}

/// The answer to the first try was lost.
pub(crate) async fn the_same_write_again_is_known(bench: Bench) {
    let (_, scope) = open(&bench).await;
    let first = record(1, "first", StepState::Begun);
    let second = record(1, "second", done("result"));
    let third = record(1, "third", done("another"));
    for _ in 0..2 {
        assert_eq!(bench.put_step(&scope, None, &first).await, Put::Stored);
    }
    for _ in 0..2 {
        assert_eq!(bench.put_step(&scope, Some(&first), &second).await, Put::Stored);
    }
    // But not if another write has followed.
    assert_eq!(other(bench.put_step(&scope, None, &first).await), second);
    assert_eq!(bench.put_step(&scope, Some(&second), &third).await, Put::Stored);
    assert_eq!(other(bench.put_step(&scope, Some(&first), &second).await), third);
    assert_eq!(bench.steps(&scope).await, [third]);
}

/// Scopes whose names become equal, or the beginning of one another, if a store joins them
/// carelessly.
fn scopes(tasks: impl Iterator<Item = TaskKey>) -> Vec<ScopeKey> {
    let made = |millis| Incarnation::new(Timestamp::from_millis(millis), &WriteId::new("w"));
    let incarnations = [None, Some(made(1_760_000_000_000)), Some(made(1_760_000_000_001))];
    let mut scopes = Vec::new();
    for task in tasks {
        for incarnation in &incarnations {
            for number in [0, 1, 10, 11, 100, u32::MAX] {
                let (task, incarnation) = (task.clone(), incarnation.clone());
                scopes.push(ScopeKey { task, incarnation, number });
            }
        }
    }
    scopes
}

pub(crate) async fn each_scope_has_its_own(bench: Bench) {
    let scopes = scopes(confusable());
    let of = |place: usize| record(7, &format!("w-{place}"), done(&format!("of {place}")));
    for (place, scope) in scopes.iter().enumerate() {
        assert_eq!(bench.steps(scope).await, [], "{scope:?}");
        bench.record_step(scope, &of(place)).await;
        // The numbers of a task's scopes ascend here.
        let ScopeKey { task, incarnation, number } = scope;
        let newest = bench.records().newest_scope(task, incarnation.as_ref()).await;
        assert_eq!(newest.expect("newest scope"), Some(*number), "{scope:?}");
    }
    let unknown = bench.records().newest_scope(&bench.submission().key, None).await;
    assert_eq!(unknown.expect("newest scope"), None);
    for (place, scope) in scopes.iter().enumerate() {
        assert_eq!(bench.steps(scope).await, [of(place)], "{scope:?}");
        assert_eq!(bench.step(scope, 7).await, Some(of(place)), "{scope:?}");
        assert_eq!(bench.step(scope, 8).await, None, "{scope:?}");
    }
}

pub(crate) async fn a_read_sees_every_write(bench: Bench) {
    let (_, scope) = open(&bench).await;
    let mut expected = Vec::new();
    for number in 0..12 {
        assert_eq!(bench.step(&scope, number).await, None);
        let begun = record(number, &bench.fresh(), StepState::Begun);
        bench.record_step(&scope, &begun).await;
        assert_eq!(bench.step(&scope, number).await.as_ref(), Some(&begun));
        expected.push(begun.clone());
        assert_eq!(bench.steps(&scope).await, expected);
        let done = record(number, &bench.fresh(), done("result"));
        assert_eq!(bench.put_step(&scope, Some(&begun), &done).await, Put::Stored);
        assert_eq!(bench.step(&scope, number).await.as_ref(), Some(&done));
        expected.pop();
        expected.push(done);
        assert_eq!(bench.steps(&scope).await, expected);
    }
}

/// The default policy allows such a result, and this many bytes in a scope.
pub(crate) async fn a_large_one_is_kept_and_many_are_read(bench: Bench) {
    let (_, scope) = open(&bench).await;
    for number in 0..11 {
        let text = text_of(LARGEST_BYTES, &format!("result {number}"));
        let large = StepState::Done(json_of(&format!("{text:?}")));
        bench.record_step(&scope, &record(number, &bench.fresh(), large)).await;
    }
    for number in 11..120 {
        bench.record_step(&scope, &record(number, &bench.fresh(), done("small"))).await;
    }
    let records = bench.steps(&scope).await;
    let keys: Vec<_> = records.iter().map(|record| record.key.clone()).collect();
    assert_eq!(keys, (0..120).map(record_key).collect::<Vec<_>>());
    for (number, large) in (0..11).zip(&records) {
        assert!(large.result_bytes() >= LARGEST_BYTES);
        assert!(bench.step(&scope, number).await.as_ref() == Some(large), "record {number}");
    }
}

pub(crate) async fn one_that_is_too_large_is_refused_whole(bench: Bench) {
    let (_, scope) = open(&bench).await;
    let begun = record(1, "begun", StepState::Begun);
    bench.record_step(&scope, &begun).await;
    let failed = StepState::Failed(text_of(TOO_LARGE_BYTES, "large"));
    for (before, number) in [(Some(&begun), 1), (None, 2)] {
        let large = record(number, "large", failed.clone());
        let error = bench.try_put_step(&scope, before, &large).await.expect_err("refused");
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
    }
    assert_eq!(bench.steps(&scope).await, [begun]);
}

pub(crate) async fn of_many_writers_at_once_one_wins(bench: Bench) {
    for round in 0..8 {
        let scope = scope(&bench.submission().key, round);
        let begun = record(2, "begun", StepState::Begun);
        bench.record_step(&scope, &begun).await;
        for (number, before) in [(1, None), (2, Some(&begun))] {
            let racers = (0..RUNNERS).map(|runner| {
                let (bench, scope, before) = (bench.clone(), scope.clone(), before.cloned());
                let own = record(number, &format!("w-{runner}"), done(&format!("of {runner}")));
                async move { (bench.put_step(&scope, before.as_ref(), &own).await, own) }
            });
            let (mut winner, mut shown) = (None, Vec::new());
            for (outcome, own) in together(racers).await {
                match outcome {
                    Put::Stored => assert!(winner.replace(own).is_none(), "two winners"),
                    Put::Other(other) => shown.push(*other.expect("a record")),
                }
            }
            let winner = winner.expect("a winner");
            assert!(shown.iter().all(|other| *other == winner), "{shown:?}");
            assert_eq!(bench.step(&scope, number).await, Some(winner));
        }
    }
}

/// They cost its commits nothing, and no client sees them.
pub(crate) async fn are_no_part_of_the_task(bench: Bench) {
    let (mut task, scope) = open(&bench).await;
    for number in 0..5 {
        keeps(&bench, &scope, &record(number, &bench.fresh(), done("result"))).await;
        task.verify().await;
        task.emit(vec![crate::content::chunk("shown")]).await;
    }
    let known = task.head().position;
    assert_eq!(
        bench.try_read(task.key(), Depth::After(known)).await.expect("it").head,
        *task.head()
    );
    assert_eq!(bench.list_ids(&alices()).await, [task.id()]);
    assert_eq!(bench.all_configs(task.key()).await, []);
    assert_eq!(bench.steps(&scope).await.len(), 5, "its commits leave them");
}

/// A task that is over, with records in two of its scopes.
async fn with_records(bench: &Bench) -> (Tracked, Vec<ScopeKey>) {
    let (task, _) = everything(bench).await;
    let first = ScopeKey { number: 0, ..ScopeKey::of(task.head()) };
    let scopes = vec![first.clone(), ScopeKey { number: 10, ..first }];
    for scope in &scopes {
        for number in 0..4 {
            bench.record_step(scope, &record(number, &bench.fresh(), done("result"))).await;
        }
    }
    (task, scopes)
}

pub(crate) async fn go_with_a_purge(bench: Bench) {
    for limit in [1, 3, 1_000] {
        let (task, scopes) = with_records(&bench).await;
        let mut pages = 0;
        while !bench.purge(task.head(), limit).await {
            assert!(bench.try_read(task.key(), Depth::Tail).await.is_some(), "the head goes last");
            pages += 1;
            assert!(pages < 1_000, "it comes to no end");
        }
        for scope in &scopes {
            assert_eq!(bench.steps(scope).await, [], "in pages of {limit}");
            assert_eq!(bench.step(scope, 1).await, None);
        }
    }
}

/// And those of other tasks stay as well.
pub(crate) async fn of_a_later_task_stay_in_a_purge(bench: Bench) {
    let bench = bench.where_tasks_expire();
    let (first, scopes) = with_records(&bench).await;
    let (other, others) = with_records(&bench).await;
    bench.advance(KEPT + Duration::from_hours(2));
    let mut second = replaced(&bench, first.head()).await;
    second.claim().await;
    let later = ScopeKey::of(second.head());
    assert_ne!(later.incarnation, scopes[0].incarnation);
    assert_eq!(bench.steps(&later).await, [], "it has none of the earlier task");
    let kept = record(1, "later", done("result"));
    bench.record_step(&later, &kept).await;
    assert!(bench.purge(first.head(), 1_000).await);
    assert_eq!(bench.steps(&later).await, [kept]);
    for scope in &scopes {
        assert_eq!(bench.steps(scope).await, [], "those of the earlier one go");
    }
    for scope in &others {
        assert_eq!(bench.steps(scope).await.len(), 4);
    }
    other.verify().await;
    second.verify().await;
}
