//! The caller, by the front door's authorizer. Never by a header that a client can set, but for one
//! that a load balancer signs.

use a2a_lambda_aws::door::{Credentials, field, name};
use a2a_lambda_aws::{CallerContext, CallerKind};
use a2a_lambda_core::{Owner, Tenant};
use a2a_lambda_http::{Grant, Principal, Tenants};
use a2a_lambda_signing::scopes;
use serde_json::Value;

/// The owner of tasks where everybody is served.
const ANYBODY: &str = "anonymous";

/// The prefix of a role's id.
const ROLE: &str = "AROA";

/// The rules that tell callers apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The claim of a token, or the field of a Lambda authorizer's context, that names the owner.
    pub owner_claim: String,
    /// The claim or the field that names the caller's only tenant, if callers have one.
    pub tenant_claim: Option<String>,
    /// Whether requests that no authorizer has looked at are served, as those of one owner.
    pub allow_anonymous: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self { owner_claim: "sub".to_owned(), tenant_claim: None, allow_anonymous: false }
    }
}

impl Identity {
    /// The caller. The kind of authorizer is part of the owner, and so is each part of a name, so
    /// that no two principals share an owner. The same caller is the same owner at each front door.
    ///
    /// - Token: the claim that names the owner, of its issuer (`iss`).
    /// - IAM with a Cognito identity pool: the identity, as all of them share a role.
    /// - IAM else: the id of the user or role; of an assumed role without the session's name, which
    ///   changes.
    /// - Our authorizer: a token as above, from either door, or the owner of an API key.
    /// - Another Lambda authorizer: the field that names the owner, or `principalId` where it gives no such
    ///   field.
    /// - No authorizer: all callers are one owner, or none is served.
    pub(crate) fn principal(&self, credentials: &Credentials) -> Principal {
        match credentials {
            Credentials::Nothing if self.allow_anonymous => {
                Owner::parse(ANYBODY).map_or(Principal::Nobody, Principal::Anybody)
            }
            Credentials::Nothing => Principal::Nobody,
            // With an authorizer, an unknown caller owns nothing: unknown callers do not share
            // tasks.
            found => self.owner(found).map_or(Principal::Nobody, Principal::Somebody),
        }
    }

    /// The caller's rights in its credentials.
    pub(crate) fn grant(&self, credentials: &Credentials) -> Grant {
        let (tenant, scopes) = match credentials {
            Credentials::Caller(caller) => {
                (caller.tenant.as_deref(), caller.scope.split_whitespace().collect())
            }
            Credentials::Claims(told) | Credentials::Context(told) => {
                let tenant = self.tenant_claim.as_deref().and_then(|claim| name(told, claim));
                (tenant, told.as_object().map(scopes).unwrap_or_default())
            }
            _ => (None, Vec::new()),
        };
        let tenants = match (tenant, &self.tenant_claim) {
            // A tenant without a valid name is none.
            (Some(tenant), _) => Tenant::parse(tenant).map_or(Tenants::None, Tenants::One),
            (None, Some(_)) => Tenants::None,
            (None, None) => Tenants::All,
        };
        Grant { tenants, scopes: scopes.into_iter().map(str::to_owned).collect() }
    }

    fn owner(&self, credentials: &Credentials) -> Option<Owner> {
        let claim = self.owner_claim.as_str();
        match credentials {
            Credentials::Claims(claims) => {
                let subject = name(claims, claim)?;
                Some(match field(claims, "iss") {
                    Some(issuer) => Owner::of_principal("jwt", &[issuer.as_str()?, subject]),
                    None => Owner::of_principal("jwt", &[subject]),
                })
            }
            Credentials::Caller(caller) => {
                let CallerContext { kind, iss, owner, .. } = &**caller;
                let owner = Some(owner.as_str()).filter(|owner| !owner.is_empty())?;
                Some(match kind {
                    CallerKind::Jwt => Owner::of_principal("jwt", &[iss.as_deref()?, owner]),
                    CallerKind::Key => Owner::of_principal("key", &[owner]),
                })
            }
            Credentials::Signature { cognito: Some(identity), .. } => {
                Some(Owner::of_principal("cognito", &[identity]))
            }
            Credentials::Signature { user, .. } => {
                let user = without_session(user.as_deref()?);
                (!user.is_empty()).then(|| Owner::of_principal("iam", &[user]))
            }
            // A field that is there decides: many authorizers give the same `principalId` to all.
            Credentials::Context(context) => match field(context, claim) {
                Some(value) => of_lambda("lambda", value),
                None => of_lambda("lambda-principal", field(context, "principalId")?),
            },
            Credentials::Nothing | Credentials::Unchecked(_) | Credentials::Unknown => None,
        }
    }
}

/// The owner that a field of a Lambda authorizer's context names. The number 5 is not the text "5".
fn of_lambda(kind: &str, value: &Value) -> Option<Owner> {
    match value {
        Value::String(name) if !name.is_empty() => Some(Owner::of_principal(kind, &[name])),
        // Other numbers are rounded when they are read: two of them could be one.
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            Some(Owner::of_principal(&format!("{kind}-number"), &[&number.to_string()]))
        }
        _ => None,
    }
}

/// The id of a request's signer. A role's id is followed by the session's name. An account's id is
/// followed by the name of a federated user, who is a different caller.
fn without_session(user_id: &str) -> &str {
    match user_id.split_once(':') {
        Some((id, _)) if id.is_empty() || id.starts_with(ROLE) => id,
        _ => user_id,
    }
}
