//! The handler's context.

use std::num::NonZeroU64;
use std::sync::Arc;

use a2a_lambda_aws::engine_with_table;
use a2a_lambda_core::{
    Agents, Engine, Limits, MemoryPlaces, Operations, PlaceLimit, Places, Policy,
};
use a2a_lambda_http::Bindings;
use a2a_lambda_runtime::{ConfigError, Variables, runner_name};

use crate::answer::Way;
use crate::config::{Config, config};
use crate::limit::{Counts, ProcessCounts, RequestLimit};

/// The counters of the uses that are limited for each owner.
#[derive(Debug, Clone)]
pub struct Counters {
    /// Their requests in a minute.
    pub requests: Arc<dyn Counts>,
    /// Their open streams.
    pub streams: Arc<dyn Places>,
    /// Their open tasks.
    pub tasks: Arc<dyn Places>,
}

/// This process.
impl Default for Counters {
    fn default() -> Self {
        let places = Arc::new(MemoryPlaces::default());
        let requests = Arc::new(ProcessCounts::default());
        Self { requests, streams: places.clone(), tasks: places }
    }
}

/// The handler's context: made once, at cold start.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) engine: Engine,
    /// For answers that are streamed.
    streamed: Bindings,
    /// For answers that are whole.
    whole: Bindings,
    pub(crate) limit: Option<RequestLimit>,
    pub(crate) config: Config,
}

impl Context {
    /// The context of a function with this configuration. This process counts the requests, streams
    /// and tasks of owners.
    pub fn new(engine: Engine, agents: Agents, config: Config) -> Self {
        Self::counting_in(Counters::default(), engine, agents, config)
    }

    /// The same, with owners' requests, streams and tasks counted elsewhere, such as for all processes.
    pub fn counting_in(counters: Counters, engine: Engine, agents: Agents, config: Config) -> Self {
        let Counters { requests, streams, tasks } = counters;
        let place_limit =
            |most: Option<NonZeroU64>, places| most.map(|most| PlaceLimit { most, places });
        let limits = Limits {
            streams: place_limit(config.open_streams, streams),
            tasks: place_limit(config.open_tasks, tasks),
        };
        let bindings = |engine: Engine, agents: Agents| {
            let operations = Operations::new(engine).within(limits.clone());
            let operations =
                if config.inline { operations.inline(agents.clone()) } else { operations };
            Bindings::new(operations, agents, config.http.clone())
        };
        let whole = bindings(with_short_streams(engine.clone()), agents.clone());
        let streamed = bindings(engine.clone(), agents);
        let limit = config.requests_per_minute.map(|most| RequestLimit::new(most, requests));
        Self { engine, streamed, whole, limit, config }
    }

    pub(crate) fn bindings(&self, way: Way) -> &Bindings {
        match way {
            Way::Streamed => &self.streamed,
            Way::Whole(_) => &self.whole,
        }
    }
}

/// The context of a function for these agents, from its variables.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>, agents: Agents) -> Result<Context, ConfigError> {
    let config = config(variables)?;
    let (engine, table) = engine_with_table(variables)?;
    let engine = Engine { runner: runner_name(variables)?, ..engine };
    let counters = Counters { requests: table.clone(), streams: table.clone(), tasks: table };
    Ok(Context::counting_in(counters, engine, agents, config))
}

/// The bindings by themselves, for a server that is not this function, from the function's
/// variables. It is up to that server to identify callers and to limit them.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn bindings(variables: &Variables<'_>, agents: Agents) -> Result<Bindings, ConfigError> {
    let context = context(variables, agents)?;
    Ok(context.bindings(Way::Streamed).clone())
}

/// A client that gets a stream whole waits for all of it, as a sender does for the answer: no
/// longer than that.
fn with_short_streams(engine: Engine) -> Engine {
    let max_stream = engine.policy.max_stream.min(engine.policy.blocking_wait);
    let policy = Policy { max_stream, ..(*engine.policy).clone() };
    Engine { policy: Arc::new(policy), ..engine }
}
