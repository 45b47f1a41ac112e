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
//! | `S#{first}#{last}` | a **segment**: entries that were inline and have moved out |
//! | `P#{first}#{last}#{write}` | a **parcel**: entries too large to be inline, put aside by the commit that adds them |
//!
//! A small task is one item, and a commit is one conditional `UpdateItem`: atomic without a
//! transaction, at the price of the item's size. When the inline log passes a few KB, its entries
//! move to a segment, before the commit that removes them from the head. A segment has only
//! committed entries, and its name lists them, so a second write has the same bytes. A parcel is
//! written before the commit that points to it, and means nothing unless a committed entry list
//! does.
//!
//! A follower of a log reads one item, the head, while its inline log goes back far enough.
//! Otherwise it reads only the missing entries: parcels by their names in the inline log, segments
//! from the newest back.
//!
//! A push config is an item of its own, so that it costs the task's commits no more than its name
//! in the head. It is stored before the commit that names it, under a registration of its own. A
//! config that the head does not name has no effect. Its sealed secrets are one attribute. Configs
//! sort before the head, and the reads of a task begin there. The head's attribute [`PUSH_MARK`]
//! says that the task has open pushes.
//!
//! Three sparse indexes: [`LIST_INDEX`] by owner and state, newest status first, [`CONTEXT_INDEX`] by owner
//! and context, whose entries are written once, and [`DUE_INDEX`] by shard and time, which has push configs in trouble as well, in shards of their own. An index is written when
//! its key changes: never by a heartbeat, nor by an update that adds to the log, nor by another
//! failure of a config that is in trouble.
//!
//! API keys are items of one more partition, `!keys`, under their ids. An owner's counters are in
//! `requests@{owner}`, `streams@{owner}` and `tasks@{owner}`. Only a task's partition has a `#`.
//!
//! Nothing is ever scanned, but by an operator who asks for it ([`DynamoDbStore::walk`]).
//!
//! Each item has the number of its format, `v`. An item of a format that this release does not read
//! is refused before anything is written: `docs/formats.md` has the rule.

mod api_keys;
mod attributes;
mod condition;
mod configs;
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
pub use store::DynamoDbStore;
pub use table::{
    CONTEXT_INDEX, CreateTableError, DUE_INDEX, LIST_INDEX, OPEN_MARK, PUSH_MARK, create_table,
    task_of_head,
};
pub use walk::{NoPlace, WalkPage, WalkPlace};
