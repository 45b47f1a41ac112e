//! The table of the state machine's documentation, cell by cell.

use std::collections::BTreeSet;

use a2a_lambda_core::head::{Ending, Interruption};
use a2a_lambda_core::invariants::check_change;
use a2a_lambda_core::machine::{Finish, Refusal, Settlement};
use a2a_lambda_core::{Change, ClaimToken, Command, Head};

use super::sample::{
    agent, ask, at, chunk, claim, describe, emit, ended, finish, interrupted, message, park_until,
    progress, refused, register, registration, repeat_at, retry, running, stamp, submitted,
    unregister, waiting,
};

/// A task in a phase, and the second at which a command comes.
struct Column {
    head: Head,
    now: u64,
}

/// The phases, in the order of the table's columns. A lease and a wake time count as over in the
/// very millisecond of their end.
fn columns() -> Vec<Column> {
    vec![
        Column { head: submitted(), now: 10 },
        Column { head: running(), now: 10 },
        Column { head: running(), now: 31 },
        Column { head: waiting(), now: 10 },
        Column { head: waiting(), now: 100 },
        Column { head: interrupted(Interruption::InputRequired), now: 10 },
        Column { head: interrupted(Interruption::AuthRequired), now: 10 },
        Column { head: ended(Ending::Completed), now: 10 },
        Column { head: ended(Ending::Failed), now: 10 },
        Column { head: ended(Ending::Canceled), now: 10 },
        Column { head: ended(Ending::Rejected), now: 10 },
    ]
}

/// The commands, in the order of the table's rows. The holder's are under the token of the task's
/// last runner; those of a stranger, under another.
fn command(row: &str, head: &Head) -> Command {
    match row {
        "message" => message("another"),
        "claim" => claim("stranger"),
        "emit" => emit(vec![progress("half"), chunk("a")]),
        "park, input" => ask(head, Interruption::InputRequired),
        "park, auth" => ask(head, Interruption::AuthRequired),
        "park until 200" => park_until(head, 200),
        "repeat at 200" => repeat_at(head, 200, head.last_message),
        "complete" => finish(head, Finish::Completed(Some(agent("done")))),
        "fail" => finish(head, Finish::Failed(Some(agent("broken")))),
        "reject" => finish(head, Finish::Rejected(Some(agent("no")))),
        "direct" => finish(head, Finish::Direct(agent("hello"))),
        "retry" => retry(5),
        "cancel" => Command::Cancel,
        "wake" => Command::Wake { scope: head.scope() },
        "wake, past" => Command::Wake { scope: head.scope() + 1 },
        "look" => Command::Look,
        "void" => Command::Void,
        "delete" => Command::Delete,
        "register-push" => register("a1"),
        "unregister-push" => unregister("a"),
        "push-again" => Command::PushAgain { registration: registration("a1") },
        "claim-push" => Command::ClaimPush { token: ClaimToken::new("pusher") },
        "settle-push" => Command::SettlePush(Settlement {
            token: ClaimToken::new("pusher"),
            epoch: 0,
            through: head.position,
            next: None,
        }),
        other => panic!("no command {other}"),
    }
}

/// Each kind of command. A new one needs a number here, and so a row in the table.
const KINDS: usize = 16;

fn kind(command: &Command) -> usize {
    match command {
        Command::Message { .. } => 0,
        Command::Claim { .. } => 1,
        Command::Emit { .. } => 2,
        Command::Park { .. } => 3,
        Command::Finish { .. } => 4,
        Command::Retry { .. } => 5,
        Command::Cancel => 6,
        Command::Wake { .. } => 7,
        Command::Look => 8,
        Command::Delete => 9,
        Command::Void => 10,
        Command::RegisterPush(_) => 11,
        Command::UnregisterPush { .. } => 12,
        Command::PushAgain { .. } => 13,
        Command::ClaimPush { .. } => 14,
        Command::SettlePush(_) => 15,
    }
}

/// A cell: the phase after the command, with the number of new entries and `!` for a signal; or the
/// reason of the refusal.
fn cell(outcome: Result<Change, Refusal>) -> String {
    let change = match outcome {
        Ok(change) => change,
        Err(Refusal::Ended) => return "-".into(),
        Err(Refusal::HeldBy { .. }) => return "held".into(),
        Err(Refusal::StaleLease) => return "stale".into(),
        Err(Refusal::NotBefore { .. }) => return "early".into(),
        Err(Refusal::WaitsForUser) => return "user".into(),
        Err(Refusal::NoLease) => return "no lease".into(),
        Err(Refusal::NotEnded) => return "not over".into(),
        Err(Refusal::ScopeEnded) => return "no scope".into(),
        Err(Refusal::NoSuchConfig) => return "no config".into(),
        Err(Refusal::NothingToPush) => return "nothing".into(),
        Err(other) => panic!("no word for {other:?}"),
    };
    if change.head().is_deleted {
        return format!("deleted+{}", change.entries().len());
    }
    let signal = if change.signals().is_empty() { "" } else { "!" };
    let name = change.head().phase.name().replace("-required", "");
    format!("{name}+{}{signal}", change.entries().len())
}

const TABLE: &str = "
               | Submitted    | Running, live | expired      | Waiting, early | due          | Input        | Auth         | Ended
message        | submitted+1  | running+1     | running+1!   | waiting+1!     | waiting+1!   | submitted+1! | submitted+1! | -
claim          | running+1    | held          | running+0    | early          | running+0    | user         | user         | -
emit           | stale        | running+2     | running+2    | stale          | stale        | stale        | stale        | -
park, input    | stale        | input+1       | input+1      | stale          | stale        | stale        | stale        | -
park, auth     | stale        | auth+1        | auth+1       | stale          | stale        | stale        | stale        | -
park until 200 | stale        | waiting+0!    | waiting+0!   | stale          | stale        | stale        | stale        | -
repeat at 200  | stale        | waiting+0!    | waiting+0!   | stale          | stale        | stale        | stale        | -
complete       | stale        | completed+1   | completed+1  | stale          | stale        | stale        | stale        | -
fail           | stale        | failed+1      | failed+1     | stale          | stale        | stale        | stale        | -
reject         | stale        | rejected+1    | rejected+1   | stale          | stale        | stale        | stale        | -
direct         | stale        | completed+1   | completed+1  | stale          | stale        | stale        | stale        | -
retry          | stale        | waiting+0!    | waiting+0!   | stale          | stale        | stale        | stale        | -
cancel         | canceled+1   | canceled+1    | canceled+1   | canceled+1     | canceled+1   | canceled+1   | canceled+1   | -
wake           | no scope     | running+0     | running+0!   | waiting+0!     | waiting+0!   | no scope     | no scope     | -
wake, past     | no scope     | no scope      | no scope     | no scope       | no scope     | no scope     | no scope     | -
look           | submitted+0! | running+0     | waiting+0!   | waiting+0      | waiting+0!   | input+0      | auth+0       | stays
void           | no lease     | waiting+0!    | waiting+0!   | no lease       | no lease     | no lease     | no lease     | no lease
delete         | not over     | not over      | not over     | not over       | not over     | not over     | not over     | deleted+0
register-push  | submitted+0  | running+0     | running+0    | waiting+0      | waiting+0    | input+0      | auth+0       | stays
unregister-push| no config    | no config     | no config    | no config      | no config    | no config    | no config    | no config
push-again     | no config    | no config     | no config    | no config      | no config    | no config    | no config    | no config
claim-push     | nothing      | nothing       | nothing      | nothing        | nothing      | nothing      | nothing      | nothing
settle-push    | stale        | stale         | stale        | stale          | stale        | stale        | stale        | stale
";

#[test]
fn every_command_in_every_phase() {
    let columns = columns();
    let mut kinds = BTreeSet::new();
    for line in TABLE.trim().lines().skip(1) {
        let mut cells = line.split('|').map(str::trim);
        let row = cells.next().unwrap();
        let mut expected: Vec<&str> = cells.collect();
        // The last column stands for the four endings.
        let ended = expected.pop().unwrap();
        expected.extend([ended; 4]);
        assert_eq!(expected.len(), columns.len(), "{row}");
        for (Column { head, now }, expected) in columns.iter().zip(expected) {
            let command = command(row, head);
            kinds.insert(kind(&command));
            let outcome = head.apply(command, &stamp(*now));
            if let Ok(change) = &outcome {
                check_change(head, change).unwrap();
            }
            let place = format!("{row}, {} at {now}", head.phase.name());
            let expected = match expected {
                "stays" => format!("{}+0", head.phase.name()),
                expected => expected.to_owned(),
            };
            assert_eq!(cell(outcome.map_err(|illegal| illegal.refusal)), expected, "{place}");
        }
    }
    assert!(kinds.into_iter().eq(0..KINDS), "a command without a row");
}

/// Each cell that is not a dash, in full. The task was submitted at 0 (due 60) and claimed at 1.
#[test]
fn every_change_in_full() {
    let head_and_time = |phase: &str| match phase {
        "submitted" => (submitted(), 10),
        "running" => (running(), 10),
        "expired" => (running(), 31),
        "waiting" => (waiting(), 10),
        "due" => (waiting(), 100),
        "input" => (interrupted(Interruption::InputRequired), 10),
        other => panic!("no phase {other}"),
    };
    for (phase, row, expected) in CHANGES {
        let (head, now) = head_and_time(phase);
        let change = head.apply(command(row, &head), &stamp(now)).unwrap();
        assert_eq!(describe(&head, &change), *expected, "{row}, {phase}");
    }
}

// One line each, so that it reads as a table.
#[rustfmt::skip]
const CHANGES: &[(&str, &str, &str)] = &[
    ("submitted", "message", "submitted, entries +1, last message 2"),
    ("submitted", "claim", "running until 40, entries +1, attempt 1, fence 1, status at 10"),
    ("submitted", "cancel", "canceled, entries +1, due never, status at 10"),
    ("submitted", "look", "submitted, signal at 10, due 70"),
    ("running", "message", "running until 31, entries +1, last message 3"),
    ("running", "emit", "running until 40, entries +2, emitted, status at 10"),
    ("running", "park, input", "input-required, entries +1, due never, attempt 0, turn 1, consumed 1, checkpoint 1, status at 10"),
    ("running", "park, auth", "auth-required, entries +1, due never, attempt 0, turn 1, consumed 1, checkpoint 1, status at 10"),
    ("running", "park until 200", "waiting until 200, signal at 200, due 260, attempt 0, turn 1, consumed 1, checkpoint 2"),
    ("running", "repeat at 200", "waiting until 200, signal at 200, due 260, attempt 0, turn 1, scope turns 1"),
    ("running", "complete", "completed, entries +1, due never, attempt 0, turn 1, consumed 1, status at 10"),
    ("running", "fail", "failed, entries +1, due never, attempt 0, turn 1, consumed 1, status at 10"),
    ("running", "reject", "rejected, entries +1, due never, attempt 0, turn 1, consumed 1, status at 10"),
    ("running", "direct", "completed, entries +1, due never, attempt 0, turn 1, consumed 1, direct, status at 10"),
    ("running", "retry", "waiting until 15, signal at 15"),
    ("running", "cancel", "canceled, entries +1, due never, status at 10"),
    ("running", "wake", "running until 31, woken"),
    ("running", "void", "waiting until 10, signal at 10, due 70"),
    ("running", "look", "running until 31, due 31"),
    ("waiting", "look", "waiting until 100, due 160"),
    ("expired", "message", "running until 31, entries +1, signal at 31, last message 3"),
    ("expired", "claim", "running until 61, attempt 2, fence 2"),
    ("expired", "emit", "running until 61, entries +2, emitted, status at 31"),
    ("expired", "repeat at 200", "waiting until 200, signal at 200, due 260, attempt 0, turn 1, scope turns 1"),
    ("expired", "wake", "running until 31, signal at 31, woken"),
    ("expired", "look", "waiting until 31, signal at 31, due 91"),
    ("waiting", "message", "waiting until 10, entries +1, signal at 10, last message 3"),
    ("waiting", "wake", "waiting until 10, signal at 10"),
    ("waiting", "cancel", "canceled, entries +1, due never, status at 10"),
    ("due", "message", "waiting until 100, entries +1, signal at 100, last message 3"),
    ("due", "claim", "running until 130, attempt 2, fence 2"),
    ("due", "wake", "waiting until 100, signal at 100"),
    ("due", "look", "waiting until 100, signal at 100, due 160"),
    ("input", "message", "submitted, entries +1, signal at 10, due 70, last message 4, status at 10"),
    ("input", "cancel", "canceled, entries +1, status at 10"),
];

#[test]
fn a_refusal_names_the_command_the_phase_and_the_reason() {
    let done = ended(Ending::Completed);
    for (head, command, now, expected) in [
        (&done, message("more"), 10, "a completed task does not allow message: the task is over"),
        (
            &submitted(),
            emit(vec![]),
            10,
            "a submitted task does not allow emit: the lease is not held",
        ),
        (
            &running(),
            claim("stranger"),
            10,
            &format!(
                "a running task does not allow claim: another runner holds it until {}",
                at(31)
            ),
        ),
        (
            &waiting(),
            claim("stranger"),
            10,
            &format!(
                "a waiting task does not allow claim: nothing is to be done before {}",
                at(100)
            ),
        ),
        (
            &interrupted(Interruption::AuthRequired),
            claim("stranger"),
            10,
            "a auth-required task does not allow claim: it waits for its user",
        ),
        (&waiting(), Command::Void, 10, "a waiting task does not allow void: there is no lease"),
    ] {
        assert_eq!(refused(head, command, now), expected);
    }
}
