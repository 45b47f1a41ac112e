//! The command of an agent's process.

use a2a_lambda_runtime::table::AGENT_COMMAND;
use a2a_lambda_runtime::{ConfigError, Variables, own_environment, process_environment};

/// Variables of ours, or of Lambda, that agents need to reach AWS.
const OF_AWS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// The characters that only a shell understands. No shell reads these words.
const FOR_A_SHELL: [char; 10] = ['\'', '"', '\\', '$', '`', '|', '&', ';', '<', '>'];

/// A program, its arguments and its environment. `Debug` does not show the environment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// The program, and its arguments.
    pub(super) words: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

/// A text that is no command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoCommand {
    #[error("there is no program in it")]
    Empty,
    #[error(
        "{0:?} is for a shell, and no shell reads it: write a JSON array, such as \
         [\"python3\", \"my agent.py\"]"
    )]
    ForAShell(char),
    #[error("it is no JSON array of texts")]
    Json(#[source] serde_json::Error),
}

impl Command {
    /// The command of `AGENT_COMMAND`, if it is set. Its environment is that of this process, without
    /// the variables of a2a-lambda, of which some are secrets, and with those in `AGENT_VARIABLES`.
    pub(crate) fn from_variables(variables: &Variables<'_>) -> Result<Option<Self>, ConfigError> {
        let Some(words) = variables.read(&AGENT_COMMAND, words)? else { return Ok(None) };
        // The later ones count.
        let mut environment: Vec<_> = variables.agent_variables()?.into_iter().collect();
        environment.extend(own_environment());
        environment.extend(
            OF_AWS.iter().filter_map(|name| Some(((*name).to_owned(), process_environment(name)?))),
        );
        Ok(Some(Self { words, environment }))
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Command").field(&self.words).finish()
    }
}

/// A JSON array of texts if the text begins with a bracket, and else words with whitespace between
/// them.
fn words(text: &str) -> Result<Vec<String>, NoCommand> {
    let text = text.trim();
    let words: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(NoCommand::Json)?
    } else if let Some(found) = text.chars().find(|it| FOR_A_SHELL.contains(it)) {
        return Err(NoCommand::ForAShell(found));
    } else {
        text.split_whitespace().map(str::to_owned).collect()
    };
    if words.first().is_none_or(String::is_empty) {
        return Err(NoCommand::Empty);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_or_json() {
        for (text, expected) in [
            ("python3 agent.py", Ok(vec!["python3", "agent.py"])),
            ("  node   a.mjs --x=1 ", Ok(vec!["node", "a.mjs", "--x=1"])),
            (r#"["python3", "my agent.py", ""]"#, Ok(vec!["python3", "my agent.py", ""])),
            (r#"["sh", "-c", "exec \"$0\""]"#, Ok(vec!["sh", "-c", r#"exec "$0""#])),
            ("", Err("no program")),
            ("[]", Err("no program")),
            (r#"[""]"#, Err("no program")),
            (r#"["a", 1]"#, Err("no JSON array")),
            ("[", Err("no JSON array")),
            ("python3 'my agent.py'", Err("'\\'' is for a shell")),
            ("a && b", Err("'&' is for a shell")),
            ("echo $PORT", Err("'$' is for a shell")),
        ] {
            match (words(text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{text}: {error}");
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
