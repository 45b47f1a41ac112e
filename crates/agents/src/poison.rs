//! The poison agent: for tests of a deployment's robustness.

use std::time::Duration;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_protocol::Part;
use async_trait::async_trait;

/// How many chunks of work there are, and how far apart.
const CHUNKS: u32 = 10;
const CHUNK: Duration = Duration::from_millis(100);

/// With the text `abort` it ends its process. With `loop` it never yields, and only the end of the
/// invocation helps. Given anything else it works for a second and completes.
///
/// Never deploy it for users: each of them could stop the others' tasks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Poison;

#[async_trait]
impl Agent for Poison {
    fn profile(&self) -> AgentProfile {
        let description = "Harms the process that runs it if told to: not for users";
        AgentProfile::text("poison", description, "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        match first_text(turn) {
            Some("abort") => std::process::abort(),
            // It never yields: neither heartbeats nor deadlines get a word in.
            Some("loop") => loop {
                std::hint::spin_loop();
            },
            _ => {}
        }
        let mut work = turn.chunked("work");
        for chunk in 1..CHUNKS {
            work.push([Part::text(format!("{chunk} "))]).await?;
            turn.sleep(CHUNK).await;
        }
        turn.sleep(CHUNK).await;
        work.finish([Part::text(CHUNKS.to_string())]).await?;
        Ok(End::completed())
    }
}

fn first_text(turn: &Turn) -> Option<&str> {
    let mut parts = turn.messages().iter().flat_map(|message| &message.parts);
    parts.find_map(Part::as_text)
}
