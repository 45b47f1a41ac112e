//! Streamed answers, as `lambda_runtime` writes them: status and headers in JSON, eight zero bytes,
//! then the body.

use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::events::{BrokenOff, ResponseBody, refused};

/// The divider between the head of a streamed answer and its body.
const DIVIDER: [u8; 8] = [0; 8];

/// The largest head of a streamed answer.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The pieces of an answer, in any division.
pub(crate) type Pieces = mpsc::Receiver<Result<Bytes, BrokenOff>>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    status_code: u16,
    #[serde(default)]
    headers: HashMap<String, Values>,
}

/// A header has a list of values where there are several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// The response that an answer stands for; that of API Gateway if it stands for none.
pub(crate) async fn response(mut pieces: Pieces) -> Response<ResponseBody> {
    match head(&mut pieces).await {
        Some((mut response, first)) => {
            *response.body_mut() = body(first, pieces);
            response
        }
        None => refused(StatusCode::BAD_GATEWAY, "Internal Server Error"),
    }
}

/// The status and headers, and the first bytes of the body.
async fn head(pieces: &mut Pieces) -> Option<(Response<ResponseBody>, Bytes)> {
    let mut bytes = BytesMut::new();
    let divider = loop {
        let found = bytes.windows(DIVIDER.len()).position(|window| window == DIVIDER);
        match found {
            // It may all have come in one piece. A map of many more headers would panic.
            Some(found) if found > MAX_HEAD_BYTES => return None,
            Some(found) => break found,
            None if bytes.len() > MAX_HEAD_BYTES => return None,
            None => bytes.extend_from_slice(&pieces.recv().await?.ok()?),
        }
    };
    let head: Head = serde_json::from_slice(&bytes.split_to(divider)).ok()?;
    bytes.advance(DIVIDER.len());
    let mut response = refused(StatusCode::from_u16(head.status_code).ok()?, "");
    *response.headers_mut() = headers(head.headers);
    Some((response, bytes.freeze()))
}

fn headers(head: HashMap<String, Values>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in head {
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        let values = match values {
            Values::One(value) => vec![value],
            Values::Many(values) => values,
        };
        for value in values.iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
            headers.append(name.clone(), value);
        }
    }
    headers
}

fn body(first: Bytes, pieces: Pieces) -> ResponseBody {
    let first = Some(first).filter(|first| !first.is_empty());
    let frames = stream::unfold((first, pieces), |(first, mut pieces)| async {
        let piece = match first {
            Some(first) => Ok(first),
            None => pieces.recv().await?,
        };
        Some((piece.map(Frame::data), (None, pieces)))
    });
    StreamBody::new(frames).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(pieces: &[&[u8]]) -> (StatusCode, HeaderMap, Option<Bytes>) {
        let (sender, receiver) = mpsc::channel(pieces.len().max(1) + 1);
        for piece in pieces {
            let piece = match *piece {
                b"BREAK" => Err(BrokenOff),
                piece => Ok(Bytes::copy_from_slice(piece)),
            };
            sender.send(piece).await.unwrap();
        }
        drop(sender);
        let (parts, body) = response(receiver).await.into_parts();
        let body = body.collect().await.ok().map(http_body_util::Collected::to_bytes);
        (parts.status, parts.headers, body)
    }

    #[tokio::test]
    async fn a_head_is_found_however_it_is_divided() {
        let whole =
            b"{\"statusCode\":201,\"headers\":{\"a\":\"b\"},\"cookies\":[]}\0\0\0\0\0\0\0\0hello";
        let by_byte: Vec<&[u8]> = whole.chunks(1).collect();
        let divided = [&whole[..57], &whole[57..]];
        for pieces in [&[&whole[..]][..], &by_byte, &divided] {
            let (status, headers, body) = answered(pieces).await;
            assert_eq!(status, 201);
            assert_eq!(headers["a"], "b");
            assert_eq!(body.unwrap(), "hello");
        }
    }

    #[tokio::test]
    async fn zeros_after_the_divider_are_the_body_s() {
        let (_, _, body) = answered(&[b"{\"statusCode\":200}\0\0\0\0\0\0\0\0", b"\0\0"]).await;
        assert_eq!(body.unwrap(), "\0\0");
    }

    #[tokio::test]
    async fn a_header_may_have_several_values() {
        let head = b"{\"statusCode\":200,\"headers\":{\"vary\":[\"a\",\"b\"],\"?\\n\":\"x\"}}";
        let (_, headers, body) = answered(&[head, &DIVIDER]).await;
        assert_eq!(headers.get_all("vary").iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(headers.len(), 2, "what is no header is left out");
        assert_eq!(body.unwrap(), "");
    }

    #[tokio::test]
    async fn a_response_without_a_head_is_a_bad_gateway() {
        let large = vec![b'x'; MAX_HEAD_BYTES + 1];
        let names = (0..30_000).map(|i| format!("\"x-{i}\":\"\"")).collect::<Vec<_>>().join(",");
        let crowded = format!("{{\"statusCode\":200,\"headers\":{{{names}}}}}");
        let crowded = [crowded.as_bytes(), &DIVIDER].concat();
        let unusable: [&[&[u8]]; 9] = [
            &[&crowded],
            &[],
            &[b"{\"statusCode\":200}"],
            &[b"no json\0\0\0\0\0\0\0\0hello"],
            &[b"{}\0\0\0\0\0\0\0\0"],
            &[b"{\"statusCode\":7}\0\0\0\0\0\0\0\0"],
            &[b"\0\0\0\0\0\0\0\0"],
            &[b"{\"statusCode\":200}\0\0\0\0", b"BREAK"],
            &[&large, &DIVIDER],
        ];
        for pieces in unusable {
            assert_eq!(answered(pieces).await.0, StatusCode::BAD_GATEWAY, "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_broken_off_is_no_whole_one() {
        let head = b"{\"statusCode\":200}\0\0\0\0\0\0\0\0hel";
        let (status, _, body) = answered(&[head, b"BREAK"]).await;
        assert_eq!((status, body), (StatusCode::OK, None));
    }
}
