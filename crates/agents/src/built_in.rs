//! The agents that need no argument.

use std::sync::Arc;

use a2a_lambda_core::Agent;

use crate::echo::Echo;
#[cfg(feature = "fixtures")]
use crate::{
    approval::Approval, conformance::Conformance, ledger::Ledger, paced::Paced, poison::Poison,
    steps::Steps, strict::Strict,
};

/// Makes an agent, at the start of the process.
pub(crate) type MakeAgent = fn() -> Arc<dyn Agent>;

/// The agents without an argument, by the names that configuration knows them by.
///
/// The feature `fixtures` adds the agents that only tests need. A function that users can reach is
/// built without it.
#[rustfmt::skip] // A line for each.
pub(crate) const BUILT_IN: &[(&str, MakeAgent)] = &[
    ("echo", || Arc::new(Echo)),
    #[cfg(feature = "fixtures")]
    ("conformance", || Arc::new(Conformance)),
    #[cfg(feature = "fixtures")]
    ("strict", || Arc::new(Strict)),
    #[cfg(feature = "fixtures")]
    ("poison", || Arc::new(Poison)),
    #[cfg(feature = "fixtures")]
    ("paced", || Arc::new(Paced)),
    #[cfg(feature = "fixtures")]
    ("ledger", || Arc::new(Ledger)),
    #[cfg(feature = "fixtures")]
    ("approval", || Arc::new(Approval)),
    #[cfg(feature = "fixtures")]
    ("steps", || Arc::new(Steps)),
];
