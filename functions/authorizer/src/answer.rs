//! The answers to API Gateway.

use a2a_lambda_aws::CallerContext;
use serde_json::{Value, json};

use crate::event::Form;

/// An answer.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The caller is let in.
    Allowed(Box<CallerContext>),
    /// The caller is known, and not let in.
    Forbidden,
}

impl Verdict {
    pub(crate) fn answer(self, form: &Form) -> Value {
        match (self, form) {
            (Self::Allowed(caller), Form::Simple) => {
                json!({ "isAuthorized": true, "context": caller })
            }
            (Self::Forbidden, Form::Simple) => json!({ "isAuthorized": false }),
            (Self::Allowed(caller), Form::Policy { method_arn }) => json!({
                "principalId": caller.owner,
                "policyDocument": policy("Allow", method_arn),
                "context": caller,
            }),
            (Self::Forbidden, Form::Policy { method_arn }) => json!({
                "principalId": "nobody",
                "policyDocument": policy("Deny", method_arn),
            }),
        }
    }
}

/// A policy for the whole stage: API Gateway keeps it for the caller, and not for the method. One of
/// a single method would refuse the next request to another.
fn policy(effect: &str, method_arn: &str) -> Value {
    let mut parts = method_arn.splitn(3, '/');
    let (api, stage) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Action": "execute-api:Invoke",
            "Effect": effect,
            "Resource": format!("{api}/{stage}/*/*"),
        }],
    })
}
