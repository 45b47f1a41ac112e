//! Without a planted bug the oracle finds nothing. To find each planted bug takes an optimised
//! build: `scripts/simulate --planted all` does it.

use a2a_lambda_simulation::{Planted, Setup, generate, run};

/// How many seeds are run.
const SEEDS: u64 = 300;

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
