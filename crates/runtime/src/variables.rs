//! Variables: the configuration of a process, read once at its start.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;

/// The configuration cannot be used. The text names the variable and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("the environment variable {variable} is not set: it must be {what}")]
    Missing {
        /// The variable's name.
        variable: &'static str,
        /// What it must be.
        what: &'static str,
    },
    /// A variable has a value that it cannot have.
    #[error("the environment variable {variable} must be {what}")]
    Invalid {
        /// The variable's name.
        variable: &'static str,
        /// What it must be.
        what: String,
        /// Why this value is not.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

/// The variables of a process, looked up by name. An empty variable counts as not set.
pub struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

impl<'a> Variables<'a> {
    /// Variables by this lookup; in a function, of [the process](crate::process_environment).
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// The value of a variable, if it is set.
    pub fn optional(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(
        &self,
        variable: &'static str,
        what: &'static str,
    ) -> Result<String, ConfigError> {
        self.optional(variable).ok_or(ConfigError::Missing { variable, what })
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// When the variable is set to anything else.
    pub fn number(
        &self,
        variable: &'static str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ConfigError> {
        let Some(text) = self.optional(variable) else {
            return Ok(None);
        };
        let what = || format!("a whole number from {} to {}", bounds.start(), bounds.end());
        match text.parse::<u64>() {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            Ok(_) => Err(ConfigError::Invalid { variable, what: what(), source: None }),
            Err(error) => {
                Err(ConfigError::Invalid { variable, what: what(), source: Some(error.into()) })
            }
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// When the variable is set to anything else than `true` or `false`.
    pub fn flag(&self, variable: &'static str) -> Result<Option<bool>, ConfigError> {
        match self.optional(variable).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => {
                let what = "true or false".to_owned();
                Err(ConfigError::Invalid { variable, what, source: None })
            }
        }
    }

    /// What `read` makes of a variable that must be set.
    ///
    /// # Errors
    /// When it is not set, or when `read` refuses it.
    pub fn required_as<T, E: Error + Send + Sync + 'static>(
        &self,
        variable: &'static str,
        what: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let text = self.required(variable, what)?;
        self.read(variable, what, |_| read(&text))
    }

    /// What `read` makes of a variable, set or not.
    ///
    /// # Errors
    /// When `read` refuses it.
    pub fn read<T, E: Error + Send + Sync + 'static>(
        &self,
        variable: &'static str,
        what: &str,
        read: impl FnOnce(Option<&str>) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        read(self.optional(variable).as_deref()).map_err(|error| ConfigError::Invalid {
            variable,
            what: what.to_owned(),
            source: Some(error.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(pairs: &[(&str, &str)], read: impl FnOnce(&Variables<'_>) -> T) -> T {
        let lookup = |name: &str| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        read(&Variables::new(&lookup))
    }

    #[test]
    fn what_is_missing_is_named() {
        for pairs in [&[][..], &[("TABLE_NAME", "")][..]] {
            let error =
                with(pairs, |v| v.required("TABLE_NAME", "the name of a table")).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the environment variable TABLE_NAME is not set: it must be the name of a table"
            );
        }
    }
}
