//! The keys of a task's entries in the two list indexes, and the contents of the entries.
//!
//! Every status change but a claim writes all of these attributes. So they have one format, even in
//! an item that another release wrote before.

use a2a_lambda_core::head::Head;
use a2a_lambda_core::ids::{Owner, TaskKey, Tenant};
use a2a_lambda_core::log::{Entry, Event};
use a2a_lambda_core::store::{Cursor, context_partition, due_shard};
use a2a_lambda_protocol::{Message, TaskState, Timestamp};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{Item, get_string, number, string};
use crate::format::{BY_STATE, FORMAT, OLDEST};
use crate::head_item::{BY_STATE_MARK, format, letter, list_order, list_partition, state_name};
use crate::table::{CONTEXT_PK, LIST_PK, LIST_SK, STATE};

/// The attributes that are always written together.
pub(crate) const LISTED: [&str; 5] = [FORMAT, LIST_PK, LIST_SK, STATE, CONTEXT_PK];

/// The longest message of a status that the list index has, too, in bytes of JSON. A longer one
/// needs a read of the head. A page reads each entry in full.
const MAX_MESSAGE_BYTES: usize = 256;

/// DynamoDB charges the writes of a head by the KB.
const UNIT_BYTES: usize = 1_024;

/// About how many bytes an item has beyond its attributes in format 1: those of format 3, the log's
/// name, and the undercount of [`item_bytes`].
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

/// The form of the entries that a store writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing {
    /// Whether it writes format 3: a partition for each state, and contexts in an index of their own.
    pub(crate) by_state: bool,
    /// Over how many partitions an owner's tasks of one state are spread.
    pub(crate) shards: u8,
}

impl Listing {
    /// The partition of an owner's tasks of a state. No partition of format 1 begins with a `!`,
    /// because no tenant does.
    pub(crate) fn partition(state: TaskState, shard: u8, tenant: &Tenant, owner: &Owner) -> String {
        format!("{BY_STATE_MARK}{}{shard}#{}", letter(state), list_partition(tenant, owner))
    }

    fn shard(self, key: &TaskKey) -> u8 {
        due_shard(key) % self.shards
    }

    /// The value of each of [`LISTED`] for a task whose status has this message; `None` removes the
    /// attribute.
    pub(crate) fn attributes(
        self,
        head: &Head,
        message: ShortMessage,
    ) -> [(&'static str, Option<AttributeValue>); LISTED.len()] {
        let (number_of, state) = (format(head), state_name(head.listed_state()));
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
        let order = (LIST_SK, Some(string(list_order(&Cursor::of(head)))));
        if !self.by_state {
            return [
                (FORMAT, Some(number(number_of))),
                (LIST_PK, Some(string(list_partition(tenant, owner)))),
                order,
                (STATE, Some(string(state))),
                (CONTEXT_PK, None),
            ];
        }
        let partition = Self::partition(head.listed_state(), self.shard(&head.key), tenant, owner);
        [
            (FORMAT, Some(number(self.format(head)))),
            (LIST_PK, Some(string(partition))),
            order,
            (STATE, Some(message.with_state(state))),
            (
                CONTEXT_PK,
                in_context_index(head)
                    .then(|| string(context_partition(tenant, owner, &head.context))),
            ),
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

/// Whether the index of contexts has a listed task of format 3. The name of a conversation leads to
/// the task that began it, so that task needs no entry.
fn in_context_index(head: &Head) -> bool {
    head.context.first_task().as_ref() != Some(&head.key.task)
}

/// Whether a head's item is listed by its state, as format 3 has it.
pub(crate) fn is_by_state(item: &Item) -> bool {
    get_string(item, LIST_PK).is_ok_and(|partition| partition.starts_with(BY_STATE_MARK))
}

/// The message of a task's status, in the form for the list index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ShortMessage {
    /// The status has no message.
    Without,
    /// The message, as JSON.
    Short(String),
    /// Only the head has the message.
    Unknown,
}

impl ShortMessage {
    /// The message after these entries; `None` if they do not change it.
    pub(crate) fn after(entries: &[Entry]) -> Option<Self> {
        entries.iter().rev().find_map(|entry| match &entry.event {
            // A user's message moves the agent's message to the history.
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

    /// The message, unless it would cost an item of this size another write unit.
    pub(crate) fn where_it_is_free(self, item_bytes: usize) -> Self {
        let room = UNIT_BYTES - (item_bytes + SPARE_BYTES) % UNIT_BYTES;
        match self {
            Self::Short(json) if json.len() > room => Self::Unknown,
            other => other,
        }
    }

    /// The state with the message, in one attribute of an index entry. A list of one says that only
    /// the head has the message. Without a message the attribute is as in format 1.
    pub(crate) fn with_state(self, state: &str) -> AttributeValue {
        let state = string(state);
        match self {
            Self::Without => state,
            Self::Short(json) => AttributeValue::L(vec![state, string(json)]),
            Self::Unknown => AttributeValue::L(vec![state]),
        }
    }

    /// Reads the attribute. An unknown form counts as `Unknown`.
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

/// About how many bytes DynamoDB counts for an item whose lists contain only texts.
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

/// A part of a list partition, limited by the time of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Only tasks whose status changed at this time or later.
    pub(crate) since: Option<Timestamp>,
    /// Only tasks whose status changed before this time.
    pub(crate) before: Option<Timestamp>,
    /// Only open tasks, in a partition of mixed states.
    pub(crate) open_only: bool,
}
