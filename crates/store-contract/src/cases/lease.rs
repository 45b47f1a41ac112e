//! Leases: held, renewed, lost, taken over (invariants I3 and I7).

use a2a_lambda_core::Snapshot;
use a2a_lambda_core::machine::{Command, Finish};
use a2a_lambda_core::store::{Depth, Guard, Renewed};
use a2a_lambda_protocol::Timestamp;

use crate::bench::{Bench, LEASE, alices, key};
use crate::content::{chunk, user_message};
use crate::tracked::{claim, done, follow_up, lost};

async fn renew(bench: &Bench, task: &crate::tracked::Tracked) -> Renewed {
    let until = bench.now().saturating_add(LEASE);
    bench.store().renew(task.key(), &task.token, until).await.expect("renew")
}

fn not_renewed(outcome: Renewed) -> Snapshot {
    match outcome {
        Renewed::Lost(Some(current)) => *current,
        other => panic!("not lost: {other:?}"),
    }
}

pub(crate) async fn its_holder_renews_it(bench: Bench) {
    let mut task = bench.claimed().await;
    for _ in 0..3 {
        bench.advance(LEASE / 3);
        task.renew(LEASE).await;
        task.verify().await;
    }
    assert_eq!(
        bench.read(task.key()).await.head.leased_until(),
        Some(bench.now().saturating_add(LEASE))
    );
}

/// The store has no clock: a runner holds its lease until another takes it.
pub(crate) async fn its_holder_renews_it_late(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE * 10);
    task.renew(LEASE).await;
    task.verify().await;
}

pub(crate) async fn renewing_it_changes_nothing_else(bench: Bench) {
    let mut task = bench.claimed().await;
    task.emit(vec![chunk("shown")]).await;
    let listed = bench.list(&alices()).await;
    let due = bench.all_due(Timestamp::MAX).await;
    bench.advance(LEASE / 2);
    task.renew(LEASE).await;
    // The head and the log, and so the revision, the position, the write id and the fence.
    task.verify().await;
    assert_eq!(bench.all_due(Timestamp::MAX).await, due);
    let now_listed = bench.list(&alices()).await;
    assert_eq!(crate::bench::ids(&now_listed), crate::bench::ids(&listed));
    assert_eq!(now_listed[0].head, *task.head());
}

pub(crate) async fn renewing_it_leaves_the_holders_next_commit_alone(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE / 2);
    task.renew(LEASE).await;
    task.emit(vec![chunk("from the snapshot of the claim")]).await;
    task.finish(Finish::Completed(None)).await;
    task.verify().await;
}

pub(crate) async fn a_stale_token_renews_nothing(bench: Bench) {
    let mut task = bench.claimed().await;
    let stale = task.token.clone();
    bench.advance(LEASE);
    task.claim().await;
    let until = bench.now().saturating_add(LEASE * 2);
    let outcome = bench.store().renew(task.key(), &stale, until).await.expect("renew");
    task.check(&not_renewed(outcome));
    task.verify().await;
}

pub(crate) async fn a_canceled_task_is_shown_to_its_holder(bench: Bench) {
    let mut task = bench.claimed().await;
    task.apply(Command::Cancel).await;
    let current = not_renewed(renew(&bench, &task).await);
    assert!(current.head.is_terminal());
    task.check(&current);
    task.verify().await;
}

pub(crate) async fn without_it_nothing_is_renewed(bench: Bench) {
    let mut task = bench.submit().await;
    task.check(&not_renewed(renew(&bench, &task).await));
    task.claim().await;
    task.ask().await;
    task.check(&not_renewed(renew(&bench, &task).await));
    task.message("go on").await;
    task.claim().await;
    task.park_until(bench.now()).await;
    task.check(&not_renewed(renew(&bench, &task).await));
    task.verify().await;
}

pub(crate) async fn of_a_missing_task_is_lost(bench: Bench) {
    let missing = key("", "missing");
    let until = bench.now().saturating_add(LEASE);
    let outcome = bench.store().renew(&missing, &bench.fresh_token(), until).await;
    assert_eq!(outcome.expect("renew"), Renewed::Lost(None));
    assert_eq!(bench.try_read(&missing, Depth::Full).await, None, "nothing came of it");
}

pub(crate) async fn a_commit_that_leaves_it_alone_keeps_a_renewal(bench: Bench) {
    let mut task = bench.claimed().await;
    // The user's message is decided on the old lease, and committed after the renewal.
    let change = task.decide(follow_up(user_message("m", "one more thing")));
    bench.advance(LEASE / 2);
    task.renew(LEASE * 2).await;
    task.commit(&change).await;
    task.verify().await;
    let postponed = task.base.head.postpone(&bench.stamp());
    task.renew(LEASE * 3).await;
    task.commit(&postponed).await;
    task.verify().await;
}

pub(crate) async fn a_holders_commit_sets_it_anew(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE / 2);
    task.emit(vec![chunk("shown")]).await;
    assert_eq!(
        bench.read(task.key()).await.head.leased_until(),
        Some(bench.now().saturating_add(LEASE))
    );
    task.verify().await;
}

pub(crate) async fn when_expired_it_is_taken_over(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE);
    task.claim().await;
    assert_eq!(task.head().fence.0, 2);
    task.verify().await;
}

pub(crate) async fn once_renewed_it_is_not_taken_over(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE);
    // Another runner sees that the lease has expired. The holder was only late.
    let seen = bench.read(task.key()).await;
    let takeover = task.decide(claim(&bench.fresh_token()));
    task.renew(LEASE).await;
    task.check(&lost(bench.commit(&seen, &takeover).await));
    task.verify().await;
}

pub(crate) async fn once_renewed_it_does_not_expire(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE);
    let expire = task.decide(Command::Look);
    let seen = task.base.clone();
    task.renew(LEASE).await;
    task.check(&lost(bench.commit(&seen, &expire).await));
    task.verify().await;
}

pub(crate) async fn a_stale_holder_changes_nothing(bench: Bench) {
    let mut task = bench.claimed().await;
    let before = task.base.clone();
    let emit = task.decide(task.emit_of(vec![chunk("too late")]));
    let turn = task.turn_end(vec![chunk("too late as well")]);
    let finish = task.decide(Command::Finish { turn, ending: Finish::Completed(None) });
    bench.advance(LEASE);
    task.claim().await;
    for change in [&emit, &finish] {
        task.check(&lost(bench.commit(&before, change).await));
        // The clock of this holder is behind the end of the lease.
        let guard = Guard { revision: before.head.revision, leased_until: None };
        let outcome = bench.store().commit(&before, guard, change).await.expect("commit");
        task.check(&lost(outcome));
    }
    task.emit(vec![chunk("in time")]).await;
    task.verify().await;
}

pub(crate) async fn a_holders_commit_after_a_cancel_changes_nothing(bench: Bench) {
    let mut task = bench.claimed().await;
    let before = task.base.clone();
    let emit = task.decide(task.emit_of(vec![chunk("too late")]));
    task.apply(Command::Cancel).await;
    task.check(&lost(bench.commit(&before, &emit).await));
    task.verify().await;
}

/// A repeated takeover whose first answer was lost succeeds, although the lease in its guard is
/// gone.
pub(crate) async fn a_repeated_takeover_is_known_again(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE);
    let before = task.base.clone();
    task.token = bench.fresh_token();
    let takeover = task.decide(claim(&task.token));
    task.commit(&takeover).await;
    task.check(&done(bench.commit(&before, &takeover).await));
    task.renew(LEASE * 2).await;
    task.check(&done(bench.commit(&before, &takeover).await));
    task.verify().await;
}
