//! The forms of sealed texts: the name of the form, and parts in base64url without padding, all
//! separated by dots.

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Sealed, VaultError};

/// Sealed by a key of the configuration.
pub const LOCAL_FORM: &str = "l1";
/// Sealed by a data key of KMS.
pub const KMS_FORM: &str = "k1";

/// Whether there is nothing to keep secret.
pub fn is_empty(secrets: &PushSecrets) -> bool {
    secrets.token.is_empty() && secrets.credentials.is_empty()
}

/// What follows the name of the form, if the text is of that form.
pub fn parts_of<'a>(form: &str, sealed: &'a Sealed) -> Option<&'a str> {
    sealed.as_str().strip_prefix(form)?.strip_prefix('.')
}

/// Why a text is not opened that is not of this vault's form. If it is of `other` the key is only
/// missing here: that is another task for an operator than damage is.
pub fn not_of_this_form(other: &str, sealed: &Sealed) -> VaultError {
    if parts_of(other, sealed).is_some() { VaultError::NoKey } else { VaultError::Damaged }
}
