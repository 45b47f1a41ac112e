//! What clients do, as data: a list that can be printed, read back and made shorter.

use std::fmt;
use std::str::FromStr;

/// One thing that a client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Its number: the name of its actors, and the stream of its randomness. It stays when other
    /// operations are left out.
    pub id: u32,
    /// When it begins, in milliseconds after the beginning.
    pub at_ms: u64,
    /// What is done.
    pub action: Action,
}

/// What is done. Tasks are named by slots: the operation that makes a task says which slot it is
/// for, and the others mean whatever task is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A message for a new task.
    Send {
        /// The slot that the task gets.
        slot: u32,
        /// Whose it is.
        who: Who,
        /// How the message goes.
        message: Sending,
    },
    /// A message to the task of a slot, by its owner.
    FollowUp {
        /// The slot.
        slot: u32,
        /// How the message goes.
        message: Sending,
    },
    /// Calls the task off.
    Cancel {
        /// The slot.
        slot: u32,
    },
    /// Reads the task.
    Get {
        /// The slot.
        slot: u32,
    },
    /// Reads the task when there is news of it.
    LongPoll {
        /// The slot.
        slot: u32,
    },
    /// Lists all tasks of somebody's.
    List {
        /// Whose.
        who: Who,
    },
    /// Follows the task, with cuts.
    Subscribe {
        /// The slot.
        slot: u32,
    },
    /// Somebody else tries to read, to follow, to message and to cancel the task.
    Probe {
        /// The slot.
        slot: u32,
    },
}

/// A message and how it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// What the sender waits for.
    pub how: How,
    /// The `Idempotency-Key`, if it has one.
    pub key: Option<u32>,
    /// The message's text: what the agent is to do, as `agent.rs` has it.
    pub script: String,
}

/// What the sender of a message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// That the message is accepted.
    AtOnce,
    /// What comes of it.
    Waiting,
    /// Each event on the way.
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
    let mut word = || words.next();
    let named = |name: &str, known: &[(&str, Who)]| {
        known.iter().find(|(of, _)| *of == name).map(|(_, who)| *who)
    };
    (word()? == "op").then_some(())?;
    let id = word()?.parse().ok()?;
    (word()? == "at").then_some(())?;
    let at_ms = word()?.parse().ok()?;
    let verb = word()?;
    if verb == "list" {
        let who = named(word()?, &Who::NAMES)?;
        return Some(Op { id, at_ms, action: Action::List { who } });
    }
    let slot = word()?.parse().ok()?;
    let action = match verb {
        "send" => {
            let who = named(word()?, &Who::NAMES)?;
            Action::Send { slot, who, message: sending(word()?, word(), script)? }
        }
        "follow-up" => Action::FollowUp { slot, message: sending(word()?, word(), script)? },
        "cancel" => Action::Cancel { slot },
        "get" => Action::Get { slot },
        "long-poll" => Action::LongPoll { slot },
        "subscribe" => Action::Subscribe { slot },
        "probe" => Action::Probe { slot },
        _ => return None,
    };
    Some(Op { id, at_ms, action })
}

fn sending(how: &str, key: Option<&str>, script: &str) -> Option<Sending> {
    let how = How::NAMES.iter().find(|(name, _)| *name == how)?.1;
    let key = match key {
        None => None,
        Some(key) => Some(key.strip_prefix("key=")?.parse().ok()?),
    };
    Some(Sending { how, key, script: script.to_owned() })
}
