//! Conversations: a partition each, `memory@{tenant}/{owner}/{context}`, beside those of tasks. An entry
//! of memory is `M#{number}`, with 20 digits, and a session value `V#{key}`.
//!
//! [`ConversationKey::name`] has the rest of the partition's name.

use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::{Formats, StoreError};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use futures_util::future::try_join_all;

use crate::DynamoDbStore;
use crate::attributes::{Item, get_string, number, string, value};
use crate::error::{corrupt, store_error};
use crate::format::{FORMAT, Kind};
use crate::table::{PK, SK, TTL};

/// The one format that items of conversations have had so far.
const FORMAT_OF_MEMORY: u64 = Formats::FIRST;

/// Sort keys.
const ENTRIES: &str = "M#";
const VALUES: &str = "V#";

/// The entry or value, as JSON, and the id of its write.
const RECORD: &str = "rec";
const WRITE: &str = "w";

const ATTRIBUTES: &[&str] = &[PK, SK, TTL, RECORD, WRITE];

const ENTRY: Form<MemoryEntry> = Form {
    kind: Kind::of(Formats::new("memory", FORMAT_OF_MEMORY, FORMAT_OF_MEMORY), ATTRIBUTES),
    parse: |text| serde_json::from_str(text),
};

const VALUE: Form<SessionValue> = Form {
    kind: Kind::of(Formats::new("session value", FORMAT_OF_MEMORY, FORMAT_OF_MEMORY), ATTRIBUTES),
    parse: |text| serde_json::from_str(text),
};

/// How many items are deleted in parallel.
const DELETES_AT_ONCE: usize = 8;

/// The partition of a conversation. The name of a task's partition has a `#`, and this one has none.
fn partition(of: &ConversationKey) -> String {
    format!("memory@{}", of.name())
}

fn entry_name(number: u64) -> String {
    format!("{ENTRIES}{number:020}")
}

fn value_name(key: &str) -> String {
    format!("{VALUES}{key}")
}

fn keys(of: &ConversationKey, name: String) -> Item {
    [(PK.to_owned(), string(partition(of))), (SK.to_owned(), string(name))].into()
}

/// A kind of items, as JSON in their record.
struct Form<T> {
    kind: Kind,
    parse: fn(&str) -> Result<T, serde_json::Error>,
}

/// An item in place of the one of another write.
struct NewItem<'a> {
    name: String,
    json: Result<String, serde_json::Error>,
    write: &'a WriteId,
    before: Option<&'a WriteId>,
    expires_at: Option<Timestamp>,
}

impl DynamoDbStore {
    async fn swap<T>(
        &self,
        of: &ConversationKey,
        form: &Form<T>,
        put: NewItem<'_>,
    ) -> Result<Put<T>, StoreError> {
        let json = put.json.map_err(|error| StoreError::Refused(error.into()))?;
        let mut item = keys(of, put.name);
        item.extend([
            (FORMAT.to_owned(), number(FORMAT_OF_MEMORY)),
            (WRITE.to_owned(), string(put.write.as_str())),
            (RECORD.to_owned(), string(json)),
        ]);
        if let Some(at) = put.expires_at {
            let seconds = at.as_millis().saturating_add(999) / 1_000;
            item.insert(TTL.to_owned(), number(seconds));
        }
        Ok(match self.put_instead(item, put.before).await? {
            Ok(()) => Put::Stored,
            Err(other) => {
                let other = other.as_ref().map(|other| read(of, form, other)).transpose()?;
                Put::Other(other.map(Box::new))
            }
        })
    }

    /// A query for items of a conversation.
    fn query_conversation(&self, of: &ConversationKey) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .expression_attribute_names("#p", PK)
            .expression_attribute_values(":p", string(partition(of)))
            .consistent_read(true)
    }
}

fn read<T>(of: &ConversationKey, form: &Form<T>, item: &Item) -> Result<T, StoreError> {
    let found = form.kind.check(item).and_then(|()| {
        (form.parse)(get_string(item, RECORD)?).map_err(|error| value(RECORD, error))
    });
    found.map_err(|malformed| corrupt(&partition(of), malformed))
}

#[async_trait]
impl Memory for DynamoDbStore {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        entry.check_size()?;
        let (name, write) = (entry_name(entry.number), &entry.write);
        let json = serde_json::to_string(entry);
        let put = NewItem { name, json, write, before, expires_at: entry.expires_at };
        self.swap(of, &ENTRY, put).await
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        if after >= through {
            return Ok(EntryPage::default());
        }
        let request = self
            .query_conversation(of)
            .key_condition_expression("#p = :p AND #s BETWEEN :a AND :z")
            .expression_attribute_names("#s", SK)
            .expression_attribute_values(":a", string(entry_name(after + 1)))
            .expression_attribute_values(":z", string(entry_name(through)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit.max(1)).unwrap_or(i32::MAX));
        let page = request.send().await.map_err(store_error)?;
        let items = page.items.unwrap_or_default();
        let entries: Vec<MemoryEntry> =
            items.iter().map(|item| read(of, &ENTRY, item)).collect::<Result<_, _>>()?;
        let more = page.last_evaluated_key.is_some() && !entries.is_empty();
        Ok(EntryPage { entries, more })
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        value.check_size()?;
        let (name, write) = (value_name(&value.key), &value.write);
        let json = serde_json::to_string(value);
        let put = NewItem { name, json, write, before, expires_at: value.expires_at };
        self.swap(of, &VALUE, put).await
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let request = request.set_key(Some(keys(of, value_name(key))));
        let found = request.send().await.map_err(store_error)?.item;
        found.as_ref().map(|item| read(of, &VALUE, item)).transpose()
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        let limit = limit.max(1);
        let mut deleted = 0;
        loop {
            let left = limit - deleted;
            let request = self
                .query_conversation(of)
                .key_condition_expression("#p = :p")
                .projection_expression("#p, #s")
                .expression_attribute_names("#s", SK)
                .limit(i32::try_from(left).unwrap_or(i32::MAX));
            let page = request.send().await.map_err(store_error)?;
            let items = page.items.unwrap_or_default();
            if items.is_empty() {
                return Ok(page.last_evaluated_key.is_none());
            }
            for some in items.chunks(DELETES_AT_ONCE) {
                try_join_all(some.iter().map(|item| {
                    let request = self.client.delete_item().table_name(&self.table);
                    request.set_key(Some(item.clone())).send()
                }))
                .await
                .map_err(store_error)?;
            }
            deleted += items.len();
            if page.last_evaluated_key.is_none() {
                return Ok(true);
            }
            if deleted >= limit {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use a2a_lambda_core::Owner;
    use a2a_lambda_core::engine::chain;
    use a2a_lambda_core::ids::{ContextId, Tenant};

    fn trip() -> ConversationKey {
        ConversationKey {
            tenant: Tenant::parse("acme").unwrap(),
            owner: Owner::parse("alice").unwrap(),
            context: ContextId::parse("trip").unwrap(),
        }
    }

    #[test]
    fn names_sort_as_numbers_and_are_no_task_s() {
        assert_eq!(partition(&trip()), "memory@acme/alice/trip");
        let names = [1, 9, 10, 1_000, u64::MAX].map(entry_name);
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names[0], "M#00000000000000000001");
        assert!(names[4].as_str() < value_name("").as_str());
    }

    /// Items as this release writes them, with one thing changed.
    #[test]
    fn an_item_of_another_release_is_refused_by_name() {
        let mut item = keys(&trip(), value_name("k"));
        item.extend([
            (FORMAT.to_owned(), number(1)),
            (WRITE.to_owned(), string("w")),
            (RECORD.to_owned(), string(r#"{"k":"k","d":1,"w":"w"}"#)),
        ]);
        assert_eq!(read(&trip(), &VALUE, &item).unwrap().write.as_str(), "w");
        for (name, with, told) in [
            (
                FORMAT,
                number(99),
                "the session value has format 99, and this release reads format 1",
            ),
            ("new", string(""), "the session value has an unknown attribute \"new\""),
        ] {
            let mut item = item.clone();
            item.insert(name.to_owned(), with);
            let error = read(&trip(), &VALUE, &item).unwrap_err();
            assert!(matches!(error, StoreError::OtherRelease { .. }), "{error:?}");
            let error = chain(&error);
            assert!(error.contains(told) && error.contains("memory@acme/alice/trip"), "{error}");
        }
        item.insert(RECORD.to_owned(), string("{}"));
        let error = read(&trip(), &VALUE, &item).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    }
}
