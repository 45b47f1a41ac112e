//! The caller, as the front door names it.

use serde::Deserialize as _;
use serde_json::Value;

use crate::caller::CallerContext;

/// The front door's statement about the caller.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Credentials {
    /// No authorizer has looked at the request.
    #[default]
    Nothing,
    /// The claims of a token that an authorizer has checked.
    Claims(Value),
    /// The signer of a request with AWS credentials: the id of the user or role, and the identity
    /// of a Cognito identity pool.
    Signature {
        /// The id of the user or role.
        user: Option<String>,
        /// The identity of a Cognito identity pool.
        cognito: Option<String>,
    },
    /// Our own authorizer's context.
    Caller(Box<CallerContext>),
    /// The context of another Lambda authorizer.
    Context(Value),
    /// The `x-amzn-oidc-data` of a load balancer's event. Nobody has checked it.
    Unchecked(String),
    /// An authorizer has looked at the request, and does not say who calls.
    Unknown,
}

impl Credentials {
    /// The credentials in the authorizer of payload 2.0.
    pub(super) fn of_payload_2(authorizer: Option<Value>) -> Self {
        let Some(mut authorizer) = authorizer else { return Self::Nothing };
        let mut take =
            |name: &str| authorizer.get_mut(name).map(Value::take).filter(|value| !value.is_null());
        if let Some(mut jwt) = take("jwt") {
            return Self::Claims(jwt.get_mut("claims").map(Value::take).unwrap_or_default());
        }
        if let Some(iam) = take("iam") {
            let pool = field(&iam, "cognitoIdentity");
            let cognito = pool.and_then(|pool| name(pool, "identityId")).map(str::to_owned);
            return Self::Signature { user: name(&iam, "userId").map(str::to_owned), cognito };
        }
        take("lambda").map_or(Self::Unknown, Self::of_lambda)
    }

    /// A Lambda authorizer's context: ours has a mark, and must be complete.
    fn of_lambda(context: Value) -> Self {
        if field(&context, CallerContext::MARK).is_none() {
            return Self::Context(context);
        }
        CallerContext::deserialize(context).map_or(Self::Unknown, |it| Self::Caller(Box::new(it)))
    }

    /// The credentials in the authorizer of payload 1.0, or else the request's signer. The key of a
    /// usage plan, which is in `identity`, too, names no caller.
    pub(super) fn of_payload_1(authorizer: Option<Value>, identity: Option<&Value>) -> Self {
        match authorizer {
            None => {}
            // Without an authorizer, an HTTP API still sends `claims` and `scopes`.
            Some(Value::Object(members))
                if !members.is_empty() && members.values().all(Value::is_null) => {}
            Some(Value::Object(mut members)) => {
                // The principal of a Lambda authorizer is beside its context; a token's claims have
                // none.
                let is_lambda = members.contains_key("principalId");
                return match members.get_mut("claims") {
                    Some(claims @ Value::Object(_)) if !is_lambda => Self::Claims(claims.take()),
                    _ => Self::of_lambda(Value::Object(members)),
                };
            }
            Some(_) => return Self::Unknown,
        }
        let Some(identity) = identity else { return Self::Nothing };
        let signed = ["user", "userArn", "caller", "accessKey", "cognitoIdentityId"];
        if signed.iter().all(|member| field(identity, member).is_none()) {
            return Self::Nothing;
        }
        Self::Signature {
            user: name(identity, "user").map(str::to_owned),
            cognito: name(identity, "cognitoIdentityId").map(str::to_owned),
        }
    }
}

/// A member of an object; `null` is as good as none.
pub fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A member that is a text and not empty.
pub fn name<'a>(object: &'a Value, field_name: &str) -> Option<&'a str> {
    field(object, field_name)?.as_str().filter(|text| !text.is_empty())
}
