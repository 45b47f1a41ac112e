//! The echo agent: a useful first try.

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_protocol::Part;
use async_trait::async_trait;

/// Answers with the text that it was sent, word by word, in the chunks of one artifact.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

#[async_trait]
impl Agent for Echo {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("echo", "Says what it was told, word by word", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let text = turn.text();
        // Each chunk is a word with the space behind it, so that the chunks add up to the text.
        let mut words: Vec<&str> = text.split_inclusive(' ').collect();
        let Some(last) = words.pop() else {
            return Ok(End::input_required("Send me some text, and I will say it back."));
        };
        let mut answer = turn.chunked("echo");
        for word in words {
            answer.push([Part::text(word)]).await?;
        }
        answer.finish([Part::text(last)]).await?;
        Ok(End::completed())
    }
}
