//! A task in each phase, and a command of each kind.

use a2a_lambda_core::head::{Ending, Impatience, Interruption, Patience};
use a2a_lambda_core::ids::{ConfigId, Registration};
use a2a_lambda_core::log::{ArtifactChange, StatusChange};
use a2a_lambda_core::machine::{
    Finish, NewPush, NextTurn, Pause, Retry, Stamp, Submission, TurnEnd, Update,
};
use a2a_lambda_core::{
    Change, Command, Generation, Head, LeaseToken, Phase, Position, RunnerName, Terms,
};
use a2a_lambda_protocol::{Artifact, Json, Message, Part, Role, TaskState, Timestamp};

use crate::support::{TestClock, secs, user};

pub(crate) const MAX_ATTEMPTS: u32 = 3;
pub(crate) const GRACE_S: u64 = 60;
pub(crate) const LEASE_S: u64 = 30;

/// The moment this many seconds after the begin.
pub(crate) fn at(seconds: u64) -> Timestamp {
    TestClock::START.saturating_add(secs(seconds))
}

/// How long a signal may take.
pub(crate) fn grace() -> std::time::Duration {
    secs(GRACE_S)
}

/// How many seconds after the begin a moment is.
pub(crate) fn seconds(at: Timestamp) -> u64 {
    at.saturating_since(TestClock::START).as_secs()
}

pub(crate) fn stamp(now: u64) -> Stamp {
    let stamp = a2a_lambda_testing::stamp(at(now), format!("write at {now}"));
    let (lease, push_claim) = (secs(LEASE_S), secs(LEASE_S));
    let runner = Some(RunnerName::of("me"));
    Stamp { signal_grace: secs(GRACE_S), lease, push_claim, runner, ..stamp }
}

/// The token of the runner that holds, or held, the lease.
pub(crate) fn token() -> LeaseToken {
    LeaseToken::new("holder")
}

pub(crate) fn agent(text: &str) -> Message {
    Message::text(format!("id of {text}"), Role::Agent, text)
}

pub(crate) fn submission() -> Submission {
    Submission { message: user("first"), ..a2a_lambda_testing::submission("task") }
}

pub(crate) fn progress(text: &str) -> Update {
    Update::Progress(StatusChange {
        state: TaskState::Working,
        message: Some(agent(text)),
        metadata: None,
    })
}

pub(crate) fn chunk(text: &str) -> Update {
    let artifact = Artifact::new("artifact", [Part::text(text)]);
    Update::Artifact(ArtifactChange { artifact, append: true, ..ArtifactChange::default() })
}

/// The end of a turn that was given all that `head` knows of.
pub(crate) fn turn_end(head: &Head, updates: Vec<Update>) -> TurnEnd {
    TurnEnd::new(token(), head.last_message, updates)
}

pub(crate) fn message(text: &str) -> Command {
    Command::Message { message: user(text), terms: Terms::default(), request: None, push: None }
}

/// The registration of a config, from its id and the number of its making: `a1`.
pub(crate) fn registration(name: &str) -> Registration {
    let (id, making) = name.split_at(1);
    Registration::new(&ConfigId::parse(id).unwrap(), making)
}

/// A config that is made or replaced, where a task may have two.
pub(crate) fn register(name: &str) -> Command {
    Command::RegisterPush(NewPush { registration: registration(name), most: 2 })
}

pub(crate) fn unregister(id: &str) -> Command {
    Command::UnregisterPush { id: ConfigId::parse(id).unwrap() }
}

pub(crate) fn claim(name: &str) -> Command {
    Command::Claim { token: LeaseToken::new(name), max_attempts: MAX_ATTEMPTS }
}

pub(crate) fn emit(updates: Vec<Update>) -> Command {
    Command::Emit { token: token(), updates }
}

pub(crate) fn finish(head: &Head, ending: Finish) -> Command {
    Command::Finish { turn: turn_end(head, Vec::new()), ending }
}

pub(crate) fn ask(head: &Head, interruption: Interruption) -> Command {
    let message = Some(agent("a question"));
    let checkpoint = Some(Json::parse("1").unwrap());
    let pause = Pause::ForUser { interruption, message, checkpoint, patience: None };
    Command::Park { turn: turn_end(head, Vec::new()), pause }
}

/// A question with an answer due by 50 s.
pub(crate) fn ask_impatiently(head: &Head, then: Impatience) -> Command {
    let interruption = Interruption::InputRequired;
    let checkpoint = Some(Json::parse("1").unwrap());
    let patience = Some(Patience { until: at(50), then });
    let pause = Pause::ForUser { interruption, message: None, checkpoint, patience };
    Command::Park { turn: turn_end(head, Vec::new()), pause }
}

pub(crate) fn park_until(head: &Head, until: u64) -> Command {
    let checkpoint = Some(Json::parse("2").unwrap());
    let pause = Pause::until(at(until), checkpoint);
    Command::Park { turn: turn_end(head, Vec::new()), pause }
}

/// The turn ends and leaves its scope open. It knows of the messages up to `seen`.
pub(crate) fn repeat_at(head: &Head, until: u64, seen: Position) -> Command {
    let next = NextTurn::Repeats { seen, checkpoint: head.checkpoint.clone() };
    let turn = TurnEnd::new(token(), head.given, Vec::new());
    Command::Park { turn, pause: Pause::Until { wake_at: at(until), next } }
}

pub(crate) fn retry(after: u64) -> Command {
    let retry = Retry {
        updates: Vec::new(),
        has_records: false,
        cut: None,
        after: secs(after),
        max_attempts: MAX_ATTEMPTS,
        reason: Some(agent("a reason")),
    };
    Command::Retry { token: token(), retry }
}

/// Applies a command that the task allows.
pub(crate) fn apply(head: &Head, command: Command, now: u64) -> Change {
    head.apply(command, &stamp(now)).unwrap()
}

/// The head that a command leads to.
pub(crate) fn then(head: &Head, command: Command, now: u64) -> Head {
    apply(head, command, now).head().clone()
}

/// The reason why a command is refused.
pub(crate) fn refused(head: &Head, command: Command, now: u64) -> String {
    head.apply(command, &stamp(now)).unwrap_err().to_string()
}

/// A task that was just submitted.
pub(crate) fn submitted() -> Head {
    Head::submit(submission(), &stamp(0)).head().clone()
}

/// The same, claimed at 1 s: its lease ends at 31 s.
pub(crate) fn running() -> Head {
    then(&submitted(), Command::Claim { token: token(), max_attempts: MAX_ATTEMPTS }, 1)
}

/// A task that failed at 2 s and has a retry at 100 s.
pub(crate) fn waiting() -> Head {
    then(&running(), retry(98), 2)
}

pub(crate) fn interrupted(interruption: Interruption) -> Head {
    then(&running(), ask(&running(), interruption), 2)
}

pub(crate) fn ended(ending: Ending) -> Head {
    let running = running();
    let ended = match ending {
        Ending::Completed => finish(&running, Finish::Completed(None)),
        Ending::Answered => finish(&running, Finish::Direct(agent("hello"))),
        Ending::Failed => finish(&running, Finish::Failed(None)),
        Ending::Rejected => finish(&running, Finish::Rejected(None)),
        Ending::Canceled => Command::Cancel,
    };
    then(&running, ended, 2)
}

/// The effects of a change, field by field; other fields are unchanged.
pub(crate) fn describe(before: &Head, change: &Change) -> String {
    let after = change.head();
    let mut said = vec![match after.phase {
        Phase::Running { until, .. } | Phase::Waiting { until } => {
            format!("{} until {}", after.phase.name(), seconds(until))
        }
        _ => after.phase.name().to_owned(),
    }];
    let entries = change.entries().len();
    if entries > 0 {
        said.push(format!("entries +{entries}"));
    }
    for at in change.signals() {
        said.push(format!("signal at {}", seconds(*at)));
    }
    if after.due != before.due {
        said.push(after.due.map_or("due never".into(), |due| format!("due {}", seconds(due))));
    }
    let mut number = |name: &str, before: u64, after: u64| {
        if before != after {
            said.push(format!("{name} {after}"));
        }
    };
    number("attempt", before.attempt.into(), after.attempt.into());
    number("turn", before.turn.into(), after.turn.into());
    number("scope turns", before.scope_turns.into(), after.scope_turns.into());
    number("consumed", before.consumed.0, after.consumed.0);
    number("fence", before.fence.0, after.fence.0);
    number("last message", before.last_message.0, after.last_message.0);
    assert_eq!(after.position, Position(before.position.0 + entries as u64));
    let events = change.entries().iter().filter(|entry| entry.event.is_streamed()).count();
    assert_eq!(after.generation, Generation(before.generation.0 + events as u64));
    if after.revision != before.revision.next() {
        said.push("no new revision".into());
    }
    for (name, before, after) in [
        ("emitted", before.emitted, after.emitted),
        ("direct", before.is_direct(), after.is_direct()),
        ("woken", before.woken, after.woken),
    ] {
        if before != after {
            said.push(name.into());
        }
    }
    if before.checkpoint != after.checkpoint {
        let kept = after.checkpoint.as_ref().map_or("none", Json::as_str);
        said.push(format!("checkpoint {kept}"));
    }
    if before.status_at != after.status_at {
        said.push(format!("status at {}", seconds(after.status_at)));
    }
    said.join(", ")
}
