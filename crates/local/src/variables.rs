//! The functions' variables in the local cloud: what it decides itself, what it has as defaults, and
//! what the user sets.

use a2a_lambda_request::CARD_VARIABLES;
use a2a_lambda_runtime::process_environment;
use tracing::warn;

/// The variables of the functions that the user may set. Those of the card are beside them, in
/// [`CARD_VARIABLES`].
const TAKEN: [&str; 25] = [
    "BASE_PATH",
    "BLOCKING_WAIT_SECONDS",
    "DEDUPLICATE_MESSAGES",
    "KEEP_ALIVE_SECONDS",
    "LEASE_SECONDS",
    "LOG_LEVEL",
    "MAX_ATTEMPTS",
    "MAX_BODY_BYTES",
    "MAX_STREAM_SECONDS",
    "PUBLIC_URL",
    "PUSH_ALLOWED_HOSTS",
    "PUSH_ALLOW_HTTP",
    "PUSH_ALLOW_LOCAL",
    "PUSH_ARTIFACTS",
    "PUSH_CHALLENGE",
    "PUSH_CLAIM_SECONDS",
    "PUSH_EXTRA_ROOTS",
    "PUSH_JWT_KEY",
    "PUSH_JWT_KEY_ID",
    "PUSH_SECRETS_KEY",
    "PUSH_SIGNING_KEYS",
    "PUSH_TASK",
    "PUSH_TIMEOUT_SECONDS",
    "PUSH_WAITS_SECONDS",
    "SIGNAL_GRACE_SECONDS",
];

/// The variables of the functions that the local cloud does not take, and why.
const NOT_TAKEN: [(&str, &str); 10] = [
    ("AGENT", "use --agent"),
    ("ALLOW_ANONYMOUS", "everybody may call the local cloud"),
    ("OWNER_CLAIM", "a bearer token is the owner's name"),
    ("PUSH_KMS_KEY", "there is no KMS here: use PUSH_SECRETS_KEY"),
    ("QUEUE_ARN", "there is no EventBridge Scheduler here"),
    ("QUEUE_URL", "the local cloud has its own queue"),
    ("RESPONSE_MODE", "use --buffer"),
    ("SCHEDULER_ROLE_ARN", "there is no EventBridge Scheduler here"),
    ("SCHEDULE_GROUP", "there is no EventBridge Scheduler here"),
    ("TABLE_NAME", "the local cloud has its own table"),
];

/// The variables that the functions are given.
pub(crate) struct Settings {
    environment: fn(&str) -> Option<String>,
    /// What holds where the user has not set a variable.
    defaults: Vec<(&'static str, String)>,
    /// What the local cloud decides, whatever the user has set.
    decided: Vec<(&'static str, String)>,
}

fn find(list: &[(&'static str, String)], name: &str) -> Option<String> {
    list.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

fn taken() -> impl Iterator<Item = &'static str> {
    TAKEN.into_iter().chain(CARD_VARIABLES)
}

impl Settings {
    /// The variables of this process, with these defaults.
    pub(crate) fn new(
        defaults: Vec<(&'static str, String)>,
        decided: Vec<(&'static str, String)>,
    ) -> Self {
        Self { environment: process_environment, defaults, decided }
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let set = || taken().find(|taken| *taken == name).and_then(self.environment);
        // An empty variable counts as not set.
        let set = || set().filter(|value| !value.is_empty());
        find(&self.decided, name).or_else(set).or_else(|| find(&self.defaults, name))
    }

    /// All of them, for the environment of a process.
    pub(crate) fn all(&self) -> Vec<(&'static str, String)> {
        let own = self.decided.iter().chain(&self.defaults).map(|(name, _)| *name);
        let mut names: Vec<_> = taken().chain(own).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(|name| Some((name, self.get(name)?))).collect()
    }

    /// Tells the user of variables that are set and not taken.
    pub(crate) fn warn(&self) {
        for (variable, why) in NOT_TAKEN {
            if (self.environment)(variable).is_some_and(|value| !value.is_empty()) {
                warn!(variable, why, "the local cloud does not take this variable");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A user who has set everything, some of it to nothing.
    #[expect(clippy::unnecessary_wraps, reason = "as a look-up is")]
    fn everything(name: &str) -> Option<String> {
        Some(if name == "MAX_ATTEMPTS" { String::new() } else { format!("{name} of the user") })
    }

    fn settings() -> Settings {
        Settings {
            environment: everything,
            defaults: vec![("MAX_ATTEMPTS", "3".to_owned()), ("LEASE_SECONDS", "10".to_owned())],
            decided: vec![("AGENT", "echo".to_owned())],
        }
    }

    #[test]
    fn what_the_user_sets_comes_before_the_defaults() {
        let settings = settings();
        let get = |name| settings.get(name).unwrap_or_default();
        assert_eq!(get("LEASE_SECONDS"), "LEASE_SECONDS of the user");
        assert_eq!(get("MAX_ATTEMPTS"), "3", "an empty variable is not set");
        assert_eq!(get("AGENT"), "echo");
        assert_eq!(get("TABLE_NAME"), "");
        let all = settings.all();
        assert_eq!(all.len(), taken().collect::<BTreeSet<_>>().len() + 1);
        assert!(all.iter().all(|(name, value)| *value == get(name)));
    }

    #[test]
    fn every_variable_of_the_functions_is_taken_or_not_for_a_reason() {
        let readme = include_str!("../../../README.md");
        let rows = readme.lines().filter(|line| line.starts_with("| `") && line.contains(" | "));
        let names = rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split(','));
        let is_variable = |name: &&str| {
            name.len() > 2
                && name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
        };
        let names: BTreeSet<&str> =
            names.map(|name| name.trim().trim_matches('`')).filter(is_variable).collect();
        assert!(names.len() > 30, "{names:?}");
        // The local cloud answers browsers itself, for the origins of this variable, too.
        let own = ["ALLOWED_ORIGINS"];
        let known: BTreeSet<&str> =
            taken().chain(NOT_TAKEN.map(|(name, _)| name)).chain(own).collect();
        let unknown: Vec<_> = names.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
