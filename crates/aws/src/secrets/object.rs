//! Objects of S3: where they are, and what its refusals mean.

use std::fmt::Write;

use a2a_lambda_runtime::secrets::SecretError;
use http::{HeaderMap, HeaderName, StatusCode};
use zeroize::Zeroizing;

/// Its name in signatures and in the names of hosts.
pub(super) const SERVICE: &str = "s3";

/// The region that a bucket is in, in an answer from another one.
const REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// An object.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
}

impl Object<'_> {
    /// The error with the object's name. Neither part of the name is secret.
    pub(super) fn unread(self, error: SecretError) -> SecretError {
        let Self { bucket, key } = self;
        let text = format!("the object {key:?} of the bucket {bucket:?} cannot be read");
        SecretError::because(text, error)
    }
}

/// The address of S3.
pub(super) enum Objects {
    /// In this domain of AWS, such as `s3.eu-central-1.amazonaws.com`.
    Aws(String),
    /// At this URL, without a slash at its end.
    Elsewhere(String),
}

impl Objects {
    /// In this region, whose hosts have this behind `amazonaws.com`, or at an endpoint of one's own.
    pub(super) fn new(region: &str, suffix: &str, own: Option<&str>) -> Self {
        match own {
            Some(url) => Self::Elsewhere(url.trim_end_matches('/').to_owned()),
            None => Self::Aws(format!("{SERVICE}.{region}.amazonaws.com{suffix}")),
        }
    }

    /// The URL of an object. A bucket is part of the host's name, as AWS recommends. A certificate of
    /// AWS's covers one label there, so that a bucket with a dot is part of the path. So is each bucket
    /// at another endpoint, whose host has one name.
    pub(super) fn url(&self, object: &Object<'_>) -> String {
        let Object { bucket, key } = object;
        let mut url = match self {
            Self::Aws(domain) if bucket.contains('.') => format!("https://{domain}/{bucket}/"),
            Self::Aws(domain) => format!("https://{bucket}.{domain}/"),
            Self::Elsewhere(endpoint) => format!("{endpoint}/{bucket}/"),
        };
        for byte in key.bytes() {
            match byte {
                b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    url.push(char::from(byte));
                }
                // Writing to a text cannot fail.
                _ => drop(write!(url, "%{byte:02X}")),
            }
        }
        url
    }
}

/// The name of S3's error: the text of the element `Code`. Empty if there is none.
pub(super) fn kind(answer: &[u8]) -> &str {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let behind = text.split_once("<Code>").map(|(_, behind)| behind);
    behind.and_then(|behind| behind.split_once("</Code>")).map_or("", |(kind, _)| kind)
}

/// The advice to an operator about a refusal, if there is any.
pub(super) fn what_to_do(
    status: StatusCode,
    kind: &str,
    headers: &HeaderMap,
    ours: &str,
) -> Option<String> {
    let is_region = |region: &&str| {
        (1..=32).contains(&region.len())
            && region.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    let region = headers.get(REGION).and_then(|region| region.to_str().ok()).filter(is_region);
    let is_elsewhere = status.is_redirection() || kind == "AuthorizationHeaderMalformed";
    match region {
        Some(region) if region != ours => Some(format!(
            "the bucket is in {region} and the function in {ours}: use a bucket in the function's region"
        )),
        _ if is_elsewhere => {
            Some(format!("the bucket is in another region: use one in {ours}, as the function is"))
        }
        _ => match kind {
            "NoSuchKey" => Some("upload the object, or correct its key".to_owned()),
            "NoSuchBucket" => Some("create the bucket, or correct its name".to_owned()),
            // Without the right to list the bucket, S3 does not tell whether the object is there.
            "AccessDenied" => Some(
                "the function's role must allow s3:GetObject on it (the stack's parameter AgentListArn) \
                 and kms:Decrypt if a key of your own encrypts it, and the object must be there"
                    .to_owned(),
            ),
            _ => None,
        },
    }
}

/// An object has more than these bytes.
pub(super) fn too_large(most: usize) -> SecretError {
    SecretError::new(format!("it has more than {most} bytes: shorten it"))
}

/// The text of an object.
pub(super) fn text(answer: &[u8]) -> Result<Zeroizing<String>, SecretError> {
    match std::str::from_utf8(answer) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(SecretError::new(format!(
            "it is no text in UTF-8 at byte {}: store it as UTF-8, uncompressed",
            error.valid_up_to() + 1
        ))),
    }
}

#[cfg(test)]
mod tests;
