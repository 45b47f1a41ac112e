//! Tells the kind of an event by its shape. A function that gets another function's events says so
//! by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use crate::bootstrap::Named;

/// The longest name of a source that is repeated.
const MAX_SOURCE_BYTES: usize = 64;

const QUEUE: &str = "aws:sqs";
const TABLE_STREAM: &str = "aws:dynamodb";

/// The kinds of events that the functions tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A request by an HTTP API or a Function URL.
    HttpApi,
    /// A request by a REST API, or by an HTTP API that is set to its format.
    RestApi,
    /// A request by an Application Load Balancer.
    LoadBalancer,
    /// A message by a WebSocket API.
    WebSocketApi,
    /// A batch of an SQS queue.
    Queue,
    /// A batch of a DynamoDB table's stream.
    TableStream,
    /// A batch of records that do not name their source.
    Batch,
    /// A batch of records from something else.
    OtherBatch(String),
    /// An event of another service, which is named.
    Service(&'static str),
    /// None of these, such as the tick of a schedule.
    Other,
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpApi => "an HTTP API's or Function URL's request (payload 2.0)",
            Self::RestApi => "a REST API's request (payload 1.0)",
            Self::LoadBalancer => "an Application Load Balancer's request",
            Self::WebSocketApi => "a WebSocket API's message",
            Self::Queue => "a batch of an SQS queue",
            Self::TableStream => "a batch of a DynamoDB stream",
            Self::Batch => "a batch of records that name no source",
            Self::OtherBatch(source) => return write!(f, "a batch of {source}"),
            Self::Service(name) => return write!(f, "an event of {name}"),
            Self::Other => "neither a batch of records nor a request",
        })
    }
}

/// The kind of a batch whose records name different sources.
const SEVERAL: &str = "records of several sources";

/// Members by which the events of other services are known: all of a line.
const SERVICES: &[(&[&str], &str)] = &[
    (&["triggerSource", "userPoolId"], "a Cognito user pool"),
    (&["identityPoolId", "datasetRecords"], "Cognito Sync"),
    (&["RequestType", "ResponseURL"], "CloudFormation"),
    (&["authorizationToken", "methodArn"], "an API Gateway authorizer"),
    (&["type", "methodArn"], "an API Gateway authorizer"),
    (&["type", "routeArn"], "an API Gateway authorizer"),
    (&["authorizationToken", "requestContext"], "an AppSync authorizer"),
    (&["info", "arguments"], "AppSync"),
    (&["awslogs"], "CloudWatch Logs"),
    (&["deliveryStreamArn", "records"], "Data Firehose"),
    (&["bootstrapServers", "records"], "Kafka"),
    (&["rmqMessagesByQueue"], "Amazon MQ"),
    (&["eventSource", "messages"], "Amazon MQ"),
    (&["eventSourceArn", "events"], "DocumentDB"),
    (&["getObjectContext"], "S3 Object Lambda"),
    (&["invocationSchemaVersion", "tasks"], "S3 Batch Operations"),
    (&["SecretId", "ClientRequestToken"], "Secrets Manager"),
    (&["CodePipeline.job"], "CodePipeline"),
    (&["DeploymentId", "LifecycleEventHookExecutionId"], "CodeDeploy"),
    (&["invokingEvent", "ruleParameters"], "AWS Config"),
    (&["sessionState", "bot"], "Amazon Lex"),
    (&["currentIntent", "bot"], "Amazon Lex"),
    (&["messageVersion", "actionGroup"], "Amazon Bedrock"),
    (&["Name", "Details"], "Amazon Connect"),
];

/// The `detail-type` of EventBridge's events that are ticks of a schedule.
const SCHEDULED: &str = r#""Scheduled Event""#;

/// A member that is present, with any value. `null` is as good as none.
type Present<'a> = Option<&'a RawValue>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape<'a> {
    #[serde(borrow)]
    request_context: Present<'a>,
    #[serde(borrow)]
    http_method: Present<'a>,
    #[serde(borrow, rename = "Records")]
    records: Present<'a>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Present<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    #[serde(borrow)]
    http: Present<'a>,
    #[serde(borrow)]
    elb: Present<'a>,
    #[serde(borrow)]
    http_method: Present<'a>,
    #[serde(borrow)]
    connection_id: Present<'a>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "eventSource", alias = "EventSource", default)]
    source: Option<String>,
}

impl EventKind {
    /// The kind of an event.
    pub fn of(event: &RawValue) -> Self {
        // A text that is not an object has none of the members. Nor does an object that gives one
        // of them twice.
        let Some(shape) = object::<Shape<'_>>(event) else {
            return Self::Other;
        };
        if let Some(service) = service(event) {
            return Self::Service(service);
        }
        if let Some(context) = shape.request_context {
            let context = object::<RequestContext<'_>>(context).unwrap_or_default();
            if context.http.is_some() {
                return Self::HttpApi;
            }
            if context.elb.is_some() {
                return Self::LoadBalancer;
            }
            if context.connection_id.is_some() {
                return Self::WebSocketApi;
            }
            if context.http_method.is_some() {
                return Self::RestApi;
            }
        }
        if shape.http_method.is_some() {
            return Self::RestApi;
        }
        match (shape.records, shape.detail_type) {
            (Some(records), _) => Self::of_batch(records),
            (None, Some(kind)) if kind.get() != SCHEDULED => Self::Service("EventBridge"),
            _ => Self::Other,
        }
    }

    fn of_batch(records: &RawValue) -> Self {
        let Ok(records) = serde_json::from_str::<Vec<&RawValue>>(records.get()) else {
            return Self::Other;
        };
        let mut sources = records.iter().map(|record| object::<Source>(record)?.source);
        let first = sources.next().flatten();
        if sources.any(|source| source != first) {
            return Self::OtherBatch(SEVERAL.to_owned());
        }
        match first.as_deref() {
            None => Self::Batch,
            Some(QUEUE) => Self::Queue,
            Some(TABLE_STREAM) => Self::TableStream,
            Some(other) => {
                let is_name = other.len() <= MAX_SOURCE_BYTES
                    && other.bytes().all(|b| b.is_ascii_alphanumeric() || b":._-".contains(&b));
                let name = if is_name { other } else { "something else" };
                Self::OtherBatch(name.to_owned())
            }
        }
    }
}

/// The service that an event is known to be of.
#[expect(clippy::zero_sized_map_values, reason = "serde reads an object into a map only")]
fn service(event: &RawValue) -> Option<&'static str> {
    let members = object::<BTreeMap<String, IgnoredAny>>(event)?;
    let has = |names: &[&str]| names.iter().all(|name| members.contains_key(*name));
    SERVICES.iter().find(|(names, _)| has(names)).map(|(_, service)| *service)
}

fn object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    // `serde` takes an array's items for the members of a struct.
    let json = Some(json.get()).filter(|json| json.starts_with('{'))?;
    serde_json::from_str(json).ok()
}

/// An event cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is another function's.
    #[error("this event is {found}; the function {function} takes {taken}")]
    Foreign {
        /// The function.
        function: &'static str,
        /// The kind that it handles.
        taken: String,
        /// The kind that it got.
        found: EventKind,
    },
    /// It is not as AWS documents it.
    #[error("this event is not in the form that AWS documents for {taken}")]
    Malformed {
        /// The kind that the function handles.
        taken: EventKind,
        /// The fault in the event.
        #[source]
        source: serde_json::Error,
    },
}

impl Named for EventError {
    fn name(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "UnknownEvent",
            Self::Malformed { .. } => "MalformedEvent",
        }
    }
}

/// Reads a batch of the kind that a function takes. A batch that names no source is taken for one.
///
/// # Errors
/// When the event is of another kind, or cannot be read.
pub fn batch<T: DeserializeOwned>(
    event: &RawValue,
    taken: EventKind,
    function: &'static str,
) -> Result<T, EventError> {
    let found = EventKind::of(event);
    if found != taken && found != EventKind::Batch {
        return Err(EventError::Foreign { function, taken: taken.to_string(), found });
    }
    serde_json::from_str(event.get()).map_err(|source| EventError::Malformed { taken, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json, value::to_raw_value};

    fn raw(event: &Value) -> Box<RawValue> {
        to_raw_value(event).unwrap()
    }

    #[test]
    fn events_are_told_apart_by_shape() {
        let records = |source: &str| json!({"Records": [{"eventSource": source, "body": "{}"}]});
        let other = |name: &str| EventKind::OtherBatch(name.to_owned());
        for (event, kind) in [
            (json!({"version": "2.0", "requestContext": {"http": {}}}), EventKind::HttpApi),
            (json!({"httpMethod": "GET", "requestContext": {"elb": {}}}), EventKind::LoadBalancer),
            (json!({"httpMethod": "GET", "requestContext": {"stage": "x"}}), EventKind::RestApi),
            (json!({"httpMethod": "GET"}), EventKind::RestApi),
            (json!({"requestContext": {"httpMethod": "GET"}}), EventKind::RestApi),
            (json!({"requestContext": {"connectionId": "c"}}), EventKind::WebSocketApi),
            (records("aws:sqs"), EventKind::Queue),
            (records("aws:dynamodb"), EventKind::TableStream),
            (records("aws:kinesis"), other("aws:kinesis")),
            (json!({"Records": [{"EventSource": "aws:sns"}]}), other("aws:sns")),
            (records("two words"), other("something else")),
            (
                json!({"Records": [{"eventSource": "aws:sqs"}, {"eventSource": "aws:dynamodb"}]}),
                other(SEVERAL),
            ),
            (json!({"Records": [{"eventSource": "aws:sqs"}, {}]}), other(SEVERAL)),
            (json!({"Records": []}), EventKind::Batch),
            (json!({"Records": [{"body": "x"}]}), EventKind::Batch),
            (json!({"Records": [7]}), EventKind::Batch),
            (json!({"Records": "all"}), EventKind::Other),
            (json!({"Records": null}), EventKind::Other),
            (
                json!({"type": "REQUEST", "methodArn": "a", "httpMethod": "GET"}),
                EventKind::Service("an API Gateway authorizer"),
            ),
            (json!({"info": {}, "arguments": {}}), EventKind::Service("AppSync")),
            (json!({"source": "aws.ec2", "detail-type": "EC2"}), EventKind::Service("EventBridge")),
            (json!({"source": "aws.events", "detail-type": "Scheduled Event"}), EventKind::Other),
            (json!({"RequestType": "Create"}), EventKind::Other),
            (json!({"requestContext": {}}), EventKind::Other),
            (json!({"requestContext": {"http": null}}), EventKind::Other),
            (json!({"source": "aws.scheduler", "detail": {}}), EventKind::Other),
            (json!({}), EventKind::Other),
            (json!([1, 2, 3]), EventKind::Other),
            (json!("warm"), EventKind::Other),
            (Value::Null, EventKind::Other),
        ] {
            assert_eq!(EventKind::of(&raw(&event)), kind, "{event}");
        }
    }

    #[test]
    fn a_foreign_batch_is_refused_by_name() {
        let take = |event: &Value| batch::<Value>(&raw(event), EventKind::Queue, "sqs-executor");
        let foreign = json!({"Records": [{"eventSource": "aws:dynamodb"}]});
        assert_eq!(
            take(&foreign).unwrap_err().to_string(),
            "this event is a batch of a DynamoDB stream; the function sqs-executor takes a batch \
             of an SQS queue"
        );
        assert!(matches!(take(&json!({})), Err(EventError::Foreign { .. })));
        take(&json!({"Records": []})).unwrap();
        take(&json!({"Records": [{"eventSource": "aws:sqs"}]})).unwrap();
        let unreadable = batch::<u8>(&raw(&json!({"Records": []})), EventKind::Queue, "f");
        assert!(matches!(unreadable, Err(EventError::Malformed { .. })));
    }
}
