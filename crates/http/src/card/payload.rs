//! The signed part of a card.
//!
//! A verifier builds the signed text from its own parse of the card. Three ways are in use. A card
//! is valid if one of its signatures is (spec section 8.4.3). So each way has its own signature if
//! its text differs:
//!
//! 1. The specification's way (section 8.4.1): the fields of 1.0, REQUIRED ones even when they are
//!    empty, others unless they are the default. Our types write this form. Clients must ignore
//!    unknown fields (section 5.7), so the fields of 0.3 do not count.
//! 2. The official SDKs' way: additionally without values that are empty and REQUIRED, and without
//!    objects that are empty then. A requirement of a scheme without scopes is such an object.
//! 3. The document itself, with the fields of 0.3: for a verifier that knows JSON and JWS, but not
//!    A2A's fields. Only this one covers the whole document.
//!
//! The second signature covers less than the first: its verifier does not notice the removal of
//! such an empty object. Without it, the official clients would reject every card with a plain
//! bearer token.

use a2a_lambda_protocol::AgentCard;
use a2a_lambda_signing::{canonical, canonical_without_empty};

/// The texts to sign for a card without signatures, each once: in the order of the specification,
/// the SDKs and the document. `document` is the clients' form.
pub(super) fn payloads(card: &AgentCard, document: &[u8]) -> serde_json::Result<Vec<Vec<u8>>> {
    let current = serde_json::to_value(card)?;
    let document = serde_json::from_slice(document)?;
    let mut payloads = vec![canonical(&current)?];
    for other in [canonical_without_empty(current)?, canonical(&document)?] {
        if !payloads.contains(&other) {
            payloads.push(other);
        }
    }
    Ok(payloads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use a2a_lambda_protocol::decode;
    use serde_json::{Value, json};

    fn texts(card: &Value, document: &Value) -> Vec<String> {
        let card: AgentCard = decode(card.to_string().as_bytes()).unwrap();
        let payloads = payloads(&card, document.to_string().as_bytes()).unwrap();
        payloads.into_iter().map(|payload| String::from_utf8(payload).unwrap()).collect()
    }

    #[test]
    fn a_text_that_all_agree_on_is_signed_once() {
        let card = json!({
            "name": "n", "description": "d", "version": "1",
            "supportedInterfaces": [
                {"url": "u", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
            ],
            "capabilities": {"streaming": false},
            "defaultInputModes": ["i"], "defaultOutputModes": ["o"],
            "skills": [{"id": "i", "name": "n", "description": "d", "tags": ["t"]}]
        });
        assert_eq!(
            texts(&card, &card),
            [concat!(
                r#"{"capabilities":{"streaming":false},"defaultInputModes":["i"],"#,
                r#""defaultOutputModes":["o"],"description":"d","name":"n","#,
                r#""skills":[{"description":"d","id":"i","name":"n","tags":["t"]}],"#,
                r#""supportedInterfaces":[{"protocolBinding":"JSONRPC","protocolVersion":"1.0","#,
                r#""url":"u"}],"version":"1"}"#
            )]
        );
    }

    #[test]
    fn each_way_has_a_text_where_they_differ() {
        let card = json!({
            "name": "Example Agent", "description": "", "version": "1", "skills": [],
            "supportedInterfaces": [], "defaultInputModes": ["i"], "defaultOutputModes": ["o"],
            "capabilities": {"streaming": false, "extensions": []},
            "securityRequirements": [{"schemes": {"bearer": {"list": []}}}]
        });
        let [specified, reduced, raw] =
            texts(&card, &json!({"z": 1.0, "a": []})).try_into().unwrap();
        assert_eq!(
            specified,
            concat!(
                r#"{"capabilities":{"streaming":false},"defaultInputModes":["i"],"#,
                r#""defaultOutputModes":["o"],"description":"","name":"Example Agent","#,
                r#""securityRequirements":[{"schemes":{"bearer":{}}}],"skills":[],"#,
                r#""supportedInterfaces":[],"version":"1"}"#
            )
        );
        assert_eq!(
            reduced,
            concat!(
                r#"{"capabilities":{"streaming":false},"defaultInputModes":["i"],"#,
                r#""defaultOutputModes":["o"],"name":"Example Agent","version":"1"}"#
            )
        );
        assert_eq!(raw, r#"{"a":[],"z":1}"#);
    }

    /// RFC 8785: names in the order of their UTF-16 units, numbers as in ECMAScript, text
    /// unchanged.
    #[test]
    fn user_data_is_made_canonical() {
        let params = r#"{"\ufb33":1e21,"\ud83d\ude00":0.10,"z":1E-7,"é":"\u20ac\u000F\n/\u007f","n":333333333.33333329,"i":5.0,"o":[null,{}]}"#;
        let card = format!(r#"{{"capabilities":{{"extensions":[{{"params":{params}}}]}}}}"#);
        let card: AgentCard = decode(card.as_bytes()).unwrap();
        let texts = payloads(&card, b"{}").unwrap();
        let text = |it: &[u8]| String::from_utf8(it.to_vec()).unwrap();
        let expected = "{\"i\":5,\"n\":333333333.3333333,\"o\":[null,{}],\"z\":1e-7,\
                        \"é\":\"€\\u000f\\n/\u{7f}\",\"😀\":0.1,\"\u{fb33}\":1e+21}";
        assert!(text(&texts[0]).contains(expected), "{}", text(&texts[0]));
        let reduced = expected.replace("\"o\":[null,{}],", "");
        assert!(text(&texts[1]).contains(&reduced), "{}", text(&texts[1]));
    }
}
