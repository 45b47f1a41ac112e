//! The log as items: inline in the head, in segments, and in parcels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use a2a_lambda_core::StoreError;
use a2a_lambda_core::head::Head;
use a2a_lambda_core::ids::{Incarnation, Position};
use a2a_lambda_core::log::Entry;
use a2a_lambda_core::store::{Kept, Snapshot};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{Item, Malformed, find_number, get_string, number, string, value};
use crate::format::{FORMAT, Kind, OLDEST, WITH_RETENTION};
use crate::head_item::from_item;
use crate::listing::is_by_state;
use crate::table::{LOG, LOG_BYTES, PARCELS, PK, SEGMENTS, SK, partition};

const SEGMENT: Kind = Kind::new("segment", WITH_RETENTION, &[PK, SK, LOG]);
const PARCEL: Kind = Kind::new("parcel", WITH_RETENTION, &[PK, SK, LOG]);

/// The attribute with the name of a parcel, in an inline pointer.
const POINTER: &str = "p";

/// New entries that exceed this together, in bytes, go into a parcel. Inline, each later commit
/// would pay for them again. A parcel is paid for once, with one more write unit.
const PARCEL_BYTES: usize = 2 * 1024;

/// A log of at most this many bytes stays inline.
const SMALL_LOG_BYTES: u64 = 4 * 1024;

/// In a larger log, inline entries that exceed this, in bytes, move to a segment. Inline, each
/// later commit would pay for them again.
const INLINE_BYTES: usize = 1_024;

/// The most log in one item, and the largest record of a step, out of DynamoDB's 400 KB (of 1,024 bytes), keys included.
pub(crate) const MAX_ITEM_BYTES: usize = 390 * 1024;

/// DynamoDB's charge for a list element, in addition to its own bytes.
const ELEMENT_BYTES: usize = 4;

/// The stored entries of a commit: those for the inline log, and those that must be stored before
/// it.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The new elements of the inline log.
    pub(crate) inline: Vec<AttributeValue>,
    /// Their size in bytes.
    pub(crate) inline_bytes: usize,
    /// The parcels, to be written before the commit.
    pub(crate) parcels: Vec<Item>,
}

/// The inline log of a head's item, as it was read or written.
#[derive(Debug)]
pub(crate) struct Inline {
    /// Its elements.
    pub(crate) log: Vec<AttributeValue>,
    /// Their size in bytes.
    pub(crate) bytes: usize,
    /// Whether its list attributes have the form of format 3.
    pub(crate) by_state: bool,
}

/// Whether an inline log moves to a segment when a commit adds to it.
pub(crate) fn moves(before: Option<&Inline>, packed: &Packed, after: &Head) -> bool {
    let inline_bytes = before.map_or(0, |inline| inline.bytes);
    let added = packed.inline_bytes;
    let is_small = after.log_bytes + 4 * after.position.0 <= SMALL_LOG_BYTES;
    !is_small && inline_bytes > 0 && added > 0 && inline_bytes + added > INLINE_BYTES
}

/// Packs the entries of a commit.
pub(crate) fn pack(head: &Head, entries: &[Entry]) -> Result<Packed, StoreError> {
    let mut texts = Vec::with_capacity(entries.len());
    for entry in entries {
        let text =
            serde_json::to_string(entry).map_err(|error| StoreError::Refused(Box::new(error)))?;
        if text.len() > MAX_ITEM_BYTES {
            let (bytes, limit) = (text.len(), MAX_ITEM_BYTES);
            return Err(StoreError::TooLarge { what: "a log entry", bytes, limit });
        }
        texts.push((entry.position.0, text));
    }
    let bytes: usize = texts.iter().map(|(_, text)| text.len() + ELEMENT_BYTES).sum();
    if bytes <= PARCEL_BYTES {
        let inline = texts.into_iter().map(|(_, text)| AttributeValue::S(text)).collect();
        return Ok(Packed { inline, inline_bytes: bytes, parcels: Vec::new() });
    }
    let mut packed = Packed { inline: Vec::new(), inline_bytes: 0, parcels: Vec::new() };
    let mut open: Vec<(u64, String)> = Vec::new();
    let mut open_bytes = 0;
    for (position, text) in texts {
        let size = text.len() + ELEMENT_BYTES;
        if open_bytes + size > MAX_ITEM_BYTES {
            packed.add_parcel(head, std::mem::take(&mut open));
            open_bytes = 0;
        }
        open_bytes += size;
        open.push((position, text));
    }
    packed.add_parcel(head, open);
    Ok(packed)
}

impl Packed {
    fn add_parcel(&mut self, head: &Head, texts: Vec<(u64, String)>) {
        let (Some((first, _)), Some((last, _))) = (texts.first(), texts.last()) else {
            return;
        };
        // The name has the commit's write id. Two commits that race for the same positions must not
        // overwrite each other's parcels, because the head will name only one of them.
        let prefix = prefix(PARCELS, head);
        let name = format!("{prefix}{first:010}#{last:010}#{}", head.write.as_str());
        self.inline_bytes += POINTER.len() + name.len() + ELEMENT_BYTES;
        self.inline.push(AttributeValue::M([(POINTER.to_owned(), string(&*name))].into()));
        let log = texts.into_iter().map(|(_, text)| AttributeValue::S(text)).collect();
        self.parcels.push(log_item(head, name, log));
    }
}

/// The prefix of the names of a task's segments or parcels. No other task of the same id has this
/// prefix.
pub(crate) fn prefix(kind: &str, head: &Head) -> String {
    match &head.incarnation {
        Some(incarnation) => format!("{kind}{}#", incarnation.as_str()),
        None => kind.to_owned(),
    }
}

/// The incarnation in the name of a segment or a parcel; `None` if it has none.
pub(crate) fn incarnation_of(name: &str) -> Option<Incarnation> {
    Incarnation::parse(name.split('#').nth(1)?)
}

/// Whether a segment or a parcel with this name belongs to the task, and to no other one of the
/// same id.
fn is_of(head: &Head, name: &str) -> bool {
    incarnation_of(name) == head.incarnation
}

fn log_item(head: &Head, name: String, log: Vec<AttributeValue>) -> Item {
    let format = if head.incarnation.is_some() { WITH_RETENTION } else { OLDEST };
    Item::from([
        (PK.to_owned(), string(partition(&head.key))),
        (SK.to_owned(), string(name)),
        (FORMAT.to_owned(), number(format)),
        (LOG.to_owned(), AttributeValue::L(log)),
    ])
}

/// The inline log of a head's item. The read of the head has checked it.
fn inline_log(item: &Item) -> Result<&[AttributeValue], Malformed> {
    match item.get(LOG) {
        Some(AttributeValue::L(log)) => Ok(log),
        _ => Err(Malformed::Attribute(LOG)),
    }
}

/// The log of a segment or a parcel.
fn log_of<'a>(kind: &Kind, item: &'a Item) -> Result<&'a [AttributeValue], Malformed> {
    kind.check(item)?;
    inline_log(item)
}

/// The segment for an inline log that moves out. It has only committed entries, and its name lists
/// them. So every writer writes the same item.
pub(crate) fn segment(head: &Head, log: &[AttributeValue]) -> Result<Option<Item>, Malformed> {
    let (Some(first), Some(last)) = (log.first(), log.last()) else {
        return Ok(None);
    };
    let (first, last) = (range(first)?.0, range(last)?.1);
    let name = format!("{}{first:010}#{last:010}", prefix(SEGMENTS, head));
    Ok(Some(log_item(head, name, log.to_vec())))
}

/// The positions in an element of a log: of an entry, or of the parcel that it points to.
fn range(element: &AttributeValue) -> Result<(u64, u64), Malformed> {
    match element {
        AttributeValue::S(text) => {
            let position = entry(text)?.position.0;
            Ok((position, position))
        }
        AttributeValue::M(pointer) => name_range(get_string(pointer, POINTER)?),
        _ => Err(Malformed::Attribute(LOG)),
    }
}

/// The positions in a parcel or a segment, from its name.
fn name_range(name: &str) -> Result<(u64, u64), Malformed> {
    let begin = if incarnation_of(name).is_some() { 2 } else { 1 };
    let mut fields = name.split('#').skip(begin).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok((first, last)),
        _ => Err(Malformed::Attribute(POINTER)),
    }
}

fn entry(text: &str) -> Result<Entry, Malformed> {
    serde_json::from_str(text).map_err(|error| {
        // serde's text would quote the entry, and errors are logged.
        let place = format!("{:?} error at column {}", error.classify(), error.column());
        value(LOG, place)
    })
}

/// Reads a head's item: the head, and the inline entries after the last parcel.
pub(crate) fn snapshot(item: &Item) -> Result<Snapshot, Malformed> {
    let head = from_item(item)?;
    let log = inline_log(item)?;
    let after_parcels =
        log.iter().rposition(|element| !element.is_s()).map_or(0, |parcel| parcel + 1);
    let texts = log[after_parcels..].iter().filter_map(|element| element.as_s().ok());
    let tail = texts.map(|text| entry(text)).collect::<Result<_, _>>()?;
    Ok(Snapshot { head, tail, kept: kept(item)? })
}

/// The facts about this item that the next commit needs.
fn kept(head_item: &Item) -> Result<Kept, Malformed> {
    let bytes = find_number(head_item, LOG_BYTES)?.unwrap_or_default();
    let by_state = is_by_state(head_item);
    Ok(Kept::new(Inline { log: inline_log(head_item)?.to_vec(), bytes, by_state }))
}

/// The attribute for the size of the inline log.
pub(crate) fn log_bytes(bytes: usize) -> AttributeValue {
    number(bytes)
}

/// The oldest entry of the inline log, counting the parcels that it points to.
pub(crate) fn first_inline(head_item: &Item) -> Result<Position, Malformed> {
    match inline_log(head_item)?.first() {
        Some(element) => Ok(Position(range(element)?.0)),
        None => Ok(from_item(head_item)?.position.next()),
    }
}

/// The end of the names of those segments that begin before this entry. A later segment has entries
/// that are still inline: its writer did not make the commit that moves them.
pub(crate) fn segments_before(head: &Head, first: Position) -> String {
    format!("{}{:010}$", prefix(SEGMENTS, head), first.0.saturating_sub(1))
}

/// Whether a segment has the entry after this one, or has older ones only.
pub(crate) fn reaches_back(segment: &Item, known: Position) -> Result<bool, Malformed> {
    Ok(name_range(get_string(segment, SK)?)?.0 <= known.next().0)
}

/// The names of the parcels with entries after this one, from the head's item and the segments.
pub(crate) fn parcels_after<'a>(
    head_item: &'a Item,
    segments: &'a [Item],
    known: Position,
) -> Result<BTreeSet<&'a str>, Malformed> {
    let mut names = BTreeSet::new();
    let moved = segments.iter().map(|segment| log_of(&SEGMENT, segment));
    for log in std::iter::once(inline_log(head_item)).chain(moved) {
        for pointer in log?.iter().filter_map(|element| element.as_m().ok()) {
            let name = get_string(pointer, POINTER)?;
            if name_range(name)?.1 > known.0 {
                names.insert(name);
            }
        }
    }
    Ok(names)
}

/// Assembles the log from the head's item and other items of the task's partition, as far back as
/// they reach. [`Malformed::Gap`] if they do not reach the entry after `known`.
pub(crate) fn assemble(
    head_item: &Item,
    others: &[Item],
    known: Position,
) -> Result<Snapshot, Malformed> {
    let head = from_item(head_item)?;
    let mut parcels = HashMap::new();
    let mut logs = vec![inline_log(head_item)?];
    for item in others {
        match get_string(item, SK)? {
            // An earlier task of the id left this item behind.
            name if !is_of(&head, name) => {}
            name if name.starts_with(PARCELS) => {
                parcels.insert(name, log_of(&PARCEL, item)?);
            }
            name if name.starts_with(SEGMENTS) => logs.push(log_of(&SEGMENT, item)?),
            // A later release has added this kind. The head's format covers its meaning.
            _ => {}
        }
    }
    // Two writers in a race may have left overlapping segments. Their common entries are equal, so
    // a map by position has each entry once.
    let mut entries = BTreeMap::new();
    let mut add = |text: &str| -> Result<(), Malformed> {
        let entry = entry(text)?;
        entries.insert(entry.position.0, entry);
        Ok(())
    };
    for element in logs.into_iter().flatten() {
        match element {
            AttributeValue::S(text) => add(text)?,
            AttributeValue::M(pointer) => {
                // A missing parcel has entries that were not requested, or it leaves a gap.
                for element in parcels.get(get_string(pointer, POINTER)?).copied().unwrap_or(&[]) {
                    add(element.as_s().map_err(|_| Malformed::Attribute(LOG))?)?;
                }
            }
            _ => return Err(Malformed::Attribute(LOG)),
        }
    }
    let mut tail = Vec::with_capacity(entries.len());
    for position in (1..=head.position.0).rev() {
        match entries.remove(&position) {
            Some(entry) => tail.push(entry),
            None if position > known.0 => return Err(Malformed::Gap(position)),
            None => break,
        }
    }
    tail.reverse();
    Ok(Snapshot { head, tail, kept: kept(head_item)? })
}
