//! The reading of bodies.

use a2a_lambda_core::operations::callbacks::Said;
use a2a_lambda_protocol::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::a2a::{self, Pushed};
use crate::answer::Refusal;
use crate::form;
use crate::target::Act;

/// The most bytes of a body that is no A2A event.
pub const MAX_BODY_BYTES: usize = 64 * 1_024;

/// The longest media type that is repeated to the agent.
const MAX_TYPE_BYTES: usize = 256;

/// The reason of a side that gives none.
const NO_REASON: &str = "no reason was given";

/// A reason as JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reason {
    Text(String),
    Object { reason: String },
}

/// Reads a request's answer to its callback. `most` is the largest result of a step, in bytes.
pub(crate) fn said(
    act: Act,
    headers: &HeaderMap,
    body: &[u8],
    most: usize,
) -> Result<Said, Refusal> {
    // A compressed body would be misread.
    let is_plain = headers.get(header::CONTENT_ENCODING).is_none_or(|it| it == "identity");
    match act {
        Act::Heartbeat => Ok(Said::Heartbeat),
        _ if !is_plain => Err(Refusal::Unreadable),
        Act::Fail => Ok(Said::GivesUp(reason(headers, bounded(body)?)?)),
        Act::Answer => answer(headers, body, most),
    }
}

fn bounded(body: &[u8]) -> Result<&[u8], Refusal> {
    if body.len() > MAX_BODY_BYTES {
        return Err(Refusal::TooLarge { limit: MAX_BODY_BYTES });
    }
    Ok(body)
}

fn reason(headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
    let said = value(headers, body)?;
    let reason = match said.to::<Reason>() {
        Ok(Reason::Text(reason) | Reason::Object { reason }) => reason,
        // All that was said is the best reason that there is.
        Err(_) if said.as_str() != "null" => said.as_str().to_owned(),
        Err(_) => String::new(),
    };
    Ok(if reason.trim().is_empty() { NO_REASON.to_owned() } else { reason })
}

fn answer(headers: &HeaderMap, body: &[u8], most: usize) -> Result<Said, Refusal> {
    let (_, essence) = media_type(headers);
    let may_be_event = essence.is_empty() || is_json(&essence);
    let text = std::str::from_utf8(body).ok().filter(|_| may_be_event);
    match text.and_then(a2a::pushed).zip(text) {
        Some((Pushed::Progress, _)) => Ok(Said::Heartbeat),
        Some((Pushed::Result, text)) => {
            let event = Json::parse(text).map_err(|_| Refusal::Unreadable)?;
            if event.as_str().len() <= most {
                return Ok(Said::Result(event));
            }
            let less = a2a::without_content(text).ok_or(Refusal::Unreadable)?;
            Json::parse(&less).map(Said::Result).map_err(|_| Refusal::Unreadable)
        }
        None if essence == "application/a2a+json" => Err(Refusal::Unreadable),
        None => Ok(Said::Result(value(headers, bounded(body)?)?)),
    }
}

/// The JSON of a body of any media type.
fn value(headers: &HeaderMap, body: &[u8]) -> Result<Json, Refusal> {
    let (whole, essence) = media_type(headers);
    let text = std::str::from_utf8(body).ok();
    if body.trim_ascii().is_empty() {
        return of(&Value::Null);
    }
    let text = match text {
        Some(text) => text,
        None if is_json(&essence) => return Err(Refusal::Unreadable),
        None => return of(&encoded(whole, body)),
    };
    if is_json(&essence) {
        return Json::parse(text).map_err(|_| Refusal::Unreadable);
    }
    match essence.as_str() {
        // `curl -d` says of anything that it is a form, and no form begins so.
        "application/x-www-form-urlencoded" if text.starts_with(['{', '[']) => {
            Json::parse(text).map_err(|_| Refusal::Unreadable)
        }
        "application/x-www-form-urlencoded" => of(&form::object(text)),
        "" => Json::parse(text).or_else(|_| of(&Value::from(text))),
        essence if essence.starts_with("text/") => of(&Value::from(text)),
        _ => of(&encoded(whole, body)),
    }
}

fn encoded(media_type: &str, body: &[u8]) -> Value {
    json!({ "contentType": media_type, "base64": STANDARD.encode(body) })
}

fn of(value: &Value) -> Result<Json, Refusal> {
    Json::from_value(value).map_err(|_| Refusal::Unreadable)
}

/// The media type as it was sent, and without parameters in small letters; both empty if there is none.
fn media_type(headers: &HeaderMap) -> (&str, String) {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let sent = sent.filter(|sent| sent.len() <= MAX_TYPE_BYTES).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (sent, essence)
}

fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const MOST: usize = 1_000;

    fn sent(act: Act, media_type: &str, body: &[u8]) -> Result<Said, Refusal> {
        let mut headers = HeaderMap::new();
        if !media_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        }
        said(act, &headers, body, MOST)
    }

    #[test]
    fn an_answer_is_json_whatever_was_sent() {
        for (media_type, body, expected) in [
            ("application/json", &br#" {"a": 1.50} "#[..], r#"{"a":1.50}"#),
            ("application/json; charset=utf-8", b"true", "true"),
            ("application/problem+json", b"\"x\"", "\"x\""),
            ("application/json", b"", "null"),
            ("application/x-www-form-urlencoded", b"a=b&c=d+e", r#"{"a":"b","c":"d e"}"#),
            ("application/x-www-form-urlencoded", br#"{"approved":true}"#, r#"{"approved":true}"#),
            ("text/plain", b"7", "\"7\""),
            ("Text/Plain; charset=utf-8", "grün\n".as_bytes(), "\"grün\\n\""),
            ("", b"7", "7"),
            ("", b"seven", "\"seven\""),
            ("", b"  ", "null"),
            ("image/png", b"\x89P", r#"{"base64":"iVA=","contentType":"image/png"}"#),
            ("text/plain", b"\xff", r#"{"base64":"/w==","contentType":"text/plain"}"#),
            ("", b"\xff", r#"{"base64":"/w==","contentType":""}"#),
        ] {
            let Ok(Said::Result(json)) = sent(Act::Answer, media_type, body) else {
                panic!("{media_type} {body:?}")
            };
            assert_eq!(json.as_str(), expected, "{media_type}");
        }
    }

    #[test]
    fn a_body_that_cannot_be_read_is_refused() {
        let large = vec![b'x'; MAX_BODY_BYTES + 1];
        for (media_type, body, status) in [
            ("application/json", &b"{"[..], 400),
            ("application/json", b"\xff", 400),
            ("application/json", br#"{"a":1,"a":2}"#, 200),
            ("application/x-www-form-urlencoded", b"{x", 400),
            ("application/a2a+json", b"{}", 400),
            ("application/a2a+json", b"", 400),
            ("text/plain", &large, 413),
            ("application/json", &large, 413),
            ("text/plain", &large[1..], 200),
        ] {
            let refused = sent(Act::Answer, media_type, body).err();
            let found = refused.map_or(200, |refusal| refusal.status().as_u16());
            assert_eq!(found, status, "{media_type} {}", body.len());
        }
    }

    #[test]
    fn a_compressed_body_is_refused() {
        let encoded = |encoding: &'static str| {
            let encoding = HeaderValue::from_static(encoding);
            said(
                Act::Answer,
                &HeaderMap::from_iter([(header::CONTENT_ENCODING, encoding)]),
                b"1",
                MOST,
            )
        };
        assert_eq!(encoded("gzip"), Err(Refusal::Unreadable));
        assert!(encoded("identity").is_ok());
    }

    #[test]
    fn a_pushed_event_is_a_heartbeat_or_the_answer() {
        let event = |state: &str, more: &str| {
            format!(r#"{{"task":{{"id":"t","status":{{"state":"TASK_STATE_{state}"}}{more}}}}}"#)
        };
        let large = format!(r#","artifacts":["{}"]"#, "x".repeat(MAX_BODY_BYTES));
        for (body, expected) in [
            (event("WORKING", ""), Said::Heartbeat),
            // However large it is.
            (event("WORKING", &large), Said::Heartbeat),
            (event("COMPLETED", ""), Said::Result(Json::parse(&event("COMPLETED", "")).unwrap())),
            (
                event("COMPLETED", &large),
                Said::Result(Json::parse(&event("COMPLETED", "")).unwrap()),
            ),
        ] {
            for media_type in ["application/a2a+json", "application/json", ""] {
                let said = sent(Act::Answer, media_type, body.as_bytes()).unwrap();
                assert_eq!(said, expected, "{media_type}");
            }
        }
        let Ok(Said::Result(form)) =
            sent(Act::Answer, "text/plain", event("WORKING", "").as_bytes())
        else {
            panic!("a text is no event")
        };
        assert!(form.as_str().starts_with('"'));
    }

    #[test]
    fn a_side_that_gives_up_may_say_why() {
        for (media_type, body, reason) in [
            ("text/plain", &b"closed"[..], "closed"),
            ("application/json", br#"{"reason":"closed"}"#, "closed"),
            ("application/json", br#""closed""#, "closed"),
            ("application/x-www-form-urlencoded", b"reason=closed", "closed"),
            ("application/json", br#"{"error":7}"#, r#"{"error":7}"#),
            ("", b"closed", "closed"),
            ("", b"", NO_REASON),
            ("application/json", b"null", NO_REASON),
            ("text/plain", b" ", NO_REASON),
        ] {
            let said = sent(Act::Fail, media_type, body).unwrap();
            assert_eq!(said, Said::GivesUp(reason.to_owned()), "{media_type}");
        }
        assert!(sent(Act::Fail, "", &vec![b'x'; MAX_BODY_BYTES + 1]).is_err());
        assert_eq!(sent(Act::Heartbeat, "", &[b'x'; 9]).unwrap(), Said::Heartbeat);
    }
}
