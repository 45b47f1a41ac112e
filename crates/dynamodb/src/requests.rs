//! Counts an owner's requests in a minute: one item per owner and minute, which DynamoDB deletes
//! later. No task has such keys, and only the write itself reads the item.

use std::num::NonZeroU64;

use a2a_lambda_core::{Owner, StoreError};

use crate::DynamoDbStore;
use crate::attributes::{number, string};
use crate::places::sent;
use crate::table::{PK, SK, TTL, owner_partition};

/// How long after its minute an item is kept.
const KEPT_SECONDS: i64 = 3_600;

impl DynamoDbStore {
    /// Counts a request of a minute (since 1970) by one conditional write, unless there are `most`
    /// already. Returns whether it counted. A write whose answer was lost may count twice.
    ///
    /// # Errors
    /// When DynamoDB cannot be reached or refuses the write.
    pub async fn count_request(
        &self,
        owner: &Owner,
        minute: i64,
        most: NonZeroU64,
    ) -> Result<bool, StoreError> {
        let gone_at = minute.saturating_mul(60).saturating_add(KEPT_SECONDS);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PK, string(owner_partition("requests", owner)))
            .key(SK, string(format!("R#{minute}")))
            .update_expression("SET #ttl=:ttl ADD #count :one")
            .condition_expression("attribute_not_exists(#count) OR #count<:most")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_names("#count", "n")
            .expression_attribute_values(":ttl", number(gone_at))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most));
        Ok(sent(request).await?.is_ok())
    }
}
