//! Digests that are the same in every process and release: ids and names are made of them.

use sha2::{Digest, Sha256};

/// 128 bits of SHA-256 over length-prefixed fields, so that no two lists of fields run together.
pub(crate) fn digest<const N: usize>(fields: [&[u8]; N]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A hash that is spread evenly, and the same in every process and version (FNV-1a).
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
