#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values")]

use a2a_lambda_protocol::{Json, Part};
use serde_json::{Value, json};

use crate::http::Contract;
use crate::http::scripted::{
    ATTEMPTS, CUT, FAILED, MALFORMED, Piece, Script, Server, answer, bed, output, stream, streamed,
    whole, without_frame,
};

fn event(kind: &str, mut members: Value) -> Value {
    members["type"] = kind.into();
    members
}

fn started() -> Value {
    event("RUN_STARTED", json!({ "threadId": "t", "runId": "r" }))
}

fn finished(mut members: Value) -> Value {
    members["threadId"] = "t".into();
    members["runId"] = "r".into();
    event("RUN_FINISHED", members)
}

fn over() -> Value {
    finished(json!({}))
}

fn text(id: &str, delta: &str) -> Value {
    event("TEXT_MESSAGE_CONTENT", json!({ "messageId": id, "delta": delta }))
}

fn begins(id: &str, role: &str) -> Value {
    event("TEXT_MESSAGE_START", json!({ "messageId": id, "role": role }))
}

fn snapshot(state: Value) -> Value {
    event("STATE_SNAPSHOT", json!({ "snapshot": state }))
}

fn delta(patch: Value) -> Value {
    event("STATE_DELTA", json!({ "delta": patch }))
}

fn custom(value: Value) -> Value {
    event("CUSTOM", json!({ "name": "a2a", "value": value }))
}

fn messages(messages: Value) -> Value {
    event("MESSAGES_SNAPSHOT", json!({ "messages": messages }))
}

fn run(events: &[Value]) -> Script {
    streamed(&[&[started()], events, &[over()]].concat())
}

#[tokio::test]
async fn the_events_of_a_run_become_artifacts() {
    let said =
        |id: &str, role: &str, content: &str| json!({ "id": id, "role": role, "content": content });
    let part = event(
        "TEXT_MESSAGE_CONTENT",
        json!({ "messageId": "p", "delta": "p",
        "subagentRunId": "s" }),
    );
    for (script, expected) in [
        (run(&[]), vec![]),
        (
            run(&[
                begins("1", "assistant"),
                text("1", "a "),
                text("1", ""),
                text("1", "b"),
                event("TEXT_MESSAGE_END", json!({ "messageId": "1" })),
            ]),
            vec!["response: a b"],
        ),
        (run(&[text("1", "a"), text("2", "b")]), vec!["response: a\n\nb"]),
        (
            run(&[
                event(
                    "TEXT_MESSAGE_CHUNK",
                    json!({ "messageId": "1", "role": "assistant",
                "delta": "a" }),
                ),
                event("TEXT_MESSAGE_CHUNK", json!({ "delta": "b" })),
            ]),
            vec!["response: ab"],
        ),
        // Others' messages, and a part's.
        (run(&[begins("1", "user"), text("1", "hi"), part, text("2", "a")]), vec!["response: a"]),
        (
            run(&[
                event("REASONING_MESSAGE_CONTENT", json!({ "messageId": "1", "delta": "hm" })),
                event("NEW_IN_2_0", json!({ "messageId": 1.5 })),
                text("2", "a"),
            ]),
            vec!["response: a"],
        ),
        (
            run(&[
                snapshot(json!({ "n": 1, "list": [] })),
                delta(json!([{ "op": "replace", "path": "/n", "value": 2 },
                    { "op": "add", "path": "/list/-", "value": "x" }])),
                text("1", "a"),
            ]),
            vec!["response: a", r#"state: {"data":{"list":["x"],"n":2}}"#],
        ),
        (run(&[snapshot(json!({})), snapshot(json!([1.50]))]), vec![r#"state: {"data":[1.5]}"#]),
        (
            streamed(&[started(), text("1", "a"), finished(json!({ "result": { "sum": 3 } }))]),
            vec!["response: a", r#"result: {"data":{"sum":3}}"#],
        ),
        (
            streamed(&[finished(json!({ "result": "b", "outcome": { "type": "success" } }))]),
            vec!["response: b"],
        ),
        // The answer of a server that does not stream, behind an older one.
        (
            run(&[messages(json!([said("1", "assistant", "old"), said("2", "user", "hi"),
                said("3", "assistant", "new"), { "id": "4", "role": "tool", "content": "x" }]))]),
            vec!["response: new"],
        ),
        (
            run(&[text("3", "new"), messages(json!([said("3", "assistant", "new")]))]),
            vec!["response: new"],
        ),
        (
            run(&[
                custom(json!({ "artifacts": [{ "name": "sum", "parts": [{ "text": "3" }] }] })),
                event("CUSTOM", json!({ "name": "chart", "value": [1] })),
            ]),
            vec!["sum: 3", r#"response: {"data":{"name":"chart","value":[1]}}"#],
        ),
        (without_frame(run(&[text("1", "a")])), vec!["response: a"]),
        (stream(&[text("1", "a"), over()], &[Piece::Silence]), vec!["response: a"]),
    ] {
        let server = Server::giving([script]);
        let task = bed(server.calls(Contract::AgUi)).send("hi").await.completed();
        assert_eq!(output(&task), expected, "{task}");
    }
}

#[tokio::test]
async fn steps_and_tools_are_progress() {
    let tool = event("TOOL_CALL_START", json!({ "toolCallId": "1", "toolCallName": "weather" }));
    let step = event("STEP_STARTED", json!({ "stepName": "research" }));
    let server = Server::giving([run(&[step, tool])]);
    let task = bed(server.calls(Contract::AgUi)).send("hi").await.completed();
    let events = task.events().join("\n");
    assert!(events.contains("research") && events.contains("Tool: weather"), "{events}");
}

#[tokio::test]
async fn each_way_to_fail_says_whose_fault_it_is() {
    let error =
        |members: Value| streamed(&[started(), text("1", "a"), event("RUN_ERROR", members)]);
    let ends = |members: Value| streamed(&[finished(members)]);
    let copies = json!(vec![json!({ "op": "copy", "from": "", "path": "/-" }); 40]);
    for (script, said, asked) in [
        (streamed(&[started(), text("1", "a")]), CUT, ATTEMPTS),
        (stream(&[started()], &[Piece::Cut]), CUT, ATTEMPTS),
        (error(json!({ "message": "db at 10.0.0.7" })), FAILED, ATTEMPTS),
        (
            error(json!({ "message": "m", "code": "ValueError" })),
            "The agent failed (ValueError).",
            1,
        ),
        (run(&[json!({})]), MALFORMED, 1),
        (run(&[json!([])]), MALFORMED, 1),
        (
            run(&[event("TEXT_MESSAGE_CONTENT", json!({ "messageId": "1", "delta": 1 }))]),
            MALFORMED,
            1,
        ),
        (run(&[delta(json!([{ "op": "remove", "path": "/x" }]))]), MALFORMED, 1),
        (run(&[snapshot(json!(["x".repeat(1000)])), delta(copies)]), MALFORMED, 1),
        (run(&[custom(json!({ "state": "DONE" }))]), MALFORMED, 1),
        (
            run(&[custom(json!({ "state": "COMPLETED" })), custom(json!({ "progress": "a" }))]),
            MALFORMED,
            1,
        ),
        (ends(json!({ "outcome": { "type": "interrupt", "interrupts": [] } })), MALFORMED, 1),
        (
            ends(json!({ "outcome": { "type": "success", "pendingToolCallIds": ["1"] } })),
            MALFORMED,
            1,
        ),
        (ends(json!({ "outcome": { "type": "cancelled" } })), "The agent has canceled its run.", 1),
        (whole("{}"), MALFORMED, 1),
        (
            answer(422, "application/json", r#"{"detail": []}"#),
            "The agent's server refused the request (status 422).",
            1,
        ),
    ] {
        let server = Server::giving([script]);
        let task = bed(server.calls(Contract::AgUi)).send("hi").await.failed().saying(said);
        assert_eq!(server.asked(), asked, "{task}");
        assert!(!task.to_string().contains("10.0.0.7"), "{task}");
    }
}

#[tokio::test]
async fn an_interrupt_is_a_question_and_its_answer_resumes_the_run() {
    let asks = json!({ "outcome": { "type": "interrupt", "interrupts": [
        { "id": "i1", "reason": "approval", "message": "Pay 12 EUR?" }] } });
    let asks = streamed(&[started(), snapshot(json!({ "n": 1 })), finished(asks)]);
    let ours = run(&[
        snapshot(json!({ "n": 2 })),
        custom(json!({ "state": "INPUT_REQUIRED", "question": "Sure?", "checkpoint": 7 })),
    ]);
    let server = Server::giving([asks, ours, run(&[text("1", "Paid.")])]);
    let bed = bed(server.calls(Contract::AgUi));
    let task = bed.send("pay").await.input_required().saying("Pay 12 EUR?");
    let task = bed.answer(&task, "yes").await.input_required().saying("Sure?");
    let task = bed.answer(&task, "very").await.completed();
    assert_eq!(output(&task), [r#"state: {"data":{"n":2}}"#, "response: Paid."], "{task}");
    let asked = server.asked.lock().unwrap();
    let sent: Vec<Value> =
        asked.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!(asked[0].uri, "https://agent.example/a?q=1");
    assert_eq!(asked[0].headers["accept"], "text/event-stream");
    let [first, second, third] = &sent[..] else { panic!("{} calls", sent.len()) };
    let mut names: Vec<&String> = first.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["context", "forwardedProps", "messages", "runId", "state", "threadId", "tools"]
    );
    assert_eq!(
        (&first["state"], &second["state"], &third["state"]),
        (&json!({}), &json!({ "n": 1 }), &json!({ "n": 2 }))
    );
    assert_eq!(
        second["resume"],
        json!([{ "interruptId": "i1", "status": "resolved", "payload": "yes" }])
    );
    assert_eq!(
        (&third["resume"], &third["forwardedProps"]["a2a"]["checkpoint"]),
        (&Value::Null, &json!(7))
    );
    assert_eq!(first["threadId"], second["threadId"]);
    assert_ne!(first["runId"], second["runId"]);
    let roles: Vec<&Value> =
        second["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

/// An interrupt, as `LangGraph`'s adapter tells of it by default.
fn on_interrupt(value: Value, raw: Value) -> Value {
    event("CUSTOM", json!({ "name": "on_interrupt", "value": value, "rawEvent": raw }))
}

#[tokio::test]
async fn an_event_of_lang_graph_is_a_question_and_its_answer_goes_into_a_command() {
    let id = |id: &str| json!({ "id": id, "value": "any", "response_schema": null });
    let order = json!({ "message": "Pay?", "sum": 1.50 }).to_string();
    let data = |value: Value| Part::data(Json::from_value(&value).unwrap());
    let outcome = json!({ "outcome": { "type": "interrupt", "interrupts": [
        { "id": "i1", "reason": "r", "message": "Which?" }] } });
    let plain = [on_interrupt(json!("Which?"), id("i1"))];
    let two = [plain[0].clone(), on_interrupt(json!("How?"), id("i2"))];
    for (script, question, shown, answer, command) in [
        (run(&plain), "Which?", Vec::<&str>::new(), Part::text("this"), json!("this")),
        // Older ones tell no id.
        (
            run(&[on_interrupt(json!("Which?"), Value::Null)]),
            "Which?",
            vec![],
            Part::text("this"),
            json!("this"),
        ),
        // The adapter would take this text for a number.
        (run(&plain), "Which?", vec![], Part::text("12"), json!("\"12\"")),
        (run(&plain), "Which?", vec![], data(json!({ "ok": [true] })), json!({ "ok": [true] })),
        (run(&two), "Which?\nHow?", vec![], Part::text("x"), json!({ "i1": "x", "i2": "x" })),
        (
            run(&[text("1", "Hm."), on_interrupt(json!(order), id("i1"))]),
            "Pay?",
            vec![
                r#"response: Hm.{"data":{"name":"on_interrupt","value":{"message":"Pay?","sum":1.5}}}"#,
            ],
            Part::text("yes"),
            json!("yes"),
        ),
        (
            run(&[on_interrupt(json!([1]), id("i1"))]),
            "[1]",
            vec![r#"response: {"data":{"name":"on_interrupt","value":[1]}}"#],
            Part::text("yes"),
            json!("yes"),
        ),
        // It is told in both ways: that of AG-UI counts.
        (
            streamed(&[plain[0].clone(), finished(outcome)]),
            "Which?",
            vec![],
            Part::text("a"),
            Value::Null,
        ),
    ] {
        let server = Server::giving([script, run(&[])]);
        let bed = bed(server.calls(Contract::AgUi));
        let task = bed.send("pay").await.input_required().saying(question);
        assert_eq!(output(&task), shown, "{task}");
        bed.answer(&task, answer).await.completed();
        let body = server.asked.lock().unwrap()[1].body.clone();
        let sent: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(sent["forwardedProps"]["command"]["resume"], command, "{question}");
        assert_eq!(sent["resume"].is_null(), !command.is_null(), "one way of them");
    }
    let ours = custom(json!({ "state": "COMPLETED" }));
    let server = Server::giving([run(&[plain[0].clone(), ours])]);
    bed(server.calls(Contract::AgUi)).send("pay").await.completed();
    let server = Server::giving([run(&[on_interrupt(json!(" "), id("i1"))])]);
    bed(server.calls(Contract::AgUi)).send("pay").await.failed();
}
