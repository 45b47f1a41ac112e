//! Tests of agents, in a deployment in small.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use a2a_lambda::prelude::*;
//! use a2a_lambda::testing::{Bed, made_of};
//!
//! struct Greeter {
//!     greeting: String,
//! }
//!
//! #[async_trait]
//! impl Agent for Greeter {
//!     fn profile(&self) -> AgentProfile {
//!         AgentProfile::text("greeter", "Greets", "1.0.0")
//!     }
//!
//!     async fn run(&self, turn: &Turn) -> Result<End, Failure> {
//!         let name = turn.text();
//!         if name.is_empty() {
//!             return Ok(End::input_required("Whom shall I greet?"));
//!         }
//!         let greeting = Part::text(format!("{}, {name}!", self.greeting));
//!         turn.chunked("greeting").finish([greeting]).await?;
//!         Ok(End::completed())
//!     }
//! }
//!
//! async fn agents(variables: &Variables<'_>) -> Result<Agents, ConfigError> {
//!     let greeting = variables.own_required("GREETING", "how to greet")?;
//!     Ok(Agents::new(Arc::new(Greeter { greeting })))
//! }
//!
//! # /*
//! #[tokio::test]
//! # */
//! # #[tokio::main(flavor = "current_thread")]
//! async fn it_greets() -> Result<(), ConfigError> {
//!     let bed = Bed::of(made_of(agents, &[("GREETING", "Hello")]).await?).build();
//!     let task = bed.send("").await.input_required().saying("Whom shall I greet?");
//!     bed.advance(Duration::from_hours(24)).await;
//!     bed.answer(&task, "Ada").await.completed().with_artifact("greeting", "Hello, Ada!");
//!
//!     // A runner dies before the greeting is stored. Another runs the agent again.
//!     bed.crash_before(2);
//!     bed.send("Bo").await.completed().with_artifact("greeting", "Hello, Bo!");
//!     assert!(bed.has_crashed());
//!     Ok(())
//! }
//! # it_greets().unwrap();
//! ```

pub use a2a_lambda_core::operations::StreamEvent;
pub use a2a_lambda_testing::{
    Arrived, Bed, BedBuilder, Call, Fault, FaultyStore, Hold, Input, Kind, Manner, Random,
    Receivers, TaskView, at_every_crash,
};

use a2a_lambda_core::Agents;
use a2a_lambda_runtime::Variables;

/// The agents that a deployment's function `agents` makes of these variables, for [`Bed::of`].
///
/// # Errors
/// Those of the function.
pub async fn made_of<E>(
    agents: impl AsyncFnOnce(&Variables<'_>) -> Result<Agents, E>,
    variables: &[(&str, &str)],
) -> Result<Agents, E> {
    let lookup = |name: &str| {
        let mut set = variables.iter();
        set.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    agents(&Variables::local(&lookup)).await
}
