//! Names that tell nobody what they are made of.

use std::fmt::Write as _;

use a2a_lambda_core::Turn;
use sha2::{Digest as _, Sha256};

/// A digest of these fields: 64 hexadecimal digits.
pub(crate) fn digits<const N: usize>(of: [&str; N]) -> String {
    let mut hash = Sha256::new();
    for field in of {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A digest of the conversation of a turn: the same for each of its owner's tasks.
pub(crate) fn conversation(turn: &Turn) -> String {
    digits([turn.tenant().as_str(), turn.owner().as_str(), &turn.task().context_id])
}
