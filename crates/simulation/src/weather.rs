//! Faults for stores that make requests of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::ground::lock;
use crate::plan::{Faults, Plan};
use a2a_lambda_testing::Random;

/// The fault of a store's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// It is refused and not carried out.
    Refused,
    /// It is carried out, and its answer is lost.
    AnswerLost,
}

/// The faults of a store's own requests, for stores that make several requests for one of an actor.
/// The faults end when the world heals.
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

    /// The fault of the next request, if it has one.
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
