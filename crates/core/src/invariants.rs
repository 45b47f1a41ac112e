//! The invariants that can be checked on a task or on a change, each by its name in ARCHITECTURE.md.
//!
//! Pure predicates, written once: called by tests, by the simulation, and, in debug builds, on
//! every change before it is committed. `Err` says what does not hold.

use a2a_lambda_protocol::TaskState;

use crate::head::Head;
use crate::ids::{Generation, Position, Registration};
use crate::log::{Entry, Event, fold};
use crate::machine::Change;

/// I1, terminal is final: to a task that is over nothing is added, and it stays as it ended. Only
/// its pushes go on.
///
/// # Errors
/// When it is.
pub fn i1_terminal_is_final(before: &Head, change: &Change) -> Result<(), String> {
    if before.is_terminal() && (!change.entries().is_empty() || change.head().phase != before.phase)
    {
        return Err(format!("I1: {} was over and is changed", before.key));
    }
    Ok(())
}

/// I2, the log is the truth: positions and generations are gapless from 1 to the head's, and the
/// log's status is the head's.
///
/// # Errors
/// When it is not.
pub fn i2_log_is_truth(head: &Head, log: &[Entry]) -> Result<(), String> {
    i2_numbers_are_gapless((Position(0), Generation(0)), log, head)?;
    let task = fold(head, log);
    if task.status.state != head.state() {
        return Err(format!(
            "I2: the log says {:?}, the head {:?}",
            task.status.state,
            head.state()
        ));
    }
    if task.status.timestamp != Some(head.status_at) {
        return Err(format!(
            "I2: status time {:?} in the log, not the head's",
            task.status.timestamp
        ));
    }
    Ok(())
}

/// I2 for entries that follow `before`, up to the head: each has the next position. Each that
/// clients are sent has the next generation, and a message moves no generation but a new task's.
///
/// # Errors
/// When they have other numbers.
pub fn i2_numbers_are_gapless(
    before: (Position, Generation),
    entries: &[Entry],
    head: &Head,
) -> Result<(), String> {
    let (mut position, mut generation) = before;
    for entry in entries {
        position = position.next();
        generation = entry.event.generation_after(generation);
        let found = (entry.position, entry.generation);
        if found != (position, generation) {
            let (at, of) = found;
            return Err(format!(
                "I2: entry {at} of generation {of} where {position} of {generation} is next"
            ));
        }
    }
    let (at, of) = (head.position, head.generation);
    if (at, of) != (position, generation) {
        return Err(format!(
            "I2: the head is at {at} of generation {of}, the log at {position} of {generation}"
        ));
    }
    Ok(())
}

/// I4, accepted is not lost: a task that has neither ended nor waits for its user without a limit
/// has a due time. I6, every push is sent: a task with open pushes has one, too. A resting task may
/// have a due time for the end of its wait or its retention, unless the store deletes it by itself.
///
/// # Errors
/// When it has none.
pub fn i4_open_tasks_are_due(head: &Head) -> Result<(), String> {
    let open = !head.rests() || head.mark().is_some();
    if head.due.is_none() && open || head.due.is_some() && head.ttl.is_some() {
        return Err(format!("I4: a {} task with due {:?}", head.phase.name(), head.due));
    }
    Ok(())
}

/// I5, every message is seen: a task that completed, or that waits for its user, was given every
/// message that was accepted.
///
/// # Errors
/// When a message was left out.
pub fn i5_messages_are_seen(head: &Head) -> Result<(), String> {
    let settled = matches!(head.state(), TaskState::Completed) || head.state().is_interrupted();
    if settled && head.has_mail() {
        return Err(format!(
            "I5: {} with messages up to {}, given up to {}",
            head.phase.name(),
            head.last_message,
            head.consumed
        ));
    }
    Ok(())
}

/// I5 for a log: the head knows which entry is the newest message.
///
/// # Errors
/// When it does not.
pub fn i5_inbox_is_known(head: &Head, log: &[Entry]) -> Result<(), String> {
    let newest = log.iter().rev().find(|entry| matches!(entry.event, Event::Message(_)));
    let newest = newest.map_or(Position(0), |entry| entry.position);
    if newest != head.last_message || head.consumed > head.position {
        return Err(format!("I5: the newest message is {newest}, not {}", head.last_message));
    }
    Ok(())
}

/// I14, deleted is silent: a task names each of its push configs once, so that a replacement or a
/// delete leaves none of its names. It names none only while the deliverer still has to find out.
///
/// # Errors
/// When it does not.
pub fn i14_configs_are_named_once(head: &Head) -> Result<(), String> {
    let configs = head.registrations();
    let again = |(number, config): &(usize, &Registration)| {
        configs[..*number].iter().any(|other| other.is_of_same_config(config))
    };
    if configs.iter().enumerate().any(|named| again(&named)) {
        return Err(format!("I14: {} names a push config twice: {configs:?}", head.key));
    }
    if head.pushes.is_some() && configs.is_empty() && !head.may_be_pushed_now() {
        return Err(format!("I14: {} has the mark {:?} and no config", head.key, head.mark()));
    }
    Ok(())
}

/// All that must hold of a change, before it is committed.
///
/// # Errors
/// The first that does not hold.
pub fn check_change(before: &Head, change: &Change) -> Result<(), String> {
    i1_terminal_is_final(before, change)?;
    let numbers = (before.position, before.generation);
    i2_numbers_are_gapless(numbers, change.entries(), change.head())?;
    i4_open_tasks_are_due(change.head())?;
    i14_configs_are_named_once(change.head())?;
    i5_messages_are_seen(change.head())
}

/// All that must hold of a stored task.
///
/// # Errors
/// The first that does not hold.
pub fn check_task(head: &Head, log: &[Entry]) -> Result<(), String> {
    i2_log_is_truth(head, log)?;
    i4_open_tasks_are_due(head)?;
    i14_configs_are_named_once(head)?;
    i5_messages_are_seen(head)?;
    i5_inbox_is_known(head, log)
}
