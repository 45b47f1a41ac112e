//! The log: append-only, gapless, and unchanged from write to read (invariant I2).

use a2a_lambda_core::Terms;
use a2a_lambda_core::log::{ArtifactChange, StatusChange, fold};
use a2a_lambda_core::machine::{Command, Finish, Submission, Update};
use a2a_lambda_protocol::{Artifact, Message, Part, Role, Struct};

use crate::bench::Bench;
use crate::content::{
    LARGEST_BYTES, agent_message, chunk, chunk_of, data, json_of, progress, text_of, user_message,
};
use crate::tracked::{follow_up, lost};

/// The log of an agent that streams text.
pub(crate) async fn of_300_small_chunks_is_whole(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..300 {
        task.emit(vec![chunk(format!("chunk {number} "))]).await;
    }
    task.finish(Finish::Completed(None)).await;
    assert_eq!(task.log().len(), 303);
    task.verify().await;
}

pub(crate) async fn of_large_entries_is_whole(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..12 {
        task.emit(vec![chunk_of(60 * 1024, &format!("chunk {number}"))]).await;
        task.verify().await;
    }
}

pub(crate) async fn of_the_largest_entries_is_whole(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..3 {
        task.emit(vec![chunk_of(LARGEST_BYTES, &format!("chunk {number}"))]).await;
    }
    task.verify().await;
}

/// Sizes around every limit at which a store may store an entry separately.
pub(crate) async fn of_mixed_sizes_is_whole(bench: Bench) {
    let mut task = bench.claimed().await;
    let sizes = [10, 1_000, 100_000, 10, 2_000, 3_900, 4_200, 10, 8_000, 60_000, 10, 16_000];
    for (number, size) in sizes.into_iter().enumerate() {
        let large = chunk_of(size, &format!("chunk {number}"));
        task.emit(vec![chunk("before"), large, progress("after")]).await;
        task.message("in between").await;
        task.verify().await;
    }
}

pub(crate) async fn of_entries_that_share_a_commit_is_in_order(bench: Bench) {
    let mut task = bench.claimed().await;
    for batch in 0..4 {
        let updates = (0..64).map(|number| chunk(format!("{batch}/{number}"))).collect();
        task.emit(updates).await;
    }
    assert_eq!(task.log().len(), 2 + 4 * 64);
    task.verify().await;
}

/// The policy lets a full batch of updates and a large message share the commit that ends a task.
pub(crate) async fn of_a_commit_beyond_one_item_is_whole(bench: Bench) {
    let mut task = bench.claimed().await;
    let updates = (0..8).map(|number| chunk_of(15 * 1024, &format!("chunk {number}"))).collect();
    let turn = task.turn_end(updates);
    let message = agent_message("m", &text_of(LARGEST_BYTES, "the end"));
    task.apply(Command::Finish { turn, ending: Finish::Completed(Some(message)) }).await;
    task.verify().await;
}

/// The store chooses the length of the tail, which is always the end of the log. Compared after
/// each commit.
pub(crate) async fn has_the_tail_as_its_end(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..40_usize {
        task.emit(vec![chunk_of(number * 97, "sized")]).await;
        task.refresh().await;
    }
    task.verify().await;
}

pub(crate) async fn keeps_json_to_the_letter(bench: Bench) {
    let mut task = bench.claimed().await;
    for json in [
        "12345678901234567890123456789",
        "-9223372036854775809",
        "18446744073709551616",
        "9007199254740993",
        "0.1000000000000000055511151231257827",
        "1.0",
        "-0.0",
        "1e2",
        "1E+2",
        "2.50",
        "1e-320",
        "\"\"",
        "\"\\u00e9 é \\u0000 \\/ / \\ud83e\\udd80 🦀 \\u2028\"",
        "null",
        "[null,[],{},\"\"]",
        r#"{"b":1,"a":2,"B":3,"":4,"é":5}"#,
        r#"{"$numberLong":"1","S":"a string","NULL":true}"#,
    ] {
        task.emit(vec![data(json)]).await;
    }
    task.verify().await;
}

pub(crate) async fn keeps_every_field_of_a_message(bench: Bench) {
    let metadata =
        || Some(Struct::parse(r#"{"z":1.50,"a":[12345678901234567890]}"#).expect("JSON"));
    let part = |part: Part| Part { metadata: metadata(), ..part };
    let message = |role| Message {
        message_id: "m \u{0} ü".to_owned(),
        role,
        parts: vec![
            part(Part::text("text \u{feff} with \r\n and 👩‍👩‍👧 and \u{10ffff}")),
            part(Part::raw((0..=255).collect::<Vec<u8>>()).with_media_type("application/x-any")),
            part(Part::url("https://example.com/a?b=c#d").with_filename("d e.txt")),
            part(Part::data(json_of("[]"))),
            Part::text(""),
        ],
        metadata: metadata(),
        extensions: vec!["https://example.com/extension".to_owned()],
        reference_task_ids: vec!["another".to_owned(), "third".to_owned()],
        ..Message::default()
    };
    let terms = Terms {
        accepted_output_modes: vec!["text/plain".to_owned(), "*/*".to_owned()],
        extensions: vec!["https://example.com/extension".to_owned()],
        metadata: metadata(),
    };
    let submission = Submission { message: message(Role::User), terms, ..bench.submission() };
    let mut task = bench.submit_this(submission).await;
    task.claim().await;
    let artifact = Artifact {
        artifact_id: "a/1".to_owned(),
        name: "A name".to_owned(),
        description: "What it is".to_owned(),
        parts: message(Role::Agent).parts,
        metadata: metadata(),
        extensions: vec!["https://example.com/extension".to_owned()],
    };
    let mut change =
        ArtifactChange { artifact, append: false, last_chunk: true, metadata: metadata() };
    let first = Update::Artifact(change.clone());
    (change.append, change.last_chunk) = (true, false);
    let message = Some(message(Role::Agent));
    let status = StatusChange { message, metadata: metadata(), ..StatusChange::default() };
    task.emit(vec![first, Update::Artifact(change), Update::Progress(status)]).await;
    task.verify().await;
}

pub(crate) async fn adds_up_to_the_task(bench: Bench) {
    let mut task = bench.claimed().await;
    for round in 0..6 {
        for size in [20, 3_000, 30_000] {
            bench.tick();
            task.emit(vec![chunk_of(size, &format!("round {round}")), progress("so far")]).await;
        }
        task.ask().await;
        bench.tick();
        task.message("go on").await;
        task.claim().await;
    }
    task.finish(Finish::Completed(Some(agent_message("m", "the end")))).await;
    let read = bench.read_full(task.key()).await;
    let (found, expected) = (fold(&read.head, &read.tail), fold(task.head(), task.log()));
    assert!(found == expected, "the task that is read is another than the one that was written");
    task.verify().await;
}

pub(crate) async fn of_a_task_that_is_over_stays(bench: Bench) {
    let mut task = bench.claimed().await;
    for number in 0..5 {
        task.emit(vec![chunk_of(6_000, &format!("chunk {number}"))]).await;
    }
    task.finish(Finish::Completed(None)).await;
    for _ in 0..3 {
        // Other tasks come and go.
        bench.submit().await.complete().await;
        task.verify().await;
    }
}

/// A store that writes large content before the head must not overwrite the winner's content. Nor
/// may it take a loser's content for the task's.
pub(crate) async fn has_nothing_of_a_lost_write(bench: Bench) {
    for (losing, winning) in [(60_000, 60_000), (60_000, 10), (10, 60_000), (5_000, 300_000)] {
        let mut task = bench.claimed().await;
        task.emit(vec![chunk_of(3_000, "common")]).await;
        let before = task.base.clone();
        let early = vec![chunk_of(losing, "loser"), chunk_of(losing, "loser too")];
        let losers = task.decide(task.emit_of(early));
        task.emit(vec![chunk_of(winning, "winner")]).await;
        task.check(&lost(bench.commit(&before, &losers).await));
        task.verify().await;
        // The winner's entries become old, and move to the store's place for old entries.
        for number in 0..6 {
            task.emit(vec![chunk_of(2_500, &format!("later {number}"))]).await;
            lost(bench.commit(&before, &losers).await);
        }
        task.verify().await;
    }
}

/// The same for losers of every age: the store has long moved the log of their bases.
pub(crate) async fn is_safe_from_bases_of_long_ago(bench: Bench) {
    let mut task = bench.claimed().await;
    let mut stale = Vec::new();
    for number in 0..25 {
        let late = follow_up(user_message("late", &text_of(2_000, "late")));
        stale.push((task.base.clone(), task.decide(late)));
        task.emit(vec![chunk_of(1_500, &format!("chunk {number}"))]).await;
    }
    for (base, change) in &stale {
        task.check(&lost(bench.commit(base, change).await));
    }
    task.verify().await;
    task.emit(vec![chunk_of(9_000, "goes on")]).await;
    task.verify().await;
}
