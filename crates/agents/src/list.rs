//! A list of agents in JSON: for several tenants, each with a card and settings of its own.
//!
//! ```json
//! {"agents": [
//!   {"agent": "http:https://agent.example", "card": {"name": "Travel", "skills": [{"id": "plan"}]},
//!    "retries": {"attempts": 3}, "limits": {"callSeconds": 60}},
//!   {"tenant": "acme", "agent": "process", "variables": {"AGENT_COMMAND": "python3 acme.py"}}
//! ]}
//! ```

mod bounds;

use std::collections::BTreeMap;
use std::sync::Arc;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Retries, Turn};
use a2a_lambda_protocol::AgentSkill;
use a2a_lambda_runtime::table::{Reader, SETTINGS, Variable};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::bounds::{Limits, OwnRetries};
use crate::error::AgentsError;

/// The largest list, in bytes.
pub(crate) const MAX_BYTES: u64 = 256 * 1_024;

/// How many agents a list has at most.
const MAX_AGENTS: usize = 1_000;

/// The longest text of a card, in bytes, and the most entries of a list in it.
const MAX_TEXT: usize = 4_096;
const MAX_ENTRIES: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    agents: Vec<Listed>,
}

/// An agent of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    /// Whom it serves; all other tenants if it is left out.
    pub(crate) tenant: Option<String>,
    /// As in a list with commas: `http:https://agent.example`.
    pub(crate) agent: String,
    /// Variables of agents, for this one.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) card: Option<Card>,
    pub(crate) retries: Option<OwnRetries>,
    #[serde(default)]
    pub(crate) limits: Limits,
}

/// A list whose entries may be anything.
#[derive(Deserialize)]
struct Loose {
    agents: Vec<Value>,
}

/// The fields of the card that replace the agent's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Card {
    name: Option<String>,
    description: Option<String>,
    version: Option<String>,
    skills: Option<Vec<Skill>>,
    input_modes: Option<Vec<String>>,
    output_modes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Skill {
    id: String,
    /// Its id if it is left out.
    name: Option<String>,
    /// Its name if it is left out.
    description: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    input_modes: Vec<String>,
    #[serde(default)]
    output_modes: Vec<String>,
}

/// Reads a list.
pub(crate) fn parse(text: &str) -> Result<Vec<Listed>, AgentsError> {
    let malformed = |what: String| AgentsError::List(what);
    if text.len() as u64 > MAX_BYTES {
        return Err(malformed(format!("it has more than {MAX_BYTES} bytes")));
    }
    let List { agents } = serde_json::from_str(text).map_err(|error| {
        let place = malformed_entry(text).map(|at| format!("agents[{at}]: "));
        malformed(format!("{}{error}", place.unwrap_or_default()))
    })?;
    if agents.is_empty() || agents.len() > MAX_AGENTS {
        return Err(malformed(format!("`agents` must have 1 to {MAX_AGENTS} entries")));
    }
    for (at, listed) in agents.iter().enumerate() {
        listed.check().map_err(|what| malformed(format!("agents[{at}]{what}")))?;
    }
    Ok(agents)
}

/// The number of the first entry that cannot be read.
fn malformed_entry(text: &str) -> Option<usize> {
    let Loose { agents } = serde_json::from_str(text).ok()?;
    agents.into_iter().position(|entry| Listed::deserialize(entry).is_err())
}

impl Listed {
    fn check(&self) -> Result<(), String> {
        if self.agent.contains(',') {
            return Err(".agent: it must be one agent".to_owned());
        }
        for name in self.variables.keys() {
            if setting(name).is_none() {
                return Err(format!(".variables.{name}: it is no variable of an agent"));
            }
        }
        self.card.as_ref().map_or(Ok(()), Card::check)
    }
}

/// The variable of this name, if an agent of a list may have its own value of it, and whether it is a
/// secret.
pub(crate) fn setting(name: &str) -> Option<(&'static str, bool)> {
    let found = SETTINGS.iter().find(|setting| setting.name() == name)?;
    let is_an_agent_s = name.contains("_AGENT_") || name == "AGENT_COMMAND";
    let is_read = found.about().is_read_by(Reader::SqsExecutor);
    let is_secret = matches!(found, Variable::Text(text) if text.secret);
    (is_an_agent_s && is_read).then(|| (found.name(), is_secret))
}

impl Card {
    fn check(&self) -> Result<(), String> {
        let texts = [("name", &self.name), ("description", &self.description)];
        for (field, text) in texts.into_iter().chain([("version", &self.version)]) {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > MAX_TEXT) {
                return Err(format!(".card.{field}: it must have 1 to {MAX_TEXT} bytes"));
            }
        }
        let modes = [("inputModes", &self.input_modes), ("outputModes", &self.output_modes)];
        let lists = modes.map(|(field, modes)| (field, modes.as_ref().map(Vec::len)));
        let skills = ("skills", self.skills.as_ref().map(Vec::len));
        for (field, entries) in lists.into_iter().chain([skills]) {
            if entries.is_some_and(|entries| entries == 0 || entries > MAX_ENTRIES) {
                return Err(format!(".card.{field}: it must have 1 to {MAX_ENTRIES} entries"));
            }
        }
        let ids = self.skills.iter().flatten().map(|skill| &skill.id);
        let mut seen = std::collections::BTreeSet::new();
        for id in ids {
            if id.is_empty() || id.len() > MAX_TEXT || !seen.insert(id) {
                return Err(format!(
                    ".card.skills: the id {id:?} is empty, too long or there twice"
                ));
            }
        }
        Ok(())
    }

    fn applied(&self, profile: &mut AgentProfile) {
        fn set<T: Clone>(to: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                to.clone_from(given);
            }
        }
        set(&mut profile.name, self.name.as_ref());
        set(&mut profile.description, self.description.as_ref());
        set(&mut profile.version, self.version.as_ref());
        set(&mut profile.input_modes, self.input_modes.as_ref());
        set(&mut profile.output_modes, self.output_modes.as_ref());
        if let Some(skills) = &self.skills {
            profile.skills = skills.iter().map(Skill::made).collect();
        }
    }
}

impl Skill {
    fn made(&self) -> AgentSkill {
        let name = self.name.as_ref().unwrap_or(&self.id);
        AgentSkill {
            id: self.id.clone(),
            name: name.clone(),
            description: self.description.as_ref().unwrap_or(name).clone(),
            tags: self.tags.clone(),
            examples: self.examples.clone(),
            input_modes: self.input_modes.clone(),
            output_modes: self.output_modes.clone(),
            ..AgentSkill::default()
        }
    }
}

/// An agent with a card and retries of the operator's.
pub(crate) struct Adapted {
    pub(crate) agent: Arc<dyn Agent>,
    pub(crate) card: Option<Card>,
    pub(crate) retries: Option<Retries>,
}

#[async_trait]
impl Agent for Adapted {
    fn profile(&self) -> AgentProfile {
        let mut profile = self.agent.profile();
        if let Some(card) = &self.card {
            card.applied(&mut profile);
        }
        profile
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        self.agent.run(turn).await
    }

    fn retries(&self) -> Option<Retries> {
        self.retries.or_else(|| self.agent.retries())
    }

    async fn renew_profile(&self) -> bool {
        self.agent.renew_profile().await
    }

    fn hears_of_cancels(&self) -> bool {
        self.agent.hears_of_cancels()
    }

    async fn canceled(&self, turn: &Turn) -> Result<(), Failure> {
        self.agent.canceled(turn).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_says_what_the_operator_says_and_else_what_the_agent_does() {
        let card = r#"{"name": "Travel", "outputModes": ["text/html"],
            "skills": [{"id": "plan", "tags": ["trips"]}]}"#;
        let card: Card = serde_json::from_str(card).unwrap();
        let agent = Arc::new(crate::Echo);
        let profile = Adapted { agent, card: Some(card), retries: None }.profile();
        let (own, skill) = (crate::Echo.profile(), &profile.skills[0]);
        assert_eq!((&*profile.name, &profile.description), ("Travel", &own.description));
        assert_eq!(
            (&*profile.output_modes, &profile.input_modes),
            (&["text/html".to_owned()][..], &own.input_modes)
        );
        assert_eq!(
            [&skill.id, &skill.name, &skill.description, &skill.tags[0]],
            ["plan", "plan", "plan", "trips"]
        );
    }

    #[test]
    fn a_malformed_list_is_refused_and_the_place_is_named() {
        for (list, said) in [
            ("{", "EOF"),
            (r#"{"agents": []}"#, "1 to 1000 entries"),
            (r#"{"agents": [{"tenant": "a"}]}"#, "missing field `agent`"),
            (
                r#"{"agents": [{"agent": "echo"}, {"agent": "echo", "model": "x"}]}"#,
                "agents[1]: unknown field `model`",
            ),
            (r#"{"agents": [{"agent": "echo", "agent": "echo"}]}"#, "duplicate field `agent`"),
            (
                r#"{"agents": [{"agent": "echo", "retries": {"atempts": 1}}]}"#,
                "agents[0]: unknown field `atempts`",
            ),
            (
                r#"{"agents": [{"agent": "echo", "retries": {"attempts": 0}}]}"#,
                "agents[0]: retries.attempts: it must be a whole number from 1 to 100",
            ),
            (
                r#"{"agents": [{"agent": "echo", "retries": {"mostSeconds": "7"}}]}"#,
                "agents[0]: retries.mostSeconds: it must be a whole number from 1 to 900",
            ),
            (
                r#"{"agents": [{"agent": "echo", "retries": {"firstSeconds": 3, "mostSeconds": 2}}]}"#,
                "agents[0]: retries.firstSeconds: it must be at most retries.mostSeconds",
            ),
            (
                r#"{"agents": [{"agent": "echo", "limits": {"answerBytes": 1023}}]}"#,
                "agents[0]: limits.answerBytes: it must be a whole number from 1024 to 16777216",
            ),
            (
                r#"{"agents": [{"agent": "echo", "limits": {"callSeconds": -1.5}}]}"#,
                "agents[0]: limits.callSeconds: it must be a whole number from 1 to 900",
            ),
            (r#"{"agents": [{"agent": "echo,strict"}]}"#, "agents[0].agent"),
            (
                r#"{"agents": [{"agent": "echo"}, {"agent": "echo", "variables": {"TABLE_NAME": "t"}}]}"#,
                "agents[1].variables.TABLE_NAME",
            ),
            (r#"{"agents": [{"agent": "echo", "card": {"name": ""}}]}"#, "agents[0].card.name"),
            (r#"{"agents": [{"agent": "echo", "card": {"skills": []}}]}"#, "agents[0].card.skills"),
            (
                r#"{"agents": [{"agent": "echo", "card": {"skills": [{"id": "a"}, {"id": "a"}]}}]}"#,
                "there twice",
            ),
            (&format!(r#"{{"agents": "{}"}}"#, "x".repeat(256 * 1_024)), "more than 262144 bytes"),
        ] {
            let error = parse(list).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(said), "{list:.80}: {error}");
        }
    }
}
