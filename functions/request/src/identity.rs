//! Who calls, as the front door's authorizer has found out. Never by a header that a client can set.

use a2a_lambda_core::Owner;
use a2a_lambda_http::Principal;
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
    /// Who calls. The kind of authorizer is part of the owner, and so is each part of a name, so
    /// that no two principals are one owner.
    ///
    /// - JWT: the claim that names the owner, of its issuer (`iss`).
    /// - IAM with a Cognito identity pool: the identity, as all of them share a role.
    /// - IAM else: the id of the user or role; of an assumed role without the session's name, which
    ///   changes.
    /// - Lambda authorizer: the field that names the owner, or `principalId` where it gives no such
    ///   field.
    /// - No authorizer: everybody is the same owner, or nobody is served.
    pub(crate) fn principal(&self, authorizer: Option<&Value>) -> Principal {
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

    fn owner(&self, authorizer: &Value) -> Option<Owner> {
        let claim = self.owner_claim.as_str();
        if let Some(jwt) = field(authorizer, "jwt") {
            let claims = field(jwt, "claims")?;
            let subject = name(claims, claim)?;
            return Some(match field(claims, "iss") {
                Some(issuer) => Owner::of_principal("jwt", &[issuer.as_str()?, subject]),
                None => Owner::of_principal("jwt", &[subject]),
            });
        }
        if let Some(iam) = field(authorizer, "iam") {
            let pool = field(iam, "cognitoIdentity");
            if let Some(identity) = pool.and_then(|pool| name(pool, "identityId")) {
                return Some(Owner::of_principal("cognito", &[identity]));
            }
            let user = without_session(name(iam, "userId")?);
            return (!user.is_empty()).then(|| Owner::of_principal("iam", &[user]));
        }
        let context = field(authorizer, "lambda")?;
        // A field that is there decides: many authorizers give the same `principalId` to all.
        match field(context, claim) {
            Some(value) => of_lambda("lambda", value),
            None => of_lambda("lambda-principal", field(context, "principalId")?),
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

/// A member of an object; `null` is as good as none.
fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A member that is a text and not empty.
fn name<'a>(object: &'a Value, field_name: &str) -> Option<&'a str> {
    field(object, field_name)?.as_str().filter(|text| !text.is_empty())
}

/// The id of whoever signed a request. What follows a role's is the session's name; what follows an
/// account's is the name of one of its federated users, who are not each other.
fn without_session(user_id: &str) -> &str {
    match user_id.split_once(':') {
        Some((id, _)) if id.is_empty() || id.starts_with(ROLE) => id,
        _ => user_id,
    }
}
