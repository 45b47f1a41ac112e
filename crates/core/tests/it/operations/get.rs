//! Tasks that are read.

use a2a_lambda_protocol::{ErrorKind, GetTaskRequest, TaskState};

use super::{asks, completes, others, told};
use crate::support::{Fault, Kind, World, history, status_text};

fn get(id: &str, history_length: Option<i32>) -> GetTaskRequest {
    GetTaskRequest { history_length, ..GetTaskRequest::of(id) }
}

#[tokio::test(start_paused = true)]
async fn the_history_is_as_long_as_was_asked() {
    let (world, key) = World::with_attended("first", asks()).await;
    world.follow_up(&key, "second").await;
    world.attend(&key).await;
    for (length, expected) in [
        (None, vec!["first", "which one?", "second"]),
        (Some(0), vec![]),
        (Some(1), vec!["second"]),
        (Some(2), vec!["which one?", "second"]),
        (Some(100), vec!["first", "which one?", "second"]),
    ] {
        let request = get(key.task.as_str(), length);
        let task = world.operations().get(&World::alice(), &request).await.unwrap();
        assert_eq!(history(&task), expected, "{length:?}");
        assert_eq!(task.status.state, TaskState::Completed);
    }
    let request = get(key.task.as_str(), Some(-1));
    let error = world.operations().get(&World::alice(), &request).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::InvalidParams, vec!["historyLength"]));
}

#[tokio::test(start_paused = true)]
async fn the_task_equals_the_sum_of_its_log() {
    let (world, key) = World::with_attended("first", completes()).await;
    let request = get(key.task.as_str(), None);
    let task = world.operations().get(&World::alice(), &request).await.unwrap();
    assert_eq!(task, world.task(&key).await);
    assert_eq!(status_text(&task), "done");
    assert!(task.history.iter().all(|m| m.task_id == task.id && m.context_id == task.context_id));
}

#[tokio::test(start_paused = true)]
async fn the_task_of_another_is_answered_like_one_that_does_not_exist() {
    let (world, key) = World::with_task("first", completes()).await;
    let id = key.task.as_str();
    let of_nobody = world.operations().get(&World::alice(), &get("nothing", None)).await;
    let of_nobody = of_nobody.unwrap_err();
    for other in others() {
        let of_other = world.operations().get(&other, &get(id, None)).await.unwrap_err();
        assert_eq!(of_other.kind, of_nobody.kind);
        assert_eq!(of_other.message.replace(id, "nothing"), of_nobody.message);
    }
    let too_long = "x".repeat(256);
    let error = world.operations().get(&World::alice(), &get(&too_long, None)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TaskNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stumbles_is_asked_again_and_one_that_is_down_is_said_to_be() {
    let (world, key) = World::with_task("first", completes()).await;
    let request = get(key.task.as_str(), None);
    world.faults.plan(|call| (call.number < 4).then_some(Fault::LoseRequest));
    assert!(world.operations().get(&World::alice(), &request).await.is_ok());
    world.faults.plan(|_| Some(Fault::LoseRequest));
    let error = world.operations().get(&World::alice(), &request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(world.faults.count_of(Kind::Read), 4, "tries are bounded");
}
