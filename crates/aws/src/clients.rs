mod throttles;
mod transport;

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use a2a_lambda_core::Clock;
use a2a_lambda_https::Client;
use a2a_lambda_runtime::SystemClock;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;

use self::throttles::Throttles;
use crate::environment::AwsEnvironment;

/// TCP and TLS. They take 5 to 20 ms within a region; at the smallest memory size the handshake's
/// arithmetic alone can take some hundred.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// One attempt, connecting included. These services answer within milliseconds or tenths of a
/// second. An answer that takes seconds does not come at all.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// A whole call with its retries: below API Gateway's 30 s, so that a caller hears the reason.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
const MAX_ATTEMPTS: u32 = 4;
/// The first retry comes within this, each later one within twice the time of the one before.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// The HTTP client that all of a process's AWS clients share: one connection pool and one TLS set-up.
///
/// It trusts Amazon's own root certificates and no others. All endpoints of the `aws` partition
/// chain to them. They are compiled in and cost a cold start next to nothing, where loading a
/// system's hundred and more costs tens of milliseconds. The limit: the function cannot reach an
/// HTTPS endpoint behind another authority, such as a TLS-inspecting proxy, an emulator, or a
/// partition with its own authority. Plain `http` endpoints are.
///
/// Nothing is connected until the first request.
pub fn http_client() -> SharedHttpClient {
    transport::over(Arc::new(SystemClock))
}

/// The outgoing client of a request that no SDK sends. It trusts whom [`http_client`] trusts.
pub(crate) fn aws_client(clock: Arc<dyn Clock>) -> Result<Client, String> {
    transport::client(clock)
}

/// A client that is made when it is first used. To make a client, the SDK reads the partitions of
/// all AWS regions. So a start makes no client before a request needs it.
pub struct AtFirstUse<C>(Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>);

impl<C> AtFirstUse<C> {
    fn new(make: impl FnOnce() -> C + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(make))))
    }
}

impl<C> Deref for AtFirstUse<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> Clone for AtFirstUse<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> fmt::Debug for AtFirstUse<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AtFirstUse").finish_non_exhaustive()
    }
}

/// The configuration of a client. Each service has its own type of it.
macro_rules! config {
    ($service:ident, $environment:ident, $http_client:ident, $endpoint:ident) => {{
        let mut config = $service::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new($environment.region().to_owned()))
            .credentials_provider(SharedCredentialsProvider::new($environment.credentials()))
            .http_client($http_client)
            .retry_config(retries())
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url($environment.endpoints.$endpoint.clone());
        config
    }};
}

macro_rules! client {
    ($service:ident, $environment:ident, $http_client:ident, $endpoint:ident) => {
        $service::Client::from_conf(
            config!($service, $environment, $http_client, $endpoint).build(),
        )
    };
}

/// A DynamoDB client. It retries where a retry can help, and bounds every call to 15 seconds. It
/// does not retry what the table throttles: the engine does.
pub fn dynamodb_client(
    environment: &AwsEnvironment,
    http_client: SharedHttpClient,
) -> aws_sdk_dynamodb::Client {
    let config = config!(aws_sdk_dynamodb, environment, http_client, dynamodb);
    aws_sdk_dynamodb::Client::from_conf(config.retry_classifier(Throttles).build())
}

/// An SQS client for sending. Its time limits are too short for a long poll of 20 seconds, which
/// no function needs: Lambda polls for it.
pub fn sqs_client(
    environment: &AwsEnvironment,
    http_client: SharedHttpClient,
) -> AtFirstUse<aws_sdk_sqs::Client> {
    let environment = environment.clone();
    AtFirstUse::new(move || client!(aws_sdk_sqs, environment, http_client, sqs))
}

/// A KMS client, bounded as the others are.
pub fn kms_client(
    environment: &AwsEnvironment,
    http_client: SharedHttpClient,
) -> AtFirstUse<aws_sdk_kms::Client> {
    let environment = environment.clone();
    AtFirstUse::new(move || client!(aws_sdk_kms, environment, http_client, kms))
}

/// A client of EventBridge Scheduler, bounded as the others are.
pub fn scheduler_client(
    environment: &AwsEnvironment,
    http_client: SharedHttpClient,
) -> AtFirstUse<aws_sdk_scheduler::Client> {
    let environment = environment.clone();
    AtFirstUse::new(move || client!(aws_sdk_scheduler, environment, http_client, scheduler))
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(MAX_BACKOFF)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

#[cfg(test)]
mod tests;
