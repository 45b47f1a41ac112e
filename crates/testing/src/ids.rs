//! Fresh ids that are the same in each run, and numbers by chance.

use std::sync::atomic::{AtomicU64, Ordering};

use a2a_lambda_core::Ids;

/// Ids of tests: the same ones in each run.
#[derive(Debug)]
pub struct TestIds {
    made: AtomicU64,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Counting,
    Uuids,
    Always(String),
}

impl TestIds {
    /// `id-1`, `id-2`, …
    pub fn counting() -> Self {
        Self::of(Form::Counting)
    }

    /// The same, in the form of UUIDs.
    pub fn uuids() -> Self {
        Self::of(Form::Uuids)
    }

    /// This text, each time: an id that is not fresh.
    pub fn always(text: impl Into<String>) -> Self {
        Self::of(Form::Always(text.into()))
    }

    fn of(form: Form) -> Self {
        Self { made: AtomicU64::new(0), form }
    }
}

impl Default for TestIds {
    fn default() -> Self {
        Self::counting()
    }
}

impl Ids for TestIds {
    fn fresh(&self) -> String {
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        match &self.form {
            Form::Counting => format!("id-{number}"),
            Form::Uuids => format!("00000000-0000-0000-0000-{number:012x}"),
            Form::Always(text) => text.clone(),
        }
    }
}
