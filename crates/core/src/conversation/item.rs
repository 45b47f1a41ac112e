//! The items of memory in a neutral form, and how many of them are loaded.

use std::collections::HashMap;

use a2a_lambda_protocol::{Json, Message, Part, Role};
use serde::{Deserialize, Serialize};

use crate::weight::json_bytes;

/// One item of a conversation, in a form that is no model's own.
///
/// Its JSON has the role as its one field: `{"user":[{"text":"hi"}]}`, `{"agent":[…]}`,
/// `{"toolCall":{"id":"1","name":"add","arguments":…}}`,
/// `{"toolResult":{"id":"1","result":…,"failed":true}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum MemoryItem {
    /// The user said this.
    User(Vec<Part>),
    /// The agent said this.
    Agent(Vec<Part>),
    /// The agent called a tool.
    ToolCall {
        /// The call's id, which its result has, too.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments.
        arguments: Json,
    },
    /// A tool answered a call.
    ToolResult {
        /// The call's id.
        id: String,
        /// The result.
        result: Json,
        /// Whether the call failed. Then the result tells why.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
}

impl MemoryItem {
    /// A text of the user.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User(vec![Part::text(text)])
    }

    /// A text of the agent.
    pub fn agent(text: impl Into<String>) -> Self {
        Self::Agent(vec![Part::text(text)])
    }

    /// The size, in bytes of JSON.
    pub fn bytes(&self) -> usize {
        json_bytes(self)
    }
}

impl From<&Message> for MemoryItem {
    fn from(message: &Message) -> Self {
        match message.role {
            Role::Agent => Self::Agent(message.parts.clone()),
            _ => Self::User(message.parts.clone()),
        }
    }
}

/// How much of a conversation is loaded at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    bytes: usize,
}

/// How many bytes of JSON count as one token.
const BYTES_PER_TOKEN: usize = 4;

impl Budget {
    /// So many bytes of JSON.
    pub const fn bytes(bytes: usize) -> Self {
        Self { bytes }
    }

    /// So many tokens of a model, by an estimate: four bytes of JSON are one token. A text in English
    /// has fewer tokens than that, and one in Chinese or Japanese may have more.
    pub const fn tokens(tokens: usize) -> Self {
        Self { bytes: tokens.saturating_mul(BYTES_PER_TOKEN) }
    }
}

/// Items that fit into a budget, gathered from the newest back.
pub(super) struct Window {
    left: usize,
    most: usize,
    newest_first: Vec<MemoryItem>,
}

impl Window {
    /// A window for `budget`, but at most these bytes and items.
    pub(super) fn new(budget: Budget, most_bytes: usize, most: usize) -> Self {
        Self { left: budget.bytes.min(most_bytes), most, newest_first: Vec::new() }
    }

    /// Adds an item that is older than the others. False if there is no room for it: the window ends.
    pub(super) fn add(&mut self, item: MemoryItem) -> bool {
        let Some(left) = self.left.checked_sub(item.bytes()) else { return false };
        if self.newest_first.len() >= self.most {
            return false;
        }
        self.left = left;
        self.newest_first.push(item);
        true
    }

    /// The items, oldest first. A call without its result is left out, and a result without its call.
    pub(super) fn into_items(self) -> Vec<MemoryItem> {
        let mut items = self.newest_first;
        items.reverse();
        let mut keep = vec![true; items.len()];
        let mut open: HashMap<&str, usize> = HashMap::new();
        for (place, item) in items.iter().enumerate() {
            match item {
                MemoryItem::ToolCall { id, .. } => {
                    keep[place] = false;
                    open.insert(id, place);
                }
                MemoryItem::ToolResult { id, .. } => match open.remove(id.as_str()) {
                    Some(call) => keep[call] = true,
                    None => keep[place] = false,
                },
                MemoryItem::User(_) | MemoryItem::Agent(_) => {}
            }
        }
        let mut keep = keep.into_iter();
        items.retain(|_| keep.next().unwrap_or_default());
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> MemoryItem {
        let arguments = Json::from_value(&1).unwrap();
        MemoryItem::ToolCall { id: id.to_owned(), name: "add".to_owned(), arguments }
    }

    fn result(id: &str) -> MemoryItem {
        let result = Json::from_value(&2).unwrap();
        MemoryItem::ToolResult { id: id.to_owned(), result, failed: false }
    }

    fn windowed(items: &[MemoryItem], budget: Budget, most: usize) -> Vec<MemoryItem> {
        let mut window = Window::new(budget, usize::MAX, most);
        let _ = items.iter().rev().cloned().all(|item| window.add(item));
        window.into_items()
    }

    #[test]
    fn a_window_holds_the_newest_items_that_fit() {
        let items: Vec<MemoryItem> = (0..9).map(|n| MemoryItem::user(n.to_string())).collect();
        let one = items[0].bytes();
        for (budget, count) in [
            (Budget::bytes(0), 0),
            (Budget::bytes(one - 1), 0),
            (Budget::bytes(3 * one), 3),
            (Budget::bytes(4 * one - 1), 3),
            (Budget::tokens(one), 4),
            (Budget::tokens(usize::MAX), 9),
        ] {
            assert_eq!(windowed(&items, budget, 100), items[9 - count..], "{budget:?}");
        }
        assert_eq!(windowed(&items, Budget::tokens(100_000), 2), items[7..]);
    }

    #[test]
    fn a_call_and_its_result_are_never_apart() {
        let (hi, bye) = (MemoryItem::user("hi"), MemoryItem::agent("bye"));
        let table: [(&[MemoryItem], &[MemoryItem]); 7] = [
            (&[call("1"), result("1")], &[call("1"), result("1")]),
            (&[hi.clone(), result("1"), bye.clone()], &[hi.clone(), bye.clone()]),
            (&[hi.clone(), call("1"), bye.clone()], &[hi.clone(), bye.clone()]),
            (&[result("1"), call("1")], &[]),
            (&[call("1"), result("2")], &[]),
            // Some models use the same ids in each of their answers.
            (&[call("1"), call("1"), result("1"), result("1")], &[call("1"), result("1")]),
            (
                &[call("1"), call("2"), result("2"), hi.clone(), result("1")],
                &[call("1"), call("2"), result("2"), hi, result("1")],
            ),
        ];
        for (items, expected) in table {
            assert_eq!(windowed(items, Budget::tokens(10_000), 100), expected, "{items:?}");
        }
        // The budget ends between the two.
        let room = result("1").bytes() + bye.bytes();
        let items = [call("1"), result("1"), bye.clone()];
        assert_eq!(windowed(&items, Budget::bytes(room), 100), [bye]);
    }

    #[test]
    fn items_have_a_json_that_stays() {
        let failed = MemoryItem::ToolResult {
            id: "2".to_owned(),
            result: Json::from_value("no").unwrap(),
            failed: true,
        };
        for (item, json) in [
            (MemoryItem::user("hi"), r#"{"user":[{"text":"hi"}]}"#),
            (MemoryItem::agent("yes"), r#"{"agent":[{"text":"yes"}]}"#),
            (call("1"), r#"{"toolCall":{"id":"1","name":"add","arguments":1}}"#),
            (result("1"), r#"{"toolResult":{"id":"1","result":2}}"#),
            (failed, r#"{"toolResult":{"id":"2","result":"no","failed":true}}"#),
        ] {
            assert_eq!(serde_json::to_string(&item).unwrap(), json);
            assert_eq!(serde_json::from_str::<MemoryItem>(json).unwrap(), item);
            assert_eq!(item.bytes(), json.len());
        }
        for bad in [r#"{"system":[]}"#, r#"{"toolResult":{"id":"1","result":2,"x":1}}"#, "{}"] {
            assert!(serde_json::from_str::<MemoryItem>(bad).is_err(), "{bad}");
        }
    }
}
