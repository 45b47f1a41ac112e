//! The cases behind the table.

use a2a_lambda_core::head::{Ending, Interruption, MAX_REMEMBERED_KEYS};
use a2a_lambda_core::invariants::{check_change, check_task};
use a2a_lambda_core::machine::{Finish, Pause, Refusal, TurnEnd};
use a2a_lambda_core::request_key::Fingerprint;
use a2a_lambda_core::store::{Kept, Snapshot};
use a2a_lambda_core::{Command, Event, Generation, Head, Owner, Phase, Position, Tenant, Terms};
use a2a_lambda_protocol::{Json, TaskState};

use super::sample::{
    MAX_ATTEMPTS, agent, apply, ask, at, chunk, claim, describe, emit, finish, interrupted,
    message, park_until, progress, retry, running, seconds, stamp, submission, submitted, then,
    token, turn_end, waiting,
};
use crate::support::{text_of, user};

fn refusal(head: &Head, command: Command, now: u64) -> Refusal {
    head.apply(command, &stamp(now)).unwrap_err().refusal
}

fn fingerprint(key: &str, text: &str) -> Fingerprint {
    Fingerprint::new(
        &Tenant::default(),
        &Owner::parse("alice").unwrap(),
        key,
        &user(text),
        &Terms::default(),
        None,
    )
}

fn keyed(key: &str, text: &str) -> Command {
    Command::Message {
        message: user(text),
        terms: Terms::default(),
        request: Some(fingerprint(key, text)),
        push: None,
    }
}

/// A running task that got a message after its turn had begun.
fn with_mail() -> (Head, TurnEnd) {
    let running = running();
    let turn = turn_end(&running, Vec::new());
    (then(&running, message("meanwhile"), 5), turn)
}

#[test]
fn a_submission_is_signaled_and_due() {
    let change = Head::submit(submission(), &stamp(7));
    let head = change.head();
    assert_eq!(head.phase, Phase::Submitted);
    assert_eq!((head.position, head.generation), (Position(1), Generation(1)));
    assert_eq!(head.last_message, Position(1));
    assert_eq!((head.created_at, head.status_at, head.due), (at(7), at(7), Some(at(67))));
    assert_eq!((change.entries().len(), change.signals().len()), (1, 1));
}

/// A task with a question, with a message in each phase; and the numbers of each entry.
#[test]
fn a_submission_with_a_claim_is_both_in_one_commit() {
    let claim = Command::Claim { token: token(), max_attempts: 3 };
    let submitted = Head::submit(submission(), &stamp(0));
    let claimed = apply(submitted.head(), claim, 0);
    let both = Head::submit_and_claim(submission(), token(), &stamp(0));
    let leased_until = claimed.head().leased_until();
    let revision = submitted.head().revision;
    let expected =
        Head { revision, due: leased_until, listed_as_submitted: None, ..claimed.head().clone() };
    assert_eq!(both.head(), &expected);
    assert_eq!(both.entries(), [submitted.entries(), claimed.entries()].concat());
    assert_eq!(both.signals(), submitted.signals());
}

fn numbered() -> (Snapshot, Vec<(u64, u64)>) {
    let change = Head::submit(submission(), &stamp(0));
    let (mut head, mut tail) = (change.head().clone(), change.entries().to_vec());
    let steps: [fn(&Head) -> Command; 7] = [
        |_| message("to a submitted one"),
        |_| claim("holder"),
        |_| message("to a running one"),
        |_| emit(vec![progress("a"), chunk("b")]),
        |head| ask(head, Interruption::InputRequired),
        |_| message("to an interrupted one"),
        |_| claim("holder"),
    ];
    for step in steps {
        let change = apply(&head, step(&head), 1);
        tail.extend_from_slice(change.entries());
        head = change.head().clone();
    }
    let numbers = tail.iter().map(|entry| (entry.position.0, entry.generation.0)).collect();
    (Snapshot { head, tail, kept: Kept::default() }, numbers)
}

#[test]
fn events_have_generations_without_a_gap_and_messages_share_theirs() {
    let (snapshot, numbers) = numbered();
    let expected = [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 4), (7, 5), (8, 5), (9, 6)];
    assert_eq!(numbers, expected);
    assert_eq!(check_task(&snapshot.head, &snapshot.tail), Ok(()));
    let wrong = |change: fn(&mut Snapshot)| {
        let mut wrong = snapshot.clone();
        change(&mut wrong);
        check_task(&wrong.head, &wrong.tail).unwrap_err()
    };
    for text in [
        wrong(|of| of.tail[3].generation = Generation(3)),
        wrong(|of| of.tail[4].generation = Generation(4)),
        wrong(|of| of.tail[4].position = Position(6)),
        wrong(|of| of.head.generation = Generation(7)),
        wrong(|of| of.head.position = Position(8)),
    ] {
        assert!(text.starts_with("I2: "), "{text}");
    }
}

#[test]
fn the_part_since_a_generation_begins_with_an_event_in_the_tail() {
    let (snapshot, numbers) = numbered();
    for known in 0..=7 {
        // A message at the generation may stand before the event's place, but not behind it.
        let event = numbers.iter().position(|(_, generation)| *generation == known + 1);
        let event = event.unwrap_or(numbers.len());
        for cut in 0..=numbers.len() {
            let tail = snapshot.tail[cut..].to_vec();
            let part = Snapshot { tail, ..snapshot.clone() };
            let expected = (cut <= event || known >= 6).then_some(&snapshot.tail[event..]);
            assert_eq!(part.since(Generation(known)), expected, "{known}, cut at {cut}");
        }
    }
}

#[test]
fn the_claim_after_the_last_attempt_fails_the_task_and_says_so() {
    let mut head = submitted();
    let mut now = 0;
    for attempt in 1..=MAX_ATTEMPTS {
        now += 31;
        head = then(&head, claim("one that dies"), now);
        assert_eq!(head.attempt, attempt);
    }
    let change = apply(&head, claim("one too many"), now + 31);
    assert_eq!(change.head().phase, Phase::Ended(Ending::Failed));
    assert_eq!(change.head().due, None);
    let Event::Status(status) = &change.entries()[0].event else {
        panic!("no status: {:?}", change.entries());
    };
    let text = text_of(status.message.as_ref().unwrap());
    assert_eq!(text, "gave up after 3 attempts: in 3 of them the process died");
    assert_eq!(change.over_lease(), head.leased_until(), "the last lease must still be expired");
}

#[test]
fn the_retry_after_the_last_attempt_fails_the_task_with_its_reason() {
    let mut head = running();
    for now in [10, 20] {
        let waiting = then(&head, retry(1), now);
        assert!(matches!(waiting.phase, Phase::Waiting { .. }));
        head =
            then(&waiting, Command::Claim { token: token(), max_attempts: MAX_ATTEMPTS }, now + 2);
    }
    assert_eq!(head.attempt, MAX_ATTEMPTS);
    let failed = apply(&head, retry(1), 30);
    assert_eq!(failed.head().phase, Phase::Ended(Ending::Failed));
    let Event::Status(status) = &failed.entries()[0].event else {
        panic!("no status: {:?}", failed.entries());
    };
    assert_eq!(text_of(status.message.as_ref().unwrap()), "a reason");
}

#[test]
fn a_committed_turn_begins_the_attempts_anew() {
    let second = then(&waiting(), claim("holder"), 100);
    assert_eq!((second.attempt, second.turn), (2, 0));
    let parked = then(&second, park_until(&second, 150), 101);
    assert_eq!((parked.attempt, parked.turn), (0, 1));
}

#[test]
fn an_agent_that_completes_with_mail_continues() {
    let (head, turn) = with_mail();
    let change = apply(&head, Command::Finish { turn, ending: Finish::Completed(None) }, 6);
    assert_eq!(
        describe(&head, &change),
        "running until 36, turn 1, consumed 1",
        "the lease is kept, and nothing is said to be completed"
    );
    assert!(change.head().has_mail());
}

#[test]
fn output_of_an_end_with_mail_is_still_shown() {
    let (head, turn) = with_mail();
    let said = Finish::Completed(Some(agent("done")));
    let completed = apply(&head, Command::Finish { turn: turn.clone(), ending: said }, 6);
    let direct = Finish::Direct(agent("hello"));
    let answered = apply(&head, Command::Finish { turn: turn.clone(), ending: direct }, 6);
    let pause = Pause::ForUser {
        interruption: Interruption::InputRequired,
        message: Some(agent("what?")),
        checkpoint: Some(Json::parse("7").unwrap()),
        patience: None,
    };
    let asked = apply(&head, Command::Park { turn, pause }, 6);
    for (change, said) in [(&completed, "done"), (&answered, "hello"), (&asked, "what?")] {
        let Event::Status(status) = &change.entries()[0].event else {
            panic!("no status: {:?}", change.entries());
        };
        assert_eq!(status.state, TaskState::Working, "{said}");
        assert_eq!(text_of(status.message.as_ref().unwrap()), said);
        assert!(
            change.head().is_held_by(&token())
                && change.head().emitted
                && !change.head().is_direct()
        );
        assert_eq!(change.head().attempt, 1, "the next turn's first attempt has begun");
    }
    assert_eq!(asked.head().checkpoint, Some(Json::parse("7").unwrap()));
    assert_eq!(completed.head().checkpoint, None);
}

#[test]
fn an_agent_that_parks_with_mail_is_woken_at_once() {
    let (head, turn) = with_mail();
    let pause = Pause::until(at(5_000), None);
    let change = apply(&head, Command::Park { turn, pause }, 6);
    assert_eq!(
        describe(&head, &change),
        "waiting until 6, signal at 6, attempt 0, turn 1, consumed 1",
        "due at 60 already stands"
    );
}

#[test]
fn failure_and_rejection_do_not_wait_for_mail() {
    for (ending, end) in
        [(Finish::Failed(None), Ending::Failed), (Finish::Rejected(None), Ending::Rejected)]
    {
        let (head, turn) = with_mail();
        let change = apply(&head, Command::Finish { turn, ending }, 6);
        assert_eq!(change.head().phase, Phase::Ended(end));
    }
}

#[test]
fn a_direct_message_is_only_possible_first() {
    let direct = |head: &Head| finish(head, Finish::Direct(agent("hello")));
    let shown = then(&running(), emit(vec![progress("half")]), 5);
    assert_eq!(refusal(&shown, direct(&shown), 6), Refusal::NotFirst);

    let mut with_updates = turn_end(&running(), vec![chunk("a")]);
    with_updates.given = running().last_message;
    let ending = Finish::Direct(agent("hello"));
    let command = Command::Finish { turn: with_updates, ending };
    assert_eq!(refusal(&running(), command, 6), Refusal::NotFirst);

    let parked = then(&running(), park_until(&running(), 10), 5);
    let later = then(&parked, claim("holder"), 10);
    assert_eq!(refusal(&later, direct(&later), 11), Refusal::NotFirst);

    let again = then(&waiting(), claim("holder"), 100);
    assert!(
        apply(&again, direct(&again), 101).head().is_direct(),
        "a second attempt is still first"
    );
}

#[test]
fn a_direct_task_is_listed_unless_its_sender_waited() {
    for (sender_waits, listed) in [(true, false), (false, true)] {
        let mut head = running();
        head.sender_waits_until = sender_waits.then_some(head.created_at);
        assert!(head.is_listed());
        let done = then(&head, finish(&head, Finish::Direct(agent("hello"))), 2);
        assert_eq!(done.is_listed(), listed);
    }
}

#[test]
fn a_message_wakes_a_waiting_task() {
    let parked = then(&running(), park_until(&running(), 5_000), 2);
    assert_eq!(refusal(&parked, claim("runner"), 10), Refusal::NotBefore { at: at(5_000) });
    let woken = then(&parked, message("now"), 10);
    assert!(then(&woken, claim("runner"), 10).has_mail());
}

#[test]
fn the_sweep_looks_at_a_waiting_task_after_a_long_wait_only() {
    let running = running();
    let look = running.due.unwrap();
    for (until, due) in [(50, look), (100, look), (5_000, at(5_060))] {
        let parked = then(&running, park_until(&running, until), 2);
        assert_eq!(parked.due, Some(due), "{until}");
        // A look before the wake time moves the due time behind it.
        let postponed = parked.postpone(&stamp(60));
        assert_eq!(postponed.head().due, Some(at(until.max(60) + 60)), "{until}");
    }
}

#[test]
fn a_message_wakes_a_waiting_task_with_a_far_due_time() {
    let parked = then(&running(), park_until(&running(), 5_000), 2);
    let woken = then(&parked, message("now"), 100);
    assert_eq!(woken.due, Some(at(160)));
}

#[test]
fn the_memory_of_follow_up_keys_is_bounded() {
    let mut head = submitted();
    for n in 0..10 {
        head = then(&head, keyed(&format!("key {n}"), "text"), n);
    }
    assert_eq!(head.follow_ups.len(), MAX_REMEMBERED_KEYS);
    assert!(head.accepted(&fingerprint("key 9", "text")).is_some());
    assert!(head.accepted(&fingerprint("key 6", "text")).is_some());
    assert!(head.accepted(&fingerprint("key 5", "text")).is_none());
}

#[test]
fn a_remembered_key_is_taken_once() {
    let head = then(&submitted(), keyed("key", "text"), 1);
    for text in ["text", "other"] {
        assert_eq!(refusal(&head, keyed("key", text), 2), Refusal::Repeated);
    }
    assert_eq!(apply(&head, keyed("other key", "text"), 2).entries().len(), 1);
}

#[test]
fn the_key_that_made_a_task_is_not_taken_for_a_follow_up() {
    let mut submission = submission();
    submission.request = Some(fingerprint("key", "first"));
    let head = Head::submit(submission, &stamp(0)).head().clone();
    assert_eq!(refusal(&head, keyed("key", "second"), 1), Refusal::Repeated);
}

#[test]
fn each_write_of_the_holder_renews_the_lease() {
    let lease = |head: &Head| seconds(head.leased_until().unwrap());
    let head = running();
    assert_eq!(lease(&head), 31);
    let head = then(&head, emit(vec![progress("half")]), 20);
    assert_eq!(lease(&head), 50);
    // An expired lease that no runner took is still its holder's.
    let head = then(&head, emit(vec![progress("late")]), 100);
    assert_eq!(lease(&head), 130);
}

#[test]
fn lists_show_a_claim_with_the_next_word_of_a_runner_or_its_death() {
    let listed = |head: &Head| (head.listed_state(), seconds(head.listed_at()));
    let head = running();
    assert_eq!((head.state(), seconds(head.status_at)), (TaskState::Working, 1));
    assert_eq!(listed(&head), (TaskState::Submitted, 0));
    assert_eq!(listed(&then(&head, message("more"), 5)), (TaskState::Submitted, 0));
    for (command, now, expected) in [
        (emit(vec![]), 5, (TaskState::Working, 1)),
        (emit(vec![progress("half")]), 5, (TaskState::Working, 5)),
        (park_until(&head, 50), 5, (TaskState::Working, 1)),
        (retry(1), 5, (TaskState::Working, 1)),
        (finish(&head, Finish::Completed(None)), 5, (TaskState::Completed, 5)),
        (Command::Cancel, 5, (TaskState::Canceled, 5)),
        (claim("another"), 40, (TaskState::Working, 1)),
        (Command::Look, 40, (TaskState::Working, 1)),
    ] {
        let name = format!("{command:?}");
        assert_eq!(listed(&then(&head, command, now)), expected, "{name}");
    }
}

#[test]
fn a_stale_lease_writes_nothing() {
    let taken = then(&running(), claim("another"), 31);
    for command in [
        emit(vec![progress("late")]),
        park_until(&running(), 50),
        finish(&running(), Finish::Completed(None)),
        retry(1),
    ] {
        assert_eq!(refusal(&taken, command, 32), Refusal::StaleLease);
    }
    let expired = then(&running(), Command::Look, 31);
    assert_eq!(refusal(&expired, emit(vec![]), 32), Refusal::StaleLease);
}

#[test]
fn only_a_takeover_must_wait_for_a_lease_s_end() {
    let head = running();
    assert_eq!(apply(&head, claim("another"), 40).over_lease(), Some(at(31)));
    assert_eq!(apply(&head, Command::Look, 40).over_lease(), Some(at(31)));
    for command in [
        message("more"),
        emit(vec![progress("late")]),
        finish(&head, Finish::Completed(None)),
        park_until(&head, 100),
        Command::Cancel,
    ] {
        assert_eq!(apply(&head, command, 40).over_lease(), None);
    }
    assert_eq!(apply(&submitted(), claim("first"), 40).over_lease(), None);
}

#[test]
fn fences_count_claims_and_do_not_go_back() {
    let first = running();
    let second = then(&first, claim("second"), 31);
    let third = then(&second, claim("third"), 61);
    assert_eq!([first.fence.0, second.fence.0, third.fence.0], [1, 2, 3]);
    assert_eq!(then(&third, Command::Cancel, 62).fence.0, 3);
}

#[test]
fn a_task_with_nothing_to_do_yet_is_postponed() {
    let postponed = |head: &Head, now| head.postpone(&stamp(now)).head().due.map(seconds);
    assert_eq!(postponed(&running(), 20), Some(31), "until the lease ends");
    assert_eq!(postponed(&waiting(), 70), Some(160), "until the wake time's signal is late");
    assert_eq!(postponed(&submitted(), 70), Some(130), "until the next signal is late");
    assert_eq!(postponed(&interrupted(Interruption::InputRequired), 70), None);
    let change = waiting().postpone(&stamp(70));
    assert!(change.entries().is_empty() && change.signals().is_empty());
    assert_eq!(describe(&waiting(), &change), "waiting until 100, due 160");
}

#[test]
fn an_expired_task_is_claimed_again_with_its_attempt_counted() {
    let expired = then(&running(), Command::Look, 40);
    assert_eq!(expired.phase, Phase::Waiting { until: at(40) });
    let again = then(&expired, claim("another"), 40);
    assert_eq!((again.attempt, again.fence.0), (2, 2));
}

#[test]
fn a_checkpoint_lives_until_the_next_turn_ends() {
    let parked = then(&running(), park_until(&running(), 50), 2);
    let kept = Some(Json::parse("2").unwrap());
    assert_eq!(parked.checkpoint, kept);
    let claimed = then(&parked, claim("holder"), 50);
    let retried = then(&claimed, retry(1), 51);
    assert_eq!(retried.checkpoint, kept, "the next attempt needs it too");
    let claimed = then(&retried, claim("holder"), 60);
    let done = then(&claimed, finish(&claimed, Finish::Completed(None)), 61);
    assert_eq!(done.checkpoint, None);
}

#[test]
fn ids_of_messages_are_left_out_of_the_log() {
    let mut sent = user("more");
    sent.task_id = "task".into();
    sent.context_id = "context".into();
    let change = apply(
        &submitted(),
        Command::Message { message: sent, terms: Terms::default(), request: None, push: None },
        1,
    );
    let Event::Message(kept) = &change.entries()[0].event else {
        panic!("no message: {:?}", change.entries());
    };
    assert_eq!(kept.message, user("more"));
}

#[test]
fn a_clock_that_steps_back_breaks_no_invariant() {
    let head = running();
    for command in [
        message("more"),
        emit(vec![progress("half")]),
        park_until(&head, 50),
        retry(5),
        finish(&head, Finish::Completed(None)),
        Command::Cancel,
    ] {
        check_change(&head, &apply(&head, command, 0)).unwrap();
    }
    assert_eq!(refusal(&head, claim("another"), 0), Refusal::HeldBy { until: at(31) });
}

#[test]
fn updates_come_before_the_end_that_they_are_committed_with() {
    let head = running();
    let turn = turn_end(&head, vec![chunk("a"), chunk("b")]);
    let change = apply(&head, Command::Finish { turn, ending: Finish::Completed(None) }, 5);
    let kinds: Vec<&str> = change
        .entries()
        .iter()
        .map(|entry| match &entry.event {
            Event::Message(_) => "message",
            Event::Status(_) => "status",
            Event::Artifact(_) => "artifact",
        })
        .collect();
    assert_eq!(kinds, ["artifact", "artifact", "status"]);
}
