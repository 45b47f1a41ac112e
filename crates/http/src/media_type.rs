//! Media types, in the form in which an agent declares those that it accepts.

/// Whether one of the `accepted` media types, which may be `*/*` or `text/*`, covers this one. It
/// ignores parameters, such as `charset`, and case.
pub(crate) fn is_accepted(media_type: &str, accepted: &[&str]) -> bool {
    let media_type = essence(media_type);
    accepted.iter().any(|range| {
        let range = essence(range);
        match range.strip_suffix("/*") {
            Some("*") => true,
            Some(kind) => media_type.split('/').next() == Some(kind),
            None => range == media_type,
        }
    })
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_types() {
        let accepts = |accepted: &str, media_type: &str| {
            is_accepted(media_type, &accepted.split(',').collect::<Vec<_>>())
        };
        assert!(accepts("text/plain", "text/plain"));
        assert!(accepts("text/plain", "TEXT/Plain; charset=utf-8"));
        assert!(accepts("image/png,text/*", "text/html"));
        assert!(accepts("*/*", "application/x-anything"));
        assert!(!accepts("text/plain", "text/html"));
        assert!(!accepts("text/*", "texts/html"));
        assert!(!accepts("", "text/html"));
    }
}
