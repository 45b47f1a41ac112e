//! The pages for people. They have no script.

use std::fmt::Write as _;

use a2a_lambda_core::operations::callbacks::Awaited;

/// The style of all pages. [`CSP`] has its digest.
const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}\
     textarea{width:100%;box-sizing:border-box;font:inherit}\
     button{font:inherit;padding:.5rem 1.5rem;margin:1rem 1rem 0 0}";

/// The rights of a page: its own style, and its form's way back to the origin.
pub(crate) const CSP: &str = "default-src 'none'; style-src 'sha256-oNASAT8YbdP2rN+BhQ/IX6hYYIqqEjDPWd16QKnNC6w='; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// The most characters of a comment: each has at most 12 bytes in a form.
const MAX_COMMENT: usize = 4_000;

/// A page that asks for the answer.
pub(crate) fn asks(awaited: &Awaited) -> String {
    let name = escaped(&awaited.name);
    let until = awaited.until.to_string();
    let (day, time) = until.split_once('T').unwrap_or((&until, ""));
    let minute = time.get(..5).unwrap_or_default();
    page(
        "Your answer is needed",
        &format!(
            "<p><strong>{name}</strong></p>\
             <form method=\"post\">\
             <label for=\"comment\">Comment (may be empty)</label>\
             <textarea id=\"comment\" name=\"comment\" rows=\"4\" maxlength=\"{MAX_COMMENT}\"></textarea>\
             <button name=\"decision\" value=\"approve\">Approve</button>\
             <button name=\"decision\" value=\"decline\">Decline</button>\
             </form>\
             <p><small>Open until {day} {minute} UTC.</small></p>"
        ),
    )
}

/// A page that says one sentence.
pub(crate) fn says(title: &str, sentence: &str) -> String {
    page(title, &format!("<p>{}</p>", escaped(sentence)))
}

fn page(title: &str, main: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1>{main}</body></html>"
    )
}

/// A text in HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' | '<' | '>' | '"' | '\'' => {
                // To write to a text cannot fail.
                let _ = write!(escaped, "&#{};", u32::from(char));
            }
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use a2a_lambda_protocol::Timestamp;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::Digest as _;

    #[test]
    fn a_page_may_have_its_own_style_only() {
        let digest = STANDARD.encode(sha2::Sha256::digest(STYLE));
        assert!(CSP.contains(&format!("'sha256-{digest}'")), "{digest}");
    }

    #[test]
    fn a_name_is_no_markup() {
        let name = "<script>&'\"".to_owned();
        let page = asks(&Awaited { name, until: Timestamp::from_millis(1_790_000_000_000) });
        assert!(page.contains("&#60;script&#62;&#38;&#39;&#34;") && !page.contains("<script"));
        assert!(page.contains("Open until 2026-09-21 "), "{page}");
    }
}
