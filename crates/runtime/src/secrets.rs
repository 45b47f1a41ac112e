//! Secrets by reference: a secret variable can name where its value is kept.
//!
//! `ssm:/path` is a parameter of Systems Manager, `secretsmanager:name#key` a member of a JSON
//! secret of Secrets Manager, and `secretsmanager:name` a whole one. `AGENT`, which is no secret, can
//! also be an object of S3, `s3:bucket/key`. All of them are read when the
//! process starts, side by side, and again at the start of the first invocation after [`REFRESH`].
//! A process derives its context from its variables. It derives a new context when a value has
//! changed. Invocations that are under way keep the former one.
//!
//! The agents' own secrets are the same: [`Variables::own_secret`] reads a reference when the agents
//! are made, and from then on it is read again with ours.

pub(crate) mod reference;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use a2a_lambda_core::Clock;
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tokio::task::JoinSet;
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::table::{Reader, SETTINGS, Variable};
use crate::variables::{ConfigError, ReadOwnSecrets, Variables};

pub use reference::{BadReference, Reference, SecretError};

/// For how long values that were read hold.
pub const REFRESH: Duration = Duration::from_mins(5);

/// How long after a failed refresh the next one is tried.
const RETRY: Duration = Duration::from_mins(1);

/// How long reading may take when the process starts, and how long the agents may take to be made:
/// Lambda gives a start 10 s in all.
const AT_START: Duration = Duration::from_secs(8);

/// How long reading may hold up an invocation.
const AT_REFRESH: Duration = Duration::from_secs(2);

/// A store of secrets, and of other values by reference.
#[async_trait]
pub trait SecretStore: Send + Sync + 'static {
    /// The whole text of a parameter, secret or object.
    ///
    /// # Errors
    /// When it is not there, may not be read, or the store does not answer.
    async fn read(&self, reference: &Reference) -> Result<Zeroizing<String>, SecretError>;
}

/// The maker of the store. It runs only if a variable is a reference.
pub(crate) type MakeStore =
    Box<dyn Fn(&Variables<'_>) -> Result<Arc<dyn SecretStore>, ConfigError> + Send + Sync>;

/// The values of references.
type Values = BTreeMap<Reference, Zeroizing<String>>;

/// The variables that are references, and where these are read.
struct References {
    reader: Reader,
    lookup: Lookup,
    make_store: MakeStore,
    /// Made with the first reference.
    store: OnceLock<Arc<dyn SecretStore>>,
    ours: Vec<(&'static str, Reference)>,
    /// Those that the agents of the present context were made with.
    own: Mutex<Vec<(&'static str, Reference)>>,
}

impl References {
    /// Those that a program's variables have.
    fn find(reader: Reader, lookup: Lookup, make_store: MakeStore) -> Result<Self, ConfigError> {
        let mut ours = Vec::new();
        for variable in SETTINGS {
            let Variable::Text(text) = *variable else { continue };
            if !text.secret || !text.about.is_read_by(reader) {
                continue;
            }
            let value = lookup(text.about.name).map(Zeroizing::new).unwrap_or_default();
            let reference = Reference::parse(&value);
            if let Some(found) = reference.map_err(|error| ConfigError::because(text, error))? {
                ours.push((text.about.name, found));
            }
        }
        Ok(Self { reader, lookup, make_store, store: OnceLock::new(), ours, own: Mutex::default() })
    }

    fn store(&self) -> Result<Arc<dyn SecretStore>, ConfigError> {
        if let Some(store) = self.store.get() {
            return Ok(store.clone());
        }
        let made = (self.make_store)(&Variables::new(self.reader, &self.lookup))?;
        Ok(self.store.get_or_init(|| made).clone())
    }

    fn own(&self) -> MutexGuard<'_, Vec<(&'static str, Reference)>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_empty(&self) -> bool {
        self.ours.is_empty() && self.own().is_empty()
    }

    /// Reads all of them, side by side, within this time.
    async fn read(&self, clock: &dyn Clock, within: Duration) -> Result<Values, ConfigError> {
        let of: Vec<_> = self.ours.iter().cloned().chain(self.own().clone()).collect();
        if of.is_empty() {
            return Ok(Values::new());
        }
        let store = self.store()?;
        // They end with the set.
        let mut reading = JoinSet::new();
        for (variable, reference) in of.clone() {
            let store = store.clone();
            reading.spawn(async move {
                let read = async { reference.value(store.read(&reference).await?) };
                let read = read.await;
                (variable, reference, read)
            });
        }
        let mut values = Values::new();
        let all = async {
            while let Some(read) = reading.join_next().await {
                let Ok((variable, reference, value)) = read else { continue };
                let value = value.map_err(|error| ConfigError::unread(variable, error))?;
                values.insert(reference, value);
            }
            Ok(())
        };
        tokio::select! {
            biased;
            read = all => read?,
            () = clock.sleep(within) => {}
        }
        match of.into_iter().find(|(_, reference)| !values.contains_key(reference)) {
            None => Ok(values),
            Some((variable, _)) => {
                let text = format!("there was no answer within {} s", within.as_secs());
                Err(ConfigError::unread(variable, SecretError::new(text)))
            }
        }
    }
}

/// The reader of the agents' own secrets, while a context is made. From then on they are read with
/// all others.
struct OwnSecrets<'a> {
    references: &'a References,
    known: Mutex<Known>,
}

struct Known {
    /// All values that were read, ours among them.
    values: Values,
    /// The references that this context's agents have asked for.
    asked: Vec<(&'static str, Reference)>,
}

impl OwnSecrets<'_> {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ReadOwnSecrets for OwnSecrets<'_> {
    async fn read(
        &self,
        variable: &'static str,
        reference: Reference,
    ) -> Result<Zeroizing<String>, ConfigError> {
        self.known().asked.push((variable, reference.clone()));
        let known = self.known().values.get(&reference).cloned();
        if let Some(value) = known {
            return Ok(value);
        }
        let store = self.references.store()?;
        let read = async { reference.value(store.read(&reference).await?) };
        let value = read.await.map_err(|error| ConfigError::unread(variable, error))?;
        self.known().values.insert(reference, value.clone());
        Ok(value)
    }
}

/// Looks variables up.
type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Makes a context of variables.
pub(crate) trait Make<C>: 'static {
    fn make<'a>(&'a self, variables: &'a Variables<'a>) -> Making<'a, C>;
}

/// A context in the making.
pub(crate) type Making<'a, C> = Pin<Box<dyn Future<Output = Result<C, ConfigError>> + 'a>>;

impl<C, F: AsyncFn(&Variables<'_>) -> Result<C, ConfigError> + 'static> Make<C> for F {
    fn make<'a>(&'a self, variables: &'a Variables<'a>) -> Making<'a, C> {
        Box::pin(self(variables))
    }
}

/// A process's context. It is made again when a secret has changed.
pub struct Configured<C> {
    make: Box<dyn Make<C>>,
    clock: Arc<dyn Clock>,
    references: References,
    now: Mutex<Current<C>>,
}

struct Current<C> {
    context: Arc<C>,
    values: Values,
    refresh_at: Timestamp,
}

impl<C> fmt::Debug for Configured<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reader = self.references.reader;
        f.debug_struct("Configured").field("reader", &reader).finish_non_exhaustive()
    }
}

impl<C: 'static> Configured<C> {
    /// Reads the references among the variables, and makes the context.
    ///
    /// # Errors
    /// When a variable is missing or cannot be used, or a reference cannot be read.
    pub(crate) async fn new(
        reader: Reader,
        lookup: Lookup,
        make: Box<dyn Make<C>>,
        store: MakeStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let references = References::find(reader, lookup, store)?;
        let values = references.read(&*clock, AT_START).await?;
        let (context, values) = made(&references, &*make, values, &*clock).await?;
        let refresh_at = clock.now().saturating_add(REFRESH);
        let now = Mutex::new(Current { context: Arc::new(context), values, refresh_at });
        Ok(Self { make, clock, references, now })
    }

    /// The context. Call it at the start of an invocation.
    ///
    /// Reads the secrets again when that is due, for two seconds at most. If that fails, or if a
    /// new value cannot be used, the former context stays, and a line of the log says why.
    pub async fn current(&self) -> Arc<C> {
        if self.references.is_empty() {
            return self.lock().context.clone();
        }
        let former = {
            let mut now = self.lock();
            if self.clock.now() < now.refresh_at {
                return now.context.clone();
            }
            // Another invocation at the same time does not read them, too.
            now.refresh_at = self.clock.now().saturating_add(RETRY);
            now.values.clone()
        };
        let refresh = async {
            let values = self.references.read(&*self.clock, AT_REFRESH).await?;
            if values == former {
                return Ok(None);
            }
            made(&self.references, &*self.make, values, &*self.clock).await.map(Some)
        };
        let refreshed = refresh.await;
        let mut now = self.lock();
        match refreshed {
            Err::<_, ConfigError>(error) => {
                warn!(
                    event = "secrets_not_refreshed",
                    error = chain(&error),
                    "the secrets could not be read again, and the former ones stay in use"
                );
            }
            Ok(changed) => {
                now.refresh_at = self.clock.now().saturating_add(REFRESH);
                if let Some((context, values)) = changed {
                    info!(
                        event = "secrets_changed",
                        "the secrets have changed, and the function uses the new ones"
                    );
                    now.context = Arc::new(context);
                    now.values = values;
                }
            }
        }
        now.context.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Current<C>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The context of these values, and the values with those of the agents' own secrets.
async fn made<C: 'static>(
    references: &References,
    make: &dyn Make<C>,
    values: Values,
    clock: &dyn Clock,
) -> Result<(C, Values), ConfigError> {
    let lookup = |name: &str| {
        let ours = references.ours.iter().find(|(variable, _)| *variable == name);
        match ours.and_then(|(_, reference)| values.get(reference)) {
            Some(value) => Some(value.to_string()),
            None => (references.lookup)(name),
        }
    };
    let known = Known { values: values.clone(), asked: Vec::new() };
    let own = OwnSecrets { references, known: Mutex::new(known) };
    let variables = Variables::new(references.reader, &lookup).with_secrets(&own);
    let context = tokio::select! {
        biased;
        context = make.make(&variables) => context?,
        () = clock.sleep(AT_START) => {
            let text = format!("they were not made within {} s", AT_START.as_secs());
            return Err(ConfigError::agents(text));
        }
    };
    let Known { mut values, asked } =
        own.known.into_inner().unwrap_or_else(PoisonError::into_inner);
    // One that a former list of agents named may be gone.
    let are = |of: &[(&str, Reference)], it: &Reference| of.iter().any(|(_, one)| one == it);
    values.retain(|it, _| are(&references.ours, it) || are(&asked, it));
    *references.own() = asked;
    Ok((context, values))
}

#[cfg(test)]
mod tests;
