//! The functions' variables in the local cloud: what it decides itself, what it has as defaults, and
//! what the user sets.

use a2a_lambda_runtime::table::{
    self, AGENT, ALLOW_ANONYMOUS, ALLOWED_ORIGINS, API_KEYS, AUTHORIZER_HEADER, About,
    CANCEL_SCOPE, JWT_ISSUERS, OWNER_CLAIM, PUSH_KMS_KEY, PUSH_SCOPE, QUEUE_ARN, QUEUE_URL,
    READ_SCOPE, REQUIRED_SCOPES, RESPONSE_MODE, Reader, SCHEDULE_GROUP, SCHEDULER_ROLE_ARN,
    SEND_SCOPE, TABLE_NAME, TENANT_CLAIM,
};
use a2a_lambda_runtime::{own_environment, process_environment};
use tracing::warn;

/// The variables that the local cloud does not take from the user, and why. It takes all others.
static NOT_TAKEN: [(&About, &str); 9] = [
    (&AGENT.about, "use --agent"),
    (&ALLOW_ANONYMOUS.about, "everybody may call the local cloud"),
    (&PUSH_KMS_KEY.about, "there is no KMS here: use PUSH_SECRETS_KEY"),
    (&QUEUE_ARN.about, "there is no EventBridge Scheduler here"),
    (&QUEUE_URL.about, "the local cloud has its own queue"),
    (&RESPONSE_MODE.about, "use --buffer"),
    (&SCHEDULER_ROLE_ARN.about, "there is no EventBridge Scheduler here"),
    (&SCHEDULE_GROUP.about, "there is no EventBridge Scheduler here"),
    (&TABLE_NAME.about, "the local cloud has its own table"),
];

/// The variables that are taken with `--auth` only: without it nobody's identity is checked.
static OF_AUTH: [&About; 10] = [
    &API_KEYS.about,
    &AUTHORIZER_HEADER.about,
    &CANCEL_SCOPE.about,
    &JWT_ISSUERS.about,
    &OWNER_CLAIM.about,
    &PUSH_SCOPE.about,
    &READ_SCOPE.about,
    &REQUIRED_SCOPES.about,
    &SEND_SCOPE.about,
    &TENANT_CLAIM.about,
];

/// The local cloud answers browsers itself, for the origins of this variable, too.
static ITS_OWN: &About = &ALLOWED_ORIGINS.about;

/// The variables that the functions are given.
pub(crate) struct Settings {
    environment: fn(&str) -> Option<String>,
    /// What the process has beside our variables: the agents' own.
    own: Vec<(String, String)>,
    /// Whether callers are checked.
    auth: bool,
    /// What holds where the user has not set a variable.
    defaults: Vec<(&'static str, String)>,
    /// What the local cloud decides, whatever the user has set.
    decided: Vec<(&'static str, String)>,
}

fn find(list: &[(&'static str, String)], name: &str) -> Option<String> {
    list.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

/// The variables of the functions that the user may set.
fn taken(auth: bool) -> impl Iterator<Item = &'static About> {
    let is_taken = move |about: &&About| {
        let of_auth = OF_AUTH.iter().map(|about| about.name).filter(|_| !auth);
        let others = NOT_TAKEN.iter().map(|(about, _)| about.name).chain([ITS_OWN.name]);
        others.chain(of_auth).all(|name| name != about.name)
    };
    table::SETTINGS.iter().map(|variable| variable.about()).filter(is_taken)
}

impl Settings {
    /// The variables of this process, with these defaults.
    pub(crate) fn new(
        defaults: Vec<(&'static str, String)>,
        decided: Vec<(&'static str, String)>,
        auth: bool,
    ) -> Self {
        let (environment, own) = (process_environment, own_environment());
        Self { environment, own, auth, defaults, decided }
    }

    /// Whether callers are checked.
    pub(crate) fn auth(&self) -> bool {
        self.auth
    }

    /// The value of a variable. One that is not ours is as the process has it.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        if table::SETTINGS.iter().all(|variable| variable.name() != name) {
            return (self.environment)(name);
        }
        let is_taken = || taken(self.auth).any(|about| about.name == name);
        // An empty variable counts as not set.
        let set = || (self.environment)(name).filter(|value| !value.is_empty() && is_taken());
        find(&self.decided, name).or_else(set).or_else(|| find(&self.defaults, name))
    }

    /// Those that a function reads, for the environment of its process. One that has agents is given
    /// what may be theirs, too.
    pub(crate) fn of(&self, function: Reader) -> Vec<(String, String)> {
        let abouts = table::SETTINGS.iter().map(|variable| variable.about());
        let read = abouts.filter(|about| about.is_read_by(function));
        let ours = read.filter_map(|about| Some((about.name.to_owned(), self.get(about.name)?)));
        let has_agents = AGENT.about.is_read_by(function);
        let own = self.own.iter().filter(|_| has_agents).cloned();
        own.chain(ours).collect()
    }

    /// Tells the user of variables that are set and not taken.
    pub(crate) fn warn(&self) {
        let of_auth = OF_AUTH.iter().map(|about| (*about, "use --auth")).filter(|_| !self.auth);
        for (About { name, .. }, why) in NOT_TAKEN.iter().copied().chain(of_auth) {
            if (self.environment)(name).is_some_and(|value| !value.is_empty()) {
                warn!(variable = name, why, "the local cloud does not take this variable");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use a2a_lambda_runtime::testing::samples;
    use a2a_lambda_runtime::{RandomIds, Variables, fetcher, policy, webhook};

    use super::*;
    use crate::push_key::local_vault;

    /// A user who has set everything, some of it to nothing.
    #[expect(clippy::unnecessary_wraps, reason = "as a look-up is")]
    fn everything(name: &str) -> Option<String> {
        Some(if name == "MAX_ATTEMPTS" { String::new() } else { format!("{name} of the user") })
    }

    fn settings() -> Settings {
        Settings {
            environment: everything,
            own: vec![("MODEL_ID".to_owned(), "small".to_owned())],
            auth: true,
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
        for not_taken in ["TABLE_NAME", "ALLOWED_ORIGINS"] {
            assert_eq!(get(not_taken), "", "{not_taken}");
        }
        assert_eq!(get("MODEL_ID"), "MODEL_ID of the user", "an agent's own");
        assert_eq!(get("READ_SCOPE"), "READ_SCOPE of the user");
        let open = Settings { auth: false, ..settings };
        for of_auth in ["READ_SCOPE", "OWNER_CLAIM", "JWT_ISSUERS"] {
            assert_eq!(open.get(of_auth), None, "{of_auth}");
        }
    }

    #[test]
    fn each_process_is_given_what_its_function_reads() {
        let settings = settings();
        for function in table::FUNCTIONS {
            let given = settings.of(function);
            let runs_agents = matches!(function, Reader::Request | Reader::SqsExecutor);
            let (own, given): (Vec<_>, Vec<_>) =
                given.into_iter().partition(|(name, _)| name == "MODEL_ID");
            assert_eq!(own.len(), usize::from(runs_agents), "{function:?}");
            for (name, value) in &given {
                assert_eq!(Some(value), settings.get(name).as_ref(), "{function:?}");
            }
            for about in taken(true) {
                let is_given = given.iter().any(|(name, _)| *name == about.name);
                assert_eq!(is_given, about.is_read_by(function), "{function:?}: {}", about.name);
            }
            let has = |name| given.iter().any(|(known, _)| *known == name);
            assert_eq!(has("AGENT"), runs_agents, "{function:?}");
            assert!(!has("QUEUE_ARN") && !has("PUSH_KMS_KEY"), "{function:?}");
        }
    }

    #[test]
    fn functions_in_one_process_read_every_variable_that_is_taken() {
        let read = RefCell::new(BTreeSet::new());
        let samples = samples(Reader::LocalCloud);
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            samples.get(name).cloned()
        };
        let variables = Variables::new(Reader::LocalCloud, &lookup);
        policy(&variables).unwrap();
        webhook(&variables, Arc::new(RandomIds)).unwrap();
        local_vault(&variables).unwrap();
        a2a_lambda_request::config(&variables).unwrap();
        a2a_lambda_authorizer::context_with(&variables, &fetcher(), None).unwrap();
        let read = read.into_inner();
        // The level of this process is that of --log, it tells no metrics or traces, and API_KEYS is
        // read before this.
        let unread: Vec<_> =
            taken(true).map(|about| about.name).filter(|it| !read.contains(*it)).collect();
        let told = [
            "METRICS",
            "TRACES",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "POWERTOOLS_SERVICE_NAME",
            "POWERTOOLS_METRICS_NAMESPACE",
        ];
        assert_eq!(unread, [&["LOG_LEVEL"][..], &told, &["API_KEYS"]].concat());
    }
}
