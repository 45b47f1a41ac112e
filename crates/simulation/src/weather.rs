//! Faults for stores that make requests of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::ground::lock;
use crate::plan::{Faults, Plan};
use a2a_lambda_testing::Random;

/// What befalls a request that a store makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// It is refused, and not carried out.
    Refused,
    /// It is carried out, and its answer lost.
    AnswerLost,
}

/// What befalls the requests that a store makes, for stores that make several where an actor makes
/// one. It clears up when the world heals.
#[derive(Debug, Clone)]
pub struct Weather(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rng: Mutex<Random>,
    faults: Faults,
    healed: AtomicBool,
}

impl Weather {
    pub(crate) fn new(plan: &Plan) -> Self {
        let rng = Mutex::new(Random::derive(plan.seed, "weather"));
        Self(Arc::new(Inner { rng, faults: plan.faults, healed: AtomicBool::new(false) }))
    }

    pub(crate) fn heal(&self) {
        self.0.healed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_healed(&self) -> bool {
        self.0.healed.load(Ordering::Relaxed)
    }

    /// What befalls the next request, if anything does.
    pub fn strike(&self) -> Option<Strike> {
        let Inner { rng, faults, .. } = &*self.0;
        let mut rng = lock(rng);
        let refused = rng.chance(faults.refuse);
        let lost = rng.chance(faults.lose_answer);
        match (self.has_healed(), refused, lost) {
            (false, true, _) => Some(Strike::Refused),
            (false, false, true) => Some(Strike::AnswerLost),
            _ => None,
        }
    }
}
