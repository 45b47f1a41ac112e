use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::TestClock;

use super::*;
use crate::test_server::{TestResult, UNAVAILABLE, environment, serve};

/// In each answer, so that a test sees it where it must not be.
const HUSH: &str = "hunter2";

const PARAMETER: &str = r#"{"Parameter": {"Name": "/a/b", "Value": "hunter2 of /a/b"}}"#;
const SECRET: &str = r#"{"SecretString": "{\"key\":\"hunter2 too\"}"}"#;

/// An answer with this status and body.
pub(super) fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Noon. A wait is counted and not waited for.
fn noon() -> Arc<TestClock> {
    Arc::new(TestClock::skipping().starting_at(Timestamp::from_millis(1_795_780_800_000)))
}

fn parameter() -> Reference {
    Reference::Parameter { name: "/a/b".to_owned() }
}

fn secret() -> Reference {
    Reference::Secret { name: "push".to_owned(), key: Some("key".to_owned()) }
}

/// The result of a read from a server with these answers, the requests to it, and the waits.
pub(super) async fn read(
    answers: impl IntoIterator<Item = String>,
    reference: &Reference,
) -> (Result<Zeroizing<String>, SecretError>, Vec<String>, u64) {
    let answers = answers.into_iter().map(|answer| &*answer.leak());
    let answers: Vec<&'static str> = answers.collect();
    let (address, served) = serve(answers.leak()).await.expect("a server");
    let clock = noon();
    let store = AwsSecrets::new(&environment(&format!("http://{address}")), clock.clone());
    let read = store.read(reference).await;
    let asked = served.await.expect("it does not panic").expect("it was asked so often");
    (read, asked, u64::try_from(clock.passed().as_millis()).unwrap())
}

#[tokio::test]
async fn each_service_is_asked_in_its_own_way_and_signed() -> TestResult {
    for (reference, body_of, value, target, body) in [
        (
            parameter(),
            PARAMETER,
            "hunter2 of /a/b",
            "x-amz-target: AmazonSSM.GetParameter",
            r#"{"Name":"/a/b","WithDecryption":true}"#,
        ),
        (
            secret(),
            SECRET,
            r#"{"key":"hunter2 too"}"#,
            "x-amz-target: secretsmanager.GetSecretValue",
            r#"{"SecretId":"push"}"#,
        ),
    ] {
        let (read, asked, _) = read([answer("200 OK", body_of)], &reference).await;
        assert_eq!(**read?, *value);
        let (head, sent) = asked[0].split_once("\r\n\r\n").ok_or("no head")?;
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(target), "{head}");
        assert!(head.contains("content-type: application/x-amz-json-1.1"), "{head}");
        assert!(head.contains("x-amz-date: 20261127T120000Z"), "{head}");
        let service =
            if matches!(reference, Reference::Parameter { .. }) { "ssm" } else { "secretsmanager" };
        let scope = format!("Credential=AKIDEXAMPLE/20261127/eu-central-1/{service}/aws4_request");
        assert!(head.contains(&scope), "{head}");
        assert!(head.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target"), "{head}");
        assert!(!head.contains("very-secret"), "{head}");
        assert_eq!(sent, body);
    }
    Ok(())
}

#[test]
fn the_services_are_where_aws_has_them() {
    let at = |region: &str| {
        let lookup = |name: &str| match name {
            "AWS_REGION" => Some(region.to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => None,
        };
        let variables = Variables::new(a2a_lambda_runtime::Reader::Request, &lookup);
        let aws = AwsEnvironment::from_variables(&variables).expect("it is complete");
        let store = AwsSecrets::new(&aws, noon());
        (store.parameters, store.secrets)
    };
    let (parameters, secrets) = at("eu-central-1");
    assert_eq!(parameters, "https://ssm.eu-central-1.amazonaws.com/");
    assert_eq!(secrets, "https://secretsmanager.eu-central-1.amazonaws.com/");
    assert_eq!(at("cn-north-1").0, "https://ssm.cn-north-1.amazonaws.com.cn/");
}

#[tokio::test]
async fn a_transient_error_is_retried_twice() -> TestResult {
    let unavailable = || UNAVAILABLE.to_owned();
    let answers = [unavailable(), unavailable(), answer("200 OK", PARAMETER)];
    let (first, asked, waited) = read(answers, &parameter()).await;
    assert_eq!((first?.as_str(), asked.len(), waited), ("hunter2 of /a/b", 3, 300));
    let throttled = answer("400 Bad Request", r#"{"__type":"ThrottlingException"}"#);
    let (last, ..) = read([unavailable(), unavailable(), throttled], &parameter()).await;
    let text = chain(&last.expect_err("it was refused"));
    assert_eq!(text, "the service answered 400 and ThrottlingException");
    Ok(())
}

#[tokio::test]
async fn a_refusal_names_the_right_and_a_bad_answer_shows_nothing() {
    let denied = r#"{"__type":"com.amazon#AccessDeniedException","Message":"hunter2 may not"}"#;
    let must = "the service answered 400 and AccessDeniedException: the function's role must allow";
    let no_text = "the service's answer has no text".to_owned();
    let no_reason = |status| format!("the service answered {status} and no reason");
    for (status, body, reference, expected) in [
        ("400 Bad Request", denied, parameter(), format!("{must} ssm:GetParameter")),
        ("400 Bad Request", denied, secret(), format!("{must} secretsmanager:GetSecretValue")),
        ("403 Forbidden", HUSH, parameter(), no_reason(403)),
        ("400 No", r#"{"__type":"hunter2 hunter2"}"#, parameter(), no_reason(400)),
        // A redirect is not followed.
        ("302 Found\r\nlocation: http://127.0.0.1/hunter2", "", parameter(), no_reason(302)),
        ("200 OK", "{hunter2}", parameter(), no_text.clone()),
        // Another service's answer.
        ("200 OK", SECRET, parameter(), no_text.clone()),
        // A binary secret.
        ("200 OK", r#"{"SecretBinary":"hunter2==="}"#, secret(), no_text),
    ] {
        let (read, ..) = read([answer(status, body)], &reference).await;
        let error = read.expect_err(body);
        assert_eq!(chain(&error), expected);
        assert!(!format!("{error:?}").contains(HUSH), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_cut_off_is_an_error() {
    const CUT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 60\r\nconnection: close\r\n\r\n{\"Para";
    const LARGE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\nconnection: close\r\n\r\n{";
    for answer in [CUT, LARGE] {
        let (read, asked, _) = read([answer; 3].map(str::to_owned), &parameter()).await;
        let text = chain(&read.expect_err("there is no answer"));
        assert!(text.starts_with("the service's answer did not come whole: "), "{text}");
        assert_eq!(asked.len(), 3);
    }
}
