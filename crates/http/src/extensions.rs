//! Extensions (spec section 4.6): the agent's, and ours.

use a2a_lambda_core::{AgentProfile, Generation};
use a2a_lambda_protocol::{AgentExtension, Struct, Task};

/// The extension by which a client learns a task's generation, and waits for a newer one.
///
/// Where it is active, `GetTask` puts the generation into the task's metadata under this URI. With
/// the parameter `generation`, `GetTask` waits until the task has a newer one.
pub const GENERATION_EXTENSION: &str = "urn:a2a-lambda:generation:v1";

/// The extensions that an agent's card declares.
pub(crate) fn offered(profile: &AgentProfile) -> Vec<AgentExtension> {
    let mut offered = profile.extensions.clone();
    offered.push(AgentExtension {
        uri: GENERATION_EXTENSION.to_owned(),
        description: "GetTask tells the task's generation in its metadata, and waits for a newer \
                      one than the parameter `generation`"
            .to_owned(),
        ..AgentExtension::default()
    });
    offered
}

/// Tells a task's generation in its metadata, which the agent has no way to set.
pub(crate) fn add_generation(task: &mut Task, generation: Generation) {
    let text = format!("{{\"{GENERATION_EXTENSION}\":{generation}}}");
    task.metadata = serde_json::from_str::<Struct>(&text).ok();
}
