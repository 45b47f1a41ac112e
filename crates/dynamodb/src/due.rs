//! Reads the due index.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::store::DueTask;
use a2a_lambda_protocol::Timestamp;
use tracing::error;

use crate::attributes::{Item, Malformed, get_number, get_string, number, string};
use crate::error::store_error;
use crate::store::DynamoDbStore;
use crate::table::{DUE_INDEX, DUE_PK, DUE_SK, HEAD, PK, SK, partition, task_key};

/// The most pages of the due index that a search for one readable entry takes.
const MAX_DUE_PAGES: usize = 1_000;

impl DynamoDbStore {
    pub(crate) async fn due_tasks(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let mut start = after.map(|after| {
            Item::from([
                (DUE_PK.to_owned(), number(shard)),
                (DUE_SK.to_owned(), number(after.due.as_millis())),
                (PK.to_owned(), string(partition(&after.key))),
                (SK.to_owned(), string(HEAD)),
            ])
        });
        let mut due = Vec::new();
        // A page may have only unreadable entries without being the last.
        for _ in 0..MAX_DUE_PAGES {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DUE_INDEX)
                .key_condition_expression("#s = :s AND #t <= :t")
                .expression_attribute_names("#s", DUE_PK)
                .expression_attribute_names("#t", DUE_SK)
                .expression_attribute_values(":s", number(shard))
                .expression_attribute_values(":t", number(until.as_millis()))
                .set_exclusive_start_key(start)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let page = request.send().await.map_err(store_error)?;
            due.extend(page.items.unwrap_or_default().iter().filter_map(due_task));
            start = page.last_evaluated_key;
            if start.is_none() || !due.is_empty() {
                break;
            }
        }
        Ok(due)
    }
}

/// A due task, from its entry in the index. An unreadable entry must not hide the others: it is
/// logged and skipped.
fn due_task(item: &Item) -> Option<DueTask> {
    let read = || {
        // A later release may have put something else into the index.
        let of_head = get_string(item, SK)? == HEAD;
        of_head.then_some(()).ok_or(Malformed::Attribute(SK))?;
        let key = task_key(get_string(item, PK)?)?;
        Ok(DueTask { key, due: Timestamp::from_millis(get_number(item, DUE_SK)?) })
    };
    let read: Result<DueTask, Malformed> = read();
    if let Err(error) = &read {
        let (pk, sk) = (get_string(item, PK).ok(), get_string(item, SK).ok());
        error!(event = "due_entry_malformed", pk, sk, %error,
            "an entry of the due index is malformed and is skipped");
    }
    read.ok()
}
