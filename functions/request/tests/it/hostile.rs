//! Events of each front door with anything in any place.

use a2a_lambda_request::{Answer, Config, ResponseMode};
use serde_json::{Value, json};

use crate::support::{Function, event, open, sending, with_header};

/// The values for each place of an event.
fn odd_values() -> Vec<Value> {
    let long = "x".repeat(70_000);
    vec![
        Value::Null,
        json!(true),
        json!(7),
        json!(-1.5e300),
        json!(""),
        json!("/"),
        json!("\u{0}\r\n{\"ä\": \u{10ffff}%%%=&?#"),
        json!(long),
        json!([]),
        json!([null, ["x"], "y", 7]),
        json!({}),
        json!({ "": null, "x": { "y": ["z"] }, "claims": {}, "http": {}, "elb": {} }),
    ]
}

/// The places in a value, its own included.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (n, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{n}"), found);
            }
        }
        _ => {}
    }
}

/// Each event with each value in each place, and without it.
fn mutants(event: &Value) -> impl Iterator<Item = (String, Value)> {
    let mut all = Vec::new();
    places(event, "", &mut all);
    let event = event.clone();
    all.into_iter().flat_map(move |place| {
        let mut mutants = Vec::new();
        for odd in odd_values() {
            let mut mutant = event.clone();
            *mutant.pointer_mut(&place).unwrap() = odd;
            mutants.push((place.clone(), mutant));
        }
        let (parent, name) = place.rsplit_once('/').unwrap_or_default();
        let mut without = event.clone();
        if let Some(Value::Object(members)) = without.pointer_mut(parent) {
            members.remove(&name.replace("~1", "/").replace("~0", "~"));
            mutants.push((place.clone(), without));
        }
        mutants
    })
}

#[tokio::test(start_paused = true)]
async fn anything_in_any_place_of_an_event_has_an_answer_that_is_not_our_fault() {
    let mut answered = 0;
    let jwt_like = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";
    for event in [
        event!("http-api-jwt"),
        event!("http-api-iam"),
        event!("function-url"),
        event!("http-api-payload-1"),
        event!("rest-api-cognito"),
        event!("rest-api-lambda-authorizer"),
        event!("rest-api-iam"),
        event!("rest-api-mapping"),
        event!("rest-api-key"),
        with_header(event!("load-balancer-oidc"), "x-amzn-oidc-data", jwt_like),
        event!("load-balancer-multi-value"),
        event!("load-balancer-health-check"),
        event!("web-socket"),
    ] {
        let mut event = sending(event, "hi");
        event["queryStringParameters"] = json!({ "a": "b" });
        event["multiValueQueryStringParameters"] = json!({ "a": ["b", "c"] });
        let is_socket = event["requestContext"]["connectionId"].is_string();
        let functions = [ResponseMode::Buffer, ResponseMode::Stream]
            .map(|response_mode| Function::with(Config { response_mode, ..open() }));
        for (n, (place, mutant)) in mutants(&event).enumerate() {
            let shown = || mutant.to_string().chars().take(2_000).collect::<String>();
            let answer = functions[n % 2].try_answer(mutant.clone()).await;
            let answer = answer.unwrap_or_else(|error| panic!("{error} for {place}: {}", shown()));
            let status = match answer {
                Answer::Buffered(response, form) => {
                    let status = response.status();
                    serde_json::to_vec(&form.event(response)).unwrap();
                    status
                }
                Answer::Streamed(parts, _) => parts.status,
            };
            answered += 1;
            assert!(
                status.as_u16() < 500 || is_socket && status == 501,
                "{status} for {place}: {}",
                shown()
            );
        }
    }
    assert!(answered > 5_000, "{answered}");
}
