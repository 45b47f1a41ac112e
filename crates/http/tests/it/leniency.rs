//! `ProtoJSON` as clients write it, through the bindings.

use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Answer, BINDINGS, Binding, World, follow_up, sending_text};

async fn send_text(world: &World, binding: Binding, params: &str) -> Answer {
    let response = world.request(sending_text(binding, "SendMessage", params)).await;
    Answer::of(binding, &json!("r1"), &response)
}

#[tokio::test(start_paused = true)]
async fn everything_that_protojson_allows_is_accepted() {
    let part = r#"{"text":"tck-artifact-text"}"#;
    for params in [
        format!(r#"{{"message":{{"message_id":"m","role":"ROLE_USER","parts":[{part}]}}}}"#),
        format!(r#"{{"message":{{"messageId":"m","role":1,"parts":[{part}]}}}}"#),
        format!(
            r#"{{"message":{{"messageId":"m","role":"ROLE_USER","parts":[{part}],"new":[{{}}]}},"x":1}}"#
        ),
        format!(
            r#"{{"tenant":null,"configuration":null,"metadata":null,
                "message":{{"messageId":"m","role":"ROLE_USER","parts":[{part}],
                "contextId":null,"task_id":null,"extensions":null,"metadata":null}}}}"#
        ),
        format!(
            r#"{{"message":{{"messageId":"m","role":"ROLE_USER","parts":[{part},
                {{"raw":"-_8","media_type":"a/b"}},{{"raw":"+/8="}}]}},
                "configuration":{{"history_length":"2","return_immediately":false,
                "accepted_output_modes":["text/plain"]}}}}"#
        ),
    ] {
        for binding in BINDINGS {
            let result = send_text(&World::new(), binding, &params).await.ok();
            assert_eq!(result["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{params}");
            let message = &result["task"]["history"][0];
            assert_eq!(message["messageId"], "m", "{params}");
            assert_eq!(message["role"], "ROLE_USER", "{params}");
            assert_eq!(message.get("new"), None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_sender_s_own_data_comes_back_as_it_was_written() {
    let data = r#"{"z":9007199254740993,"a":-123456789012345678901234567890,"f":1.0,"e":1E2,"s":"ä\u0041","n":null,"b":[0.10]}"#;
    let params = format!(
        r#"{{"message":{{"messageId":"m","role":"ROLE_USER","parts":[{{"data":{data}}},
            {{"data":null}},{{"data":18446744073709551615}},{{"text":""}}],"metadata":{data}}}}}"#
    );
    for binding in BINDINGS {
        let world = World::new();
        let task = send_text(&world, binding, &params).await.ok()["task"].clone();
        let target = format!("/tasks/{}", task["id"].as_str().unwrap());
        let response = world.http("GET", &target, "").await;
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        for verbatim in [
            format!(r#"{{"data":{data}}}"#),
            r#"{"data":null}"#.to_owned(),
            r#"{"data":18446744073709551615}"#.to_owned(),
            r#"{"text":""}"#.to_owned(),
            format!(r#""metadata":{data}"#),
        ] {
            assert!(text.contains(&verbatim), "{verbatim}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_are_written_in_one_form() {
    for binding in BINDINGS {
        for raw in ["+/8=", "-_8=", "+/8", "-_8"] {
            let params = json!({ "message": {
                "messageId": "m", "role": "ROLE_USER", "parts": [{ "raw": raw }],
            } });
            let result = World::new().call(binding, "SendMessage", params).await.ok();
            assert_eq!(result["task"]["history"][0]["parts"][0]["raw"], "+/8=", "{raw}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_in_both_spellings_is_refused() {
    let params = r#"{"message":{"messageId":"m","message_id":"m","role":"ROLE_USER","parts":[{"text":"x"}]}}"#;
    for binding in BINDINGS {
        let answer = send_text(&World::new(), binding, params).await;
        answer.refused_as(ErrorKind::InvalidParams, "two spellings");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_strings_are_absent_ids() {
    for binding in BINDINGS {
        let params = follow_up("", "hello");
        let result = World::new().call(binding, "SendMessage", params).await.ok();
        assert_ne!(result["task"]["id"], Value::from(""));
    }
}
