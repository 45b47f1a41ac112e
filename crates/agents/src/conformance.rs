//! The conformance agent: the behaviours that the public conformance suites ask for.

use std::time::Duration;

use a2a_lambda_core::{Agent, AgentProfile, End, ExtendedProfile, Failure, Turn};
use a2a_lambda_protocol::{AgentSkill, Artifact, Json, Message, Part};
use async_trait::async_trait;

/// Behaves as the suites expect: by the prefix of the message's id, or of its first text part.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conformance;

/// The behaviours that the suites ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Complete,
    InputRequired,
    ArtifactText(&'static str),
    ArtifactFile,
    ArtifactFileUrl,
    ArtifactData,
    DirectMessage,
    Reject,
    Chunked,
    Ticks,
    /// Works for this long, and completes.
    Slow(Duration),
    /// Works for three seconds, gives an artifact, and completes.
    LongRunning,
    /// Asks two questions, and completes at the third message.
    MultiTurn,
    /// Asks for credentials, and completes at the next message.
    AuthRequired,
    Fail,
    CompleteSilently,
}

/// How many chunks there are in a stream of ticks, and how far apart.
const TICKS: u32 = 10;
const TICK: Duration = Duration::from_millis(250);
/// How long a long-running task takes.
const LONG: Duration = Duration::from_secs(3);
/// How long a task that waits for its cancel works at most.
const UNTIL_CANCELED: Duration = Duration::from_mins(1);

const MULTI_TURN: &str = "tck-multi-turn";
const AUTH_REQUIRED: &str = "tck-auth-required";

/// The prefixes. The longest that matches counts.
const PREFIXES: &[(&str, Behaviour)] = &[
    ("tck-complete-task", Behaviour::Complete),
    ("tck-input-required", Behaviour::InputRequired),
    ("tck-artifact-text", Behaviour::ArtifactText("Generated text content")),
    ("tck-artifact-file", Behaviour::ArtifactFile),
    ("tck-artifact-file-url", Behaviour::ArtifactFileUrl),
    ("tck-artifact-data", Behaviour::ArtifactData),
    ("tck-message-response", Behaviour::DirectMessage),
    ("tck-stream-001", Behaviour::ArtifactText("Stream hello from TCK")),
    ("tck-stream-002", Behaviour::CompleteSilently),
    ("tck-stream-003", Behaviour::ArtifactText("Stream task lifecycle")),
    ("tck-stream-ordering-001", Behaviour::ArtifactText("Ordered output")),
    ("tck-reject-task", Behaviour::Reject),
    ("tck-stream-artifact-chunked", Behaviour::Chunked),
    ("test-resubscribe-message-id", Behaviour::Slow(Duration::from_secs(4))),
    ("tck-long-running", Behaviour::LongRunning),
    (MULTI_TURN, Behaviour::MultiTurn),
    ("tck-cancel", Behaviour::Slow(UNTIL_CANCELED)),
    ("tck-stream-basic", Behaviour::ArtifactText("Stream hello from TCK")),
    ("tck-stream-chunked", Behaviour::Chunked),
    ("tck-task-failure", Behaviour::Fail),
    (AUTH_REQUIRED, Behaviour::AuthRequired),
    // Our own: a stream whose chunks are apart in time.
    ("test-stream-ticks", Behaviour::Ticks),
];

impl Behaviour {
    fn of(message: &Message) -> Self {
        let first_text = message.parts.iter().find_map(Part::as_text);
        let names = [Some(message.message_id.as_str()), first_text];
        Self::longest(names.into_iter().flatten())
    }

    fn named(prefix: &str) -> Self {
        Self::longest(std::iter::once(prefix))
    }

    fn longest<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let matching = names
            .flat_map(|name| PREFIXES.iter().filter(move |(prefix, _)| name.starts_with(prefix)));
        let longest = matching.max_by_key(|(prefix, _)| prefix.len());
        longest.map_or(Self::CompleteSilently, |(_, behaviour)| *behaviour)
    }
}

#[async_trait]
impl Agent for Conformance {
    fn profile(&self) -> AgentProfile {
        let any = || vec!["*/*".to_owned(), "text/plain".to_owned()];
        let mut profile = AgentProfile::text(
            "conformance",
            "Has the fixed behaviours that the public A2A conformance suites ask for",
            "1.0.0",
        );
        profile.input_modes = any();
        profile.output_modes = any();
        profile.answers_directly = true;
        let mut extended = ExtendedProfile::default();
        extended.skills.push(AgentSkill {
            id: "known-callers".to_owned(),
            name: "known callers".to_owned(),
            description: "Is only shown to authenticated callers".to_owned(),
            tags: vec!["conformance".to_owned()],
            ..AgentSkill::default()
        });
        profile.extended = Some(extended);
        profile
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let Some(message) = turn.messages().last() else {
            return Ok(End::completed());
        };
        // An answer continues the question's behaviour, for any id and text of its own.
        let (behaviour, asked) = match turn.checkpoint::<(String, u32)>()? {
            Some((prefix, asked)) => (Behaviour::named(&prefix), asked),
            None => (Behaviour::of(message), 0),
        };
        match behaviour {
            Behaviour::Complete => Ok(End::Completed("Hello from TCK".into())),
            Behaviour::InputRequired => Ok(End::input_required("Please go on.")),
            Behaviour::ArtifactText(text) => show(turn, Part::text(text)).await,
            Behaviour::ArtifactFile => show(turn, as_file(Part::raw(b"tck".to_vec()))).await,
            Behaviour::ArtifactFileUrl => {
                show(turn, as_file(Part::url("https://example.com/output.txt"))).await
            }
            Behaviour::ArtifactData => {
                let data = Json::parse(r#"{"key":"value","count":42}"#)?;
                show(turn, Part::data(data)).await
            }
            Behaviour::DirectMessage => Ok(End::Message("Direct message response".into())),
            Behaviour::Reject => Ok(End::Rejected("This task is rejected.".into())),
            Behaviour::Chunked => {
                let mut chunks = turn.chunked("chunked");
                chunks.push([Part::text("one ")]).await?;
                chunks.push([Part::text("two ")]).await?;
                chunks.finish([Part::text("three")]).await?;
                Ok(End::completed())
            }
            Behaviour::Ticks => {
                let mut chunks = turn.chunked("ticks");
                for tick in 1..TICKS {
                    chunks.push([Part::text(format!("tick {tick} "))]).await?;
                    turn.sleep(TICK).await;
                }
                chunks.finish([Part::text(format!("tick {TICKS}"))]).await?;
                Ok(End::completed())
            }
            Behaviour::Slow(time) => {
                turn.sleep(time).await;
                Ok(End::completed())
            }
            Behaviour::LongRunning => {
                turn.sleep(LONG).await;
                show(turn, Part::text("Long-running task output")).await
            }
            Behaviour::MultiTurn => Ok(match asked {
                0 | 1 => End::InputRequired {
                    question: format!("What is answer {}?", asked + 1).into(),
                    checkpoint: Some(Json::from_value(&(MULTI_TURN, asked + 1))?),
                    patience: None,
                },
                _ => End::Completed("All questions are answered".into()),
            }),
            Behaviour::AuthRequired => Ok(match asked {
                0 => End::AuthRequired {
                    question: "Please sign in, and send another message.".into(),
                    checkpoint: Some(Json::from_value(&(AUTH_REQUIRED, 1))?),
                    patience: None,
                },
                _ => End::Completed("Signed in".into()),
            }),
            Behaviour::Fail => Err(Failure::permanent("Task failed as the suite asks")),
            Behaviour::CompleteSilently => Ok(End::completed()),
        }
    }
}

async fn show(turn: &Turn, part: Part) -> Result<End, Failure> {
    let artifact =
        Artifact { name: "output".to_owned(), ..Artifact::new(turn.artifact_id(), [part]) };
    turn.artifact(artifact).await?;
    Ok(End::completed())
}

fn as_file(part: Part) -> Part {
    part.with_media_type("text/plain").with_filename("output.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaviour(id: &str, text: &str) -> Behaviour {
        Behaviour::of(&Message {
            message_id: id.to_owned(),
            parts: vec![Part::text(text)],
            ..Message::default()
        })
    }

    #[test]
    fn the_longest_prefix_of_id_or_text_counts() {
        for (id, text, expected) in [
            ("tck-complete-task-123", "hi", Behaviour::Complete),
            ("m1", "tck-complete-task", Behaviour::Complete),
            ("tck-artifact-file-1", "hi", Behaviour::ArtifactFile),
            ("tck-artifact-file-url-1", "hi", Behaviour::ArtifactFileUrl),
            ("tck-artifact-file-1", "tck-artifact-file-url", Behaviour::ArtifactFileUrl),
            ("tck-stream-002", "hi", Behaviour::CompleteSilently),
            ("m1", "hi", Behaviour::CompleteSilently),
            ("m1", "", Behaviour::CompleteSilently),
        ] {
            assert_eq!(behaviour(id, text), expected, "{id} {text}");
        }
    }
}
