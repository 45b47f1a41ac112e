//! The table, its keys and indexes.

use std::error::Error;

use a2a_lambda_core::ids::{Owner, TaskId, TaskKey, Tenant};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

use crate::attributes::{Malformed, value};

/// The index by owner, newest status first, for ListTasks.
pub const LIST_INDEX: &str = "list";

/// The index of an owner's tasks in one context, in no order. Each entry is written once.
pub const CONTEXT_INDEX: &str = "context";

/// The index of due work, by shard and time.
pub const DUE_INDEX: &str = "due";

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";

/// The attribute with the time, in seconds, at which DynamoDB deletes an item.
pub(crate) const TTL: &str = "ttl";

/// Sort keys of a task's items. The configs and the records of steps sort before the head, so a read of a
/// task does not include them; the log's items sort behind it.
pub(crate) const CONFIGS: &str = "C#";
pub(crate) const STEPS: &str = "D#";
pub(crate) const HEAD: &str = "H";
pub(crate) const PARCELS: &str = "P#";
pub(crate) const SEGMENTS: &str = "S#";

/// The log in an item, with its size in bytes: the whole of a segment or a parcel, and the newest
/// entries in a head.
pub(crate) const LOG: &str = "log";
pub(crate) const LOG_BYTES: &str = "lb";

/// A sort key after every segment: `$` follows `#`.
pub(crate) const BEHIND_LOG: &str = "S$";

/// The list index: its partition, `!{state}{shard}#{tenant}#{owner}`, or `{tenant}#{owner}` before
/// format 3, its order, `{status time}#{task id}`, and the further attributes for ListTasks.
pub(crate) const LIST_PK: &str = "lp";
pub(crate) const LIST_SK: &str = "ls";
pub(crate) const STATE: &str = "st";
pub(crate) const CONTEXT: &str = "ctx";

/// The context index: its partition, a digest.
pub(crate) const CONTEXT_PK: &str = "cx";

/// The due index: its shard, 0 to 63, and its time.
pub(crate) const DUE_PK: &str = "ds";
pub(crate) const DUE_SK: &str = "dt";

/// The pending-push mark: an attribute of a head with open pushes. A stream's filter on
/// `{"dynamodb": {"NewImage": {"nm": {"S": ["open"]}}}}` wakes stream-recovery when no deliverer
/// has claimed the pushes.
pub const PUSH_MARK: &str = "nm";

/// The value of [`PUSH_MARK`] without a claim.
pub const OPEN_MARK: &str = "open";

/// Configs in trouble are in the due index, too. Their shard is the task's among eight, plus this number.
pub(crate) const FAILING_SHARDS: u8 = 64;

/// The task of an item, by its keys in a stream's record. `None` if the item is not a head.
pub fn task_of_head(pk: &str, sk: &str) -> Option<TaskKey> {
    if sk == HEAD { task_key(pk).ok() } else { None }
}

/// The partition of a task. A tenant's name has no `#`.
pub(crate) fn partition(key: &TaskKey) -> String {
    key.to_string()
}

/// The partition of an owner's counters. Unlike a task's partition, its name has no `#`.
pub(crate) fn owner_partition(kind: &str, owner: &Owner) -> String {
    format!("{kind}@{}", owner.to_string().replace('#', "%/"))
}

/// The task of a partition.
pub(crate) fn task_key(partition: &str) -> Result<TaskKey, Malformed> {
    let (tenant, task) = partition.split_once('#').ok_or(Malformed::Attribute(PK))?;
    Ok(TaskKey {
        tenant: Tenant::parse(tenant).map_err(|e| value(PK, e))?,
        task: TaskId::parse(task).map_err(|e| value(PK, e))?,
    })
}

/// The table could not be created.
#[derive(Debug, thiserror::Error)]
#[error("the table {table:?} could not be created")]
pub struct CreateTableError {
    /// The table's name.
    pub table: String,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

/// Creates the table, with on-demand capacity. It is for local use and tests: in an account, the
/// template of `infra` creates the table, with its stream and backups.
///
/// # Errors
/// When DynamoDB refuses, for instance because the table exists.
pub async fn create_table(client: &Client, table: &str) -> Result<(), CreateTableError> {
    let failed = |source| CreateTableError { table: table.to_owned(), source };
    let request = definition(client, table).map_err(|error| failed(error.into()))?;
    request.send().await.map_err(|error| failed(error.into()))?;
    Ok(())
}

fn definition(
    client: &Client,
    table: &str,
) -> Result<aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder, BuildError>
{
    let mut request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key(PK, KeyType::Hash)?)
        .key_schema(key(SK, KeyType::Range)?);
    for name in [PK, SK, LIST_PK, LIST_SK, CONTEXT_PK] {
        request = request.attribute_definitions(attribute(name, ScalarAttributeType::S)?);
    }
    for name in [DUE_PK, DUE_SK] {
        request = request.attribute_definitions(attribute(name, ScalarAttributeType::N)?);
    }
    let list = GlobalSecondaryIndex::builder()
        .index_name(LIST_INDEX)
        .key_schema(key(LIST_PK, KeyType::Hash)?)
        .key_schema(key(LIST_SK, KeyType::Range)?)
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes(STATE)
                .non_key_attributes(CONTEXT)
                .build(),
        )
        .build()?;
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let due = GlobalSecondaryIndex::builder()
        .index_name(DUE_INDEX)
        .key_schema(key(DUE_PK, KeyType::Hash)?)
        .key_schema(key(DUE_SK, KeyType::Range)?)
        .projection(keys_only.clone())
        .build()?;
    let context = GlobalSecondaryIndex::builder()
        .index_name(CONTEXT_INDEX)
        .key_schema(key(CONTEXT_PK, KeyType::Hash)?)
        .projection(keys_only)
        .build()?;
    let indexes = vec![list, due, context];
    Ok(request.set_global_secondary_indexes(Some(indexes)))
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
}
