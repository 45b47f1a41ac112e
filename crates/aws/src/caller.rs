//! The caller's context, which `authorizer` sends to `request` through API Gateway.

use serde::{Deserialize, Serialize};

/// A caller, as the context of an authorizer's answer has it. REST APIs pass on texts only, so all of
/// it is text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerContext {
    /// The kind of proof. By this member `request` knows our answers: authorizers of others name
    /// owners in their own way.
    #[serde(rename = "a2aLambda")]
    pub kind: CallerKind,
    /// The owner's name: of a token the claim that `OWNER_CLAIM` names.
    pub owner: String,
    /// The token's issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The token's subject, or the id of the API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The caller's only tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The caller's scopes, with spaces.
    #[serde(default)]
    pub scope: String,
    /// When it is over, in seconds since 1970: API Gateway may keep an answer for longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<String>,
}

/// The kind of proof of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallerKind {
    /// By a token.
    Jwt,
    /// By an API key.
    Key,
}

impl CallerContext {
    /// The member that marks such a context.
    pub const MARK: &'static str = "a2aLambda";

    /// Whether it is over at this second. A time that cannot be read is over.
    pub fn is_over(&self, now_s: i64) -> bool {
        let expires = self.exp.as_deref().map(str::parse::<i64>);
        expires.is_some_and(|expires| expires.map_or(true, |expires| now_s >= expires))
    }
}
