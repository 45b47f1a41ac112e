//! Races: in any order, one writer wins, and every writer gets a true answer.

use std::future::Future;

use a2a_lambda_core::machine::{Command, Submission};
use a2a_lambda_core::store::{Committed, Created, Depth, Renewed};
use a2a_lambda_core::{Entry, Event, Position, Snapshot, TaskKey};
use tokio::task::JoinSet;

use crate::bench::{Bench, LEASE, check_tail, guard};
use crate::content::{chunk, chunk_of, text_of, user_message};
use crate::tracked::{check_entries, claim, decide, follow_up};

/// How often a race with several possible ends is run.
const ROUNDS: usize = 12;

/// How often an agent shows something before it stops waiting for the cancel.
const EMITS: usize = 200;

/// How many writers run in parallel.
const RUNNERS: usize = 8;

/// Runs all in parallel and returns their results, in no particular order.
pub(super) async fn together<F>(racers: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    racers.into_iter().collect::<JoinSet<_>>().join_all().await
}

/// Commits every command from the same base in parallel. Returns the winner and the losers.
async fn commit_all(
    bench: &Bench,
    base: &Snapshot,
    commands: Vec<Command>,
) -> (Vec<Snapshot>, Vec<Snapshot>) {
    let racers = commands.into_iter().map(|command| {
        let (bench, base) = (bench.clone(), base.clone());
        let change = decide(&bench, &base, command);
        async move { bench.commit(&base, &change).await }
    });
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for outcome in together(racers).await {
        match outcome {
            Committed::Done(now) => won.push(*now),
            Committed::Lost(Some(current)) => lost.push(*current),
            Committed::Lost(None) => panic!("the task exists"),
        }
    }
    for current in &lost {
        assert!(current.head.revision > base.head.revision, "shown the task from before it lost");
    }
    (won, lost)
}

fn texts(log: &[Entry]) -> Vec<String> {
    let messages = log.iter().filter_map(|entry| match &entry.event {
        Event::Message(message) => message.message.parts[0].as_text(),
        _ => None,
    });
    messages.map(str::to_owned).collect()
}

pub(crate) async fn of_two_writers_one_wins(bench: Bench) {
    for _ in 0..ROUNDS {
        let task = bench.submit().await;
        let commands = ["one", "two"].map(|text| follow_up(user_message(text, text)));
        let (won, lost) = commit_all(&bench, &task.base, commands.to_vec()).await;
        assert_eq!((won.len(), lost.len()), (1, 1));
        let full = bench.read_full(task.key()).await;
        assert_eq!(full.head, won[0].head);
        assert_eq!(full.head, lost[0].head, "the loser is shown what the winner wrote");
        assert_eq!(full.tail.len(), 2);
    }
}

/// A store that writes large content first has two contents for the same positions for a moment.
pub(crate) async fn of_two_large_writers_one_wins(bench: Bench) {
    for _ in 0..ROUNDS {
        let task = bench.claimed().await;
        let changes = ["one", "two"].map(|label| {
            task.decide(task.emit_of(vec![chunk_of(5_000, label), chunk_of(40_000, label)]))
        });
        let racers = changes.clone().map(|change| {
            let (bench, base) = (bench.clone(), task.base.clone());
            async move { bench.commit(&base, &change).await }
        });
        let outcomes = together(racers).await;
        let won = outcomes.iter().filter(|o| matches!(o, Committed::Done(_))).count();
        assert_eq!(won, 1);
        let full = bench.read_full(task.key()).await;
        let winner = changes.iter().find(|change| change.head().write == full.head.write);
        check_entries(&full.tail[2..], winner.expect("one of the two").entries());
    }
}

pub(crate) async fn of_many_claims_one_wins(bench: Bench) {
    for _ in 0..ROUNDS {
        let task = bench.submit().await;
        let commands = (0..RUNNERS).map(|_| claim(&bench.fresh_token())).collect();
        let (won, lost) = commit_all(&bench, &task.base, commands).await;
        assert_eq!((won.len(), lost.len()), (1, RUNNERS - 1));
        assert_eq!(won[0].head.fence.0, 1);
        assert_eq!(bench.read_full(task.key()).await.head, won[0].head);
    }
}

pub(crate) async fn of_many_takeovers_one_wins(bench: Bench) {
    for _ in 0..ROUNDS {
        let task = bench.claimed().await;
        bench.advance(LEASE);
        let commands = (0..RUNNERS).map(|_| claim(&bench.fresh_token())).collect();
        let (won, lost) = commit_all(&bench, &task.base, commands).await;
        assert_eq!((won.len(), lost.len()), (1, RUNNERS - 1));
        assert_eq!(won[0].head.fence.0, 2);
        assert_eq!(bench.read_full(task.key()).await.head, won[0].head);
    }
}

pub(crate) async fn of_many_creators_one_wins(bench: Bench) {
    for _ in 0..ROUNDS {
        let key = bench.submission().key;
        let racers = (0..RUNNERS).map(|number| {
            let bench = bench.clone();
            let message = user_message("m", &text_of(20_000, &format!("creator {number}")));
            let submission = Submission { key: key.clone(), message, ..bench.submission() };
            let change = bench.decide_submit(submission);
            async move { (bench.create(&change).await, change) }
        });
        let (mut winner, mut shown) = (None, Vec::new());
        for (outcome, change) in together(racers).await {
            match outcome {
                Created::Now(_) => assert!(winner.replace(change).is_none(), "two winners"),
                Created::Before(existing) => shown.push(existing.head),
            }
        }
        let winner = winner.expect("a winner");
        assert!(shown.iter().all(|head| head == winner.head()), "shown another task");
        check_entries(&bench.read_full(&key).await.tail, winner.entries());
    }
}

/// A client without an answer repeats its request while its first try is still under way.
pub(crate) async fn the_same_write_at_once_is_made_once(bench: Bench) {
    for size in [10, 30_000] {
        let task = bench.claimed().await;
        let change = task.decide(task.emit_of(vec![chunk_of(size, "once")]));
        let racers = (0..RUNNERS).map(|_| {
            let (bench, base, change) = (bench.clone(), task.base.clone(), change.clone());
            async move { bench.commit(&base, &change).await }
        });
        for outcome in together(racers).await {
            match outcome {
                Committed::Done(now) => assert_eq!(now.head, *change.head()),
                Committed::Lost(_) => panic!("lost to itself"),
            }
        }
        let full = bench.read_full(task.key()).await;
        check_entries(&full.tail[2..], change.entries());
    }
}

/// Sends messages one by one, and decides again whenever another writer was faster.
async fn send_all(bench: Bench, key: TaskKey, texts: Vec<String>) {
    let mut base = bench.read(&key).await;
    for text in texts {
        // Each loss is another writer's win, and there are fewer wins than this.
        for _ in 0..100 {
            let change = decide(&bench, &base, follow_up(user_message("m", &text)));
            match bench.commit(&base, &change).await {
                Committed::Done(now) => {
                    base = *now;
                    break;
                }
                Committed::Lost(current) => base = *current.expect("the task exists"),
            }
        }
    }
}

pub(crate) async fn many_writers_lose_nothing(bench: Bench) {
    let task = bench.submit().await;
    let mut expected = vec!["hello".to_owned()];
    let mut racers = Vec::new();
    for writer in 0..6 {
        let size = if writer % 2 == 0 { 10 } else { 1_500 };
        let texts: Vec<String> =
            (0..8).map(|number| text_of(size, &format!("{writer}/{number}"))).collect();
        expected.extend(texts.iter().cloned());
        racers.push(send_all(bench.clone(), task.key().clone(), texts));
    }
    together(racers).await;
    let mut found = texts(&bench.read_full(task.key()).await.tail);
    found.sort();
    expected.sort();
    assert!(found == expected, "{} messages of {}", found.len(), expected.len());
}

/// A late holder renews while another runner takes over: the lease has one holder, and both learn
/// which.
pub(crate) async fn a_renewal_and_a_takeover_exclude_each_other(bench: Bench) {
    for _ in 0..ROUNDS {
        let task = bench.claimed().await;
        bench.advance(LEASE);
        let new_token = bench.fresh_token();
        let takeover = task.decide(claim(&new_token));
        let (renewing, taking) = (bench.clone(), bench.clone());
        let (key, token, base) = (task.key().clone(), task.token.clone(), task.base.clone());
        let renewal = tokio::spawn(async move {
            let until = renewing.now().saturating_add(LEASE);
            renewing.store().renew(&key, &token, until).await.expect("renew")
        });
        let claiming = tokio::spawn(async move { taking.commit(&base, &takeover).await });
        let renewed = renewal.await.expect("no panic");
        let claimed = claiming.await.expect("no panic");
        let head = bench.read_full(task.key()).await.head;
        match (renewed, claimed) {
            (Renewed::Done, Committed::Lost(Some(current))) => {
                assert!(head.is_held_by(&task.token));
                assert_eq!(current.head, head);
            }
            (Renewed::Lost(Some(current)), Committed::Done(_)) => {
                assert!(head.is_held_by(&new_token));
                assert_eq!(current.head, head);
            }
            (renewed, claimed) => panic!("{renewed:?} and {claimed:?}"),
        }
    }
}

/// An agent shows its work while its user cancels the task: nothing follows the cancel (I1, I7).
pub(crate) async fn nothing_follows_a_cancel(bench: Bench) {
    for _ in 0..ROUNDS {
        let task = bench.claimed().await;
        let (agent, mut base, token) = (bench.clone(), task.base.clone(), task.token.clone());
        let emitting = tokio::spawn(async move {
            for number in 0..EMITS {
                let updates = vec![chunk(number.to_string())];
                let emit = Command::Emit { token: token.clone(), updates };
                let change = decide(&agent, &base, emit);
                match agent.commit(&base, &change).await {
                    Committed::Done(now) => base = *now,
                    Committed::Lost(current) => return *current.expect("the task exists"),
                }
            }
            base
        });
        let user = bench.clone();
        let key = task.key().clone();
        let canceled = tokio::spawn(async move {
            // The agent can be faster at most this often.
            for _ in 0..=EMITS {
                let base = user.read(&key).await;
                let cancel = decide(&user, &base, Command::Cancel);
                if let Committed::Done(now) = user.commit(&base, &cancel).await {
                    return *now;
                }
            }
            panic!("lost more often than others won");
        });
        let (last, canceled) = (emitting.await.expect("no panic"), canceled.await);
        let canceled = canceled.expect("no panic");
        let full = bench.read_full(task.key()).await;
        assert!(full.head.is_terminal());
        assert_eq!(full.head, canceled.head);
        assert!(last.head.position <= full.head.position);
    }
}

/// A read shows one moment, even while the store moves old entries.
pub(crate) async fn a_deep_read_beside_a_writer_is_whole(bench: Bench) {
    let mut task = bench.claimed().await;
    let (reader, key) = (bench.clone(), task.key().clone());
    // The set ends with this case, even if the writer fails.
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        let mut seen = 0;
        loop {
            let full = reader.read_full(&key).await;
            assert!(full.tail.len() >= seen, "went back from {seen} to {}", full.tail.len());
            seen = full.tail.len();
            if full.head.is_terminal() {
                return full;
            }
            tokio::task::yield_now().await;
        }
    });
    for number in 0..60 {
        task.emit(vec![chunk_of(1_000 + 150 * number, &format!("chunk {number}"))]).await;
        tokio::task::yield_now().await;
    }
    task.apply(Command::Cancel).await;
    let last = reading.join_next().await.expect("a reader").expect("no panic");
    task.check(&last);
    task.verify().await;
}

/// A commit depends only on its guard: changes of a current base succeed, however often changes of
/// another base were refused.
pub(crate) async fn a_loser_wins_with_the_state_it_was_shown(bench: Bench) {
    let task = bench.submit().await;
    let commands = ["one", "two", "three"].map(|text| follow_up(user_message(text, text)));
    let (_, lost) = commit_all(&bench, &task.base, commands.to_vec()).await;
    let (first, second) = (&lost[0], &lost[1]);
    for (base, wins) in [(first, true), (second, false)] {
        let change = decide(&bench, base, follow_up(user_message("again", "again")));
        let outcome = bench.store().commit(base, guard(base, bench.now()), &change).await;
        assert_eq!(matches!(outcome.expect("commit"), Committed::Done(_)), wins);
    }
    assert_eq!(bench.read_full(task.key()).await.tail.len(), 3);
}

/// A follower gets each entry once and in order, while the store moves old entries.
pub(crate) async fn a_follower_beside_a_writer_misses_nothing(bench: Bench) {
    let mut task = bench.claimed().await;
    let mut following = JoinSet::new();
    for late in [0, 3, 20] {
        let (reader, key) = (bench.clone(), task.key().clone());
        following.spawn(async move {
            let mut seen: Vec<Entry> = Vec::new();
            loop {
                let known = seen.last().map_or(Position(0), |last| last.position);
                let read = reader.try_read(&key, Depth::After(known)).await;
                let read = read.expect("the task exists");
                check_tail(&read);
                seen.extend_from_slice(read.after(known).expect("what is new"));
                if read.head.is_terminal() {
                    return seen;
                }
                for _ in 0..=late {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    for number in 0..80 {
        let size = [100, 1_000, 2_500, 30, 12_000][number % 5];
        task.emit(vec![chunk_of(size, &format!("chunk {number}"))]).await;
        tokio::task::yield_now().await;
    }
    task.apply(Command::Cancel).await;
    while let Some(seen) = following.join_next().await {
        check_entries(&seen.expect("no panic"), task.log());
    }
}

/// After any entry of a log with several parallel writers, a read returns the rest of the log.
pub(crate) async fn a_log_of_many_writers_can_be_followed(bench: Bench) {
    let task = bench.submit().await;
    let writers = (0..RUNNERS).map(|writer| {
        let (bench, key) = (bench.clone(), task.key().clone());
        async move {
            for number in 0..6 {
                let text = text_of(400 * (writer + 1), &format!("{writer}/{number}"));
                // Every writer loses at most once to each commit of the others.
                for _ in 0..=RUNNERS * 6 {
                    let base = bench.read(&key).await;
                    let message = follow_up(user_message(&bench.fresh(), &text));
                    let change = decide(&bench, &base, message);
                    if let Committed::Done(_) = bench.commit(&base, &change).await {
                        break;
                    }
                }
            }
        }
    });
    together(writers).await;
    let full = bench.read_full(task.key()).await;
    assert_eq!(full.tail.len(), 1 + RUNNERS * 6, "every message");
    for known in 0..full.tail.len() {
        let position = Position(known as u64);
        let read = bench.try_read(task.key(), Depth::After(position)).await;
        let read = read.expect("the task exists");
        check_tail(&read);
        check_entries(read.after(position).expect("what is new"), &full.tail[known..]);
    }
}
