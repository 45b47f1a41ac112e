//! Input that `ProtoJSON` allows and we must accept.

use std::fmt::Debug;

use a2a_lambda_protocol::*;
use serde::de::DeserializeOwned;

#[track_caller]
fn read<T: DeserializeOwned>(text: &str) -> T {
    decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn same<T: DeserializeOwned + PartialEq + Debug>(one: &str, other: &str) {
    assert_eq!(read::<T>(one), read::<T>(other), "{one}");
}

#[test]
fn both_spellings_of_names() {
    let camel = r#"{"messageId":"m","contextId":"c","taskId":"t","role":"ROLE_USER",
        "parts":[{"text":"x","mediaType":"text/plain"}],"referenceTaskIds":["r"]}"#;
    let snake = r#"{"message_id":"m","context_id":"c","task_id":"t","role":"ROLE_USER",
        "parts":[{"text":"x","media_type":"text/plain"}],"reference_task_ids":["r"]}"#;
    same::<Message>(camel, snake);
    same::<StreamResponse>(
        r#"{"statusUpdate":{"taskId":"t","status":{}}}"#,
        r#"{"status_update":{"task_id":"t","status":{}}}"#,
    );
    same::<SecurityScheme>(
        r#"{"oauth2SecurityScheme":{"oauth2MetadataUrl":"u"}}"#,
        r#"{"oauth2_security_scheme":{"oauth2_metadata_url":"u"}}"#,
    );
    // A key may be written with escapes.
    same::<GetTaskRequest>(r#"{"\u0069d":"x"}"#, r#"{"id":"x"}"#);
}

#[test]
fn names_and_numbers_of_enums() {
    for (number, state) in TaskState::ALL.iter().enumerate() {
        let texts = [format!("\"{state}\""), format!("{number}"), format!("{number}.0")];
        for text in texts {
            let status: TaskStatus = read(&format!("{{\"state\":{text}}}"));
            assert_eq!(status.state, *state, "{text}");
        }
        assert_eq!(state.as_str().parse(), Ok(*state));
    }
    assert_eq!(read::<Message>(r#"{"role":2}"#).role, Role::Agent);
    assert_eq!(read::<Message>(r#"{"role":1e0}"#).role, Role::User);
}

#[test]
fn null_is_absent() {
    let nulls = r#"{"tenant":null,"configuration":null,"metadata":null,"message":{
        "messageId":null,"contextId":null,"role":null,"parts":null,"extensions":null,
        "referenceTaskIds":null,"metadata":null}}"#;
    same::<SendMessageRequest>(nulls, r#"{"message":{}}"#);
    same::<SendMessageRequest>(r#"{"message":null}"#, "{}");
    same::<ListTasksRequest>(
        r#"{"status":null,"pageSize":null,"statusTimestampAfter":null,"includeArtifacts":null}"#,
        "{}",
    );
    same::<ListTaskPushNotificationConfigsRequest>(r#"{"pageSize":null}"#, "{}");
    same::<TaskArtifactUpdateEvent>(r#"{"append":null,"lastChunk":null,"artifact":null}"#, "{}");
    same::<AgentCard>(
        r#"{"capabilities":null,"skills":null,"securitySchemes":null,"iconUrl":null}"#,
        "{}",
    );
    same::<Part>(
        r#"{"text":null,"raw":null,"url":"u","filename":null,"mediaType":null,"metadata":null}"#,
        r#"{"url":"u"}"#,
    );
    same::<SendMessageResponse>(r#"{"task":null,"message":{}}"#, r#"{"message":{}}"#);
}

/// `data` is a `google.protobuf.Value`, for which `null` is a value like any other.
#[test]
fn null_is_data() {
    let part: Part = read(r#"{"data":null,"text":null}"#);
    assert_eq!(part, Part::data(Json::parse("null").unwrap()));
    assert_eq!(serde_json::to_string(&part).unwrap(), r#"{"data":null}"#);
}

#[test]
fn unknown_fields_are_skipped() {
    let text = r#"{"kind":"message","messageId":"m","x":{"deep":[1,{"y":"\ud800"}]},"MessageId":1,
        "parts":[{"kind":"text","text":"x","z":null}]}"#;
    same::<Message>(text, r#"{"messageId":"m","parts":[{"text":"x"}]}"#);
    same::<StreamResponse>(r#"{"new":1,"task":{"id":"t"}}"#, r#"{"task":{"id":"t"}}"#);
}

#[test]
fn integers_in_any_spelling() {
    for text in ["10", "\"10\"", "10.0", "1e1", "1E+1", "100e-1", "\"10.0\"", "\"1e1\""] {
        let request: GetTaskRequest = read(&format!("{{\"historyLength\":{text}}}"));
        assert_eq!(request.history_length, Some(10), "{text}");
    }
    for (text, number) in [("-0", 0), ("-2147483648", i32::MIN), ("\"2147483647\"", i32::MAX)] {
        let request: GetTaskRequest = read(&format!("{{\"historyLength\":{text}}}"));
        assert_eq!(request.history_length, Some(number), "{text}");
    }
}

#[test]
fn base64_of_either_alphabet_padded_or_not() {
    for text in ["+/+/", "-_-_"] {
        let part: Part = read(&format!("{{\"raw\":\"{text}\"}}"));
        assert_eq!(part, Part::raw([0xfb, 0xff, 0xbf]), "{text}");
    }
    // The last has bits that mean nothing, as some encoders leave them.
    for text in ["/w==", "/w=", "/w", "_w==", "_w", "/x"] {
        let part: Part = read(&format!("{{\"raw\":\"{text}\"}}"));
        assert_eq!(part, Part::raw([0xff]), "{text}");
    }
    assert_eq!(read::<Part>(r#"{"raw":""}"#), Part::raw([]));
}

#[test]
fn an_empty_content_is_a_content() {
    assert_eq!(read::<Part>(r#"{"text":""}"#), Part::text(""));
    assert_eq!(read::<Part>(r#"{"url":""}"#), Part::url(""));
}

#[test]
fn user_data_is_kept() {
    let data = r#"{"z":9007199254740993,"a":1.0,"a":1e2,"s":"\u00e9"}"#;
    let text = format!(r#"{{"data":{data},"metadata":{{"n":18446744073709551615}}}}"#);
    assert_eq!(serde_json::to_string(&read::<Part>(&text)).unwrap(), text);
}

#[test]
fn params_cut_out_before() {
    let params: &serde_json::value::RawValue = serde_json::from_str(r#"{"id":"t"}"#).unwrap();
    assert_eq!(decode_params::<GetTaskRequest>(params).unwrap().id, "t");
}
