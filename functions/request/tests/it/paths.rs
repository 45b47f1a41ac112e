//! Stages, domains, and paths of any kind.

use a2a_lambda_request::Config;
use serde_json::{Value, json};

use crate::support::{Function, at, event, open, with_header};

const CARD: &str = "/.well-known/agent-card.json";

#[tokio::test(start_paused = true)]
async fn the_card_gives_the_url_that_the_request_came_in_at() {
    let on = |mut event: Value, domain: Value| {
        event["requestContext"]["domainName"] = domain;
        event
    };
    let default = "https://id.execute-api.us-east-1.amazonaws.com";
    let own = json!("agents.example");
    for (event, path, url) in [
        (event!("http-api"), CARD.to_owned(), default.to_owned()),
        (event!("http-api-stage"), format!("/prod{CARD}"), format!("{default}/prod")),
        (event!("http-api-stage"), format!("/prod/acme{CARD}"), format!("{default}/prod")),
        // Behind a custom domain the stage is in no path.
        (on(event!("http-api-stage"), own), CARD.into(), "https://agents.example".into()),
        (
            event!("function-url"),
            CARD.to_owned(),
            "https://url-id.lambda-url.us-east-1.on.aws".to_owned(),
        ),
        (on(event!("http-api"), Value::Null), CARD.into(), "https://localhost".into()),
        (event!("rest-api"), CARD.to_owned(), format!("{default}/prod")),
        (event!("rest-api"), format!("/acme{CARD}"), format!("{default}/prod")),
        (event!("rest-api-mapping"), CARD.into(), "https://api.example.com/agents".into()),
        (
            event!("rest-api-mapping"),
            format!("/acme{CARD}"),
            "https://api.example.com/agents".into(),
        ),
        (event!("load-balancer"), CARD.to_owned(), "https://api.example.com".to_owned()),
        (
            with_header(event!("load-balancer"), "x-forwarded-proto", "http"),
            CARD.to_owned(),
            "http://api.example.com".to_owned(),
        ),
        // A malformed host does not appear in a card.
        (
            with_header(event!("load-balancer"), "host", "user@evil.example"),
            CARD.to_owned(),
            "https://localhost".to_owned(),
        ),
        (
            with_header(event!("load-balancer"), "host", "evil.example/path"),
            CARD.to_owned(),
            "https://localhost".to_owned(),
        ),
    ] {
        let answer = Function::new().answer(at(event, "GET", &path)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        // 0.3 knows no tenants: there they are part of the URL.
        let tenant = if path.contains("/acme/") { "/acme" } else { "" };
        let of_tenant = format!("{url}{tenant}");
        let interfaces = answer.body["supportedInterfaces"].as_array().unwrap();
        let urls: Vec<_> = interfaces.iter().map(|it| it["url"].as_str().unwrap()).collect();
        assert_eq!(urls, [&url, &url, &of_tenant, &of_tenant], "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_public_url_comes_before_that_of_the_request() {
    let public_url = Some("https://agents.example/a2a".to_owned());
    let function = Function::with(Config { public_url, ..open() });
    let event = at(event!("http-api-stage"), "GET", &format!("/prod{CARD}"));
    let answer = function.answer(event).await;
    assert_eq!(answer.body["supportedInterfaces"][0]["url"], "https://agents.example/a2a");
}

#[tokio::test(start_paused = true)]
async fn the_stage_is_taken_off_the_path() {
    for (method, path, status) in [
        ("GET", "/prod/tasks", 200),
        ("GET", "/prod/acme/tasks", 200),
        ("GET", "/tasks", 200),
        ("GET", "/prod", 405),
        ("GET", "/prod/", 405),
        ("POST", "/prod", 200),
        // Another path that begins alike: a tenant.
        ("GET", "/production/tasks", 200),
        ("GET", "/prod/prod/tasks", 200),
        ("GET", "/prodtasks", 404),
    ] {
        let answer = Function::new().answer(at(event!("http-api-stage"), method, path)).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_path_has_an_answer() {
    let long = format!("/tasks/{}", "x".repeat(70_000));
    for (path, status) in [
        ("", 405),
        ("/", 405),
        ("//", 404),
        ("tasks", 200),
        ("*", 404),
        ("/tasks/", 200),
        ("//tasks", 200),
        ("/tasks/a b", 404),
        ("/tasks/ä/ö", 404),
        ("/tasks/ä", 404),
        ("/tasks/100%", 404),
        ("/tasks/%", 404),
        ("/tasks/\"<>\\^`{|}", 404),
        ("/tasks/a?b#c", 404),
        ("/tasks/[::1]", 404),
        ("/tasks/\u{0}\u{7f}\r\n", 404),
        ("http://other.example/tasks", 404),
        (long.as_str(), 400),
    ] {
        let answer = Function::new().answer(at(event!("http-api"), "GET", path)).await;
        let shown = &path[..path.len().min(40)];
        assert_eq!(answer.status, status, "{shown:?}: {answer:?}");
        if status != 200 {
            assert_eq!(answer.body["error"]["code"], status, "{shown:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_query_is_passed_on() {
    for (query, status) in [
        ("pageSize=1", 200),
        ("pageSize=0", 400),
        ("pageSize=%31", 200),
        ("status=TASK_STATE_COMPLETED&unknown=ä \"x\"&%", 200),
        ("statusTimestampAfter=2025-01-01T00:00:00%2B02:00", 200),
        ("contextId=#&pageSize=0", 400),
        ("?&pageSize=0", 400),
    ] {
        let mut event = event!("http-api");
        event["rawQueryString"] = json!(query);
        let answer = Function::new().answer(event).await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
    }
}

/// API Gateway decodes the parameters of a REST API, and a load balancer does not.
#[tokio::test(start_paused = true)]
async fn a_query_in_pieces_is_put_together_again() {
    let rest = |many: Value| {
        let mut event = event!("rest-api");
        event["multiValueQueryStringParameters"] = many;
        event
    };
    let balanced = |one: Value| {
        let mut event = event!("load-balancer");
        event["queryStringParameters"] = one;
        event
    };
    let mut only_one = event!("rest-api");
    only_one["queryStringParameters"] = json!({ "pageSize": "0" });
    let mut many = event!("load-balancer-multi-value");
    many["multiValueQueryStringParameters"] = json!({ "pageSize": ["%30"] });
    let after = "statusTimestampAfter";
    for (event, status) in [
        (rest(json!({ "pageSize": ["1"], "contextId": ["#&pageSize=0"] })), 200),
        (rest(json!({ "pageSize": ["0"] })), 400),
        (rest(json!({ "pageSize": ["%31"] })), 400),
        (rest(json!({ after: ["2025-01-01T00:00:00+02:00"] })), 200),
        (rest(json!({ after: ["2025-01-01T00:00:00%2B02:00"] })), 400),
        (only_one, 400),
        (many, 400),
        (balanced(json!({ "pageSize": "%31" })), 200),
        (balanced(json!({ "pageSize": "%30" })), 400),
        (balanced(json!({ after: "2025-01-01T00%3A00%3A00%2B02%3A00" })), 200),
        (balanced(json!({ "contextId": "%23%26pageSize=0" })), 200),
        // The load balancer divides the client's text at `&`, so no client can send this.
        (balanced(json!({ "contextId": "#\u{0}&pageSize=0" })), 400),
    ] {
        let answer = Function::new().answer(event.clone()).await;
        assert_eq!(answer.status, status, "{event}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_value_of_a_header_is_read() {
    let extensions = ["urn:a2a-lambda:generation:v1", "urn:a2a-lambda:push-delivery:v1"];
    let mut rest = event!("rest-api");
    rest["multiValueHeaders"]["A2A-Extensions"] = json!(extensions);
    rest["headers"]["A2A-Extensions"] = json!(extensions[1]);
    let mut balanced = event!("load-balancer-multi-value");
    balanced["multiValueHeaders"]["a2a-extensions"] = json!(extensions);
    let joined = with_header(event!("http-api"), "a2a-extensions", &extensions.join(","));
    for event in [rest, balanced, joined] {
        let answer = Function::new().answer(event).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let activated = answer.header("a2a-extensions").as_str().unwrap_or_default().to_owned();
        assert!(extensions.iter().all(|it| activated.contains(it)), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_version_is_read_from_header_or_query() {
    for (name, value, query, status) in [
        ("A2A-Version", "1.0", "", 200),
        ("a2a-version", "1.0", "", 200),
        ("a2a-version", "0.3", "", 400),
        ("x", "y", "A2A-Version=1.0", 200),
        ("x", "y", "", 400),
    ] {
        let mut event = event!("http-api");
        event["headers"] = json!({ name: value });
        event["rawQueryString"] = json!(query);
        let answer = Function::new().answer(event).await;
        assert_eq!(answer.status, status, "{name}: {value} ?{query}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fields_that_aws_may_omit_are_optional() {
    let event = json!({ "requestContext": { "http": { "method": "GET" } } });
    let answer = Function::new().answer(event).await;
    assert_eq!(answer.status, 405, "the path is that of JSON-RPC: {answer:?}");
    let with_nulls = json!({
        "version": "2.0",
        "rawPath": "/tasks",
        "rawQueryString": null,
        "headers": null,
        "cookies": null,
        "body": null,
        "requestContext": { "http": { "method": "GET" }, "stage": null, "authorizer": null },
    });
    let answer = Function::new().answer(with_nulls).await;
    assert_eq!(answer.status, 400, "there is no version: {answer:?}");
}
