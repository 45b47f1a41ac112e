//! The functions' variables in the local cloud: its decisions, its defaults, and the user's values.

use a2a_lambda_runtime::secrets::Reference;
use a2a_lambda_runtime::table::{self, About, Reader, Text, Variable};
use a2a_lambda_runtime::{ConfigError, own_environment, process_environment};
use tracing::warn;

/// The variables that the local cloud never takes from the user, and why.
static NOT_TAKEN: [(&About, &str); 15] = [
    (
        &table::ALLOW_ANONYMOUS.about,
        "everybody may call the local cloud, and with --auth who is known",
    ),
    (&table::AWS_ENDPOINT_URL_DYNAMODB.about, "the local cloud has its own database"),
    (&table::AWS_ENDPOINT_URL_KMS.about, "there is no KMS here: use PUSH_SECRETS_KEY"),
    (&table::AWS_ENDPOINT_URL_SCHEDULER.about, "there is no EventBridge Scheduler here"),
    (&table::AWS_ENDPOINT_URL_SQS.about, "the local cloud has its own queue"),
    (&table::AWS_LAMBDA_FUNCTION_NAME.about, "the functions have their own names here"),
    (
        &table::AWS_LAMBDA_LOG_STREAM_NAME.about,
        "the functions' processes have their own names here",
    ),
    (&table::END_WITH_STDIN.about, "the functions' processes end with the local cloud"),
    (&table::PUSH_KMS_KEY.about, "there is no KMS here: use PUSH_SECRETS_KEY"),
    (&table::QUEUE_ARN.about, "there is no EventBridge Scheduler here"),
    (&table::QUEUE_URL.about, "the local cloud has its own queue"),
    (&table::RESPONSE_MODE.about, "use --buffer"),
    (&table::SCHEDULER_ROLE_ARN.about, "there is no EventBridge Scheduler here"),
    (&table::SCHEDULE_GROUP.about, "there is no EventBridge Scheduler here"),
    (&table::TABLE_NAME.about, "the local cloud has its own table"),
];

/// The variables that need `--auth`: without it the functions check no identity.
static OF_AUTH: [&About; 10] = [
    &table::API_KEYS.about,
    &table::AUTHORIZER_HEADER.about,
    &table::CANCEL_SCOPE.about,
    &table::JWT_ISSUERS.about,
    &table::OWNER_CLAIM.about,
    &table::PUSH_SCOPE.about,
    &table::READ_SCOPE.about,
    &table::REQUIRED_SCOPES.about,
    &table::SEND_SCOPE.about,
    &table::TENANT_CLAIM.about,
];

/// The variables that are taken with `--processes` only.
static OF_PROCESSES: [&About; 10] = [
    // Functions that share a process write neither metrics nor traces, and read no references.
    &table::METRICS.about,
    &table::TRACES.about,
    &table::OTEL_EXPORTER_OTLP_ENDPOINT.about,
    &table::POWERTOOLS_SERVICE_NAME.about,
    &table::POWERTOOLS_METRICS_NAMESPACE.about,
    &table::AWS_ENDPOINT_URL_SECRETS_MANAGER.about,
    &table::AWS_ENDPOINT_URL_S3.about,
    &table::AWS_ENDPOINT_URL_SSM.about,
    // The fewest partitions are enough for one process.
    &table::LIST_SHARDS.about,
    &table::DUE_SHARDS.about,
];

/// The local cloud's variables for processes: with them they reach the database and the queue.
static OF_THE_EMULATOR: [&About; 4] = [
    &table::AWS_ACCESS_KEY_ID.about,
    &table::AWS_REGION.about,
    &table::AWS_SECRET_ACCESS_KEY.about,
    &table::AWS_SESSION_TOKEN.about,
];

/// The variables that set the log's level.
static LEVELS: [&About; 2] = [&table::LOG_LEVEL.about, &table::POWERTOOLS_LOG_LEVEL.about];

/// The local cloud answers browsers itself, for the origins of this variable, too.
static ITS_OWN: &About = &table::ALLOWED_ORIGINS.about;

/// The options of the local cloud that decide which variables it takes.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "four options of the command line, each by itself"
)]
pub(crate) struct Way {
    /// Whether callers are checked.
    pub(crate) auth: bool,
    /// Whether the functions are processes of their own.
    pub(crate) processes: bool,
    /// Whether agents go by the option `--agent`. If not, they are the program's own.
    pub(crate) names_agent: bool,
    /// Whether the option `--log` is given.
    pub(crate) names_level: bool,
}

impl Way {
    /// Why the local cloud does not take a variable from the user, if it does not.
    fn why_not(self, name: &str) -> Option<&'static str> {
        let is_among = |list: &[&About]| list.iter().any(|about| about.name == name);
        if let Some((_, why)) = NOT_TAKEN.iter().find(|(about, _)| about.name == name) {
            return Some(why);
        }
        if name == table::AGENT.about.name {
            let own = "the agents are this program's own";
            return Some(if self.names_agent { "use --agent" } else { own });
        }
        if !self.auth && is_among(&OF_AUTH) {
            return Some("use --auth");
        }
        if !self.processes && is_among(&OF_PROCESSES) {
            return Some("use --processes");
        }
        if self.processes && is_among(&OF_THE_EMULATOR) {
            return Some("the functions' processes have that of the local cloud");
        }
        if !self.processes && self.names_level && is_among(&LEVELS) {
            return Some("--log says the level");
        }
        None
    }
}

/// The variables that the functions are given.
pub(crate) struct Settings {
    environment: fn(&str) -> Option<String>,
    /// The process's other variables: the agents' own.
    own: Vec<(String, String)>,
    way: Way,
    /// The defaults of variables that the user has not set.
    defaults: Vec<(&'static str, String)>,
    /// The local cloud's decisions, which override the user.
    decided: Vec<(&'static str, String)>,
}

fn find(list: &[(&'static str, String)], name: &str) -> Option<String> {
    list.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

/// A secret is named where it is kept, which is for processes only.
#[derive(Debug, thiserror::Error)]
#[error("the local cloud reads references with --processes only: use that, or the value itself")]
struct NoReferences;

impl Settings {
    /// The variables of this process, with these defaults.
    pub(crate) fn new(
        defaults: Vec<(&'static str, String)>,
        decided: Vec<(&'static str, String)>,
        way: Way,
    ) -> Self {
        let (environment, own) = (process_environment, own_environment());
        Self { environment, own, way, defaults, decided }
    }

    /// Whether callers are checked.
    pub(crate) fn auth(&self) -> bool {
        self.way.auth
    }

    /// The user's values that the local cloud accepts. An empty variable counts as not set.
    fn set(&self, name: &str) -> Option<String> {
        let taken = || self.way.why_not(name).is_none() && name != ITS_OWN.name;
        (self.environment)(name).filter(|value| !value.is_empty() && taken())
    }

    /// The value of a variable. One that is not of the functions is as the process has it.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        if table::SETTINGS.iter().all(|variable| variable.name() != name) {
            return (self.environment)(name);
        }
        find(&self.decided, name).or_else(|| self.set(name)).or_else(|| find(&self.defaults, name))
    }

    /// Those that a function reads, for the environment of its process. A function with agents also
    /// gets the variables that may be theirs.
    pub(crate) fn of(&self, function: Reader) -> Vec<(String, String)> {
        let read = |variables: &'static [Variable]| {
            let abouts = variables.iter().map(|variable| variable.about());
            abouts.filter(move |about| about.is_read_by(function)).map(|about| about.name)
        };
        let settings = read(table::SETTINGS).map(|name| (name, self.get(name)));
        let surroundings = read(table::SURROUNDINGS).map(|name| (name, self.set(name)));
        let ours = settings.chain(surroundings);
        let ours = ours.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let has_agents = table::AGENT.about.is_read_by(function);
        let own = self.own.iter().filter(|_| has_agents).cloned();
        own.chain(ours).collect()
    }

    /// The secrets that are set to a reference, or to the begin of one.
    fn references(&self) -> impl Iterator<Item = &'static Text> {
        let secrets = table::SETTINGS.iter().filter_map(|variable| match variable {
            Variable::Text(text) if text.secret => Some(*text),
            _ => None,
        });
        secrets.filter(|text| {
            let value = self.set(text.about.name).unwrap_or_default();
            !matches!(Reference::parse(&value), Ok(None))
        })
    }

    /// Whether a secret is set to a reference. Only processes read it.
    ///
    /// # Errors
    /// When the functions are no processes.
    pub(crate) fn has_references(&self) -> Result<bool, ConfigError> {
        match self.references().next() {
            Some(text) if !self.way.processes => {
                Err(ConfigError::unread(text.about.name, NoReferences))
            }
            found => Ok(found.is_some()),
        }
    }

    /// The variables that are set and not taken, each with the reason.
    fn not_taken(&self) -> Vec<(&'static str, &'static str)> {
        let variables = table::SETTINGS.iter().chain(table::SURROUNDINGS);
        let is_set = |name| (self.environment)(name).is_some_and(|value| !value.is_empty());
        variables
            .map(|variable| variable.name())
            .filter_map(|name| Some((name, self.way.why_not(name)?)))
            .filter(|(name, _)| is_set(name))
            .collect()
    }

    /// Tells the user of variables that are set and not taken.
    pub(crate) fn warn(&self) {
        let each = self.not_taken().into_iter().map(|(name, why)| format!("{name} ({why})"));
        let variables: Vec<String> = each.collect();
        if !variables.is_empty() {
            // In one line: of many of a kind some would be left out.
            let variables = variables.join(", ");
            warn!(event = "variables_ignored", variables, "the local cloud ignores variables");
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
        Some(if name == "MAX_ATTEMPTS" { String::new() } else { of_the_user(name) })
    }

    fn of_the_user(name: &str) -> String {
        format!("{name} of the user")
    }

    const ALL_IN_ALL: Way =
        Way { auth: true, processes: true, names_agent: true, names_level: false };

    fn settings(way: Way) -> Settings {
        Settings {
            environment: everything,
            own: vec![("MODEL_ID".to_owned(), "small".to_owned())],
            way,
            defaults: vec![("MAX_ATTEMPTS", "3".to_owned()), ("LEASE_SECONDS", "10".to_owned())],
            decided: vec![("AGENT", "echo".to_owned())],
        }
    }

    #[test]
    fn a_user_s_value_replaces_the_default() {
        let settings = settings(ALL_IN_ALL);
        let get = |name| settings.get(name).unwrap_or_default();
        assert_eq!(get("LEASE_SECONDS"), "LEASE_SECONDS of the user");
        assert_eq!(get("MAX_ATTEMPTS"), "3", "an empty variable is not set");
        assert_eq!(get("AGENT"), "echo");
        for not_taken in ["TABLE_NAME", "ALLOWED_ORIGINS"] {
            assert_eq!(get(not_taken), "", "{not_taken}");
        }
        assert_eq!(get("MODEL_ID"), "MODEL_ID of the user", "an agent's own");
        for function in table::FUNCTIONS {
            let given = settings.of(function);
            let own = given.iter().filter(|(name, _)| name == "MODEL_ID").count();
            let runs_agents = matches!(function, Reader::Request | Reader::SqsExecutor);
            assert_eq!(own, usize::from(runs_agents), "{function:?}");
        }
    }

    /// The variables that the functions look up when they share a process.
    fn read_within() -> BTreeSet<String> {
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
        read.into_inner()
    }

    /// The variables that the program itself reads, or the agents' constructor.
    const READ_BY_THE_PROGRAM: [&str; 4] =
        ["ALLOWED_ORIGINS", "API_KEYS", "LOG_LEVEL", "POWERTOOLS_LOG_LEVEL"];

    /// The variables that agents in this process find in its environment. Nothing else here reads
    /// it.
    const OF_AGENTS: [&str; 21] = [
        "A2A_AGENT_AUTHORIZATION",
        "A2A_AGENT_CARD_KEYS",
        "A2A_AGENT_FORGOTTEN",
        "A2A_AGENT_SEMANTICS",
        "A2A_AGENT_STREAM_SECONDS",
        "AGENT_COMMAND",
        "AGENT_VARIABLES",
        "AWS_ACCESS_KEY_ID",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "HTTP_AGENT_AUTHORIZATION",
        "HTTP_AGENT_CALLBACK_HOURS",
        "HTTP_AGENT_CONTRACT",
        "HTTP_AGENT_MODEL",
        "HTTP_AGENT_SEMANTICS",
        "HTTP_AGENT_SIGNING_KEYS",
        "HTTP_AGENT_SILENCE_SECONDS",
    ];

    #[test]
    fn each_variable_that_is_set_is_taken_or_named_with_the_reason() {
        let read_within = read_within();
        for bits in 0..16 {
            let is = |bit: u8| bits & (1 << bit) != 0;
            let way = Way { auth: is(0), processes: is(1), names_agent: is(2), names_level: is(3) };
            let settings = settings(way);
            let named = settings.not_taken();
            for variable in table::SETTINGS.iter().chain(table::SURROUNDINGS) {
                let name = variable.name();
                let value = everything(name).filter(|value| !value.is_empty());
                let readers =
                    table::FUNCTIONS.iter().filter(|of| variable.about().is_read_by(**of));
                let readers: Vec<Reader> = readers.copied().collect();
                // A value that is not set, or that operators alone would read.
                let (Some(value), false) = (value, readers.is_empty()) else { continue };
                let is_in_process = |function: &Reader| {
                    settings.of(*function).contains(&(name.to_owned(), value.clone()))
                };
                let is_taken = if way.processes {
                    let given = readers.iter().filter(|function| is_in_process(function)).count();
                    assert!(given == 0 || given == readers.len(), "{name}: some have it: {way:?}");
                    given > 0 || name == ITS_OWN.name
                } else if READ_BY_THE_PROGRAM.contains(&name) || OF_AGENTS.contains(&name) {
                    way.why_not(name).is_none()
                } else {
                    read_within.contains(name) && settings.get(name).as_ref() == Some(&value)
                };
                let is_named = named.iter().any(|(not_taken, _)| *not_taken == name);
                assert!(
                    is_taken != is_named,
                    "{name}: taken {is_taken}, named {is_named}: {way:?}"
                );
            }
        }
    }

    #[test]
    fn a_secret_by_reference_is_for_processes() {
        fn reference(name: &str) -> Option<String> {
            (name == "PUSH_JWT_KEY").then(|| "ssm:/hush".to_owned())
        }
        let with = |environment, processes| {
            let way = Way { processes, ..ALL_IN_ALL };
            Settings { environment, ..settings(way) }.has_references()
        };
        assert!(with(reference, true).unwrap());
        assert!(!with(everything, true).unwrap() && !with(everything, false).unwrap());
        let error = a2a_lambda_core::engine::chain(&with(reference, false).unwrap_err());
        assert!(error.contains("PUSH_JWT_KEY") && error.contains("--processes"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}
