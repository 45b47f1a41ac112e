//! The simulation bites: each planted bug is found, and without it nothing is.

use std::sync::Mutex;
use std::thread;

use a2a_lambda_simulation::{Planted, Setup, generate, run};

/// Within how many seeds a bug is found.
const SEEDS: u64 = 300;

/// The first seed that finds a bug.
fn found(bug: Planted) -> Option<u64> {
    let setup = Setup { planted: Some(bug), ..Setup::default() };
    (0..SEEDS).find(|seed| run(&generate(*seed), setup).violation.is_some())
}

#[test]
fn every_planted_bug_is_found() {
    let bugs = Mutex::new(Planted::ALL.iter());
    let missed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(bug) = bugs.lock().unwrap().next() else { return };
                    if found(*bug).is_none() {
                        missed.lock().unwrap().push(bug.name());
                    }
                }
            });
        }
    });
    assert_eq!(*missed.lock().unwrap(), [""; 0]);
}

#[test]
fn without_a_bug_nothing_is_found() {
    for seed in 0..SEEDS {
        let violation = run(&generate(seed), Setup::default()).violation;
        assert_eq!(violation, None, "scripts/simulate --seed {seed}");
    }
}

#[test]
fn bugs_have_names() {
    for bug in Planted::ALL {
        assert_eq!(Planted::named(bug.name()), Some(*bug));
    }
    assert_eq!(Planted::named("none"), None);
}
