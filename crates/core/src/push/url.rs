//! The public parts of a receiver's URL.

/// A URL without its user, password, query and fragment.
pub(super) fn public_part(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    // For browsers, a backslash ends the authority, too. Everything before an `@` that may belong
    // to the authority is removed.
    let authority = rest.find(['/', '\\']).unwrap_or(rest.len());
    let user = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[user..])
}

/// The host of a URL, and its port, for traces.
pub(super) fn server(url: &str) -> (&str, Option<u16>) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    // Brackets enclose the colons of an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let default = match scheme.to_ascii_lowercase().as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    let port = port.filter(|port| !port.is_empty());
    let port = port.map_or(default, |port| port.parse().ok());
    (host.trim_matches(['[', ']']), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_possible_secrets() {
        for (url, shown) in [
            ("https://a.example/hook", "https://a.example/hook"),
            ("https://a.example/hook?token=x", "https://a.example/hook"),
            ("https://a.example?token=x#y", "https://a.example"),
            ("https://a.example/#x?y", "https://a.example/"),
            ("https://u:p@a.example:8443/x@y", "https://a.example:8443/x@y"),
            ("https://u:p@q@a.example", "https://a.example"),
            ("https://a.example\\u@b", "https://a.example\\u@b"),
            ("nonsense?x", "nonsense"),
        ] {
            assert_eq!(public_part(url), shown, "{url}");
        }
    }

    #[test]
    fn a_server_is_named_by_its_address_and_its_port() {
        for (url, address, port) in [
            ("https://hooks.example/1", "hooks.example", Some(443)),
            ("HTTP://hooks.example?to=a:1", "hooks.example", Some(80)),
            ("https://user:hush@hooks.example:8443/x@y:1", "hooks.example", Some(8443)),
            ("http://127.0.0.1:9000", "127.0.0.1", Some(9000)),
            ("https://[2001:db8::1]:8443/", "2001:db8::1", Some(8443)),
            ("https://[2001:db8::1]/", "2001:db8::1", Some(443)),
            ("https://hooks.example:", "hooks.example", Some(443)),
            ("https://hooks.example:70000", "hooks.example", None),
            ("nonsense", "nonsense", None),
        ] {
            assert_eq!(server(url), (address, port), "{url}");
        }
    }
}
