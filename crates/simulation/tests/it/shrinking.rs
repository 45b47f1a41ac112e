//! The simulation shortens a finding.

use std::cell::Cell;

use a2a_lambda_simulation::{Action, Plan, Planted, Setup, generate, run, shrink};

#[test]
fn a_plan_is_reduced_to_the_failing_operations() {
    let plan = (0..100).map(generate).find(|plan| plan.ops.len() == 48).unwrap();
    let wanted = [plan.ops[5].id, plan.ops[30].id];
    let breaks = |plan: &Plan| wanted.iter().all(|id| plan.ops.iter().any(|op| op.id == *id));
    let short = shrink(&plan, breaks);
    assert_eq!(short.ops.iter().map(|op| op.id).collect::<Vec<_>>(), wanted);
    assert_eq!(short.faults, a2a_lambda_simulation::Faults::default());
    assert_eq!(short.settings, a2a_lambda_simulation::Settings::default());
    assert_eq!(short.seed, plan.seed);
}

#[test]
fn a_planted_bug_is_found_in_a_short_plan() {
    let setup = Setup { planted: Some(Planted::EndHidden), ..Setup::default() };
    let name = |plan: &Plan| run(plan, setup).violation.map(|violation| violation.name());
    let plan = (0..300).map(generate).find(|plan| name(plan) == Some("I1")).unwrap();
    let runs = Cell::new(0);
    let short = shrink(&plan, |plan| {
        runs.set(runs.get() + 1);
        name(plan) == Some("I1")
    });
    assert_eq!(name(&short), Some("I1"));
    // A task that ends, and a message or a cancel after it.
    assert!(short.ops.len() <= 3, "{short}");
    assert!(short.ops.iter().any(|op| matches!(op.action, Action::Send { .. })));
    assert!(runs.get() < 2_000, "{} runs", runs.get());
}

#[test]
fn a_plan_that_does_not_break_stays() {
    let plan = generate(1);
    assert_eq!(shrink(&plan, |_| false), plan);
}
