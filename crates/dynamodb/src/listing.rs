//! How lists find a task: the keys of its entries in the two indexes, and what the entries say.
//!
//! They are written whole whenever the status changes, and so are in one format, whoever has written the
//! item before.

use a2a_lambda_core::head::Head;
use a2a_lambda_core::ids::{Owner, TaskKey, Tenant};
use a2a_lambda_core::log::{Entry, Event};
use a2a_lambda_core::store::{Cursor, context_partition, due_shard};
use a2a_lambda_protocol::{Message, TaskState, Timestamp};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{Item, number, string};
use crate::format::{BY_STATE, FORMAT, OLDEST};
use crate::head_item::{format, list_order, list_partition, state_name};
use crate::table::{CONTEXT_PK, LIST_PK, LIST_SK, STATE};

/// The attributes that are written together.
pub(crate) const LISTED: [&str; 5] = [FORMAT, LIST_PK, LIST_SK, STATE, CONTEXT_PK];

/// The longest message of a status, as JSON, that the list index has, too. A longer one is read with the
/// head. A page reads all of an entry.
const MAX_MESSAGE_BYTES: usize = 256;

/// What a head takes up is paid for by the KB.
const UNIT_BYTES: usize = 1_024;

/// About how many bytes an item has more than its attributes in format 1 have: those of format 3, the log's
/// name, and what [`item_bytes`] counts too few.
const SPARE_BYTES: usize = 48;

/// All states of a task.
pub(crate) const STATES: [TaskState; 8] = [
    TaskState::Submitted,
    TaskState::Working,
    TaskState::InputRequired,
    TaskState::AuthRequired,
    TaskState::Completed,
    TaskState::Failed,
    TaskState::Canceled,
    TaskState::Rejected,
];

/// The letter of a state in the names of partitions.
fn letter(state: TaskState) -> char {
    match state {
        TaskState::Submitted => 'S',
        TaskState::Working => 'W',
        TaskState::InputRequired => 'I',
        TaskState::AuthRequired => 'A',
        TaskState::Completed => 'C',
        TaskState::Failed => 'F',
        TaskState::Canceled => 'X',
        TaskState::Rejected => 'R',
        TaskState::Unspecified => '-',
    }
}

/// How a store writes entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing {
    /// Whether it writes format 3: a partition for each state, and contexts in an index of their own.
    pub(crate) by_state: bool,
    /// Over how many partitions an owner's tasks of a state are spread.
    pub(crate) shards: u8,
}

impl Listing {
    /// The partition for an owner's tasks of a state. No partition of format 1 begins with a `!`, since
    /// no tenant does.
    pub(crate) fn partition(state: TaskState, shard: u8, tenant: &Tenant, owner: &Owner) -> String {
        format!("!{}{shard}#{}", letter(state), list_partition(tenant, owner))
    }

    fn shard(self, key: &TaskKey) -> u8 {
        due_shard(key) % self.shards
    }

    /// The value of each of the [`LISTED`] for a task whose status has this message; `None` if it has
    /// to be removed.
    pub(crate) fn attributes(
        self,
        head: &Head,
        message: ShortMessage,
    ) -> [(&'static str, Option<AttributeValue>); LISTED.len()] {
        let (number_of, state) = (format(head), state_name(head.state()));
        if !head.is_listed() {
            return [
                (FORMAT, Some(number(number_of))),
                (LIST_PK, None),
                (LIST_SK, None),
                (STATE, Some(string(state))),
                (CONTEXT_PK, None),
            ];
        }
        let (tenant, owner) = (&head.key.tenant, &head.owner);
        let cursor = Cursor { status_at: head.status_at, task: head.key.task.clone() };
        let order = (LIST_SK, Some(string(list_order(&cursor))));
        if !self.by_state {
            return [
                (FORMAT, Some(number(number_of))),
                (LIST_PK, Some(string(list_partition(tenant, owner)))),
                order,
                (STATE, Some(string(state))),
                (CONTEXT_PK, None),
            ];
        }
        let partition = Self::partition(head.state(), self.shard(&head.key), tenant, owner);
        [
            (FORMAT, Some(number(self.format(head)))),
            (LIST_PK, Some(string(partition))),
            order,
            (STATE, Some(message.with_state(state))),
            (CONTEXT_PK, Some(string(context_partition(tenant, owner, &head.context)))),
        ]
    }

    /// The format of a head's item: the lowest that has all of it, and how it is listed.
    pub(crate) fn format(self, head: &Head) -> u64 {
        let listed = if self.by_state && head.is_listed() { BY_STATE } else { OLDEST };
        format(head).max(listed)
    }

    /// Puts the attributes into the item of a new head.
    pub(crate) fn put(self, item: &mut Item, head: &Head, entries: &[Entry]) {
        let message = ShortMessage::after(entries).unwrap_or(ShortMessage::Unknown);
        for (name, value) in self.attributes(head, message) {
            item.remove(name);
            item.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
}

/// The message of a task's status, as the list index has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ShortMessage {
    /// There is none.
    Without,
    /// This one, as JSON.
    Short(String),
    /// The head has to be read for it.
    Unknown,
}

impl ShortMessage {
    /// What entries make of it; `None` if they leave it.
    pub(crate) fn after(entries: &[Entry]) -> Option<Self> {
        entries.iter().rev().find_map(|entry| match &entry.event {
            // A user's message moves the agent's to the history.
            Event::Message(_) => Some(Self::Without),
            Event::Status(change) => Some(change.message.as_ref().map_or(Self::Without, Self::of)),
            Event::Artifact(_) => None,
        })
    }

    fn of(message: &Message) -> Self {
        match serde_json::to_string(message) {
            Ok(json) if json.len() <= MAX_MESSAGE_BYTES => Self::Short(json),
            _ => Self::Unknown,
        }
    }

    /// The message, unless an item of so many bytes would then be another unit to write.
    pub(crate) fn where_it_is_free(self, item_bytes: usize) -> Self {
        let room = UNIT_BYTES - (item_bytes + SPARE_BYTES) % UNIT_BYTES;
        match self {
            Self::Short(json) if json.len() > room => Self::Unknown,
            other => other,
        }
    }

    /// The state with the message: an entry of the index has this one attribute of both. A list of one
    /// tells that there may be a message, and what has none is as in format 1.
    pub(crate) fn with_state(self, state: &str) -> AttributeValue {
        let state = string(state);
        match self {
            Self::Without => state,
            Self::Short(json) => AttributeValue::L(vec![state, string(json)]),
            Self::Unknown => AttributeValue::L(vec![state]),
        }
    }

    /// Reads the attribute; what it is not known how to read is unknown.
    pub(crate) fn read(value: Option<&AttributeValue>) -> Self {
        match value {
            Some(AttributeValue::S(_)) => Self::Without,
            Some(AttributeValue::L(list)) => match &list[..] {
                [_, AttributeValue::S(json)] => Self::Short(json.clone()),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// About how many bytes DynamoDB counts for an item whose lists are of texts.
pub(crate) fn item_bytes(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len() / 2 + 2,
        AttributeValue::L(list) => {
            list.iter().map(|of| of.as_s().map_or(0, String::len) + 1).sum::<usize>() + 3
        }
        _ => 1,
    };
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}

/// A part of a partition of the list index, by the time of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Only tasks whose status changed at this time or later.
    pub(crate) since: Option<Timestamp>,
    /// Only tasks whose status changed before this time.
    pub(crate) before: Option<Timestamp>,
    /// Only tasks that are not over: where states are mixed.
    pub(crate) open_only: bool,
}
