#![doc = include_str!("../README.md")]
//!
//! # The table
//!
//! One table holds everything. A task is the items of one partition, `pk` = `{tenant}#{task id}`:
//!
//! | `sk` | item |
//! |---|---|
//! | `C#{registration}` | a **push config**, if the head names its registration |
//! | `D#{incarnation}#{scope}#{record}` | a **record** of a durable step, with a time to live |
//! | `H` | the **head**, with the newest entries of the log inline |
//! | `S#{first}#{last}` | a **segment**: entries that moved out of the inline log |
//! | `P#{first}#{last}#{write}` | a **parcel**: entries that are too large for the inline log, which a commit stores separately |
//!
//! A small task is one item, and a commit is one conditional `UpdateItem`. It is atomic without a
//! transaction, and it costs the item's size. When the inline log exceeds a few KB, its entries
//! move to a segment, before the commit that removes them from the head. A segment has only
//! committed entries, and its name lists them, so a second write has the same bytes. A parcel is
//! written before the commit that points to it. It has no effect unless a committed entry list
//! points to it.
//!
//! A follower of a log reads one item, the head, while its inline log goes back far enough.
//! Otherwise it reads only the missing entries: parcels by their names in the inline log, segments
//! from the newest back.
//!
//! A push config is an item of its own, so that it adds only its name to the cost of the task's
//! commits. It is stored before the commit that names it, under a registration of its own. A config
//! that the head does not name has no effect. Its sealed secrets are one attribute. Configs sort
//! before the head, where the reads of a task begin. The head's attribute [`PUSH_MARK`] says that
//! the task has open pushes.
//!
//! A record of a durable step is an item of its own, too: one `PutItem` on the condition that none is
//! there, or the expected one. The names of a scope's records have a common beginning, so one query
//! reads them. The scope's number has ten digits, so that scope 1 is not the beginning of scope 10.
//!
//! There are three sparse indexes. [`LIST_INDEX`] is by owner and state, newest status first.
//! [`CONTEXT_INDEX`] is by owner and context, and its entries are written once. [`DUE_INDEX`] is by
//! shard and time, and has push configs in trouble as well, in shards of their own. An index is
//! written only when its key changes. A heartbeat, an update that adds to the log, and another
//! failure of a config in trouble do not change a key.
//!
//! A conversation is a partition of its own, `memory@{tenant}/{owner}/{context}`. It has no `#`, and
//! its items have a time to live:
//!
//! | `sk` | item |
//! |---|---|
//! | `M#{number}` | the items of **memory** that one append added |
//! | `V#{key}` | a **session value** |
//!
//! API keys are items of one more partition, `!keys`, under their ids. An owner's counters are in
//! `requests@{owner}`, `streams@{owner}` and `tasks@{owner}`. Only a task's partition has a `#`.
//!
//! No code scans the table, except for an operator who asks for it ([`DynamoDbStore::walk`]).
//!
//! Each item has the number of its format, `v`. A release refuses an item of an unknown format
//! before it writes anything: `docs/formats.md` has the rule.

mod api_keys;
mod attempts;
mod attributes;
mod condition;
mod configs;
mod conversations;
mod due;
mod error;
mod format;
mod head_item;
mod list;
mod list_part;
mod listing;
mod log_items;
mod places;
mod purge;
mod read;
mod requests;
mod steps;
mod store;
mod table;
mod walk;

pub use api_keys::API_KEYS_PARTITION;
pub use error::THROTTLED;
pub use store::DynamoDbStore;
pub use table::{
    CONTEXT_INDEX, CreateTableError, DUE_INDEX, LIST_INDEX, OPEN_MARK, PUSH_MARK, create_table,
    task_of_head,
};
pub use walk::{NoPlace, WalkPage, WalkPlace};
