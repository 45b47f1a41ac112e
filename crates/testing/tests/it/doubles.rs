//! The doubles by themselves.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::store::{Depth, StoreError};
use a2a_lambda_core::{Clock, Ids as _, TaskStore as _};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::{
    Doubles, Fault, Hold, Kind, TestClock, TestIds, VaultFault, caller, submit,
};

use crate::agents::secs;

#[tokio::test]
async fn a_clock_by_hand_wakes_those_whose_time_has_come() {
    let clock = Arc::new(TestClock::by_hand().starting_at(Timestamp::from_millis(5)));
    let sleeper = clock.clone();
    let sleeping = tokio::spawn(async move {
        sleeper.sleep(secs(2)).await;
        sleeper.now()
    });
    tokio::task::yield_now().await;
    clock.advance(secs(1));
    tokio::task::yield_now().await;
    assert!(!sleeping.is_finished());
    clock.advance(secs(1));
    assert_eq!(sleeping.await.unwrap(), Timestamp::from_millis(2_005));
    clock.set(Timestamp::from_millis(7));
    assert_eq!(clock.passed(), Duration::from_millis(2));
    clock.step(-7);
    assert_eq!(clock.now(), Timestamp::from_millis(0));
}

#[tokio::test]
async fn a_skipping_clock_lets_others_go_first() {
    let clock = TestClock::skipping();
    let work = async { tokio::task::yield_now().await };
    let done = tokio::select! { () = clock.sleep(secs(9)) => false, () = work => true };
    assert!(done);
    assert_eq!(clock.passed(), Duration::ZERO);
    clock.sleep(secs(9)).await;
    assert_eq!(clock.passed(), secs(9));
}

#[test]
fn ids_have_the_form_that_was_asked_for() {
    let (counting, uuids, always) = (TestIds::counting(), TestIds::uuids(), TestIds::always("x"));
    assert_eq!([counting.fresh(), counting.fresh()], ["id-1", "id-2"]);
    assert_eq!(uuids.fresh(), "00000000-0000-0000-0000-000000000001");
    assert_eq!([always.fresh(), always.fresh()], ["x", "x"]);
}

#[tokio::test(start_paused = true)]
async fn a_held_request_continues_when_the_test_releases_it() {
    let doubles = Doubles::new();
    let key = submit(&doubles.engine, &caller("", "alice"), "hi").await;
    for fault in [Fault::HoldRequest, Fault::HoldAnswer] {
        let hold = Hold::new();
        doubles.store.plan(move |call| (call.kind == Kind::Read).then(|| fault(hold)));
        let store = doubles.store.clone();
        let read = {
            let key = key.clone();
            tokio::spawn(async move { store.read(&key, Depth::Tail).await })
        };
        hold.reached().await;
        tokio::time::sleep(secs(3_600)).await;
        assert!(!read.is_finished());
        hold.release();
        assert!(read.await.unwrap().unwrap().is_some());
        assert_eq!(doubles.store.count_of(Kind::Read), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_sees_the_subject_of_a_request() {
    let doubles = Doubles::new();
    let alice = caller("", "alice");
    let (one, other) =
        (submit(&doubles.engine, &alice, "a").await, submit(&doubles.engine, &alice, "b").await);
    let refused = one.clone();
    doubles.store.plan(move |call| (call.task == Some(&refused)).then_some(Fault::OtherRelease));
    let error = doubles.store.read(&one, Depth::Tail).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherRelease { .. }), "{error:?}");
    assert!(doubles.store.read(&other, Depth::Tail).await.unwrap().is_some());
    doubles.store.plan(|call| (call.shard == Some(3)).then_some(Fault::Refuse));
    for shard in 0..5 {
        let found = doubles.store.due(shard, Timestamp::from_millis(i64::MAX), None, 1).await;
        assert_eq!(found.is_err(), shard == 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_arrives_in_its_time() {
    let doubles = Doubles::new();
    submit(&doubles.engine, &caller("", "alice"), "hi").await;
    let sent = doubles.queue.take();
    assert_eq!(sent.len(), 1);
    doubles
        .engine
        .send(&sent[0].signal, doubles.clock.now().saturating_add(secs(9)))
        .await
        .unwrap();
    assert_eq!(doubles.queue.next_at(), Some(doubles.clock.now().saturating_add(secs(9))));
    assert_eq!(doubles.queue.take_arrived(doubles.clock.now()), []);
    doubles.clock.advance(secs(9));
    assert_eq!(doubles.queue.take_arrived(doubles.clock.now()), [sent[0].signal.clone()]);
    doubles.queue.set_down(true);
    doubles.engine.send(&sent[0].signal, doubles.clock.now()).await.unwrap_err();
    let far = doubles.clock.now().saturating_add(Duration::from_hours(1));
    doubles.engine.send(&sent[0].signal, far).await.unwrap();
    assert_eq!(doubles.timer.take()[0].delay(), Duration::from_hours(1));
}

#[tokio::test(start_paused = true)]
async fn a_vault_opens_its_own_texts_unless_it_has_a_fault() {
    let vault = &Doubles::new().engine.vault;
    let secrets = a2a_lambda_core::push::PushSecrets {
        token: a2a_lambda_core::push::Secret::new("hush"),
        ..Default::default()
    };
    let sealed = vault.seal(&secrets, "here").await.unwrap();
    assert_eq!(vault.open(&sealed, "here").await.unwrap(), secrets);
    vault.open(&sealed, "there").await.unwrap_err();
    let doubles = Doubles::new();
    for fault in [VaultFault::NoKey, VaultFault::Damaged, VaultFault::Unavailable] {
        doubles.vault.set_fault(Some(fault));
        doubles.engine.vault.open(&sealed, "here").await.unwrap_err();
    }
    doubles.vault.set_fault(None);
    doubles.engine.vault.open(&sealed, "here").await.unwrap();
}
