//! The function to invoke, and the kind of invocation.

/// The longest name of a function with its ARN and qualifier, in bytes, as Lambda has it.
const MAX_BYTES: usize = 170;

/// The kind of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By `InvokeWithResponseStream`. A function that does not stream answers as a whole then.
    Streamed,
    /// By `Invoke`.
    Whole,
    /// By `Invoke`, without waiting: the function answers by a callback.
    Event,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name or its ARN, perhaps with a version or an alias.
    id: String,
    way: Way,
}

/// A text that is no function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoFunction {
    #[error(
        "the name or the ARN of a function must follow, such as lambda:agent or lambda:agent:live"
    )]
    Name,
    #[error("behind the function there may be ?invoke=stream, ?invoke=whole or ?invoke=event")]
    Way,
}

impl Function {
    /// From a name or an ARN, and perhaps `?invoke=` and a way.
    pub(crate) fn parse(text: &str) -> Result<Self, NoFunction> {
        let (id, way) = match text.split_once('?') {
            None | Some((_, "invoke=stream")) => (text, Way::Streamed),
            Some((_, "invoke=whole")) => (text, Way::Whole),
            Some((_, "invoke=event")) => (text, Way::Event),
            Some(_) => return Err(NoFunction::Way),
        };
        let id = id.split('?').next().unwrap_or_default();
        let is_word = |word: &&str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !word.is_empty() && word.bytes().all(is_plain)
        };
        let words: Vec<&str> = id.split(':').collect();
        let (name, qualifier) = match words[..] {
            [name] => (name, None),
            [name, qualifier] => (name, Some(qualifier)),
            ["arn", partition, "lambda", region, account, "function", ref rest @ ..] => {
                if ![partition, region, account].iter().all(is_word) {
                    return Err(NoFunction::Name);
                }
                match *rest {
                    [name] => (name, None),
                    [name, qualifier] => (name, Some(qualifier)),
                    _ => return Err(NoFunction::Name),
                }
            }
            _ => return Err(NoFunction::Name),
        };
        let is_qualifier = |of: &str| of == "$LATEST" || is_word(&of);
        if id.len() > MAX_BYTES || !is_word(&name) || !qualifier.is_none_or(is_qualifier) {
            return Err(NoFunction::Name);
        }
        Ok(Self { id: id.to_owned(), way })
    }

    /// The kind of its invocations.
    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// The region that its ARN names.
    pub(super) fn region(&self) -> Option<&str> {
        self.id.strip_prefix("arn:")?.split(':').nth(2)
    }

    /// The URL of an invocation, at this endpoint of Lambda.
    pub(super) fn url(&self, endpoint: &str) -> String {
        let (version, operation) = match self.way {
            Way::Streamed => ("2021-11-15", "response-streaming-invocations"),
            Way::Whole | Way::Event => ("2015-03-31", "invocations"),
        };
        let id = self.id.replace(':', "%3A").replace('$', "%24");
        format!("{endpoint}/{version}/functions/{id}/{operation}")
    }
}
