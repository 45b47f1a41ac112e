//! Plans that once found a bug.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use a2a_lambda_simulation::{Plan, Setup, run};

fn plans_in(folder: &str) -> Result<Vec<(PathBuf, Plan)>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut plans = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let plan = fs::read_to_string(&path)?.parse()?;
            plans.push((path, plan));
        }
    }
    Ok(plans)
}

/// A mended bug stays mended.
#[test]
fn nothing_comes_back() -> Result<(), Box<dyn Error>> {
    for (path, plan) in plans_in("regressions")? {
        let report = run(&plan, Setup::default());
        assert_eq!(report.violation, None, "{}", path.display());
    }
    Ok(())
}
