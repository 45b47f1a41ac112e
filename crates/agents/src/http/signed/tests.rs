use a2a_lambda_runtime::Variables;
use a2a_lambda_testing::{Bed, TestClock};

use super::*;
use crate::account::Account;
use crate::http::scripted::{Server, output, whole};
use crate::http::{Calls, Contract, Hosted, HttpAgent, Target};

const URL: &str = "https://abc.lambda-url.eu-west-1.on.aws";
const ARN: &str = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/agent-1";

fn account(endpoint: Option<&str>) -> Account {
    let lookup = |name: &str| match name {
        "AWS_REGION" => Some("eu-central-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("EXAMPLE".to_owned()),
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE" => endpoint.map(str::to_owned),
        _ => None,
    };
    Account::from_variables(&Variables::local(&lookup)).unwrap().ok().unwrap()
}

/// The URL and the authorization of a call of this agent.
async fn called(agent: impl FnOnce(Calls) -> HttpAgent) -> (String, String) {
    let server = Server::giving([whole(r#""a""#)]);
    let bed = Bed::new(agent(server.calls(Contract::AgentCore)));
    let task = bed.send("hi").await.completed();
    assert_eq!(output(&task), ["response: a"]);
    let asked = server.asked.lock().unwrap();
    let authorization = asked[0].headers["authorization"].to_str().unwrap();
    (asked[0].uri.to_string(), authorization.to_owned())
}

#[tokio::test]
async fn a_function_url_s_requests_are_signed() {
    let clock = Arc::new(TestClock::skipping());
    let (url, signature) = called(|calls| {
        let calls = Calls { authorization: None, signs: true, ..calls };
        let target = Target::parse(URL).unwrap();
        HttpAgent::signed(&calls, target, &account(None), clock).unwrap()
    })
    .await;
    assert_eq!(url, format!("{URL}/invocations"));
    assert!(signature.contains("/eu-west-1/lambda/aws4_request"), "{signature}");
    assert!(signature.contains("host;idempotency-key;x-amz-date;x-amzn-bedrock"), "{signature}");
}

#[tokio::test]
async fn agent_core_s_runtime_is_called_with_a_signature_or_a_token() {
    let agent = |text: &str| Hosted::parse(text).unwrap();
    let hosted = |calls: &Calls, text: &str, endpoint| {
        let clock = Arc::new(TestClock::skipping());
        HttpAgent::hosted(calls, &agent(text), &account(endpoint), clock).unwrap()
    };
    let path = "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-west-2%3A123456789012%3Aruntime%2F\
                agent-1/invocations";
    let (url, signature) =
        called(|calls| hosted(&Calls { authorization: None, ..calls }, ARN, None)).await;
    assert_eq!(url, format!("https://bedrock-agentcore.us-west-2.amazonaws.com{path}"));
    assert!(signature.contains("/us-west-2/bedrock-agentcore/aws4_request"), "{signature}");
    let text = format!("{ARN}?qualifier=PROD");
    let (url, token) = called(|calls| hosted(&calls, &text, Some("http://127.0.0.1:1/"))).await;
    assert_eq!(
        (url, &*token),
        (format!("http://127.0.0.1:1{path}?qualifier=PROD"), "Bearer token")
    );
}

#[test]
fn hosts_and_arns_that_aws_did_not_name_are_refused() {
    let china = service_of("abc.execute-api.cn-north-1.amazonaws.com.cn");
    assert_eq!(china, Some(("execute-api", "cn-north-1")));
    let bedrock = service_of("bedrock-runtime.us-east-1.amazonaws.com");
    assert_eq!(bedrock, Some(("bedrock", "us-east-1")));
    for host in [
        "agent.example",
        "lambda-url.eu-west-1.on.aws",
        "a.b.lambda-url.eu-west-1.on.aws",
        "abc.lambda-url.eu-west-1.on.aws.example",
        "s3.eu-west-1.amazonaws.com",
    ] {
        assert_eq!(service_of(host), None, "{host}");
    }
    for url in ["http://abc.lambda-url.eu-west-1.on.aws", "https://agent.example"] {
        let server = Server::giving([whole("1")]);
        let (calls, target) = (server.calls(Contract::AgentCore), Target::parse(url).unwrap());
        let clock = Arc::new(TestClock::skipping());
        assert!(HttpAgent::signed(&calls, target, &account(None), clock).is_err(), "{url}");
    }
    for text in [
        "",
        "agent-1",
        "arn:aws:bedrock-agentcore:us-west-2:1:runtime/a",
        "arn:aws:bedrock-agentcore:us-west-2:123456789012:memory/a",
        "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/a/b",
        "arn:aws:bedrock-agentcore::123456789012:runtime/a",
        "arn:aws:bedrock-agentcore:us-west-2.example/x:123456789012:runtime/a",
        "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/a?qualifier=",
        "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/a?qualifier=a&b",
        "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/a?x=y",
    ] {
        assert!(Hosted::parse(text).is_err(), "{text}");
    }
}
