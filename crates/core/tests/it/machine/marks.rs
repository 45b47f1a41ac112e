//! The pending-push mark: its changes by every command, and its due time.

use a2a_lambda_core::head::Ending;
use a2a_lambda_core::invariants::check_change;
use a2a_lambda_core::machine::{
    Finish, FirstPush, NewPush, Refusal, Settlement, Stamp, Submission,
};
use a2a_lambda_core::push::{Mark, Pushes};
use a2a_lambda_core::{Change, ClaimToken, Command, Head};
use a2a_lambda_protocol::Timestamp;

use super::sample::{
    GRACE_S, agent, at, claim, emit, ended, finish, grace, message, progress, register,
    registration, running, seconds, stamp, submission, token, unregister,
};

const EPOCH: u64 = 1;

fn p() -> ClaimToken {
    ClaimToken::new("P")
}

fn by(pusher: &str, now: u64) -> Stamp {
    Stamp { pusher: Some(ClaimToken::new(pusher)), ..stamp(now) }
}

/// A mark by its word: `-`, `open`, `P 30`, `wait 20`.
fn mark(word: &str) -> Option<Mark> {
    let (name, until) = word.split_once(' ').unwrap_or((word, "0"));
    let until = at(until.parse().unwrap());
    match name {
        "-" => None,
        "open" => Some(Mark::Open),
        "wait" => Some(Mark::Waiting { until }),
        token => Some(Mark::Claimed { token: ClaimToken::new(token), until }),
    }
}

fn word(mark: Option<&Mark>) -> String {
    match mark {
        None => "-".to_owned(),
        Some(Mark::Open) => "open".to_owned(),
        Some(Mark::Waiting { until }) => format!("wait {}", seconds(*until)),
        Some(Mark::Claimed { token, until }) => format!("{} {}", token.as_str(), seconds(*until)),
    }
}

/// A task with such a mark, as an event of the table finds it.
fn met(row: &str, head: Head, mark: Option<Mark>) -> Head {
    let mut head = marked(head, mark);
    let left = match row.split_once(", ") {
        Some((_, "the last")) => 1,
        Some((_, "no configs")) => 0,
        _ => 2,
    };
    head.pushes.as_mut().unwrap().configs.truncate(left);
    head
}

/// A task with two configs and such a mark. One that is over is due as if the mark had just been
/// set.
fn marked(head: Head, mark: Option<Mark>) -> Head {
    let due = if head.rests() {
        mark.as_ref().map(|mark| mark.free_from(at(0)).saturating_add(grace()))
    } else {
        head.due
    };
    let configs = vec![registration("a1"), registration("b1")];
    let pushes = Pushes { configs, epoch: EPOCH, held_until: None, signaled: None, mark };
    Head { pushes: Some(pushes), due, ..head }
}

fn settlement(head: &Head, next: Option<Timestamp>) -> Settlement {
    Settlement { token: p(), epoch: EPOCH, through: head.position, next }
}

fn settle(head: &Head, next: Option<u64>) -> Command {
    Command::SettlePush(settlement(head, next.map(at)))
}

/// The command at 10 s, and its author.
fn event(row: &str, head: &Head) -> (Command, Stamp) {
    let settling = settlement(head, None);
    let command = match row {
        "news by P" | "news" | "news, no configs" => emit(vec![progress("half")]),
        "nothing new by P" => emit(vec![]),
        "message" => message("more"),
        "claim by P" => Command::ClaimPush { token: p() },
        "settle" | "settle, no configs" => settle(head, None),
        "settle until 50" => settle(head, Some(50)),
        "settle until 3" => settle(head, Some(3)),
        "settle, other epoch" => Command::SettlePush(Settlement { epoch: EPOCH + 1, ..settling }),
        "settle, more entries" => {
            let through = a2a_lambda_core::Position(head.position.0 - 1);
            Command::SettlePush(Settlement { through, ..settling })
        }
        "register" => register("b2"),
        "register, too many" => register("c1"),
        "unregister" => unregister("b"),
        "unregister, the last" => unregister("a"),
        "unregister, none" => unregister("c"),
        "push again" => Command::PushAgain { registration: registration("a1") },
        "push again, replaced" => Command::PushAgain { registration: registration("a2") },
        other => panic!("no event {other}"),
    };
    (command, if row.ends_with("by P") { by("P", 10) } else { stamp(10) })
}

/// A cell: the mark, with `*` for a new epoch and `!` for a signal; or why it is refused.
fn cell(before: &Head, outcome: Result<Change, Refusal>) -> String {
    let change = match outcome {
        Ok(change) => change,
        Err(Refusal::NothingToPush) => return "nothing".into(),
        Err(Refusal::HeldBy { .. }) => return "held".into(),
        Err(Refusal::NotBefore { .. }) => return "early".into(),
        Err(Refusal::StaleLease) => return "stale".into(),
        Err(Refusal::News) => return "news".into(),
        Err(Refusal::TooManyConfigs { most: 2 }) => return "full".into(),
        Err(Refusal::NoSuchConfig) => return "none".into(),
        Err(other) => panic!("no word for {other:?}"),
    };
    check_change(before, &change).unwrap();
    let Some(pushes) = &change.head().pushes else { return "gone".into() };
    let signals = change.signals().iter().any(|when| *when > at(10));
    let epoch = if pushes.epoch == EPOCH { "" } else { "*" };
    let signal = if signals { "!" } else { "" };
    format!("{}{epoch}{signal}", word(pushes.mark.as_ref()))
}

const TABLE: &str = "
                     | -       | open  | P 30     | Q 30  | P 5      | Q 5   | wait 20 | wait 5
news by P            | P 40*   | P 40* | P 40     | Q 30  | P 40     | P 40* | P 40*   | P 40*
news                 | open    | open  | P 30     | Q 30  | open     | open  | open    | open
nothing new by P     | -       | P 40* | P 30     | Q 30  | P 40     | P 40* | wait 20 | P 40*
message              | -       | open  | P 30     | Q 30  | P 5      | Q 5   | wait 20 | wait 5
claim by P           | nothing | P 40* | P 40     | held  | P 40     | P 40* | early   | P 40*
settle               | stale   | stale | -        | stale | -        | stale | stale   | stale
settle until 50      | stale   | stale | wait 50! | stale | wait 50! | stale | stale   | stale
settle until 3       | stale   | stale | open     | stale | open     | stale | stale   | stale
settle, other epoch  | stale   | stale | news     | stale | news     | stale | stale   | stale
settle, more entries | stale   | stale | news     | stale | news     | stale | stale   | stale
settle, no configs   | stale   | stale | gone     | stale | gone     | stale | stale   | stale
news, no configs     | gone    | gone  | P 30     | Q 30  | gone     | gone  | gone    | gone
register             | open*   | open* | P 30*    | Q 30* | open*    | open* | open*   | open*
register, too many   | full    | full  | full     | full  | full     | full  | full    | full
unregister           | -*      | open* | P 30*    | Q 30* | P 5*     | Q 5*  | wait 20*| wait 5*
unregister, the last | gone    | gone  | P 30*    | Q 30* | P 5*     | Q 5*  | gone    | gone
unregister, none     | none    | none  | none     | none  | none     | none  | none    | none
push again           | open*   | open* | P 30*    | Q 30* | open*    | open* | open*   | open*
push again, replaced | none    | none  | none     | none  | none     | none  | none    | none
";

fn rows() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TABLE.trim_matches('\n').lines().map(|line| {
        let mut cells = line.split('|').map(str::trim);
        (cells.next().unwrap(), cells.collect())
    })
}

#[test]
fn every_event_at_every_mark() {
    let (_, marks) = rows().next().unwrap();
    for (row, expected) in rows().skip(1) {
        for (before, expected) in marks.iter().zip(expected) {
            let head = met(row, running(), mark(before));
            let (command, stamp) = event(row, &head);
            let outcome = head.apply(command, &stamp).map_err(|illegal| illegal.refusal);
            assert_eq!(cell(&head, outcome), expected, "{row} at {before:?}");
        }
    }
}

/// Tasks that are over are due for their pushes alone: never too late, and never in the past.
#[test]
fn an_ended_task_is_due_when_its_mark_is_free_and_a_deliverer_had_time_to_see_it() {
    let (_, marks) = rows().next().unwrap();
    for (row, _) in rows().skip(1).filter(|(row, _)| !row.contains("new") && *row != "message") {
        for before in &marks {
            let head = met(row, ended(Ending::Completed), mark(before));
            let (command, stamp) = event(row, &head);
            let Ok(change) = head.apply(command, &stamp) else { continue };
            check_change(&head, &change).unwrap();
            let head = change.head();
            let needed = head.mark().map(|mark| seconds(mark.free_from(at(10))) + GRACE_S);
            let due = head.due.map(seconds);
            let place = format!("{row} at {before:?}: due {due:?}, mark {:?}", head.mark());
            assert_eq!(due.is_some(), needed.is_some(), "{place}");
            assert!(due.is_none_or(|due| due > 10 && due <= needed.unwrap()), "{place}");
        }
    }
}

#[test]
fn an_index_that_is_early_enough_is_not_written_again() {
    let open = marked(ended(Ending::Completed), Some(Mark::Open));
    assert_eq!(open.due, Some(at(60)));
    let claimed = open.apply(Command::ClaimPush { token: p() }, &stamp(10)).unwrap();
    assert_eq!(claimed.head().due, Some(at(60)), "90 would do");
    let late = open.apply(Command::ClaimPush { token: p() }, &stamp(60)).unwrap();
    assert_eq!(late.head().due, Some(at(60 + 30 + GRACE_S)), "that time has come");
    let news = marked(running(), mark("P 30"));
    let news = news.apply(emit(vec![progress("half")]), &by("P", 10)).unwrap();
    assert_eq!(news.head().due, running().due, "the task's own look will do");
}

#[test]
fn the_end_of_a_task_leaves_it_due_for_its_pushes() {
    for (word, due) in [("open", 70), ("Q 30", 90), ("P 5", 70), ("wait 20", 70)] {
        let head = marked(running(), mark(word));
        let end = finish(&head, Finish::Completed(None));
        let change = head.apply(end, &stamp(10)).unwrap();
        check_change(&head, &change).unwrap();
        // The look that the submission asked for, at 60, is early enough for all.
        assert_eq!(change.head().due, Some(at(60)), "{word}");
        let late = Head { due: Some(at(9)), ..head };
        let change = late.apply(finish(&late, Finish::Completed(None)), &stamp(10)).unwrap();
        assert_eq!(change.head().due, Some(at(due)), "{word}");
    }
}

#[test]
fn a_postponed_task_is_still_due_for_its_pushes() {
    for (word, due) in [("open", 80), ("P 30", 90), ("wait 15", 80)] {
        let head = Head { due: Some(at(20)), ..marked(ended(Ending::Failed), mark(word)) };
        let postponed = head.apply(Command::Look, &stamp(20)).unwrap();
        check_change(&head, &postponed).unwrap();
        assert_eq!(postponed.head().due, Some(at(due)), "{word}");
    }
    let running = Head { due: Some(at(20)), ..marked(running(), mark("open")) };
    assert_eq!(running.postpone(&stamp(20)).head().due, Some(at(31)), "the lease ends first");
}

#[test]
fn one_signal_is_sent_for_one_time() {
    let head = marked(running(), mark("P 30"));
    let settled = head.apply(settle(&head, Some(50)), &stamp(10)).unwrap();
    assert_eq!(settled.signals(), [at(50)]);
    // Something is sent to another receiver meanwhile.
    let claimed = settled.head().apply(emit(vec![progress("half")]), &by("P", 11)).unwrap();
    let again = |next| {
        let settling = settlement(claimed.head(), Some(at(next)));
        let epoch = claimed.head().pushes.as_ref().unwrap().epoch;
        let command = Command::SettlePush(Settlement { epoch, ..settling });
        claimed.head().apply(command, &stamp(12)).unwrap().signals().to_vec()
    };
    assert_eq!(again(50), []);
    assert_eq!(again(40), [at(40)]);
}

#[test]
fn no_epoch_comes_twice() {
    // The configs of a task are deleted while its runner knows of them, and then it gets another.
    let mut head = marked(running(), mark("open"));
    let mut epochs = vec![EPOCH];
    for now in [10, 20] {
        head = head.apply(emit(vec![progress("half")]), &by("P", now)).unwrap().head().clone();
        let epoch = head.pushes.as_ref().unwrap().epoch;
        epochs.push(epoch);
        for id in ["a", "b"] {
            let Ok(change) = head.apply(unregister(id), &stamp(now)) else { continue };
            head = change.head().clone();
            epochs.push(head.pushes.as_ref().unwrap().epoch);
        }
        let epoch = *epochs.last().unwrap();
        let command = Command::SettlePush(Settlement { epoch, ..settlement(&head, None) });
        head = head.apply(command, &stamp(now)).unwrap().head().clone();
        assert_eq!(head.pushes, None);
        head = head.apply(register("a1"), &stamp(now + 1)).unwrap().head().clone();
        epochs.push(head.pushes.as_ref().unwrap().epoch);
    }
    assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]), "{epochs:?}");
}

#[test]
fn a_message_that_brings_one_config_too_many_is_refused_whole() {
    let head = marked(running(), None);
    let with = |name: &str, most: usize| {
        let push = Some(NewPush { registration: registration(name), most });
        let message = message("more");
        match message {
            Command::Message { message, terms, request, .. } => {
                Command::Message { message, terms, request, push }
            }
            other => other,
        }
    };
    let refused = head.apply(with("c1", 2), &stamp(10)).unwrap_err();
    assert_eq!(refused.refusal, Refusal::TooManyConfigs { most: 2 });
    for (name, most) in [("b2", 2), ("b2", 1), ("c1", 3)] {
        let outcome = head.apply(with(name, most), &stamp(10));
        assert_eq!(outcome.is_ok(), most > 1, "{name} of {most}");
        let Ok(change) = outcome else { continue };
        check_change(&head, &change).unwrap();
        let named = change.head().registrations();
        assert!(named.contains(&registration(name)) && named.contains(&registration("a1")));
        assert_eq!(named.len(), most, "a config is named once: {named:?}");
        assert_eq!(word(change.head().mark()), "open");
    }
}

#[test]
fn a_task_without_configs_has_no_mark() {
    for command in [emit(vec![progress("half")]), message("more"), Command::Cancel] {
        let change = running().apply(command, &by("P", 10)).unwrap();
        assert_eq!(change.head().pushes, None);
    }
    let refused = running().apply(Command::ClaimPush { token: p() }, &stamp(10)).unwrap_err();
    assert_eq!(refused.refusal, Refusal::NothingToPush);
}

/// A new task with a config, which is held until then if at all.
fn new_task(held_until: Option<u64>) -> Change {
    let held_until = held_until.map(at);
    let pushes = Some(FirstPush { registration: registration("a1"), held_until });
    Head::submit(Submission { pushes, sender_waits_until: held_until, ..submission() }, &stamp(0))
}

#[test]
fn a_new_tasks_mark_waits_for_its_runner() {
    let new = new_task(None);
    assert_eq!(word(new.head().mark()), "wait 2");
    assert_eq!(new.signals(), [at(0)]);
    let begun = new.head().apply(claim("holder"), &by("P", 1)).unwrap();
    assert_eq!(word(begun.head().mark()), "P 31");
    // One that is called off before does not wait.
    let canceled = new.head().apply(Command::Cancel, &stamp(1)).unwrap();
    assert_eq!(word(canceled.head().mark()), "open");
    assert_eq!(canceled.head().due, Some(at(60)));
}

#[test]
fn nothing_is_pushed_while_the_answer_may_be_a_direct_message() {
    let new = new_task(Some(20));
    assert_eq!(word(new.head().mark()), "wait 20");
    let signals = [at(20), at(0)];
    assert_eq!(new.signals(), signals, "the runner may have nothing to commit by then");
    let begun = new.head().apply(claim("holder"), &by("P", 1)).unwrap();
    assert_eq!(word(begun.head().mark()), "wait 20");
    let begun = begun.head();
    let registered = begun.apply(register("b1"), &stamp(2)).unwrap();
    assert_eq!(word(registered.head().mark()), "wait 20", "nor to another");
    let early = begun.apply(Command::ClaimPush { token: p() }, &stamp(19)).unwrap_err();
    assert_eq!(early.refusal, Refusal::NotBefore { at: at(20) });

    // The time has passed, or the agent shows that a task exists, or that none does.
    let late = begun.apply(Command::ClaimPush { token: p() }, &stamp(20)).unwrap();
    assert_eq!(word(late.head().mark()), "P 50");
    let shows = begun.apply(emit(vec![progress("half")]), &by("P", 5)).unwrap();
    assert_eq!(word(shows.head().mark()), "P 35");
    let answers = begun.apply(finish(begun, Finish::Direct(agent("hello"))), &by("P", 5)).unwrap();
    assert_eq!(word(answers.head().mark()), "P 35");
    let canceled = begun.apply(Command::Cancel, &stamp(5)).unwrap();
    assert_eq!(word(canceled.head().mark()), "open");
    for change in [late, shows, answers, canceled] {
        check_change(begun, &change).unwrap();
    }
    assert!(begun.is_held_by(&token()));
}

#[test]
fn a_mark_that_is_held_waits_as_long_as_it_is() {
    assert_eq!(word(new_task(Some(1)).head().mark()), "wait 1");
}
