//! Bad input: which error, which field, which words.

use a2a_lambda_protocol::*;
use serde::de::DeserializeOwned;

#[track_caller]
fn refused<T: DeserializeOwned>(text: &str) -> A2aError {
    match decode::<T>(text.as_bytes()) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error,
    }
}

/// The field and the description of the one violation.
#[track_caller]
fn violation<T: DeserializeOwned>(text: &str) -> (String, String) {
    let error = refused::<T>(text);
    assert_eq!(error.kind, ErrorKind::InvalidParams, "{text}: {error}");
    let [violation] = error.violations.as_slice() else { panic!("{text}: {error:?}") };
    assert!(error.message.contains(&violation.description), "{error}");
    for noise in [" line ", " column ", "struct ", "i32", "sequence", "map"] {
        assert!(!error.message.contains(noise), "{error}");
    }
    (violation.field.clone(), violation.description.clone())
}

#[test]
fn malformed_json_is_a_parse_error() {
    let cases: [&[u8]; 12] = [
        b"",
        b" ",
        b"{",
        b"{\"message\":{\"messageId\":\"m\"",
        b"{\"message\":}",
        b"{'message':1}",
        b"{} {}",
        b"{}garbage",
        b"\xff",
        b"{\"message\":{\"messageId\":\"\xc3\x28\"}}",
        b"{\"unknown\":\"\xff\"}",
        // The shape is wrong first, but it is no JSON either.
        b"{\"message\":5,",
    ];
    for text in cases {
        let error = decode::<SendMessageRequest>(text).unwrap_err();
        assert_eq!(error.kind, ErrorKind::JsonParse, "{text:?}: {error}");
        assert!(error.violations.is_empty());
        assert!(!error.message.contains("invalid type"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
    let error = decode::<GetTaskRequest>(b"{\"id\":\"a\",}").unwrap_err();
    assert_eq!(error.message, "malformed JSON: trailing comma at line 1 column 11");
}

const ONE_OF: &str = "must have exactly one of text, raw, url, data";
const ROLES: &str = "must be one of ROLE_UNSPECIFIED, ROLE_USER, ROLE_AGENT";
const I32: &str = "must be an integer between -2147483648 and 2147483647";

/// A wrong `SendMessageRequest`, the field that the error names, and its text.
const WRONG_SHAPES: &[(&str, &str, &str)] = &[
    ("[]", "", "must be an object, not an array"),
    ("null", "", "must be an object, not null"),
    ("7", "", "must be an object, not a number"),
    (r#"{"message":"hi"}"#, "message", "must be an object, not a string"),
    (r#"{"message":["m"]}"#, "message", "must be an object, not an array"),
    (r#"{"message":{"messageId":7}}"#, "message.messageId", "must be a string, not a number"),
    (r#"{"message":{"message_id":{}}}"#, "message.messageId", "must be a string, not an object"),
    (r#"{"message":{"parts":{}}}"#, "message.parts", "must be an array, not an object"),
    (r#"{"message":{"parts":[null]}}"#, "message.parts[0]", "must be an object, not null"),
    (
        r#"{"message":{"parts":[{"text":"a"},{"text":5.5}]}}"#,
        "message.parts[1].text",
        "must be a string, not a number",
    ),
    (
        r#"{"message":{"parts":[{"text":"a","media_type":true}]}}"#,
        "message.parts[0].mediaType",
        "must be a string, not a boolean",
    ),
    (r#"{"message":{"parts":[{"raw":"a b"}]}}"#, "message.parts[0].raw", "must be valid base64"),
    (r#"{"message":{"parts":[{"raw":"-/"}]}}"#, "message.parts[0].raw", "must be valid base64"),
    (r#"{"message":{"parts":[{}]}}"#, "message.parts[0]", ONE_OF),
    (r#"{"message":{"parts":[{"text":null,"filename":"f"}]}}"#, "message.parts[0]", ONE_OF),
    (
        r#"{"message":{"parts":[{"text":"a"},{"text":"a","data":null}]}}"#,
        "message.parts[1]",
        ONE_OF,
    ),
    (
        r#"{"message":{"parts":[{"text":"a","filename":"f","filename":"g"}]}}"#,
        "message.parts[0]",
        "has the field filename twice",
    ),
    (
        r#"{"message":{"messageId":"a","message_id":"b"}}"#,
        "message",
        "has the field messageId twice",
    ),
    (r#"{"message":{"metadata":[]}}"#, "message.metadata", "must be an object"),
    (
        r#"{"message":{"metadata":{"a":"\ud800"}}}"#,
        "message.metadata",
        "has a string with half a surrogate pair",
    ),
    (
        r#"{"message":{"parts":[{"data":[1e999]}]}}"#,
        "message.parts[0].data",
        "has a number out of the range of a double",
    ),
    (
        r#"{"message":{"messageId":"\udc00"}}"#,
        "message.messageId",
        "is not readable: lone leading surrogate in hex escape",
    ),
    (r#"{"message":{"role":"USER"}}"#, "message.role", ROLES),
    (r#"{"message":{"role":3}}"#, "message.role", ROLES),
    (
        r#"{"message":{"role":[]}}"#,
        "message.role",
        "must be one of ROLE_UNSPECIFIED, ROLE_USER, ROLE_AGENT, or its number, not an array",
    ),
    (r#"{"configuration":{"historyLength":"ten"}}"#, "configuration.historyLength", I32),
    (r#"{"configuration":{"history_length":1.5}}"#, "configuration.historyLength", I32),
    (r#"{"configuration":{"historyLength":2147483648}}"#, "configuration.historyLength", I32),
    (
        r#"{"configuration":{"historyLength":1e999}}"#,
        "configuration.historyLength",
        "is not readable: number out of range",
    ),
    (r#"{"configuration":{"historyLength":" 1"}}"#, "configuration.historyLength", I32),
    (
        r#"{"configuration":{"historyLength":true}}"#,
        "configuration.historyLength",
        "must be an integer between -2147483648 and 2147483647, not a boolean",
    ),
    (
        r#"{"configuration":{"returnImmediately":"true"}}"#,
        "configuration.returnImmediately",
        "must be a boolean, not a string",
    ),
    (
        r#"{"configuration":{"returnImmediately":1}}"#,
        "configuration.returnImmediately",
        "must be a boolean, not a number",
    ),
    (
        r#"{"configuration":{"acceptedOutputModes":["a",null]}}"#,
        "configuration.acceptedOutputModes[1]",
        "must be a string, not null",
    ),
    (
        r#"{"configuration":{"taskPushNotificationConfig":{"authentication":{"scheme":[]}}}}"#,
        "configuration.taskPushNotificationConfig.authentication.scheme",
        "must be a string, not an array",
    ),
];

#[test]
fn a_wrong_shape_names_the_field() {
    for &(text, field, description) in WRONG_SHAPES {
        let (found, described) = violation::<SendMessageRequest>(text);
        assert_eq!((found.as_str(), described.as_str()), (field, description), "{text}");
    }
}

#[test]
fn other_messages() {
    let (field, description) = violation::<ListTasksRequest>(r#"{"status":"TASK_STATE_RUNNING"}"#);
    assert_eq!(field, "status");
    assert!(description.contains("TASK_STATE_WORKING"), "{description}");
    let (field, description) =
        violation::<ListTasksRequest>(r#"{"status_timestamp_after":"soon"}"#);
    assert_eq!(field, "statusTimestampAfter");
    assert!(description.starts_with("must be an RFC 3339 date and time"), "{description}");
    let (field, _) = violation::<ListTasksRequest>(r#"{"statusTimestampAfter":1761647400}"#);
    assert_eq!(field, "statusTimestampAfter");
    assert_eq!(
        violation::<StreamResponse>(r#"{"task":{},"message":{}}"#),
        (
            String::new(),
            "must have exactly one of task, message, statusUpdate, artifactUpdate".into()
        ),
    );
    assert_eq!(
        violation::<StreamResponse>(r#"{"status_update":{"status":{"state":99}}}"#).0,
        "statusUpdate.status.state",
    );
    assert!(violation::<SendMessageResponse>("{}").1.contains("task, message"));
}

/// Keys of a map are the sender's own words: they stand in a path as they are.
#[test]
fn keys_of_maps_are_not_respelled() {
    let card = r#"{"security_schemes":{"my_key":{"api_key_security_scheme":{"name":1}}}}"#;
    assert_eq!(violation::<AgentCard>(card).0, "securitySchemes.my_key.apiKeySecurityScheme.name",);
    let card = r#"{"skills":[{"security_requirements":[{"schemes":{"a_b":{"list":"x"}}}]}]}"#;
    assert_eq!(
        violation::<AgentCard>(card).0,
        "skills[0].securityRequirements[0].schemes.a_b.list",
    );
    // A key may look like the name of a map.
    let card =
        r#"{"security_schemes":{"scopes":{"http_auth_security_scheme":{"bearer_format":1}}}}"#;
    assert_eq!(
        violation::<AgentCard>(card).0,
        "securitySchemes.scopes.httpAuthSecurityScheme.bearerFormat",
    );
}

/// The value may be long, or a secret in the wrong place.
#[test]
fn the_value_is_not_repeated() {
    let text = format!(r#"{{"returnImmediately":"{}"}}"#, "swordfish, expected ".repeat(1000));
    let error = refused::<SendMessageConfiguration>(&text);
    assert_eq!(error.violations[0].description, "must be a boolean, not a string");
    assert!(!error.message.contains("swordfish"));
}
