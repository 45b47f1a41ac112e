//! Requests to AWS, signed by Signature Version 4.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::{HeaderName, HeaderValue};

use crate::client::Request;

/// A header that gateways on the way may change. It is not signed.
const UNSIGNED: &str = "traceparent";

/// A request that could not be signed. Its source shows no credentials.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed")]
pub struct SignError(#[source] Box<dyn StdError + Send + Sync>);

/// Signs requests to one service of AWS.
#[derive(Clone)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    service: String,
}

impl Signer {
    /// Signs for a service in a region, by its name in signatures, such as `lambda`.
    pub fn new(
        credentials: Credentials,
        region: impl Into<String>,
        service: impl Into<String>,
    ) -> Self {
        Self { credentials, region: region.into(), service: service.into() }
    }

    /// Signs with these keys, which never expire: a function's are valid for the life of its process.
    pub fn with_keys(
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
        region: impl Into<String>,
        service: impl Into<String>,
    ) -> Self {
        let credentials =
            Credentials::new(access_key_id, secret_access_key, session_token, None, "environment");
        Self::new(credentials, region, service)
    }

    /// Adds the signature, which is valid for some minutes from `now_ms` on, in milliseconds since
    /// 1970. Nothing of the request may be changed afterwards. A signature that the request has is
    /// replaced.
    ///
    /// # Errors
    /// When the URL or a header cannot be signed.
    pub fn sign(&self, request: &mut Request, now_ms: i64) -> Result<(), SignError> {
        let wrong = |error: Box<dyn StdError + Send + Sync>| SignError(error);
        let identity = self.credentials.clone().into();
        let since = Duration::from_millis(u64::try_from(now_ms).unwrap_or_default());
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(UNIX_EPOCH + since)
            .settings(self.settings())
            .build()
            .map_err(|error| wrong(error.into()))?
            .into();
        request.headers.remove(http::header::AUTHORIZATION);
        let signed = request.headers.iter().filter(|(name, _)| *name != UNSIGNED);
        let texts = signed.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let url = request.uri.to_string();
        let body = SignableBody::Bytes(&request.body);
        let signable = SignableRequest::new(request.method.as_str(), url, texts, body)
            .map_err(|error| wrong(error.into()))?;
        let (instructions, _) =
            sign(signable, &parameters).map_err(|error| wrong(error.into()))?.into_parts();
        for (name, value) in instructions.headers() {
            let mut value = HeaderValue::from_str(value).map_err(|error| wrong(error.into()))?;
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_bytes());
            request.headers.insert(name.map_err(|error| wrong(error.into()))?, value);
        }
        Ok(())
    }
}

impl Signer {
    /// S3 has rules of its own: the path is signed as it is sent, since two dots and two slashes are
    /// part of a key, and a header has the digest of the body.
    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::client::Limits;

    fn signer(token: Option<&str>) -> Signer {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned();
        let token = token.map(str::to_owned);
        Signer::with_keys("AKIDEXAMPLE".to_owned(), secret, token, "us-east-1", "service")
    }

    fn request(method: Method, url: &str) -> Request {
        Request::new(method, url.parse().unwrap(), Limits::within(Duration::from_secs(1)))
    }

    /// 2015-08-30T12:36:00Z, the time of AWS's test suite.
    const AT: i64 = 1_440_938_160_000;

    #[test]
    fn signatures_are_those_of_aws_s_test_suite() {
        for (name, method, url, expected) in [
            (
                "get-vanilla",
                Method::GET,
                "https://example.amazonaws.com/",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                Method::POST,
                "https://example.amazonaws.com/",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "get-vanilla-query-order-key-case",
                Method::GET,
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ] {
            let mut request = request(method, url);
            signer(None).sign(&mut request, AT).unwrap();
            let header = request.headers["authorization"].to_str().unwrap();
            let signature = header.rsplit_once("Signature=").unwrap().1;
            assert_eq!(signature, expected, "{name}: {header}");
        }
    }

    /// The example of a GET in S3's documentation of signatures.
    #[test]
    fn a_request_to_s3_is_signed_by_its_own_rules() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
        let (id, region) = ("AKIAIOSFODNN7EXAMPLE".to_owned(), "us-east-1");
        let signer = Signer::with_keys(id, secret, None, region, "s3");
        // 2013-05-24T00:00:00Z
        let at = 1_369_353_600_000;
        let mut request = request(Method::GET, "https://examplebucket.s3.amazonaws.com/test.txt");
        request.headers.insert("range", HeaderValue::from_static("bytes=0-9"));
        signer.sign(&mut request, at).unwrap();
        let header = request.headers["authorization"].to_str().unwrap();
        let names = "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ";
        assert!(header.contains(names), "{header}");
        let signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert!(header.ends_with(signature), "{header}");
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(request.headers["x-amz-content-sha256"], of_nothing);
    }

    #[test]
    fn a_signature_covers_what_stays_and_shows_no_secret() {
        let url = "https://example.amazonaws.com/runtimes/arn%3Aaws%3Ax/invocations?qualifier=P";
        let mut request = request(Method::POST, url);
        for (name, value) in
            [("authorization", "Bearer hush"), ("traceparent", "00-1"), ("x-amzn-session", "s")]
        {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        let signer = signer(Some("hush-token"));
        signer.sign(&mut request, AT).unwrap();
        let once = request.headers["authorization"].clone();
        let header = once.to_str().unwrap();
        let names = "SignedHeaders=host;x-amz-date;x-amz-security-token;x-amzn-session,";
        assert!(header.contains(names), "{header}");
        assert_eq!(request.headers["x-amz-security-token"], "hush-token");
        signer.sign(&mut request, AT).unwrap();
        assert_eq!(request.headers.get_all("authorization").iter().collect::<Vec<_>>(), [&once]);
        let shown = format!("{request:?} {signer:?}");
        assert!(!shown.contains("hush") && !shown.contains("Signature="), "{shown}");
        assert!(!shown.contains("AKID"), "{shown}");
    }
}
