//! The public paths.

use http::Method;

/// Whether this path, behind stage and base path, is public: the card, the keys beside it, and
/// preflights.
pub fn is_for_everybody(method: &Method, path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').skip(1).take(3).collect();
    let is_public =
        matches!(segments.as_slice(), [".well-known", _, ..] | [_, ".well-known", _, ..]);
    match *method {
        Method::GET | Method::HEAD => is_public,
        Method::OPTIONS => true,
        _ => false,
    }
}
