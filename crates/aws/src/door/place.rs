//! The part of a path that the service routes on. A front door may put an API's stage, or a custom
//! domain's mapping, in front of it. A base path may be there, too. None of them is ever a tenant.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The part of an API's own host name that no custom domain has.
const OWN_DOMAIN: &str = ".execute-api.";

/// The host and the path at which a request came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The host, as the front door knows it.
    domain: Option<String>,
    /// Whether the client used plain HTTP.
    is_http: bool,
    /// The path, as the front door has it.
    raw_path: String,
    /// How many bytes of the path are the stage, or the mapping of a custom domain.
    front: usize,
}

/// The configured base path, without a final slash; empty if none is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base<'a> {
    /// The path.
    pub path: &'a str,
    /// The host of the URL that the path is of.
    pub host: Option<&'a str>,
}

impl Place {
    /// A place of payload 2.0. An API's own URL has the stage in its paths. Behind a custom domain, a
    /// first segment of the same name is a mapping, a base path or a tenant.
    pub(crate) fn of_stage(domain: Option<String>, stage: Option<&str>, raw_path: String) -> Self {
        let mut place = Self { domain, raw_path, ..Self::default() };
        let stage = stage.filter(|stage| !matches!(*stage, "" | "$default"));
        if let Some(stage) = stage.filter(|_| place.is_own())
            && let Some(behind) = below(&format!("/{stage}"), &place.raw_path)
        {
            place.front = place.raw_path.len() - behind.len();
        }
        place
    }

    /// A place of payload 1.0. The resource and its parameters tell the API's part, at the end of
    /// the path. The rest is the stage or the mapping. Where they do not fit the path, it is as in
    /// payload 2.0.
    pub(crate) fn of_resource(
        domain: Option<String>,
        stage: Option<&str>,
        raw_path: String,
        resource: Option<&str>,
        parameters: Option<&Value>,
    ) -> Self {
        let own = resource.and_then(|resource| filled(resource, parameters));
        let front = own.and_then(|own| in_front_of(&own, &raw_path));
        match front {
            Some(front) => Self { domain, is_http: false, raw_path, front },
            None => Self::of_stage(domain, stage, raw_path),
        }
    }

    /// A place behind a load balancer, which puts nothing in front of a path.
    pub(crate) fn of_host(host: Option<String>, is_http: bool, raw_path: String) -> Self {
        Self { domain: host, is_http, raw_path, front: 0 }
    }

    /// The path behind stage, mapping and base path.
    pub fn path(&self, base: &Base<'_>) -> &str {
        let path = self.raw_path.get(self.front..).unwrap_or_default();
        below(self.behind_front(base), path).unwrap_or(path)
    }

    /// The URL of the service, as far as the front door knows it.
    pub fn url(&self, base: &Base<'_>) -> String {
        let scheme = if self.is_http { "http" } else { "https" };
        let host = self.domain.as_deref().unwrap_or("localhost");
        format!("{scheme}://{host}{}{}", self.front(), self.behind_front(base))
    }

    fn is_own(&self) -> bool {
        self.domain.as_deref().is_none_or(|domain| domain.contains(OWN_DOMAIN))
    }

    fn front(&self) -> &str {
        self.raw_path.get(..self.front).unwrap_or_default()
    }

    /// The part of a base path that the path has behind its front. A base path that belongs to the
    /// request's own URL begins with the front, and so does one for a custom domain.
    fn behind_front<'b>(&self, base: &Base<'b>) -> &'b str {
        let has_front = match base.host {
            Some(host) => self.domain.as_deref() == Some(host),
            None => !self.is_own(),
        };
        below(self.front(), base.path).filter(|_| has_front).unwrap_or(base.path)
    }
}

/// The path of an API's resource, such as `/{tenant}/{proxy+}`, with its parameters in it.
fn filled(resource: &str, parameters: Option<&Value>) -> Option<String> {
    let mut path = String::new();
    for segment in resource.strip_prefix('/')?.split('/') {
        path.push('/');
        let name = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}'));
        match name {
            None => path.push_str(segment),
            Some(name) => path.push_str(parameters?.get(name.trim_end_matches('+'))?.as_str()?),
        }
    }
    Some(path)
}

/// How many bytes of a path are in front of its end; `None` if it has another end. Slashes at the end
/// of either mean nothing.
fn in_front_of(end: &str, path: &str) -> Option<usize> {
    let (end, path) = (end.trim_end_matches('/'), path.trim_end_matches('/'));
    let at = match end.matches('/').count() {
        0 => path.len(),
        segments => path.rmatch_indices('/').nth(segments - 1)?.0,
    };
    let rest = below(end, path.get(at..)?)?;
    rest.is_empty().then_some(at)
}

/// The part of a path below another one, with its slash; `None` if it is not below it. Segments are
/// compared decoded, since a front door may have decoded them.
fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    let mut rest = path;
    for segment in base.split('/').skip(1) {
        let behind = rest.strip_prefix('/')?;
        let end = behind.find('/').unwrap_or(behind.len());
        let (found, left) = behind.split_at(end);
        if !percent_decode_str(found).eq(percent_decode_str(segment)) {
            return None;
        }
        rest = left;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Option<&str> = Some("id.execute-api.us-east-1.amazonaws.com");
    const CUSTOM: Option<&str> = Some("api.example.com");

    #[test]
    fn stage_and_base_path_are_taken_off_once() {
        for (domain, stage, base, raw_path, path) in [
            (OWN, "$default", "", "/tasks", "/tasks"),
            (OWN, "", "", "/tasks", "/tasks"),
            (OWN, "prod", "", "/prod/tasks", "/tasks"),
            (OWN, "prod", "", "/prod", ""),
            (OWN, "prod", "", "/prod/", "/"),
            (OWN, "prod", "", "/prod/prod/tasks", "/prod/tasks"),
            (OWN, "prod", "", "/production/tasks", "/production/tasks"),
            (OWN, "prod", "", "/tasks", "/tasks"),
            (None, "prod", "", "/prod/tasks", "/tasks"),
            // A custom domain has no stage in its paths.
            (CUSTOM, "acme", "", "/acme/tasks", "/acme/tasks"),
            (CUSTOM, "acme", "/acme", "/acme/acme/tasks", "/acme/tasks"),
            (CUSTOM, "$default", "/agents", "/agents/tasks", "/tasks"),
            (CUSTOM, "$default", "/agents", "/agents", ""),
            (CUSTOM, "$default", "/agents", "/agents/", "/"),
            (CUSTOM, "$default", "/agents", "/agents/agents/tasks", "/agents/tasks"),
            (CUSTOM, "$default", "/agents", "/agentsmith/tasks", "/agentsmith/tasks"),
            // A front door that takes it off.
            (CUSTOM, "$default", "/agents", "/acme/tasks", "/acme/tasks"),
            (CUSTOM, "$default", "/a/b", "/a/b/tasks", "/tasks"),
            (CUSTOM, "$default", "/a/b", "/a/tasks", "/a/tasks"),
            (CUSTOM, "$default", "/a%20b", "/a b/tasks", "/tasks"),
            (CUSTOM, "$default", "/a%20b", "/a%20b/tasks", "/tasks"),
            (CUSTOM, "$default", "/a", "a/tasks", "a/tasks"),
            // Both, in that order.
            (OWN, "prod", "/agents", "/prod/agents/tasks", "/tasks"),
            (OWN, "prod", "/prod", "/prod/prod/prod/tasks", "/prod/tasks"),
        ] {
            let domain = domain.map(str::to_owned);
            let place = Place::of_stage(domain, Some(stage), raw_path.to_owned());
            let base = Base { path: base, host: CUSTOM };
            assert_eq!(place.path(&base), path, "{place:?} {base:?}");
        }
    }

    #[test]
    fn the_url_of_an_api_has_its_stage_once() {
        for (raw_path, path) in [("/prod/tasks", "/tasks"), ("/prod/prod/tasks", "/prod/tasks")] {
            let place = Place::of_stage(OWN.map(str::to_owned), Some("prod"), raw_path.to_owned());
            assert_eq!(place.path(&Base { path: "/prod", host: OWN }), path);
        }
    }

    #[test]
    fn the_resource_tells_where_the_path_of_the_api_begins() {
        let proxy = |rest: &str| serde_json::json!({ "proxy": rest, "tenant": "acme", "n": 7 });
        for (raw_path, resource, rest, front) in [
            ("/prod/tasks", "/{proxy+}", "tasks", Some("/prod")),
            ("/tasks", "/{proxy+}", "tasks", Some("")),
            ("/agents/tasks/t1", "/{proxy+}", "tasks/t1", Some("/agents")),
            ("/agents/prod/tasks", "/{proxy+}", "tasks", Some("/agents/prod")),
            ("/agents/agents/tasks", "/{proxy+}", "agents/tasks", Some("/agents")),
            ("/prod/tasks/", "/{proxy+}", "tasks", Some("/prod")),
            ("/prod/tasks", "/{proxy+}", "tasks/", Some("/prod")),
            ("/prod", "/", "", Some("/prod")),
            ("/prod/", "/", "", Some("/prod")),
            ("/", "/", "", Some("")),
            ("/a/acme/.well-known/x", "/{tenant}/.well-known/{proxy+}", "x", Some("/a")),
            ("/a/.well-known/x", "/.well-known/x", "", Some("/a")),
            ("/prod/a%20b/tasks", "/{proxy+}", "a b/tasks", Some("/prod")),
            ("/prod/a b/tasks", "/{proxy+}", "a%20b/tasks", Some("/prod")),
            // They do not fit.
            ("/prod/tasks", "/{proxy+}", "others", None),
            ("/tasks", "/{proxy+}", "prod/tasks", None),
            ("/prod/tasks", "$default", "tasks", None),
            ("/prod/tasks", "/{other}", "tasks", None),
            ("/prod/7", "/{n}", "tasks", None),
            ("tasks", "/{proxy+}", "tasks", None),
            ("", "/{proxy+}", "tasks", None),
        ] {
            let found = filled(resource, Some(&proxy(rest)));
            let found = found.and_then(|own| in_front_of(&own, raw_path));
            assert_eq!(found.map(|front| &raw_path[..front]), front, "{raw_path} {resource}");
        }
    }

    #[test]
    fn a_base_path_of_a_custom_domain_may_begin_with_the_mapping() {
        let parameters = serde_json::json!({ "proxy": "agents/tasks" });
        let place = |domain: Option<&str>| {
            let (domain, path) = (domain.map(str::to_owned), "/agents/agents/tasks".to_owned());
            Place::of_resource(domain, Some("agents"), path, Some("/{proxy+}"), Some(&parameters))
        };
        for (domain, path, host, expected) in [
            // The one that was configured is the mapping, so the second one is a tenant.
            (CUSTOM, "/agents", CUSTOM, "/agents/tasks"),
            (CUSTOM, "/agents", None, "/agents/tasks"),
            (CUSTOM, "", None, "/agents/tasks"),
            (CUSTOM, "/agents/agents", CUSTOM, "/tasks"),
            (OWN, "/agents", OWN, "/agents/tasks"),
            // Something in front of the API's own URL has the path: it is behind the stage.
            (OWN, "/agents", CUSTOM, "/tasks"),
            (OWN, "/agents", None, "/tasks"),
        ] {
            let base = Base { path, host };
            assert_eq!(place(domain).path(&base), expected, "{domain:?} {base:?}");
        }
    }
}
