//! A late user: a task that does not wait for ever.

use a2a_lambda_core::head::{Ending, Impatience, Phase};
use a2a_lambda_core::invariants::check_change;
use a2a_lambda_core::machine::Refusal;
use a2a_lambda_core::{Command, Head};
use a2a_lambda_protocol::TaskState;

use super::sample::{apply, ask_impatiently, at, claim, message, running, stamp, then};

/// A task that asked at 2 s and waits until 50 s.
fn impatient(impatience: Impatience) -> Head {
    then(&running(), ask_impatiently(&running(), impatience), 2)
}

#[test]
fn the_limit_of_the_wait_is_signaled_and_due() {
    let asked = apply(&running(), ask_impatiently(&running(), Impatience::Wake), 2);
    check_change(&running(), &asked).unwrap();
    assert_eq!(asked.signals(), [at(50)]);
    assert_eq!(asked.head().due, Some(at(110)));
    assert_eq!(asked.head().state(), TaskState::InputRequired);
}

#[test]
fn before_the_limit_only_the_user_goes_on() {
    for impatience in [Impatience::Wake, Impatience::Fail] {
        let head = impatient(impatience);
        let refused = head.apply(claim("early"), &stamp(49)).unwrap_err();
        assert_eq!(refused.refusal, Refusal::NotBefore { at: at(50) });
        let looked = apply(&head, Command::Look, 49);
        assert_eq!((looked.signals(), looked.head().due), (&[][..], Some(at(110))));
        let answered = apply(&head, message("blue"), 49);
        check_change(&head, &answered).unwrap();
        assert_eq!((&answered.head().phase, answered.head().patience()), (&Phase::Submitted, None));
        // The limit has no effect any more.
        let claimed = apply(answered.head(), claim("next"), 51);
        assert_eq!(claimed.head().state(), TaskState::Working);
    }
}

#[test]
fn after_the_limit_the_agent_goes_on() {
    let head = impatient(Impatience::Wake);
    let claimed = apply(&head, claim("next"), 50);
    check_change(&head, &claimed).unwrap();
    assert_eq!(claimed.head().state(), TaskState::Working);
    assert_eq!(claimed.head().patience(), None);
    assert_eq!(claimed.head().checkpoint, head.checkpoint);
    assert_eq!((claimed.head().attempt, claimed.entries().len()), (1, 1));
}

#[test]
fn after_the_limit_the_task_fails() {
    let head = impatient(Impatience::Fail);
    let claimed = apply(&head, claim("next"), 50);
    check_change(&head, &claimed).unwrap();
    assert_eq!(claimed.head().phase, Phase::Ended(Ending::Failed));
    assert_eq!((claimed.head().patience(), claimed.head().due), (None, None));
}

#[test]
fn the_sweep_signals_for_a_late_user() {
    let head = impatient(Impatience::Wake);
    let woken = apply(&head, Command::Look, 110);
    check_change(&head, &woken).unwrap();
    assert_eq!(woken.signals(), [at(110)]);
    assert_eq!(woken.head().due, Some(at(170)));
    // A visit that was due too early is due again when the wait is over.
    assert_eq!(head.postpone(&stamp(20)).head().due, Some(at(110)));
}

#[test]
fn a_message_that_comes_with_the_question_is_not_waited_for() {
    let head = then(&running(), message("wait"), 2);
    let asked = apply(&head, ask_impatiently(&running(), Impatience::Fail), 3);
    check_change(&head, &asked).unwrap();
    assert_eq!((asked.head().state(), asked.head().patience()), (TaskState::Working, None));
}
