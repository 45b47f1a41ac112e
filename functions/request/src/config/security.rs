//! The security schemes and requirements of the agent card (spec section 4.5), from JSON in the form
//! that they have in the card.
//!
//! Clients ignore unknown fields, and all of them read a card. So this is strict: a misspelt field
//! would be left out of the card, and clients would not find their way in.

use std::collections::BTreeMap;

use a2a_lambda_protocol::{SecurityRequirement, SecurityScheme};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The reason to refuse such a text.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("it has fields that A2A does not know; it was read as {0}")]
    Unknown(Value),
    #[error("{name:?} lacks the field {field:?}, or has it empty")]
    Lacking { name: String, field: String },
    #[error("a requirement names no scheme")]
    Nothing,
    #[error("it names the scheme {0:?}, which is not in CARD_SECURITY_SCHEMES")]
    NoSuchScheme(String),
}

type Schemes = BTreeMap<String, SecurityScheme>;

pub(super) fn schemes(text: &str) -> Result<Schemes, Refused> {
    let (schemes, read) = strictly::<Schemes>(text)?;
    for (name, scheme) in &schemes {
        let no_flow = matches!(scheme, SecurityScheme::OAuth2(scheme) if scheme.flows.is_none());
        let field = if no_flow { Some("flows") } else { empty_field(&read[name]) };
        if let Some(field) = field {
            return Err(Refused::Lacking { name: name.clone(), field: field.to_owned() });
        }
    }
    Ok(schemes)
}

/// Requirements of these schemes.
pub(super) fn requirements(
    text: &str,
    schemes: &Schemes,
) -> Result<Vec<SecurityRequirement>, Refused> {
    let (requirements, _) = strictly::<Vec<SecurityRequirement>>(text)?;
    if requirements.iter().any(|requirement| requirement.schemes.is_empty()) {
        return Err(Refused::Nothing);
    }
    let mut names = requirements.iter().flat_map(|requirement| requirement.schemes.keys());
    match names.find(|name| !schemes.contains_key(*name)) {
        Some(unknown) => Err(Refused::NoSuchScheme(unknown.clone())),
        None => Ok(requirements),
    }
}

/// Reads a text of which nothing may be left over, and gives it as it will be written, too.
fn strictly<T: DeserializeOwned + Serialize>(text: &str) -> Result<(T, Value), Refused> {
    let given: Value = serde_json::from_str(text)?;
    let value: T = serde_json::from_str(text)?;
    let read = serde_json::to_value(&value)?;
    if is_within(&given, &read) { Ok((value, read)) } else { Err(Refused::Unknown(read)) }
}

/// Whether the parsed value has all of the given one. Defaults may be given, and are not written.
fn is_within(given: &Value, read: &Value) -> bool {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().all(|(name, given)| {
            read.get(name).map_or_else(|| is_default(given), |read| is_within(given, read))
        }),
        (Value::Array(given), Value::Array(read)) => {
            given.len() == read.len() && given.iter().zip(read).all(|(g, r)| is_within(g, r))
        }
        (given, read) => given == read,
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// A field without a text: of those that are written, only a REQUIRED one can be so.
fn empty_field(value: &Value) -> Option<&str> {
    // The names of scopes are the user's own, and their descriptions may be empty.
    let fields = value.as_object()?.iter().filter(|(name, _)| *name != "scopes");
    fields.into_iter().find_map(|(name, value)| match value {
        Value::String(text) if text.is_empty() => Some(name.as_str()),
        value => empty_field(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &Value) -> Result<Schemes, String> {
        schemes(&text.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn schemes_are_as_in_the_card() {
        let given = json!({
            "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
            "key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}},
            "mtls": {"mtlsSecurityScheme": {}},
            "oidc": {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://o.example"}},
            "login": {"oauth2SecurityScheme": {"flows": {"clientCredentials": {
                "tokenUrl": "https://t.example", "scopes": {"read": ""}}}}}
        });
        assert_eq!(serde_json::to_value(read(&given).unwrap()).unwrap(), given);
    }

    #[test]
    fn a_malformed_scheme_is_refused() {
        for (scheme, why) in [
            (json!({"type": "http", "scheme": "Bearer"}), "exactly one of"),
            (json!({"mtlsSecurityScheme": {}, "x": 1}), "fields that A2A does not know"),
            (
                json!({"httpAuthSecurityScheme": {"scheme": "Bearer", "format": "JWT"}}),
                "fields that A2A does not know",
            ),
            (
                json!({"http_auth_security_scheme": {"scheme": "Bearer"}}),
                "fields that A2A does not know",
            ),
            (json!({"httpAuthSecurityScheme": {}}), "\"s\" lacks the field \"scheme\""),
            (json!({"apiKeySecurityScheme": {"location": "header"}}), "lacks the field \"name\""),
            (json!({"oauth2SecurityScheme": {}}), "lacks the field \"flows\""),
            (
                json!({"oauth2SecurityScheme": {"flows": {"authorizationCode": {
                    "authorizationUrl": "https://a.example", "scopes": {}}}}}),
                "lacks the field \"tokenUrl\"",
            ),
            (json!("bearer"), "invalid type"),
        ] {
            let error = read(&json!({ "s": scheme })).unwrap_err();
            assert!(error.contains(why), "{scheme}: {error}");
        }
        assert!(schemes("{").is_err());
        assert!(schemes("[]").is_err());
    }

    #[test]
    fn requirements_are_of_the_schemes() {
        let schemes = read(&json!({"mtls": {"mtlsSecurityScheme": {}}})).unwrap();
        let read = |text: &Value| requirements(&text.to_string(), &schemes);
        let given = json!([{"schemes": {"mtls": {"list": ["a"]}}}, {"schemes": {"mtls": {}}}]);
        assert_eq!(serde_json::to_value(read(&given).unwrap()).unwrap(), given);
        read(&json!([{"schemes": {"mtls": {"list": []}}}])).unwrap();
        for (given, why) in [
            (json!([{"schemes": {"bearer": {}}}]), "names the scheme \"bearer\""),
            // As 0.3 and OpenAPI have it.
            (json!([{"mtls": []}]), "names no scheme"),
            (json!([{"mtls": ["a"]}]), "fields that A2A does not know"),
            (json!([{"schemes": {"mtls": ["a"]}}]), "invalid type"),
            (json!([{}]), "names no scheme"),
            (json!({}), "invalid type"),
        ] {
            let error = read(&given).unwrap_err().to_string();
            assert!(error.contains(why), "{given}: {error}");
        }
    }
}
