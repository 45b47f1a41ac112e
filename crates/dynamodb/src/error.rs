//! DynamoDB's errors as a store's.

use std::fmt::Display;

use a2a_lambda_core::StoreError;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::attributes::Malformed;

/// The errors of the service that trying again may remove, beside those that HTTP's status says
/// it of.
const PASSING: [&str; 7] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ThrottledException",
    "ThrottlingException",
    "TransactionConflictException",
];

/// Sorts an error of the SDK by the caller's possible reactions.
pub(crate) fn store_error<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let passing = match &error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            // An answer that says that all went well, but cannot be read: it was carried out.
            !(400..500).contains(&status)
                || status == 429
                || service.err().code().is_some_and(|code| PASSING.contains(&code))
        }
        // No answer, or one that could not be read: the request may have been carried out.
        _ => true,
    };
    // The SDK's error has the whole answer, and prints it: what users said, secrets of push
    // configs. The error alone is enough.
    let source = error.into_source().unwrap_or_else(Into::into);
    if passing { StoreError::Unavailable(source) } else { StoreError::Refused(source) }
}

/// A request that the SDK's builders refuse: a defect of this crate.
pub(crate) fn build_error(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Refused(error.into())
}

/// A stored item that is not as this crate writes it.
pub(crate) fn corrupt(key: &(impl Display + ?Sized), source: Malformed) -> StoreError {
    let key = key.to_string();
    match source {
        Malformed::Format(source) => StoreError::OtherRelease { key, source },
        source => StoreError::Corrupt { key, source: source.into() },
    }
}
