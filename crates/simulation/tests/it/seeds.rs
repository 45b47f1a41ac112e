//! A few seeds. `scripts/simulate` runs more.

use a2a_lambda_simulation::{Setup, generate, run};

/// Other seeds than those of the planted bugs.
const SEEDS: std::ops::Range<u64> = 1_000..1_400;

#[test]
fn the_core_keeps_its_promises() {
    let (mut steps, mut faults, mut pushes, mut repeats, mut recovered) = (0, 0, 0, 0, 0);
    let (mut effects, mut answers, mut appends, mut swaps) = (0, 0, 0, 0);
    for seed in SEEDS {
        let report = run(&generate(seed), Setup::default());
        assert_eq!(report.violation, None, "scripts/simulate --seed {seed}");
        steps += report.tally.steps;
        faults += report.tally.faults;
        pushes += report.tally.pushes;
        repeats += report.tally.repeats;
        effects += report.tally.effects;
        answers += report.tally.answers;
        appends += report.tally.appends;
        swaps += report.tally.swaps;
        recovered += report.recovered_ms.len();
    }
    // A simulation in which nothing happens would also find nothing.
    assert!(steps > 100_000, "{steps} steps");
    assert!(faults > 5_000, "{faults} faults");
    assert!(pushes > 1_000, "{pushes} pushes");
    assert!(repeats > 300, "{repeats} repeats");
    assert!(effects > 1_000, "{effects} effects of steps");
    assert!(answers > 100, "{answers} answers to callbacks");
    assert!(appends > 200, "{appends} entries of memory");
    assert!(swaps > 200, "{swaps} writes to sessions");
    assert!(recovered > 300, "{recovered} tasks of dead runners");
}
