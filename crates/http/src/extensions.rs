//! Extensions (spec section 4.6): the agent's and our own.

use std::collections::BTreeMap;

use a2a_lambda_core::ids::ConfigId;
use a2a_lambda_core::push::Delivery;
use a2a_lambda_core::{AgentProfile, Generation};
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

/// Our own extensions. `pushes`: whether the agent offers pushes.
pub(crate) fn ours<'a>(pushes: bool) -> impl Iterator<Item = &'a str> {
    std::iter::once(GENERATION_EXTENSION).chain(pushes.then_some(DELIVERY_EXTENSION))
}

/// The extensions on an agent's card. `pushes`: whether the agent offers pushes.
pub(crate) fn offered(profile: &AgentProfile, pushes: bool) -> Vec<AgentExtension> {
    let mut offered = profile.extensions.clone();
    offered.push(AgentExtension {
        uri: GENERATION_EXTENSION.to_owned(),
        description: "GetTask tells the task's generation in its metadata, and waits for a newer \
                      one than the parameter `generation`"
            .to_owned(),
        ..AgentExtension::default()
    });
    if pushes {
        offered.push(AgentExtension {
            uri: DELIVERY_EXTENSION.to_owned(),
            description: "GetTask tells in the task's metadata how the delivery to its push \
                          notification configs stands"
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
