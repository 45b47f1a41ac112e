//! Names and counters: small types, so that a task's id cannot be passed where its owner is meant.

use std::fmt;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::{digest, fnv1a};

/// The longest id that a client may send, in bytes. It keeps every key well inside DynamoDB's
/// 1,024-byte sort key.
pub const MAX_ID_BYTES: usize = 256;

/// The longest tenant name, in bytes.
pub const MAX_TENANT_BYTES: usize = 64;

/// Why an id is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The id is empty.
    #[error("must not be empty")]
    Empty,
    /// The id is longer than it may be.
    #[error("must be at most {max} bytes long")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The id has a character that is not allowed.
    #[error("may only have ASCII letters, digits, '.', '_' and '-'")]
    Character,
    /// The name is `.` or `..`: clients drop these when they resolve a URL.
    #[error("must not be '.' or '..'")]
    Dots,
}

/// A tenant: one isolated set of tasks behind the same endpoint (A2A's opaque routing `tenant`).
///
/// The empty tenant is the default one. At most [`MAX_TENANT_BYTES`] of ASCII letters, digits,
/// `.`, `_` and `-`: the name is part of storage keys, where `#` divides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tenant(String);

impl Tenant {
    /// Takes a tenant's name from a request.
    ///
    /// # Errors
    /// When the name is too long, has a character outside of the allowed set, or is `.` or `..`.
    pub fn parse(name: &str) -> Result<Self, InvalidId> {
        if name.len() > MAX_TENANT_BYTES {
            return Err(InvalidId::TooLong { max: MAX_TENANT_BYTES });
        }
        if matches!(name, "." | "..") {
            return Err(InvalidId::Dots);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !name.bytes().all(allowed) {
            return Err(InvalidId::Character);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name; empty for the default tenant.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! bounded_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an id of 1 to [`MAX_ID_BYTES`] bytes.
            ///
            /// # Errors
            /// When it is empty or too long.
            pub fn parse(id: impl Into<String>) -> Result<Self, InvalidId> {
                let id = id.into();
                if id.is_empty() {
                    return Err(InvalidId::Empty);
                }
                if id.len() > MAX_ID_BYTES {
                    return Err(InvalidId::TooLong { max: MAX_ID_BYTES });
                }
                Ok(Self(id))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bounded_id! {
    /// A task's id, unique within its tenant, made by the server (spec section 3.4.2).
    TaskId
}
bounded_id! {
    /// The principal that created a task, as the front door's authorizer names it. Only the owner
    /// sees a task.
    Owner
}
bounded_id! {
    /// The id that groups tasks and messages into one conversation (spec section 3.4.1).
    ContextId
}

bounded_id! {
    /// The id of a push config, unique within its task (spec section 4.3.1).
    ConfigId
}

/// The prefix of the id of a conversation that is named after its first task.
const AFTER_TASK: &str = "c-";

impl ContextId {
    /// The id of a conversation that begins with this task. The task's id is in it, so a store finds
    /// the first task of such a conversation without an index.
    pub fn begun_by(task: &TaskId) -> Self {
        Self(format!("{AFTER_TASK}{task}"))
    }

    /// The task that a conversation is named after; `None` if it has another name. A client may use
    /// any name, so the task need not exist, or be of this conversation.
    pub fn first_task(&self) -> Option<TaskId> {
        self.0.strip_prefix(AFTER_TASK).and_then(|task| TaskId::parse(task).ok())
    }
}

/// One creation of a push config. The task's head names a config by its registration, and the store
/// keeps the config under it.
///
/// Each request that creates or replaces a config has its own registration. So no request can
/// overwrite or delete the config of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registration(String);

/// The digits that stand for the config's id: a digest, because ids can be long and every commit
/// pays for the head's size.
const ID_DIGITS: usize = 32;

/// The digits that differ between two creations of one config.
const MAKING_DIGITS: usize = 16;

impl Registration {
    /// A registration for the config with this id, from a fresh unique text; see
    /// [`Ids`](crate::Ids).
    pub fn new(id: &ConfigId, unique: &str) -> Self {
        let mut text = digest([id.as_str().as_bytes()]);
        text.push_str(&digest([unique.as_bytes()])[..MAKING_DIGITS]);
        Self(text)
    }

    /// Reads a registration back; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let is_one = text.len() == ID_DIGITS + MAKING_DIGITS && text.bytes().all(is_digit);
        is_one.then(|| Self(text.to_owned()))
    }

    /// The registration's text, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a registration of the config with this id.
    pub fn is_of(&self, id: &ConfigId) -> bool {
        self.id_digits() == digest([id.as_str().as_bytes()])
    }

    /// Whether both are registrations of the same config.
    pub fn is_of_same_config(&self, other: &Self) -> bool {
        self.id_digits() == other.id_digits()
    }

    fn id_digits(&self) -> &str {
        self.0.get(..ID_DIGITS).unwrap_or_default()
    }
}

impl Owner {
    /// The owner that stands for a principal. One or more parts name a principal, such as a token's
    /// issuer and subject. Two principals never have the same owner: kind and parts stay distinct
    /// for all texts. `kind` is a plain word, and not `sha256`.
    ///
    /// The text is `{kind}:{part}#{part}`, with `#` and `%` in a part escaped. If it is too long,
    /// its digest replaces it: `sha256:{kind}:{digest}`.
    pub fn of_principal(kind: &str, parts: &[&str]) -> Self {
        let escaped = |part: &&str| part.replace('%', "%25").replace('#', "%23");
        let name = parts.iter().map(escaped).collect::<Vec<_>>().join("#");
        let text = format!("{kind}:{name}");
        if text.len() <= MAX_ID_BYTES {
            return Self(text);
        }
        Self(format!("sha256:{kind}:{}", digest([name.as_bytes()])))
    }
}

/// The key of a task: its tenant and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskKey {
    /// The tenant that the task belongs to.
    pub tenant: Tenant,
    /// The task's id within the tenant.
    pub task: TaskId,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.tenant, self.task)
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The value that follows this one.
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// The number of a log entry: 1 for the first, and one more for each that follows. Push cursors
    /// and the inbox are kept in positions. Clients see [`Generation`]s instead.
    Position
}
counter! {
    /// The clients' count of a task's events: the number of the newest one. A new task has
    /// generation 1, and each status change or artifact adds one, without a gap. A user's message
    /// has no event: it keeps the generation at which it came. Clients see it as the SSE event id,
    /// in `Last-Event-ID`, and as the `generation` of a long poll.
    Generation
}
counter! {
    /// The optimistic lock. Each commit increases it, even one that no client sees (a claim, a
    /// moved due time). Only the renewal of a lease leaves it unchanged.
    Revision
}
counter! {
    /// Counts the claims of a task, and so orders the leases that the task has had.
    Fence
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// A token from a fresh unique text; see [`Ids`](crate::Ids).
            pub fn new(unique: impl Into<String>) -> Self {
                Self(unique.into())
            }

            /// The token's text, for the store.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

token! {
    /// The secret of one lease. Each claim has a fresh one, and every write of the holder checks
    /// it.
    LeaseToken
}
token! {
    /// The secret of one claim of a task's pushes. Each deliverer has a fresh one. The machine
    /// checks it when the deliverer claims again or settles.
    ClaimToken
}

impl ClaimToken {
    /// The token that lets the same deliverer begin pushes with a view of this age, if that exceeds
    /// [`Policy::push_view`](crate::Policy::push_view). The age is part of the text, so that a
    /// later committer knows it.
    #[must_use]
    pub fn with_view(&self, view: Duration) -> Self {
        Self(format!("{}{VIEW}{}", self.unique(), view.as_millis()))
    }

    /// The longest age of the deliverer's view, if it exceeds the usual one.
    pub fn view(&self) -> Option<Duration> {
        let (_, view) = self.0.rsplit_once(VIEW)?;
        view.parse().ok().map(Duration::from_millis)
    }

    /// Whether both tokens have the same holder. Their views may differ.
    pub fn is_of_same_holder(&self, other: &Self) -> bool {
        self.unique() == other.unique()
    }

    fn unique(&self) -> &str {
        match self.view() {
            Some(_) => self.0.rsplit_once(VIEW).map_or("", |(unique, _)| unique),
            None => &self.0,
        }
    }
}

/// The separator between the unique text of a token and its view.
const VIEW: &str = "~view-ms=";

/// Names one write, so that its writer knows it again when the answer to it was lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriteId(String);

impl WriteId {
    /// An id from a fresh unique text; see [`Ids`](crate::Ids).
    pub fn new(unique: impl Into<String>) -> Self {
        Self(unique.into())
    }

    /// The id's text, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One life of a task id. A task id that comes from an idempotency key is reused after its task has
/// expired. The head's incarnation is part of the names of the items beside the head. So no reader
/// takes an item of an earlier task for a part of a later one.
///
/// It begins with the time of creation, which shows that an earlier task's items are older.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation(String);

/// The part of an [`Incarnation`] that is its time, in milliseconds, as hexadecimal digits.
const TIME_DIGITS: usize = 12;

/// The digits of an [`Incarnation`] that tell it from another one of the same time.
const RANDOM_DIGITS: usize = 4;

impl Incarnation {
    /// The incarnation of a task that is created at this time, by this write.
    pub fn new(at: Timestamp, write: &WriteId) -> Self {
        let millis = at.as_millis().max(0);
        let random = fnv1a(write.0.as_bytes()) & 0xffff;
        Self(format!("{millis:0TIME_DIGITS$x}{random:0RANDOM_DIGITS$x}"))
    }

    /// Reads an incarnation back; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let is_one = text.len() == TIME_DIGITS + RANDOM_DIGITS && text.bytes().all(is_digit);
        is_one.then(|| Self(text.to_owned()))
    }

    /// The incarnation's text, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The time of its task's creation, by the creator's clock.
    pub fn began_at(&self) -> Timestamp {
        let digits = self.0.get(..TIME_DIGITS).unwrap_or_default();
        Timestamp::from_millis(i64::from_str_radix(digits, 16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_keep_to_their_alphabet() {
        assert_eq!(Tenant::parse("").unwrap(), Tenant::default());
        assert_eq!(Tenant::parse("acme-1.eu_west").unwrap().as_str(), "acme-1.eu_west");
        for bad in ["a#b", "a/b", "ä", "a b"] {
            assert_eq!(Tenant::parse(bad), Err(InvalidId::Character), "{bad}");
        }
        for dots in [".", ".."] {
            assert_eq!(Tenant::parse(dots), Err(InvalidId::Dots));
        }
        assert_eq!(Tenant::parse("...").unwrap().as_str(), "...");
        assert_eq!(
            Tenant::parse(&"t".repeat(MAX_TENANT_BYTES + 1)),
            Err(InvalidId::TooLong { max: MAX_TENANT_BYTES })
        );
    }

    #[test]
    fn ids_are_bounded() {
        assert_eq!(TaskId::parse(""), Err(InvalidId::Empty));
        assert!(TaskId::parse("x".repeat(MAX_ID_BYTES)).is_ok());
        assert_eq!(
            TaskId::parse("x".repeat(MAX_ID_BYTES + 1)),
            Err(InvalidId::TooLong { max: MAX_ID_BYTES })
        );
    }

    #[test]
    fn a_registration_tells_its_config_and_its_making() {
        let id = |text: &str| ConfigId::parse(text).unwrap();
        let (one, again) = (Registration::new(&id("a"), "1"), Registration::new(&id("a"), "2"));
        assert_ne!(one, again);
        assert!(one.is_of(&id("a")) && again.is_of(&id("a")) && one.is_of_same_config(&again));
        let other = Registration::new(&id("b"), "1");
        assert!(!one.is_of(&id("b")) && !one.is_of_same_config(&other));
        assert_eq!(Registration::parse(one.as_str()), Some(one.clone()));
        for bad in ["", "x", &one.as_str()[1..], &one.as_str().to_uppercase()] {
            assert_eq!(Registration::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_incarnation_tells_its_time() {
        let at = Timestamp::from_millis(1_795_000_000_123);
        let one = Incarnation::new(at, &WriteId::new("1"));
        assert_eq!((one.as_str().len(), one.began_at()), (16, at));
        assert_ne!(one, Incarnation::new(at, &WriteId::new("2")));
        assert!(
            one < Incarnation::new(at.saturating_add(Duration::from_millis(1)), &WriteId::new("1"))
        );
        assert_eq!(Incarnation::parse(one.as_str()), Some(one.clone()));
        for bad in ["", "0000000001", &one.as_str()[1..], &one.as_str().to_uppercase()] {
            assert_eq!(Incarnation::parse(bad), None, "{bad}");
        }
        let end = Incarnation::new(Timestamp::MAX, &WriteId::new("1"));
        assert_eq!((end.as_str().len(), end.began_at()), (16, Timestamp::MAX));
    }

    #[test]
    fn an_owner_is_readable_where_it_fits() {
        let issuer = "https://issuer.example";
        for (parts, owner) in [
            (&["alice"][..], "jwt:alice"),
            (&[issuer, "alice"], "jwt:https://issuer.example#alice"),
            (&[issuer, "a#b%"], "jwt:https://issuer.example#a%23b%25"),
            (&["", "alice"], "jwt:#alice"),
        ] {
            assert_eq!(Owner::of_principal("jwt", parts).as_str(), owner);
        }
        let long = Owner::of_principal("jwt", &[&"a".repeat(300)]);
        assert!(long.as_str().starts_with("sha256:jwt:"), "{long}");
        assert!(long.as_str().len() <= MAX_ID_BYTES, "{long}");
    }

    /// Every text of up to three of the characters that the encoding treats.
    fn texts() -> Vec<String> {
        let mut texts = vec![String::new()];
        for length in 0..3 {
            let longer = texts.iter().filter(|text| text.len() == length);
            let longer: Vec<_> = longer
                .flat_map(|text| ["#", "%", "2", ":"].map(|last| format!("{text}{last}")))
                .collect();
            texts.extend(longer);
        }
        texts
    }

    #[test]
    fn no_two_principals_are_one_owner() {
        let texts = texts();
        let mut owners = std::collections::HashMap::new();
        let mut add = |kind: &str, parts: &[&str]| {
            let principal = format!("{kind} {parts:?}");
            let owner = Owner::of_principal(kind, parts);
            let other = owners.insert(owner.clone(), principal.clone());
            assert_eq!(other, None, "{owner} is {principal}, too");
        };
        let filler = "x".repeat(MAX_ID_BYTES);
        for kind in ["jwt", "lambda", "lambda-number"] {
            for first in &texts {
                add(kind, &[first]);
                for second in &texts {
                    add(kind, &[first, second]);
                    add(kind, &[&format!("{filler}{first}"), second]);
                }
            }
            // A name that equals the digest of a longer one.
            let long = Owner::of_principal(kind, &[&filler]);
            let (_, digest) = long.as_str().rsplit_once(':').unwrap();
            for name in [long.as_str().to_owned(), format!("sha256:{digest}"), digest.to_owned()] {
                add(kind, &[&name]);
            }
            add(kind, &[&filler]);
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", LeaseToken::new("secret")), "LeaseToken(…)");
        assert_eq!(format!("{:?}", ClaimToken::new("secret")), "ClaimToken(…)");
    }

    #[test]
    fn a_token_with_a_view_is_of_the_same_holder() {
        let (token, other) = (ClaimToken::new("a"), ClaimToken::new("b"));
        let wide = token.with_view(Duration::from_millis(800));
        let wider = wide.with_view(Duration::from_secs(2));
        let views = [&token, &wide, &wider].map(ClaimToken::view);
        let ms = Duration::from_millis;
        assert_eq!(views, [None, Some(ms(800)), Some(ms(2_000))]);
        for same in [&token, &wide, &wider] {
            assert!(same.is_of_same_holder(&wide) && wide.is_of_same_holder(same));
            assert!(!same.is_of_same_holder(&other));
        }
        // A malformed view counts as part of the name.
        let odd = ClaimToken::new("a~view-ms=x");
        assert!(odd.view().is_none() && !odd.is_of_same_holder(&token));
    }
}
