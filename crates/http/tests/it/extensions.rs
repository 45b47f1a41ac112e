//! Extensions: what clients ask for, what agents require, and what both settle on.

use a2a_lambda_core::{End, Failure};
use a2a_lambda_http::{DELIVERY_EXTENSION, GENERATION_EXTENSION, WORK_EXTENSION};
use a2a_lambda_protocol::ErrorKind;
use a2a_lambda_testing::script;
use http::Response;
use serde_json::{Value, json};

use crate::support::{BINDINGS, Binding, World, call_request, operations, send, with};

const HEADER: &str = "A2A-Extensions";
const REQUIRED: &str = "https://example.com/extensions/required/v1";

/// The extensions that an answer says are active.
fn active<T>(response: &Response<T>) -> Vec<&str> {
    let lines = response.headers().get_all(HEADER).iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
    assert!(lines.len() < 2, "{lines:?}");
    lines.into_iter().flat_map(|line| line.split(", ")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_required_extension_is_asked_for_by_every_operation_but_the_card() {
    let world = World::new();
    for (operation, params) in operations() {
        let params = with(params, "/tenant", json!("strict"));
        for headers in [
            &[][..],
            &[(HEADER, "https://example.com/extensions/required/v2")],
            &[(HEADER, "https://example.com/extensions/required")],
            &[(HEADER, "https://EXAMPLE.com/extensions/required/v1")],
            &[(HEADER, GENERATION_EXTENSION)],
            &[("Extensions", REQUIRED)],
        ] {
            for binding in BINDINGS {
                let answer = world.call_with(binding, operation, params.clone(), headers).await;
                if operation == "GetExtendedAgentCard" {
                    // It is how a client learns of extensions.
                    answer.refused_as(ErrorKind::UnsupportedOperation, operation);
                    continue;
                }
                let error = answer.refused_as(ErrorKind::ExtensionSupportRequired, operation);
                let code = if binding == Binding::Rest { 400 } else { -32008 };
                assert_eq!(error["code"], code);
                let metadata = format!(r#""metadata":{{"extension":"{REQUIRED}"}}"#);
                assert!(error.to_string().contains(&metadata), "{error}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn extensions_are_asked_for_in_one_line_or_several() {
    let both = [REQUIRED, GENERATION_EXTENSION];
    let lists = [
        format!("{REQUIRED},{GENERATION_EXTENSION}"),
        format!("{REQUIRED}, {GENERATION_EXTENSION}"),
        format!(" ,, {GENERATION_EXTENSION}\t ,{REQUIRED} , "),
        format!("{REQUIRED},{REQUIRED},https://unknown.example,{GENERATION_EXTENSION}"),
        format!("{GENERATION_EXTENSION}, {REQUIRED}, not a URI, ,=;\""),
    ];
    let mut cases: Vec<Vec<(&str, &str)>> = Vec::new();
    for name in ["A2A-Extensions", "a2a-extensions", "X-A2A-Extensions"] {
        cases.extend(lists.iter().map(|list| vec![(name, list.as_str())]));
        cases.push(vec![(name, REQUIRED), (name, GENERATION_EXTENSION)]);
        cases.push(vec![(name, GENERATION_EXTENSION), (name, "https://x"), (name, REQUIRED)]);
    }
    cases.push(vec![("A2A-Extensions", REQUIRED), ("X-A2A-Extensions", GENERATION_EXTENSION)]);
    for headers in cases {
        for binding in BINDINGS {
            let params = json!({ "tenant": "strict" });
            let request = call_request(binding, "ListTasks", params, &headers);
            let response = World::new().open(request).await;
            assert_eq!(response.status(), 200, "{headers:?}");
            assert_eq!(active(&response), both, "{headers:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_extensions_are_ignored() {
    let many = vec!["https://unknown.example/e"; 300].join(",");
    for asked in ["https://unknown.example", REQUIRED, ",", "a b", many.as_str()] {
        for binding in BINDINGS {
            let headers = [(HEADER, asked)];
            let request = call_request(binding, "SendMessage", send("hi"), &headers);
            let response = World::new().open(request).await;
            assert_eq!(response.status(), 200, "{asked}");
            assert_eq!(response.headers().get(HEADER), None, "{asked}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_lists_the_active_extensions() {
    let world = World::new();
    for (operation, params) in operations() {
        for binding in BINDINGS {
            let headers = [(HEADER, GENERATION_EXTENSION)];
            let request = call_request(binding, operation, params.clone(), &headers);
            // Answers that are streams and those that are errors, too.
            let response = world.open(request).await;
            let expected: &[&str] = match operation {
                "GetExtendedAgentCard" => &[],
                _ => &[GENERATION_EXTENSION],
            };
            assert_eq!(active(&response), expected, "{binding:?} {operation}");
            let request = call_request(binding, operation, params.clone(), &[]);
            let response = world.open(request).await;
            assert_eq!(response.headers().get(HEADER), None, "{binding:?} {operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_no_text_is_refused() {
    for binding in BINDINGS {
        let headers = [(HEADER, "https://exämple.com")];
        let answer = World::new().call_with(binding, "ListTasks", json!({}), &headers).await;
        answer.names_fields(ErrorKind::InvalidParams, &["a2a-extensions"], "not ASCII");
    }
}

#[tokio::test(start_paused = true)]
async fn the_card_declares_extensions_and_which_are_required() {
    for (tenant, uris) in [
        (
            "",
            &[(GENERATION_EXTENSION, false), (DELIVERY_EXTENSION, false), (WORK_EXTENSION, false)]
                [..],
        ),
        // It pushes nothing.
        ("/strict", &[(REQUIRED, true), (GENERATION_EXTENSION, false), (WORK_EXTENSION, false)]),
    ] {
        let target = format!("{tenant}/.well-known/agent-card.json");
        let response = World::new().http("GET", &target, "").await;
        let card: Value = serde_json::from_slice(response.body()).unwrap();
        let declared: Vec<_> = card["capabilities"]["extensions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["uri"].as_str().unwrap(), it["required"] == true))
            .collect();
        assert_eq!(declared, uris);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_can_ask_for_a_task_s_generation() {
    for binding in BINDINGS {
        let world = World::new();
        let params = send("tck-stream-artifact-chunked");
        let events = world.stream(binding, "SendStreamingMessage", params).await.rest().await;
        let params = json!({ "id": events[0].response["task"]["id"] });
        let headers = [(HEADER, GENERATION_EXTENSION)];
        let task = world.call_with(binding, "GetTask", params.clone(), &headers).await.ok();
        // An event's id and a task's generation are the same number.
        let expected = json!({ GENERATION_EXTENSION: events.last().unwrap().id });
        assert_eq!(task["metadata"], expected);
        let task = world.call(binding, "GetTask", params.clone()).await.ok();
        assert_eq!(task.get("metadata"), None, "{task}");
        let listed = world.call_with(binding, "ListTasks", json!({}), &headers).await.ok();
        assert_eq!(listed["tasks"][0].get("metadata"), None, "{listed}");
    }
}

/// An owner sees the attempts and steps of a task, and nobody who does not ask for them.
#[tokio::test(start_paused = true)]
async fn a_client_can_ask_for_the_work_on_its_task() {
    // Takes two steps, and tries again between them.
    let stepper = script!(|turn, _| {
        for name in ["plan", "book"] {
            let step = turn.step(name).with("hush-arguments");
            step.run(async |_| Ok("hush-result".to_owned())).await?;
            if turn.attempt() == 1 {
                return Err(Failure::retryable("hush-failure"));
            }
        }
        Ok(End::completed())
    });
    for binding in BINDINGS {
        let world = World::with_agent(stepper.clone());
        let params = json!({ "id": world.task_id("go").await });
        let headers = [(HEADER, WORK_EXTENSION)];
        let task = world.call_with(binding, "GetTask", params.clone(), &headers).await.ok();
        let work = &task["metadata"][WORK_EXTENSION];
        let told: Vec<_> = work["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| {
                assert!(of["beganAt"].as_str() <= of["endedAt"].as_str(), "{of}");
                (&of["turn"], &of["attempt"], &of["outcome"], &of["runner"])
            })
            .collect();
        let (one, two, runner) = (json!(1), json!(2), json!("double"));
        let (failed, settled) = (json!("failed"), json!("settled"));
        assert_eq!(told, [(&one, &one, &failed, &runner), (&one, &two, &settled, &runner)]);
        let steps = work["steps"].as_array().unwrap();
        assert_eq!(steps.len(), 2);
        for (step, name) in steps.iter().zip(["plan", "book"]) {
            let begun = &step["begunAt"];
            let expected = json!({ "name": name, "tries": 1, "begunAt": begun, "millis": 0,
                "outcome": "done", "bytes": 13 });
            assert_eq!(*step, expected);
        }
        assert!(!task.to_string().contains("hush"), "{task}");

        let both = format!("{GENERATION_EXTENSION}, {WORK_EXTENSION}");
        let task =
            world.call_with(binding, "GetTask", params.clone(), &[(HEADER, &both)]).await.ok();
        assert_eq!(task["metadata"].as_object().unwrap().len(), 2);
        let silent = world.call(binding, "GetTask", params.clone()).await.ok();
        assert_eq!(silent.get("metadata"), None, "{silent}");
        let listed = world.call_with(binding, "ListTasks", json!({}), &headers).await.ok();
        assert_eq!(listed["tasks"][0].get("metadata"), None, "{listed}");
        let bob = world.as_visitor("bob");
        let answer = bob.call_with(binding, "GetTask", params, &headers).await;
        answer.refused_as(ErrorKind::TaskNotFound, "GetTask");
    }
}
