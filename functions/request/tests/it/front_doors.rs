//! The card's URLs answer, with any front and any path prefix.

use a2a_lambda_core::Tenant;
use a2a_lambda_core::ids::{TaskId, TaskKey};
use a2a_lambda_core::store::Depth;
use a2a_lambda_request::Config;
use serde_json::{Value, json};

use crate::support::{Function, at, event, open, with_header};

const OWN: &str = "id.execute-api.us-east-1.amazonaws.com";
const CUSTOM: &str = "api.example.com";
const FUNCTION: &str = "url-id.lambda-url.us-east-1.on.aws";

/// The kinds of front doors, by how they have paths.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Payload 2.0, with this stage.
    Stage(&'static str),
    /// Payload 1.0 of a REST API, with this stage, or this mapping of a custom domain, in front.
    Rest(&'static str),
    LoadBalancer,
}

/// A front door and its configuration.
struct Door {
    kind: Kind,
    /// `PUBLIC_URL` and `BASE_PATH`.
    configured: (Option<&'static str>, Option<&'static str>),
    domain: &'static str,
    /// The URL of the service for clients.
    url: &'static str,
    /// The part of the URL's path that stays in the API's own path.
    left: &'static str,
}

const fn door(
    configured: (Option<&'static str>, Option<&'static str>),
    domain: &'static str,
    stage: &'static str,
    url: &'static str,
    left: &'static str,
) -> Door {
    Door { kind: Kind::Stage(stage), configured, domain, url, left }
}

const fn rest(
    configured: (Option<&'static str>, Option<&'static str>),
    domain: &'static str,
    front: &'static str,
    url: &'static str,
    left: &'static str,
) -> Door {
    Door { kind: Kind::Rest(front), configured, domain, url, left }
}

const fn balancer(
    configured: (Option<&'static str>, Option<&'static str>),
    url: &'static str,
    left: &'static str,
) -> Door {
    Door { kind: Kind::LoadBalancer, configured, domain: CUSTOM, url, left }
}

const UNSET: (Option<&str>, Option<&str>) = (None, None);
const OWN_URL: &str = "https://id.execute-api.us-east-1.amazonaws.com";
const OWN_PROD: &str = "https://id.execute-api.us-east-1.amazonaws.com/prod";
const OWN_PROD_AGENTS: &str = "https://id.execute-api.us-east-1.amazonaws.com/prod/agents";
const OWN_ACME: &str = "https://id.execute-api.us-east-1.amazonaws.com/acme";
const CUSTOM_URL: &str = "https://api.example.com";
const AGENTS: &str = "https://api.example.com/agents";
const ACME: &str = "https://api.example.com/acme";
const DEEP: &str = "https://api.example.com/a/acme/b";

/// Tenants are named as stages and base paths are.
const TENANTS: [&str; 4] = ["", "acme", "prod", "agents"];

const DOORS: [Door; 42] = [
    door(UNSET, OWN, "$default", OWN_URL, ""),
    door(UNSET, FUNCTION, "$default", "https://url-id.lambda-url.us-east-1.on.aws", ""),
    // A stage is in the paths of the API's own URL.
    door(UNSET, OWN, "prod", OWN_PROD, "/prod"),
    door(UNSET, OWN, "acme", OWN_ACME, "/acme"),
    door((Some(OWN_PROD), None), OWN, "prod", OWN_PROD, "/prod"),
    door((Some(OWN_ACME), None), OWN, "acme", OWN_ACME, "/acme"),
    // A stage is in no path of a custom domain.
    door(UNSET, CUSTOM, "$default", CUSTOM_URL, ""),
    door(UNSET, CUSTOM, "acme", CUSTOM_URL, ""),
    door((Some(CUSTOM_URL), None), CUSTOM, "acme", CUSTOM_URL, ""),
    // A mapping key that is left in the path.
    door((Some(AGENTS), None), CUSTOM, "prod", AGENTS, "/agents"),
    door((Some(ACME), None), CUSTOM, "acme", ACME, "/acme"),
    door((None, Some("/acme")), CUSTOM, "acme", ACME, "/acme"),
    door((Some(DEEP), None), CUSTOM, "prod", DEEP, "/a/acme/b"),
    // One that is taken off.
    door((Some(AGENTS), Some("")), CUSTOM, "prod", AGENTS, ""),
    door((Some(ACME), Some("")), CUSTOM, "acme", ACME, ""),
    door((Some(DEEP), Some("/b")), CUSTOM, "prod", DEEP, "/b"),
    // Something else in front, which has a path for the service.
    door((Some(AGENTS), None), FUNCTION, "$default", AGENTS, "/agents"),
    door((Some(AGENTS), None), OWN, "$default", AGENTS, "/agents"),
    door((Some(AGENTS), None), OWN, "prod", AGENTS, "/prod/agents"),
    door((Some(ACME), None), OWN, "acme", ACME, "/acme/acme"),
    door((Some(ACME), None), OWN, "prod", ACME, "/prod/acme"),
    door((Some(ACME), Some("")), OWN, "acme", ACME, "/acme"),
    door((Some(AGENTS), Some("")), OWN, "prod", AGENTS, "/prod"),
    // A REST API has its stage in front.
    rest(UNSET, OWN, "/prod", OWN_PROD, ""),
    rest(UNSET, OWN, "/acme", OWN_ACME, ""),
    rest((Some(OWN_PROD), None), OWN, "/prod", OWN_PROD, ""),
    rest(UNSET, CUSTOM, "", CUSTOM_URL, ""),
    // The function finds a mapping of its custom domain by itself, with any configuration.
    rest(UNSET, CUSTOM, "/agents", AGENTS, ""),
    rest(UNSET, CUSTOM, "/acme", ACME, ""),
    rest(UNSET, CUSTOM, "/a/acme/b", DEEP, ""),
    rest((Some(AGENTS), None), CUSTOM, "/agents", AGENTS, ""),
    rest((Some(AGENTS), Some("")), CUSTOM, "/agents", AGENTS, ""),
    rest((None, Some("/acme")), CUSTOM, "/acme", ACME, ""),
    // The rest of the path is of the API's resources.
    rest((Some(DEEP), None), CUSTOM, "/a/acme", DEEP, "/b"),
    rest((Some(DEEP), Some("/a/acme/b")), CUSTOM, "/a/acme", DEEP, "/b"),
    rest((None, Some("/agents")), OWN, "/prod", OWN_PROD_AGENTS, "/agents"),
    // Something else in front, which has a path for the service.
    rest((Some(AGENTS), None), OWN, "/prod", AGENTS, "/agents"),
    rest((Some(ACME), None), OWN, "/acme", ACME, "/acme"),
    rest((Some(AGENTS), Some("")), OWN, "/prod", AGENTS, ""),
    balancer(UNSET, CUSTOM_URL, ""),
    balancer((Some(AGENTS), None), AGENTS, "/agents"),
    balancer((None, Some("/agents")), AGENTS, "/agents"),
];

impl Door {
    fn function(&self) -> Function {
        let (public_url, base_path) = self.configured;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (public_url, base_path) = (owned(public_url), owned(base_path));
        Function::with(Config { public_url, base_path, ..open() })
    }

    /// The event of a request to a URL.
    fn event(&self, method: &str, url: &str, version: &str, body: &Value) -> Value {
        let behind = url.strip_prefix(self.url).unwrap();
        let path = format!("{}{behind}", self.left);
        let path = if path.is_empty() { "/" } else { &path };
        let mut event = match self.kind {
            Kind::Stage(stage) => {
                let mut event = at(event!("http-api"), method, path);
                event["requestContext"]["stage"] = json!(stage);
                event["requestContext"]["domainName"] = json!(self.domain);
                event
            }
            Kind::Rest(front) => {
                let mut event = event!("rest-api");
                event["path"] = json!("/tasks");
                event["requestContext"]["path"] = json!(format!("{front}/tasks"));
                event["requestContext"]["stage"] = json!("prod");
                event["requestContext"]["domainName"] = json!(self.domain);
                at(event, method, path)
            }
            Kind::LoadBalancer => {
                with_header(at(event!("load-balancer"), method, path), "host", self.domain)
            }
        };
        event["body"] = json!(body.to_string());
        if let Some(headers) = event["multiValueHeaders"].as_object_mut() {
            headers.remove("A2A-Version");
        }
        with_header(event, "a2a-version", version)
    }
}

/// The request that makes a task, for each kind of interface; and where its id is in the answer.
fn request(interface: &Value) -> (String, Value, &'static str) {
    let text = |name: &str| interface[name].as_str().unwrap_or_default();
    let is_old = text("protocolVersion") == "0.3";
    let message = if is_old {
        json!({ "kind": "message", "messageId": "m", "role": "user",
            "parts": [{ "kind": "text", "text": "hi" }] })
    } else {
        json!({ "messageId": "m", "role": "ROLE_USER", "parts": [{ "text": "hi" }] })
    };
    let call = |method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let (path, body, place) = match (text("protocolBinding"), is_old) {
        ("JSONRPC", false) => {
            let params = json!({ "tenant": interface["tenant"], "message": message,
                "configuration": { "returnImmediately": true } });
            (String::new(), call("SendMessage", params), "/result/task/id")
        }
        ("JSONRPC", true) => {
            let params = json!({ "message": message, "configuration": { "blocking": false } });
            (String::new(), call("message/send", params), "/result/id")
        }
        (_, false) => {
            let tenant = Some(text("tenant")).filter(|tenant| !tenant.is_empty());
            let path = tenant.map(|tenant| format!("/{tenant}")).unwrap_or_default();
            let body =
                json!({ "message": message, "configuration": { "returnImmediately": true } });
            (format!("{path}/message:send"), body, "/task/id")
        }
        (_, true) => {
            let message = json!({ "messageId": "m", "role": "ROLE_USER",
                "content": [{ "text": "hi" }] });
            let body = json!({ "message": message, "configuration": { "blocking": false } });
            ("/v1/message:send".to_owned(), body, "/task/id")
        }
    };
    (format!("{}{path}", text("url")), body, place)
}

#[tokio::test(start_paused = true)]
async fn each_interface_of_the_card_answers_for_its_tenant() {
    for door in &DOORS {
        let function = door.function();
        for tenant in TENANTS {
            let of_tenant = if tenant.is_empty() { String::new() } else { format!("/{tenant}") };
            for slash in ["", "/"] {
                let url = format!("{}{of_tenant}/.well-known/agent-card.json{slash}", door.url);
                let event = door.event("GET", &url, "", &Value::Null);
                let shown = format!("{url} as {event}");
                let card = function.answer(event).await;
                assert_eq!(card.status, 200, "{shown}: {card:?}");
                let interfaces = card.body["supportedInterfaces"].as_array().unwrap();
                assert_eq!(interfaces.len(), 4, "{shown}");
                for interface in interfaces {
                    let (url, body, place) = request(interface);
                    let event = door.event(
                        "POST",
                        &format!("{url}{slash}"),
                        interface["protocolVersion"].as_str().unwrap(),
                        &body,
                    );
                    let shown = format!("{tenant:?} at {url}{slash} as {event}");
                    let answer = function.answer(event).await;
                    let task = answer.body.pointer(place).and_then(Value::as_str);
                    let Some(task) = task else { panic!("{shown}: {answer:?}") };
                    let tenant = Tenant::parse(tenant).unwrap();
                    let key = TaskKey { tenant, task: TaskId::parse(task).unwrap() };
                    let stored = function.engine.store.read(&key, Depth::Tail).await.unwrap();
                    assert!(stored.is_some(), "{shown}: the task is another tenant's");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_card_names_the_service_s_url_and_never_twice() {
    for door in &DOORS {
        for tenant in TENANTS {
            let of_tenant = if tenant.is_empty() { String::new() } else { format!("/{tenant}") };
            let url = format!("{}{of_tenant}/.well-known/agent-card.json", door.url);
            let card = door.function().answer(door.event("GET", &url, "", &Value::Null)).await;
            let interfaces = card.body["supportedInterfaces"].as_array().unwrap();
            let urls: Vec<_> = interfaces.iter().map(|it| it["url"].as_str().unwrap()).collect();
            // 0.3 knows no tenants: there they are part of the URL.
            let old = format!("{}{of_tenant}", door.url);
            assert_eq!(urls, [door.url, door.url, &old, &old], "{url}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dots_are_no_tenants() {
    for (path, status) in [
        ("/./tasks", 400),
        ("/../tasks", 400),
        ("/agents/../tasks", 400),
        ("/agents/%2e%2e/tasks", 400),
        ("/agents/./tasks", 400),
        ("/.../tasks", 200),
    ] {
        let function = Function::with(Config { public_url: Some(AGENTS.to_owned()), ..open() });
        let mut event = event!("http-api");
        event["rawPath"] = json!(path);
        let answer = function.answer(event).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}
