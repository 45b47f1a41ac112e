//! The token in a path, and what is done with it.

/// The effect of a request on its callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It answers, or looks.
    Answer,
    /// It gives up.
    Fail,
    /// It is still at work.
    Heartbeat,
}

/// The callback of a request. It has no `Debug`: the token is a secret.
pub(crate) struct Target<'p> {
    pub(crate) token: &'p str,
    pub(crate) act: Act,
}

/// The target at the end of a path; `None` if there is none. The front door may have put anything in
/// front of it.
pub(crate) fn of(path: &str) -> Option<Target<'_>> {
    let mut segments = path.strip_suffix('/').unwrap_or(path).rsplit('/');
    let last = segments.next()?;
    let (token, act) = match last {
        "fail" => (segments.next()?, Act::Fail),
        "heartbeat" => (segments.next()?, Act::Heartbeat),
        token => (token, Act::Answer),
    };
    // No other character is in a token.
    let is_of_a_token = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (!token.is_empty() && token.bytes().all(is_of_a_token)).then_some(Target { token, act })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_counts() {
        for (path, expected) in [
            ("/callbacks/a.B-_9", Some(("a.B-_9", Act::Answer))),
            ("/a.b", Some(("a.b", Act::Answer))),
            ("/live/callbacks/a.b/", Some(("a.b", Act::Answer))),
            ("/callbacks/a.b/fail", Some(("a.b", Act::Fail))),
            ("/callbacks/a.b/heartbeat", Some(("a.b", Act::Heartbeat))),
            ("/callbacks/a.b/other", Some(("other", Act::Answer))),
            ("/callbacks/a%2Eb", None),
            ("/callbacks//fail", None),
            ("/fail", None),
            ("fail", None),
            ("/", None),
            ("", None),
        ] {
            let found = of(path).map(|target| (target.token, target.act));
            assert_eq!(found, expected, "{path}");
        }
    }
}
