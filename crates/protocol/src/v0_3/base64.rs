//! Bytes of files in 0.3's HTTP+JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The text of the text of these bytes: see [`unwrapped`].
pub(super) fn twice(bytes: &[u8]) -> String {
    STANDARD.encode(STANDARD.encode(bytes))
}

/// The meaning of these bytes in 0.3's HTTP+JSON.
///
/// Its proto has a field of bytes, which `ProtoJSON` writes in base64. The official SDKs, Python's
/// first, put base64 text into it. The wire then has the file encoded twice. They refuse a file
/// that is not encoded so. Others do as the proto says. So it is written twice, and read either
/// way: bytes that are base64 themselves are decoded again. That is wrong for a file that was
/// encoded once and happens to consist of such text.
pub(super) fn unwrapped(bytes: Vec<u8>) -> Vec<u8> {
    STANDARD.decode(&bytes).unwrap_or(bytes)
}
