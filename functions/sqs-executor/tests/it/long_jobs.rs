//! Work that outlives its invocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_protocol::{Json, Part, TaskState};
use async_trait::async_trait;

use crate::support::{Function, batch};

/// The function's time limit, and how much there is to do.
const INVOCATION: Duration = Duration::from_secs(10);
const JOB_S: u64 = 60;

/// Works for a minute, second by second, and goes on where it was.
#[derive(Default)]
struct Minute {
    seconds: AtomicU64,
    /// Whether it heeds being told to stop.
    is_deaf: bool,
}

#[async_trait]
impl Agent for Minute {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("minute", "works for a minute", "1")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let mut done: u64 = turn.checkpoint()?.unwrap_or(0);
        let mut seconds = turn.chunked("seconds");
        while done < JOB_S {
            tokio::select! {
                biased;
                _ = turn.stopped(), if !self.is_deaf => {
                    return Ok(End::Continue { checkpoint: Json::from_value(&done)? });
                }
                () = turn.sleep(Duration::from_secs(1)) => {}
            }
            done += 1;
            self.seconds.fetch_add(1, Ordering::SeqCst);
            seconds.push([Part::text(format!("{done} "))]).await?;
        }
        Ok(End::completed())
    }
}

/// Delivers signals, each to an invocation of its own, until the task is over; how many there were.
async fn run_to_the_end(function: &Function, body: String, key: &a2a_lambda_core::TaskKey) -> u32 {
    let mut bodies = vec![(body, Duration::ZERO)];
    for invocation in 0..40 {
        if function.state(key).await.is_terminal() {
            return invocation;
        }
        // A task that is not over has sent one.
        let (body, delay) = bodies.pop().unwrap();
        tokio::time::sleep(delay).await;
        let begin = tokio::time::Instant::now();
        assert_eq!(function.handle(batch([("r1", body.as_str())]), INVOCATION).await, [""; 0]);
        assert!(begin.elapsed() < INVOCATION, "it must end by itself");
        let sent = function.take_signals().into_iter();
        bodies.extend(sent.map(|(signal, at)| (serde_json::to_string(&signal).unwrap(), at)));
    }
    panic!("not over after 40 invocations");
}

#[tokio::test(start_paused = true)]
async fn a_minute_s_work_is_done_in_invocations_of_ten_seconds() {
    let agent = Arc::new(Minute::default());
    let function = Function::of(agent.clone());
    let (key, body) = function.task("go").await;
    // Five seconds of each are for the agent, five for its end.
    assert_eq!(run_to_the_end(&function, body, &key).await, 12);
    assert_eq!(function.state(&key).await, TaskState::Completed);
    assert_eq!(agent.seconds.load(Ordering::SeqCst), JOB_S, "nothing was done twice");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_heed_its_deadline_is_stopped_and_tried_again() {
    let agent = Arc::new(Minute { is_deaf: true, ..Minute::default() });
    let function = Function::of(agent.clone());
    let (key, body) = function.task("go").await;
    assert_eq!(run_to_the_end(&function, body, &key).await, 5, "as often as it may be tried");
    assert_eq!(function.state(&key).await, TaskState::Failed);
}
