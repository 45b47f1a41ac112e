//! What the tests of this crate and of those above it share. Functions are built without it.

use a2a_lambda_core::Sealed;
use a2a_lambda_core::push::{PushSecrets, Secret};

/// A key for [`LocalVault`](crate::vault::LocalVault): 32 zeros.
pub const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// Another: 32 bytes of ones.
pub const ONES: &str = "//////////////////////////////////////////8=";

/// Secrets of a push config.
pub fn secrets() -> PushSecrets {
    PushSecrets { token: Secret::new("hush"), credentials: Secret::new("hunter2 äöü") }
}

/// The text with each of its bits flipped, but for those flips that leave no text.
pub fn flipped(text: &str) -> impl Iterator<Item = Sealed> {
    (0..text.len() * 8).filter_map(move |bit| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok().map(Sealed::new)
    })
}
