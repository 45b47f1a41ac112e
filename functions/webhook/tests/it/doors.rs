//! Each front door's event, and events that are no requests.

use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::support::{World, event};

/// A door: its event, the places of method and path in it, and the prefixes of the path.
type Door = (Value, &'static [&'static str], &'static [&'static str], &'static str);

fn doors() -> Vec<Door> {
    let http: &[&str] = &["/requestContext/http/method"];
    vec![
        (event!("function-url"), http, &["/rawPath"], ""),
        (event!("http-api-stage"), http, &["/rawPath"], "/prod"),
        (event!("rest-api"), &["/httpMethod"], &["/requestContext/path", "/path"], "/prod"),
        (event!("load-balancer"), &["/httpMethod"], &["/path"], ""),
        (event!("load-balancer-multi-value"), &["/httpMethod"], &["/path"], "/agents"),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_front_door_is_served() {
    for (mut event, method, paths, front) in doors() {
        let world = World::new().await;
        let set = |event: &mut Value, pointer: &str, value: &str| {
            *event.pointer_mut(pointer).unwrap() = json!(value);
        };
        for path in paths {
            set(&mut event, path, &format!("{front}{}", world.path));
        }
        for (verb, body, status) in [("GET", "", 200), ("POST", "yes", 200), ("POST", "no", 409)] {
            set(&mut event, method[0], verb);
            event["body"] = json!(body);
            event["isBase64Encoded"] = json!(false);
            let answer = world.handle(&event).await;
            assert_eq!(answer.status, status, "{verb} {event}\n{answer:?}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
        }
        event["body"] = json!("eWVz");
        event["isBase64Encoded"] = json!(true);
        assert_eq!(world.handle(&event).await.status, 200, "the same in base64");
        event["body"] = json!("?");
        assert_eq!(world.handle(&event).await.status, 400, "no base64");
    }
}

#[tokio::test(start_paused = true)]
async fn other_events_are_told_apart() {
    let world = World::new().await;
    for (event, status) in [
        (json!({}), 200),
        (json!({ "source": "warmer" }), 200),
        (json!({ "requestContext": { "connectionId": "c" } }), 501),
        (json!({ "requestContext": { "http": { "method": "A B" } }, "rawPath": "/x" }), 400),
        (json!({ "requestContext": { "http": { "method": 7 } }, "rawPath": "/x" }), 400),
        (json!({ "requestContext": { "http": { "method": "GET" } } }), 404),
    ] {
        assert_eq!(world.handle(&event).await.status, status, "{event}");
    }
    let mut check = event!("load-balancer");
    check["headers"]["user-agent"] = json!("ELB-HealthChecker/2.0");
    assert_eq!(world.handle(&check).await.status, 200);
    let records = json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] });
    let records = to_raw_value(&records).unwrap();
    let deadline = world.engine.clock.now();
    let refused = a2a_lambda_webhook_function::handle(&records, deadline, &world.context);
    let error = refused.await.unwrap_err().to_string();
    assert!(error.contains("the function webhook takes HTTP requests"), "{error}");
}
