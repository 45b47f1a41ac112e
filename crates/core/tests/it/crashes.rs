//! The crash matrix: every actor is killed between each two of its effects, and before and behind
//! them. Every accepted task still comes to its end.
//!
//! A killed executor's record is not redelivered here, unlike SQS: the due index alone must recover
//! the task. The matrix is written down in `crash-matrix.md`.

mod scenario;

use std::fmt::Write as _;
use std::path::Path;

use a2a_lambda_core::{Entry, Event, Policy, Snapshot, Swept, TaskKey};
use a2a_lambda_protocol::{ListTasksRequest, TaskState};

use a2a_lambda_testing::Gate;

use crate::support::{World, artifacts, history, secs, status_text};
use scenario::{Scenario, agent};

/// How often the world is looked at while it heals.
const STEP_S: u64 = 5;

/// How long it may take to heal: the longest of the agent's waits, the lease, and two sweeps.
const HEALED_AFTER_S: u64 = 3_600 + 30 + 2 * 60 + STEP_S;

/// The final state of a task whose actor was killed.
struct Healed {
    state: TaskState,
    swept: Swept,
}

/// Lets time pass, with sweeps and executors that are well, until the task is as expected.
async fn heal(world: &World, key: &TaskKey, expected: TaskState) -> Healed {
    let mut swept = Swept::default();
    for second in (0..=HEALED_AFTER_S).step_by(usize::try_from(STEP_S).unwrap()) {
        let state = world.head(key).await.state();
        if state == expected && world.head(key).await.mark().is_none() {
            return Healed { state, swept };
        }
        assert!(!state.is_terminal() || state == expected, "{state:?} is not {expected:?}");
        if second % 60 == 0 {
            let now = world.sweep().await;
            assert_eq!(now.failed, 0, "{now:?}");
            swept.lost_signals += now.lost_signals;
            swept.dead_leases += now.dead_leases;
            swept.wake_times += now.wake_times;
            swept.late_users += now.late_users;
            swept.pushes += now.pushes;
        }
        let mut arrived = world.queue.take_arrived(world.now());
        arrived.extend(world.timer.take_arrived(world.now()));
        for signal in arrived {
            world.attend(&signal.key()).await;
        }
        tokio::time::sleep(secs(STEP_S)).await;
    }
    panic!("not {expected:?} in time: {:?}", world.head(key).await);
}

/// The stages that the sweep took.
fn stages(swept: &Swept) -> String {
    let stages = [
        (swept.lost_signals, "lost signal"),
        (swept.dead_leases, "dead lease"),
        (swept.wake_times, "wake time"),
        (swept.late_users, "late user"),
        (swept.pushes, "pushes"),
    ];
    let found: Vec<_> = stages.iter().filter(|(n, _)| *n > 0).map(|(_, name)| *name).collect();
    if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
}

/// The one task of the world, if there is one.
async fn the_task(world: &World) -> Option<TaskKey> {
    let listed = world.operations().list(&World::alice(), &ListTasksRequest::default()).await;
    let tasks = listed.unwrap().tasks;
    assert!(tasks.len() <= 1);
    tasks.first().map(|task| World::key(&task.id))
}

/// That a receiver that is known to the task was sent all of it, in order (I6).
async fn assert_pushed(world: &World, key: &TaskKey, scenario: Scenario, place: &str) {
    let Snapshot { head, tail, .. } = world.snapshot(key).await;
    // Each config that the task names is stored, beside any leftovers.
    assert_eq!(world.configs(key).await.len(), head.registrations().len(), "{place}");
    if head.pushes.is_none() {
        return;
    }
    let deliveries = world.operations().push_deliveries(&World::alice(), key.task.as_str()).await;
    let (_, delivery) = deliveries.unwrap().pop().unwrap();
    let told = world.taken("hook");
    assert!(delivery.introduced && told[0].starts_with("task "), "{place}: {told:?}");
    let is_sent = |entry: &&Entry| !matches!(entry.event, Event::Message(_));
    let newest = tail.iter().rfind(is_sent).unwrap().position;
    assert!(delivery.cursor >= newest, "{place}: {told:?}");
    if scenario.replaces() {
        // The receiver was sent the task as it was for each of the two.
        return;
    }
    // The first arrivals, each under its number.
    let ids = world.ids("hook");
    let mut numbers: Vec<u64> = Vec::new();
    for id in &ids {
        let number = id.rsplit('_').next().unwrap().parse().unwrap();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    assert!(numbers.is_sorted(), "{place}: {ids:?}");
    let most = numbers.len() + usize::try_from(Policy::default().push_note_every).unwrap();
    assert!(ids.len() <= most, "{place}: more was sent again: {ids:?}");
    let statuses =
        |entry: &&Entry| matches!(entry.event, Event::Status(_)) && entry.position.0 > numbers[0];
    let expected = tail.iter().filter(statuses).count();
    let sent = told.iter().filter(|told| told.starts_with("status ")).count();
    assert_eq!(sent, expected, "{place}: {told:?}");
}

/// A row of the matrix, or `None` if the actor finished before its kill.
async fn row(scenario: Scenario, lets_pass: usize) -> Option<String> {
    let world = World::under(|policy| {
        policy.callback_url = Some("https://hook.test".to_owned());
    })
    .with(agent());
    scenario.prepare(&world).await;
    let gate = Gate::new(lets_pass);
    let engine = gate.before(&world.doubles);
    tokio::select! {
        biased;
        () = gate.killed() => {}
        () = scenario.act(&world, engine) => return None,
    }
    let mut effects = gate.effects();
    let before = effects.pop().unwrap();
    let done = effects.last().map_or("—", String::as_str);
    let place = format!("{scenario:?}, killed between {done:?} and {before:?}");

    let Some(key) = the_task(&world).await else {
        assert!(scenario.makes_a_task() && effects.iter().all(|it| it != "create the task"));
        return Some(format!(
            "| {} | {done} | {before} | nothing was accepted | |",
            scenario.name()
        ));
    };
    let expected = scenario.expected(&effects);
    let healed = heal(&world, &key, expected).await;
    // A late actor changes nothing.
    for _ in 0..10 {
        tokio::time::sleep(secs(60)).await;
        world.sweep().await;
        for signal in world.queue.take_arrived(world.now()) {
            world.attend(&signal.key()).await;
        }
    }
    let task = world.task(&key).await;
    assert_eq!(task.status.state, expected, "{place}");
    assert_eq!(artifacts(&task), scenario.artifacts(expected), "{place}");
    assert_pushed(&world, &key, scenario, &place).await;
    scenario.assert_steps(&world, &status_text(&task), &effects, &place);
    let said = history(&task);
    for (message, times) in scenario.messages(&effects) {
        assert_eq!(said.iter().filter(|text| *text == message).count(), times, "{place}: {said:?}");
    }
    let state = healed.state.as_str().trim_start_matches("TASK_STATE_");
    let by = stages(&healed.swept);
    Some(format!("| {} | {done} | {before} | {state} | {by} |", scenario.name()))
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_between_any_two_effects() {
    let mut matrix = String::from(
        "# The crash matrix\n\n\
         Every actor, killed between each two of its effects on the world: the first was carried \
         out, the second was not. Then the\nstate in which the task is left once the world has \
         healed, and what of the sweep it took. `tests/it/crashes.rs` makes this table, and fails \
         if\nanything was lost or done twice, or if this file is not what it makes.\n\n\
         | actor | killed after | and before | the task becomes | found by the sweep |\n\
         |---|---|---|---|---|\n",
    );
    for scenario in Scenario::ALL {
        let mut lets_pass = 0;
        while let Some(row) = Box::pin(row(scenario, lets_pass)).await {
            writeln!(matrix, "{row}").unwrap();
            lets_pass += 1;
            assert!(lets_pass < 100, "{scenario:?} does not come to an end");
        }
        assert!(lets_pass > 0, "{scenario:?} has no effects");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash-matrix.md");
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    if written != matrix {
        std::fs::write(&file, matrix).unwrap();
        panic!("{} was not up to date; it is now", file.display());
    }
}
