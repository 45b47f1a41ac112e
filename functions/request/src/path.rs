//! Which part of a path the service routes on. A front door may leave the stage of an API and a base
//! path in front of it; neither is ever a tenant.

use percent_encoding::percent_decode_str;

/// What is in the name of an API's own URL, and in that of no custom domain.
const OWN_DOMAIN: &str = ".execute-api.";

/// Where a request came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The host, as the front door knows it.
    pub(crate) domain: Option<String>,
    /// The stage of an API.
    pub(crate) stage: Option<String>,
    /// The path, as the front door has it.
    pub(crate) raw_path: String,
}

/// The base path that configuration names, without a slash at its end; empty if there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Base<'a> {
    pub(crate) path: &'a str,
    /// The host of the URL that the path is of.
    pub(crate) host: Option<&'a str>,
}

impl Place {
    /// The stage's part of the path, with its slash; empty if it has none. Only an API's own URL has
    /// the stage in its path. Behind a custom domain, a first segment of the same name is a base path
    /// or a tenant.
    pub(crate) fn stage_path(&self) -> String {
        let stage = self.stage.as_deref().filter(|stage| !matches!(*stage, "" | "$default"));
        let is_own = self.domain.as_deref().is_none_or(|domain| domain.contains(OWN_DOMAIN));
        let path = stage.filter(|_| is_own).map(|stage| format!("/{stage}"));
        path.filter(|path| below(path, &self.raw_path).is_some()).unwrap_or_default()
    }

    /// The path behind stage and base path.
    pub(crate) fn path(&self, base: &Base<'_>) -> &str {
        let stage = self.stage_path();
        let path = below(&stage, &self.raw_path).unwrap_or(&self.raw_path);
        // A base path that was read off the API's own URL begins with the stage.
        let is_own = base.host.is_some() && base.host == self.domain.as_deref();
        let rest = below(&stage, base.path).filter(|_| is_own).unwrap_or(base.path);
        below(rest, path).unwrap_or(path)
    }
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
            let (domain, stage) = (domain.map(str::to_owned), Some(stage.to_owned()));
            let place = Place { domain, stage, raw_path: raw_path.to_owned() };
            let base = Base { path: base, host: CUSTOM };
            assert_eq!(place.path(&base), path, "{place:?} {base:?}");
        }
    }

    #[test]
    fn the_url_of_an_api_has_its_stage_once() {
        for (raw_path, path) in [("/prod/tasks", "/tasks"), ("/prod/prod/tasks", "/prod/tasks")] {
            let (domain, stage) = (OWN.map(str::to_owned), Some("prod".to_owned()));
            let place = Place { domain, stage, raw_path: raw_path.to_owned() };
            assert_eq!(place.path(&Base { path: "/prod", host: OWN }), path);
        }
    }
}
