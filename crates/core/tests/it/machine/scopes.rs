//! Scopes: turns that leave theirs open, answered callbacks, and messages meanwhile.

use std::time::Duration;

use a2a_lambda_core::head::{Ending, Interruption};
use a2a_lambda_core::invariants::check_change;
use a2a_lambda_core::machine::{Finish, NextTurn, Pause, Refusal, Retry, Stamp, TurnEnd};
use a2a_lambda_core::{Command, Head, Phase, Position, Retention};
use a2a_lambda_protocol::Json;

use super::sample::{
    MAX_ATTEMPTS, ask, at, claim, describe, finish, message, park_until, repeat_at, retry, running,
    stamp, submission, then, token, turn_end,
};

const FIRST: Position = Position(1);

/// A task in an open scope: its first turn ended at 2 s, and waits until 200 s.
fn open() -> Head {
    then(&running(), repeat_at(&running(), 200, FIRST), 2)
}

fn wake(head: &Head) -> Command {
    Command::Wake { scope: head.scope() }
}

fn wakes_at(head: &Head) -> u64 {
    let Phase::Waiting { until } = head.phase else { panic!("{head:?}") };
    super::sample::seconds(until)
}

/// The input of a scope stays the same in each of its turns. Later messages are the next one's.
#[test]
fn each_turn_of_a_scope_has_the_same_input_and_the_next_scope_has_the_rest() {
    let mut head = open();
    for turn in 1..4 {
        assert_eq!((head.scope(), head.turn, head.scope_turns), (0, turn, turn));
        assert_eq!((head.given, head.consumed), (FIRST, Position(0)));
        head = then(&head, message("meanwhile"), 10);
        assert_eq!(wakes_at(&head), 10, "the agent may ask for it");
        head = then(&head, claim("holder"), 10);
        assert_eq!((head.given, head.attempt), (FIRST, 1));
        let seen = head.last_message;
        head = then(&head, repeat_at(&head, 300, seen), 11);
        assert_eq!(wakes_at(&head), 300, "the agent knows of the message");
    }
    head = then(&head, claim("holder"), 300);
    let turn = TurnEnd::new(token(), head.given, Vec::new());
    let next = then(&head, Command::Finish { turn, ending: Finish::Completed(None) }, 301);
    assert_eq!((next.scope(), next.turn, next.scope_turns), (5, 5, 0));
    assert_eq!((next.consumed, next.given), (FIRST, next.last_message), "the next scope's");
    assert!(next.is_held_by(&token()));
    let done = then(&next, finish(&next, Finish::Completed(None)), 302);
    assert_eq!((done.phase.name(), done.consumed), ("completed", done.last_message));
}

/// A turn ends with the position of the newest message that its scope has asked for.
#[test]
fn a_message_that_the_scope_has_received_is_consumed_with_it() {
    let head = then(&open(), message("meanwhile"), 10);
    let head = then(&head, claim("holder"), 10);
    let done = then(&head, finish(&head, Finish::Completed(None)), 11);
    assert_eq!(
        (done.phase.clone(), done.consumed),
        (Phase::Ended(Ending::Completed), head.last_message)
    );
}

#[test]
fn a_turn_that_repeats_wakes_at_once_for_news() {
    let running = running();
    let mail = then(&running, message("meanwhile"), 2);
    let woken = then(&running, wake(&running), 2);
    for (head, seen, expected) in [
        (&running, FIRST, 200),
        (&mail, FIRST, 3),
        (&mail, mail.last_message, 200),
        (&woken, FIRST, 3),
    ] {
        let parked = then(head, repeat_at(head, 200, seen), 3);
        assert_eq!((wakes_at(&parked), parked.woken), (expected, false));
        // For a short wait, no index is written.
        let due = if expected == 200 { 260 } else { 60 };
        assert_eq!(parked.due.map(super::sample::seconds), Some(due));
    }
}

/// A run that begins after the answer reads it. The note is for a run that began before.
#[test]
fn a_note_of_an_answer_lasts_until_the_next_run_or_the_scope_s_end() {
    let woken = then(&running(), wake(&running()), 2);
    let twice = then(&woken, wake(&woken), 3);
    assert!(twice.woken);
    let retried = then(&twice, retry(10), 4);
    assert!(retried.woken);
    assert!(!then(&retried, claim("holder"), 14).woken);
    for end in [
        finish(&woken, Finish::Completed(None)),
        park_until(&woken, 50),
        ask(&woken, Interruption::InputRequired),
    ] {
        assert!(!then(&woken, end, 5).woken);
    }
}

#[test]
fn an_answer_wakes_its_own_scope_only() {
    let open = open();
    assert_eq!(
        describe(&open, &open.apply(wake(&open), &stamp(10)).unwrap()),
        "waiting until 10, signal at 10, due 70"
    );
    // The scope ends, and the next one waits.
    let head = then(&open, claim("holder"), 200);
    let next = then(&head, park_until(&head, 400), 201);
    assert_eq!((open.scope(), next.scope()), (0, 2));
    for scope in [0, 1, 3] {
        let refused = next.apply(Command::Wake { scope }, &stamp(202)).unwrap_err();
        assert_eq!(refused.refusal, Refusal::ScopeEnded, "{scope}");
    }
    assert_eq!(wakes_at(&then(&next, wake(&next), 202)), 202);
}

/// A wait of an agent that was given a checkpoint, with the same one.
#[test]
fn a_turn_that_repeats_has_its_checkpoint_again() {
    let parked = then(&running(), park_until(&running(), 50), 2);
    let head = then(&parked, claim("holder"), 50);
    let again = then(&head, repeat_at(&head, 100, FIRST), 51);
    assert_eq!(again.checkpoint, Some(Json::parse("2").unwrap()));
    assert_eq!((again.scope(), again.scope_turns, again.turn), (1, 1, 2));
}

#[test]
fn attempts_are_counted_anew_in_each_turn_of_a_scope() {
    let mut head = open();
    for turn in 1..5 {
        let now = 1_000 * turn;
        head = then(&head, claim("one that dies"), now);
        head = then(&head, claim("holder"), now + 100);
        assert_eq!((head.attempt, head.deaths), (2, 1));
        head = then(&head, repeat_at(&head, now + 200, FIRST), now + 101);
        assert_eq!((head.attempt, head.deaths), (0, 0));
    }
}

fn with_records(head: &Head, how: &str) -> Command {
    let turn = TurnEnd { has_records: true, ..turn_end(head, Vec::new()) };
    let next = NextTurn::Repeats { seen: FIRST, checkpoint: None };
    match how {
        "repeat" => Command::Park { turn, pause: Pause::Until { wake_at: at(50), next } },
        "park" => Command::Park { turn, pause: Pause::until(at(50), None) },
        "finish" => Command::Finish { turn, ending: Finish::Completed(None) },
        "retry" => {
            let after = Duration::from_secs(1);
            let (updates, max_attempts, reason) = (Vec::new(), MAX_ATTEMPTS, None);
            let cut = None;
            let retry = Retry { updates, has_records: true, after, cut, max_attempts, reason };
            Command::Retry { token: token(), retry }
        }
        "cancel" => Command::Cancel,
        other => panic!("no end {other}"),
    }
}

/// A task that may have records is not left to a time to live: it has more items than its head.
#[test]
fn records_are_left_behind_where_tasks_expire() {
    let kept = Some(Duration::from_secs(1_000));
    let retention = Retention { ended: kept, waiting: kept, ..Retention::FOREVER };
    for retention in [Some(retention), None] {
        let stamp = |now| Stamp { retention, ..stamp(now) };
        let submitted = Head::submit(submission(), &stamp(0)).head().clone();
        let running = submitted.apply(claim("holder"), &stamp(1)).unwrap().head().clone();
        for how in ["repeat", "park", "finish", "retry", "cancel"] {
            let change = running.apply(with_records(&running, how), &stamp(2)).unwrap();
            check_change(&running, &change).unwrap();
            let head = change.head();
            assert_eq!(head.has_leftovers, retention.is_some(), "{how}");
            assert_eq!(head.ttl, None, "{how}");
        }
        let untouched = submitted.apply(Command::Cancel, &stamp(2)).unwrap();
        assert!(!untouched.head().has_leftovers, "nobody ran it");
        let without = running.apply(finish(&running, Finish::Completed(None)), &stamp(2)).unwrap();
        assert!(!without.head().has_leftovers, "its runner knows that there are none");
    }
}
