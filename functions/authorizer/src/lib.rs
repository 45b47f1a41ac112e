#![doc = include_str!("../README.md")]
//!
//! - An HTTP API gets a simple response. A REST API gets a policy for the whole stage, for
//!   authorizers of both types (`TOKEN` and `REQUEST`).
//! - For an unknown caller, a REST API answers 401, and an HTTP API answers 403, because it has no
//!   401 for it. A caller who lacks something is answered with 403 by both.
//! - Where the keys of an issuer cannot be had, the function fails, and nothing is cached. No token is
//!   taken or refused for that reason.
//!
//! # Why an own verifier
//!
//! `ring`, which TLS needs anyway, checks the signatures. The rest is some 200 lines in
//! `a2a-lambda-signing` and in `jwt`. They serve the tokens of load balancers, too. `jsonwebtoken`
//! 11.1 would have needed the same code over `ring` as a `CryptoProvider`. It asks the machine for
//! the time, skips `crit`, `iat` and a missing `aud`, and fetches no JWK sets. It is the oracle of
//! a test instead: see `tests/it/differential.rs`.

mod answer;
mod api_keys;
mod bootstrap;
mod config;
mod event;
mod jwt;
mod keys;

use a2a_lambda_aws::{EventError, Named};
use a2a_lambda_core::api_key::KEY_PREFIX;
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use tracing::{debug, error, info};

use crate::answer::Verdict;
use crate::config::Inner;
use crate::jwt::Refusal;

pub use bootstrap::main;
pub use config::{Context, context, context_with};

/// No answer is possible.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It is not known who calls. By exactly this text a REST API answers 401.
    #[error("Unauthorized")]
    Unauthorized,
    /// It cannot be found out now who calls.
    #[error("who calls could not be checked; try again")]
    Unavailable,
    /// The event asks nothing.
    #[error(transparent)]
    Event(#[from] EventError),
}

impl Named for Failure {
    fn name(&self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Unavailable => "Unavailable",
            Self::Event(error) => error.name(),
        }
    }
}

/// Answers a request of API Gateway.
///
/// # Errors
/// When a REST API must answer 401, when the caller cannot be checked, and when the event is not a
/// question.
pub async fn handle(event: &RawValue, now: Timestamp, context: &Context) -> Result<Value, Failure> {
    let Inner { issuers, keys, rules, headers } = &*context.0;
    let question = event::read(event, headers)?;
    let token = match question.credentials {
        Ok(token) => token,
        Err(reason) => {
            info!(event = "caller_unknown", %reason, "the authorizer does not know the caller");
            return unknown(&question.form);
        }
    };
    let checked = if token.starts_with(KEY_PREFIX) {
        api_keys::check(&token, keys.as_deref(), rules, now).await
    } else {
        jwt::check(&token, issuers, rules, now).await
    };
    match checked {
        Ok(caller) => {
            debug!(kind = ?caller.kind, "allowed");
            Ok(Verdict::Allowed(Box::new(caller)).answer(&question.form))
        }
        // The reason is one of ours, and repeats nothing of the token.
        Err(Refusal::Unknown(reason)) => {
            info!(event = "caller_unknown", reason, "the authorizer does not know the caller");
            unknown(&question.form)
        }
        Err(Refusal::Forbidden(reason)) => {
            info!(event = "caller_forbidden", reason, "the caller has no right to call");
            Ok(Verdict::Forbidden.answer(&question.form))
        }
        Err(refusal @ Refusal::Unavailable(_)) => {
            error!(
                event = "caller_not_checked",
                cause = chain(&refusal),
                "the authorizer could not check the caller"
            );
            Err(Failure::Unavailable)
        }
    }
}

/// The answer to callers who are not known.
fn unknown(form: &event::Form) -> Result<Value, Failure> {
    match form {
        event::Form::Simple => Ok(Verdict::Forbidden.answer(form)),
        event::Form::Policy { .. } => Err(Failure::Unauthorized),
    }
}
