//! The names of fields in errors.

use crate::error::{A2aError, ErrorKind};

/// The 0.3 names of request fields that have another name in 1.0.
///
/// A request is checked as one of 1.0, so that the rules are in one place; an error is for someone
/// who wrote 0.3.
#[derive(Debug, Clone, Copy)]
pub struct FieldNames(pub(super) &'static [(&'static str, &'static str)]);

impl FieldNames {
    /// The same error with the fields under their names in 0.3.
    pub fn rename(&self, error: A2aError) -> A2aError {
        if error.kind != ErrorKind::InvalidParams || error.violations.is_empty() {
            return error;
        }
        let mut error = error;
        for violation in &mut error.violations {
            if let Some(field) = self.old(&violation.field) {
                violation.field = field;
            }
        }
        error.message = A2aError::invalid_fields(error.violations.clone()).message;
        error
    }

    fn old(&self, field: &str) -> Option<String> {
        self.0.iter().find_map(|(current, old)| {
            let rest = field.strip_prefix(current)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| format!("{old}{rest}"))
        })
    }
}
