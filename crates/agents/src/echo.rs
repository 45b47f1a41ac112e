//! The echo agent: a useful first try.

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};
use a2a_lambda_protocol::Part;
use async_trait::async_trait;

/// The most chunks of an answer: a task's log is bounded, and each chunk is an entry.
const MAX_CHUNKS: usize = 5_000;

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
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        let at_once = words.len().div_ceil(MAX_CHUNKS).max(1);
        let mut chunks: Vec<String> = words.chunks(at_once).map(<[&str]>::concat).collect();
        let Some(last) = chunks.pop() else {
            return Ok(End::input_required("Send me some text, and I will say it back."));
        };
        let mut answer = turn.chunked("echo");
        for chunk in chunks {
            answer.push([Part::text(chunk)]).await?;
        }
        answer.finish([Part::text(last)]).await?;
        Ok(End::completed())
    }
}
