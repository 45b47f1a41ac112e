//! Gives tasks their time that have none, by a walk through the whole table.

use std::time::Duration;

use a2a_lambda_aws::engine_with_table;
use a2a_lambda_core::{Clock as _, Operator};
use a2a_lambda_dynamodb::WalkPlace;
use a2a_lambda_runtime::table::{TASK_RETENTION_DAYS, WAITING_RETENTION_DAYS};
use a2a_lambda_runtime::{SystemClock, Variables, process_environment};

use super::Failure;
use super::report::Retained;
use crate::complain;

/// The settings of a walk.
#[derive(Debug, PartialEq)]
pub(crate) struct Walk {
    /// Whether tasks are written, or only counted.
    pub(crate) writes: bool,
    /// The place that it goes on from.
    pub(crate) from: Option<WalkPlace>,
    /// How many units of read capacity a second it may use.
    pub(crate) read_units: u32,
}

/// Walks to the end of the table. Each page says where it has come to.
pub(crate) async fn retain(variables: &Variables<'_>, walk: Walk) -> Result<Retained, Failure> {
    let (engine, table) = engine_with_table(variables)?;
    if engine.policy.retention.is_none() {
        return Err(Failure::KeepsAll);
    }
    // A write cannot be taken back, so it needs a flag.
    let is_said = |name| process_environment(name).is_some_and(|value| !value.is_empty());
    let needed = [TASK_RETENTION_DAYS.about.name, WAITING_RETENTION_DAYS.about.name];
    if let Some(name) = needed.into_iter().find(|name| walk.writes && !is_said(name)) {
        return Err(Failure::NotSaid(name));
    }
    let (operator, clock) = (Operator::new(engine), SystemClock);
    let mut done = Retained { wrote: walk.writes, ..Retained::default() };
    let mut place = walk.from;
    loop {
        let page = table.walk(place.as_ref()).await.map_err(Failure::Walk)?;
        let looks = u32::try_from(page.tasks.len()).unwrap_or(u32::MAX);
        for task in page.tasks {
            done.tasks += 1;
            if operator.give_time(&task, walk.writes).await? {
                done.without_time += 1;
            }
        }
        done.items += page.items;
        let Some(next) = page.next else { return Ok(done) };
        let Retained { items, without_time, .. } = done;
        complain(format_args!(
            "{items} items, {without_time} tasks without a time; go on by --from '{next}'"
        ));
        place = Some(next);
        // A look at a task takes a unit or more.
        let used = page.read_units + f64::from(looks);
        clock.sleep(Duration::from_secs_f64(used / f64::from(walk.read_units))).await;
    }
}
