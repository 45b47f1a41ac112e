//! Bytes in JSON: `bytes` in the proto.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire;

/// Bytes, read from either alphabet, padded or not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

plain_value!(Base64);

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const LENIENT_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const LENIENT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The text of these bytes.
pub(crate) fn text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::read_text(
            deserializer,
            || "a base64 string".to_owned(),
            |text| {
                let engine =
                    if text.contains(['-', '_']) { LENIENT_URL_SAFE } else { LENIENT_STANDARD };
                engine.decode(text).map(Base64).map_err(|_| "must be valid base64")
            },
        )
    }
}
