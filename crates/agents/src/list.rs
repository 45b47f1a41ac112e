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
mod json;
#[cfg(all(test, feature = "fixtures", feature = "lambda", feature = "process", feature = "a2a"))]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Retries, Turn};
use a2a_lambda_protocol::AgentSkill;
use a2a_lambda_runtime::table::{Reader, SETTINGS, Variable};
use async_trait::async_trait;

pub(crate) use self::bounds::{Limits, OwnRetries};
use self::json::{Fields, Json, Read, Refused, each, field_at, object, refused, text, texts};
use crate::error::AgentsError;

/// The largest list, in bytes.
pub(crate) const MAX_BYTES: u64 = 256 * 1_024;

/// How many agents a list has at most.
const MAX_AGENTS: usize = 1_000;

/// The longest text of a card, in bytes, and the most entries of a list in it.
const MAX_TEXT: usize = 4_096;
const MAX_ENTRIES: usize = 100;

/// An agent of a list.
pub(crate) struct Listed {
    /// Whom it serves; all other tenants if it is left out.
    pub(crate) tenant: Option<String>,
    /// As in a list with commas: `http:https://agent.example`.
    pub(crate) agent: String,
    /// Variables of agents, for this one.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) card: Option<Card>,
    pub(crate) retries: Option<OwnRetries>,
    pub(crate) limits: Limits,
}

/// The fields of the card that replace the agent's own.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    name: Option<String>,
    description: Option<String>,
    version: Option<String>,
    skills: Option<Vec<Skill>>,
    input_modes: Option<Vec<String>>,
    output_modes: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Skill {
    id: String,
    /// Its id if it is left out.
    name: Option<String>,
    /// Its name if it is left out.
    description: Option<String>,
    tags: Vec<String>,
    examples: Vec<String>,
    input_modes: Vec<String>,
    output_modes: Vec<String>,
}

/// The place of a list's entry, and perhaps of a field of it: `agents[1].tenant`.
pub(crate) fn place(entry: usize, field: &str) -> String {
    format!("agents[{entry}]{field}")
}

/// Reads a list.
pub(crate) fn parse(text: &str) -> Result<Vec<Listed>, AgentsError> {
    if text.len() as u64 > MAX_BYTES {
        return Err(AgentsError::List(format!("it has more than {MAX_BYTES} bytes")));
    }
    let value: Json =
        serde_json::from_str(text).map_err(|error| AgentsError::List(error.to_string()))?;
    if !matches!(value, Json::Object(_)) {
        let what = r#"it is no list: write an object, such as {"agents": [{"agent": "echo"}]}"#;
        return Err(AgentsError::List(what.to_owned()));
    }
    let read = || {
        let agents =
            Fields::of("", value, &["agents"])?.required("agents", |at, value| match value {
                Json::List(entries) if entries.is_empty() || entries.len() > MAX_AGENTS => {
                    refused(at, format!("it must have 1 to {MAX_AGENTS} entries"))
                }
                value => each(at, value, Listed::read),
            })?;
        Ok(agents)
    };
    read().map_err(|Refused { at, what }| {
        if at.starts_with("agents[") {
            AgentsError::Entry { at, what }
        } else {
            AgentsError::List(format!("{at}: {what}"))
        }
    })
}

impl Listed {
    fn read(at: &str, value: Json) -> Read<Self> {
        const FIELDS: [&str; 6] = ["tenant", "agent", "variables", "card", "retries", "limits"];
        let mut fields = Fields::of(at, value, &FIELDS)?;
        let agent = fields.required("agent", |at, value| {
            let agent = short(at, value)?;
            if agent.contains(',') { refused(at, "it must be one agent") } else { Ok(agent) }
        })?;
        Ok(Self {
            tenant: fields.optional("tenant", tenant)?,
            agent,
            variables: fields.optional("variables", variables)?.unwrap_or_default(),
            card: fields.optional("card", Card::read)?,
            retries: fields.optional("retries", OwnRetries::read)?,
            limits: fields.optional("limits", Limits::read)?.unwrap_or_default(),
        })
    }
}

fn tenant(at: &str, value: Json) -> Read<String> {
    match value {
        // The tenant of requests that name none.
        Json::Text(name) if name.is_empty() => Ok(name),
        value => short(at, value),
    }
}

fn variables(at: &str, value: Json) -> Read<BTreeMap<String, String>> {
    let read = |(name, value): (String, Json)| {
        let at = field_at(at, &name);
        if setting(&name).is_none() {
            return refused(at, "it is no variable of an agent");
        }
        let value = text(&at, value)?;
        Ok((name, value))
    };
    object(at, value)?.into_iter().map(read).collect()
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
    fn read(at: &str, value: Json) -> Read<Self> {
        let known = ["name", "description", "version", "skills", "inputModes", "outputModes"];
        let mut fields = Fields::of(at, value, &known)?;
        let card = Self {
            name: fields.optional("name", short)?,
            description: fields.optional("description", short)?,
            version: fields.optional("version", short)?,
            skills: fields.optional("skills", |at, value| some(at, value, Skill::read))?,
            input_modes: fields.optional("inputModes", |at, value| some(at, value, text))?,
            output_modes: fields.optional("outputModes", |at, value| some(at, value, text))?,
        };
        let mut seen = BTreeSet::new();
        for (number, skill) in card.skills.iter().flatten().enumerate() {
            if !seen.insert(&skill.id) {
                return refused(format!("{at}.skills[{number}].id"), "another skill has it, too");
            }
        }
        Ok(card)
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

/// A text that is not empty, and of the length of a card's.
fn short(at: &str, value: Json) -> Read<String> {
    let text = text(at, value)?;
    if text.is_empty() || text.len() > MAX_TEXT {
        return refused(at, format!("it must have 1 to {MAX_TEXT} bytes"));
    }
    Ok(text)
}

/// A list of a card.
fn some<T>(at: &str, value: Json, read: impl Fn(&str, Json) -> Read<T>) -> Read<Vec<T>> {
    match value {
        Json::List(entries) if entries.is_empty() || entries.len() > MAX_ENTRIES => {
            refused(at, format!("it must have 1 to {MAX_ENTRIES} entries"))
        }
        value => each(at, value, read),
    }
}

impl Skill {
    fn read(at: &str, value: Json) -> Read<Self> {
        const FIELDS: [&str; 7] =
            ["id", "name", "description", "tags", "examples", "inputModes", "outputModes"];
        let mut fields = Fields::of(at, value, &FIELDS)?;
        Ok(Self {
            id: fields.required("id", short)?,
            name: fields.optional("name", text)?,
            description: fields.optional("description", text)?,
            tags: fields.optional("tags", texts)?.unwrap_or_default(),
            examples: fields.optional("examples", texts)?.unwrap_or_default(),
            input_modes: fields.optional("inputModes", texts)?.unwrap_or_default(),
            output_modes: fields.optional("outputModes", texts)?.unwrap_or_default(),
        })
    }

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
mod card_tests {
    use super::*;

    #[test]
    fn a_card_says_what_the_operator_says_and_else_what_the_agent_does() {
        let card = r#"{"name": "Travel", "outputModes": ["text/html"],
            "skills": [{"id": "plan", "tags": ["trips"]}]}"#;
        let card = Card::read("", serde_json::from_str(card).unwrap()).unwrap();
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
}
