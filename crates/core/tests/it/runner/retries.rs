//! Agents with retries of their own.

use a2a_lambda_core::policy::Retries;
use a2a_lambda_core::{Agent, AgentProfile, Agents, Company, End, Failure, Runner, Turn};
use a2a_lambda_protocol::TaskState;
use async_trait::async_trait;

use crate::support::{World, ran, script, secs, status_text};

/// Fails, and wants to be tried twice, a minute apart.
struct Stubborn;

#[async_trait]
impl Agent for Stubborn {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("stubborn", "Fails", "1")
    }

    async fn run(&self, _: &Turn) -> Result<End, Failure> {
        Err(Failure::retryable("not now"))
    }

    fn retries(&self) -> Option<Retries> {
        Some(Retries { max_attempts: 2, first: secs(60), most: secs(60) })
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_say_how_often_and_when_it_is_tried() {
    let (world, key) = World::with_task("hello", script!(|_, _| { Ok(End::completed()) })).await;
    let runner = Runner::new(world.engine.clone(), Agents::new(std::sync::Arc::new(Stubborn)));
    let deadline = world.now().saturating_add(secs(900));
    let attend = || runner.attend(&key, deadline, Company::Alone);
    assert_eq!(attend().await.unwrap(), ran(1, TaskState::Working));
    assert_eq!(world.head(&key).await.phase.name(), "waiting");
    tokio::time::sleep(secs(59)).await;
    attend().await.unwrap();
    assert_eq!(world.head(&key).await.attempt, 1, "too early");
    tokio::time::sleep(secs(1)).await;
    assert_eq!(attend().await.unwrap(), ran(1, TaskState::Failed));
}

#[tokio::test(start_paused = true)]
async fn no_other_agent_takes_up_a_task_of_a_tenant_that_was_removed() {
    let world = World::under(|policy| policy.max_attempts = 2).with(script!(|_, diary| {
        diary.note("ran");
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    let removed = Runner::new(world.engine.clone(), Agents::closed());
    let deadline = world.now().saturating_add(secs(900));
    let attend = || removed.attend(&key, deadline, Company::Alone);
    // The tenant may come back, as during a deployment: the runner tries again.
    assert_eq!(attend().await.unwrap(), ran(1, TaskState::Working));
    tokio::time::sleep(secs(60)).await;
    assert_eq!(attend().await.unwrap(), ran(1, TaskState::Failed));
    let why = status_text(&world.task(&key).await);
    assert_eq!(why, "no agent is configured for the task's tenant");
    assert!(world.diary.read().is_empty(), "no agent ran");
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_removed_tenant_waits_where_the_policy_says_so() {
    let world = World::under(|policy| {
        policy.max_attempts = 1;
        policy.unserved_wait = secs(25 * 60);
    })
    .with(script!(|turn, diary| {
        diary.note(turn.text());
        Ok(End::completed())
    }));
    let removed = Runner::new(world.engine.clone(), Agents::closed());
    let attend = async |runner: &Runner, key| {
        let deadline = world.now().saturating_add(secs(900));
        runner.attend(key, deadline, Company::Alone).await.unwrap()
    };
    let (returns, never) = (world.submit("hello").await, world.submit("hello").await);
    // Longer than all attempts would take, and without one.
    for _ in 0..2 {
        for key in [&returns, &never] {
            assert_eq!(attend(&removed, key).await, ran(1, TaskState::Working));
            assert_eq!(world.head(key).await.attempt, 0);
        }
        tokio::time::sleep(secs(600)).await;
    }
    // The tenant is back: its agent has the message.
    assert_eq!(attend(&world.runner(), &returns).await, ran(1, TaskState::Completed));
    assert_eq!(world.diary.read(), ["hello"]);
    assert_eq!(attend(&removed, &never).await, ran(1, TaskState::Working));
    tokio::time::sleep(secs(300)).await;
    assert_eq!(attend(&removed, &never).await, ran(1, TaskState::Failed));
    assert_eq!(
        status_text(&world.task(&never).await),
        "no agent is configured for the task's tenant"
    );
}

#[tokio::test(start_paused = true)]
async fn each_claim_has_a_larger_fence() {
    let world = World::new(script!(|turn, diary| {
        diary.note(turn.fence().to_string());
        match turn.attempt() {
            3 => Ok(End::completed()),
            _ => Err(Failure::retryable("not now")),
        }
    }));
    let key = world.submit("hello").await;
    world.settle(&key).await;
    assert_eq!(world.diary.read(), ["1", "2", "3"]);
}
