//! Systems Manager and Secrets Manager, from which secrets by reference are read: two requests, signed
//! and sent by hand. An SDK crate for each would be larger than this.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::Clock;
use a2a_lambda_https::{Client, Limits, Open, Request, Signer};
use a2a_lambda_runtime::secrets::{Reference, SecretError, SecretStore};
use a2a_lambda_runtime::{ConfigError, SystemClock, Variables};
use async_trait::async_trait;
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::clients::aws_client;
use crate::environment::AwsEnvironment;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often a request is made that the service may answer another time.
const ATTEMPTS: u32 = 3;

/// The wait before the second attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The largest answer: a secret has 64 KB, and escapes double that.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The services.
struct Service {
    /// Its name in signatures and in the names of hosts.
    name: &'static str,
    /// The operation, as the header has it.
    target: &'static str,
    /// The right that it takes.
    right: &'static str,
}

static PARAMETERS: Service =
    Service { name: "ssm", target: "AmazonSSM.GetParameter", right: "ssm:GetParameter" };

static SECRETS: Service = Service {
    name: "secretsmanager",
    target: "secretsmanager.GetSecretValue",
    right: "secretsmanager:GetSecretValue",
};

/// Where secrets are kept in AWS.
struct AwsSecrets {
    /// Or the reason why there is no client.
    client: Result<Client, String>,
    region: String,
    credentials: Credentials,
    parameters: String,
    secrets: String,
    clock: Arc<dyn Clock>,
}

/// The store of secrets by reference in the account of a function.
///
/// # Errors
/// When a variable of AWS's is missing or cannot be used.
pub fn secret_store(variables: &Variables<'_>) -> Result<Arc<dyn SecretStore>, ConfigError> {
    let aws = AwsEnvironment::from_variables(variables)?;
    Ok(Arc::new(AwsSecrets::new(&aws, Arc::new(SystemClock))))
}

/// The body of a service's refusal.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterAnswer {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretAnswer {
    secret_string: Option<String>,
}

/// Why there was no answer with a secret.
enum Failed {
    /// Another attempt may succeed.
    Once(SecretError),
    Finally(SecretError),
}

impl AwsSecrets {
    fn new(aws: &AwsEnvironment, clock: Arc<dyn Clock>) -> Self {
        let region = aws.region().to_owned();
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let at = |own: Option<&str>, service: &Service| {
            let of_aws = || format!("https://{}.{region}.amazonaws.com{suffix}/", service.name);
            own.map_or_else(of_aws, str::to_owned)
        };
        Self {
            client: aws_client(clock.clone()),
            parameters: at(aws.ssm_endpoint(), &PARAMETERS),
            secrets: at(aws.secrets_manager_endpoint(), &SECRETS),
            region,
            credentials: aws.credentials(),
            clock,
        }
    }

    async fn ask(&self, service: &Service, url: &str, body: &Bytes) -> Result<Bytes, SecretError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match self.ask_once(service, url, body).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Once(_)) => self.clock.sleep(wait).await,
            }
            wait *= 2;
        }
        self.ask_once(service, url, body).await.map_err(|failed| match failed {
            Failed::Once(error) | Failed::Finally(error) => error,
        })
    }

    async fn ask_once(&self, service: &Service, url: &str, body: &Bytes) -> Result<Bytes, Failed> {
        let request = self.signed(service, url, body).map_err(Failed::Finally)?;
        let client = self.client.as_ref();
        let client = client.map_err(|error| Failed::Finally(SecretError::new(error)))?;
        let response = client.send(&request, &Open).await.map_err(|error| {
            Failed::Once(SecretError::because("the service did not answer", error))
        })?;
        let status = response.status;
        let answer = response.body.all(MAX_ANSWER_BYTES).await.map_err(|error| {
            Failed::Once(SecretError::because("the service's answer did not come whole", error))
        })?;
        if status == StatusCode::OK {
            return Ok(answer);
        }
        // Only the error's name is shown: the rest of the answer may hold anything.
        let refusal = serde_json::from_slice(&answer);
        let Refusal { kind } = refusal.unwrap_or(Refusal { kind: String::new() });
        let is_name = |c: char| c.is_ascii_alphanumeric();
        let kind = kind.rsplit('#').next().filter(|kind| kind.chars().all(is_name));
        let kind = kind.filter(|kind| (1..=64).contains(&kind.len())).unwrap_or("no reason");
        let mut text = format!("the service answered {} and {kind}", status.as_u16());
        if kind.contains("AccessDenied") {
            text = format!("{text}: the function's role must allow {}", service.right);
        }
        let error = SecretError::new(text);
        let may_pass = status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || kind.contains("Throttling");
        Err(if may_pass { Failed::Once(error) } else { Failed::Finally(error) })
    }

    /// The request with its signature.
    fn signed(&self, service: &Service, url: &str, body: &Bytes) -> Result<Request, SecretError> {
        let ours = |error: Box<dyn std::error::Error + Send + Sync>| {
            SecretError::because("the request could not be signed", error)
        };
        let uri = url.parse().map_err(|error: http::uri::InvalidUri| ours(error.into()))?;
        let json = HeaderValue::from_static("application/x-amz-json-1.1");
        let request = Request::new(Method::POST, uri, Limits::within(TIMEOUT)).repeatable();
        let mut request = request.with_body(json, body.clone());
        request.headers.insert(TARGET, HeaderValue::from_static(service.target));
        let signer = Signer::new(self.credentials.clone(), &*self.region, service.name);
        let now_ms = self.clock.now().as_millis();
        signer.sign(&mut request, now_ms).map_err(|error| ours(error.into()))?;
        Ok(request)
    }
}

#[async_trait]
impl SecretStore for AwsSecrets {
    async fn read(&self, reference: &Reference) -> Result<Zeroizing<String>, SecretError> {
        // A parser's error would quote the answer.
        let malformed = || SecretError::new("the service's answer has no text");
        match reference {
            Reference::Parameter { name } => {
                let body = json!({ "Name": name, "WithDecryption": true }).to_string();
                let answer = self.ask(&PARAMETERS, &self.parameters, &body.into()).await?;
                let answer: ParameterAnswer =
                    serde_json::from_slice(&answer).map_err(|_| malformed())?;
                Ok(Zeroizing::new(answer.parameter.value))
            }
            Reference::Secret { name, .. } => {
                let body = json!({ "SecretId": name }).to_string();
                let answer = self.ask(&SECRETS, &self.secrets, &body.into()).await?;
                let answer: SecretAnswer =
                    serde_json::from_slice(&answer).map_err(|_| malformed())?;
                answer.secret_string.map(Zeroizing::new).ok_or_else(malformed)
            }
        }
    }
}

#[cfg(test)]
mod tests;
