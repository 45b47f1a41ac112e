//! The answers of an agent.

use a2a_lambda_protocol::{Part, Struct};

/// An agent's message to its user with a status.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// The parts; none means no message.
    pub parts: Vec<Part>,
    /// Metadata of the message.
    pub metadata: Option<Struct>,
}

impl Reply {
    /// Its text parts, divided by line ends.
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n")
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self { parts: vec![Part::text(text)], metadata: None }
    }
}

impl From<Vec<Part>> for Reply {
    fn from(parts: Vec<Part>) -> Self {
        Self { parts, metadata: None }
    }
}
