//! The ring of attempts in the head.

use a2a_lambda_core::attempts::{AttemptRecord, KEPT_ATTEMPTS, RunnerName};
use a2a_lambda_core::head::Interruption;
use a2a_lambda_core::invariants::check_change;
use a2a_lambda_core::machine::{Cut, Finish, NextTurn, Pause, Retry, Stamp, TurnEnd};
use a2a_lambda_core::{Command, Head};

use super::sample::{
    ask, at, claim, finish, message, park_until, repeat_at, retry, running, seconds, stamp,
    submitted, token, turn_end,
};

/// An attempt, as `turn.attempt begin-end outcome runner`, in seconds.
fn told(record: &AttemptRecord) -> String {
    let AttemptRecord { turn, attempt, began, runner, end } = record;
    let end = match end {
        Some(end) => format!("{} {}", seconds(end.at), end.outcome.name()),
        None => " under way".to_owned(),
    };
    format!("{turn}.{attempt} {}-{end} {runner}", seconds(*began))
}

fn ring(head: &Head) -> Vec<String> {
    head.attempts.records().iter().map(told).collect()
}

fn then(head: &Head, command: Command, now: u64) -> Head {
    let change = head.apply(command, &stamp(now)).unwrap();
    check_change(head, &change).unwrap();
    change.head().clone()
}

/// The end of a run that something else than its agent has ended.
fn cut_park(head: &Head, cut: Cut) -> Command {
    let turn = TurnEnd { cut: Some(cut), ..turn_end(head, Vec::new()) };
    let next = NextTurn::Repeats { seen: head.last_message, checkpoint: None };
    Command::Park { turn, pause: Pause::Until { wake_at: at(60), next } }
}

fn cut_retry(cut: Cut) -> Command {
    let Command::Retry { token, retry } = retry(9) else { unreachable!() };
    Command::Retry { token, retry: Retry { cut: Some(cut), ..retry } }
}

#[test]
fn each_end_of_an_attempt_has_its_name() {
    let running = running();
    assert_eq!(ring(&running), ["1.1 1- under way me"]);
    let input = Interruption::InputRequired;
    for (command, now, expected) in [
        (finish(&running, Finish::Completed(None)), 2, "1.1 1-2 settled me"),
        (finish(&running, Finish::Rejected(None)), 2, "1.1 1-2 settled me"),
        (finish(&running, Finish::Failed(None)), 2, "1.1 1-2 failed me"),
        (ask(&running, input), 2, "1.1 1-2 settled me"),
        (park_until(&running, 50), 2, "1.1 1-2 continued me"),
        (repeat_at(&running, 50, running.last_message), 2, "1.1 1-2 continued me"),
        (cut_park(&running, Cut::Callback), 2, "1.1 1-2 suspended me"),
        (cut_park(&running, Cut::Time), 2, "1.1 1-2 out-of-time me"),
        (cut_park(&running, Cut::HandOver), 2, "1.1 1-2 handed-over me"),
        (retry(9), 2, "1.1 1-2 failed me"),
        (cut_retry(Cut::Time), 2, "1.1 1-2 out-of-time me"),
        (Command::Cancel, 2, "1.1 1-2 canceled me"),
        // Its lease ended at 31 s, and the sweep came later.
        (Command::Look, 90, "1.1 1-31 died me"),
        // All processes have ended, and the lease had not.
        (Command::Void, 5, "1.1 1-5 died me"),
        (Command::Void, 90, "1.1 1-31 died me"),
        (message("more"), 2, "1.1 1- under way me"),
        (Command::Look, 2, "1.1 1- under way me"),
    ] {
        let name = format!("{command:?}");
        assert_eq!(ring(&then(&running, command, now)), [expected], "{name}");
    }
}

#[test]
fn the_next_attempt_follows_in_the_ring() {
    let taken_over = then(&running(), claim("other"), 40);
    assert_eq!(ring(&taken_over), ["1.1 1-31 died me", "1.2 40- under way me"]);
    // The last one that may be made, and none afterwards.
    let last = then(&taken_over, claim("third"), 100);
    let given_up = then(&last, claim("fourth"), 200);
    let all = ["1.1 1-31 died me", "1.2 40-70 died me", "1.3 100-130 died me"];
    assert_eq!(ring(&given_up), all);
    assert!(given_up.is_terminal());

    // With mail the holder goes on at once.
    let mailed = then(&running(), message("more"), 2);
    for end in
        [ask(&running(), Interruption::AuthRequired), finish(&running(), Finish::Completed(None))]
    {
        let turn = then(&mailed, end, 3);
        assert_eq!(ring(&turn), ["1.1 1-3 continued me", "2.1 3- under way me"]);
        assert!(turn.is_held_by(&token()));
    }
    assert_eq!(ring(&then(&submitted(), Command::Cancel, 1)), Vec::<String>::new());
}

#[test]
fn a_long_task_keeps_the_newest_attempts() {
    let mut head = submitted();
    for turn in 1..30 {
        head = then(&head, claim("holder"), 100 * turn);
        assert!(head.attempts.under_way().is_some());
        head = then(&head, park_until(&head, 100 * turn + 50), 100 * turn + 1);
        let kept = KEPT_ATTEMPTS.min(usize::try_from(turn).unwrap());
        assert_eq!(head.attempts.records().len(), kept);
    }
    assert_eq!(ring(&head)[0], "22.1 2200-2201 continued me");
    assert_eq!(ring(&head)[7], "29.1 2900-2901 continued me");
}

/// If the stored format has no attempts, none is kept, and present ones are dropped.
#[test]
fn without_a_runner_s_name_nothing_is_kept() {
    let without = |head: &Head, command, now| {
        let change = head.apply(command, &Stamp { runner: None, ..stamp(now) }).unwrap();
        check_change(head, &change).unwrap();
        change.head().clone()
    };
    let head = without(&submitted(), claim("holder"), 1);
    assert!(head.attempts.is_empty());
    let ended = then(&head, finish(&head, Finish::Completed(None)), 2);
    assert!(ended.attempts.is_empty(), "its begin is not known");
    assert!(without(&running(), message("more"), 2).attempts.is_empty());
    // A process without a name keeps them, too.
    let unnamed = Stamp { runner: Some(RunnerName::default()), ..stamp(1) };
    let change = submitted().apply(claim("holder"), &unnamed).unwrap();
    assert_eq!(ring(change.head()), ["1.1 1- under way "]);
}
