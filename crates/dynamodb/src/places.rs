//! The places of an owner: one item for its streams, and one for its tasks. The item has an
//! attribute for each taken place, and their number. So one conditional write takes a place, and a
//! refused caller learns the taken places in the same round trip.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::StoreError;
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::places::{Place, PlaceKind, Places, PlacesOf, Taken};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use tracing::warn;

use crate::DynamoDbStore;
use crate::attributes::{Item, find_number, number, string};
use crate::error::store_error;
use crate::table::{PK, SK, TTL, owner_partition};

/// How often a place is tried to be taken that is freed meanwhile.
const TAKE_TRIES: usize = 4;

/// The number of taken places.
const COUNT: &str = "n";

/// Until then, the owner needs no recount.
const LOOKED_UNTIL: &str = "lu";

/// The prefix of a place's attribute. Its value is the place's time.
const PLACE: &str = "@";

/// The sort key of the item.
const ITEM: &str = "O";

/// How long after its last write an item is kept: a task may stay open for long.
fn kept(kind: PlaceKind) -> Duration {
    match kind {
        PlaceKind::Stream => Duration::from_hours(24),
        PlaceKind::Task => Duration::from_hours(24 * 400),
    }
}

/// The partition of an owner's places.
fn partition(of: &PlacesOf) -> String {
    let kind = match of.kind {
        PlaceKind::Stream => "streams",
        PlaceKind::Task => "tasks",
    };
    owner_partition(kind, &of.owner)
}

fn attribute(name: &str) -> String {
    format!("{PLACE}{name}")
}

fn gone_at(of: &PlacesOf, now: Timestamp) -> i64 {
    now.saturating_add(kept(of.kind)).as_millis() / 1_000
}

fn places(item: &Item) -> Vec<Place> {
    let place = |(name, value): (&String, &aws_sdk_dynamodb::types::AttributeValue)| {
        let until = value.as_n().ok()?.parse().ok()?;
        let name = name.strip_prefix(PLACE)?.to_owned();
        Some(Place { name, until: Timestamp::from_millis(until) })
    };
    item.iter().filter_map(place).collect()
}

impl DynamoDbStore {
    fn place_update(&self, of: &PlacesOf) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key(PK, string(partition(of)))
            .key(SK, string(ITEM))
    }
}

/// Sends an update. An inner `Err` is the item that did not meet the condition.
pub(crate) async fn sent(update: UpdateItemFluentBuilder) -> Result<Result<(), Item>, StoreError> {
    match update.send().await {
        Ok(_) => Ok(Ok(())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Err(failed.item().cloned().unwrap_or_default()))
            }
            _ => Err(store_error(error)),
        },
    }
}

impl DynamoDbStore {
    /// Takes a place; `None` if it was freed between the two writes.
    async fn try_take(
        &self,
        of: &PlacesOf,
        place: &Place,
        most: NonZeroU64,
    ) -> Result<Option<Taken>, StoreError> {
        let update = self
            .place_update(of)
            .update_expression("SET #p=:p,#t=:t ADD #n :one")
            .condition_expression(
                "attribute_not_exists(#p) AND (attribute_not_exists(#n) OR #n<:most)",
            )
            .expression_attribute_names("#n", COUNT)
            .expression_attribute_names("#t", TTL)
            .expression_attribute_names("#p", attribute(&place.name))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":t", number(gone_at(of, place.until)))
            .expression_attribute_values(":p", number(place.until.as_millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(item) = sent(update).await? else { return Ok(Some(Taken::Yes)) };
        let places = places(&item);
        if let Some(taken) = places.iter().find(|taken| taken.name == place.name) {
            // Another caller may free an expired place if it does not find the task yet.
            if taken.until >= place.until || self.renew(of, place).await? {
                return Ok(Some(Taken::Yes));
            }
            return Ok(None);
        }
        let looked_until = find_number(&item, LOOKED_UNTIL).unwrap_or_default();
        Ok(Some(Taken::Full { places, looked_until: looked_until.map(Timestamp::from_millis) }))
    }
}

#[async_trait]
impl Places for DynamoDbStore {
    async fn take(
        &self,
        of: &PlacesOf,
        place: &Place,
        most: NonZeroU64,
    ) -> Result<Taken, StoreError> {
        for _ in 0..TAKE_TRIES {
            if let Some(taken) = self.try_take(of, place, most).await? {
                return Ok(taken);
            }
        }
        Err(StoreError::Unavailable("others take and free the same place at once".into()))
    }

    async fn free(&self, of: &PlacesOf, places: &[Place]) -> Result<(), StoreError> {
        let less = i64::try_from(places.len()).unwrap_or(i64::MAX);
        let mut update = self
            .place_update(of)
            .expression_attribute_names("#n", COUNT)
            .expression_attribute_values(":less", number(-less));
        let (mut names, mut conditions) = (Vec::new(), Vec::new());
        for (index, place) in places.iter().enumerate() {
            let (name, value) = (format!("#p{index}"), format!(":p{index}"));
            conditions.push(format!("{name}={value}"));
            update = update
                .expression_attribute_names(&name, attribute(&place.name))
                .expression_attribute_values(value, number(place.until.as_millis()));
            names.push(name);
        }
        let update = update
            .update_expression(format!("REMOVE {} ADD #n :less", names.join(",")))
            .condition_expression(conditions.join(" AND "));
        sent(update).await.map(drop)
    }

    async fn renew(&self, of: &PlacesOf, place: &Place) -> Result<bool, StoreError> {
        let update = self
            .place_update(of)
            .update_expression("SET #p=:p,#t=:t")
            .condition_expression("attribute_exists(#p)")
            .expression_attribute_names("#p", attribute(&place.name))
            .expression_attribute_names("#t", TTL)
            .expression_attribute_values(":p", number(place.until.as_millis()))
            .expression_attribute_values(":t", number(gone_at(of, place.until)));
        Ok(sent(update).await?.is_ok())
    }

    async fn leave(&self, of: &PlacesOf, name: &str) -> Result<(), StoreError> {
        let update = self
            .place_update(of)
            .update_expression("REMOVE #p ADD #n :less")
            .condition_expression("attribute_exists(#p)")
            .expression_attribute_names("#p", attribute(name))
            .expression_attribute_names("#n", COUNT)
            .expression_attribute_values(":less", number(-1));
        sent(update).await.map(drop)
    }

    fn leave_soon(self: Arc<Self>, of: PlacesOf, name: String) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = self.leave(&of, &name).await {
                warn!(
                    event = "place_not_freed",
                    error = chain(&error),
                    "the place could not be freed and expires within a minute"
                );
            }
        });
    }

    async fn looked(&self, of: &PlacesOf, until: Timestamp) -> Result<(), StoreError> {
        let update = self
            .place_update(of)
            .update_expression("SET #l=:l")
            .condition_expression("attribute_exists(#n)")
            .expression_attribute_names("#l", LOOKED_UNTIL)
            .expression_attribute_names("#n", COUNT)
            .expression_attribute_values(":l", number(until.as_millis()));
        sent(update).await.map(drop)
    }
}
