//! An agent whose chunks are of a size, and apart in time, as its message says: to be measured.

use std::time::Duration;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_protocol::Part;
use async_trait::async_trait;

/// Answers `COUNT BYTES MILLISECONDS` with so many chunks of one artifact, each of so many bytes, and so
/// far apart, if that is not 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paced;

#[async_trait]
impl Agent for Paced {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("paced", "Gives as many chunks as it is told, as fast as told", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let text = turn.text();
        let numbers: Result<Vec<u32>, _> = text.split(' ').map(str::parse).collect();
        let Ok(&[count, bytes, apart]) = numbers.as_deref() else {
            return Err(Failure::permanent("send me three numbers: COUNT BYTES MILLISECONDS"));
        };
        let mut chunks = turn.chunked("paced");
        for _ in 0..count {
            chunks.push([Part::text("x".repeat(bytes as usize))]).await?;
            if apart > 0 {
                turn.sleep(Duration::from_millis(apart.into())).await;
            }
        }
        Ok(End::completed())
    }
}
