//! The variables.

use a2a_lambda_core::engine::chain;
use a2a_lambda_runtime::Variables;

const AWS: [(&str, &str); 5] = [
    ("TABLE_NAME", "tasks"),
    ("QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/1/signals"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "very-secret"),
];

/// What is wrong with the variables, if anything is. Of a name, the last value counts.
fn wrong(more: &[(&str, &str)]) -> Option<String> {
    let lookup = |name: &str| {
        let all = AWS.iter().chain(more);
        all.rev().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let context = a2a_lambda_scheduled_recovery::context(&Variables::new(&lookup));
    context.err().map(|error| chain(&error))
}

#[test]
fn what_every_function_has_is_enough() {
    assert_eq!(wrong(&[]), None);
}

#[test]
fn what_is_missing_is_named() {
    for (variable, _) in AWS {
        let error = wrong(&[(variable, "")]).unwrap();
        let expected = format!("the environment variable {variable} is not set");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn agents_are_of_no_interest() {
    assert_eq!(wrong(&[("AGENT", "nobody")]), None);
}

#[test]
fn what_cannot_be_used_is_named() {
    for (variable, value) in [
        ("MAX_ATTEMPTS", "0"),
        ("AWS_ENDPOINT_URL", "localhost:8000"),
        ("AWS_ENDPOINT_URL_SCHEDULER", "ftp://scheduler"),
    ] {
        let error = wrong(&[(variable, value)]).unwrap();
        assert!(error.contains(&format!("variable {variable} ")), "{value}: {error}");
    }
}

#[test]
fn schedules_need_a_role_and_a_queue() {
    let role = ("SCHEDULER_ROLE_ARN", "arn:aws:iam::1:role/scheduler");
    let queue = ("QUEUE_ARN", "arn:aws:sqs:eu-central-1:1:signals");
    let group = ("SCHEDULE_GROUP", "a2a");
    assert_eq!(wrong(&[role, queue]), None);
    assert_eq!(wrong(&[role, queue, group]), None);
    for (variables, named) in [
        (&[role][..], "QUEUE_ARN is not set"),
        (&[queue], "QUEUE_ARN must be unset, or SCHEDULER_ROLE_ARN set"),
        (&[group], "SCHEDULE_GROUP must be unset, or SCHEDULER_ROLE_ARN set"),
        (&[("SCHEDULER_ROLE_ARN", "scheduler"), queue], "SCHEDULER_ROLE_ARN must be an ARN"),
        (&[role, ("QUEUE_ARN", "signals")], "QUEUE_ARN must be an ARN"),
    ] {
        let error = wrong(variables).unwrap();
        assert!(error.contains(named), "{variables:?}: {error}");
    }
}
