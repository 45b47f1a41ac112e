//! Look-ups of names: with a deadline, bounded in number, and shared by those who want the same.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{FutureExt as _, Shared, WeakShared};
use tokio::time::{Instant, timeout, timeout_at};

use crate::turns::Turns;

/// How long the name servers may take for one name.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// How many names are looked up at a time. Each takes an open file, of which a function has 1,024.
const MAX_LOOK_UPS: usize = 256;
/// How long a name may go without an answer while others wait to be looked up.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a name waits to be looked up.
const WAIT: Duration = Duration::from_secs(4);
const MAX_WAITING: usize = 4096;

/// Why a name has no addresses.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookUpError {
    /// The name servers know no such name.
    #[error("the host name does not exist")]
    NoSuchName,
    /// The name servers did not answer.
    #[error("no name server answered for the host name within {} ms", .0.as_millis())]
    NoAnswer(Duration),
    /// The name servers could not find out. The text has their answers.
    #[error("the name servers failed to look up the host name: {0}")]
    Failed(String),
    /// This process could not ask: it has too many look-ups under way, or no resources left.
    #[error("this process could not look up the host name")]
    Ours(#[source] Arc<io::Error>),
}

impl LookUpError {
    pub(crate) fn ours(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Ours(Arc::new(io::Error::other(error)))
    }
}

/// Finds the addresses of names.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a host name, those to be tried first at the beginning. It has no time limit
    /// of its own: the caller has a deadline.
    ///
    /// # Errors
    /// When the name does not exist, or cannot be looked up.
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, LookUpError>;
}

type Found = Result<Arc<[IpAddr]>, LookUpError>;
/// When the name servers were asked, if they have been.
type AskedAt = Arc<OnceLock<Instant>>;
type Pending = Pin<Box<dyn Future<Output = Found> + Send>>;

/// The look-ups of a process.
pub(crate) struct LookUps {
    resolve: Arc<dyn Resolve>,
    turns: Turns,
    /// By name: look-ups that are under way, or were.
    shared: Mutex<HashMap<String, UnderWay>>,
}

struct UnderWay {
    found: WeakShared<Pending>,
    asked_at: AskedAt,
}

impl LookUps {
    pub(crate) fn new(resolve: Arc<dyn Resolve>) -> Self {
        let turns = Turns::new(MAX_LOOK_UPS, PATIENCE, MAX_WAITING);
        Self { resolve, turns, shared: Mutex::default() }
    }

    /// The addresses of a name. A second caller for the same name shares the answer.
    pub(crate) async fn addresses(&self, name: &str, ends: Instant) -> Found {
        let begun = Instant::now();
        let (found, asked_at) = self.look_up(name);
        if let Ok(found) = timeout_at(ends, found).await {
            return found;
        }
        let asked_for = asked_at.get().map_or(Duration::ZERO, Instant::elapsed);
        // The time in which this process waited for a turn is not the name servers'.
        if asked_for >= PATIENCE.min(begun.elapsed()) {
            Err(LookUpError::NoAnswer(asked_for))
        } else {
            Err(LookUpError::ours("the turn to look the name up came too late"))
        }
    }

    fn look_up(&self, name: &str) -> (Shared<Pending>, AskedAt) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = shared.get(name)
            && let Some(found) = under_way.found.upgrade()
            && found.peek().is_none()
        {
            return (found, under_way.asked_at.clone());
        }
        if shared.len() >= MAX_LOOK_UPS {
            shared.retain(|_, under_way| under_way.found.upgrade().is_some());
        }
        let asked_at = AskedAt::default();
        let (resolve, turns) = (self.resolve.clone(), self.turns.clone());
        let (of, asks) = (name.to_owned(), asked_at.clone());
        let look_up = async move {
            let look_up = async {
                let _ = asks.set(Instant::now());
                timeout(LOOK_UP_TIMEOUT, resolve.resolve(&of)).await
            };
            match turns.take(Instant::now() + WAIT, look_up).await {
                Ok(Ok(found)) => found.map(Arc::from),
                Ok(Err(_)) => Err(LookUpError::NoAnswer(LOOK_UP_TIMEOUT)),
                Err(crowded) => Err(LookUpError::ours(crowded)),
            }
        };
        let found = (Box::pin(look_up) as Pending).shared();
        if let Some(weak) = found.downgrade() {
            let under_way = UnderWay { found: weak, asked_at: asked_at.clone() };
            shared.insert(name.to_owned(), under_way);
        }
        (found, asked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Names;

    const GOOD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 215, 14));

    fn look_ups() -> (Arc<LookUps>, Arc<Names>) {
        // Names that begin with `silent` are never answered for.
        let answer = |name: &str| (!name.starts_with("silent")).then(|| Ok(vec![GOOD]));
        let names = Names::by(answer, Duration::from_millis(20));
        (Arc::new(LookUps::new(names.clone())), names)
    }

    fn begin(
        look_ups: &Arc<LookUps>,
        name: &str,
        limit: Duration,
    ) -> tokio::task::JoinHandle<Found> {
        let (look_ups, name) = (look_ups.clone(), name.to_owned());
        tokio::spawn(async move { look_ups.addresses(&name, Instant::now() + limit).await })
    }

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_silent_name_has_a_deadline_and_gets_the_blame() {
        let (look_ups, _) = look_ups();
        for limit in [LONG, Duration::from_secs(2)] {
            let begun = Instant::now();
            let found = begin(&look_ups, "silent.example", limit).await.unwrap();
            let waited = limit.min(LOOK_UP_TIMEOUT);
            assert!(matches!(found, Err(LookUpError::NoAnswer(it)) if it == waited), "{found:?}");
            assert_eq!(begun.elapsed(), waited);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_wants_the_same_name_shares_a_look_up() {
        let (look_ups, names) = look_ups();
        let all: Vec<_> = (0..900).map(|_| begin(&look_ups, "good.example", LONG)).collect();
        for found in all {
            assert_eq!(&*found.await.unwrap().unwrap(), [GOOD]);
        }
        assert_eq!(names.asked().len(), 1);
        // Answers are not cached: another look-up may find other addresses.
        begin(&look_ups, "good.example", LONG).await.unwrap().unwrap();
        assert_eq!(names.asked().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_whose_turn_came_late_or_never_is_not_to_blame() {
        // At the first time all give up at once: the last has no turn, or one that is over as it
        // begins. At the second, the last takes the place of a silent name after a second.
        for limit in [PATIENCE / 2, PATIENCE + PATIENCE / 2] {
            let (look_ups, _) = look_ups();
            let silent = |number| begin(&look_ups, &format!("silent{number}.example"), limit);
            let flood: Vec<_> = (0..=MAX_LOOK_UPS).map(silent).collect();
            for (number, found) in flood.into_iter().enumerate() {
                match found.await.unwrap() {
                    Err(LookUpError::NoAnswer(after)) => {
                        assert!(after == limit && number < MAX_LOOK_UPS, "{number}: {after:?}");
                    }
                    Err(LookUpError::Ours(_)) => {
                        let left_its_place = number == 0 && limit > PATIENCE;
                        assert!(left_its_place || number == MAX_LOOK_UPS, "{number}");
                    }
                    other => panic!("{number}: {other:?}"),
                }
            }
        }
    }

    /// 60 tasks with 16 configs each, whose name servers never answer.
    #[tokio::test(start_paused = true)]
    async fn silent_names_neither_delay_a_good_one_nor_are_blamed_for_our_limit() {
        let (look_ups, _) = look_ups();
        let silent = |number| begin(&look_ups, &format!("silent{number}.example"), LONG);
        let flood: Vec<_> = (0..960).map(silent).collect();
        tokio::task::yield_now().await;
        for (number, at_most) in [4_100, 1_100, 100, 100, 100].into_iter().enumerate() {
            let begun = Instant::now();
            let good = begin(&look_ups, &format!("good{number}.example"), LONG).await.unwrap();
            assert_eq!(&*good.unwrap(), [GOOD]);
            let took = begun.elapsed().as_millis();
            assert!(took <= at_most, "{number}: {took} ms");
        }
        let (mut silent, mut ours) = (0, 0);
        for found in flood {
            match found.await.unwrap() {
                Err(LookUpError::NoAnswer(_)) => silent += 1,
                Err(LookUpError::Ours(_)) => ours += 1,
                other => panic!("{other:?}"),
            }
        }
        // Names that had the full time are to blame; the others are not.
        assert_eq!(silent + ours, 960);
        assert!(silent >= MAX_LOOK_UPS - 5 && ours > 0, "{silent} {ours}");
    }
}
