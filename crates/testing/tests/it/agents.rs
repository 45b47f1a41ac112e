//! Agents for the bed.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use a2a_lambda_core::head::{Impatience, Patience};
use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Reply, StopReason, Turn};
use a2a_lambda_protocol::{Artifact, Json, Part};
use a2a_lambda_testing::{Scripted, script};
use async_trait::async_trait;

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Obeys its message's first word.
pub(crate) struct Told;

#[async_trait]
impl Agent for Told {
    fn profile(&self) -> AgentProfile {
        let mut profile = AgentProfile::text("told", "obeys", "1");
        profile.answers_directly = true;
        profile
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let text = turn.text();
        let later = turn.now().saturating_add(Duration::from_mins(10));
        match (text.as_str(), turn.number()) {
            ("ask", _) => {
                let patience = Some(Patience { until: later, then: Impatience::Fail });
                let checkpoint = Json::from_value(&7).ok();
                return Ok(End::InputRequired { question: "which?".into(), checkpoint, patience });
            }
            ("log in", _) => {
                let question = Reply::from("with what?");
                return Ok(End::AuthRequired { question, checkpoint: None, patience: None });
            }
            ("reject", _) => return Ok(End::Rejected("no".into())),
            ("fail", _) => return Err(Failure::permanent("it cannot be done")),
            ("fail twice", _) if turn.attempt() < 3 => return Err(Failure::retryable("not yet")),
            ("say", _) => return Ok(End::Message("said".into())),
            ("park", 1) => return Ok(End::ParkUntil { wake_at: later, checkpoint: None }),
            ("work for an hour", _) => turn.sleep(Duration::from_hours(1)).await,
            ("panic", _) => panic!("as it was told"),
            _ => {}
        }
        turn.progress("working").await?;
        let mut answer = turn.chunked("answer");
        answer.push([Part::text(format!("{text} "))]).await?;
        turn.flush().await?;
        answer.finish([Part::text("done")]).await?;
        let data = Json::from_value(&["a", "b"])?;
        let artifact_id = turn.artifact_id();
        let artifact =
            Artifact { name: "data".into(), ..Artifact::new(artifact_id, [Part::data(data)]) };
        turn.artifact(artifact).await?;
        Ok(End::Completed("there".into()))
    }
}

/// Counts to 100, a number every minute, and continues when it must stop.
pub(crate) fn long_job() -> Scripted {
    script!(|turn, _| {
        let mut count = turn.checkpoint::<u32>()?.unwrap_or_default();
        while count < 100 {
            tokio::select! {
                biased;
                reason = turn.stopped() => {
                    assert_eq!(reason, StopReason::OutOfTime);
                    return Ok(End::Continue { checkpoint: Some(Json::from_value(&count)?) });
                }
                () = turn.sleep(Duration::from_mins(1)) => count += 1,
            }
        }
        Ok(End::Completed(format!("counted to {count}").into()))
    })
}

/// The message of an assertion that fails.
#[track_caller]
pub(crate) fn complaint(assert: impl FnOnce()) -> String {
    match std::panic::catch_unwind(AssertUnwindSafe(assert)) {
        Ok(()) => panic!("it holds"),
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}
