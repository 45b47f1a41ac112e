//! One pass over well-formed JSON text. It checks what a value-skipping parser does not check, and
//! drops insignificant whitespace.

/// How deep arrays and objects of a [`Json`](crate::Json) may nest.
///
/// `serde_json` refuses to read past 128 levels; the rest is room for the messages around the
/// value.
pub const MAX_DEPTH: usize = 100;

/// A double cannot overflow with fewer digits than this and no exponent.
const SAFE_DIGITS: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsafe {
    #[error("is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("has a string with half a surrogate pair")]
    LoneSurrogate,
    #[error("has a number out of the range of a double")]
    NumberOutOfRange,
}

/// Checks `text`, one well-formed JSON value, and returns it without insignificant whitespace;
/// `None` if it has none.
pub(super) fn compact(text: &str) -> Result<Option<String>, Unsafe> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    // `out` holds the text before `kept`, once there is an `out`.
    let mut kept = 0;
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at)?,
            b'-' | b'0'..=b'9' => at = end_of_number(text, at)?,
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.get_or_insert_with(|| String::with_capacity(text.len()))
                    .push_str(&text[kept..at]);
                at += bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
                kept = at;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Unsafe::TooDeep);
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    if let Some(out) = &mut out {
        out.push_str(&text[kept..]);
    }
    Ok(out)
}

/// The position after the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Result<usize, Unsafe> {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok(at + 1),
            b'\\' if bytes.get(at + 1) == Some(&b'u') => at = end_of_unicode(bytes, at)?,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Ok(at)
}

/// The position after the `\uXXXX` that begins at `start`, or after both halves of a surrogate
/// pair.
fn end_of_unicode(bytes: &[u8], start: usize) -> Result<usize, Unsafe> {
    match unit(bytes, start) {
        Some(0xD800..=0xDBFF) => match unit(bytes, start + 6) {
            Some(0xDC00..=0xDFFF) => Ok(start + 12),
            _ => Err(Unsafe::LoneSurrogate),
        },
        Some(0xDC00..=0xDFFF) => Err(Unsafe::LoneSurrogate),
        _ => Ok(start + 6),
    }
}

/// The UTF-16 unit of the `\uXXXX` at `at`, if there is one.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let hex = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// The position after the number that begins at `start`.
fn end_of_number(text: &str, start: usize) -> Result<usize, Unsafe> {
    let rest = &text[start..];
    let len = rest
        .bytes()
        .position(|b| !matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        .unwrap_or(rest.len());
    let number = &rest[..len];
    let may_overflow = len > SAFE_DIGITS || number.contains(['e', 'E']);
    if may_overflow && !number.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(Unsafe::NumberOutOfRange);
    }
    Ok(start + len)
}
