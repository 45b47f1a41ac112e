//! The predicates of a task or a change, each under its name in ARCHITECTURE.md.
//!
//! They are pure and written once. Tests and the simulation call them, and debug builds check every
//! change before its commit. `Err` says what does not hold.

use a2a_lambda_protocol::TaskState;

use crate::attempts::KEPT_ATTEMPTS;
use crate::head::{Head, Phase};
use crate::ids::{Generation, Position, Registration};
use crate::log::{Entry, Event, fold};
use crate::machine::Change;

/// I1, terminal is final: an ended task gets no new entries and keeps its state. Only its pushes
/// continue.
///
/// # Errors
/// When the change breaks this.
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

/// I2 for the entries that follow `before`, up to the head. Each has the next position. Each entry
/// with an event has the next generation. A message changes no generation, except that of a new
/// task.
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

/// I3, one runner: no attempt but the newest is under way, and that one only while the task runs.
/// I10, everything is bounded: the head keeps few of them.
///
/// # Errors
/// When it is not so.
pub fn i3_attempts_are_of_one_runner(head: &Head) -> Result<(), String> {
    let records = head.attempts.records();
    let open = records.iter().filter(|record| record.end.is_none()).count();
    let is_running = matches!(head.phase, Phase::Running { .. });
    let may_be_open = is_running && head.attempts.under_way().is_some();
    if records.len() > KEPT_ATTEMPTS || open > usize::from(may_be_open) {
        let phase = head.phase.name();
        return Err(format!("I3: the {phase} task {} has the attempts {records:?}", head.key));
    }
    Ok(())
}

/// I4, accepted is not lost: a task has a due time unless it has ended, or waits for its user
/// without a limit. I6, every push is sent: a task with open pushes has a due time, too. A resting
/// task may have one for the end of its wait or its retention, unless the store deletes it by
/// itself.
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

/// I5, every message is seen: a task that completed, or waits for its user, was given every
/// accepted message.
///
/// # Errors
/// When the agent was not given a message.
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

/// I5 in a scope: while it is open, its turns are given the same messages, and none of them leaves the
/// inbox.
///
/// # Errors
/// When the input of the open scope changes.
pub fn i5_scope_keeps_its_input(before: &Head, head: &Head) -> Result<(), String> {
    let is_open = head.scope_turns > 0;
    if is_open && (head.given, head.consumed) != (before.given, before.consumed) {
        return Err(format!(
            "I5: in a scope of {}, the messages {} to {} become {} to {}",
            head.key,
            before.consumed.next(),
            before.given,
            head.consumed.next(),
            head.given
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

/// I14, deleted is silent: a task names each of its push configs once. So a replacement or a
/// deletion leaves none of its names. A task names no config only while the deliverer still has to
/// learn of that.
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

/// Everything that must hold of a change before its commit.
///
/// # Errors
/// The first predicate that does not hold.
pub fn check_change(before: &Head, change: &Change) -> Result<(), String> {
    i1_terminal_is_final(before, change)?;
    let numbers = (before.position, before.generation);
    i2_numbers_are_gapless(numbers, change.entries(), change.head())?;
    i3_attempts_are_of_one_runner(change.head())?;
    i4_open_tasks_are_due(change.head())?;
    i14_configs_are_named_once(change.head())?;
    i5_scope_keeps_its_input(before, change.head())?;
    i5_messages_are_seen(change.head())
}

/// Everything that must hold of a stored task.
///
/// # Errors
/// The first predicate that does not hold.
pub fn check_task(head: &Head, log: &[Entry]) -> Result<(), String> {
    i2_log_is_truth(head, log)?;
    i3_attempts_are_of_one_runner(head)?;
    i4_open_tasks_are_due(head)?;
    i14_configs_are_named_once(head)?;
    i5_messages_are_seen(head)?;
    i5_inbox_is_known(head, log)
}
