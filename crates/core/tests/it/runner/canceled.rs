//! Agents that pass a cancel on.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_testing::Bed;
use async_trait::async_trait;

/// Works, waits or asks, as its message says, and passes cancels on at its third try.
#[derive(Default)]
struct Proxy {
    tries: AtomicU32,
    passed_on: Mutex<Vec<String>>,
}

/// The proxy that a test looks into.
struct Shared(Arc<Proxy>);

#[async_trait]
impl Agent for Shared {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("proxy", "Passes cancels on", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let there: String = turn.step("send").run(async |_| Ok("there".to_owned())).await?;
        match turn.text().as_str() {
            "works" => {
                turn.stopped().await;
                Ok(End::completed())
            }
            "waits" => Ok(End::park_until(turn.now().saturating_add(Duration::from_hours(1)))),
            _ => Ok(End::input_required("?").with_checkpoint(&there)?),
        }
    }

    fn hears_of_cancels(&self) -> bool {
        true
    }

    async fn canceled(&self, turn: &Turn) -> Result<(), Failure> {
        if self.0.tries.fetch_add(1, Ordering::Relaxed) < 2 {
            return Err(Failure::retryable("not now"));
        }
        let left: Option<String> = turn.checkpoint()?;
        let step: Option<String> = turn.step("send").known().await?;
        let found = format!("{left:?} {step:?} {}", turn.progress("late").await.is_err());
        self.0.passed_on.lock().unwrap().push(found);
        Ok(())
    }
}

#[tokio::test]
async fn a_cancel_is_passed_on_until_that_succeeds_and_finds_what_the_scope_has_left() {
    for (text, found) in [
        ("works", r#"None Some("there") true"#),
        ("waits", r#"None Some("there") true"#),
        ("asks", r#"Some("there") None true"#),
    ] {
        let proxy = Arc::<Proxy>::default();
        let bed = Bed::new(Shared(proxy.clone()));
        let task = bed.submit(text).await;
        bed.advance(Duration::from_secs(5)).await;
        bed.cancel(&task).await.canceled();
        assert!(proxy.passed_on.lock().unwrap().is_empty(), "{text}");
        bed.advance(Duration::from_mins(5)).await;
        assert_eq!(*proxy.passed_on.lock().unwrap(), [found], "{text}");
        bed.read(&task).await.canceled();
    }
}

#[tokio::test]
async fn a_cancel_of_a_task_that_no_agent_was_given_is_for_nobody() {
    let proxy = Arc::<Proxy>::default();
    let bed = Bed::new(Shared(proxy.clone()));
    let task = bed.submit("waits").await;
    bed.cancel(&task).await.canceled();
    bed.advance(Duration::from_mins(5)).await;
    assert_eq!(proxy.tries.load(Ordering::Relaxed), 0);
}
