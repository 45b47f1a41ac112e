//! Systems Manager and Secrets Manager, from which secrets by reference are read, and S3, which can have
//! the list of agents: three requests, signed and sent by hand. An SDK crate for each would be larger
//! than this.

mod object;

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::Clock;
use a2a_lambda_https::{Client, Error, Limits, Open, Request, Signer};
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
use crate::environment::{AwsEnvironment, Endpoints};

use self::object::{Object, Objects};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often a request is made that the service may answer another time.
const ATTEMPTS: u32 = 3;

/// The wait before the second attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The largest answer: a secret has 64 KB, and escapes double that. A list of agents has as much.
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

/// The stores of secrets in AWS.
struct AwsSecrets {
    /// Or the reason why there is no client.
    client: Result<Client, String>,
    region: String,
    credentials: Credentials,
    parameters: String,
    secrets: String,
    objects: Objects,
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

/// A request to a service.
enum Question<'a> {
    /// For a secret or a parameter.
    Value { service: &'static Service, url: &'a str, body: Bytes },
    /// For an object of S3.
    Object(Object<'a>),
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
        let Endpoints { ssm, secrets_manager, s3, .. } = aws.endpoints.clone();
        let at = |own: Option<String>, service: &Service| {
            let of_aws = || format!("https://{}.{region}.amazonaws.com{suffix}/", service.name);
            own.unwrap_or_else(of_aws)
        };
        Self {
            client: aws_client(clock.clone()),
            parameters: at(ssm, &PARAMETERS),
            secrets: at(secrets_manager, &SECRETS),
            objects: Objects::new(&region, suffix, s3.as_deref()),
            region,
            credentials: aws.credentials(),
            clock,
        }
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Bytes, SecretError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match self.ask_once(question).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Once(_)) => self.clock.sleep(wait).await,
            }
            wait *= 2;
        }
        self.ask_once(question).await.map_err(|failed| match failed {
            Failed::Once(error) | Failed::Finally(error) => error,
        })
    }

    async fn ask_once(&self, question: &Question<'_>) -> Result<Bytes, Failed> {
        let request = self.signed(question).map_err(Failed::Finally)?;
        let client = self.client.as_ref();
        let client = client.map_err(|error| Failed::Finally(SecretError::new(error)))?;
        let response = client.send(&request, &Open).await.map_err(|error| {
            Failed::Once(SecretError::because("the service did not answer", error))
        })?;
        let (status, headers) = (response.status, response.headers);
        let answer = response.body.all(MAX_ANSWER_BYTES).await.map_err(|error| {
            if matches!((question, &error), (Question::Object(_), Error::TooLarge(_))) {
                return Failed::Finally(object::too_large(MAX_ANSWER_BYTES));
            }
            Failed::Once(SecretError::because("the service's answer did not come whole", error))
        })?;
        if status == StatusCode::OK {
            return Ok(answer);
        }
        // Only the error's name is shown: the rest of the answer may hold anything.
        let (kind, what_to_do) = match question {
            Question::Value { service, .. } => {
                let refusal = serde_json::from_slice(&answer);
                let Refusal { kind } = refusal.unwrap_or(Refusal { kind: String::new() });
                let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
                let is_denied = kind.contains("AccessDenied");
                let to_do = format!("the function's role must allow {}", service.right);
                (kind, is_denied.then_some(to_do))
            }
            Question::Object(_) => {
                let kind = object::kind(&answer);
                let to_do = object::what_to_do(status, kind, &headers, &self.region);
                (kind.to_owned(), to_do)
            }
        };
        let is_name =
            (1..=64).contains(&kind.len()) && kind.chars().all(|c: char| c.is_ascii_alphanumeric());
        let kind = if is_name { &*kind } else { "no reason" };
        let mut text = format!("the service answered {} and {kind}", status.as_u16());
        if let Some(what_to_do) = what_to_do {
            text = format!("{text}: {what_to_do}");
        }
        let error = SecretError::new(text);
        let may_pass = status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || kind.contains("Throttling");
        Err(if may_pass { Failed::Once(error) } else { Failed::Finally(error) })
    }

    /// The request with its signature.
    fn signed(&self, question: &Question<'_>) -> Result<Request, SecretError> {
        let ours = |error: Box<dyn std::error::Error + Send + Sync>| {
            SecretError::because("the request could not be signed", error)
        };
        let (url, name) = match question {
            Question::Value { service, url, .. } => ((*url).to_owned(), service.name),
            Question::Object(object) => (self.objects.url(object), object::SERVICE),
        };
        let uri = url.parse().map_err(|error: http::uri::InvalidUri| ours(error.into()))?;
        let request = |method| Request::new(method, uri, Limits::within(TIMEOUT)).repeatable();
        let mut request = match question {
            Question::Value { service, body, .. } => {
                let json = HeaderValue::from_static("application/x-amz-json-1.1");
                let mut request = request(Method::POST).with_body(json, body.clone());
                request.headers.insert(TARGET, HeaderValue::from_static(service.target));
                request
            }
            Question::Object(_) => request(Method::GET),
        };
        let signer = Signer::new(self.credentials.clone(), &*self.region, name);
        let now_ms = self.clock.now().as_millis();
        signer.sign(&mut request, now_ms).map_err(|error| ours(error.into()))?;
        Ok(request)
    }

    async fn value(
        &self,
        service: &'static Service,
        url: &str,
        body: serde_json::Value,
    ) -> Result<Bytes, SecretError> {
        let body = body.to_string().into();
        self.ask(&Question::Value { service, url, body }).await
    }
}

#[async_trait]
impl SecretStore for AwsSecrets {
    async fn read(&self, reference: &Reference) -> Result<Zeroizing<String>, SecretError> {
        // A parser's error would quote the answer.
        let malformed = || SecretError::new("the service's answer has no text");
        match reference {
            Reference::Parameter { name } => {
                let body = json!({ "Name": name, "WithDecryption": true });
                let answer = self.value(&PARAMETERS, &self.parameters, body).await?;
                let answer: ParameterAnswer =
                    serde_json::from_slice(&answer).map_err(|_| malformed())?;
                Ok(Zeroizing::new(answer.parameter.value))
            }
            Reference::Secret { name, .. } => {
                let body = json!({ "SecretId": name });
                let answer = self.value(&SECRETS, &self.secrets, body).await?;
                let answer: SecretAnswer =
                    serde_json::from_slice(&answer).map_err(|_| malformed())?;
                answer.secret_string.map(Zeroizing::new).ok_or_else(malformed)
            }
            Reference::Object { bucket, key } => {
                let object = Object { bucket, key };
                let text = match self.ask(&Question::Object(object)).await {
                    Ok(answer) => object::text(&answer),
                    Err(error) => Err(error),
                };
                text.map_err(|error| object.unread(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
