//! Translates DynamoDB's errors into a store's.

use std::fmt::Display;

use a2a_lambda_core::StoreError;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::attributes::Malformed;

/// The service's errors that a retry may remove, beside those that the HTTP status marks.
const PASSING: [&str; 3] =
    ["LimitExceededException", "ReplicatedWriteConflictException", "TransactionConflictException"];

/// The service's errors for more requests than the table, an index or one of their partitions can
/// carry.
pub const THROTTLED: [&str; 4] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottledException",
    "ThrottlingException",
];

/// Sorts an error of the SDK by the caller's possible reactions.
pub(crate) fn store_error<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let is_throttled = matches!(&error, SdkError::ServiceError(service)
        if service.raw().status().as_u16() == 429
            || service.err().code().is_some_and(|code| THROTTLED.contains(&code)));
    let passing = match &error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            // The answer reports success but cannot be read: the request was carried out.
            !(400..500).contains(&status)
                || service.err().code().is_some_and(|code| PASSING.contains(&code))
        }
        // There is no readable answer: the request may have been carried out.
        _ => true,
    };
    // The SDK's error prints the whole answer, with users' messages and the secrets of push
    // configs. The inner error is enough.
    let source = error.into_source().unwrap_or_else(Into::into);
    match (is_throttled, passing) {
        (true, _) => StoreError::Throttled(source),
        (false, true) => StoreError::Unavailable(source),
        (false, false) => StoreError::Refused(source),
    }
}

/// A request that the SDK's builders refuse: a defect of this crate.
pub(crate) fn build_error(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Refused(error.into())
}

/// A stored item that this crate would not write.
pub(crate) fn corrupt(key: &(impl Display + ?Sized), source: Malformed) -> StoreError {
    let key = key.to_string();
    match source {
        Malformed::Format(source) => StoreError::OtherRelease { key, source },
        source => StoreError::Corrupt { key, source: source.into() },
    }
}
