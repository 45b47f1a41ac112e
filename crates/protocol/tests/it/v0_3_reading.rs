//! Requests of A2A 0.3 over JSON-RPC, and their 1.0 form.

use a2a_lambda_protocol::v0_3::*;
use a2a_lambda_protocol::{self as current, ErrorKind, decode, validate};
use serde::Serialize;
use serde::de::DeserializeOwned;

type List = current::ListTaskPushNotificationConfigsRequest;
type Config = current::TaskPushNotificationConfig;
type Delete = current::DeleteTaskPushNotificationConfigRequest;

/// The request of 1.0 that `params` of 0.3 stand for.
fn read<T: DeserializeOwned + Into<U>, U: Serialize>(params: &str) -> String {
    let old: T = decode(params.as_bytes()).unwrap();
    serde_json::to_string(&old.into()).unwrap()
}

fn send(params: &str) -> String {
    read::<MessageSendParams, current::SendMessageRequest>(params)
}

/// The offending field and the message.
fn refused<T: DeserializeOwned>(params: &str) -> (String, String) {
    let Err(error) = decode::<T>(params.as_bytes()) else { panic!("was read: {params}") };
    assert_eq!(error.kind, ErrorKind::InvalidParams);
    let violation = error.violations.into_iter().next().unwrap();
    (violation.field, violation.description)
}

/// A `message/send` of the specification, with all that a message can have.
#[test]
fn message() {
    let params = r#"{
        "message": {
            "kind": "message", "messageId": "9229e770", "role": "user",
            "contextId": "c1", "taskId": "t1", "referenceTaskIds": ["t0"],
            "extensions": ["https://example.com/ext"],
            "parts": [
                {"kind": "text", "text": "tell me a joke", "metadata": {"lang": "en"}},
                {"kind": "file", "file": {"name": "a.png", "mimeType": "image/png", "bytes": "AP8="}},
                {"kind": "file", "file": {"uri": "https://example.com/b", "mimeType": "text/plain"}},
                {"kind": "data", "data": {"z": 1.0, "a": 12345678901234567890}}
            ],
            "metadata": {"b": 1e2, "a": "\u00e9"}
        },
        "metadata": {}
    }"#;
    assert_eq!(
        send(params),
        concat!(
            r#"{"message":{"messageId":"9229e770","contextId":"c1","taskId":"t1","role":"ROLE_USER","#,
            r#""parts":[{"text":"tell me a joke","metadata":{"lang":"en"}},"#,
            r#"{"raw":"AP8=","filename":"a.png","mediaType":"image/png"},"#,
            r#"{"url":"https://example.com/b","mediaType":"text/plain"},"#,
            r#"{"data":{"z":1.0,"a":12345678901234567890}}],"#,
            r#""metadata":{"b":1e2,"a":"\u00e9"},"#,
            r#""extensions":["https://example.com/ext"],"referenceTaskIds":["t0"]},"metadata":{}}"#,
        )
    );
}

/// Pydantic's default output, which writes absent fields as null.
#[test]
fn null_is_absent_and_unknown_is_skipped() {
    let params = r#"{"message":{"kind":"message","messageId":"m","role":"agent","contextId":null,
        "parts":[{"kind":"text","text":"","metadata":null,"file":null}],"extensions":null,
        "novelty":{"a":[1]}},"configuration":null,"metadata":null,"also":1}"#;
    let expected = r#"{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[{"text":""}]}}"#;
    assert_eq!(send(params), expected);
}

/// The official SDKs read objects without a `kind`, so there are clients that send them.
#[test]
fn kind_may_be_absent_where_it_is_clear() {
    let params = r#"{"message":{"messageId":"m","role":"user",
        "parts":[{"text":"x"},{"file":{"uri":"u"}},{"data":{}}]}}"#;
    let expected = concat!(
        r#"{"message":{"messageId":"m","role":"ROLE_USER","#,
        r#""parts":[{"text":"x"},{"url":"u"},{"data":{}}]}}"#
    );
    assert_eq!(send(params), expected);
}

#[test]
fn data_that_was_put_into_an_object_is_taken_out() {
    for (part, expected) in [
        (r#"{"data":{"value":[1, 2]},"metadata":{"data_part_compat":true}}"#, r#"{"data":[1,2]}"#),
        (
            r#"{"data":{"value":null},"metadata":{"b":1.0,"data_part_compat":true,"\u0061":2}}"#,
            r#"{"data":null,"metadata":{"b":1.0,"\u0061":2}}"#,
        ),
        // Not marked, or marked by someone who means something else.
        (r#"{"data":{"value":1}}"#, r#"{"data":{"value":1}}"#),
        (
            r#"{"data":{"value":1},"metadata":{"data_part_compat":false}}"#,
            r#"{"data":{"value":1},"metadata":{"data_part_compat":false}}"#,
        ),
        (
            r#"{"data":{"value":1,"more":2},"metadata":{"data_part_compat":true}}"#,
            r#"{"data":{"value":1,"more":2},"metadata":{"data_part_compat":true}}"#,
        ),
    ] {
        assert_eq!(read::<Part, current::Part>(part), expected);
    }
}

#[test]
fn configuration() {
    let push = r#"{"id":"p","url":"https://h","token":"t",
        "authentication":{"schemes":["Bearer","Basic"],"credentials":"c"}}"#;
    let full = format!(
        r#"{{"acceptedOutputModes":["a/b"],"blocking":true,"historyLength":3,
        "pushNotificationConfig":{push}}}"#
    );
    for (given, expected) in [
        (
            full.as_str(),
            concat!(
                r#"{"acceptedOutputModes":["a/b"],"taskPushNotificationConfig":"#,
                r#"{"id":"p","url":"https://h","token":"t","#,
                r#""authentication":{"scheme":"Bearer","credentials":"c"}},"historyLength":3}"#
            ),
        ),
        // Waiting is the default, over JSON-RPC.
        ("{}", "{}"),
        (r#"{"blocking":null}"#, "{}"),
        (r#"{"blocking":true}"#, "{}"),
        (r#"{"blocking":false}"#, r#"{"returnImmediately":true}"#),
        // No limit.
        (r#"{"historyLength":0}"#, "{}"),
        (r#"{"historyLength":1}"#, r#"{"historyLength":1}"#),
        // It says nothing, so it asks for nothing.
        (
            r#"{"pushNotificationConfig":{"url":"u","authentication":{"schemes":[]}}}"#,
            r#"{"taskPushNotificationConfig":{"url":"u"}}"#,
        ),
    ] {
        assert_eq!(
            read::<MessageSendConfiguration, current::SendMessageConfiguration>(given),
            expected
        );
    }
}

#[test]
fn other_requests() {
    let id = r#"{"id":"t","metadata":{"m":1}}"#;
    assert_eq!(read::<TaskIdParams, current::CancelTaskRequest>(id), id);
    assert_eq!(read::<TaskIdParams, current::SubscribeToTaskRequest>(id), r#"{"id":"t"}"#);
    assert_eq!(read::<TaskIdParams, List>(id), r#"{"taskId":"t"}"#);
    for (given, expected) in [
        (r#"{"id":"t","historyLength":2,"metadata":{}}"#, r#"{"id":"t","historyLength":2}"#),
        (r#"{"id":"t","historyLength":"2"}"#, r#"{"id":"t","historyLength":2}"#),
        (r#"{"id":"t","historyLength":0}"#, r#"{"id":"t"}"#),
        (r#"{"id":"t"}"#, r#"{"id":"t"}"#),
    ] {
        assert_eq!(read::<TaskQueryParams, current::GetTaskRequest>(given), expected);
    }
}

#[test]
fn push_requests() {
    let set = r#"{"taskId":"t","pushNotificationConfig":{"id":"p","url":"https://h"}}"#;
    let expected = r#"{"id":"p","taskId":"t","url":"https://h"}"#;
    assert_eq!(read::<TaskPushNotificationConfig, Config>(set), expected);

    let one = r#"{"id":"t","pushNotificationConfigId":"p"}"#;
    let expected = r#"{"taskId":"t","id":"p"}"#;
    assert_eq!(read::<DeleteTaskPushNotificationConfigParams, Delete>(one), expected);

    let which = |text: &str| {
        let params: GetTaskPushNotificationConfigParams = decode(text.as_bytes()).unwrap();
        WhichPushNotificationConfig::from(params)
    };
    let WhichPushNotificationConfig::One(request) = which(one) else { panic!("one is asked for") };
    assert_eq!((request.task_id.as_str(), request.id.as_str()), ("t", "p"));
    let WhichPushNotificationConfig::First(request) = which(r#"{"id":"t"}"#) else {
        panic!("any is asked for")
    };
    assert_eq!(request.task_id, "t");
}

#[test]
fn wrong_shapes_name_the_field_of_0_3() {
    let part = |part: &str| {
        format!(r#"{{"message":{{"kind":"message","messageId":"m","parts":[{part}]}}}}"#)
    };
    let one_of = "must have exactly one of text, file, data";
    let one_file = "must have exactly one of file.bytes, file.uri";
    for (params, field, description) in [
        (r#"{"message":{"kind":"task"}}"#.to_owned(), "message.kind", "must be \"message\""),
        (
            r#"{"message":{"kind":1}}"#.to_owned(),
            "message.kind",
            "must be \"message\", not a number",
        ),
        (r#"{"message":[]}"#.to_owned(), "message", "must be an object, not an array"),
        (
            r#"{"message":{"role":"ROLE_USER"}}"#.to_owned(),
            "message.role",
            "must be one of user, agent",
        ),
        (
            r#"{"message":{"parts":{}}}"#.to_owned(),
            "message.parts",
            "must be an array, not an object",
        ),
        (part("{}"), "message.parts[0]", one_of),
        (part(r#"{"kind":"text"}"#), "message.parts[0]", one_of),
        (part(r#"{"kind":"text","text":"x","data":{}}"#), "message.parts[0]", one_of),
        (
            part(r#"{"kind":"text","data":{}}"#),
            "message.parts[0]",
            "has data, which is not its kind",
        ),
        (
            part(r#"{"kind":"image","text":"x"}"#),
            "message.parts[0]",
            "must have a kind: text, file or data",
        ),
        (part(r#"{"kind":"data","data":[1]}"#), "message.parts[0].data", "must be an object"),
        (part(r#"{"kind":"file","file":{}}"#), "message.parts[0]", one_file),
        (part(r#"{"kind":"file","file":{"bytes":"","uri":""}}"#), "message.parts[0]", one_file),
        (
            part(r#"{"kind":"file","file":{"bytes":"!"}}"#),
            "message.parts[0].file.bytes",
            "must be valid base64",
        ),
        (
            r#"{"configuration":{"pushNotificationConfig":{"authentication":{"schemes":"B"}}}}"#
                .to_owned(),
            "configuration.pushNotificationConfig.authentication.schemes",
            "must be an array, not a string",
        ),
        (
            r#"{"configuration":{"blocking":"yes"}}"#.to_owned(),
            "configuration.blocking",
            "must be a boolean, not a string",
        ),
    ] {
        let (found, text) = refused::<MessageSendParams>(&params);
        assert_eq!((found.as_str(), text.as_str()), (field, description), "{params}");
    }
    let (field, _) = refused::<TaskQueryParams>(r#"{"id":"t","historyLength":"many"}"#);
    assert_eq!(field, "historyLength");
}

/// The rules are those of 1.0, and the fields those that the client wrote.
#[test]
fn broken_rules_name_the_field_of_0_3() {
    let params: MessageSendParams = decode(
        br#"{"message":{"messageId":"m","role":"user","parts":[]},"configuration":{
            "historyLength":-1,
            "pushNotificationConfig":{"url":"","authentication":{"schemes":[],"credentials":"c"}}}}"#,
    )
    .unwrap();
    let request: current::SendMessageRequest = params.into();
    let error = MessageSendParams::FIELDS.rename(validate(&request).unwrap_err());
    let fields: Vec<_> = error.violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "message.parts",
            "configuration.historyLength",
            "configuration.pushNotificationConfig.url",
            "configuration.pushNotificationConfig.authentication.schemes",
        ]
    );
    assert!(error.message.contains("configuration.pushNotificationConfig.url is required"));

    let config: TaskPushNotificationConfig = decode(b"{}").unwrap();
    let request: current::TaskPushNotificationConfig = config.into();
    let error = TaskPushNotificationConfig::FIELDS.rename(validate(&request).unwrap_err());
    let fields: Vec<_> = error.violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["taskId", "pushNotificationConfig.url"]);

    let params: DeleteTaskPushNotificationConfigParams = decode(b"{}").unwrap();
    let request: current::DeleteTaskPushNotificationConfigRequest = params.into();
    let error =
        DeleteTaskPushNotificationConfigParams::FIELDS.rename(validate(&request).unwrap_err());
    let fields: Vec<_> = error.violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["id", "pushNotificationConfigId"]);

    let other = current::A2aError::task_not_found("t");
    let renamed = MessageSendParams::FIELDS.rename(other);
    assert_eq!(
        (renamed.kind, renamed.message.as_str()),
        (ErrorKind::TaskNotFound, "task not found")
    );
}
