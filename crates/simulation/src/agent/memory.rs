//! The agent's words about its conversation.
//!
//! | word      | what it does                                                                      |
//! |-----------|-----------------------------------------------------------------------------------|
//! | `noteN`   | appends N items to the memory                                                     |
//! | `jot`     | appends items that differ in each attempt                                         |
//! | `recall`  | loads the memory                                                                  |
//! | `glimpse` | loads the newest items of it                                                      |
//! | `count`   | adds one to a number of the session by compare-and-set, in up to three tries      |
//! | `set`     | writes a session value, without a version                                          |
//! | `drop`    | deletes that value, unless it was changed since it was read                       |

use a2a_lambda_core::conversation::{Budget, Held, MemoryItem, SessionVersion, Swap};
use a2a_lambda_core::{Failure, Turn};
use a2a_lambda_protocol::Json;

use super::{After, Scripted};
use crate::ledger::Places;
use crate::oracle::Violation;
use crate::talks::{COUNT, Counted, item, tag};

/// The session key under which agents write without a version.
const TEXT: &str = "text";

/// How often an agent tries to count.
const TRIES: u32 = 3;

/// Room for a few items.
const GLIMPSE_BYTES: usize = 500;

/// More than a conversation has.
const ALL_BYTES: usize = 1 << 20;

impl Scripted {
    /// Obeys a word about the conversation; `None` if it is none.
    pub(super) async fn remember(
        &self,
        turn: &Turn,
        places: &Places,
        verb: &str,
        number: u64,
    ) -> Result<Option<After>, Failure> {
        match verb {
            "note" => self.append(turn, places, 0, number).await?,
            "jot" => self.append(turn, places, turn.fence() * 100, 1 + turn.fence() % 2).await?,
            "recall" => self.load(turn, places, ALL_BYTES).await?,
            "glimpse" => self.load(turn, places, GLIMPSE_BYTES).await?,
            "count" => self.count(turn, places).await?,
            "set" => {
                self.write(turn, places, TEXT, Some(turn.fence()), None).await?;
            }
            "drop" => {
                let held = self.read(turn, places, TEXT).await?;
                self.write(turn, places, TEXT, None, Some(&held.version)).await?;
            }
            _ => return Ok(None),
        }
        Ok(Some(After::Next))
    }

    /// The name of a write at this place, the same in each run of the scope.
    fn tag(turn: &Turn, place: &str) -> String {
        tag(&turn.idempotency_key(), place)
    }

    async fn append(
        &self,
        turn: &Turn,
        places: &Places,
        first: u64,
        count: u64,
    ) -> Result<(), Failure> {
        let tag = Self::tag(turn, &places.next(None, "append", 0, false).full);
        let items: Vec<String> = (first..first + count).map(|more| item(&tag, more)).collect();
        turn.memory().append(items.iter().map(MemoryItem::agent)).await?;
        self.actor.world().agent_appended(self.actor.name(), tag, items);
        Ok(())
    }

    async fn load(&self, turn: &Turn, places: &Places, bytes: usize) -> Result<(), Failure> {
        let place = places.next(None, "load", 0, false).full;
        let (world, name) = (self.actor.world(), self.actor.name());
        let asked_at = world.agent_remembers(name, &place, None);
        let items = turn.memory().load(Budget::bytes(bytes)).await?;
        let loaded: usize = items.iter().map(MemoryItem::bytes).sum();
        if loaded > bytes {
            let text = format!("{name} asks for {bytes} bytes, and loads {loaded}");
            world.fail(Violation::new("I10", text));
        }
        world.agent_loads(name, &place, asked_at, bytes == ALL_BYTES, &items);
        Ok(())
    }

    async fn count(&self, turn: &Turn, places: &Places) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let held = self.read(turn, places, COUNT).await?;
            let next = held.value.map_or(0, |value| value.number) + 1;
            if self.write(turn, places, COUNT, Some(next), Some(&held.version)).await? {
                break;
            }
        }
        Ok(())
    }

    async fn read(
        &self,
        turn: &Turn,
        places: &Places,
        key: &'static str,
    ) -> Result<Held<Counted>, Failure> {
        let place = places.next(None, key, 0, false).full;
        let (world, name) = (self.actor.world(), self.actor.name());
        world.agent_remembers(name, &place, Some(key));
        let held: Held<Counted> = turn.session().get(key).await?;
        let write = write_of(&held.version);
        world.agent_sees_value(name, &place, key, (write.as_deref(), held.value.as_ref()));
        Ok(held)
    }

    /// Writes a number, or deletes the value. Returns whether that was done.
    async fn write(
        &self,
        turn: &Turn,
        places: &Places,
        key: &'static str,
        number: Option<u64>,
        version: Option<&SessionVersion>,
    ) -> Result<bool, Failure> {
        let place = places.next(None, "write", 0, false).full;
        let by = Self::tag(turn, &place);
        let session = turn.session();
        let swap = match number {
            // An argument that differs in each run would be another write.
            Some(number) if version.is_some() => {
                session.set(key, &Counted { number, by: by.clone() }, version).await?
            }
            Some(_) => session.set(key, &Counted { number: 0, by: by.clone() }, None).await?,
            None => session.delete(key, version).await?,
        };
        let made = match &swap {
            Swap::Done(version) => write_of(version),
            Swap::Lost => None,
        };
        let (world, name) = (self.actor.world(), self.actor.name());
        world.agent_wrote(name, &place, key, &by, made.as_deref());
        Ok(made.is_some())
    }
}

/// The write that made a version.
fn write_of(version: &SessionVersion) -> Option<String> {
    Json::from_value(version).ok()?.to().ok()?
}
