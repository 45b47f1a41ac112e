//! The task's pushes in the head: stored with the head, and changed by commits only.

use std::time::Duration;

use a2a_lambda_core::head::Head;
use a2a_lambda_core::machine::{Change, Command, Finish, FirstPush, NewPush, Stamp, Submission};
use a2a_lambda_core::push::{Mark, Pushes};
use a2a_lambda_core::store::{Committed, Created, Renewed};
use a2a_lambda_core::{LeaseToken, Snapshot, Terms};
use a2a_lambda_protocol::Timestamp;

use super::races::together;
use crate::bench::{Bench, LEASE, alices, check_created, guard};
use crate::configs::{config_id, registration};
use crate::content::{agent_message, chunk, chunk_of, user_message};
use crate::tracked::{Tracked, claim, decide, done, lost};

/// Longer than a new task's mark waits for its runner.
const SOON: Duration = Duration::from_secs(3);

/// How many writers run in parallel.
const RUNNERS: usize = 8;

/// Reads the task in every possible way.
async fn verify(bench: &Bench, task: &Tracked) {
    task.verify().await;
    let listed = bench.list(&alices()).await;
    let listed = listed.iter().find(|listed| listed.head.key == *task.key());
    task.check(listed.expect("it is listed"));
    let shard = bench.store().due_shards().of(task.key());
    let due = bench.due(shard, Timestamp::MAX, 1_000).await;
    let due = due.iter().find(|due| due.key == *task.key()).map(|due| due.due);
    assert_eq!(due, task.head().due, "in the due index");
}

fn pushes(task: &Tracked) -> &Pushes {
    task.head().pushes.as_ref().expect("it has, or had, configs")
}

/// A task whose agent is at work, with an unclaimed mark.
async fn open(bench: &Bench) -> Tracked {
    let mut task = bench.submit_pushed(None).await;
    task.claim().await;
    task.emit(vec![chunk("news")]).await;
    assert_eq!(task.head().mark(), Some(&Mark::Open));
    task
}

pub(crate) async fn of_a_task_without_configs_are_none(bench: Bench) {
    let mut task = bench.submit().await;
    for _ in 0..2 {
        assert_eq!(task.head().pushes, None);
        verify(&bench, &task).await;
        task.claim().await;
        bench.advance(LEASE * 2);
    }
}

pub(crate) async fn of_a_new_task_are_kept(bench: Bench) {
    let now = bench.now();
    let later = now.saturating_add(Duration::from_secs(9));
    for held_until in [None, Some(now), Some(later), Some(Timestamp::MAX)] {
        let task = bench.submit_pushed(held_until).await;
        let Pushes { configs, epoch, held_until: held, signaled, mark } = pushes(&task);
        assert_eq!(*configs, [registration("first")]);
        assert_eq!((*epoch, *held, *signaled), (1, held_until, None));
        assert!(matches!(mark, Some(Mark::Waiting { until }) if *until >= now));
        verify(&bench, &task).await;
    }
}

/// A late or repeated commit returns the mark, too.
pub(crate) async fn of_a_new_task_are_shown_to_the_second(bench: Bench) {
    let submission = bench.submission();
    let held_until = Some(bench.now().saturating_add(SOON));
    let pushes = Some(FirstPush { registration: registration("first"), held_until });
    let first = bench.decide_submit(Submission { pushes, ..submission.clone() });
    let second = bench.decide_submit(submission);
    for _ in 0..2 {
        check_created(&first, bench.create(&first).await);
    }
    match bench.create(&second).await {
        Created::Before(existing) => assert_eq!(existing.head, *first.head()),
        Created::Now(_) => panic!("there is a task with this key"),
    }
}

pub(crate) async fn of_every_kind_are_kept(bench: Bench) {
    let mut task = open(&bench).await;
    verify(&bench, &task).await;
    let token = task.claim_push().await;
    let until = bench.now().saturating_add(LEASE);
    assert_eq!(task.head().mark(), Some(&Mark::Claimed { token: token.clone(), until }));
    verify(&bench, &task).await;
    // The same deliverer claims again, for longer; then another one does.
    bench.advance(SOON);
    task.apply(Command::ClaimPush { token: token.clone() }).await;
    assert!(task.head().pushed_until(&token) > Some(until));
    verify(&bench, &task).await;
    bench.advance(LEASE);
    let other = task.claim_push().await;
    assert!(task.head().pushed_until(&other).is_some());
    verify(&bench, &task).await;
    let next = bench.now().saturating_add(SOON);
    task.settle_push(Some(next)).await;
    assert_eq!(task.head().mark(), Some(&Mark::Waiting { until: next }));
    verify(&bench, &task).await;
    bench.advance(SOON);
    task.claim_push().await;
    task.settle_push(Some(bench.now())).await;
    assert_eq!(task.head().mark(), Some(&Mark::Open));
    verify(&bench, &task).await;
    task.claim_push().await;
    task.settle_push(None).await;
    assert_eq!(task.head().mark(), None);
    assert!(task.head().pushes.is_some(), "news is to set it again");
    verify(&bench, &task).await;
    task.emit(vec![chunk("more")]).await;
    assert_eq!(task.head().mark(), Some(&Mark::Open));
    verify(&bench, &task).await;
}

pub(crate) async fn of_no_configs_stay_empty(bench: Bench) {
    let held = Some(bench.now().saturating_add(SOON));
    let mut task = bench.submit_pushed(held).await;
    for _ in 0..2 {
        bench.advance(SOON);
        task.claim_push().await;
        task.settle_push(Some(bench.now().saturating_add(SOON))).await;
        bench.advance(SOON);
        task.claim_push().await;
        task.settle_for_good().await;
        verify(&bench, &task).await;
        // Nothing of the earlier content is left.
        task.register("second").await;
        let epoch = task.head().revision.0;
        let mark = Some(Mark::Open);
        let configs = task.head().registrations().to_vec();
        assert!(matches!(&configs[..], [one] if one.is_of(&config_id("second"))), "{configs:?}");
        let expected = Pushes { configs, epoch, held_until: None, signaled: None, mark };
        assert_eq!(pushes(&task), &expected);
        verify(&bench, &task).await;
    }
}

/// The most configs that a task may have, each replaced once.
pub(crate) async fn name_their_configs(bench: Bench) {
    let mut task = bench.submit_pushed(None).await;
    for number in 0..15 {
        task.register(&format!("config {number}")).await;
        verify(&bench, &task).await;
    }
    assert_eq!(task.head().registrations().len(), 16);
    for number in 0..15 {
        let id = format!("config {number}");
        let before = task.head().registration(&config_id(&id)).cloned();
        task.register(&id).await;
        let after = task.head().registration(&config_id(&id)).cloned();
        assert!(before.is_some() && after.is_some() && before != after);
        verify(&bench, &task).await;
    }
    task.claim().await;
    task.emit(vec![chunk("shown")]).await;
    verify(&bench, &task).await;
    for number in 0..15 {
        task.unregister(&format!("config {number}")).await;
        verify(&bench, &task).await;
    }
    assert_eq!(task.head().registrations(), [registration("first")]);
    task.unregister("first").await;
    assert_eq!(task.head().pushes, None);
    verify(&bench, &task).await;
}

pub(crate) async fn keep_their_epoch(bench: Bench) {
    let mut task = bench.submit().await;
    for _ in 0..12 {
        task.register("second").await;
        assert_eq!(pushes(&task).epoch, task.head().revision.0);
        verify(&bench, &task).await;
    }
    task.claim_push().await;
    assert_eq!(pushes(&task).epoch, task.head().revision.0);
    task.settle_push(None).await;
    let message = user_message("m", "with a config");
    let terms = Terms::default();
    let push = Some(NewPush { registration: registration("third"), most: 16 });
    task.apply(Command::Message { message, terms, request: None, push }).await;
    assert_eq!(pushes(&task).epoch, task.head().revision.0);
    verify(&bench, &task).await;
}

/// The hold lasts until the end of the task and beyond.
pub(crate) async fn keep_until_when_they_are_held(bench: Bench) {
    let held = bench.now().saturating_add(LEASE);
    let mut task = bench.submit_pushed(Some(held)).await;
    task.claim().await;
    verify(&bench, &task).await;
    task.register("second").await;
    verify(&bench, &task).await;
    task.emit(vec![chunk("shown")]).await;
    verify(&bench, &task).await;
    task.claim_push().await;
    task.finish(Finish::Completed(None)).await;
    task.settle_push(None).await;
    assert_eq!(pushes(&task).held_until, Some(held));
    verify(&bench, &task).await;
}

pub(crate) async fn keep_for_when_a_signal_was_sent(bench: Bench) {
    let mut task = open(&bench).await;
    for wait in [SOON, SOON * 2, LEASE] {
        let next = bench.now().saturating_add(wait);
        task.claim_push().await;
        task.settle_push(Some(next)).await;
        assert_eq!(pushes(&task).signaled, Some(next));
        verify(&bench, &task).await;
        bench.advance(wait);
        // The claim sends no second signal.
        task.claim_push().await;
        task.settle_push(None).await;
        assert_eq!(pushes(&task).signaled, Some(next));
        verify(&bench, &task).await;
        task.register("second").await;
    }
}

/// One commit has the agent's output and its deliverer's claim.
pub(crate) async fn come_with_the_agent_s_output(bench: Bench) {
    let mut task = bench.submit_pushed(None).await;
    let runner = bench.fresh_claim();
    task.token = bench.fresh_token();
    task.apply_as(&runner, claim(&task.token)).await;
    for size in [10, 3_000, 100_000] {
        bench.advance(SOON);
        let emit = task.emit_of(vec![chunk_of(size, "shown"), chunk("too")]);
        task.apply_as(&runner, emit).await;
        assert!(task.head().pushed_until(&runner).is_some());
        verify(&bench, &task).await;
    }
    let turn = task.turn_end(vec![chunk("the end")]);
    task.apply_as(&runner, Command::Finish { turn, ending: Finish::Completed(None) }).await;
    assert!(task.head().pushed_until(&runner).is_some());
    verify(&bench, &task).await;
    task.settle_push(None).await;
    verify(&bench, &task).await;
}

/// A head without its pushes, and without the fields that every commit changes.
fn but_for_pushes(head: &Head, like: &Head) -> Head {
    let Head { revision, write, pushes, due, .. } = like.clone();
    Head { revision, write, pushes, due, ..head.clone() }
}

pub(crate) async fn change_alone(bench: Bench) {
    let mut older = bench.submit().await;
    bench.tick();
    let mut task = open(&bench).await;
    bench.tick();
    let newer = bench.submit().await;
    let listed = bench.list_ids(&alices()).await;
    let before = task.base.clone();
    for _ in 0..20 {
        bench.tick();
        task.claim_push().await;
        task.settle_push(Some(bench.now())).await;
        task.register("second").await;
        assert_eq!(but_for_pushes(task.head(), &before.head), before.head);
    }
    assert_eq!(task.log().len(), 3);
    verify(&bench, &task).await;
    assert_eq!(bench.list_ids(&alices()).await, listed);
    older.refresh().await;
    newer.verify().await;
}

/// The reverse holds, too: a settlement keeps a renewal that the deliverer has not seen.
pub(crate) async fn and_renewals_leave_each_other_alone(bench: Bench) {
    let mut task = open(&bench).await;
    for _ in 0..3 {
        let token = task.claim_push().await;
        let claimed = task.head().pushed_until(&token);
        bench.advance(SOON);
        task.renew(LEASE * 2).await;
        assert_eq!(task.head().pushed_until(&token), claimed);
        task.verify().await;
        // The base is from before the renewal.
        task.settle_push(Some(bench.now())).await;
        let leased = task.head().leased_until();
        assert_eq!(leased, Some(bench.now().saturating_add(LEASE * 2)));
        verify(&bench, &task).await;
    }
    let token = LeaseToken::new("another");
    task.claim_push().await;
    let outcome = bench.store().renew(task.key(), &token, Timestamp::MAX).await.expect("renew");
    match outcome {
        Renewed::Lost(Some(current)) => task.check(&current),
        other => panic!("renewed by a stranger: {other:?}"),
    }
}

/// The token of a mark is not valid for a lease.
pub(crate) async fn are_no_lease(bench: Bench) {
    let mut task = open(&bench).await;
    let token = LeaseToken::new(task.claim_push().await.as_str());
    let until = bench.now().saturating_add(LEASE * 3);
    let outcome = bench.store().renew(task.key(), &token, until).await.expect("renew");
    assert!(matches!(outcome, Renewed::Lost(Some(_))), "{outcome:?}");
    verify(&bench, &task).await;
}

pub(crate) async fn of_a_stale_base_change_nothing(bench: Bench) {
    let mut task = open(&bench).await;
    let stale = task.base.clone();
    let late = Command::ClaimPush { token: bench.fresh_claim() };
    let late = decide(&bench, &stale, late);
    task.claim_push().await;
    task.check(&lost(bench.commit(&stale, &late).await));
    // The settlement changes nothing else in the task but its revision.
    let settled = decide(&bench, &task.base, Command::SettlePush(task.settlement(None)));
    let base = task.base.clone();
    task.emit(vec![chunk("news")]).await;
    task.check(&lost(bench.commit(&base, &settled).await));
    verify(&bench, &task).await;
}

/// A writer repeats its write after a lost answer.
pub(crate) async fn that_are_written_again_are_known(bench: Bench) {
    let mut task = open(&bench).await;
    for _ in 0..2 {
        let base = task.base.clone();
        let claim = Command::ClaimPush { token: bench.fresh_claim() };
        let claim = decide(&bench, &base, claim);
        task.commit(&claim).await;
        task.check(&done(bench.commit(&base, &claim).await));
        let claimed = task.base.clone();
        let settle = task.settlement(Some(bench.now()));
        let settle = decide(&bench, &claimed, Command::SettlePush(settle));
        task.commit(&settle).await;
        task.check(&done(bench.commit(&claimed, &settle).await));
        task.check(&lost(bench.commit(&base, &claim).await));
    }
    verify(&bench, &task).await;
}

pub(crate) async fn go_on_after_the_task_is_over(bench: Bench) {
    let mut direct = bench.submit_pushed(None).await;
    direct.claim().await;
    direct.finish(Finish::Direct(agent_message("m", "hello yourself"))).await;
    verify(&bench, &direct).await;
    for ending in [Finish::Completed(None), Finish::Failed(None), Finish::Rejected(None)] {
        let mut task = open(&bench).await;
        task.finish(ending).await;
        verify(&bench, &task).await;
        task.claim_push().await;
        verify(&bench, &task).await;
        task.settle_push(Some(bench.now().saturating_add(LEASE))).await;
        verify(&bench, &task).await;
        task.register("second").await;
        verify(&bench, &task).await;
        task.claim_push().await;
        task.settle_push(None).await;
        verify(&bench, &task).await;
    }
    // The first config of an ended task.
    let mut task = bench.submit().await;
    task.apply(Command::Cancel).await;
    task.register("second").await;
    verify(&bench, &task).await;
    task.claim_push().await;
    task.settle_for_good().await;
    verify(&bench, &task).await;
}

async fn race(bench: &Bench, base: &Snapshot, changes: Vec<Change>) -> (usize, Snapshot) {
    let racers = changes.into_iter().map(|change| {
        let (store, base) = (bench.clone(), base.clone());
        let guard = guard(&base, bench.now());
        async move { store.store().commit(&base, guard, &change).await.expect("commit") }
    });
    let outcomes = together(racers).await;
    let won = outcomes.iter().filter(|outcome| matches!(outcome, Committed::Done(_))).count();
    let now = bench.read_full(&base.head.key).await;
    for outcome in outcomes {
        let shown = match outcome {
            Committed::Done(shown) | Committed::Lost(Some(shown)) => shown,
            Committed::Lost(None) => panic!("the task exists"),
        };
        assert_eq!(shown.head, now.head, "all are shown who has won");
    }
    (won, now)
}

pub(crate) async fn of_many_claims_at_once_are_ones(bench: Bench) {
    for over in [false, true] {
        let mut task = open(&bench).await;
        if over {
            task.finish(Finish::Completed(None)).await;
        }
        for _ in 0..4 {
            let claims = (0..RUNNERS).map(|_| {
                let claim = Command::ClaimPush { token: bench.fresh_claim() };
                decide(&bench, &task.base, claim)
            });
            let claims = claims.collect();
            let (won, now) = race(&bench, &task.base, claims).await;
            assert_eq!(won, 1);
            assert!(matches!(now.head.mark(), Some(Mark::Claimed { .. })));
            task = Tracked::found(bench.clone(), now);
            bench.advance(LEASE);
        }
    }
}

/// A settlement covers all entries: if a settlement and news have one base, only one succeeds.
pub(crate) async fn are_not_settled_beside_news(bench: Bench) {
    for _ in 0..8 {
        let mut task = open(&bench).await;
        task.claim_push().await;
        let settle = Command::SettlePush(task.settlement(None));
        let settle = decide(&bench, &task.base, settle);
        let stamp = Stamp { pusher: None, ..bench.stamp() };
        let emit = task.emit_of(vec![chunk("news")]);
        let emit = task.base.head.apply(emit, &stamp).expect("a legal command");
        let (won, now) = race(&bench, &task.base, vec![settle, emit]).await;
        assert_eq!(won, 1);
        let is_settled = now.head.mark().is_none();
        assert_eq!(is_settled, now.head.position == task.base.head.position);
    }
}
