//! PEM (RFC 7468) in variables. Forms and files may have turned its line breaks into spaces or into
//! the characters `\n`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The DER of the first block with this label, such as `CERTIFICATE`; `None` if no block has it, or
/// it is not base64.
pub fn first(text: &str, label: &str) -> Option<Vec<u8>> {
    next(text, label)?.0
}

/// The DER of all blocks with this label, in order; `None` if one of them is not base64 or does not
/// end. There may be none.
pub fn all(text: &str, label: &str) -> Option<Vec<Vec<u8>>> {
    let begin = begin(label);
    let mut rest = text;
    let mut blocks = Vec::new();
    while rest.contains(&begin) {
        let (block, behind) = next(rest, label)?;
        blocks.push(block?);
        rest = behind;
    }
    Some(blocks)
}

/// The next block, and the text after it.
fn next<'a>(text: &'a str, label: &str) -> Option<(Option<Vec<u8>>, &'a str)> {
    let (_, rest) = text.split_once(&begin(label))?;
    let (body, rest) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.replace("\\n", "").split_whitespace().collect();
    Some((STANDARD.decode(body).ok(), rest))
}

fn begin(label: &str) -> String {
    format!("-----BEGIN {label}-----")
}
