//! JSON-RPC's own rules.

use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Answer, Binding, World, send};

/// Sends a body as it is, and reads the answer to it under this id.
async fn answer(body: impl Into<bytes::Bytes>, id: &Value) -> Answer {
    let response = World::new().json_rpc(body).await;
    Answer::of(Binding::JsonRpc, id, &response)
}

#[tokio::test(start_paused = true)]
async fn an_id_comes_back_as_it_was_written() {
    let longest = format!("\"{}\"", "i".repeat(1_022));
    for id in [
        "\"r1\"",
        "\"\"",
        r#""\u00e4\n\"""#,
        "0",
        "7",
        "-7",
        "1.0",
        "1.50",
        "1e2",
        "9007199254740993",
        "123456789012345678901234567890",
        "null",
        longest.as_str(),
    ] {
        for method in ["ListTasks", "NoSuchMethod"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id": {id} ,"method":"{method}"}}"#);
            let response = World::new().json_rpc(body).await;
            let text = String::from_utf8(response.body().to_vec()).unwrap();
            let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"#);
            assert!(text.starts_with(&expected), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cannot_be_echoed_is_refused() {
    let too_long = format!("\"{}\"", "i".repeat(1_023));
    for id in ["true", "{}", "[]", "[1]", r#"{"a":1}"#, r#""\ud800""#, "1e999", "-1e999", &too_long]
    {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ListTasks"}}"#);
        answer(body, &Value::Null).await.names_fields(ErrorKind::InvalidRequest, &["id"], id);
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_json_is_a_parse_error() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks"}"#;
    let mut cases: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "nonsense",
        "{\"a\":}",
        "[1,",
        "\"",
        "{'a':1}",
        "{\u{feff}}",
        "NaN",
        "01",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    cases.push(format!("{call}{call}").into());
    cases.push(format!("{call}x").into());
    cases.push(call.replace("\"ListTasks\"", "\"ListTasks").into());
    cases.push(
        br#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","x":"  "}"#.map(|b| b | 0x80).to_vec(),
    );
    cases.push([&call.as_bytes()[..44], b",\"x\":\"\xff\"}"].concat());
    cases.push("[".repeat(100_000).into());
    for body in cases {
        let why = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        answer(body, &Value::Null).await.refused_as(ErrorKind::JsonParse, &why);
    }
}

#[tokio::test(start_paused = true)]
async fn only_one_json_object_is_a_request() {
    for body in [
        "null",
        "true",
        "1",
        "\"text\"",
        "[]",
        "[1]",
        "[null]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"ListTasks"}]"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ListTasks"},{"jsonrpc":"2.0","id":2,"method":"ListTasks"}]"#,
        // The members of a request, in the order of their declaration.
        r#"["2.0",1,"ListTasks",{}]"#,
        r#" [ "2.0", 1, "ListTasks" ] "#,
    ] {
        let error = answer(body, &Value::Null).await.refused_as(ErrorKind::InvalidRequest, body);
        assert!(error["message"].as_str().unwrap().contains("one JSON object"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_member_is_checked() {
    for (body, id, field) in [
        ("{}", json!(null), "jsonrpc"),
        (r#"{"id":1,"method":"ListTasks"}"#, json!(1), "jsonrpc"),
        (r#"{"jsonrpc":null,"id":1,"method":"ListTasks"}"#, json!(1), "jsonrpc"),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ListTasks"}"#, json!(1), "jsonrpc"),
        (r#"{"jsonrpc":"1.0","id":"a","method":"ListTasks"}"#, json!("a"), "jsonrpc"),
        (r#"{"jsonrpc":"2.0","method":"ListTasks"}"#, json!(null), "id"),
        (r#"{"jsonrpc":"2.0","id":1}"#, json!(1), "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":null}"#, json!(1), "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, json!(1), "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":["ListTasks"]}"#, json!(1), "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, json!(1), "method"),
    ] {
        answer(body, &id).await.names_fields(ErrorKind::InvalidRequest, &[field], body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_given_twice_is_refused() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","method":"CancelTask"}"#;
    let error = answer(body, &Value::Null).await.refused_as(ErrorKind::InvalidRequest, body);
    assert!(error["message"].as_str().unwrap().contains("twice"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn unknown_methods_are_not_found() {
    for method in ["", "sendmessage", "message/send", "SendMessage ", "tasks/get", "rpc.discover"] {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method });
        let answer = answer(call.to_string(), &json!(1)).await;
        let error = answer.refused_as(ErrorKind::MethodNotFound, method);
        assert_eq!(error["code"], -32601);
    }
}

#[tokio::test(start_paused = true)]
async fn params_are_an_object() {
    for (params, field) in
        [("[]", "params"), ("[{\"id\":\"t\"}]", "params"), ("7", ""), ("\"t\"", ""), ("true", "")]
    {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{params}}}"#);
        answer(body, &json!(1)).await.names_fields(ErrorKind::InvalidParams, &[field], params);
    }
}

#[tokio::test(start_paused = true)]
async fn params_that_are_missing_are_those_of_an_empty_object() {
    for params in ["", r#","params":null"#, r#","params":{}"#] {
        let call = |method| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"{params}}}"#);
        answer(call("ListTasks"), &json!(1)).await.ok();
        for (method, field) in [("SendMessage", "message"), ("GetTask", "id"), ("CancelTask", "id")]
        {
            let answer = answer(call(method), &json!(1)).await;
            answer.names_fields(ErrorKind::InvalidParams, &[field], method);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_members_and_their_order_do_not_count() {
    let params = send("hi");
    let body = format!(
        r#" {{ "params" : {params}, "extra": {{"a":[1]}}, "method":"SendMessage",
               "id":3, "jsonrpc" : "\u0032.0" }} "#
    );
    answer(body, &json!(3)).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_refused_under_no_id() {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "ListTasks" }).to_string();
    let padded = call.clone() + &" ".repeat(1024 * 1024 + 1 - call.len());
    answer(padded, &Value::Null).await.refused_as(ErrorKind::PayloadTooLarge, "a byte more");
    let fits = call.clone() + &" ".repeat(1024 * 1024 - call.len());
    answer(fits, &json!(1)).await.ok();
}
