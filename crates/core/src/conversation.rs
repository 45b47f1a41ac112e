//! The stored data of a conversation beyond its tasks: memory, and session state.
//!
//! A conversation is an owner's context (I8): all its tasks share the memory and the session, and no
//! other owner or tenant finds them.
//!
//! **Memory** is what was said and which tools were used, as an agent [appends](TurnMemory::append) it.
//! An append is an entry: it has the next number of its conversation, and the name of its writer, the
//! append of a [scope](crate::steps). A repeated run finds its entry by that name, and replaces it
//! instead of adding another. An entry of a later run is left alone: runs are told apart by their
//! [fence](crate::Turn::fence). What a run [loads](TurnMemory::load) ends at an entry that is recorded,
//! so each run of the scope loads the same entries.
//!
//! **Session** state is values under keys, each changed by compare-and-set. What a run reads and what
//! came of its writes is recorded, as steps are.
//!
//! The store keeps both for [`Policy::memory_life`](crate::Policy::memory_life) after their last write.

mod histories;
mod item;
mod memory;
pub mod record;
mod session;

pub use item::{Budget, MemoryItem};
pub use memory::TurnMemory;
pub use record::{ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue};
pub use session::{Held, Session, SessionVersion, Swap};
