//! Who calls, as the front door's authorizer has found out. Never by a header that a client can set.

use a2a_lambda_core::Owner;
use a2a_lambda_http::Principal;
use aws_lambda_events::apigw::ApiGatewayRequestAuthorizer;
use serde_json::Value;

/// The owner of tasks where everybody is served.
const ANYBODY: &str = "anonymous";

/// What the id of a role begins with.
const ROLE: &str = "AROA";

/// How callers are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The claim of a token, or the field of a Lambda authorizer's context, that names the owner.
    pub owner_claim: String,
    /// Whether requests that no authorizer has looked at are served, as those of one owner.
    pub allow_anonymous: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self { owner_claim: "sub".to_owned(), allow_anonymous: false }
    }
}

impl Identity {
    /// Who calls. The kind of authorizer is part of the owner, so that two kinds cannot name the
    /// same one.
    ///
    /// - JWT: the claim that names the owner, of its issuer (`iss`).
    /// - IAM with a Cognito identity pool: the identity, as all of them share a role.
    /// - IAM else: the id of the user or role; of an assumed role without the session's name, which
    ///   changes.
    /// - Lambda authorizer: the field that names the owner, or `principalId` where it gives no such
    ///   field.
    /// - No authorizer: everybody is the same owner, or nobody is served.
    pub(crate) fn principal(&self, authorizer: Option<&ApiGatewayRequestAuthorizer>) -> Principal {
        match authorizer {
            None if self.allow_anonymous => {
                Owner::parse(ANYBODY).map_or(Principal::Nobody, Principal::Anybody)
            }
            None => Principal::Nobody,
            // With an authorizer, nobody is nobody: not a stranger that shares the tasks of all
            // strangers.
            Some(authorizer) => {
                self.owner(authorizer).map_or(Principal::Nobody, Principal::Somebody)
            }
        }
    }

    fn owner(&self, authorizer: &ApiGatewayRequestAuthorizer) -> Option<Owner> {
        let named = |kind: &str, name: &str| {
            Some(name).filter(|name| !name.is_empty()).map(|name| Owner::of_principal(kind, name))
        };
        let claim = self.owner_claim.as_str();
        if let Some(jwt) = &authorizer.jwt {
            let subject = jwt.claims.get(claim).filter(|subject| !subject.is_empty())?;
            return match jwt.claims.get("iss") {
                Some(issuer) => named("jwt", &format!("{issuer}#{subject}")),
                None => named("jwt", subject),
            };
        }
        if let Some(iam) = &authorizer.iam {
            let identity = iam.cognito_identity.as_ref().and_then(|it| it.identity_id.as_deref());
            if let Some(identity) = identity.filter(|identity| !identity.is_empty()) {
                return named("cognito", identity);
            }
            return named("iam", without_session(iam.user_id.as_deref()?));
        }
        // A field that is there decides: many authorizers give the same `principalId` to all.
        let field = |name: &str| authorizer.fields.get(name).filter(|value| !value.is_null());
        match field(claim).or_else(|| field("principalId"))? {
            Value::String(name) => named("lambda", name),
            Value::Number(number) => named("lambda", &number.to_string()),
            _ => None,
        }
    }
}

/// The id of whoever signed a request. What follows a role's is the session's name; what follows an
/// account's is the name of one of its federated users, who are not each other.
fn without_session(user_id: &str) -> &str {
    match user_id.split_once(':') {
        Some((id, _)) if id.is_empty() || id.starts_with(ROLE) => id,
        _ => user_id,
    }
}
