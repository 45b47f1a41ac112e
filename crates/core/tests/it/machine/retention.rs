//! The effects of age on a task.

use a2a_lambda_core::head::{Ending, Impatience, Interruption, Phase};
use a2a_lambda_core::invariants::check_change;
use a2a_lambda_core::machine::{Finish, Stamp, Submission};
use a2a_lambda_core::{Change, Command, Head, Retention, TraceContext};
use a2a_lambda_protocol::TaskState;

use super::sample::{
    agent, ask, ask_impatiently, at, chunk, claim, emit, finish, message, register, registration,
    stamp, submission, token, unregister,
};
use crate::support::secs;

const KEPT: Retention =
    Retention { ended: Some(secs(1_000)), waiting: Some(secs(2_000)), purge_after: secs(100) };

fn keeping(now: u64) -> Stamp {
    Stamp { retention: Some(KEPT), ..stamp(now) }
}

fn change(head: &Head, command: Command, now: u64) -> Change {
    let change = head.apply(command, &keeping(now)).unwrap();
    check_change(head, &change).unwrap();
    change
}

fn then(head: &Head, command: Command, now: u64) -> Head {
    change(head, command, now).head().clone()
}

fn running() -> Head {
    let submitted = Head::submit(submission(), &keeping(0)).head().clone();
    then(&submitted, Command::Claim { token: token(), max_attempts: 3 }, 1)
}

fn ended() -> Head {
    then(&running(), finish(&running(), Finish::Completed(None)), 2)
}

fn expired(head: &Head, now: u64) -> bool {
    head.is_expired(at(now), Some(&KEPT))
}

#[test]
fn every_ending_is_kept_for_its_time_and_no_longer() {
    for command in [
        finish(&running(), Finish::Completed(None)),
        finish(&running(), Finish::Failed(None)),
        finish(&running(), Finish::Rejected(None)),
        finish(&running(), Finish::Direct(agent("hello"))),
        Command::Cancel,
    ] {
        let may_have_records = matches!(command, Command::Cancel);
        let head = then(&running(), command, 2);
        assert!(!expired(&head, 1_001) && expired(&head, 1_002), "{:?}", head.phase);
        let gone = if may_have_records { (None, Some(at(1_102))) } else { (Some(at(1_002)), None) };
        assert_eq!((head.ttl, head.due), gone, "by the sweep, or by the store itself");
        assert!(!head.is_expired(at(1_000_000), None), "where tasks are kept for ever");
    }
}

#[test]
fn an_open_task_does_not_expire() {
    let asked = then(&running(), ask(&running(), Interruption::InputRequired), 2);
    for head in [running(), asked] {
        assert!(!expired(&head, 1_000_000), "{:?}", head.phase);
        assert_eq!(head.ttl, None);
    }
}

#[test]
fn a_task_with_a_longer_log_is_due_when_it_may_be_deleted() {
    let text = "x".repeat(2_500);
    let shown = then(&running(), emit(vec![chunk(&text)]), 2);
    let head = then(&shown, finish(&shown, Finish::Completed(None)), 3);
    assert_eq!((head.ttl, head.due), (None, Some(at(1_103))));
    // Until then nothing comes of a look.
    let looked = head.postpone(&keeping(1_050));
    check_change(&head, &looked).unwrap();
    assert_eq!(looked.head().due, Some(at(1_103)));
}

#[test]
fn a_task_that_has_had_push_configs_is_due_when_it_may_be_deleted() {
    let named = then(&ended(), register("a1"), 10);
    assert_eq!(named.ttl, None, "its config would be left");
    assert_eq!(named.due, Some(at(70)), "something is to be pushed first");
    let unnamed = then(&named, unregister("a"), 20);
    assert_eq!((unnamed.ttl, unnamed.due), (None, Some(at(1_102))), "its item may be left");
    assert!(unnamed.pushes.is_none() && named.registrations() == [registration("a1")]);
    // After its expiry, open pushes need no visit.
    let expired = named.postpone(&keeping(1_050));
    assert_eq!(expired.head().due, Some(at(1_102)));
}

#[test]
fn a_user_is_waited_for_until_the_time_and_no_longer() {
    for interruption in [Interruption::InputRequired, Interruption::AuthRequired] {
        let head = then(&running(), ask(&running(), interruption), 2);
        assert_eq!(head.due, Some(at(2_002)));
        let early = then(&head, Command::Look, 2_001);
        assert_eq!((&early.phase, early.due), (&head.phase, Some(at(2_002))));
        let lapsed = change(&head, Command::Look, 2_002);
        assert_eq!(lapsed.head().phase, Phase::Ended(Ending::Canceled));
        assert_eq!((lapsed.head().ttl, lapsed.head().due), (Some(at(3_002)), None));
        let a2a_lambda_core::Event::Status(status) = &lapsed.entries()[0].event else {
            panic!("it says so");
        };
        let text = &status.message.as_ref().unwrap().parts[0];
        assert!(format!("{text:?}").contains("nobody answered for 2000 seconds"), "{text:?}");
    }
}

#[test]
fn a_message_begins_the_wait_anew() {
    let asked = then(&running(), ask(&running(), Interruption::InputRequired), 2);
    let answered = then(&asked, message("blue"), 1_900);
    assert_eq!(answered.due, Some(at(1_960)), "a runner is signaled");
    let run = then(&answered, Command::Claim { token: token(), max_attempts: 3 }, 1_901);
    let asked = then(&run, ask(&run, Interruption::InputRequired), 1_902);
    assert_eq!(asked.due, Some(at(3_902)));
    let early = then(&asked, Command::Look, 3_901);
    assert_eq!((early.phase, early.due), (asked.phase, Some(at(3_902))));
}

/// The agent's patience, if it is shorter, comes first.
#[test]
fn a_task_with_patience_is_looked_at_for_that() {
    let head = then(&running(), ask_impatiently(&running(), Impatience::Wake), 2);
    assert_eq!(head.due, Some(at(110)));
    let woken = then(&head, claim("next"), 50);
    assert_eq!(woken.state(), TaskState::Working);
}

#[test]
fn a_deleted_task_is_invisible_and_due() {
    let head = then(&ended(), Command::Delete, 65);
    assert!(expired(&head, 0) && head.is_expired(at(0), None) && !head.is_listed());
    assert_eq!((head.ttl, head.due), (None, Some(at(65))));
    let again = then(&head, Command::Delete, 66);
    assert_eq!(again.due, Some(at(66)));
    // Also where tasks are kept for ever.
    let forever = ended().apply(Command::Delete, &stamp(65)).unwrap();
    check_change(&ended(), &forever).unwrap();
    assert_eq!(forever.head().due, Some(at(65)));
    // It stays until its creator does not retry any more.
    let new = then(&ended(), Command::Delete, 5);
    assert_eq!(new.due, Some(at(60)));
}

#[test]
fn where_an_earlier_release_reads_nothing_is_new() {
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let submission = Submission { trace: trace.clone(), ..submission() };
    let kept = Head::submit(submission.clone(), &keeping(0)).head().trace.clone();
    assert!(trace.is_some() && kept == trace);
    let head = Head::submit(submission, &stamp(0)).head().clone();
    let claimed = head.apply(claim("holder"), &stamp(1)).unwrap().head().clone();
    let ended = claimed.apply(finish(&claimed, Finish::Completed(None)), &stamp(2)).unwrap();
    let named = ended.head().apply(register("a1"), &stamp(3)).unwrap().head().clone();
    for head in [&head, &claimed, ended.head(), &named] {
        assert!(head.incarnation.is_none() && head.ttl.is_none() && !head.has_leftovers);
        assert_eq!(head.trace, None);
        assert!(!head.is_expired(at(1_000_000), None));
    }
    // A task of that time is kept as long as any other, from its next write on and when it is read.
    assert!(expired(ended.head(), 1_002) && !expired(ended.head(), 1_001));
    let seen = ended.head().postpone(&keeping(10));
    assert_eq!((seen.head().ttl, &seen.head().incarnation), (Some(at(1_002)), &None));
}

#[test]
fn a_later_task_knows_whether_anything_is_left_of_the_earlier_one() {
    let new = || Head::submit(submission(), &keeping(5_000));
    assert!(!new().in_place_of(&ended()).head().has_leftovers);
    let named = then(&ended(), register("a1"), 10);
    assert!(new().in_place_of(&named).head().has_leftovers);
}
