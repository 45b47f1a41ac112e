//! Committing: the store keeps every command's change whole and once, or not at all.

use std::time::Duration;

use a2a_lambda_core::StoreError;
use a2a_lambda_core::head::{Impatience, Interruption, MAX_REMEMBERED_KEYS, Patience};
use a2a_lambda_core::machine::{Command, Finish, Pause, Retry, Submission};
use a2a_lambda_core::request_key::Fingerprint;
use a2a_lambda_core::store::{Committed, Depth, Guard, Kept};
use a2a_lambda_core::{Ending, Generation, Phase, Position, Revision, Terms};
use a2a_lambda_protocol::{TaskState, Timestamp};

use crate::bench::{Bench, LEASE, SIGNAL_GRACE};
use crate::content::{
    LARGEST_BYTES, LARGEST_CHECKPOINT_BYTES, TOO_LARGE_BYTES, agent_message, chunk, chunk_of,
    json_of, progress, text_of, user_message,
};
use crate::tracked::{claim, done, follow_up, lost};

pub(crate) async fn a_claim_is_stored(bench: Bench) {
    let mut task = bench.submit().await;
    bench.tick();
    task.claim().await;
    assert_eq!((task.head().fence.0, task.head().attempt), (1, 1));
    assert!(task.head().is_held_by(&task.token));
    task.verify().await;
}

pub(crate) async fn messages_in_every_open_phase_are_stored(bench: Bench) {
    let mut task = bench.submit().await;
    task.message("while submitted").await;
    task.verify().await;
    task.claim().await;
    task.message("while running").await;
    task.verify().await;
    task.park_until(bench.now().saturating_add(Duration::from_mins(10))).await;
    bench.tick();
    task.message("while waiting").await;
    task.verify().await;
    bench.tick();
    task.claim().await;
    task.ask().await;
    bench.tick();
    task.message("while interrupted").await;
    assert_eq!(task.head().state(), TaskState::Submitted);
    task.verify().await;
}

pub(crate) async fn updates_are_stored(bench: Bench) {
    let mut task = bench.claimed().await;
    assert!(!task.head().emitted);
    task.emit(vec![chunk("one")]).await;
    task.verify().await;
    bench.tick();
    task.emit(vec![progress("half way"), chunk("two"), progress("nearly")]).await;
    assert!(task.head().emitted);
    task.verify().await;
}

pub(crate) async fn both_interruptions_are_stored(bench: Bench) {
    let until = bench.now().saturating_add(Duration::from_hours(1));
    for (interruption, patience) in [
        (Interruption::InputRequired, None),
        (Interruption::InputRequired, Some(Patience { until, then: Impatience::Wake })),
        (Interruption::AuthRequired, None),
        (Interruption::AuthRequired, Some(Patience { until, then: Impatience::Fail })),
    ] {
        let mut task = bench.claimed().await;
        let message = Some(agent_message("q", "who are you?"));
        let checkpoint = Some(json_of(r#"{"step":2}"#));
        task.park(Pause::ForUser { interruption, message, checkpoint, patience }).await;
        assert_eq!(task.head().phase, Phase::Interrupted { interruption, patience });
        task.verify().await;
        task.apply(Command::Cancel).await;
        assert_eq!(task.head().patience(), None);
        task.verify().await;
    }
}

pub(crate) async fn a_wait_is_stored(bench: Bench) {
    let mut task = bench.submit().await;
    for wake_at in [bench.now(), Timestamp::MAX] {
        task.claim().await;
        let checkpoint = Some(json_of("[1,2]"));
        task.park(Pause::until(wake_at, checkpoint)).await;
        assert_eq!(task.head().phase, Phase::Waiting { until: wake_at });
        task.verify().await;
    }
}

pub(crate) async fn a_turn_that_finds_mail_goes_on(bench: Bench) {
    let mut task = bench.claimed().await;
    let turn = task.turn_end(vec![chunk("an answer")]);
    task.message("but").await;
    let ending = Finish::Completed(Some(agent_message("m", "that was the first")));
    task.apply(Command::Finish { turn, ending }).await;
    assert!(task.head().is_held_by(&task.token) && task.head().has_mail());
    assert_eq!((task.head().turn, task.head().consumed.0), (1, 1));
    task.verify().await;
}

pub(crate) async fn every_ending_is_stored(bench: Bench) {
    let message = || Some(agent_message("m", "that is all"));
    for (finish, ending) in [
        (Finish::Completed(message()), Ending::Completed),
        (Finish::Completed(None), Ending::Completed),
        (Finish::Failed(message()), Ending::Failed),
        (Finish::Failed(None), Ending::Failed),
        (Finish::Rejected(message()), Ending::Rejected),
    ] {
        let mut task = bench.claimed().await;
        bench.tick();
        let turn = task.turn_end(vec![chunk("the last")]);
        task.apply(Command::Finish { turn, ending: finish }).await;
        assert_eq!(task.head().phase, Phase::Ended(ending));
        task.verify().await;
    }
}

pub(crate) async fn a_cancel_is_stored_from_every_open_phase(bench: Bench) {
    for steps in 0..4 {
        let mut task = bench.submit().await;
        if steps > 0 {
            task.claim().await;
        }
        match steps {
            2 => task.ask().await,
            3 => task.park_until(Timestamp::MAX).await,
            _ => {}
        }
        bench.tick();
        task.apply(Command::Cancel).await;
        assert_eq!(task.head().phase, Phase::Ended(Ending::Canceled));
        task.verify().await;
    }
}

pub(crate) async fn a_direct_answer_is_stored(bench: Bench) {
    for sender_waits in [true, false] {
        let until = sender_waits.then(|| bench.now());
        let submission = Submission { sender_waits_until: until, ..bench.submission() };
        let mut task = bench.submit_this(submission).await;
        task.claim().await;
        task.finish(Finish::Direct(agent_message("m", "hello yourself"))).await;
        let head = bench.read(task.key()).await.head;
        assert_eq!((head.is_direct(), head.sender_waits_until), (true, until));
        task.verify().await;
    }
}

pub(crate) async fn retries_are_stored_until_the_last_fails(bench: Bench) {
    let mut task = bench.submit().await;
    for attempt in 1..=3 {
        task.claim().await;
        assert_eq!(task.head().attempt, attempt);
        let retry = Retry {
            cut: None,
            updates: vec![chunk("tried")],
            has_records: false,
            after: Duration::from_secs(10),
            max_attempts: 3,
            reason: Some(agent_message("m", "it did not work")),
        };
        task.apply(Command::Retry { token: task.token.clone(), retry }).await;
        task.verify().await;
        bench.advance(Duration::from_secs(10));
    }
    assert_eq!(task.head().phase, Phase::Ended(Ending::Failed));
}

pub(crate) async fn a_claim_too_many_ends_the_task(bench: Bench) {
    let mut task = bench.claimed().await;
    bench.advance(LEASE);
    task.apply(Command::Claim { token: bench.fresh_token(), max_attempts: 1 }).await;
    assert_eq!(task.head().phase, Phase::Ended(Ending::Failed));
    task.verify().await;
}

/// The store keeps a change that no client sees, too: the revision increases, the position does
/// not.
pub(crate) async fn the_sweep_s_decisions_are_stored(bench: Bench) {
    let mut task = bench.submit().await;
    bench.advance(SIGNAL_GRACE);
    task.apply(Command::Look).await;
    task.verify().await;
    task.claim().await;
    let postponed = task.base.head.postpone(&bench.stamp());
    task.commit(&postponed).await;
    task.verify().await;
    bench.advance(LEASE);
    task.apply(Command::Look).await;
    assert_eq!((task.head().position.0, task.head().revision.0), (2, 5));
    task.verify().await;
}

/// The store keeps both numbers, in the head and in each entry.
pub(crate) async fn a_message_moves_the_position_and_no_generation(bench: Bench) {
    let mut task = bench.submit().await;
    task.message("more").await;
    task.claim().await;
    task.message("still more").await;
    task.verify().await;
    let read = bench.read_full(task.key()).await;
    assert_eq!((read.head.position, read.head.generation), (Position(4), Generation(2)));
    let generations: Vec<u64> = read.tail.iter().map(|entry| entry.generation.0).collect();
    assert_eq!(generations, [1, 1, 2, 2]);
}

pub(crate) async fn a_checkpoint_comes_and_goes(bench: Bench) {
    let mut task = bench.submit().await;
    let largest = format!("{:?}", text_of(LARGEST_CHECKPOINT_BYTES - 100, "checkpoint"));
    // As text: the store must change neither its numbers nor the order of its keys.
    let odd = r#"{"z":12345678901234567890123,"a":[1.10,-0.0,1E-7],"é":"\u0000 \"🦀"}"#;
    for text in [odd, "null", "\"\"", &largest] {
        task.claim().await;
        let checkpoint = Some(json_of(text));
        task.park(Pause::until(bench.now(), checkpoint.clone())).await;
        assert!(bench.read(task.key()).await.head.checkpoint == checkpoint, "{text:.80}");
        task.verify().await;
    }
    task.claim().await;
    task.park_until(bench.now()).await;
    assert_eq!(bench.read(task.key()).await.head.checkpoint, None, "gone");
    task.verify().await;
}

pub(crate) async fn follow_up_keys_are_remembered(bench: Bench) {
    let mut task = bench.submit().await;
    for number in 0..MAX_REMEMBERED_KEYS + 2 {
        let message = user_message("m", &format!("message {number}"));
        let (tenant, owner) = (&task.key().tenant, &task.head().owner);
        let request = Fingerprint::new(
            tenant,
            owner,
            &format!("key {number}"),
            &message,
            &Terms::default(),
            None,
        );
        let terms = Terms::default();
        task.apply(Command::Message { message, terms, request: Some(request), push: None }).await;
        task.verify().await;
    }
    assert_eq!(bench.read(task.key()).await.head.follow_ups.len(), MAX_REMEMBERED_KEYS);
}

pub(crate) async fn a_stale_revision_changes_nothing(bench: Bench) {
    let mut task = bench.submit().await;
    let before = task.base.clone();
    let late = task.decide(follow_up(user_message("late", "too late")));
    let late_cancel = task.decide(Command::Cancel);
    task.claim().await;
    task.check(&lost(bench.commit(&before, &late).await));
    task.check(&lost(bench.commit(&before, &late_cancel).await));
    task.verify().await;
}

/// A change that no client sees increases the revision, too. So it makes changes of an older base
/// fail.
pub(crate) async fn an_unseen_change_makes_a_base_stale(bench: Bench) {
    let mut task = bench.submit().await;
    let before = task.base.clone();
    let late = task.decide(claim(&bench.fresh_token()));
    bench.advance(SIGNAL_GRACE);
    task.apply(Command::Look).await;
    task.check(&lost(bench.commit(&before, &late).await));
    task.verify().await;
}

pub(crate) async fn a_revision_that_is_yet_to_come_changes_nothing(bench: Bench) {
    let task = bench.submit().await;
    let change = task.decide(Command::Cancel);
    let guard = Guard { revision: Revision(task.base.head.revision.0 + 1), leased_until: None };
    let outcome = bench.store().commit(&task.base, guard, &change).await.expect("commit");
    task.check(&lost(outcome));
    task.verify().await;
}

pub(crate) async fn a_missing_task_is_lost(bench: Bench) {
    let here = bench.submit().await;
    let elsewhere = Submission {
        key: crate::bench::key("acme", here.key().task.as_str()),
        ..bench.submission()
    };
    // The change was decided on a task that was never stored.
    let never = bench.decide_submit(elsewhere);
    let base = a2a_lambda_core::Snapshot {
        head: never.head().clone(),
        tail: never.entries().to_vec(),
        kept: Kept::default(),
    };
    let change = crate::tracked::decide(&bench, &base, Command::Cancel);
    assert_eq!(bench.commit(&base, &change).await, Committed::Lost(None));
    assert_eq!(bench.try_read(&never.head().key, Depth::Full).await, None);
    here.verify().await;
}

pub(crate) async fn the_same_write_again_is_done(bench: Bench) {
    let mut task = bench.claimed().await;
    for size in [10, 5_000, LARGEST_BYTES] {
        let before = task.base.clone();
        let change = task.decide(task.emit_of(vec![chunk("small"), chunk_of(size, "again")]));
        task.commit(&change).await;
        for _ in 0..2 {
            task.check(&done(bench.commit(&before, &change).await));
        }
        task.verify().await;
    }
}

/// The log has the write once. The writer may have heard "lost": it reads before it decides.
pub(crate) async fn an_old_write_again_changes_nothing(bench: Bench) {
    let mut task = bench.submit().await;
    let before = task.base.clone();
    let change = task.decide(follow_up(user_message("m", "once")));
    task.commit(&change).await;
    task.claim().await;
    task.emit(vec![chunk("later")]).await;
    let outcome = bench.commit(&before, &change).await;
    let (Committed::Done(shown) | Committed::Lost(Some(shown))) = outcome else {
        panic!("the task exists");
    };
    task.check(&shown);
    task.verify().await;
}

pub(crate) async fn a_too_large_commit_is_refused_whole(bench: Bench) {
    let mut task = bench.claimed().await;
    let updates = vec![chunk("small"), chunk_of(TOO_LARGE_BYTES, "large"), chunk("small too")];
    let change = task.decide(task.emit_of(updates));
    let guard = crate::bench::guard(&task.base, bench.now());
    let error = bench.store().commit(&task.base, guard, &change).await.expect_err("refused");
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
    task.verify().await;
    task.emit(vec![chunk("goes on")]).await;
    task.verify().await;
}

pub(crate) async fn other_tasks_stay_as_they_are(bench: Bench) {
    let mut tasks = Vec::new();
    for _ in 0..4 {
        tasks.push(bench.submit().await);
    }
    tasks[1].claim().await;
    tasks[1].emit(vec![chunk_of(50_000, "one")]).await;
    tasks[2].apply(Command::Cancel).await;
    for task in &tasks {
        task.verify().await;
    }
}

pub(crate) async fn the_largest_checkpoint_and_entry_fit_together(bench: Bench) {
    let mut task = bench.submit().await;
    for round in 0..2 {
        task.claim().await;
        let text = text_of(LARGEST_CHECKPOINT_BYTES - 100, &format!("checkpoint {round}"));
        let checkpoint = Some(json_of(&format!("{text:?}")));
        let turn = task.turn_end(vec![chunk_of(LARGEST_BYTES, "entry")]);
        let pause = Pause::until(bench.now(), checkpoint);
        task.apply(Command::Park { turn, pause }).await;
        task.verify().await;
    }
}
