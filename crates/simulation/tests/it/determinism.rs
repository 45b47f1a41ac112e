//! The same plan is the same run.

use a2a_lambda_simulation::{Plan, Setup, generate, run};

const SETUP: Setup = Setup { planted: None, journal: true };

#[test]
fn a_seed_has_one_journal() {
    for seed in 0..40 {
        let plan = generate(seed);
        let first = run(&plan, SETUP);
        assert!(!first.journal.is_empty());
        assert_eq!(first, run(&plan, SETUP), "seed {seed}");
    }
}

#[test]
fn a_plan_that_was_written_down_has_the_same_journal() -> Result<(), Box<dyn std::error::Error>> {
    for seed in 40..50 {
        let plan = generate(seed);
        let read: Plan = plan.to_string().parse()?;
        assert_eq!(run(&plan, SETUP), run(&read, SETUP), "seed {seed}");
    }
    Ok(())
}

#[test]
fn a_journal_that_is_not_written_down_is_the_same() {
    for seed in 50..60 {
        let quiet = run(&generate(seed), Setup::default());
        assert_eq!(quiet.tally, run(&generate(seed), SETUP).tally, "seed {seed}");
        assert!(quiet.journal.is_empty());
    }
}
