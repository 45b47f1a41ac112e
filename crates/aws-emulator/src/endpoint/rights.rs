//! The calls to DynamoDB and SQS that a function's process may make: `infra/tests/calls.json` lists
//! them.
//!
//! The tests of the template hold the roles of the functions to the same file. So a process that
//! works here has the rights that it needs on AWS.

use std::collections::BTreeMap;
use std::io;

use a2a_lambda_dynamodb::API_KEYS_PARTITION;
use http::{HeaderMap, header};
use serde::Deserialize;

/// The name of the queue of dead letters. Any other names the queue itself.
pub(super) const DEAD_LETTERS: &str = "signals-dead";

const CALLS: &str = include_str!("calls.json");

/// A call of a service, as IAM has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Call {
    /// The action, such as `dynamodb:Query`.
    pub action: String,
    /// The kind of resource, such as `table/index/due`, or `table/!keys` for a partition that rights
    /// can be for.
    pub resource: String,
}

/// The fields of a request that name its resource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    index_name: Option<String>,
    queue_url: Option<String>,
    key: Key,
}

/// The key of an item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Key {
    pk: Partition,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Partition {
    s: Option<String>,
}

impl Call {
    /// The call that a request is, by its `X-Amz-Target` and its body. Its action is the operation,
    /// so no function may use an operation without an IAM action, such as a transaction.
    pub fn of(target: &str, body: &[u8]) -> Self {
        let named: Named = serde_json::from_slice(body).unwrap_or_default();
        let (api, operation) = target.split_once('.').unwrap_or((target, ""));
        let queue = |url: String| if url.ends_with(DEAD_LETTERS) { DEAD_LETTERS } else { "queue" };
        let (service, operation, resource) = match api {
            // IAM has one action for a message and for a batch of them.
            "AmazonSQS" => (
                "sqs",
                operation.strip_suffix("Batch").unwrap_or(operation),
                named.queue_url.map_or("*", queue).to_owned(),
            ),
            "TrentService" => ("kms", operation, "key".to_owned()),
            _ => (
                "dynamodb",
                operation,
                match (named.index_name, named.key.pk.s) {
                    (Some(index), _) => format!("table/index/{index}"),
                    (None, Some(pk)) if pk == API_KEYS_PARTITION => format!("table/{pk}"),
                    _ => "table".to_owned(),
                },
            ),
        };
        Self { action: format!("{service}:{operation}"), resource }
    }
}

/// The id of the access key that signed a request.
pub fn caller(headers: &HeaderMap) -> Option<&str> {
    let signed = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    signed.split_once("Credential=")?.1.split('/').next()
}

/// The calls of each function.
#[derive(Debug)]
pub(super) struct Rights(BTreeMap<String, Vec<Call>>);

impl Rights {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(serde_json::from_str(CALLS)?))
    }

    /// Why a request is refused, if it is. A caller that is not a function may do everything.
    pub(super) fn refusal(&self, headers: &HeaderMap, target: &str, body: &[u8]) -> Option<String> {
        let function = caller(headers)?;
        let calls = self.0.get(function)?;
        let call = Call::of(target, body);
        let Call { action, resource } = &call;
        (!calls.contains(&call)).then(|| {
            format!("{function} has no right to {action} on {resource}: see infra/tests/calls.json")
        })
    }
}
