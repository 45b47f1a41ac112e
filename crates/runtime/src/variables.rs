//! Variables: the configuration of a process, read once at its start.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use a2a_lambda_core::push::Secret;
use async_trait::async_trait;
use http::Uri;
use http::uri::InvalidUri;
use zeroize::Zeroizing;

use crate::secrets::reference::{BadReference, Reference, SecretError};
use crate::table::{
    AGENT_VARIABLES, About, Choice, Flag, Need, Number, Numbers, Reader, SETTINGS, Text, Variable,
};

/// The configuration cannot be used. The text names the variable and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("the environment variable {variable} is not set: it must be {what}")]
    Missing {
        /// The variable's name.
        variable: &'static str,
        /// The condition on the value.
        what: String,
    },
    /// A variable has a value that it cannot have.
    #[error("the environment variable {variable} must be {what}")]
    Invalid {
        /// The variable's name.
        variable: &'static str,
        /// The condition on the value.
        what: String,
        /// Why this value is not.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// A variable says where its value is kept, and it could not be read there.
    #[error("the value of the environment variable {variable} could not be read from its store")]
    Unread {
        /// The variable's name.
        variable: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// An agent's own variable has the name of one of ours.
    #[error("{variable} is a variable of a2a-lambda: an agent's own must have another name")]
    Taken {
        /// The variable's name.
        variable: &'static str,
    },
    /// The agents could not be made.
    #[error("the agents could not be made")]
    Agents(#[source] Box<dyn Error + Send + Sync>),
}

impl ConfigError {
    /// The agents could not be made. An error of this type stays as it is.
    pub fn agents(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        source.into().downcast().map_or_else(Self::Agents, |error| *error)
    }

    /// The variable is not set, and must be.
    pub fn missing(variable: &'static Text) -> Self {
        let what = variable.must_be.to_owned();
        Self::Missing { variable: variable.about.name, what }
    }

    /// The variable is not set, and must be, as another is.
    pub fn missing_for(variable: &'static Text, owner: &'static Text) -> Self {
        let what = format!("{}, as {} is set", variable.must_be, owner.about.name);
        Self::Missing { variable: variable.about.name, what }
    }

    /// The variable has a value that it cannot have. The value is not shown.
    pub fn invalid(variable: &'static Text) -> Self {
        refused(Variable::Text(variable), None)
    }

    /// The same, with the reason. It must not show the value of a secret.
    pub fn because(
        variable: &'static Text,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        refused(Variable::Text(variable), Some(source.into()))
    }

    /// The variable's value could not be read from its store.
    pub fn unread(variable: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unread { variable, source: source.into() }
    }
}

fn is_ours(name: &str) -> bool {
    SETTINGS.iter().any(|ours| ours.name() == name)
}

fn missing_own(name: &'static str, must_be: &str) -> ConfigError {
    ConfigError::Missing { variable: name, what: must_be.to_owned() }
}

fn refused(variable: Variable, source: Option<Box<dyn Error + Send + Sync>>) -> ConfigError {
    let what = variable.must_be().into_owned();
    ConfigError::Invalid { variable: variable.name(), what, source }
}

/// Reads the values that agents' variables refer to.
#[async_trait]
pub(crate) trait ReadOwnSecrets: Sync {
    /// The value of a reference in a variable.
    async fn read(
        &self,
        variable: &'static str,
        reference: Reference,
    ) -> Result<Zeroizing<String>, ConfigError>;
}

/// The variables of a process. An empty variable counts as not set, since a template can give a
/// variable no value but cannot leave it out.
///
/// It looks up only the variables that the [table](crate::table) gives its reader: all others count
/// as not set.
#[derive(Clone, Copy)]
pub struct Variables<'a> {
    reader: Reader,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    /// Reads the agents' own secrets, where references can be read.
    secrets: Option<&'a dyn ReadOwnSecrets>,
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl<'a> Variables<'a> {
    /// Variables by this lookup; in a function, of [the process](crate::process_environment).
    pub fn new(reader: Reader, lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { reader, lookup, secrets: None }
    }

    /// Variables as the local cloud has them, by this lookup: for tests of their readers.
    /// References to secrets are not read.
    pub fn local(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self::new(Reader::LocalCloud, lookup)
    }

    /// The same, with the agents' own secrets read by this.
    pub(crate) fn with_secrets(self, secrets: &'a dyn ReadOwnSecrets) -> Self {
        Self { secrets: Some(secrets), ..self }
    }

    /// A variable of an agent's own, which a deployment sets beside ours: by itself, or within
    /// `AGENT_VARIABLES`. `None` if it is not set, or empty.
    ///
    /// # Errors
    /// When it has the name of a variable of ours, or `AGENT_VARIABLES` is malformed.
    pub fn own(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        if is_ours(name) {
            return Err(ConfigError::Taken { variable: name });
        }
        let mut given = self.agent_variables()?;
        let alone = (self.lookup)(name).filter(|value| !value.is_empty());
        Ok(alone.or_else(|| given.remove(name)).filter(|value| !value.is_empty()))
    }

    /// The contents of `AGENT_VARIABLES`: names and texts. References are as they stand.
    ///
    /// # Errors
    /// When it is not an object of texts, or has one of our names, which would have no effect.
    pub fn agent_variables(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        self.read(&AGENT_VARIABLES, |text| {
            // The error of serde_json can show a value.
            let given: BTreeMap<String, String> = serde_json::from_str(text)
                .map_err(|error| format!("it is none at column {}", error.column()))?;
            match given.keys().find(|name| is_ours(name)) {
                Some(name) => Err(format!("{name} is a variable of a2a-lambda: set it by itself")),
                None => Ok(given),
            }
        })
        .map(Option::unwrap_or_default)
    }

    /// A variable of an agent's own that must be set. `must_be` are the words that follow "it must
    /// be" in the error.
    ///
    /// # Errors
    /// When it is not set, or has the name of a variable of ours.
    pub fn own_required(&self, name: &'static str, must_be: &str) -> Result<String, ConfigError> {
        self.own(name)?.ok_or_else(|| missing_own(name, must_be))
    }

    /// A secret of an agent's own: the variable's value or, if that is a
    /// [reference](crate::secrets) such as `ssm:/my/key`, the value that it points to. The process
    /// reads references again every few minutes. When a value has changed, it makes the agents
    /// again.
    ///
    /// # Errors
    /// When it has the name of a variable of ours, or is a reference that is malformed or cannot be
    /// read. The function's role must allow that.
    pub async fn own_secret(&self, name: &'static str) -> Result<Option<Secret>, ConfigError> {
        let Some(value) = self.own(name)? else { return Ok(None) };
        self.resolved(name, value).await.map(Some)
    }

    /// This value of a variable. For a [reference](crate::secrets), the value that it stands for.
    ///
    /// # Errors
    /// When it is a reference that is malformed or cannot be read.
    pub async fn resolved(&self, name: &'static str, value: String) -> Result<Secret, ConfigError> {
        let reference = Reference::parse(&value);
        self.referred(name, value, reference).await
    }

    /// The same, for a variable that is no secret: it can be an object of S3, too (`s3:BUCKET/KEY`).
    ///
    /// # Errors
    /// As [`resolved`](Self::resolved).
    pub async fn resolved_document(
        &self,
        name: &'static str,
        value: String,
    ) -> Result<Secret, ConfigError> {
        let reference = Reference::parse_document(&value);
        self.referred(name, value, reference).await
    }

    async fn referred(
        &self,
        name: &'static str,
        value: String,
        reference: Result<Option<Reference>, BadReference>,
    ) -> Result<Secret, ConfigError> {
        let unread = |error: Box<dyn Error + Send + Sync>| ConfigError::unread(name, error);
        let reference = reference.map_err(|error| unread(error.into()))?;
        let Some(reference) = reference else { return Ok(Secret::new(value)) };
        let secrets = self.secrets.ok_or_else(|| {
            let reader = self.reader.name();
            let text =
                format!("{reader} reads no references: set the variable to the value itself");
            unread(SecretError::new(text).into())
        })?;
        Ok(Secret::new(secrets.read(name, reference).await?.as_str()))
    }

    /// The result of `read` for these variables, with some values in place of their own.
    pub fn with_values<T>(
        &self,
        values: &BTreeMap<&'static str, Secret>,
        read: impl FnOnce(&Variables<'_>) -> T,
    ) -> T {
        let lookup = |name: &str| match values.get(name) {
            Some(value) => Some(value.reveal().to_owned()),
            None => (self.lookup)(name),
        };
        read(&Variables { lookup: &lookup, ..*self })
    }

    /// A secret of an agent's own that must be set: [`own_secret`](Self::own_secret), with the words
    /// that follow "it must be" in the error.
    ///
    /// # Errors
    /// When it is not set, and as [`own_secret`](Self::own_secret) has it.
    pub async fn own_secret_required(
        &self,
        name: &'static str,
        must_be: &str,
    ) -> Result<Secret, ConfigError> {
        self.own_secret(name).await?.ok_or_else(|| missing_own(name, must_be))
    }

    fn look_up(&self, about: &About) -> Option<String> {
        if !about.is_read_by(self.reader) {
            return None;
        }
        (self.lookup)(about.name).filter(|value| !value.is_empty())
    }

    /// A whole number within its bounds.
    ///
    /// # Errors
    /// When the variable is set to anything else.
    pub fn number(&self, variable: &'static Number) -> Result<u64, ConfigError> {
        let Some(text) = self.look_up(&variable.about) else { return Ok(variable.default) };
        let refused = |source| refused(Variable::Number(variable), source);
        let number = text.parse::<u64>().map_err(|error| refused(Some(error.into())))?;
        let is_within = (variable.least..=variable.most).contains(&number);
        if is_within { Ok(number) } else { Err(refused(None)) }
    }

    /// Whole numbers with commas, each within its bounds.
    ///
    /// # Errors
    /// When the variable is set to anything else.
    pub fn numbers(&self, variable: &'static Numbers) -> Result<Vec<u64>, ConfigError> {
        let Some(text) = self.look_up(&variable.about) else {
            return Ok(variable.default.to_vec());
        };
        let bounds = variable.least..=variable.most;
        let number = |text: &str| text.trim().parse().ok().filter(|it| bounds.contains(it));
        // One more than there may be tells that there are too many.
        let numbers: Option<Vec<u64>> =
            text.split(',').take(variable.at_most + 1).map(number).collect();
        numbers
            .filter(|numbers| numbers.len() <= variable.at_most)
            .ok_or_else(|| refused(Variable::Numbers(variable), None))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// When the variable is set to anything else than `true` or `false`.
    pub fn flag(&self, variable: &'static Flag) -> Result<bool, ConfigError> {
        match self.look_up(&variable.about).as_deref() {
            None => Ok(variable.default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(refused(Variable::Flag(variable), None)),
        }
    }

    /// One of the variable's words.
    ///
    /// # Errors
    /// When the variable is set to anything else.
    pub fn choice(&self, variable: &'static Choice) -> Result<&'static str, ConfigError> {
        let Some(text) = self.look_up(&variable.about) else { return Ok(variable.default) };
        let word = variable.words.iter().find(|word| **word == text);
        word.copied().ok_or_else(|| refused(Variable::Choice(variable), None))
    }

    /// A text, or its default. `None` if there is neither.
    ///
    /// # Errors
    /// When the variable is needed and not set, or set without the variable that it belongs to.
    pub fn text(&self, variable: &'static Text) -> Result<Option<String>, ConfigError> {
        let text = self.look_up(&variable.about);
        let (owner, default) = match variable.need {
            Need::Default(default) => return Ok(text.or_else(|| Some(default.to_owned()))),
            Need::Required if text.is_none() => {
                return Err(ConfigError::missing(variable));
            }
            Need::Optional | Need::Required => return Ok(text),
            Need::With(owner) => (owner, None),
            Need::OnlyWith(owner, default) => (owner, default),
        };
        let owner_is_set = self.look_up(&owner.about).is_some();
        match text {
            // Its author believes that it has an effect.
            Some(_) if !owner_is_set => {
                let what = format!("unset, or {} set: it is for that only", owner.about.name);
                let variable = variable.about.name;
                Err(ConfigError::Invalid { variable, what, source: None })
            }
            None if owner_is_set && matches!(variable.need, Need::With(_)) => {
                Err(ConfigError::missing_for(variable, owner))
            }
            None if owner_is_set => Ok(default.map(str::to_owned)),
            text => Ok(text),
        }
    }

    /// A text that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(&self, variable: &'static Text) -> Result<String, ConfigError> {
        self.text(variable)?.ok_or_else(|| ConfigError::missing(variable))
    }

    /// The URL of an endpoint, if there is one: of `http` or `https`. The error does not show it.
    ///
    /// # Errors
    /// When the variable is set to anything else.
    pub fn endpoint(&self, variable: &'static Text) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.text(variable)? else { return Ok(None) };
        let uri: Uri =
            url.parse().map_err(|error: InvalidUri| ConfigError::because(variable, error))?;
        match uri.scheme_str() {
            Some("http" | "https") => Ok(Some(url)),
            _ => Err(ConfigError::invalid(variable)),
        }
    }

    /// The result of `read` for a text, if there is one.
    ///
    /// # Errors
    /// When `read` refuses it, and as [`text`](Self::text) has it.
    pub fn read<T, E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        variable: &'static Text,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        let text = self.text(variable)?;
        let read = text.as_deref().map(read).transpose();
        read.map_err(|error| ConfigError::because(variable, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{
        LEASE_SECONDS, MAX_STREAM_SECONDS, PUSH_JWT_KEY_ID, SCHEDULE_GROUP, TABLE_NAME,
    };
    use crate::testing::lookup;

    fn with<T>(pairs: &[(&str, &str)], read: impl FnOnce(&Variables<'_>) -> T) -> T {
        read(&Variables::new(Reader::SqsExecutor, &lookup(pairs)))
    }

    #[test]
    fn a_missing_value_is_named() {
        for pairs in [&[][..], &[("TABLE_NAME", "")][..]] {
            let error = with(pairs, |v| v.required(&TABLE_NAME)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the environment variable TABLE_NAME is not set: it must be the name or the ARN of \
                 the DynamoDB table of tasks"
            );
        }
    }

    #[test]
    fn a_value_out_of_bounds_is_refused() {
        for value in ["5", "901", "-1", "ten", "1.5", " 30"] {
            let error =
                with(&[("LEASE_SECONDS", value)], |v| v.number(&LEASE_SECONDS)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the environment variable LEASE_SECONDS must be a whole number from 6 to 900",
                "{value}"
            );
        }
        for value in ["6", "900"] {
            with(&[("LEASE_SECONDS", value)], |v| v.number(&LEASE_SECONDS)).unwrap();
        }
    }

    #[test]
    fn a_variable_of_another_reader_is_not_looked_up() {
        let stream = ("MAX_STREAM_SECONDS", "nonsense");
        assert_eq!(with(&[stream], |v| v.number(&MAX_STREAM_SECONDS)).unwrap(), 900);
        let lookup = |_: &str| Some("7".to_owned());
        for reader in [Reader::Request, Reader::LocalCloud] {
            assert_eq!(Variables::new(reader, &lookup).number(&MAX_STREAM_SECONDS).unwrap(), 7);
        }
    }

    #[test]
    fn a_dependent_variable_needs_its_main_variable() {
        let (key, id) = (("PUSH_JWT_KEY", "x"), ("PUSH_JWT_KEY_ID", "k"));
        let (role, group) = (("SCHEDULER_ROLE_ARN", "x"), ("SCHEDULE_GROUP", "g"));
        for (pairs, variable, expected) in [
            (&[][..], &PUSH_JWT_KEY_ID, Ok(None)),
            (&[key, id], &PUSH_JWT_KEY_ID, Ok(Some("k"))),
            (
                &[key],
                &PUSH_JWT_KEY_ID,
                Err(
                    "PUSH_JWT_KEY_ID is not set: it must be the id of PUSH_JWT_KEY, as PUSH_JWT_KEY \
                     is set",
                ),
            ),
            (
                &[id],
                &PUSH_JWT_KEY_ID,
                Err("PUSH_JWT_KEY_ID must be unset, or PUSH_JWT_KEY set: it is for that only"),
            ),
            (&[], &SCHEDULE_GROUP, Ok(None)),
            (&[role], &SCHEDULE_GROUP, Ok(Some("default"))),
            (&[role, group], &SCHEDULE_GROUP, Ok(Some("g"))),
            (
                &[group],
                &SCHEDULE_GROUP,
                Err("SCHEDULE_GROUP must be unset, or SCHEDULER_ROLE_ARN set: it is for that only"),
            ),
        ] {
            let read = with(pairs, |v| v.text(variable)).map_err(|error| error.to_string());
            let expected = expected
                .map(|text| text.map(str::to_owned))
                .map_err(|text| format!("the environment variable {text}"));
            assert_eq!(read, expected, "{pairs:?}");
        }
    }

    #[tokio::test]
    async fn an_agent_reads_its_own_variables_and_none_of_ours() {
        let lookup = |name: &str| match name {
            "MODEL_ID" => Some("small".to_owned()),
            "MODEL_KEY" => Some("ssm:/model".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let variables = Variables::new(Reader::LocalCloud, &lookup);
        assert_eq!(variables.own("MODEL_ID").unwrap().as_deref(), Some("small"));
        assert_eq!(variables.own("EMPTY").unwrap(), None);
        let error = variables.own_required("REGION", "a region of the model").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable REGION is not set: it must be a region of the model"
        );
        let error = variables.own_secret_required("EMPTY", "the key").await.unwrap_err();
        assert!(error.to_string().contains("EMPTY is not set: it must be the key"), "{error}");
        let error = variables.own("TABLE_NAME").unwrap_err();
        assert_eq!(
            error.to_string(),
            "TABLE_NAME is a variable of a2a-lambda: an agent's own must have another name"
        );
        // Nothing that reads references is here.
        let error = variables.own_secret("MODEL_KEY").await.unwrap_err();
        let text = a2a_lambda_core::engine::chain(&error);
        assert!(text.contains("MODEL_KEY") && text.contains("the local cloud reads no"), "{text}");
    }

    #[test]
    fn one_variable_can_have_all_of_an_agents_own() {
        let own = |pairs: &[(&str, &str)], name| with(pairs, |v| v.own(name));
        let given = ("AGENT_VARIABLES", r#"{"MODEL_ID": "small", "KEY": "ssm:/key", "NONE": ""}"#);
        assert_eq!(own(&[given], "MODEL_ID").unwrap().as_deref(), Some("small"));
        assert_eq!(own(&[given], "KEY").unwrap().as_deref(), Some("ssm:/key"));
        for name in ["NONE", "OTHER"] {
            assert_eq!(own(&[given], name).unwrap(), None);
        }
        // A variable that is set by itself comes before it.
        let alone = ("MODEL_ID", "large");
        assert_eq!(own(&[given, alone], "MODEL_ID").unwrap().as_deref(), Some("large"));
        for (value, expected) in [
            (
                "[]",
                "must be a JSON object of texts, such as `{\"MODEL_ID\": \"small\"}`: it is none at column",
            ),
            (r#"{"KEY": "hidden"#, "it is none at column 15"),
            (r#"{"KEY": 71234}"#, "it is none at column"),
            (
                r#"{"LEASE_SECONDS": "hidden"}"#,
                "LEASE_SECONDS is a variable of a2a-lambda: set it by itself",
            ),
        ] {
            let error = own(&[("AGENT_VARIABLES", value)], "MODEL_ID").unwrap_err();
            let text = a2a_lambda_core::engine::chain(&error);
            assert!(text.starts_with("the environment variable AGENT_VARIABLES must be"), "{text}");
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("hidden") && !text.contains("71234"), "{text}");
        }
    }

    #[test]
    fn the_agents_constructor_s_error_is_reported() {
        let chain = a2a_lambda_core::engine::chain;
        let error = ConfigError::agents("the model has gone");
        assert_eq!(chain(&error), "the agents could not be made: the model has gone");
        // An error that already names a variable stays as it is.
        let error = ConfigError::agents(ConfigError::invalid(&TABLE_NAME));
        assert!(chain(&error).starts_with("the environment variable TABLE_NAME must be"));
    }
}
