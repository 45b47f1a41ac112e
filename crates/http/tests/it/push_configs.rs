//! Push configs: create, get, list, delete, and with a message.

use a2a_lambda_core::ids::{ConfigId, TaskId, TaskKey, Tenant};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{TraceContext, deliver};
use a2a_lambda_http::{DELIVERY_EXTENSION, GENERATION_EXTENSION};
use a2a_lambda_protocol::{ErrorKind, Timestamp};
use serde_json::{Value, json};

use crate::support::{BINDINGS, Binding, Logs, World, follow_up, send, with};

const CREATE: &str = "CreateTaskPushNotificationConfig";
const GET: &str = "GetTaskPushNotificationConfig";
const LIST: &str = "ListTaskPushNotificationConfigs";
const DELETE: &str = "DeleteTaskPushNotificationConfig";

fn config(task: &str, id: &str) -> Value {
    json!({ "taskId": task, "id": id, "url": "https://client.example/push?x=y" })
}

async fn ids(world: &World, binding: Binding, task: &str) -> Vec<String> {
    let page = world.call(binding, LIST, json!({ "taskId": task })).await.ok();
    assert_eq!(page.get("nextPageToken"), None, "{page}");
    // Neither field is REQUIRED in the proto: ProtoJSON leaves out empty fields.
    let configs = page["configs"].as_array().map(Vec::as_slice).unwrap_or_default();
    configs.iter().map(|config| config["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_config_is_made_read_listed_and_deleted() {
    for text in ["tck-input-required", "tck-complete-task"] {
        for binding in BINDINGS {
            let (world, task) = World::with_task(text).await;
            let made = world.call(binding, CREATE, config(&task, "ü/ c")).await.ok();
            assert_eq!(made, config(&task, "ü/ c"));
            let which = json!({ "taskId": task, "id": "ü/ c" });
            // Both bindings read a config that one of them made.
            for binding in BINDINGS {
                assert_eq!(world.call(binding, GET, which.clone()).await.ok(), made);
                assert_eq!(ids(&world, binding, &task).await, ["ü/ c"]);
            }
            // Twice is once.
            for _ in 0..2 {
                let deleted = world.call(binding, DELETE, which.clone()).await.ok();
                assert_eq!(deleted, json!({}));
            }
            let gone = world.call(binding, GET, which).await;
            gone.refused_as(ErrorKind::TaskNotFound, "deleted");
            assert!(ids(&world, binding, &task).await.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_config_comes_with_a_message() {
    for binding in BINDINGS {
        for operation in ["SendMessage", "SendStreamingMessage"] {
            let world = World::new();
            let inline = json!({ "taskPushNotificationConfig": {
                "id": "c1", "url": "https://client.example",
            } });
            let params = with(send("tck-input-required"), "/configuration", inline);
            let task = sent(&world, binding, operation, params).await;
            assert_eq!(ids(&world, binding, &task).await, ["c1"]);
            let inline = json!({ "taskPushNotificationConfig": {
                "id": "c2", "url": "https://client.example",
            } });
            let params = with(follow_up(&task, "tck-complete-task"), "/configuration", inline);
            sent(&world, binding, operation, params).await;
            assert_eq!(ids(&world, binding, &task).await, ["c1", "c2"]);
        }
    }
}

/// Sends a message, and returns its task's id.
async fn sent(world: &World, binding: Binding, operation: &str, params: Value) -> String {
    let task = match operation {
        "SendMessage" => world.call(binding, operation, params).await.ok(),
        _ => world.stream(binding, operation, params).await.rest().await[0].response.clone(),
    };
    task["task"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_config_is_for_the_task_in_the_path() {
    let (world, task) = World::with_task("tck-input-required").await;
    let other = world.task_id("tck-input-required").await;
    let target = format!("/tasks/{task}/pushNotificationConfigs");
    let url = json!("https://client.example");
    for (body, refused) in [
        (json!({ "url": url }), false),
        (json!({ "url": url, "taskId": task }), false),
        (json!({ "url": url, "task_id": "" }), false),
        (json!({ "url": url, "taskId": null }), false),
        (json!({ "url": url, "taskId": other }), true),
        (json!({ "url": url, "task_id": "another" }), true),
    ] {
        let answer = world.rest("POST", &target, &body.to_string()).await;
        if refused {
            answer.names_fields(ErrorKind::InvalidParams, &["taskId"], &body.to_string());
        } else {
            assert_eq!(answer.ok()["taskId"], task, "{body}");
        }
    }
    assert!(ids(&world, Binding::Rest, &other).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn urls_that_cannot_be_posted_to_are_refused() {
    let long = format!("https://client.example/{}", "p".repeat(2_048));
    let (world, task) = World::with_task("tck-input-required").await;
    for (url, good) in [
        ("https://client.example", true),
        ("HTTPS://CLIENT.example:443/a/b?c=d&e#f", true),
        ("http://127.0.0.1:8080/push", true),
        ("https://[::1]:8443/", true),
        ("https://client.example:65535", true),
        ("", false),
        (" ", false),
        ("/push", false),
        ("client.example", false),
        ("client.example/push", false),
        ("//client.example/push", false),
        ("ftp://client.example", false),
        ("javascript:alert(1)", false),
        ("file:///etc/passwd", false),
        ("data:text/plain,x", false),
        ("https://", false),
        ("https:///push", false),
        ("https://:8080/", false),
        ("https://client.example:65536", false),
        ("https://client.example:port/", false),
        ("https://client.example:-1/", false),
        ("https://user@client.example", false),
        ("https://user:password@client.example", false),
        ("https://client.example@evil.example", false),
        ("https://client example/", false),
        ("https://client.example/a b", false),
        ("https://client.example/\r\nX-Evil: 1", false),
        ("https://client.example/\u{0}", false),
        ("https://clïent.example/", false),
        ("https://client.example/ü", false),
        (long.as_str(), false),
    ] {
        for binding in BINDINGS {
            let params = json!({ "taskId": task, "id": "c1", "url": url });
            let answer = world.call(binding, CREATE, params).await;
            let inline = json!({ "taskPushNotificationConfig": { "url": url } });
            let params = with(send("hi"), "/configuration", inline);
            let sent = world.call(binding, "SendMessage", params).await;
            if good {
                assert_eq!(answer.ok()["url"], url);
                sent.ok();
            } else {
                answer.names_fields(ErrorKind::InvalidParams, &["url"], url);
                let field = "configuration.taskPushNotificationConfig.url";
                sent.names_fields(ErrorKind::InvalidParams, &[field], url);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_are_taken_and_never_told_again() {
    let logs = Logs::start();
    for binding in BINDINGS {
        let (world, task) = World::with_task("tck-input-required").await;
        let secrets = json!({
            "token": "hush-token",
            "authentication": { "scheme": "Bearer", "credentials": "hush-credentials" },
        });
        let mut params = config(&task, "c1");
        params.as_object_mut().unwrap().extend(secrets.as_object().unwrap().clone());
        let made = world.call(binding, CREATE, params.clone()).await.ok();
        assert_eq!(made["authentication"], json!({ "scheme": "Bearer" }), "{made}");
        let which = json!({ "taskId": task, "id": "c1" });
        let mut answers = vec![made, world.call(binding, GET, which.clone()).await.ok()];
        answers.push(world.call(binding, LIST, json!({ "taskId": task })).await.ok());
        // Refused in all the ways in which a request with secrets can be.
        for wrong in [
            with(params.clone(), "/url", json!("https://hush-token@client.example")),
            with(params.clone(), "/url", json!({ "hush-token": 1 })),
            with(params.clone(), "/taskId", json!("unknown")),
            with(params.clone(), "/tenant", json!("a b")),
            with(params.clone(), "/id", json!("x".repeat(300))),
            with(params.clone(), "/token", json!(["hush-token"])),
            with(params.clone(), "/token", json!("hush-token\n")),
            with(params.clone(), "/authentication", json!("hush-credentials")),
            with(params.clone(), "/authentication/credentials", json!("hush-credentials\u{e9}")),
            with(params.clone(), "/authentication/scheme", json!({ "hush-token": 1 })),
        ] {
            let why = wrong.to_string();
            let answer = world.call(binding, CREATE, wrong).await;
            answers.push(answer.refused(&why));
        }
        let inline = json!({ "taskPushNotificationConfig": secrets });
        let inline = with(inline, "/taskPushNotificationConfig/url", json!("https://c.example"));
        let send = with(send("tck-artifact-text"), "/configuration", inline);
        answers.push(world.call(binding, "SendMessage", send.clone()).await.ok());
        let stream = world.stream(binding, "SendStreamingMessage", send).await;
        answers.extend(stream.rest().await.into_iter().map(|event| event.response));
        answers.push(world.call(binding, "ListTasks", json!({})).await.ok());
        answers.push(world.call(binding, DELETE, which).await.ok());
        for answer in answers {
            assert!(!answer.to_string().contains("hush"), "{answer}");
        }
    }
    let logs = logs.text();
    assert!(logs.contains("CreateTaskPushNotificationConfig"), "{logs}");
    assert!(!logs.contains("hush"), "{logs}");
}

/// Its owner can see that a receiver is in trouble. In this world, none can be reached.
#[tokio::test(start_paused = true)]
async fn a_client_can_ask_for_the_state_of_its_delivery() {
    for binding in BINDINGS {
        let (world, task) = World::with_task("tck-input-required").await;
        world.call(binding, CREATE, config(&task, "c1")).await.ok();
        let both = format!("{DELIVERY_EXTENSION}, {GENERATION_EXTENSION}");
        let get = async |extensions: &str| {
            let (headers, params) = ([("A2A-Extensions", extensions)], json!({ "id": task }));
            world.call_with(binding, "GetTask", params, &headers).await.ok()["metadata"].clone()
        };
        let generation = get(GENERATION_EXTENSION).await[GENERATION_EXTENSION].clone();
        let fine = json!({ "c1": { "state": "OK", "delivered": generation } });
        assert_eq!(get(DELIVERY_EXTENSION).await, json!({ DELIVERY_EXTENSION: fine }));
        assert_eq!(get("urn:another").await, Value::Null);

        let task = TaskId::parse(task.as_str()).unwrap();
        let key = TaskKey { tenant: Tenant::default(), task };
        let deadline = Timestamp::from_millis(i64::MAX);
        deliver(&world.engine, &key, deadline).await.unwrap();
        let told = get(&both).await;
        assert_eq!(told[GENERATION_EXTENSION], generation);
        let standing = &told[DELIVERY_EXTENSION]["c1"];
        assert_eq!((&standing["state"], &standing["failures"]), (&json!("FAILING"), &json!(1)));
        let error = "the receiver cannot be reached";
        assert_eq!(standing["lastError"], error);
        assert!(standing["since"].as_str() < standing["nextAttempt"].as_str(), "{standing}");
    }
}

/// A trace that begins with its client goes on to the receiver.
#[tokio::test(start_paused = true)]
async fn a_config_is_of_the_trace_of_its_request() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for binding in BINDINGS {
        let (world, task) = World::with_task("tck-input-required").await;
        for (id, header, kept) in
            [("traced", TRACE, Some(TRACE)), ("untraced", "00-nothing-of-the-kind", None)]
        {
            let headers = [("traceparent", header)];
            world.call_with(binding, CREATE, config(&task, id), &headers).await.ok();
            let task = TaskId::parse(task.as_str()).unwrap();
            let key = TaskKey { tenant: Tenant::default(), task };
            let head = world.engine.read(&key, Depth::Tail).await.unwrap().unwrap().head;
            let registration = head.registration(&ConfigId::parse(id).unwrap()).unwrap();
            let registrations = std::slice::from_ref(registration);
            let trace = world.engine.configs(&key, registrations).await.unwrap().remove(0).trace;
            assert_eq!(trace.as_ref().map(TraceContext::as_str), kept);
        }
    }
}
