//! The simulation as a program. `scripts/simulate` builds and runs it.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use a2a_lambda_simulation::{Plan, Planted, Report, Setup, Tally, generate, run, shrink};

const USAGE: &str = "\
Runs the core of a2a-lambda under a seeded scheduler that crashes, loses and repeats, and checks the
invariants of the design all the while.

Usage: scripts/simulate [options]

Options:
  --seeds N       how many seeds to run [default: 1000, and up to 4000 for a planted bug]
  --from SEED     the first of them [default: 0]
  --seed SEED     run this one only, and print its plan and its journal
  --plan FILE     run the plan of this file only, and print its journal
  --planted NAME  plant a bug and see whether it is found; `all` plants one after the other
  --threads N     how many threads to run on [default: as many as there are cores]
  --help          print this

A violation is printed with its seed and its plan, made short, and ends the program with 1.
";

#[derive(Debug, Default)]
struct Arguments {
    from: u64,
    seeds: Option<u64>,
    seed: Option<u64>,
    plan: Option<PathBuf>,
    planted: Vec<Planted>,
    threads: Option<usize>,
}

enum Wanted {
    Help,
    Run(Arguments),
}

fn arguments() -> Result<Wanted, lexopt::Error> {
    use lexopt::prelude::*;
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => arguments.seeds = Some(parser.value()?.parse()?),
            Long("from") => arguments.from = parser.value()?.parse()?,
            Long("seed") => arguments.seed = Some(parser.value()?.parse()?),
            Long("plan") => arguments.plan = Some(parser.value()?.into()),
            Long("threads") => arguments.threads = Some(parser.value()?.parse()?),
            Long("planted") => {
                let name = parser.value()?.string()?;
                arguments.planted = match Planted::named(&name) {
                    _ if name == "all" => Planted::ALL.to_vec(),
                    Some(bug) => vec![bug],
                    None => return Err(format!("there is no bug {name}: {}", names()).into()),
                };
            }
            Short('h') | Long("help") => return Ok(Wanted::Help),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Wanted::Run(arguments))
}

/// Prints a line. If a reader such as `head` stops early, that is no error.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line to the standard error output, if that is open.
fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn names() -> String {
    Planted::ALL.iter().map(|bug| bug.name()).collect::<Vec<_>>().join(", ")
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(Wanted::Run(arguments)) => arguments,
        Ok(Wanted::Help) => {
            say(USAGE.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            // The error is last: a terminal has fewer lines than the usage.
            complain(format_args!("{USAGE}\n{error}"));
            return ExitCode::from(2);
        }
    };
    let is_well = match (arguments.seed, &arguments.plan) {
        (Some(seed), _) => show(&generate(seed), arguments.planted.first().copied()),
        (None, Some(path)) => match read(path) {
            Ok(plan) => show(&plan, arguments.planted.first().copied()),
            Err(error) => {
                complain(format_args!("{}: {error}", path.display()));
                return ExitCode::from(2);
            }
        },
        (None, None) if arguments.planted.is_empty() => all(&arguments),
        (None, None) => hunt(&arguments),
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(path: &PathBuf) -> Result<Plan, Box<dyn std::error::Error>> {
    Ok(std::fs::read_to_string(path)?.parse()?)
}

/// Runs one plan and prints all of it.
fn show(plan: &Plan, planted: Option<Planted>) -> bool {
    say(plan);
    let report = run(plan, Setup { planted, journal: true });
    for line in &report.journal {
        say(line);
    }
    let violations = u32::from(report.violation.is_some());
    if let Some(violation) = &report.violation {
        say(violation);
    }
    let Tally { steps, faults, pushes, repeats, effects, answers, .. } = report.tally;
    let Tally { appends, swaps, .. } = report.tally;
    say(format_args!(
        "1 seed, {steps} steps, {faults} faults, {pushes} pushes ({repeats} repeats), {effects} \
         effects, {answers} answers, {appends} appends, {swaps} swaps, {violations} violations"
    ));
    violations == 0
}

/// Runs seeds on all threads, and calls `done` with each report until `done` returns false.
fn on_threads(
    arguments: &Arguments,
    planted: Option<Planted>,
    done: impl Fn(u64, Report) -> bool + Sync,
) {
    // A hunt ends with the first violation. The rarest bugs show in one plan of some 200.
    let usual = if planted.is_some() { 4_000 } else { 1_000 };
    let end = arguments.from.saturating_add(arguments.seeds.unwrap_or(usual));
    let next = AtomicU64::new(arguments.from);
    let enough = AtomicBool::new(false);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        while !enough.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let setup = Setup { planted, journal: false };
            let report = run(&generate(seed), setup);
            if !done(seed, report) {
                enough.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.unwrap_or(cores).max(1) {
            scope.spawn(work);
        }
    });
}

/// Runs many seeds. It shortens and prints violations.
fn all(arguments: &Arguments) -> bool {
    let (steps, faults, violations) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let (seeds, pushes, repeats) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let (effects, answers) = (AtomicU64::new(0), AtomicU64::new(0));
    let (appends, swaps) = (AtomicU64::new(0), AtomicU64::new(0));
    let recovered = Mutex::new(Recovered::default());
    let print = Mutex::new(());
    on_threads(arguments, None, |seed, report| {
        seeds.fetch_add(1, Ordering::Relaxed);
        steps.fetch_add(report.tally.steps, Ordering::Relaxed);
        faults.fetch_add(report.tally.faults, Ordering::Relaxed);
        pushes.fetch_add(report.tally.pushes, Ordering::Relaxed);
        repeats.fetch_add(report.tally.repeats, Ordering::Relaxed);
        effects.fetch_add(report.tally.effects, Ordering::Relaxed);
        answers.fetch_add(report.tally.answers, Ordering::Relaxed);
        appends.fetch_add(report.tally.appends, Ordering::Relaxed);
        swaps.fetch_add(report.tally.swaps, Ordering::Relaxed);
        if let Ok(mut recovered) = recovered.lock() {
            recovered.count(&report.recovered_ms);
        }
        if report.violation.is_some() {
            violations.fetch_add(1, Ordering::Relaxed);
            let text = finding(seed, &report);
            let _one_at_a_time = print.lock();
            say(text);
        }
        // Ten violations say as much as a thousand.
        violations.load(Ordering::Relaxed) < 10
    });
    let [seeds, steps, faults, pushes, repeats, violations] =
        [seeds, steps, faults, pushes, repeats, violations].map(AtomicU64::into_inner);
    let [effects, answers, appends, swaps] =
        [effects, answers, appends, swaps].map(AtomicU64::into_inner);
    say(recovered.into_inner().unwrap_or_default());
    say(format_args!(
        "{seeds} seeds, {steps} steps, {faults} faults, {pushes} pushes ({repeats} repeats), \
         {effects} effects, {answers} answers, {appends} appends, {swaps} swaps, {violations} \
         violations"
    ));
    violations == 0
}

/// How long tasks of dead runners waited for another runner.
#[derive(Debug, Default)]
struct Recovered {
    /// The number of tasks, by seconds.
    by_seconds: BTreeMap<u64, u64>,
    tasks: u64,
}

impl Recovered {
    fn count(&mut self, waits_ms: &[u64]) {
        for wait_ms in waits_ms {
            *self.by_seconds.entry(wait_ms.div_ceil(1_000)).or_default() += 1;
            self.tasks += 1;
        }
    }

    /// The seconds within which this percentage of the tasks had another runner.
    fn percentile(&self, percent: u64) -> u64 {
        let mut left = (self.tasks * percent).div_ceil(100);
        let reached = self.by_seconds.iter().find(|(_, tasks)| {
            left = left.saturating_sub(**tasks);
            left == 0
        });
        reached.map_or(0, |(seconds, _)| *seconds)
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99, most] = [50, 90, 99, 100].map(|percent| self.percentile(percent));
        write!(
            f,
            "{} tasks of dead runners were taken up again within {p50} s (p50), {p90} s (p90), {p99} s \
             (p99), {most} s (all)",
            self.tasks
        )
    }
}

fn finding(seed: u64, report: &Report) -> String {
    let breaks = |plan: &Plan| {
        let again = run(plan, Setup::default()).violation;
        again.map(|of| of.name())
            == report.violation.as_ref().map(a2a_lambda_simulation::Violation::name)
    };
    let short = shrink(&generate(seed), breaks);
    let mut text = String::new();
    if let Some(violation) = &report.violation {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "seed {seed} violates {violation}");
    }
    let _ = write!(text, "its plan, made short:\n{short}");
    text
}

/// Plants bugs, and runs seeds until each bug is found.
fn hunt(arguments: &Arguments) -> bool {
    let mut all_found = true;
    for bug in &arguments.planted {
        let found: Mutex<Option<(u64, Report)>> = Mutex::new(None);
        on_threads(arguments, Some(*bug), |seed, report| {
            if report.violation.is_none() {
                return true;
            }
            if let Ok(mut found) = found.lock()
                && found.as_ref().is_none_or(|(before, _)| seed < *before)
            {
                *found = Some((seed, report));
            }
            false
        });
        if let Ok(Some((seed, report))) = found.into_inner() {
            let tries = seed - arguments.from + 1;
            let violation = report.violation.map(|of| of.to_string()).unwrap_or_default();
            say(format_args!("{:<26} found after {tries} seeds: {violation}", bug.name()));
        } else {
            all_found = false;
            say(format_args!("{:<26} NOT FOUND", bug.name()));
        }
    }
    all_found
}
