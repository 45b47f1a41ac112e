//! The stored records of a conversation, and the contract of their store.

use std::fmt;

use a2a_lambda_protocol::{Json, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::item::MemoryItem;
use crate::digest::digest;
use crate::ids::{ContextId, Owner, Tenant, WriteId};
use crate::steps::record::{RecordKey, ScopeKey};
use crate::store::StoreError;
use crate::weight::json_bytes;

pub use crate::steps::record::Put;

/// The largest entry or value that a store takes, in bytes of JSON.
pub const MAX_STORED_BYTES: usize = 350 * 1_024;

/// How many earlier writes a session value remembers.
const REMEMBERED_WRITES: usize = 16;

/// A conversation: one context of an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationKey {
    /// The tenant.
    pub tenant: Tenant,
    /// The owner.
    pub owner: Owner,
    /// The context.
    pub context: ContextId,
}

impl fmt::Display for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.owner, self.context)
    }
}

/// The longest name that stands for itself, in bytes.
const MAX_PLAIN_BYTES: usize = 128;

impl ConversationKey {
    /// The conversation's name for a store: `{tenant}/{owner}/{context}`. It never changes. The digest
    /// of a long or unusual owner or context stands for it. So no two conversations have the same name,
    /// no part has a `/` or `#`, and the name has at most 322 bytes.
    pub fn name(&self) -> String {
        let Self { tenant, owner, context } = self;
        format!("{tenant}/{}/{}", plain(owner.as_str()), plain(context.as_str()))
    }
}

/// A name if it is short and plain, and `~` with its digest otherwise.
fn plain(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:@|+=".contains(&b);
    if name.len() <= MAX_PLAIN_BYTES && name.bytes().all(is_plain) {
        return name.to_owned();
    }
    format!("~{}", digest([name.as_bytes()]))
}

/// The write id of a scope's step: the same in each run of the scope, and no other step's.
pub(super) fn write_of(scope: &ScopeKey, key: &RecordKey) -> WriteId {
    let incarnation = scope.incarnation.as_ref().map_or("", |of| of.as_str());
    let number = scope.number.to_string();
    WriteId::new(digest([
        scope.task.tenant.as_str().as_bytes(),
        scope.task.task.as_str().as_bytes(),
        incarnation.as_bytes(),
        number.as_bytes(),
        key.as_str().as_bytes(),
    ]))
}

/// The items of one append.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryEntry {
    /// Its number in the conversation, from 1. A later entry has a larger one.
    #[serde(rename = "n")]
    pub number: u64,
    /// The scope that appended it, and the number of the append there.
    #[serde(rename = "o")]
    pub writer: WriteId,
    /// The [fence](crate::Turn::fence) of the run that wrote it.
    #[serde(rename = "f")]
    pub fence: u64,
    /// The items, oldest first.
    #[serde(rename = "i")]
    pub items: Vec<MemoryItem>,
    /// The id of the write.
    #[serde(rename = "w")]
    pub write: WriteId,
    /// After this time it is not loaded, and the store may delete it; `None`: it is kept for ever.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A value of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionValue {
    /// The key.
    #[serde(rename = "k")]
    pub key: String,
    /// The value, which is never `null`; `None` once it was deleted.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// The id of the write.
    #[serde(rename = "w")]
    pub write: WriteId,
    /// The writes before it, newest first, as far as they are remembered.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<WriteId>,
    /// After this time it counts as deleted, and the store may delete it; `None`: it is kept for ever.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl MemoryEntry {
    /// Whether it is too old to be loaded.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Refuses an entry that no store takes.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub fn check_size(&self) -> Result<(), StoreError> {
        check_size("the memory of one append", self)
    }
}

impl SessionValue {
    /// The value, unless it was deleted or is too old.
    pub fn current(&self, now: Timestamp) -> Option<&Json> {
        self.value.as_ref().filter(|_| self.expires_at.is_none_or(|at| at > now))
    }

    /// Whether this write is in it, as far as it remembers.
    pub(super) fn knows(&self, write: &WriteId) -> bool {
        self.write == *write || self.before.contains(write)
    }

    /// The writes that a value after this one remembers.
    pub(super) fn writes(&self) -> Vec<WriteId> {
        let all = std::iter::once(&self.write).chain(&self.before);
        all.take(REMEMBERED_WRITES).cloned().collect()
    }

    /// Refuses a value that no store takes.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub fn check_size(&self) -> Result<(), StoreError> {
        check_size("a session value", self)
    }
}

fn check_size(what: &'static str, stored: &impl Serialize) -> Result<(), StoreError> {
    let (bytes, limit) = (json_bytes(stored), MAX_STORED_BYTES);
    if bytes > limit { Err(StoreError::TooLarge { what, bytes, limit }) } else { Ok(()) }
}

/// Some entries of a conversation, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EntryPage {
    /// The entries.
    pub entries: Vec<MemoryEntry>,
    /// Whether there may be older ones in the range. Then the page is not empty.
    pub more: bool,
}

/// A store of conversations: their memory and their session values.
///
/// - **Conditional**: a write is made only if the stored item has the expected write id, or is
///   absent as expected.
/// - **Strong**: a read sees every write that was answered before it began.
/// - **Lost answers**: the same write made again is recognized by its id.
/// - **Private**: nothing is found under another tenant, owner or context.
///
/// A store refuses an item larger than [`MAX_STORED_BYTES`] and writes nothing. After `expires_at`
/// a store may delete an item by itself, or not at all.
#[async_trait]
pub trait Memory: Send + Sync + 'static {
    /// Stores an entry under its number, in place of that of the write `before`; where there is none
    /// yet, if `before` is `None`.
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError>;

    /// Reads the newest entries with numbers above `after` and up to `through`, at most `limit` (at
    /// least 1).
    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError>;

    /// Stores a session value under its key, in place of that of the write `before`; where there is
    /// none yet, if `before` is `None`.
    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError>;

    /// Reads a session value, also one that was deleted or has expired, if it is there.
    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError>;

    /// Deletes at most `limit` (at least 1) items of a conversation. Returns whether nothing is left.
    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use a2a_lambda_protocol::Json;

    fn name(tenant: &str, owner: &str, context: &str) -> String {
        let tenant = Tenant::parse(tenant).unwrap();
        let owner = Owner::parse(owner).unwrap();
        ConversationKey { tenant, owner, context: ContextId::parse(context).unwrap() }.name()
    }

    #[test]
    fn a_conversation_has_a_short_name_of_its_own() {
        assert_eq!(name("", "alice", "trip-1"), "/alice/trip-1");
        assert_eq!(name("acme", "jwt:a|b@c", "trip"), "acme/jwt:a|b@c/trip");
        let long = "x".repeat(256);
        let unlike = [
            name("", "a/b", "c"),
            name("", "a", "b/c"),
            name("", "a#b", "c"),
            name("", "~a", "c"),
            name("", &long, "c"),
            name("", "c", &long),
            name("c", "a", "b"),
            name("", "é", "c"),
        ];
        for (place, name) in unlike.iter().enumerate() {
            assert_eq!(name.matches('/').count(), 2, "{name}");
            assert!(!name.contains('#') && name.len() <= 322, "{name}");
            assert!(!unlike[..place].contains(name), "{name}");
        }
    }

    /// The stored forms that this release and the next ones read. They must not change within a format.
    #[test]
    fn what_is_stored_keeps_its_form() {
        let entry = MemoryEntry {
            number: 7,
            writer: WriteId::new("scope"),
            fence: 2,
            items: vec![MemoryItem::user("hi")],
            write: WriteId::new("w"),
            expires_at: Some(Timestamp::from_millis(5)),
        };
        let json = r#"{"n":7,"o":"scope","f":2,"i":[{"user":[{"text":"hi"}]}],"w":"w","x":"1970-01-01T00:00:00.005Z"}"#;
        assert_eq!(serde_json::to_string(&entry).unwrap(), json);
        assert_eq!(serde_json::from_str::<MemoryEntry>(json).unwrap(), entry);
        let value = SessionValue {
            key: "n".to_owned(),
            value: Some(Json::from_value(&1).unwrap()),
            write: WriteId::new("w2"),
            before: vec![WriteId::new("w1")],
            expires_at: None,
        };
        let json = r#"{"k":"n","d":1,"w":"w2","p":["w1"]}"#;
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<SessionValue>(json).unwrap(), value);
        let deleted = r#"{"k":"n","w":"w3"}"#;
        assert_eq!(serde_json::from_str::<SessionValue>(deleted).unwrap().value, None);
        assert!(serde_json::from_str::<SessionValue>(r#"{"k":"n","w":"w3","y":1}"#).is_err());
    }

    #[test]
    fn a_value_remembers_the_writes_before_it() {
        let mut value = SessionValue {
            key: "n".to_owned(),
            value: None,
            write: WriteId::new("0"),
            before: Vec::new(),
            expires_at: None,
        };
        for n in 1..40 {
            value = SessionValue {
                write: WriteId::new(n.to_string()),
                before: value.writes(),
                ..value
            };
        }
        let known = (0..40).filter(|n| value.knows(&WriteId::new(n.to_string())));
        assert_eq!(known.collect::<Vec<_>>(), (23..40).collect::<Vec<_>>());
    }
}
