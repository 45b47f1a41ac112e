//! Places: their number limits an owner's parallel streams and open tasks.
//!
//! A new stream or task first takes a place by a conditional write, so that no two take the last
//! one. A place has a time. A stream's place is a lease: it becomes free after that time, even if
//! its process has died. A task's place is held while the task is being created. After that time it
//! is free if no such task exists, or the task has ended. So no caller must return the place of a
//! task, and the end of a task needs no write.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_protocol::{A2aError, Timestamp};
use async_trait::async_trait;
use futures_util::future::join_all;
use tracing::{info, warn};

use crate::digest::digest;
use crate::engine::{Engine, chain};
use crate::ids::{Owner, TaskId, TaskKey, Tenant};
use crate::store::{Depth, StoreError};

/// How long a stream keeps a place without a renewal, and a task before it exists.
pub const LEASE: Duration = Duration::from_mins(1);

/// How often a stream renews its lease.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// How long the renewal or the return of a place may delay a stream.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time after which a refused caller may try again.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// How long an owner's new tasks are refused without another look at the open ones.
const FULL_FOR: Duration = Duration::from_secs(2);

/// How often a caller tries to take a place while others take and free places.
const TRIES: usize = 4;

/// How many tasks are read in parallel in the search for one that has ended.
const READS_AT_ONCE: usize = 16;

/// The most places that one write frees, because DynamoDB bounds conditions.
pub const MOST_FREED: usize = READS_AT_ONCE;

/// The digits in the name of a stream's place. No two places of an owner have the same name.
const NAME_DIGITS: usize = 16;

/// The use of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaceKind {
    /// Open streams.
    Stream,
    /// Open tasks.
    Task,
}

/// An owner's places of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlacesOf {
    /// Their use.
    pub kind: PlaceKind,
    /// The owner.
    pub owner: Owner,
}

/// A place that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of its holder.
    pub name: String,
    /// The holder keeps the place at least until then.
    pub until: Timestamp,
}

/// The outcome of taking a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The caller has the place, perhaps from an earlier try under the same name.
    Yes,
    /// No place is free.
    Full {
        /// The taken places.
        places: Vec<Place>,
        /// Until then, no caller needs to check for a free place.
        looked_until: Option<Timestamp>,
    },
}

/// Keeps owners' places.
#[async_trait]
pub trait Places: fmt::Debug + Send + Sync + 'static {
    /// Takes a place if fewer than `most` are taken. If the name has a place already, the caller
    /// keeps it for at least the requested time.
    ///
    /// # Errors
    /// When it is unknown whether the place is taken.
    async fn take(
        &self,
        of: &PlacesOf,
        place: &Place,
        most: NonZeroU64,
    ) -> Result<Taken, StoreError>;

    /// Frees places, at most [`MOST_FREED`], if all of them are unchanged since they were read.
    /// Otherwise it frees none.
    ///
    /// # Errors
    /// When it is unknown whether they are free.
    async fn free(&self, of: &PlacesOf, places: &[Place]) -> Result<(), StoreError>;

    /// Sets the time of a taken place. Returns false if the place is not taken any more.
    ///
    /// # Errors
    /// When it is unknown whether the time is set.
    async fn renew(&self, of: &PlacesOf, place: &Place) -> Result<bool, StoreError>;

    /// Frees the caller's own place, if it is taken.
    ///
    /// # Errors
    /// When it is unknown whether the place is free.
    async fn leave(&self, of: &PlacesOf, name: &str) -> Result<(), StoreError>;

    /// Frees a place in the background, if possible, for a caller that cannot wait.
    fn leave_soon(self: Arc<Self>, of: PlacesOf, name: String);

    /// Stores that a caller found no free place, which counts until this time.
    ///
    /// # Errors
    /// When it is unknown whether that is stored.
    async fn looked(&self, of: &PlacesOf, until: Timestamp) -> Result<(), StoreError>;
}

/// The number of places that an owner has, and their store.
#[derive(Debug, Clone)]
pub struct PlaceLimit {
    /// The number.
    pub most: NonZeroU64,
    /// The store of the places.
    pub places: Arc<dyn Places>,
}

/// The limits of the operations.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// The limit of an owner's open streams.
    pub streams: Option<PlaceLimit>,
    /// The limit of an owner's open tasks.
    pub tasks: Option<PlaceLimit>,
}

impl PlaceLimit {
    /// Takes a place for a stream of this owner, or refuses the stream. If the store of places
    /// fails, the stream has no place.
    pub(crate) async fn stream(
        &self,
        engine: &Engine,
        owner: &Owner,
    ) -> Result<Option<StreamPlace>, A2aError> {
        let of = PlacesOf { kind: PlaceKind::Stream, owner: owner.clone() };
        let mut name = digest([engine.ids.fresh().as_bytes()]);
        name.truncate(NAME_DIGITS);
        let uncounted = |error: &StoreError| {
            warn!(
                event = "stream_not_counted",
                error = chain(&error),
                "the stream could not be counted and is served without a place"
            );
            None
        };
        for _ in 0..TRIES {
            let now = engine.clock.now();
            let place = Place { name: name.clone(), until: now.saturating_add(LEASE) };
            let places = match self.places.take(&of, &place, self.most).await {
                Ok(Taken::Yes) => {
                    let renew_at = now.saturating_add(RENEW_EVERY);
                    let places = self.places.clone();
                    return Ok(Some(StreamPlace { places, of, place: Some(place), renew_at }));
                }
                Ok(Taken::Full { places, .. }) => places,
                Err(error) => return Ok(uncounted(&error)),
            };
            let mut dead: Vec<_> = places.into_iter().filter(|it| it.until <= now).collect();
            if dead.is_empty() {
                break;
            }
            dead.truncate(MOST_FREED);
            if let Err(error) = self.places.free(&of, &dead).await {
                return Ok(uncounted(&error));
            }
        }
        info!(event = "streams_limited", %owner, "the owner is at its limit of open streams");
        Err(self.refusal("open streams"))
    }

    /// Takes a place for a new task of this owner, or refuses the task. If the store of places
    /// fails, the task has no place.
    pub(crate) async fn task(
        &self,
        engine: &Engine,
        owner: &Owner,
        task: &TaskKey,
    ) -> Result<(), A2aError> {
        let of = PlacesOf { kind: PlaceKind::Task, owner: owner.clone() };
        match self.try_task(engine, &of, task).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                info!(event = "tasks_limited", %owner, "the owner is at its limit of open tasks");
                Err(self.refusal("open tasks"))
            }
            Err(error) => {
                warn!(
                    event = "task_not_counted",
                    error = chain(&error),
                    "the task could not be counted and is accepted without a place"
                );
                Ok(())
            }
        }
    }

    async fn try_task(
        &self,
        engine: &Engine,
        of: &PlacesOf,
        task: &TaskKey,
    ) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let now = engine.clock.now();
            let place = Place { name: task.to_string(), until: now.saturating_add(LEASE) };
            let places = match self.places.take(of, &place, self.most).await? {
                Taken::Yes => return Ok(true),
                Taken::Full { looked_until: Some(until), .. } if until > now => return Ok(false),
                Taken::Full { places, .. } => places,
            };
            let over = over(engine, places, &place).await?;
            if over.is_empty() {
                if let Err(error) = self.places.looked(of, now.saturating_add(FULL_FOR)).await {
                    warn!(
                        event = "recount_not_stored",
                        error = chain(&error),
                        "the recount could not be stored, and the next request counts again"
                    );
                }
                return Ok(false);
            }
            self.places.free(of, &over).await?;
        }
        Ok(false)
    }

    /// Frees the place of a task that was not created.
    pub(crate) async fn no_task(&self, owner: &Owner, task: &TaskKey) {
        let of = PlacesOf { kind: PlaceKind::Task, owner: owner.clone() };
        if let Err(error) = self.places.leave(&of, &task.to_string()).await {
            warn!(
                event = "place_not_freed",
                error = chain(&error),
                "the place could not be freed and expires within a minute"
            );
        }
    }

    fn refusal(&self, what: &str) -> A2aError {
        let text = format!("the limit is {} {what}", self.most);
        A2aError::too_many_requests(&text, RETRY_AFTER)
    }
}

/// Some of the places whose tasks have ended, or never existed. Empty only if there is no such
/// place.
async fn over(
    engine: &Engine,
    mut places: Vec<Place>,
    own: &Place,
) -> Result<Vec<Place>, StoreError> {
    // Each caller begins at another place, so that the same few long tasks are not read repeatedly.
    places.sort_by(|one, other| one.name.cmp(&other.name));
    let begin = places.partition_point(|place| place.name < own.name);
    places.rotate_left(begin);
    let now = engine.clock.now();
    for some in places.chunks(READS_AT_ONCE) {
        let open = join_all(some.iter().map(|place| is_open(engine, place, now))).await;
        let mut freed = Vec::new();
        for (place, open) in some.iter().zip(open) {
            if !open? {
                freed.push(place.clone());
            }
        }
        if !freed.is_empty() {
            return Ok(freed);
        }
    }
    Ok(Vec::new())
}

async fn is_open(engine: &Engine, place: &Place, now: Timestamp) -> Result<bool, StoreError> {
    let Some(task) = task_of(&place.name) else { return Ok(false) };
    match engine.read(&task, Depth::Tail).await {
        Ok(Some(snapshot)) => Ok(!snapshot.head.is_terminal()),
        Ok(None) => Ok(now < place.until),
        // The task exists, although this release cannot read it.
        Err(error) if error.is_unreadable() => Ok(true),
        Err(error) => Err(error),
    }
}

fn task_of(name: &str) -> Option<TaskKey> {
    let (tenant, task) = name.split_once('#')?;
    Some(TaskKey { tenant: Tenant::parse(tenant).ok()?, task: TaskId::parse(task).ok()? })
}

/// The place of an open stream. Dropping this frees it.
pub(crate) struct StreamPlace {
    places: Arc<dyn Places>,
    of: PlacesOf,
    /// `None` after the place was lost or given up.
    place: Option<Place>,
    renew_at: Timestamp,
}

impl StreamPlace {
    /// Renews the lease, if it is time to.
    pub(crate) async fn keep(&mut self, engine: &Engine) {
        let now = engine.clock.now();
        let Some(place) = self.place.as_mut().filter(|_| self.renew_at <= now) else { return };
        self.renew_at = now.saturating_add(RENEW_EVERY);
        place.until = now.saturating_add(LEASE);
        let renewed = tokio::select! {
            biased;
            renewed = self.places.renew(&self.of, place) => renewed,
            () = engine.clock.sleep(PATIENCE) => return,
        };
        match renewed {
            Ok(true) => {}
            Ok(false) => {
                warn!(event = "stream_place_lost", "the stream stalled and lost its place");
                self.place = None;
            }
            Err(error) => warn!(
                event = "stream_place_not_renewed",
                error = chain(&error),
                "the stream could not renew its place"
            ),
        }
    }

    /// Gives the place up, before the stream ends.
    pub(crate) async fn leave(mut self, engine: &Engine) {
        let Some(place) = &self.place else { return };
        let left = tokio::select! {
            biased;
            left = self.places.leave(&self.of, &place.name) => left,
            // The drop repeats an interrupted attempt in the background.
            () = engine.clock.sleep(PATIENCE) => return,
        };
        if let Err(error) = left {
            warn!(
                event = "place_not_freed",
                error = chain(&error),
                "the place could not be freed and expires within a minute"
            );
        }
        self.place = None;
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.places.clone().leave_soon(self.of.clone(), place.name);
        }
    }
}

/// The places of one process.
#[derive(Debug, Default)]
pub struct MemoryPlaces(Mutex<HashMap<PlacesOf, Known>>);

#[derive(Debug, Default)]
struct Known {
    taken: HashMap<String, Timestamp>,
    looked_until: Option<Timestamp>,
}

impl MemoryPlaces {
    fn known(&self) -> MutexGuard<'_, HashMap<PlacesOf, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self, of: &PlacesOf, name: &str) {
        let mut owners = self.known();
        let Some(known) = owners.get_mut(of) else { return };
        known.taken.remove(name);
        if known.taken.is_empty() {
            owners.remove(of);
        }
    }
}

#[async_trait]
impl Places for MemoryPlaces {
    async fn take(
        &self,
        of: &PlacesOf,
        place: &Place,
        most: NonZeroU64,
    ) -> Result<Taken, StoreError> {
        let mut owners = self.known();
        let known = owners.entry(of.clone()).or_default();
        let count = u64::try_from(known.taken.len()).unwrap_or(u64::MAX);
        if !known.taken.contains_key(&place.name) && count >= most.get() {
            let taken = known.taken.iter();
            let places =
                taken.map(|(name, until)| Place { name: name.clone(), until: *until }).collect();
            return Ok(Taken::Full { places, looked_until: known.looked_until });
        }
        let until = known.taken.entry(place.name.clone()).or_insert(place.until);
        *until = (*until).max(place.until);
        Ok(Taken::Yes)
    }

    async fn free(&self, of: &PlacesOf, places: &[Place]) -> Result<(), StoreError> {
        let mut owners = self.known();
        let Some(known) = owners.get_mut(of) else { return Ok(()) };
        if places.iter().all(|place| known.taken.get(&place.name) == Some(&place.until)) {
            known.taken.retain(|name, _| !places.iter().any(|place| place.name == *name));
        }
        Ok(())
    }

    async fn renew(&self, of: &PlacesOf, place: &Place) -> Result<bool, StoreError> {
        let mut owners = self.known();
        let until = owners.get_mut(of).and_then(|known| known.taken.get_mut(&place.name));
        Ok(until.map(|until| *until = place.until).is_some())
    }

    async fn leave(&self, of: &PlacesOf, name: &str) -> Result<(), StoreError> {
        self.give_up(of, name);
        Ok(())
    }

    fn leave_soon(self: Arc<Self>, of: PlacesOf, name: String) {
        self.give_up(&of, &name);
    }

    async fn looked(&self, of: &PlacesOf, until: Timestamp) -> Result<(), StoreError> {
        if let Some(known) = self.known().get_mut(of) {
            known.looked_until = Some(until);
        }
        Ok(())
    }
}
