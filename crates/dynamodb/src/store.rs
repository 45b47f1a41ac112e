//! The store: one conditional write for each commit.

use a2a_lambda_core::head::Head;
use a2a_lambda_core::ids::{LeaseToken, TaskKey, WriteId};
use a2a_lambda_core::log::{Entry, Event};
use a2a_lambda_core::machine::Change;
use a2a_lambda_core::store::{
    Committed, Created, DUE_SHARDS, Depth, DueShards, DueTask, Guard, Kept, ListQuery, Page,
    Renewed, Snapshot, StoreError, TaskStore,
};
use a2a_lambda_protocol::{TaskState, Timestamp};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::attributes::{Item, Malformed, number, string};
use crate::condition::Condition;
use crate::error::{corrupt, store_error};
use crate::format::{BY_STATE, FORMAT, NEWEST, OLDEST};
use crate::head_item::{
    INCARNATION, LEASE_TOKEN, LEASED_UNTIL, REVISION, WRITE, state_name, to_item,
};
use crate::listing::{LISTED, Listing, ShortMessage, is_by_state, item_bytes};
use crate::log_items::{Inline, log_bytes, moves, pack, segment, snapshot};
use crate::table::{HEAD, LOG, LOG_BYTES, PK, SK, STATE, partition};

/// The task store on DynamoDB. See the [crate's description](crate) for the table.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) listing: Listing,
    due_shards: DueShards,
}

/// An update of a head's item: the attributes to set and to remove, and the conditions.
#[derive(Default)]
struct Update {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: Vec<(String, String)>,
    values: Vec<(String, AttributeValue)>,
}

impl Update {
    /// A placeholder for an attribute's name: short names may be reserved words.
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{}", self.names.len());
        self.names.push((placeholder.clone(), name.to_owned()));
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.push((placeholder.clone(), value));
        placeholder
    }

    fn set(&mut self, name: &str, value: AttributeValue) {
        let set = format!("{}={}", self.name(name), self.value(value));
        self.sets.push(set);
    }

    fn append(&mut self, name: &str, values: Vec<AttributeValue>) {
        let name = self.name(name);
        let value = self.value(AttributeValue::L(values));
        self.sets.push(format!("{name}=list_append({name},{value})"));
    }

    fn remove(&mut self, name: &str) {
        let name = self.name(name);
        self.removes.push(name);
    }

    fn require(&mut self, name: &str, value: AttributeValue) {
        let condition = format!("{}={}", self.name(name), self.value(value));
        self.conditions.push(condition);
    }

    fn require_absent(&mut self, name: &str) {
        let condition = format!("attribute_not_exists({})", self.name(name));
        self.conditions.push(condition);
    }

    /// Requires that the task is this one, and no later one of the same id.
    fn require_same(&mut self, head: &Head) {
        match &head.incarnation {
            Some(incarnation) => self.require(INCARNATION, string(incarnation.as_str())),
            None => self.require_absent(INCARNATION),
        }
    }

    /// Requires that the item has a format that this release reads: another release may have
    /// written it since the read.
    fn require_readable(&mut self) {
        let name = self.name(FORMAT);
        let (oldest, newest) = (self.value(number(OLDEST)), self.value(number(NEWEST)));
        let condition =
            format!("(attribute_not_exists({name}) OR {name} BETWEEN {oldest} AND {newest})");
        self.conditions.push(condition);
    }

    /// Sets and removes the attributes that differ between two versions of the head's item, except
    /// [`LISTED`].
    fn change(&mut self, before: &Item, after: &Item) {
        let is_listing = |name: &str| LISTED.contains(&name);
        for (name, value) in after {
            if before.get(name) != Some(value) && !is_listing(name) {
                self.set(name, value.clone());
            }
        }
        for name in before.keys() {
            if !after.contains_key(name) && !is_listing(name) {
                self.remove(name);
            }
        }
    }

    /// Updates the index attributes if they change, or if the item may have them in another form.
    /// `log`: the size of the inline log, in bytes. `by_state`: the form that the item has.
    fn list(
        &mut self,
        (before, after): (&Item, &Item),
        change: &Change,
        listing: Listing,
        log: usize,
        by_state: Option<bool>,
    ) {
        let entries = change.entries();
        let differs = |name: &str| before.get(name) != after.get(name);
        let submitted = string(state_name(TaskState::Submitted));
        let leaves_submitted = differs(STATE) && before.get(STATE) == Some(&submitted);
        // Neither a submitted task nor its claim has a message.
        let message = ShortMessage::after(entries)
            .or_else(|| leaves_submitted.then_some(ShortMessage::Without));
        let message = message.map(|message| message.where_it_is_free(item_bytes(after) + log));
        let is_status = |entry: &Entry| matches!(entry.event, Event::Status(_));
        let stays = change.head().listed_as_submitted.is_some();
        // The number says which form they have.
        let has_other_form = differs(FORMAT) && by_state != Some(listing.by_state);
        if LISTED.iter().any(|name| *name != FORMAT && differs(name))
            || entries.iter().any(is_status) && !stays
            || has_other_form
        {
            let message = message.unwrap_or(ShortMessage::Unknown);
            for (name, value) in listing.attributes(change.head(), message) {
                match value {
                    Some(value) => self.set(name, value),
                    None => self.remove(name),
                }
            }
            return;
        }
        if differs(FORMAT) {
            self.set(FORMAT, number(listing.format(change.head())));
        }
        if let Some(message) = message.filter(|_| !stays) {
            self.set(STATE, message.with_state(state_name(change.head().state())));
        }
    }

    fn build(mut self, store: &DynamoDbStore, key: &TaskKey) -> UpdateItemFluentBuilder {
        self.require_readable();
        let mut expression = format!("SET {}", self.sets.join(","));
        if !self.removes.is_empty() {
            expression.push_str(" REMOVE ");
            expression.push_str(&self.removes.join(","));
        }
        store
            .client
            .update_item()
            .table_name(&store.table)
            .key(PK, string(partition(key)))
            .key(SK, string(HEAD))
            .update_expression(expression)
            .condition_expression(self.conditions.join(" AND "))
            .set_expression_attribute_names(Some(self.names.into_iter().collect()))
            .set_expression_attribute_values(Some(self.values.into_iter().collect()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

impl DynamoDbStore {
    /// The store on this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let listing = Listing { by_state: true, shards: 1 };
        let due_shards = DueShards::configured(DUE_SHARDS);
        Self { client, table: table.into(), listing, due_shards }
    }

    /// The store, limited to item formats up to this one. A deployment needs it while an earlier
    /// release is in use.
    #[must_use]
    pub fn writing(self, newest: u64) -> Self {
        let listing = Listing { by_state: newest >= BY_STATE, ..self.listing };
        Self { listing, ..self }
    }

    /// The store with an owner's tasks of one state spread over this many partitions of the list
    /// index: 1 to 8. All users of the table must have the same number. It must never decrease.
    #[must_use]
    pub fn spread(self, shards: u8) -> Self {
        let listing = Listing { shards: shards.clamp(1, DUE_SHARDS), ..self.listing };
        Self { listing, ..self }
    }

    /// The store with due times spread over this many shards of the due index: 8 to 64. The number
    /// may be raised and lowered while tasks are open: the sweep finds them in their earlier shards.
    #[must_use]
    pub fn spread_due(self, shards: u8) -> Self {
        Self { due_shards: DueShards::configured(shards), ..self }
    }

    pub(crate) async fn put_item(&self, item: Item) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(drop).map_err(store_error)
    }

    /// Puts an item in place of that of the write `before`, or where there is none. `Err` in the result is
    /// the item that is there instead. The item's own write is no other: the answer to an earlier try
    /// of it may have been lost.
    pub(crate) async fn put_instead(
        &self,
        item: Item,
        before: Option<&WriteId>,
    ) -> Result<Result<(), Option<Item>>, StoreError> {
        let write = item.get(WRITE).cloned();
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let request = match before {
            None => request
                .condition_expression("attribute_not_exists(#s)")
                .expression_attribute_names("#s", SK),
            Some(before) => request
                .condition_expression("#w = :before")
                .expression_attribute_names("#w", WRITE)
                .expression_attribute_values(":before", string(before.as_str())),
        };
        let request = request
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(failed) = request.send().await else {
            return Ok(Ok(()));
        };
        match failed.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(other)) => {
                let other = other.item().cloned();
                let is_own = other.as_ref().is_some_and(|other| other.get(WRITE) == write.as_ref());
                Ok(if is_own { Ok(()) } else { Err(other) })
            }
            _ => Err(store_error(failed)),
        }
    }

    pub(crate) async fn get_item(
        &self,
        key: &TaskKey,
        name: &str,
    ) -> Result<Option<Item>, StoreError> {
        self.get_item_if(key, name, true).await
    }

    /// Reads an item. An inconsistent read costs half, and may return the item as it was a moment
    /// before.
    pub(crate) async fn get_item_if(
        &self,
        key: &TaskKey,
        name: &str,
        is_consistent: bool,
    ) -> Result<Option<Item>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(PK, string(partition(key)))
            .key(SK, string(name))
            .consistent_read(is_consistent);
        Ok(request.send().await.map_err(store_error)?.item)
    }

    /// Sends an update. An inner `Ok` has the part of the item that `returned` names. An inner
    /// `Err` is the item that did not meet the condition.
    async fn update(
        &self,
        update: Update,
        key: &TaskKey,
        returned: ReturnValue,
    ) -> Result<Result<Option<Item>, Option<Item>>, StoreError> {
        match update.build(self, key).return_values(returned).send().await {
            Ok(done) => Ok(Ok(done.attributes)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Err(failed.item().cloned()))
                }
                _ => Err(store_error(error)),
            },
        }
    }

    /// The outcome of a commit whose condition failed.
    fn lost(change: &Change, item: Option<Item>) -> Result<Committed, StoreError> {
        let Some(item) = item else {
            return Ok(Committed::Lost(None));
        };
        let current =
            snapshot(&item).map_err(|malformed| corrupt(&change.head().key, malformed))?;
        Ok(if current.head.write == change.head().write {
            Committed::Done(Box::new(current))
        } else {
            Committed::Lost(Some(Box::new(current)))
        })
    }

    /// Moves the inline log to a segment, before a commit that begins a new one. If the commit is
    /// lost, the segment repeats entries that are still inline.
    async fn move_out(&self, head: &Head, inline: &Inline) -> Result<(), StoreError> {
        match segment(head, &inline.log).map_err(|malformed| corrupt(&head.key, malformed))? {
            Some(segment) => self.put_item(segment).await,
            None => Ok(()),
        }
    }
}

impl DynamoDbStore {
    /// Stores a new task. It replaces `expired`, if there is one.
    async fn put_new(
        &self,
        change: &Change,
        expired: Option<&Head>,
    ) -> Result<Created, StoreError> {
        let mut packed = pack(change.head(), change.entries())?;
        for parcel in std::mem::take(&mut packed.parcels) {
            self.put_item(parcel).await?;
        }
        let mut item = to_item(change.head(), self.due_shards);
        self.listing.put(&mut item, change.head(), change.entries());
        let by_state = is_by_state(&item);
        let (log, bytes) = (packed.inline.clone(), packed.inline_bytes);
        let inline = Inline { log, bytes, by_state };
        item.insert(LOG.into(), AttributeValue::L(packed.inline));
        item.insert(LOG_BYTES.into(), log_bytes(packed.inline_bytes));
        let condition = Condition::no_head_but(expired);
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(condition.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(failed) = request.send().await else {
            let created = Snapshot::created(change, Kept::new(inline));
            return Ok(Created::Now(Box::new(created)));
        };
        match failed.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(exists)) => {
                let key = &change.head().key;
                let item = exists.item().ok_or(Malformed::Attribute(PK));
                let existing =
                    item.and_then(snapshot).map_err(|malformed| corrupt(key, malformed))?;
                let is_same = existing.head.write == change.head().write;
                let existing = Box::new(existing);
                Ok(if is_same { Created::Now(existing) } else { Created::Before(existing) })
            }
            _ => Err(store_error(failed)),
        }
    }
}

#[async_trait]
impl TaskStore for DynamoDbStore {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        self.put_new(change, None).await
    }

    async fn replace(&self, expired: &Head, change: &Change) -> Result<Created, StoreError> {
        self.put_new(change, Some(expired)).await
    }

    async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError> {
        self.purge_items(expired, limit).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        match depth {
            Depth::Tail => self.read_tail(key, true).await,
            Depth::After(known) => self.read_after(key, known, true).await,
            Depth::Full => self.read_full(key).await,
        }
    }

    async fn glance(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        match depth {
            Depth::Tail => self.read_tail(key, false).await,
            Depth::After(known) => self.read_after(key, known, false).await,
            Depth::Full => self.read_full(key).await,
        }
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let key = &change.head().key;
        let packed = pack(change.head(), change.entries())?;
        let inline: Option<&Inline> = base.kept.get();
        let moved = inline.filter(|_| moves(inline, &packed, change.head()));
        if let Some(inline) = moved {
            self.move_out(&base.head, inline).await?;
        }
        for parcel in packed.parcels {
            self.put_item(parcel).await?;
        }
        let mut update = Update::default();
        let item = |head: &Head| to_item(head, self.due_shards);
        // A due time that stays, even if it moves, stays in the shard that it was written into.
        let (before, after) = (item(&base.head), item(change.head()));
        update.change(&before, &after);
        let bytes_before = inline.map_or(0, |inline| inline.bytes);
        let bytes = packed.inline_bytes + if moved.is_some() { 0 } else { bytes_before };
        let by_state = inline.map(|inline| inline.by_state);
        update.list((&before, &after), change, self.listing, bytes, by_state);
        update.require(REVISION, number(guard.revision));
        update.require_same(&base.head);
        if let Some(until) = guard.leased_until {
            update.require(LEASED_UNTIL, number(until.as_millis()));
        }
        if moved.is_some() {
            update.set(LOG, AttributeValue::L(packed.inline));
        } else if !packed.inline.is_empty() {
            update.append(LOG, packed.inline);
        }
        if bytes != bytes_before {
            update.set(LOG_BYTES, log_bytes(bytes));
        }
        // A failed condition returns the item at no cost. The item also has a renewed lease, which
        // the change did not decide.
        match self.update(update, key, ReturnValue::AllNew).await? {
            Ok(item) => {
                let item = item.ok_or(Malformed::Attribute(PK));
                let now = item.and_then(|item| snapshot(&item));
                let now = now.map_err(|malformed| corrupt(key, malformed))?;
                Ok(Committed::Done(Box::new(now)))
            }
            Err(item) => Self::lost(change, item),
        }
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        let mut update = Update::default();
        update.set(LEASED_UNTIL, number(until.as_millis()));
        update.require(LEASE_TOKEN, string(token.as_str()));
        match self.update(update, key, ReturnValue::None).await? {
            Ok(_) => Ok(Renewed::Done),
            Err(None) => Ok(Renewed::Lost(None)),
            Err(Some(item)) => {
                let current = snapshot(&item).map_err(|malformed| corrupt(key, malformed))?;
                Ok(Renewed::Lost(Some(Box::new(current))))
            }
        }
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.list_tasks(query).await
    }

    fn due_shards(&self) -> DueShards {
        self.due_shards
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        self.due_tasks(shard, until, after, limit).await
    }
}
