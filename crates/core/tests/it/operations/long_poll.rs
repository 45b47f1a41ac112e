//! Reading a task that is newer than the one that is known.

use a2a_lambda_core::{Caller, End, Generation, GetOptions, TaskKey};
use a2a_lambda_protocol::{A2aError, ErrorKind, GetTaskRequest, Task, TaskState};

use super::{asks, completes, others, takes, told};
use crate::support::{Fault, Kind, World, after, history, millis, script, secs, status_text};

async fn newer_as(
    world: &World,
    caller: &Caller,
    id: &str,
    known: u64,
) -> Result<(Task, Generation), A2aError> {
    let options = GetOptions { newer_than: Some(Generation(known)), answer_by: None };
    let (operations, request) = (world.operations(), GetTaskRequest::of(id));
    let read = operations.get_newer(caller, &request, &options);
    tokio::time::timeout(secs(600), read).await.expect("it hangs")
}

/// The generation and the state that are read, and how long it took, in milliseconds.
async fn newer(world: &World, key: &TaskKey, known: u64) -> (u64, TaskState, u128) {
    let begin = world.passed();
    let read = newer_as(world, &World::alice(), key.task.as_str(), known).await;
    let (task, generation) = read.unwrap();
    (generation.0, task.status.state, world.passed().saturating_sub(begin).as_millis())
}

#[tokio::test(start_paused = true)]
async fn a_newer_task_is_returned_at_once() {
    let (world, key) = World::with_task("go", asks()).await;
    assert_eq!(newer(&world, &key, 0).await, (1, TaskState::Submitted, 0));
    world.attend(&key).await;
    for known in [0, 1, 2] {
        assert_eq!(newer(&world, &key, known).await, (3, TaskState::InputRequired, 0), "{known}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_for_a_newer_task() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(secs(3)).await;
        turn.progress("half").await?;
        turn.sleep(millis(12_345)).await;
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    let polls = async {
        let mut known = 1;
        let mut seen = Vec::new();
        while seen.last().is_none_or(|(_, state)| *state != TaskState::Completed) {
            let (generation, state, waited) = newer(&world, &key, known).await;
            assert!(generation > known && waited <= 13_400, "{waited} ms");
            known = generation;
            seen.push((generation, state));
        }
        seen
    };
    let seen = world.served(polls).await;
    let working = TaskState::Working;
    assert_eq!(seen, [(2, working), (3, working), (4, TaskState::Completed)]);
    // Each within a second, which is the longest interval.
    assert!(world.passed() <= millis(3_000 + 12_345 + 1_000), "{:?}", world.passed());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_over_is_not_waited_for() {
    let (world, key) = World::with_attended("go", completes()).await;
    for known in [0, 2, 3, 4, u64::MAX] {
        assert_eq!(newer(&world, &key, known).await, (3, TaskState::Completed, 0), "{known}");
    }
    let (task, _) = newer_as(&world, &World::alice(), key.task.as_str(), 3).await.unwrap();
    assert_eq!(task, world.task(&key).await);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_user_is_waited_for() {
    let (world, key) = World::with_attended("first", asks()).await;
    let (read, ()) = tokio::join!(newer(&world, &key, 3), async {
        tokio::time::sleep(secs(10)).await;
        world.follow_up(&key, "second").await;
        // The message is not an event: a reader sees it at the generation of the question.
        assert_eq!(newer(&world, &key, 2).await, (3, TaskState::Submitted, 0));
        tokio::time::sleep(secs(5)).await;
        world.attend(&key).await;
    });
    let (generation, state, waited) = read;
    assert_eq!((generation, state), (5, TaskState::Completed));
    assert!((15_000..=16_000).contains(&waited), "{waited} ms");
}

#[tokio::test(start_paused = true)]
async fn waiting_is_bounded() {
    let (world, key) = World::with_task("go", takes(600)).await;
    assert_eq!(newer(&world, &key, 1).await, (1, TaskState::Submitted, 25_000));
    assert_eq!(newer(&world, &key, 99).await, (1, TaskState::Submitted, 25_000));
    // A glance is half a read.
    let reads = world.faults.count_of(Kind::Read);
    let looks = reads + world.faults.count_of(Kind::Glance);
    assert!((50..=80).contains(&looks), "{looks} looks in 50 s");
    assert!(10 * reads <= looks + 20, "{reads} reads of {looks} looks");
    for (by_ms, expected) in [(0, 0), (700, 700), (24_999, 24_999), (26_000, 25_000)] {
        let begin = world.passed();
        let answer_by = Some(world.now().saturating_add(millis(by_ms)));
        let options = GetOptions { newer_than: Some(Generation(1)), answer_by };
        let request = GetTaskRequest::of(key.task.as_str());
        let read = world.operations().get_newer(&World::alice(), &request, &options).await;
        assert_eq!(read.unwrap().1, Generation(1));
        assert_eq!(world.passed().saturating_sub(begin).as_millis(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_last_moment_change_is_seen() {
    let (world, key) = World::with_task("go", takes(600)).await;
    // The store has a latency, too.
    world.faults.fail_each(Kind::Read, Fault::SlowRequest(millis(10)));
    let (read, _) = tokio::join!(newer(&world, &key, 1), after(millis(24_999), world.cancel(&key)));
    assert_eq!((read.0, read.1), (2, TaskState::Canceled));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_does_not_keep_the_client_waiting() {
    let (world, key) = World::with_task("go", takes(600)).await;
    for fault in [Fault::HangBefore, Fault::SlowAnswer(secs(600))] {
        world.faults.plan(move |call| (call.number > 1).then_some(fault));
        let (generation, _, waited) = newer(&world, &key, 1).await;
        assert!(generation == 1 && waited <= 25_200, "{waited} ms");
        let answer_by = Some(world.now().saturating_add(secs(3)));
        let options = GetOptions { newer_than: Some(Generation(1)), answer_by };
        let begin = world.passed();
        world.faults.plan(move |call| (call.number > 1).then_some(fault));
        let request = GetTaskRequest::of(key.task.as_str());
        world.operations().get_newer(&World::alice(), &request, &options).await.unwrap();
        assert!(world.passed().saturating_sub(begin) <= millis(3_200));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stumbles_is_asked_again() {
    let (world, key) = World::with_task("go", takes(600)).await;
    world.faults.plan(|call| (2..=9).contains(&call.number).then_some(Fault::LoseRequest));
    let (read, _) = tokio::join!(newer(&world, &key, 1), after(millis(100), world.cancel(&key)));
    assert_eq!((read.0, read.1), (2, TaskState::Canceled));
    assert!(read.2 <= 3_000, "{} ms", read.2);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_many_entries_is_returned_whole() {
    let world = World::new(script!(|turn, _| {
        for n in 0..20 {
            turn.progress(n.to_string()).await?;
        }
        turn.sleep(secs(5)).await;
        Ok(End::Completed("done".into()))
    }));
    let key = world.submit("go").await;
    let alice = World::alice();
    let (read, _) =
        tokio::join!(newer_as(&world, &alice, key.task.as_str(), 22), world.attend(&key));
    let (task, generation) = read.unwrap();
    assert_eq!((generation, status_text(&task)), (Generation(23), "done".to_owned()));
    assert_eq!(task, world.task(&key).await);
    let request =
        GetTaskRequest { history_length: Some(2), ..GetTaskRequest::of(key.task.as_str()) };
    let options = GetOptions { newer_than: Some(Generation(22)), answer_by: None };
    let read = world.operations().get_newer(&World::alice(), &request, &options).await;
    assert_eq!(history(&read.unwrap().0), ["18", "19"]);
}

#[tokio::test(start_paused = true)]
async fn the_task_of_another_is_not_waited_for_and_seems_not_to_exist() {
    let (world, key) = World::with_task("go", takes(600)).await;
    let id = key.task.as_str();
    let unknown = newer_as(&world, &World::alice(), "nothing", 1).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::TaskNotFound);
    for known in [0, 1, 99] {
        for other in others() {
            let foreign = newer_as(&world, &other, id, known).await.unwrap_err();
            assert_eq!(told(&foreign), told(&unknown));
            assert_eq!(foreign.message.replace(id, "nothing"), unknown.message);
        }
    }
    assert_eq!(world.passed(), secs(0));
    let error = newer_as(&world, &World::alice(), "", 1).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["id"]));
}
