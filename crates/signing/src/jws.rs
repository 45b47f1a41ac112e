//! Signed tokens in their compact form (RFC 7515 section 7.1).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::DeserializeOwned;

use crate::verify::{Algorithm, PublicKey};

/// For senders that pad.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The padding of a token's base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Not at all, as RFC 7515 has it.
    None,
    /// As its sender likes: Application Load Balancers pad.
    Any,
}

/// A token, taken apart. Nothing in it can be believed until a key [verifies](Self::is_signed_by)
/// it.
#[derive(Debug)]
pub struct Jws<'a> {
    signed: &'a str,
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A text that is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a JWT")]
pub struct NotAJws;

impl<'a> Jws<'a> {
    /// Takes a token apart: three parts of base64.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(token: &'a str, padding: Padding) -> Result<Self, NotAJws> {
        let base64 = match padding {
            Padding::None => &URL_SAFE_NO_PAD,
            Padding::Any => &LENIENT,
        };
        let decode = |part: &str| base64.decode(part).map_err(|_| NotAJws);
        let (signed, signature) = token.rsplit_once('.').ok_or(NotAJws)?;
        let (header, payload) = signed.split_once('.').ok_or(NotAJws)?;
        Ok(Self {
            signed,
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The header. A member that `T` knows must not be there twice.
    ///
    /// # Errors
    /// When it is not a JSON object of this form.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        object(&self.header)
    }

    /// The payload.
    ///
    /// # Errors
    /// When it is not a JSON object of this form.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        object(&self.payload)
    }

    /// Whether this key has signed the token.
    pub fn is_signed_by(&self, key: &PublicKey, algorithm: Algorithm) -> bool {
        key.verifies(algorithm, self.signed.as_bytes(), &self.signature)
    }
}

fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    // `serde` takes an array's items for the members of a struct.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(serde::de::Error::custom("it is no object"));
    }
    serde_json::from_slice(json)
}
