//! The clients' operations as data: a list that can be printed, parsed and shortened.

use std::fmt;
use std::str::FromStr;

use a2a_lambda_core::ProtocolVersion;

use crate::receiver::Manner;

/// One action of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Its number: the name of its actors and the stream of its randomness. It stays when other
    /// operations are removed.
    pub id: u32,
    /// When it begins, in milliseconds from the start of the run.
    pub at_ms: u64,
    /// The action.
    pub action: Action,
}

/// The action. Slots name tasks: the operation that creates a task sets its slot, and the others
/// refer to the task in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A message for a new task.
    Send {
        /// The slot that the task gets.
        slot: u32,
        /// The owner.
        who: Who,
        /// The message.
        message: Sending,
    },
    /// A message to the task of a slot, by its owner.
    FollowUp {
        /// The slot.
        slot: u32,
        /// The message.
        message: Sending,
    },
    /// Cancels the task.
    Cancel {
        /// The slot.
        slot: u32,
    },
    /// Reads the task.
    Get {
        /// The slot.
        slot: u32,
    },
    /// Waits for news of the task.
    LongPoll {
        /// The slot.
        slot: u32,
    },
    /// Lists all tasks of an owner.
    List {
        /// The owner.
        who: Who,
    },
    /// Follows the task, with cuts.
    Subscribe {
        /// The slot.
        slot: u32,
    },
    /// Another owner tries to read, follow, message and cancel the task, and to have it pushed.
    Probe {
        /// The slot.
        slot: u32,
    },
    /// Creates a push config for the task, or replaces the one with the same id.
    Register {
        /// The slot.
        slot: u32,
        /// The config.
        push: Registration,
    },
    /// Lists the push configs of the task.
    Configs {
        /// The slot.
        slot: u32,
    },
    /// Deletes a push config of the task.
    Unregister {
        /// The slot.
        slot: u32,
        /// The config's number; `None` for the one that was created without an id.
        id: Option<u32>,
    },
    /// An operator deletes the task in any state.
    Delete {
        /// The slot.
        slot: u32,
    },
    /// For a while, all requests except those to receivers take longer.
    Slow {
        /// How much longer each request takes, in milliseconds.
        by_ms: u64,
        /// For how long, in milliseconds.
        for_ms: u64,
    },
}

/// A push config as a client requests it. Its text is `c1/flaky/1.0`; without an id, `-/flaky/1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration {
    /// The number in its id, unless it has none.
    pub id: Option<u32>,
    /// The behaviour of its receiver.
    pub manner: Manner,
    /// The version of the pushes.
    pub version: ProtocolVersion,
}

impl Registration {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split('/');
        let ConfigName(id) = ConfigName::parse(words.next()?)?;
        let manner = Manner::named(words.next()?)?;
        let version = ProtocolVersion::parse(words.next()?)?;
        words.next().is_none().then_some(Self { id, manner, version })
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, manner, version } = self;
        write!(f, "{}/{manner}/{}", ConfigName(*id), version.as_str())
    }
}

/// The id of a push config in a plan.
struct ConfigName(Option<u32>);

impl fmt::Display for ConfigName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "c{number}"),
            None => f.write_str("-"),
        }
    }
}

impl ConfigName {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "-" => Some(Self(None)),
            name => Some(Self(Some(name.strip_prefix('c')?.parse().ok()?))),
        }
    }
}

/// A message and its way of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The sender's wait.
    pub how: How,
    /// The number of its `Idempotency-Key`, if it has one.
    pub key: Option<u32>,
    /// The push config that comes with it, if any.
    pub push: Option<Registration>,
    /// The number of the owner's conversation that its new task is part of; `None` for one of its own.
    pub talk: Option<u32>,
    /// The message's text: the agent's script, as in `agent.rs`.
    pub script: String,
}

/// The event that a message's sender waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The acceptance of the message.
    AtOnce,
    /// The result of the task.
    Waiting,
    /// Each event of the task.
    Streaming,
}

/// The people of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A user of the default tenant.
    Alice,
    /// Another user of the default tenant.
    Bob,
    /// A user of another tenant, who has Alice's name there.
    Acme,
}

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Alice, Self::Bob, Self::Acme];
    const NAMES: [(&'static str, Self); 3] =
        [("alice", Self::Alice), ("bob", Self::Bob), ("acme", Self::Acme)];
}

impl How {
    const NAMES: [(&'static str, Self); 3] =
        [("at-once", Self::AtOnce), ("waiting", Self::Waiting), ("streaming", Self::Streaming)];
}

fn name_of<T: PartialEq>(names: &'static [(&'static str, T)], value: &T) -> &'static str {
    names.iter().find(|(_, of)| of == value).map_or("", |(name, _)| name)
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&Self::NAMES, self))
    }
}

impl fmt::Display for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", name_of(&How::NAMES, &self.how))?;
        if let Some(key) = self.key {
            write!(f, " key={key}")?;
        }
        if let Some(push) = self.push {
            write!(f, " push={push}")?;
        }
        if let Some(talk) = self.talk {
            write!(f, " talk={talk}")?;
        }
        write!(f, " : {}", self.script)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op {} at {} ", self.id, self.at_ms)?;
        match &self.action {
            Action::Send { slot, who, message } => write!(f, "send {slot} {who} {message}"),
            Action::FollowUp { slot, message } => write!(f, "follow-up {slot} {message}"),
            Action::Cancel { slot } => write!(f, "cancel {slot}"),
            Action::Get { slot } => write!(f, "get {slot}"),
            Action::LongPoll { slot } => write!(f, "long-poll {slot}"),
            Action::List { who } => write!(f, "list {who}"),
            Action::Subscribe { slot } => write!(f, "subscribe {slot}"),
            Action::Probe { slot } => write!(f, "probe {slot}"),
            Action::Register { slot, push } => write!(f, "register {slot} {push}"),
            Action::Configs { slot } => write!(f, "configs {slot}"),
            Action::Unregister { slot, id } => write!(f, "unregister {slot} {}", ConfigName(*id)),
            Action::Delete { slot } => write!(f, "delete {slot}"),
            Action::Slow { by_ms, for_ms } => write!(f, "slow {by_ms} for {for_ms}"),
        }
    }
}

/// A line that is not an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an operation: {0}")]
pub struct NotAnOp(String);

impl FromStr for Op {
    type Err = NotAnOp;

    fn from_str(line: &str) -> Result<Self, NotAnOp> {
        parse(line).ok_or_else(|| NotAnOp(line.to_owned()))
    }
}

fn parse(line: &str) -> Option<Op> {
    let (words, script) = match line.split_once(" : ") {
        Some((words, script)) => (words, script.trim()),
        None => (line, ""),
    };
    let mut words = words.split_whitespace();
    let named = |name: &str, known: &[(&str, Who)]| {
        known.iter().find(|(of, _)| *of == name).map(|(_, who)| *who)
    };
    (words.next()? == "op").then_some(())?;
    let id = words.next()?.parse().ok()?;
    (words.next()? == "at").then_some(())?;
    let at_ms = words.next()?.parse().ok()?;
    let verb = words.next()?;
    if verb == "list" {
        let who = named(words.next()?, &Who::NAMES)?;
        return Some(Op { id, at_ms, action: Action::List { who } });
    }
    if verb == "slow" {
        let by_ms = words.next()?.parse().ok()?;
        (words.next()? == "for").then_some(())?;
        let for_ms = words.next()?.parse().ok()?;
        return Some(Op { id, at_ms, action: Action::Slow { by_ms, for_ms } });
    }
    let slot = words.next()?.parse().ok()?;
    let action = match verb {
        "send" => {
            let who = named(words.next()?, &Who::NAMES)?;
            Action::Send { slot, who, message: sending(&mut words, script)? }
        }
        "follow-up" => Action::FollowUp { slot, message: sending(&mut words, script)? },
        "cancel" => Action::Cancel { slot },
        "get" => Action::Get { slot },
        "long-poll" => Action::LongPoll { slot },
        "subscribe" => Action::Subscribe { slot },
        "probe" => Action::Probe { slot },
        "register" => Action::Register { slot, push: Registration::parse(words.next()?)? },
        "configs" => Action::Configs { slot },
        "delete" => Action::Delete { slot },
        "unregister" => Action::Unregister { slot, id: ConfigName::parse(words.next()?)?.0 },
        _ => return None,
    };
    Some(Op { id, at_ms, action })
}

fn sending<'a>(words: &mut impl Iterator<Item = &'a str>, script: &str) -> Option<Sending> {
    let how = words.next()?;
    let how = How::NAMES.iter().find(|(name, _)| *name == how)?.1;
    let (mut key, mut push, mut talk) = (None, None, None);
    for word in words {
        match word.split_once('=')? {
            ("key", number) => key = Some(number.parse().ok()?),
            ("push", text) => push = Some(Registration::parse(text)?),
            ("talk", number) => talk = Some(number.parse().ok()?),
            _ => return None,
        }
    }
    Some(Sending { how, key, push, talk, script: script.to_owned() })
}
