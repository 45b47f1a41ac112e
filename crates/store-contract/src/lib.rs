#![doc = include_str!("../README.md")]
//!
//! A backend's test file has one line, an expression for a future that creates a fresh, empty
//! store:
//!
//! ```no_run
//! use a2a_lambda_core::MemoryStore;
//!
//! a2a_lambda_store_contract::store_contract!(async { MemoryStore::new() });
//! ```
//!
//! It expands to one test per case, for example `list::ties_are_in_descending_order_of_id`, each
//! with its own store. [`differential`] is the other half: the same seeded operations on two
//! stores, compared step by step.
//!
//! The contract leaves these choices to a store: the length of a tail, the end of a listing's page,
//! and the order of tasks or failing configs with the same time. Indexes may lag in production, but
//! not in the store under test: a listing must have a new task at once.
//!
//! Time is artificial and ids are counted, so a failure repeats itself. Only cases with parallel
//! writers depend on a scheduler, and they hold under each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a panic is how a case fails"
)]

mod bench;
mod cases;
mod configs;
mod content;
mod differential;
mod memory;
mod steps;
mod tracked;

use a2a_lambda_core::{Memory, PushConfigs, StepRecords, TaskStore};

pub use bench::Bench;
pub use cases::{CASES, Case, run};
pub use differential::differential;

/// A store of tasks, with their configs, step records and conversations.
pub trait Store: TaskStore + PushConfigs + StepRecords + Memory {}

impl<S: TaskStore + PushConfigs + StepRecords + Memory> Store for S {}

/// Creates one `#[tokio::test]` of every case, for the store that the expression's future returns.
///
/// Each test evaluates the expression again. The calling crate needs `tokio` with the features
/// `macros` and `rt-multi-thread`; use the macro once per module.
#[macro_export]
macro_rules! store_contract {
    ($fresh_store:expr) => {
        async fn fresh_bench() -> $crate::Bench {
            $crate::Bench::new($fresh_store.await)
        }

        $crate::for_each_case!($crate::__tests);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($($module:ident { $($case:ident)+ })+) => {
        $(
            mod $module {
                $(
                    // Several threads, so that racing writers really run in parallel.
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        let name = concat!(stringify!($module), "::", stringify!($case));
                        $crate::run(name, super::fresh_bench().await).await;
                    }
                )+
            }
        )+
    };
}
