//! Extensions (spec section 4.6): the agent's and our own.

use std::collections::BTreeMap;

use a2a_lambda_core::ids::ConfigId;
use a2a_lambda_core::push::Delivery;
use a2a_lambda_core::{AgentProfile, AttemptRecord, Generation, RunnerName, StepWork, TaskWork};
use a2a_lambda_protocol::{AgentExtension, Struct, Task, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

/// The extension by which a client learns a task's generation, and waits for a newer one.
///
/// If it is active, `GetTask` puts the generation into the task's metadata under this URI. With the
/// parameter `generation`, `GetTask` waits until the task has a newer one.
pub const GENERATION_EXTENSION: &str = "urn:a2a-lambda:generation:v1";

/// The extension by which a client learns whether its pushes arrive.
///
/// If it is active, `GetTask` puts the state of each push config's delivery into the task's
/// metadata under this URI, by the config's id. The members are `state` (`OK`, `FAILING` or
/// `DISABLED`) and `delivered` (the generation of the newest update that the receiver has
/// acknowledged). A config in trouble also has `since`, `failures`, `nextAttempt` and `lastError`.
pub const DELIVERY_EXTENSION: &str = "urn:a2a-lambda:push-delivery:v1";

/// The extension by which a client learns how its task is worked on.
///
/// If it is active, `GetTask` puts the newest attempts at the task (at most
/// [`KEPT_ATTEMPTS`](a2a_lambda_core::attempts::KEPT_ATTEMPTS)), and the steps of its newest scope,
/// into the task's metadata under this URI. It tells names, times, outcomes and sizes, and nothing
/// of the contents of a step.
pub const WORK_EXTENSION: &str = "urn:a2a-lambda:work:v1";

/// Our own extensions that depend on the agent or the deployment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered {
    /// Whether the agent offers pushes.
    pub(crate) pushes: bool,
    /// Whether attempts and steps are recorded.
    pub(crate) work: bool,
}

/// Our own extensions.
pub(crate) fn ours<'a>(offered: Offered) -> impl Iterator<Item = &'a str> {
    std::iter::once(GENERATION_EXTENSION)
        .chain(offered.pushes.then_some(DELIVERY_EXTENSION))
        .chain(offered.work.then_some(WORK_EXTENSION))
}

/// The extensions on an agent's card.
pub(crate) fn on_card(profile: &AgentProfile, is_offered: Offered) -> Vec<AgentExtension> {
    let mut offered = profile.extensions.clone();
    offered.push(AgentExtension {
        uri: GENERATION_EXTENSION.to_owned(),
        description: "GetTask tells the task's generation in its metadata, and waits for a newer \
                      one than the parameter `generation`"
            .to_owned(),
        ..AgentExtension::default()
    });
    if is_offered.pushes {
        offered.push(AgentExtension {
            uri: DELIVERY_EXTENSION.to_owned(),
            description: "GetTask tells in the task's metadata how the delivery to its push \
                          notification configs stands"
                .to_owned(),
            ..AgentExtension::default()
        });
    }
    if is_offered.work {
        offered.push(AgentExtension {
            uri: WORK_EXTENSION.to_owned(),
            description:
                "GetTask tells in the task's metadata which attempts were made at the task, \
                          and which durable steps"
                    .to_owned(),
            ..AgentExtension::default()
        });
    }
    offered
}

/// Adds a value to a task's metadata, which an agent cannot set.
fn add<T: Serialize>(metadata: &mut Map<String, Value>, uri: &str, value: T) {
    // Serialization of these types cannot fail.
    metadata.insert(uri.to_owned(), serde_json::to_value(value).unwrap_or_default());
}

/// Adds the data of the active extensions to a task's metadata.
pub(crate) fn add_told(
    task: &mut Task,
    generation: Option<Generation>,
    deliveries: Option<Vec<(ConfigId, Delivery)>>,
    work: Option<TaskWork>,
) {
    let mut metadata = Map::new();
    if let Some(generation) = generation {
        add(&mut metadata, GENERATION_EXTENSION, generation);
    }
    if let Some(deliveries) = deliveries {
        let by_id: BTreeMap<String, Standing> = deliveries
            .into_iter()
            .map(|(id, delivery)| (id.as_str().to_owned(), delivery.into()))
            .collect();
        add(&mut metadata, DELIVERY_EXTENSION, by_id);
    }
    if let Some(work) = work {
        add(&mut metadata, WORK_EXTENSION, Work::from(&work));
    }
    if !metadata.is_empty() {
        task.metadata = serde_json::from_value::<Struct>(metadata.into()).ok();
    }
}

/// The state of the delivery to a push config.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    state: &'static str,
    delivered: Generation,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl From<Delivery> for Standing {
    fn from(delivery: Delivery) -> Self {
        let state = match &delivery.trouble {
            None => "OK",
            Some(_) if delivery.is_disabled() => "DISABLED",
            Some(_) => "FAILING",
        };
        let trouble = delivery.trouble.as_ref();
        Self {
            state,
            delivered: delivery.delivered,
            since: trouble.map(|trouble| trouble.since),
            failures: trouble.map(|trouble| trouble.failures),
            next_attempt: trouble.and_then(|trouble| trouble.next),
            last_error: trouble
                .and_then(|trouble| trouble.attempts.last())
                .map(|attempt| attempt.reason.clone()),
        }
    }
}

/// The work on a task.
#[derive(Serialize)]
struct Work {
    /// The oldest first.
    attempts: Vec<Try>,
    /// In the order in which they were begun.
    steps: Vec<Made>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Try {
    turn: u32,
    attempt: u32,
    runner: RunnerName,
    began_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    name: String,
    tries: u32,
    begun_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
    outcome: &'static str,
    bytes: usize,
}

impl From<&TaskWork> for Work {
    fn from(work: &TaskWork) -> Self {
        let steps = work.scope.iter().flat_map(|scope| &scope.steps);
        Self {
            attempts: work.attempts.records().iter().map(Try::from).collect(),
            steps: steps.map(Made::from).collect(),
        }
    }
}

impl From<&AttemptRecord> for Try {
    fn from(record: &AttemptRecord) -> Self {
        let AttemptRecord { turn, attempt, began, runner, end } = *record;
        let (ended_at, outcome) = (end.map(|end| end.at), end.map(|end| end.outcome.name()));
        Self { turn, attempt, runner, began_at: began, ended_at, outcome }
    }
}

impl From<&StepWork> for Made {
    fn from(step: &StepWork) -> Self {
        let millis = step.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        Self {
            name: step.name.clone(),
            tries: step.tries,
            begun_at: step.begun_at,
            millis,
            outcome: step.outcome,
            bytes: step.bytes,
        }
    }
}
