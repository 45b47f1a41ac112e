//! The bounds of steps, and what users read beyond them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use a2a_lambda_core::steps::{Put, StepRecord, StepRecords as _, StepState};
use a2a_lambda_core::{End, Policy, Turn};
use a2a_lambda_protocol::{Json, TaskState};

use crate::support::{Scripted, World, script, scripted, secs, status_text};

/// The failure of a task with this agent.
async fn failure(agent: Scripted, adjust: impl FnOnce(&mut Policy)) -> String {
    let world = World::under(adjust).with(agent);
    let key = world.submit("hello").await;
    let task = world.settle(&key).await;
    assert_eq!(task.status.state, TaskState::Failed);
    assert!(world.passed() < secs(30), "it is not tried again");
    status_text(&task)
}

async fn step(turn: &Turn, name: &str, result: &str) -> Result<(), a2a_lambda_core::StepError> {
    turn.step(name).run(|_| async move { Ok(result.to_owned()) }).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_step_beyond_a_bound_fails_the_task_and_says_so() {
    let large = script!(|turn, _| {
        step(turn, "report", &"x".repeat(350 * 1_024)).await?;
        Ok(End::completed())
    });
    assert_eq!(
        failure(large, |_| {}).await,
        "the result of the step \"report\" is too large (358402 bytes, 358400 at most): store it \
         elsewhere, and return where it is"
    );
    let many = || {
        script!(|turn, _| {
            loop {
                step(turn, "page", "0123456789").await?;
            }
        })
    };
    assert_eq!(
        failure(many(), |policy| policy.max_steps = 3).await,
        "the step \"page\" is one more than the 3 that the agent may take before it ends"
    );
    let full = failure(many(), |policy| policy.max_scope_bytes = 30).await;
    assert!(
        full.starts_with(
            "the result of the step \"page\" is too large (12 bytes, 6 left in the scope)"
        ),
        "{full}"
    );
    for bad in ["", "@now", &"n".repeat(65)] {
        let name = bad.to_owned();
        let named = scripted(move |turn, _| {
            let name = name.clone();
            Box::pin(async move {
                step(turn, &name, "").await?;
                Ok(End::completed())
            })
        });
        let why = failure(named, |_| {}).await;
        assert!(why.starts_with("a step cannot be called"), "{why}");
    }
    let early = script!(|turn, _| {
        step(turn, "report", "").await?;
        Ok(End::completed())
    });
    let why = failure(early, |policy| policy.scopes = false).await;
    assert!(why.contains("STORED_FORMAT"), "{why}");
}

/// An agent that catches the error, and is run again.
#[tokio::test(start_paused = true)]
async fn work_with_a_result_that_cannot_be_recorded_is_not_done_again() {
    let done = Arc::new(AtomicU32::new(0));
    let works = done.clone();
    let world = World::new(scripted(move |turn, _| {
        let works = works.clone();
        Box::pin(async move {
            let large = |_| {
                works.fetch_add(1, Ordering::Relaxed);
                std::future::ready(Ok("x".repeat(350 * 1_024)))
            };
            let large = turn.step("large").run(large).await;
            let malformed = |_| {
                works.fetch_add(1, Ordering::Relaxed);
                std::future::ready(Ok(HashMap::from([((1, 2), 3)])))
            };
            let malformed = turn.step("malformed").run(malformed).await;
            let arguments = HashMap::from([((1, 2), 3)]);
            // There is a record without arguments, which is another step's.
            turn.step("with").run(|_| std::future::ready(Ok(1))).await?;
            let refused = turn.step("with").with(&arguments).known::<u32>().await.unwrap_err();
            assert!(refused.to_string().contains("\"with\" have the wrong form"), "{refused}");
            let why = format!("{}; {}", large.unwrap_err(), malformed.unwrap_err());
            if turn.number() == 1 {
                return Ok(End::again());
            }
            Ok(End::Completed(why.into()))
        })
    }));
    let key = world.submit("hello").await;
    let why = status_text(&world.settle(&key).await);
    assert!(
        why.contains("too large") && why.contains("\"malformed\" have the wrong form"),
        "{why}"
    );
    assert_eq!(done.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_scope_does_not_outlive_its_records() {
    let parks = script!(|turn, _| {
        step(turn, "one", "").await?;
        Ok(End::park_until(turn.now().saturating_add(secs(31 * 86_400))))
    });
    let why = failure(parks, |_| {}).await;
    assert_eq!(
        why,
        "the agent's steps are kept for 30 days: a checkpoint must end the scope before"
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_form_fails_the_task() {
    let world = World::new(script!(|turn, _| {
        let done: u32 = turn.step("count").run(|_| async { Ok(7) }).await?;
        if turn.number() == 1 {
            return Ok(End::again());
        }
        Ok(End::Completed(done.to_string().into()))
    }));
    let key = world.attended("hello").await;
    let (scope, record) = world.memory.stored_steps(&key).pop().unwrap();
    let other = StepRecord {
        state: StepState::Done(Json::parse("\"seven\"").unwrap()),
        write: a2a_lambda_core::ids::WriteId::new("other"),
        ..record.clone()
    };
    let put = world.memory.put_step(&scope, Some(&record.write), &other).await;
    assert_eq!(put.unwrap(), Put::Stored);
    let task = world.settle(&key).await;
    assert_eq!(
        status_text(&task),
        "the arguments or the result of the step \"count\" have the wrong form"
    );
}
