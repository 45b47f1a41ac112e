//! From the `X-Amz-Target` header and a JSON body to a call of the engine, and back.
//!
//! The engine's own HTTP server has a similar table, but only behind a listening socket. That table
//! adds only the exact wording for malformed JSON, which the SDK never sends.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The answer to a request: an HTTP status and a JSON body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

pub(super) fn answer(database: &Database, target: &str, body: &[u8]) -> Answer {
    match dispatch(database, target, body) {
        Ok(body) => Answer { status: 200, body },
        Err(error) => Answer { status: error.status_code(), body: error.to_json() },
    }
}

type Result<T> = std::result::Result<T, DynoxideError>;

fn dispatch(db: &Database, target: &str, body: &[u8]) -> Result<String> {
    let operation = target
        .strip_prefix("DynamoDB_20120810.")
        .or_else(|| target.strip_prefix("DynamoDBStreams_20120810."))
        .unwrap_or(target);
    match operation {
        "BatchGetItem" => run(body, |request| db.batch_get_item(request)),
        "BatchWriteItem" => run(body, |request| db.batch_write_item(request)),
        "CreateTable" => run(body, |request| db.create_table(request)),
        "DeleteItem" => run(body, |request| db.delete_item(request)),
        "DeleteTable" => run(body, |request| db.delete_table(request)),
        "DescribeStream" => run(body, |request| db.describe_stream(request)),
        "DescribeTable" => run(body, |request| db.describe_table(request)),
        "DescribeTimeToLive" => run(body, |request| db.describe_time_to_live(request)),
        "GetItem" => run(body, |request| db.get_item(request)),
        "GetRecords" => run(body, |request| db.get_records(request)),
        "GetShardIterator" => run(body, |request| db.get_shard_iterator(request)),
        "ListStreams" => run(body, |request| db.list_streams(request)),
        "ListTables" => run(body, |request| db.list_tables(request)),
        "PutItem" => run(body, |request| db.put_item(request)),
        "Query" => run(body, |request| db.query(request)),
        // An operator may scan, through the endpoint. The client in the process is refused it.
        "Scan" => run(body, |request| db.scan(request)),
        "TransactGetItems" => run(body, |request| db.transact_get_items(request)),
        "TransactWriteItems" => run(body, |request| db.transact_write_items(request)),
        "UpdateItem" => run(body, |request| db.update_item(request)),
        "UpdateTable" => run(body, |request| db.update_table(request)),
        "UpdateTimeToLive" => run(body, |request| db.update_time_to_live(request)),
        other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
    }
}

fn run<Request, Response>(
    body: &[u8],
    operation: impl FnOnce(Request) -> Result<Response>,
) -> Result<String>
where
    Request: DeserializeOwned,
    Response: Serialize,
{
    let request = serde_json::from_slice(body).map_err(|error| refused(&error))?;
    serde_json::to_string(&operation(request)?)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The engine checks values (a number's digits, an empty set) while it reads them. It marks such a
/// refusal with a prefix that names the error; the prefix must not reach a client.
fn refused(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    let (marker, message) = text.split_once(':').unwrap_or(("", &text));
    match marker {
        "SERIALIZATION" | "SERIALIZATION_AS_READ" => {
            DynoxideError::SerializationException(message.to_owned())
        }
        "VALIDATION" | "VALIDATION_AS_READ" | "VALIDATION_REQUEST" => {
            DynoxideError::ValidationException(message.to_owned())
        }
        _ => DynoxideError::ValidationException(text),
    }
}
