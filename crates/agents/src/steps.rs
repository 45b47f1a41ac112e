//! An agent that makes as many steps as its message says: to be measured.

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use async_trait::async_trait;

/// Answers `COUNT BYTES` with so many durable steps, each with a result of so many bytes. With `once`
/// behind it they are begun at most once. With `again` behind it
/// they are replayed in a second turn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steps;

#[async_trait]
impl Agent for Steps {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("steps", "Makes as many durable steps as it is told", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let text = turn.text();
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
        let (Some(count), Some(bytes)) = (number(), number()) else {
            return Err(Failure::permanent("send me two numbers: COUNT BYTES"));
        };
        let how: Vec<&str> = words.collect();
        for _ in 0..count {
            let step = turn.step("step");
            let step = if how.contains(&"once") { step.once() } else { step };
            step.run(|_| async { Ok("x".repeat(bytes as usize)) }).await?;
        }
        if how.contains(&"again") && turn.number() == 1 {
            return Ok(End::again());
        }
        Ok(End::completed())
    }
}
