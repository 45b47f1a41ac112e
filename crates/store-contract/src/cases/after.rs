//! Reads of the entries after a position, as followers of a log make them.

use a2a_lambda_core::Position;
use a2a_lambda_core::machine::{Command, Finish, Submission};
use a2a_lambda_core::store::Depth;

use crate::bench::{Bench, LEASE, key};
use crate::content::{
    LARGEST_BYTES, agent_message, chunk, chunk_of, progress, text_of, user_message,
};
use crate::tracked::{Tracked, lost};

/// Reads after every entry, after none, and after positions beyond the end.
async fn verify_after_each(task: &Tracked) {
    let end = task.head().position.0;
    for known in (0..=end + 2).chain([end + 1_000, u64::MAX - 1, u64::MAX]) {
        task.verify_after(Position(known)).await;
    }
}

pub(crate) async fn any_entry_of_a_missing_task_is_none(bench: Bench) {
    let task = bench.submit().await;
    for known in [0, 1, 2, u64::MAX] {
        for missing in [key("", "missing"), key("acme", &task.id())] {
            let depth = Depth::After(Position(known));
            assert_eq!(bench.try_read(&missing, depth).await, None, "after {known}");
        }
    }
}

pub(crate) async fn each_of_a_few_entries_is_the_rest(bench: Bench) {
    let mut task = bench.submit().await;
    verify_after_each(&task).await;
    task.claim().await;
    verify_after_each(&task).await;
    for number in 0..5 {
        task.emit(vec![chunk(number.to_string())]).await;
        verify_after_each(&task).await;
    }
    task.finish(Finish::Completed(None)).await;
    verify_after_each(&task).await;
}

/// The log of an agent that streams text.
pub(crate) async fn each_of_300_small_chunks_is_the_rest(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..300 {
        task.emit(vec![chunk(format!("chunk {number} "))]).await;
    }
    verify_after_each(&task).await;
}

pub(crate) async fn each_of_large_entries_is_the_rest(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..12 {
        task.emit(vec![chunk_of(5_000 * (number + 1), &format!("chunk {number}"))]).await;
    }
    verify_after_each(&task).await;
}

pub(crate) async fn each_of_many_large_entries_is_the_rest(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..70 {
        task.emit(vec![chunk_of(2_500, &format!("chunk {number}"))]).await;
    }
    verify_after_each(&task).await;
}

pub(crate) async fn each_of_the_largest_entries_is_the_rest(bench: Bench) {
    let message = user_message("m", &text_of(LARGEST_BYTES, "hello"));
    let submission = Submission { message, ..bench.submission() };
    let mut task = bench.submit_this(submission).await;
    verify_after_each(&task).await;
    task.claim().await;
    for number in 0..3 {
        task.emit(vec![chunk_of(LARGEST_BYTES, &format!("chunk {number}"))]).await;
        verify_after_each(&task).await;
    }
}

/// Sizes around every limit at which a store may store an entry separately.
pub(crate) async fn each_of_mixed_sizes_is_the_rest(bench: Bench) {
    let mut task = bench.claimed().await;
    let sizes = [10, 1_000, 100_000, 10, 2_000, 3_900, 4_200, 10, 8_000, 60_000, 10, 16_000];
    for (number, size) in sizes.into_iter().enumerate() {
        let large = chunk_of(size, &format!("chunk {number}"));
        task.emit(vec![chunk("before"), large, progress("after")]).await;
        task.message("in between").await;
    }
    verify_after_each(&task).await;
    for number in 0..30 {
        task.emit(vec![chunk_of(number * 97, "sized")]).await;
    }
    verify_after_each(&task).await;
}

pub(crate) async fn each_that_shares_a_commit_is_the_rest(bench: Bench) {
    let mut task = bench.claimed().await;
    for batch in 0..3 {
        let updates = (0..40).map(|number| chunk(format!("{batch}/{number}"))).collect();
        task.emit(updates).await;
        task.emit(vec![chunk("alone")]).await;
    }
    verify_after_each(&task).await;
}

pub(crate) async fn each_of_a_commit_beyond_one_item_is_the_rest(bench: Bench) {
    let mut task = bench.claimed().await;
    let updates = (0..8).map(|number| chunk_of(15 * 1024, &format!("chunk {number}"))).collect();
    let turn = task.turn_end(updates);
    let message = agent_message("m", &text_of(LARGEST_BYTES, "the end"));
    task.apply(Command::Finish { turn, ending: Finish::Completed(Some(message)) }).await;
    verify_after_each(&task).await;
}

/// Lost writers leave large entries behind, and old entries that they moved for a commit that was
/// not made.
pub(crate) async fn reads_skip_the_remains_of_losers(bench: Bench) {
    let mut task = bench.claimed().await;
    for round in 0..10 {
        for losing in [10, 1_900, 6_000] {
            let before = task.base.clone();
            let losers = task.decide(task.emit_of(vec![chunk_of(losing, "loser"), chunk("too")]));
            task.emit(vec![chunk_of(700 * (round % 4), "winner")]).await;
            lost(bench.commit(&before, &losers).await);
        }
    }
    verify_after_each(&task).await;
}

/// The head is as current as in any other read, for every log.
pub(crate) async fn an_unseen_change_is_the_new_head(bench: Bench) {
    let mut task = bench.submit().await;
    for _ in 0..3 {
        bench.tick();
        task.claim().await;
        verify_after_each(&task).await;
        bench.tick();
        task.renew(LEASE).await;
        verify_after_each(&task).await;
        bench.advance(LEASE * 2);
        task.refresh().await;
    }
}

/// A follower that reads the new entries after each commit.
pub(crate) async fn each_commit_a_follower_is_up_to_date(bench: Bench) {
    let mut task = bench.claimed().await;
    let mut known = Position(0);
    let mut seen = Vec::new();
    for number in 0..90_usize {
        let size = [20, 300, 2_100, 900, 9_000][number % 5];
        let updates = (0..=number % 3).map(|part| chunk_of(size, &format!("{number}/{part}")));
        task.emit(updates.collect()).await;
        // Sometimes the follower is late.
        if number % 7 < 5 {
            let read = bench.try_read(task.key(), Depth::After(known)).await;
            let read = read.expect("the task exists");
            seen.extend_from_slice(read.after(known).expect("all that is new"));
            known = read.head.position;
            assert!(seen == task.log(), "what was followed is not the log");
        }
    }
}
