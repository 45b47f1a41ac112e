//! An agent that counts words or letters in its messages.

use std::sync::Arc;

use a2a_lambda::prelude::*;

/// The unit of the count.
#[derive(Clone, Copy)]
enum Unit {
    Words,
    Letters,
}

impl Unit {
    fn count(self, line: &str) -> String {
        match self {
            Self::Words => format!("{} words\n", line.split_whitespace().count()),
            Self::Letters => {
                format!("{} letters\n", line.chars().filter(|c| c.is_alphabetic()).count())
            }
        }
    }
}

/// The agent.
struct Counter {
    unit: Unit,
}

#[async_trait]
impl Agent for Counter {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("counter", "Counts words or letters, line by line", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let text = turn.text();
        if text.trim().is_empty() {
            // The task waits, at no cost, and this runs again with the next message.
            return Ok(End::input_required("Which text shall I count?"));
        }
        let mut answer = turn.chunked("count");
        for line in text.lines() {
            answer.push([Part::text(self.unit.count(line))]).await?;
        }
        answer.finish([Part::text("That is all.")]).await?;
        Ok(End::completed())
    }
}

/// The deployment's agents: one for every tenant. The variable `UNIT` selects the unit.
///
/// # Errors
/// When `UNIT` is neither `words` nor `letters`. The process ends then, and its log says this.
pub async fn agents(variables: &Variables<'_>) -> Result<Agents, String> {
    let unit = variables.own("UNIT").map_err(|error| error.to_string())?;
    let unit = match unit.as_deref() {
        None | Some("words") => Unit::Words,
        Some("letters") => Unit::Letters,
        Some(other) => return Err(format!("UNIT must be words or letters, not {other:?}")),
    };
    Ok(Agents::new(Arc::new(Counter { unit })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_letters_are_counted() {
        assert_eq!(Unit::Words.count("never lose  a task"), "4 words\n");
        assert_eq!(Unit::Letters.count("a b, c!"), "3 letters\n");
        assert_eq!(Unit::Words.count(""), "0 words\n");
    }
}
