use std::fmt;

use a2a_lambda_runtime::table;
use a2a_lambda_runtime::{ConfigError, Variables};
use aws_credential_types::Credentials;

/// AWS's settings in the environment: the endpoints and the credentials.
#[derive(Clone)]
pub struct AwsEnvironment {
    region: String,
    credentials: Credentials,
    pub(crate) endpoints: Endpoints,
}

/// The URLs of the services that are not at those of AWS.
#[derive(Clone)]
pub(crate) struct Endpoints {
    pub(crate) dynamodb: Option<String>,
    pub(crate) kms: Option<String>,
    pub(crate) sqs: Option<String>,
    pub(crate) scheduler: Option<String>,
    pub(crate) secrets_manager: Option<String>,
    pub(crate) ssm: Option<String>,
    pub(crate) s3: Option<String>,
}

impl AwsEnvironment {
    /// Reads the variables. An endpoint of one service comes before that of all. Lambda sets all but
    /// the endpoints.
    ///
    /// # Errors
    /// When a variable is missing, or an endpoint is not an absolute `http` or `https` URL. The
    /// value is not repeated: a URL may carry a password.
    pub fn from_variables(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        let credentials = Credentials::new(
            variables.required(&table::AWS_ACCESS_KEY_ID)?,
            variables.required(&table::AWS_SECRET_ACCESS_KEY)?,
            variables.text(&table::AWS_SESSION_TOKEN)?,
            // They do expire, but not before Lambda ends the process.
            None,
            "environment",
        );
        let endpoint = |variable| variables.endpoint(variable);
        let every_service = endpoint(&table::AWS_ENDPOINT_URL)?;
        let or_every = |own: Option<String>| own.or_else(|| every_service.clone());
        let endpoints = Endpoints {
            dynamodb: or_every(endpoint(&table::AWS_ENDPOINT_URL_DYNAMODB)?),
            kms: or_every(endpoint(&table::AWS_ENDPOINT_URL_KMS)?),
            sqs: or_every(endpoint(&table::AWS_ENDPOINT_URL_SQS)?),
            scheduler: or_every(endpoint(&table::AWS_ENDPOINT_URL_SCHEDULER)?),
            secrets_manager: or_every(endpoint(&table::AWS_ENDPOINT_URL_SECRETS_MANAGER)?),
            ssm: or_every(endpoint(&table::AWS_ENDPOINT_URL_SSM)?),
            s3: or_every(endpoint(&table::AWS_ENDPOINT_URL_S3)?),
        };
        Ok(Self { region: variables.required(&table::AWS_REGION)?, credentials, endpoints })
    }

    /// The region that the function runs in.
    pub fn region(&self) -> &str {
        &self.region
    }

    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }
}

/// Shows neither the credentials nor the endpoints' URLs, which may carry a password.
impl fmt::Debug for AwsEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsEnvironment").field("region", &self.region).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use a2a_lambda_runtime::Reader;
    use a2a_lambda_runtime::testing::lookup;

    use super::*;

    const LAMBDA: [(&str, &str); 4] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret"),
        ("AWS_SESSION_TOKEN", "session-secret"),
    ];

    fn parse(variables: &[(&str, &str)]) -> Result<AwsEnvironment, ConfigError> {
        AwsEnvironment::from_variables(&Variables::new(Reader::Request, &lookup(variables)))
    }

    fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [&LAMBDA, more].concat()
    }

    #[test]
    fn lambda_s_own_variables_are_enough() {
        let environment = parse(&LAMBDA).unwrap();
        assert_eq!(environment.region(), "eu-central-1");
        assert_eq!(environment.credentials().access_key_id(), "ASIAEXAMPLE");
        assert_eq!(environment.credentials().session_token(), Some("session-secret"));
    }

    #[test]
    fn a_service_s_own_endpoint_comes_before_the_common_one() {
        let (common, own) = ("http://127.0.0.1:4566", "https://own.example:8000");
        // All but one are this; that one is its own.
        let but_one = |others: Option<&'static str>, place: usize| {
            let mut expected = [others; 7];
            expected[place] = Some(own);
            expected
        };
        let but = |place| but_one(Some(common), place);
        let only = |place| but_one(None, place);
        let cases = [
            (&[][..], [None; 7]),
            (&[("AWS_ENDPOINT_URL", common)], [Some(common); 7]),
            (&[("AWS_ENDPOINT_URL", common), ("AWS_ENDPOINT_URL_DYNAMODB", own)], but(0)),
            (&[("AWS_ENDPOINT_URL", common), ("AWS_ENDPOINT_URL_KMS", own)], but(1)),
            (&[("AWS_ENDPOINT_URL", common), ("AWS_ENDPOINT_URL_SCHEDULER", own)], but(3)),
            (&[("AWS_ENDPOINT_URL", common), ("AWS_ENDPOINT_URL_S3", own)], but(6)),
            (&[("AWS_ENDPOINT_URL_KMS", own)], only(1)),
            (&[("AWS_ENDPOINT_URL_SQS", own)], only(2)),
            (&[("AWS_ENDPOINT_URL_SCHEDULER", own)], only(3)),
            (&[("AWS_ENDPOINT_URL_SECRETS_MANAGER", own)], only(4)),
            (&[("AWS_ENDPOINT_URL_SSM", own)], only(5)),
            (&[("AWS_ENDPOINT_URL_S3", own)], only(6)),
            (
                &[
                    ("AWS_ENDPOINT_URL", ""),
                    ("AWS_ENDPOINT_URL_KMS", ""),
                    ("AWS_ENDPOINT_URL_SQS", ""),
                ],
                [None; 7],
            ),
        ];
        for (variables, expected) in cases {
            let Endpoints { dynamodb, kms, sqs, scheduler, secrets_manager, ssm, s3 } =
                parse(&with(variables)).unwrap().endpoints;
            let endpoints = [dynamodb, kms, sqs, scheduler, secrets_manager, ssm, s3];
            let endpoints = endpoints.each_ref().map(Option::as_deref);
            assert_eq!(endpoints, expected, "{variables:?}");
        }
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_named_and_not_repeated() {
        for variable in [
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_DYNAMODB",
            "AWS_ENDPOINT_URL_KMS",
            "AWS_ENDPOINT_URL_SQS",
            "AWS_ENDPOINT_URL_SCHEDULER",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            "AWS_ENDPOINT_URL_SSM",
            "AWS_ENDPOINT_URL_S3",
        ] {
            for wrong in ["hunter2.example", "ftp://hunter2", "/hunter2", "http://hunter2:x:y z"] {
                let error = parse(&with(&[(variable, wrong)])).expect_err(wrong);
                let shown = format!("{error} {error:?}");
                assert!(shown.contains(variable), "{shown}");
                assert!(!shown.contains("hunter2"), "{shown}");
            }
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let endpoint = [("AWS_ENDPOINT_URL", "http://user:hunter2@localhost")];
        let shown = format!("{:?}", parse(&with(&endpoint)).unwrap());
        assert_eq!(shown, r#"AwsEnvironment { region: "eu-central-1", .. }"#);
    }
}
