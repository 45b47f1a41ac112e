//! The next payload of a receiver: one update, or several chunks of an artifact as one.

use a2a_lambda_protocol::{StreamResponse, Timestamp};

use crate::head::Head;
use crate::ids::{Generation, Position};
use crate::log::{ArtifactChange, Entry, Event, fold, without_task};
use crate::policy::Policy;
use crate::push::PushConfig;
use crate::version::ProtocolVersion;

/// The content of one POST.
#[derive(Debug)]
pub(super) struct Payload {
    /// The newest entry in it.
    pub(super) through: Position,
    /// That entry's generation.
    pub(super) generation: Generation,
    /// When the oldest update in it was stored; `None` for the task that a new config is first
    /// sent.
    pub(super) since: Option<Timestamp>,
    /// Whether it merges several entries, and this is not stored yet.
    pub(super) is_new_batch: bool,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// The search result for a receiver's next payload.
#[derive(Debug)]
pub(super) enum Found {
    /// The receiver has been sent everything.
    Nothing,
    /// The next payload.
    Payload(Payload),
    /// The log after this entry is needed to decide.
    NeedsLogAfter(Position),
}

/// Finds the next payload of a receiver in `log`, which ends at the head's position.
///
/// `may_batch`: whether chunks that were never sent may be merged. It is false for the first push
/// after a take-over. The earlier deliverer may have sent the first chunk alone, and an id must
/// always carry the same bytes.
pub(super) fn next(
    config: &PushConfig,
    head: &Head,
    log: &[Entry],
    may_batch: bool,
    policy: &Policy,
) -> Found {
    let delivery = &config.delivery;
    if delivery.cursor > head.position {
        // A client created the config after the deliverer read the task.
        return Found::NeedsLogAfter(head.position);
    }
    // The sender received a direct message and knows of no task.
    let unknown = head.is_direct() && !head.is_listed();
    if !delivery.introduced && policy.push_task && !unknown {
        let through = delivery.cursor.max(Position(1));
        return whole(config, head, log, through, None, false, policy);
    }
    let Some(new) = after(head, log, delivery.cursor) else {
        return Found::NeedsLogAfter(delivery.cursor);
    };
    let is_sent = |entry: &&Entry| match &entry.event {
        Event::Message(_) => false,
        Event::Status(_) => !unknown || entry.position == head.position,
        Event::Artifact(_) => policy.push_artifacts,
    };
    let mut sent = new.iter().filter(is_sent);
    let Some(first) = sent.next() else { return Found::Nothing };
    let together = match &first.event {
        Event::Artifact(change) => {
            let end = match (delivery.batch, may_batch) {
                (Some(stored), _) => End::At(stored),
                (None, true) => End::WhenFull,
                (None, false) => End::At(first.position),
            };
            chunks(first, change, sent, end, policy)
        }
        _ => Chunks { last: first, change: None },
    };
    let (through, generation) = (together.last.position, together.last.generation);
    let is_new_batch = through > first.position && delivery.batch != Some(through);
    if config.version == ProtocolVersion::V0_3 {
        return whole(config, head, log, through, Some(first.at), is_new_batch, policy);
    }
    let response = match together.change {
        Some(change) => {
            let event = Event::Artifact(change);
            Entry { at: first.at, event, ..*together.last }.to_stream(head)
        }
        None => first.to_stream(head),
    };
    let direct = head.is_direct() && through == head.position;
    let response = match response {
        Some(StreamResponse::StatusUpdate(update)) if direct => {
            update.status.message.map(without_task).map(StreamResponse::Message)
        }
        response => response,
    };
    response.map_or(Found::Nothing, |response| {
        Found::Payload(Payload {
            through,
            generation,
            since: Some(first.at),
            is_new_batch,
            content_type: "application/a2a+json",
            body: json(&response),
        })
    })
}

/// The whole task, as it was at an entry.
fn whole(
    config: &PushConfig,
    head: &Head,
    log: &[Entry],
    through: Position,
    since: Option<Timestamp>,
    is_new_batch: bool,
    policy: &Policy,
) -> Found {
    let Some(all) = after(head, log, Position(0)) else {
        return Found::NeedsLogAfter(Position(0));
    };
    let shown = || all.iter().take_while(|entry| entry.position <= through);
    let mut task = fold(head, shown());
    // This depends only on the shown entries, so that each attempt has the same body.
    if shown().map(Entry::stored_bytes).sum::<usize>() > policy.push_task_bytes {
        task.history.clear();
        task.artifacts.clear();
    }
    let (content_type, body) = match config.version {
        ProtocolVersion::V1_0 => ("application/a2a+json", json(&StreamResponse::Task(task))),
        // 0.3 sends the task itself for every change (its section 9.5).
        #[cfg(feature = "v0_3")]
        ProtocolVersion::V0_3 => {
            ("application/json", json(&a2a_lambda_protocol::v0_3::Task::from(task)))
        }
        // An earlier deployment served 0.3 and created the config. Its receiver gets the task in
        // 1.0's form.
        #[cfg(not(feature = "v0_3"))]
        ProtocolVersion::V0_3 => ("application/a2a+json", json(&StreamResponse::Task(task))),
    };
    let generation = shown().last().map_or(Generation(0), |last| last.generation);
    Found::Payload(Payload { through, generation, since, is_new_batch, content_type, body })
}

/// The entries after `known`, if the log reaches back to it.
fn after<'a>(head: &Head, log: &'a [Entry], known: Position) -> Option<&'a [Entry]> {
    if known >= head.position {
        return Some(&[]);
    }
    let first = log.first().filter(|first| first.position <= known.next())?;
    let passed = usize::try_from(known.0.saturating_sub(first.position.0 - 1)).ok()?;
    log.get(passed..)
}

/// The end of a run of chunks.
#[derive(Clone, Copy)]
enum End {
    At(Position),
    WhenFull,
}

/// Several chunks of an artifact, merged.
struct Chunks<'a> {
    last: &'a Entry,
    change: Option<ArtifactChange>,
}

fn chunks<'a>(
    first: &'a Entry,
    change: &ArtifactChange,
    rest: impl Iterator<Item = &'a Entry>,
    end: End,
    policy: &Policy,
) -> Chunks<'a> {
    let mut all = change.clone();
    let mut last = first;
    let mut bytes = first.stored_bytes();
    let mut count = 1;
    for entry in rest {
        let Event::Artifact(next) = &entry.event else { break };
        if !next.append || next.artifact.artifact_id != all.artifact.artifact_id {
            break;
        }
        bytes += entry.stored_bytes();
        count += 1;
        let over = match end {
            End::At(stored) => entry.position > stored,
            End::WhenFull => bytes > policy.push_bytes || count > policy.push_chunks,
        };
        if over {
            break;
        }
        last = entry;
        all.artifact.parts.extend(next.artifact.parts.iter().cloned());
        all.last_chunk = next.last_chunk;
        if next.artifact.metadata.is_some() {
            all.artifact.metadata.clone_from(&next.artifact.metadata);
        }
        if next.metadata.is_some() {
            all.metadata.clone_from(&next.metadata);
        }
    }
    Chunks { last, change: Some(all) }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Serialization of these types cannot fail.
    serde_json::to_vec(value).unwrap_or_default()
}
