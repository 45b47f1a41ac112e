//! An agent's answers, for people to read. An agent's text is shown without control characters,
//! which could steer the terminal, and without those that change the direction of writing, which could
//! make a line read as another one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use a2a_lambda_protocol::{
    AgentCard, Artifact, Message, Part, PartContent, SendMessageResponse, StreamResponse, Task,
    TaskState, TaskStatus,
};

/// The most names of artifacts that are remembered of a stream.
const MAX_NAMES: usize = 1_000;

/// An agent's text, safe for a terminal.
pub(crate) fn safe(text: &str) -> String {
    let is_unsafe = |c: char| match c {
        '\n' | '\t' => false,
        // Unicode's property Bidi_Control.
        '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        c => c.is_control(),
    };
    text.chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect()
}

/// A state in a word: `INPUT_REQUIRED`.
fn word(state: TaskState) -> &'static str {
    state.as_str().trim_start_matches("TASK_STATE_")
}

fn part(part: &Part) -> String {
    let name = match (part.filename.as_str(), part.media_type.as_str()) {
        ("", "") => "file".to_owned(),
        ("", name) | (name, "") => name.to_owned(),
        (name, media_type) => format!("{name}, {media_type}"),
    };
    match &part.content {
        PartContent::Text(text) => safe(text),
        PartContent::Data(data) => safe(data.as_str()),
        PartContent::Raw(bytes) => safe(&format!("[{name}: {} bytes]", bytes.len())),
        PartContent::Url(url) => safe(&format!("[{name}: {url}]")),
    }
}

/// The parts behind one another; one that is not text has a line of its own.
fn parts(parts: &[Part]) -> String {
    let mut out = String::new();
    let mut was_text = true;
    for it in parts {
        let is_text = matches!(it.content, PartContent::Text(_));
        if !(out.is_empty() || is_text && was_text) {
            out.push('\n');
        }
        out.push_str(&part(it));
        was_text = is_text;
    }
    out
}

fn status(status: &TaskStatus) -> String {
    let said = status.message.as_ref().map(|message| parts(&message.parts)).unwrap_or_default();
    if said.is_empty() {
        word(status.state).to_owned()
    } else {
        format!("{}: {said}", word(status.state))
    }
}

fn title(artifact: &Artifact) -> String {
    let name = if artifact.name.is_empty() { &artifact.artifact_id } else { &artifact.name };
    safe(name).replace('\n', " ")
}

/// A task: its ids, its artifacts, its state.
pub(crate) fn task(task: &Task) -> String {
    let mut out = format!("task {}", safe(&task.id));
    if !task.context_id.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(out, " of context {}", safe(&task.context_id));
    }
    out.push('\n');
    for artifact in &task.artifacts {
        let _ = writeln!(out, "{}: {}", title(artifact), parts(&artifact.parts));
    }
    let _ = writeln!(out, "{}", status(&task.status));
    out
}

fn message(message: &Message) -> String {
    format!("{}\n", parts(&message.parts))
}

/// The answer to a message.
pub(crate) fn answer(answer: &SendMessageResponse) -> String {
    match answer {
        SendMessageResponse::Task(it) => task(it),
        SendMessageResponse::Message(it) => message(it),
    }
}

/// A card.
pub(crate) fn card(card: &AgentCard) -> String {
    let mut out = format!("{} {}\n{}\n", card.name, card.version, card.description);
    for it in &card.supported_interfaces {
        let tenant =
            if it.tenant.is_empty() { String::new() } else { format!(" tenant {}", it.tenant) };
        let (binding, version) = (&it.protocol_binding, &it.protocol_version);
        let _ = writeln!(out, "speaks {binding} {version} at {}{tenant}", it.url);
    }
    let offers = [
        ("streams", card.capabilities.streaming),
        ("push notifications", card.capabilities.push_notifications),
        ("an extended card", card.capabilities.extended_agent_card),
    ];
    let offers: Vec<_> =
        offers.iter().filter(|(_, has)| *has == Some(true)).map(|(name, _)| *name).collect();
    if !offers.is_empty() {
        let _ = writeln!(out, "has {}", offers.join(", "));
    }
    for name in card.security_schemes.keys() {
        let _ = writeln!(out, "knows the security scheme {name}");
    }
    for skill in &card.skills {
        let _ = writeln!(out, "can {}: {}", skill.name, skill.description);
    }
    safe(&out)
}

/// Shows a stream's events: a chunk of text continues the line of the chunk before.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The artifact whose line is open.
    open: Option<String>,
    /// The artifacts' titles by their ids: a chunk that continues an artifact need not name it.
    titles: BTreeMap<String, String>,
}

impl Events {
    /// An event, as it is to be printed behind the events before.
    pub(crate) fn show(&mut self, response: &StreamResponse) -> String {
        let StreamResponse::ArtifactUpdate(update) = response else {
            if let StreamResponse::Task(task) = response {
                self.learn(task);
            }
            let text = match response {
                StreamResponse::Task(it) => task(it),
                StreamResponse::Message(it) => message(it),
                StreamResponse::StatusUpdate(it) => format!("{}\n", status(&it.status)),
                StreamResponse::ArtifactUpdate(_) => String::new(),
            };
            return self.end() + &text;
        };
        let id = &update.artifact.artifact_id;
        let continues = update.append && self.open.as_ref() == Some(id);
        self.remember(&update.artifact);
        let mut out = if continues { String::new() } else { self.end() };
        if !continues {
            let known = self.titles.get(id).cloned();
            let _ = write!(out, "{}: ", known.unwrap_or_else(|| title(&update.artifact)));
        }
        out.push_str(&parts(&update.artifact.parts));
        self.open = Some(id.clone());
        if update.last_chunk { out + &self.end() } else { out }
    }

    /// Remembers the names of a task's artifacts.
    pub(crate) fn learn(&mut self, task: &Task) {
        task.artifacts.iter().for_each(|artifact| self.remember(artifact));
    }

    fn remember(&mut self, artifact: &Artifact) {
        let id = &artifact.artifact_id;
        let has_room = self.titles.len() < MAX_NAMES || self.titles.contains_key(id);
        if has_room && !artifact.name.is_empty() {
            self.titles.insert(id.clone(), title(artifact));
        }
    }

    /// The end of the open line, if there is one.
    pub(crate) fn end(&mut self) -> String {
        if self.open.take().is_some() { "\n".to_owned() } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use a2a_lambda_protocol::{TaskArtifactUpdateEvent, TaskStatusUpdateEvent};

    use super::*;

    fn chunk(id: &str, text: &str, append: bool, last_chunk: bool) -> StreamResponse {
        StreamResponse::ArtifactUpdate(TaskArtifactUpdateEvent {
            artifact: Artifact::new(id, [Part::text(text)]),
            append,
            last_chunk,
            ..TaskArtifactUpdateEvent::default()
        })
    }

    #[test]
    fn chunks_make_a_line_and_what_comes_between_ends_it() {
        let working = StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
            status: TaskStatus { state: TaskState::Working, ..TaskStatus::default() },
            ..TaskStatusUpdateEvent::default()
        });
        let mut events = Events::default();
        let shown: String = [
            chunk("a", "one ", false, false),
            chunk("a", "two", true, true),
            chunk("b", "x", false, false),
            working,
            chunk("b", "y", true, false),
            chunk("c", "\u{1b}[2Jz\u{7}", false, true),
        ]
        .iter()
        .map(|event| events.show(event))
        .collect();
        assert_eq!(shown, "a: one two\nb: x\nWORKING\nb: y\nc: \u{fffd}[2Jz\u{fffd}\n");
        assert_eq!(events.end(), "");
    }

    #[test]
    fn a_text_does_not_steer_the_terminal() {
        let steering = "\u{0}\r\u{1b}\u{7f}\u{9b}\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\
                        \u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        for c in steering.chars() {
            assert_eq!(safe(&format!("a{c}b")), "a\u{fffd}b", "{c:?}");
        }
        let plain = "a\n\tü שלום مرحبا 👩\u{200d}💻";
        assert_eq!(safe(plain), plain, "right-to-left letters and joined signs stay");
    }

    #[test]
    fn parts_of_every_kind_are_shown() {
        let all = [
            Part::text("a"),
            Part::text("b"),
            Part::data(a2a_lambda_protocol::Json::parse("[1]").unwrap()),
            Part::raw(vec![0; 3]).with_media_type("image/png"),
            Part::url("https://e.example/f").with_filename("f").with_media_type("t/x"),
            Part::text("c"),
        ];
        assert_eq!(parts(&all), "ab\n[1]\n[image/png: 3 bytes]\n[f, t/x: https://e.example/f]\nc");
    }
}
