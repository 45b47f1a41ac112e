//! The emulator's meter in the terms of these tests.

use std::sync::Arc;

use a2a_lambda_aws_emulator::meter::{Metered, TABLE};
use a2a_lambda_dynamodb::{CONTEXT_INDEX, DUE_INDEX, LIST_INDEX};

/// Counts every request and its units.
#[derive(Debug, Clone)]
pub(super) struct Meter(pub(super) Arc<a2a_lambda_aws_emulator::meter::Meter>);

/// The write units of the table and of each index. Whole units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Written {
    pub(super) table: f64,
    pub(super) list: f64,
    pub(super) due: f64,
    pub(super) context: f64,
}

impl Meter {
    /// The requests since the last look, and the units that their reads took.
    pub(super) fn take(&self) -> (Vec<&'static str>, f64) {
        let (requests, read, _) = self.take_both();
        (requests, read)
    }

    /// The requests since the last look, and the units that their writes took.
    pub(super) fn take_written(&self) -> (Vec<&'static str>, Written) {
        let (requests, _, written) = self.take_both();
        (requests, written)
    }

    /// The requests since the last look, and the units that reads and writes took.
    pub(super) fn take_both(&self) -> (Vec<&'static str>, f64, Written) {
        let metered = self.0.take();
        let read = metered.iter().map(|one| one.read).sum();
        let mut written = Written::default();
        for (place, units) in metered.iter().flat_map(|one| &one.written) {
            *match place.as_str() {
                TABLE => &mut written.table,
                LIST_INDEX => &mut written.list,
                DUE_INDEX => &mut written.due,
                CONTEXT_INDEX => &mut written.context,
                other => panic!("an index that is not known here: {other}"),
            } += units;
        }
        (names(&metered), read, written)
    }
}

fn names(metered: &[Metered]) -> Vec<&'static str> {
    metered.iter().map(|one| one.name).collect()
}
