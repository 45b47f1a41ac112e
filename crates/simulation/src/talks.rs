//! The conversations, as the outside world knows them: their memory and their sessions after each write.
//!
//! Its rules, each a finding's beginning:
//!
//! - I8: an agent finds only what was written in the conversation of its task.
//! - I16: the entries of a memory have the numbers from 1, and stay. An append of a scope is in one of
//!   them, and only a later run of the scope replaces it. Each load has all that was stored when the scope
//!   first asked, and ends at the same entry in each run.
//! - I16: a session value that was changed by compare-and-set lacks no change. A write is made once, and
//!   its agent is told so in each run.

use std::collections::BTreeMap;

use a2a_lambda_core::conversation::{ConversationKey, MemoryEntry, MemoryItem, SessionValue};
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::steps::ScopeKey;
use serde::{Deserialize, Serialize};

use crate::ledger::{Holds, ensure};

/// The session key under which agents count.
pub(crate) const COUNT: &str = "count";

/// The first character of an item's tag. No client's message begins with it.
const TAG: char = '@';

/// How many earlier writes a session value remembers.
const REMEMBERED: usize = 16;

/// The name of an append or of a write, of all runs of its scope.
pub(crate) fn tag(scope: &str, place: &str) -> String {
    format!("{TAG}{scope}{place}")
}

/// An item with the tag of its append.
pub(crate) fn item(tag: &str, more: u64) -> String {
    format!("{tag}|{more}")
}

/// The tag of an item; `None` for a message of a client or an agent in a task.
fn tag_of(text: &str) -> Option<&str> {
    let (tag, _) = text.rsplit_once('|')?;
    tag.starts_with(TAG).then_some(tag)
}

/// The texts of items, as the agents write them.
pub(crate) fn texts(items: &[MemoryItem]) -> Vec<String> {
    let parts = items.iter().flat_map(|item| match item {
        MemoryItem::User(parts) | MemoryItem::Agent(parts) => parts.as_slice(),
        _ => &[],
    });
    parts.filter_map(|part| part.as_text()).map(str::to_owned).collect()
}

/// A session value of the agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) number: u64,
    /// The tag of the write.
    pub(crate) by: String,
}

#[derive(Debug)]
struct Version {
    entry: MemoryEntry,
    /// The number of the event with which it was stored.
    since: u64,
}

#[derive(Debug)]
struct Written {
    write: WriteId,
    value: Option<Counted>,
}

#[derive(Debug, Default)]
struct Talk {
    /// The versions of each entry, by number.
    entries: Vec<Vec<Version>>,
    /// The writes to each session value, the newest last.
    values: BTreeMap<String, Vec<Written>>,
}

/// The place at which an agent asks for something in a scope.
type Place = (ScopeKey, String);

/// The first request of a scope at a place.
#[derive(Debug)]
struct Asked {
    /// How many entries or writes there were.
    newest: usize,
    /// How many a load found.
    found: Option<usize>,
}

impl Asked {
    /// A load has found so many entries.
    fn ends_at(&mut self, found: usize) -> Holds {
        let first = *self.found.get_or_insert(found);
        ensure(first == found, || {
            format!("I16: a run loads {found} entries, and an earlier run of its scope {first}")
        })
    }
}

/// The entries of each append, by its tag. There is one, unless a runner whose task was deleted has made
/// it again.
type Appends = BTreeMap<String, Vec<(ConversationKey, usize)>>;

#[derive(Debug, Default)]
pub(crate) struct Talks {
    events: u64,
    of: BTreeMap<ConversationKey, Talk>,
    asked: BTreeMap<Place, Asked>,
    appends: Appends,
}

impl Talks {
    /// All entries of a memory, after an actor has tried to store one of them. `is_known`: whether what
    /// it has appended before is.
    pub(crate) fn entry_written(
        &mut self,
        actor: &str,
        of: &ConversationKey,
        after: &[MemoryEntry],
        is_known: bool,
    ) -> Holds {
        self.events += 1;
        let known = self.of.entry(of.clone()).or_default();
        ensure(after.len() >= known.entries.len(), || format!("I16: {actor} removes from {of}"))?;
        for (place, entry) in after.iter().enumerate() {
            ensure(entry.number == place as u64 + 1, || {
                format!("I16: {actor} stores entry {} of {of} at {place}", entry.number)
            })?;
            let texts = texts(&entry.items);
            let tag = texts.first().and_then(|text| tag_of(text)).unwrap_or_default();
            let version = Version { entry: entry.clone(), since: self.events };
            let Some(versions) = known.entries.get_mut(place) else {
                let places = self.appends.entry(tag.to_owned()).or_default();
                ensure(places.is_empty() || !is_known, || {
                    format!("I16: {actor} appends {tag} to {of} again")
                })?;
                places.push((of.clone(), place));
                known.entries.push(vec![version]);
                continue;
            };
            let Some(before) = versions.last().filter(|before| before.entry != *entry) else {
                continue;
            };
            let is_its = places(&self.appends, of, tag).any(|its| its == place);
            ensure(is_its && before.entry.fence <= entry.fence, || {
                format!("I16: {actor} replaces {:?} by {entry:?}", before.entry)
            })?;
            versions.push(version);
        }
        Ok(())
    }

    /// A run is about to load, or to read a session value. Returns the number of the event.
    pub(crate) fn asks(
        &mut self,
        scope: &ScopeKey,
        place: &str,
        of: &ConversationKey,
        key: Option<&str>,
    ) -> u64 {
        self.events += 1;
        let known = self.of.get(of);
        let newest = known.map_or(0, |known| match key {
            Some(key) => known.values.get(key).map_or(0, Vec::len),
            None => known.entries.len(),
        });
        let place = (scope.clone(), place.to_owned());
        self.asked.entry(place).or_insert(Asked { newest, found: None });
        self.events
    }

    /// A run has loaded these items: all that there are, or the newest. Returns false if the histories of
    /// the conversation's tasks stand for its memory.
    pub(crate) fn loads(
        &mut self,
        scope: &ScopeKey,
        place: &str,
        of: &ConversationKey,
        asked_at: u64,
        is_whole: bool,
        items: &[MemoryItem],
    ) -> Result<bool, String> {
        let loaded = texts(items);
        let at = (scope.clone(), place.to_owned());
        let Some(asked) = self.asked.get_mut(&at) else { return Ok(true) };
        let untagged = loaded.iter().filter(|text| tag_of(text).is_none()).count();
        if untagged > 0 || loaded.is_empty() {
            ensure(asked.newest == 0 && untagged == loaded.len(), || {
                format!(
                    "I16: {scope:?} loads {loaded:?} of {of}, which has {} entries",
                    asked.newest
                )
            })?;
            asked.ends_at(0)?;
            return Ok(false);
        }
        let tag = loaded.first().and_then(|text| tag_of(text)).unwrap_or_default();
        let starts = places(&self.appends, of, tag).filter(|place| *place == 0 || !is_whole);
        let shown = starts.map(|first| self.shown_from(of, first, asked_at, is_whole, &loaded));
        let fullest = shown.min_by_key(|(_, rest)| rest.len());
        let Some((found, rest)) = fullest else {
            return Err(format!("I8: {scope:?} loads {loaded:?} of {of}, not its entries"));
        };
        ensure(rest.is_empty(), || {
            format!(
                "I8: {scope:?} loads {rest:?} behind {found} entries of {of}, not the next ones"
            )
        })?;
        let asked = self.asked.get_mut(&at).ok_or("I16: nobody asked")?;
        ensure(found >= asked.newest, || {
            format!("I16: {scope:?} loads {found} entries of {of}, and {} were there", asked.newest)
        })?;
        asked.ends_at(found)?;
        Ok(true)
    }

    /// Follows loaded items from an entry on, each as it was shown since the load began. Returns the
    /// place behind the last entry that fits, and the items that are left.
    fn shown_from<'l>(
        &self,
        of: &ConversationKey,
        first: usize,
        asked_at: u64,
        is_whole: bool,
        loaded: &'l [String],
    ) -> (usize, &'l [String]) {
        let (mut found, mut rest) = (first, loaded);
        let entries = self.of.get(of).map_or(&[][..], |known| known.entries.as_slice());
        while let Some(versions) = entries.get(found).filter(|_| !rest.is_empty()) {
            let since = versions.iter().skip(1).map(|version| version.since).chain([u64::MAX]);
            let mut shown = versions.iter().zip(since).filter(|(_, until)| *until > asked_at);
            let is_first = rest.len() == loaded.len() && !is_whole;
            let fits = shown.find_map(|(version, _)| {
                let all = texts(&version.entry.items);
                let from =
                    if is_first { all.iter().position(|text| *text == rest[0])? } else { 0 };
                rest.strip_prefix(&all[from..])
            });
            let Some(left) = fits else { break };
            rest = left;
            found += 1;
        }
        (found, rest)
    }

    /// I16: the items that the run of a committed turn has appended are there, in order.
    pub(crate) fn holds(&self, of: &ConversationKey, appended: &[(String, Vec<String>)]) -> Holds {
        let mut next = 0;
        for (tag, items) in appended {
            let found = places(&self.appends, of, tag).find(|place| *place >= next);
            let entry = found.and_then(|place| self.of.get(of)?.entries.get(place)?.last());
            ensure(entry.is_some_and(|version| texts(&version.entry.items) == *items), || {
                format!("I16: {items:?} was appended to {of}, and {entry:?} is there")
            })?;
            next = found.map_or(next, |place| place + 1);
        }
        Ok(())
    }

    /// A session value, after an actor has tried to store it. `is_known`: whether its earlier writes are.
    pub(crate) fn value_written(
        &mut self,
        actor: &str,
        of: &ConversationKey,
        after: &SessionValue,
        is_known: bool,
    ) -> Holds {
        self.events += 1;
        let known = self.of.entry(of.clone()).or_default();
        let written = known.values.entry(after.key.clone()).or_default();
        let last = written.last();
        if last.is_some_and(|last| last.write == after.write) {
            return Ok(());
        }
        let value = after.value.as_ref().and_then(|json| json.to::<Counted>().ok());
        let number = |value: Option<&Counted>| value.map_or(0, |value| value.number);
        let before = number(last.and_then(|last| last.value.as_ref()));
        ensure(after.key != COUNT || number(value.as_ref()) == before + 1, || {
            format!("I16: {actor} writes {value:?} to {of}, and {before} was counted")
        })?;
        let by = value.as_ref().map(|value| &value.by);
        let again = newest(written).find(|of| {
            of.write == after.write || of.value.as_ref().is_some_and(|of| Some(&of.by) == by)
        });
        ensure(again.is_none() || !is_known, || {
            format!("I16: {actor} makes {again:?} of {of} again")
        })?;
        written.push(Written { write: after.write.clone(), value });
        Ok(())
    }

    /// A run sees a session value, written by this write; `None` if there never was one.
    pub(crate) fn sees_value(
        &self,
        scope: &ScopeKey,
        place: &str,
        of: &ConversationKey,
        key: &str,
        seen: (Option<&str>, Option<&Counted>),
    ) -> Holds {
        let Some(asked) = self.asked.get(&(scope.clone(), place.to_owned())) else { return Ok(()) };
        let writes = self.of.get(of).and_then(|known| known.values.get(key));
        let writes = writes.map_or(&[][..], Vec::as_slice);
        let (write, value) = seen;
        let made = write.map_or(Some(0), |write| {
            let at = writes.iter().position(|of| of.write.as_str() == write)?;
            (writes[at].value.as_ref() == value).then_some(at + 1)
        });
        ensure(made.is_some(), || format!("I8: {scope:?} reads {seen:?} under {key} of {of}"))?;
        ensure(made >= Some(asked.newest), || {
            let newest = asked.newest;
            format!(
                "I16: {scope:?} reads write {made:?} under {key} of {of}, and {newest} were made"
            )
        })
    }

    /// A run is told that its write with this tag was made, or was not.
    pub(crate) fn is_told(
        &self,
        scope: &ScopeKey,
        of: &ConversationKey,
        key: &str,
        tag: &str,
        made: Option<&str>,
    ) -> Holds {
        let writes = self.of.get(of).and_then(|known| known.values.get(key));
        let writes = writes.map_or(&[][..], Vec::as_slice);
        let is_right = match made {
            Some(write) => writes.iter().any(|of| of.write.as_str() == write),
            None => newest(writes).all(|of| of.value.as_ref().is_none_or(|of| of.by != tag)),
        };
        ensure(is_right, || format!("I16: {scope:?} is told {made:?} of {tag} to {key} of {of}"))
    }
}

/// The places of an append in a memory.
fn places<'a>(
    appends: &'a Appends,
    of: &'a ConversationKey,
    tag: &str,
) -> impl Iterator<Item = usize> + use<'a> {
    let all = appends.get(tag).into_iter().flatten();
    all.filter(move |(of_it, _)| of_it == of).map(|(_, place)| *place)
}

/// The writes that a value remembers.
fn newest(written: &[Written]) -> impl Iterator<Item = &Written> {
    written.iter().rev().take(REMEMBERED)
}
