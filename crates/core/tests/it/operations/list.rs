//! Tasks that are listed.

use std::collections::BTreeSet;

use a2a_lambda_core::End;
use a2a_lambda_core::head::LISTED_WITHIN;
use a2a_lambda_protocol::{
    Artifact, ErrorKind, ListTasksRequest, ListTasksResponse, Message, Part, TaskState,
};

use super::{asks, caller, completes, others, send, send_as, told};
use crate::support::{Scripted, THROTTLED, World, millis, ran, script, secs, user};

async fn list(world: &World, request: ListTasksRequest) -> ListTasksResponse {
    world.operations().list(&World::alice(), &request).await.unwrap()
}

fn page(size: i32, token: &str) -> ListTasksRequest {
    ListTasksRequest {
        page_size: Some(size),
        page_token: token.into(),
        ..ListTasksRequest::default()
    }
}

fn ids(response: &ListTasksResponse) -> Vec<String> {
    response.tasks.iter().map(|task| task.id.clone()).collect()
}

/// Submits tasks one millisecond apart; returns their ids, the newest first.
async fn submit(world: &World, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(world.submit(&format!("m{n}")).await.task.as_str().to_owned());
        tokio::time::sleep(millis(1)).await;
    }
    ids.reverse();
    ids
}

/// Gives an artifact of this many bytes.
fn produces(bytes: usize) -> Scripted {
    script!(|turn, _| {
        turn.artifact(Artifact::new(turn.artifact_id(), [Part::text("x".repeat(bytes))])).await?;
        Ok(End::completed())
    })
}

#[tokio::test(start_paused = true)]
async fn no_tasks_are_a_page_too() {
    let world = World::new(completes());
    let empty = list(&world, ListTasksRequest::default()).await;
    let expected = ListTasksResponse { page_size: 50, ..ListTasksResponse::default() };
    assert_eq!(empty, expected);
}

#[tokio::test(start_paused = true)]
async fn pages_hold_all_tasks_once_newest_status_first() {
    let world = World::new(completes());
    let expected = submit(&world, 7).await;
    // The store reads some tasks' heads, and not others', if the status is enough.
    for (size, history_length) in
        [1, 2, 3, 6, 7, 8].into_iter().flat_map(|size| [(size, None), (size, Some(0))])
    {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let request = ListTasksRequest { history_length, ..page(size, &token) };
            let response = list(&world, request).await;
            assert_eq!((response.page_size, response.total_size), (size, 7));
            found.extend(ids(&response));
            token = response.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(found, expected, "pages of {size}, {history_length:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_of_the_same_millisecond_are_paged_too() {
    let world = World::new(completes());
    let mut expected = BTreeSet::new();
    for n in 0..9 {
        expected.insert(world.submit(&format!("m{n}")).await.task.as_str().to_owned());
    }
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let response = list(&world, page(2, &token)).await;
        found.extend(ids(&response));
        token = response.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((found.len(), found.into_iter().collect()), (9, expected));
}

#[tokio::test(start_paused = true)]
async fn a_new_status_moves_a_task_to_the_front() {
    let world = World::new(completes());
    let submitted = submit(&world, 3).await;
    let last = World::key(&submitted[2]);
    world.attend(&last).await;
    let listed = ids(&list(&world, ListTasksRequest::default()).await);
    assert_eq!(listed, [&submitted[2], &submitted[0], &submitted[1]].map(String::clone));
}

#[tokio::test(start_paused = true)]
async fn tasks_are_found_by_context_status_and_time() {
    let world = World::new(asks());
    let in_context = |n: &str| Message { context_id: "talk".into(), ..user(n) };
    let first = send(&world, in_context("first")).await.unwrap();
    tokio::time::sleep(secs(1)).await;
    let second = send(&world, in_context("second")).await.unwrap();
    tokio::time::sleep(secs(1)).await;
    let third = send(&world, user("third")).await.unwrap();
    world.attend(&World::key(&first.id)).await;

    let of_context = ListTasksRequest { context_id: "talk".into(), ..ListTasksRequest::default() };
    let of_state =
        ListTasksRequest { status: TaskState::InputRequired, ..ListTasksRequest::default() };
    let since = ListTasksRequest {
        status_timestamp_after: third.status.timestamp,
        ..ListTasksRequest::default()
    };
    let both = ListTasksRequest { status: TaskState::Submitted, ..of_context.clone() };
    let none = ListTasksRequest { status: TaskState::Failed, ..of_context.clone() };
    for (request, expected) in [
        (of_context, vec![&first.id, &second.id]),
        (of_state, vec![&first.id]),
        // The status of the first changed in the same millisecond in which the third was made.
        (since, vec![&third.id, &first.id]),
        (both, vec![&second.id]),
        (none, vec![]),
    ] {
        let response = list(&world, request.clone()).await;
        let found: BTreeSet<String> = ids(&response).into_iter().collect();
        assert_eq!(found, expected.iter().map(ToString::to_string).collect(), "{request:?}");
        assert_eq!(usize::try_from(response.total_size).unwrap(), expected.len());
    }
}

#[tokio::test(start_paused = true)]
async fn others_tasks_are_neither_listed_nor_counted() {
    let world = World::new(completes());
    submit(&world, 3).await;
    for other in others() {
        let request = ListTasksRequest::default();
        let response = world.operations().list(&other, &request).await.unwrap();
        assert_eq!((response.tasks.len(), response.total_size), (0, 0));
    }
    // Nor does the context of another reveal its tasks, or a token lead to them.
    let alices = list(&world, page(1, "")).await;
    let mallory = caller("", "mallory");
    send_as(&world, &mallory, user("own"), None).await.unwrap();
    for request in [
        page(10, &alices.next_page_token),
        ListTasksRequest {
            context_id: alices.tasks[0].context_id.clone(),
            ..ListTasksRequest::default()
        },
    ] {
        let response = world.operations().list(&mallory, &request).await.unwrap();
        assert!(response.tasks.is_empty(), "{response:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_is_refused_with_the_field_that_is_wrong() {
    let world = World::new(completes());
    for (request, field) in [
        (page(0, ""), "pageSize"),
        (page(101, ""), "pageSize"),
        (page(10, "no token"), "pageToken"),
        (ListTasksRequest { history_length: Some(-1), ..page(10, "") }, "historyLength"),
        (ListTasksRequest { context_id: "x".repeat(257), ..page(10, "") }, "contextId"),
    ] {
        let error = world.operations().list(&World::alice(), &request).await.unwrap_err();
        assert_eq!(told(&error), (ErrorKind::InvalidParams, vec![field]));
    }
}

#[tokio::test(start_paused = true)]
async fn artifacts_come_only_if_asked_for() {
    let world = World::new(produces(10));
    world.attended("hello").await;
    for (include, count) in [(None, 0), (Some(false), 0), (Some(true), 1)] {
        let request = ListTasksRequest { include_artifacts: include, ..page(10, "") };
        assert_eq!(list(&world, request).await.tasks[0].artifacts.len(), count, "{include:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_history_is_as_long_as_was_asked() {
    let (world, key) = World::with_attended("first", asks()).await;
    world.follow_up(&key, "second").await;
    for (length, count) in [(None, 3), (Some(0), 0), (Some(2), 2)] {
        let request = ListTasksRequest { history_length: length, ..page(10, "") };
        assert_eq!(list(&world, request).await.tasks[0].history.len(), count, "{length:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_large_tasks_ends_early_and_the_next_goes_on() {
    let world = World::under(|policy| policy.list_page_bytes = 3_500).with(produces(1_000));
    let mut expected = submit(&world, 5).await;
    for id in expected.iter().rev() {
        world.attend(&World::key(id)).await;
        tokio::time::sleep(millis(1)).await;
    }
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListTasksRequest { include_artifacts: Some(true), ..page(50, &token) };
        let response = list(&world, request).await;
        assert_eq!(response.total_size, 5);
        pages.push(ids(&response));
        token = response.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let found: Vec<String> = pages.into_iter().flatten().collect();
    assert_eq!(found, std::mem::take(&mut expected));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_larger_than_a_page_is_a_page() {
    let world = World::under(|policy| policy.list_page_bytes = 100).with(produces(1_000));
    for id in submit(&world, 2).await {
        world.attend(&World::key(&id)).await;
    }
    let first = list(&world, page(50, "")).await;
    let second = list(&world, page(50, &first.next_page_token)).await;
    assert_eq!((first.tasks.len(), second.tasks.len()), (1, 1));
    assert!(second.next_page_token.is_empty());
    assert_ne!(ids(&first), ids(&second));
}

/// The claim alone moves no task in lists, because most turns move it again at once.
#[tokio::test(start_paused = true)]
async fn a_turn_is_listed_when_it_shows_something_or_after_a_second() {
    for (shows_at, listed_at) in [(millis(300), millis(300)), (secs(5), LISTED_WITHIN)] {
        let world = World::new(script!(|turn, _| {
            turn.sleep(shows_at).await;
            turn.progress("at work").await?;
            turn.sleep(secs(5)).await;
            Ok(End::completed())
        }));
        let key = world.submit("hello").await;
        let of = |status, history_length| ListTasksRequest {
            status,
            history_length,
            ..ListTasksRequest::default()
        };
        let looks = async {
            for (at, state) in [
                (listed_at.saturating_sub(millis(1)), TaskState::Submitted),
                (listed_at + millis(1), TaskState::Working),
            ] {
                tokio::time::sleep(at.saturating_sub(world.passed())).await;
                assert_eq!(world.task(&key).await.status.state, TaskState::Working);
                // The store has the status of some tasks without their heads.
                for history_length in [None, Some(0)] {
                    let all = list(&world, of(TaskState::Unspecified, history_length)).await;
                    assert_eq!(all.tasks[0].status.state, state, "{at:?}");
                    assert_eq!(list(&world, of(state, history_length)).await.tasks, all.tasks);
                }
            }
        };
        tokio::join!(world.attend(&key), looks);
    }
}

/// A store that is throttled for a while makes lists late, and not for the whole turn.
#[tokio::test(start_paused = true)]
async fn a_commit_for_lists_that_fails_is_made_again() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(secs(60)).await;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    let heals_at = world.now().saturating_add(secs(8));
    let clock = world.engine.clock.clone();
    world.faults.plan(move |call| {
        let is_at_work = call.commit.is_some_and(|(base, _)| base.leased_until().is_some());
        (is_at_work && clock.now() < heals_at).then_some(THROTTLED)
    });
    let looks = async {
        for (at, state) in [(7, TaskState::Submitted), (20, TaskState::Working)] {
            tokio::time::sleep(secs(at).saturating_sub(world.passed())).await;
            let listed = list(&world, ListTasksRequest::default()).await;
            assert_eq!(listed.tasks[0].status.state, state, "after {at} s");
        }
    };
    let (attended, ()) = tokio::join!(world.attend(&key), looks);
    assert_eq!(attended, ran(1, TaskState::Completed));
}
