//! The function's variables.

use a2a_lambda_core::engine::chain;
use a2a_lambda_runtime::{ConfigError, Variables};
use a2a_lambda_sqs_executor::Context;

const COMPLETE: [(&str, &str); 6] = [
    ("AGENT", "echo"),
    ("TABLE_NAME", "tasks"),
    ("QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/signals"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

/// The context for the complete variables, with one of them replaced or added.
fn context(variable: &str, value: &str) -> Result<Context, ConfigError> {
    let lookup = |name: &str| {
        let known = COMPLETE.iter().find(|(known, _)| *known == name);
        let value = if name == variable { Some(value) } else { known.map(|(_, value)| *value) };
        value.map(str::to_owned)
    };
    a2a_lambda_sqs_executor::context(&Variables::new(&lookup))
}

#[test]
fn the_required_variables_are_enough() {
    context("", "").unwrap();
    context("AGENT", "conformance").unwrap();
}

#[test]
fn a_required_variable_that_is_not_set_is_named() {
    for (variable, _) in COMPLETE {
        let error = context(variable, "").unwrap_err().to_string();
        let expected = format!("the environment variable {variable} is not set");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    for (variable, value) in [
        ("AGENT", "nobody"),
        ("LEASE_SECONDS", "5"),
        ("MAX_ATTEMPTS", "0"),
        ("BLOCKING_WAIT_SECONDS", "901"),
        ("AWS_ENDPOINT_URL", "localhost:8000"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"),
        ("AWS_ENDPOINT_URL_SQS", "ftp://sqs"),
    ] {
        let text = chain(&context(variable, value).unwrap_err());
        assert!(text.contains(&format!("variable {variable} ")), "{value}: {text}");
    }
}
