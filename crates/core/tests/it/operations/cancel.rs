//! Tasks that are called off.

use a2a_lambda_core::{Caller, End, Failure};
use a2a_lambda_protocol::{A2aError, CancelTaskRequest, ErrorKind, Task, TaskState};

use super::{others, takes};
use crate::support::{Fault, Kind, Scripted, World, after, millis, script, secs};

/// Ends as its message says.
fn obeys() -> Scripted {
    script!(|turn, _| {
        match turn.text().as_str() {
            "complete" => Ok(End::completed()),
            "reject" => Ok(End::Rejected("no".into())),
            "fail" => Err(Failure::permanent("broken")),
            "retry" => Err(Failure::retryable("again")),
            "ask" => Ok(End::input_required("which one?")),
            "authorize" => Ok(End::AuthRequired {
                question: "password?".into(),
                checkpoint: None,
                patience: None,
            }),
            other => panic!("no order {other}"),
        }
    })
}

async fn cancel(world: &World, caller: &Caller, id: &str) -> Result<Task, A2aError> {
    world.operations().cancel(caller, &CancelTaskRequest::of(id)).await
}

#[tokio::test(start_paused = true)]
async fn every_open_task_can_be_canceled() {
    for order in [None, Some("retry"), Some("ask"), Some("authorize")] {
        let (world, key) = World::with_task(order.unwrap_or("never run"), obeys()).await;
        if order.is_some() {
            world.attend(&key).await;
        }
        let task = cancel(&world, &World::alice(), key.task.as_str()).await.unwrap();
        assert_eq!(task.status.state, TaskState::Canceled, "{order:?}");
        assert_eq!(task, world.task(&key).await);
        assert_eq!(world.head(&key).await.due, None, "nobody has to look at it again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_task_can_be_canceled() {
    let (world, key) = World::with_task("hello", takes(60)).await;
    let (_, task) = tokio::join!(world.attend(&key), async {
        tokio::time::sleep(secs(1)).await;
        cancel(&world, &World::alice(), key.task.as_str()).await.unwrap()
    });
    assert_eq!(task.status.state, TaskState::Canceled);
    assert_eq!(task, world.task(&key).await);
}

#[tokio::test(start_paused = true)]
async fn an_ended_task_cannot_be_canceled() {
    for (order, phase) in
        [("complete", "completed"), ("reject", "rejected"), ("fail", "failed"), ("ask", "canceled")]
    {
        let (world, key) = World::with_attended(order, obeys()).await;
        if phase == "canceled" {
            world.cancel(&key).await;
        }
        let before = world.snapshot(&key).await;
        let error = world.try_cancel(&key).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TaskNotCancelable);
        assert_eq!(error.message, format!("the task is {phase} already"));
        assert_eq!(world.snapshot(&key).await, before);
    }
}

#[tokio::test(start_paused = true)]
async fn the_task_of_another_is_not_found() {
    let (world, key) = World::with_task("complete", obeys()).await;
    let id = key.task.as_str();
    let unknown = cancel(&world, &World::alice(), "nothing").await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::TaskNotFound);
    for other in others() {
        let error = cancel(&world, &other, id).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TaskNotFound);
        assert_eq!(error.message.replace(id, "nothing"), unknown.message);
    }
    assert_eq!(world.task(&key).await.status.state, TaskState::Submitted);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_whose_answer_is_lost_on_the_way_is_not_an_error() {
    let (world, key) = World::with_task("complete", obeys()).await;
    world.faults.plan(|call| (call.number == 2).then_some(Fault::LoseAnswer));
    let canceled = cancel(&world, &World::alice(), key.task.as_str()).await;
    assert_eq!(canceled.unwrap().status.state, TaskState::Canceled);
}

#[tokio::test(start_paused = true)]
async fn of_a_cancel_and_an_end_at_once_one_wins() {
    // The claim, and that lists show it, are the first commits. The end is under way from 5 s to 6 s.
    for (cancel_at, wins) in [(5_500, true), (6_500, false)] {
        let (world, key) = World::with_task("hello", takes(5)).await;
        world.faults.fail_nth(Kind::Commit, 3, Fault::SlowRequest(secs(1)));
        let (_, canceled) =
            tokio::join!(world.attend(&key), after(millis(cancel_at), world.try_cancel(&key)));
        assert_eq!(canceled.is_ok(), wins);
        let expected = if wins { TaskState::Canceled } else { TaskState::Completed };
        assert_eq!(world.task(&key).await.status.state, expected);
    }
}
