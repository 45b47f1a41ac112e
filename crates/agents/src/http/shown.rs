//! The part of an agent's answer that a turn shows.

use a2a_lambda_core::Turn;
use a2a_lambda_core::turn::Chunks;
use a2a_lambda_protocol::{Artifact, Part};

use super::Fault;
use super::outcome::Outcome;
use super::said::{Ours, Output, Said, State, Voice};

/// The artifact that has the agent's answer.
const ANSWER: &str = "response";
/// The artifact with a result that differs from the streamed text.
const RESULT: &str = "result";
/// The largest text of one update, in bytes: an update with it fits an entry of the log.
const MAX_PIECE_BYTES: usize = 64 * 1024;
/// How many pieces of text are shown one by one. A task has at most 10,000 updates: after these, short
/// pieces share one.
const SINGLE_PIECES: usize = 2_000;
/// How long a text must be then to be shown, in bytes.
const JOINED_BYTES: usize = 1_024;
/// The largest checkpoint, in bytes, as everywhere.
const MAX_CHECKPOINT_BYTES: usize = 32 * 1024;

/// The output of one call, as far as it was shown.
pub(super) struct Shown<'t> {
    turn: &'t Turn,
    answer: Option<Chunks<'t>>,
    /// The text of the answer so far.
    text: String,
    /// How much of the text was shown, in bytes, and in how many pieces.
    told: usize,
    pieces: usize,
    /// In which form its text comes.
    voice: Option<Voice>,
    /// Whether the present piece is the last one. It is held back, to be shown as the last chunk.
    is_whole: bool,
    held: Option<Part>,
    /// The end of the turn, once the agent has sent it.
    ended: Option<Outcome>,
}

impl<'t> Shown<'t> {
    pub(super) fn new(turn: &'t Turn) -> Self {
        Self {
            turn,
            answer: None,
            text: String::new(),
            told: 0,
            pieces: 0,
            voice: None,
            is_whole: false,
            held: None,
            ended: None,
        }
    }

    /// The answer is one value.
    pub(super) fn hold_back(&mut self) {
        self.is_whole = true;
    }

    /// Whether the agent has said how the turn ends.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Shows the content of one value of the answer; it begins at this byte.
    pub(super) async fn show(&mut self, said: Said, at: usize) -> Result<(), Fault> {
        if self.ended.is_some() && said != Said::Nothing {
            let what = "something follows the state that ends the turn".to_owned();
            return Err(Fault::NotContract { at, what });
        }
        // All else stands behind the text before it.
        if !matches!(said, Said::Nothing | Said::Text(..)) {
            self.show_text().await?;
        }
        match said {
            Said::Nothing => Ok(()),
            Said::Text(voice, text) => self.text(voice, text).await,
            Said::Data(json) => self.push(Part::data(json)).await,
            Said::Result(part) => self.result(part).await,
            Said::Ours(ours) => self.ours(*ours, at).await,
            Said::Progress(text) => Ok(self.turn.progress(text).await?),
            Said::Artifact(output) => self.output(output, at).await,
            Said::End(outcome) => {
                self.ended = Some(outcome);
                Ok(())
            }
        }
    }

    /// The answer is complete.
    pub(super) async fn finish(mut self) -> Result<Outcome, Fault> {
        self.show_text().await?;
        if let Some(answer) = self.answer {
            // A streamed text has been shown at once. The last chunk only marks the end.
            answer.finish([self.held.unwrap_or_else(|| Part::text(""))]).await?;
        }
        Ok(self.ended.unwrap_or(Outcome::Completed))
    }

    async fn text(&mut self, voice: Voice, text: String) -> Result<(), Fault> {
        // The plain texts of an agent are its own: it does not say them in another form, too.
        let is_echo = voice != Voice::Plain && *self.voice.get_or_insert(voice) != voice;
        if is_echo || text.is_empty() {
            return Ok(());
        }
        self.text.push_str(&text);
        let waits = self.text.len() - self.told;
        if self.pieces >= SINGLE_PIECES && waits < JOINED_BYTES {
            return Ok(());
        }
        self.show_text().await
    }

    /// Shows the text that waits to be shown.
    async fn show_text(&mut self) -> Result<(), Fault> {
        let text = self.text.get(self.told..).unwrap_or_default().to_owned();
        self.told = self.text.len();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, further) = rest.split_at(rest.floor_char_boundary(MAX_PIECE_BYTES));
            self.pieces += 1;
            self.push(Part::text(piece)).await?;
            rest = further;
        }
        Ok(())
    }

    async fn result(&mut self, part: Part) -> Result<(), Fault> {
        match part.as_text().map(str::to_owned) {
            Some(text) if self.answer.is_none() => self.text(Voice::Plain, text).await,
            // It was said before, piece by piece.
            Some(text) if self.text.trim_end().ends_with(text.trim()) => Ok(()),
            _ if self.answer.is_none() => self.push(part).await,
            _ => {
                let name = RESULT.to_owned();
                self.artifact(Artifact { name, parts: vec![part], ..Artifact::default() }).await
            }
        }
    }

    async fn ours(&mut self, ours: Ours, at: usize) -> Result<(), Fault> {
        let Ours { progress, artifacts, state, question, reason, checkpoint } = ours;
        let size = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.as_str().len());
        if size > MAX_CHECKPOINT_BYTES {
            let what = format!("its checkpoint has more than {MAX_CHECKPOINT_BYTES} bytes");
            return Err(Fault::TooLarge(what));
        }
        if let Some(progress) = progress {
            self.turn.progress(progress).await?;
        }
        for output in artifacts {
            self.output(output, at).await?;
        }
        let (question, reason) = (question.unwrap_or_default(), reason.unwrap_or_default());
        self.ended = match state {
            None => None,
            Some(State::Completed) => Some(Outcome::Completed),
            Some(State::InputRequired) => Some(Outcome::InputRequired { question, checkpoint }),
            Some(State::AuthRequired) => Some(Outcome::AuthRequired { question, checkpoint }),
            Some(State::Rejected) => Some(Outcome::Rejected { reason }),
            Some(State::Failed) => return Err(Fault::Told(reason)),
        };
        Ok(())
    }

    async fn output(&self, output: Output, at: usize) -> Result<(), Fault> {
        let Output { artifact_id, name, description, parts, metadata } = output;
        if parts.is_empty() {
            let what = "in a2a: an artifact needs a part".to_owned();
            return Err(Fault::NotContract { at, what });
        }
        let artifact =
            Artifact { name, description, metadata, ..Artifact::new(artifact_id, parts) };
        self.artifact(artifact).await
    }

    async fn push(&mut self, part: Part) -> Result<(), Fault> {
        let turn = self.turn;
        let answer = self.answer.get_or_insert_with(|| turn.chunked(ANSWER));
        let part = if self.is_whole { self.held.replace(part) } else { Some(part) };
        match part {
            Some(part) => Ok(answer.push([part]).await?),
            None => Ok(()),
        }
    }

    async fn artifact(&self, mut artifact: Artifact) -> Result<(), Fault> {
        if artifact.artifact_id.is_empty() {
            artifact.artifact_id = self.turn.artifact_id();
        }
        Ok(self.turn.artifact(artifact).await?)
    }
}
