//! The pushes that the logs demand, against the pushes that the receiver has seen.

use std::collections::{BTreeMap, HashSet};

use a2a_lambda_core::log::{ArtifactChange, fold};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Entry, Event, Head, Position, ProtocolVersion, PushConfig, Snapshot};
use a2a_lambda_protocol::{Artifact, StreamResponse, TaskArtifactUpdateEvent, v0_3};
use serde_json::{Value, json};

use crate::cloud::Kill;
use crate::load::{Config, Made, token};
use crate::receiver::{Arrival, Outcome, Seen};
use crate::shared::Client;

/// How long after its answer the sender may take to note that it had one.
const TO_NOTE: i64 = 3_000;

/// How long a dead sender's request may still take to arrive.
const TO_ARRIVE: i64 = 3_000;

/// How many pushes a deliverer may have in its memory alone (`Policy::push_note_every`), and the one
/// that is under way.
const MOST_REPEATED: usize = 8 + 1;

/// By how much clocks and rounding may mislead.
const BLUR: i64 = 20;

/// The results.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) configs: usize,
    /// Pairs of a config and an entry that its receiver must get, or the whole task.
    pub(crate) entries: usize,
    /// The pushes that carried them.
    pub(crate) parcels: usize,
    pub(crate) outcomes: BTreeMap<Outcome, usize>,
    /// Repetitions because of the receiver.
    pub(crate) by_receiver: usize,
    /// Repetitions because the sender was killed before its answer came.
    pub(crate) by_kill_before: usize,
    /// How long after the kill the latest of these arrived, in milliseconds.
    pub(crate) latest_arrival: i64,
    /// Repetitions because the sender was killed before it stored the answer.
    pub(crate) by_kill_after: usize,
    /// How long after an answer the latest of these kills was, in milliseconds.
    pub(crate) latest_kill: i64,
    /// Repetitions without a known reason.
    pub(crate) unexplained: Vec<String>,
}

/// Any fault fails the test.
pub(crate) async fn check(client: &Client, made: &Made, seen: &Seen, kills: &[Kill]) -> Report {
    let mut report = Report { configs: made.configs.len(), ..Report::default() };
    let mut by_config: BTreeMap<usize, Vec<&Arrival>> = BTreeMap::new();
    for arrival in &seen.arrivals {
        by_config.entry(arrival.config).or_default().push(arrival);
        *report.outcomes.entry(arrival.outcome).or_default() += 1;
    }
    // A kill explains one delivery of a config's.
    let mut spent = HashSet::new();
    for config in &made.configs {
        let arrivals = by_config.remove(&config.number).unwrap_or_default();
        let snapshot = client.engine().read(&config.task, Depth::Full).await.unwrap().unwrap();
        check_config(config, &snapshot, &arrivals, kills, &mut report);
        for again in arrivals.windows(2).filter(|pair| pair[0].id == pair[1].id) {
            explain(config, again[0], again[1], kills, &mut spent, &mut report);
        }
    }
    assert!(by_config.is_empty(), "of no config: {by_config:?}");
    for task in &made.tasks {
        let head = client.head(task).await;
        assert!(head.is_terminal(), "{task} is {}", head.phase.name());
        assert_eq!((head.mark(), head.due), (None, None), "{task}");
        for config in client.engine().configs(task, head.registrations()).await.unwrap() {
            check_delivery(&head, &config);
        }
    }
    report
}

/// All that is known of a config's delivery when there is nothing left to do.
fn check_delivery(head: &Head, config: &PushConfig) {
    let delivery = &config.delivery;
    let through = head.pushed_through().map_or(delivery.cursor, |(position, _)| position);
    let is_done = (delivery.introduced || head.pushed_through().is_some())
        && through == head.position
        && delivery.batch.is_none()
        && delivery.trouble.is_none();
    assert!(is_done, "{} of {}: {delivery:?}", config.id, head.key);
}

/// Checks that the receiver got all pushes in order, and each repetition with the first content.
fn check_config(
    config: &Config,
    snapshot: &Snapshot,
    arrivals: &[&Arrival],
    kills: &[Kill],
    report: &mut Report,
) {
    let of = || format!("config {} of {}: {arrivals:#?}", config.number, config.task);
    for pair in arrivals.windows(2) {
        assert!(pair[0].end < pair[1].begin, "one at a time\n{}", of());
    }
    // One after the other, none comes back when another was sent.
    let parcels: Vec<&[&Arrival]> = arrivals.chunk_by(|one, next| one.id == next.id).collect();
    report.parcels += parcels.len();
    let mut known: Option<(&str, Position)> = None;
    let mut sent: Vec<&Arrival> = Vec::new();
    let mut open: HashSet<&str> = HashSet::new();
    for parcel in &parcels {
        let first = parcel[0];
        let is_known = sent.iter().any(|before| before.id == first.id);
        // None is passed over before it is acknowledged.
        assert!(is_known || open.is_empty(), "{open:?} was not sent again\n{}", of());
        // A push that was not acknowledged is sent again, even if its deliverer has died.
        let was_open = open.contains(first.id.as_str());
        if parcel.last().unwrap().outcome.is_success() {
            open.remove(first.id.as_str());
        } else {
            open.insert(first.id.as_str());
        }
        if let Some(place) = sent.iter().position(|before| before.id == first.id) {
            // A deliverer has died with these in its memory, and another repeats them.
            let before = sent[place];
            let is_same = |again: &&Arrival| again.body == before.body;
            assert!(parcel.iter().all(is_same), "one id, one content\n{}", of());
            assert!(sent.len() - place <= MOST_REPEATED, "too many are repeated\n{}", of());
            let explains = |kill: &Kill| kill.dead_at >= before.over_at && kill.at <= first.at;
            let is_explained = was_open || kills.iter().any(explains);
            assert!(is_explained, "repeated, and nobody had died\n{}", of());
            continue;
        }
        sent.push(first);
        let (prefix, position) = first.id.rsplit_once('_').unwrap();
        let position = Position(position.parse().unwrap());
        for again in *parcel {
            assert_eq!(again.body, first.body, "one id, one content\n{}", of());
            assert_eq!(again.content_type, first.content_type, "{}", of());
            assert_eq!(again.token, token(config.number), "{}", of());
        }
        let covered = match known {
            None => {
                let (from, to) = config.since;
                assert!((from..=to).contains(&position), "{:?}\n{}", config.since, of());
                Vec::new()
            }
            Some((before, through)) => {
                assert_eq!(prefix, before, "{}", of());
                assert!(position > through, "in order\n{}", of());
                news(&snapshot.tail, through, position)
            }
        };
        report.entries += covered.len().max(1);
        let expected = expected(config, snapshot, &covered, position, known.is_none());
        let body: Value = serde_json::from_slice(&first.body).unwrap();
        assert_eq!(merged(body), merged(expected), "what {position:?} is\n{}", of());
        known = Some((prefix, position));
    }
    assert!(open.is_empty(), "{open:?} was not sent again\n{}", of());
    let (_, through) = known.unwrap_or_else(|| panic!("nothing was sent\n{}", of()));
    let left = news(&snapshot.tail, through, snapshot.head.position);
    assert!(left.is_empty(), "not sent: {left:?}\n{}", of());
}

/// The entries between two that receivers are sent something for.
fn news(log: &[Entry], after: Position, through: Position) -> Vec<&Entry> {
    let is_news = |entry: &&Entry| {
        (after.next()..=through).contains(&entry.position)
            && !matches!(entry.event, Event::Message(_))
    };
    log.iter().filter(is_news).collect()
}

/// The pushes for these entries, of which the last is `through`.
fn expected(
    config: &Config,
    snapshot: &Snapshot,
    covered: &[&Entry],
    through: Position,
    is_first: bool,
) -> Value {
    let head = &snapshot.head;
    let chunks: Vec<&ArtifactChange> = covered
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Artifact(change) => Some(change),
            _ => None,
        })
        .collect();
    if !is_first {
        let is_together = covered.len() == 1 || chunks.len() == covered.len();
        assert!(is_together, "only chunks are sent together: {covered:?}");
        assert_eq!(covered.last().map(|entry| entry.position), Some(through), "{covered:?}");
    }
    let whole = || {
        let until = |entry: &&Entry| entry.position <= through;
        fold(head, snapshot.tail.iter().take_while(until))
    };
    match (config.version, is_first, &chunks[..]) {
        (ProtocolVersion::V0_3, _, _) => json!(v0_3::Task::from(whole())),
        (ProtocolVersion::V1_0, true, _) => json!(StreamResponse::Task(whole())),
        (ProtocolVersion::V1_0, false, []) => json!(covered[0].to_stream(head)),
        (ProtocolVersion::V1_0, false, [first, ..]) => {
            let (last, id) = (chunks[chunks.len() - 1], &first.artifact.artifact_id);
            let begin_anew = chunks[1..].iter().find(|chunk| !chunk.append);
            assert!(begin_anew.is_none(), "{begin_anew:?} begins anew");
            assert!(chunks.iter().all(|chunk| chunk.artifact.artifact_id == *id), "{chunks:?}");
            let parts = chunks.iter().flat_map(|chunk| chunk.artifact.parts.iter().cloned());
            json!(StreamResponse::ArtifactUpdate(TaskArtifactUpdateEvent {
                task_id: head.key.task.as_str().to_owned(),
                context_id: head.context.as_str().to_owned(),
                artifact: Artifact { parts: parts.collect(), ..first.artifact.clone() },
                append: first.append,
                last_chunk: last.last_chunk,
                metadata: None,
            }))
        }
    }
}

/// With parts of text that follow each other as one: how they are cut does not matter.
fn merged(mut body: Value) -> Value {
    if let Some(parts) = body.pointer_mut("/artifactUpdate/artifact/parts") {
        let texts: Option<String> =
            parts.as_array().unwrap().iter().map(|part| part["text"].as_str()).collect();
        *parts = json!([texts.unwrap()]);
    }
    body
}

/// Why something was sent again.
fn explain(
    config: &Config,
    before: &Arrival,
    again: &Arrival,
    kills: &[Kill],
    spent: &mut HashSet<(usize, usize)>,
    report: &mut Report,
) {
    let over_at = before.over_at.as_millis();
    let pause = again.at.as_millis() - over_at;
    if let Outcome::Busy(seconds) = before.outcome {
        let asked = i64::try_from(seconds).unwrap() * 1_000;
        assert!(pause >= asked - BLUR, "after {pause} ms, not {asked}: {before:?} {again:?}");
    }
    if !matches!(before.outcome, Outcome::SenderGone | Outcome::Answered(200)) {
        report.by_receiver += 1;
        return;
    }
    let explains = |kill: &Kill| {
        let given = kill.given.as_ref().is_none_or(|tasks| tasks.contains(&config.task));
        let (at, dead_at) = (kill.at.as_millis(), kill.dead_at.as_millis());
        let in_time = match before.outcome {
            Outcome::SenderGone => {
                (before.at.as_millis() - TO_ARRIVE..=over_at + BLUR).contains(&at)
            }
            _ => dead_at >= over_at && at - over_at <= TO_NOTE,
        };
        given && in_time && at <= again.at.as_millis()
    };
    // The nearest of the deliverers that were woken for the task, before one that looks for tasks
    // itself.
    let mut found: Vec<_> = kills.iter().enumerate().filter(|(_, kill)| explains(kill)).collect();
    found.sort_by_key(|(_, kill)| (kill.given.is_none(), (kill.at.as_millis() - over_at).abs()));
    match found.into_iter().find(|(place, _)| spent.insert((*place, config.number))) {
        None => {
            let near = |kill: &&Kill| (kill.at.as_millis() - over_at).abs() < 2 * TO_NOTE;
            let near: Vec<_> = kills.iter().filter(near).collect();
            let all = format!("after {pause} ms: {before:?}\n{again:?}\n{near:?}");
            report.unexplained.push(all);
        }
        Some((_, kill)) if before.outcome == Outcome::SenderGone => {
            report.by_kill_before += 1;
            report.latest_arrival =
                report.latest_arrival.max(before.at.as_millis() - kill.at.as_millis());
        }
        Some((_, kill)) => {
            report.by_kill_after += 1;
            report.latest_kill = report.latest_kill.max(kill.at.as_millis() - over_at);
        }
    }
}
