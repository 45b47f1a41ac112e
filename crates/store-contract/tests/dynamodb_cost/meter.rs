//! The meter: asks every request for what it costs, and notes it.

use std::sync::{Arc, Mutex};

use a2a_lambda_dynamodb::{DUE_INDEX, LIST_INDEX};
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity, ReturnConsumedCapacity};

/// Notes every request, and the units that it takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<Mutex<Vec<Noted>>>);

#[derive(Debug, Clone, Copy)]
struct Noted {
    name: &'static str,
    read: f64,
    written: Written,
}

/// What writes take of the table and of each index. Whole units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Written {
    pub(super) table: f64,
    pub(super) list: f64,
    pub(super) due: f64,
}

impl Meter {
    /// The requests since the last look, and the units that their reads took.
    pub(super) fn take(&self) -> (Vec<&'static str>, f64) {
        let noted = self.take_all();
        let read = noted.iter().map(|noted| noted.read).sum();
        (noted.into_iter().map(|noted| noted.name).collect(), read)
    }

    /// The requests since the last look, and the units that their writes took.
    pub(super) fn take_written(&self) -> (Vec<&'static str>, Written) {
        let noted = self.take_all();
        let written = noted.iter().fold(Written::default(), |sum, noted| Written {
            table: sum.table + noted.written.table,
            list: sum.list + noted.written.list,
            due: sum.due + noted.written.due,
        });
        (noted.into_iter().map(|noted| noted.name).collect(), written)
    }

    /// The requests since the last look, and the units that reads and writes took.
    pub(super) fn take_both(&self) -> (Vec<&'static str>, f64, Written) {
        let all = self.take_all();
        *self.0.lock().unwrap() = all.clone();
        let (requests, read) = self.take();
        *self.0.lock().unwrap() = all;
        (requests, read, self.take_written().1)
    }

    fn take_all(&self) -> Vec<Noted> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn read(name: &'static str, capacity: Option<&ConsumedCapacity>) -> Noted {
    let read = capacity.and_then(ConsumedCapacity::capacity_units).expect("it was asked for");
    Noted { name, read, written: Written::default() }
}

fn written(name: &'static str, capacity: Option<&ConsumedCapacity>) -> Noted {
    let capacity = capacity.expect("it was asked for");
    let table = capacity.table().and_then(Capacity::capacity_units).expect("of the table");
    let of = |index: &str| {
        let indexes = capacity.global_secondary_indexes();
        let units = indexes.and_then(|indexes| indexes.get(index)?.capacity_units());
        units.unwrap_or_default()
    };
    let written = Written { table, list: of(LIST_INDEX), due: of(DUE_INDEX) };
    // What is written to an index that is not known here would be missing.
    let sum = written.table + written.list + written.due;
    assert_eq!(capacity.capacity_units(), Some(sum), "{name}");
    Noted { name, read: 0.0, written }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let wanted = Some(ReturnConsumedCapacity::Indexes);
        let input = context.input_mut();
        if let Some(get) = input.downcast_mut::<GetItemInput>() {
            get.return_consumed_capacity = wanted;
        } else if let Some(query) = input.downcast_mut::<QueryInput>() {
            query.return_consumed_capacity = wanted;
        } else if let Some(put) = input.downcast_mut::<PutItemInput>() {
            put.return_consumed_capacity = wanted;
        } else if let Some(update) = input.downcast_mut::<UpdateItemInput>() {
            update.return_consumed_capacity = wanted;
        } else if let Some(delete) = input.downcast_mut::<DeleteItemInput>() {
            delete.return_consumed_capacity = wanted;
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else {
            let noted = Noted { name: "error", read: 0.0, written: Written::default() };
            self.0.lock().unwrap().push(noted);
            return Ok(());
        };
        let noted = if let Some(get) = output.downcast_ref::<GetItemOutput>() {
            read("GetItem", get.consumed_capacity())
        } else if let Some(query) = output.downcast_ref::<QueryOutput>() {
            read("Query", query.consumed_capacity())
        } else if let Some(put) = output.downcast_ref::<PutItemOutput>() {
            written("PutItem", put.consumed_capacity())
        } else if let Some(update) = output.downcast_ref::<UpdateItemOutput>() {
            written("UpdateItem", update.consumed_capacity())
        } else if let Some(delete) = output.downcast_ref::<DeleteItemOutput>() {
            written("DeleteItem", delete.consumed_capacity())
        } else {
            panic!("a request that is not metered: {output:?}");
        };
        self.0.lock().unwrap().push(noted);
        Ok(())
    }
}
