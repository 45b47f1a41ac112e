//! The data that cases store of conversations.

use a2a_lambda_core::conversation::{ConversationKey, MemoryEntry, MemoryItem, SessionValue};
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::{ContextId, Owner, Tenant};
use a2a_lambda_protocol::Json;

pub(crate) fn conversation(tenant: &str, owner: &str, context: &str) -> ConversationKey {
    ConversationKey {
        tenant: Tenant::parse(tenant).expect("a tenant"),
        owner: Owner::parse(owner).expect("an owner"),
        context: ContextId::parse(context).expect("a context"),
    }
}

/// An entry of this number, which the write tells apart.
pub(crate) fn entry(number: u64, write: &str) -> MemoryEntry {
    MemoryEntry {
        number,
        writer: WriteId::new(format!("writer of {write}")),
        fence: 1,
        items: vec![MemoryItem::user(write)],
        write: WriteId::new(write),
        expires_at: None,
    }
}

/// A value under this key, which the write tells apart.
pub(crate) fn value(key: &str, write: &str) -> SessionValue {
    SessionValue {
        key: key.to_owned(),
        value: Json::from_value(write).ok(),
        write: WriteId::new(write),
        before: Vec::new(),
        expires_at: None,
    }
}
