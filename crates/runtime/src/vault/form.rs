//! The forms of sealed texts: the name of the form, and parts in base64url without padding, all
//! separated by dots.

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Sealed, UnknownFormat, VaultError};

/// Sealed by a key of the configuration.
pub const LOCAL_FORM: &str = "l1";
/// Sealed by a data key of KMS.
pub const KMS_FORM: &str = "k1";

/// Whether there is nothing to keep secret.
pub fn is_empty(secrets: &PushSecrets) -> bool {
    secrets.token.is_empty() && secrets.credentials.is_empty()
}

/// The text after the name of the form, if the text has that form.
pub fn parts_of<'a>(form: &str, sealed: &'a Sealed) -> Option<&'a str> {
    sealed.as_str().strip_prefix(form)?.strip_prefix('.')
}

/// Why a text is not opened that is not of this vault's form. If it is of `other` the key is only
/// missing here. If it is of a form that this release does not know, a later one has sealed it. Both
/// are other tasks for an operator than damage is.
pub fn not_of_this_form(other: &str, sealed: &Sealed) -> VaultError {
    if parts_of(other, sealed).is_some() {
        return VaultError::NoKey;
    }
    match sealed.as_str().split_once('.') {
        Some((form, _)) if names_a_form(form) => UnknownFormat {
            kind: "envelope of the secrets",
            found: format!("form {form}"),
            reads: format!("forms {LOCAL_FORM} and {KMS_FORM}"),
        }
        .into(),
        _ => VaultError::Damaged,
    }
}

/// Whether a text could be the name of a form that this release does not know: a letter and a number.
fn names_a_form(text: &str) -> bool {
    let is_known = [LOCAL_FORM, KMS_FORM].contains(&text);
    let (letter, number) = text.split_at(text.floor_char_boundary(1));
    !is_known
        && letter.bytes().all(|byte| byte.is_ascii_lowercase())
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
