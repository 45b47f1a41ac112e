//! Reports as text.

use std::fmt::Write as _;

use a2a_lambda_core::ids::TaskKey;

use super::named;
use super::report::{
    Changed, Config, Failing, Forgotten, Keys, Left, MadeKey, Outcome, Pending, Pushes, Removed,
    Report, Retained,
};
use super::work::Work;

/// A report as text. Lines end with a newline.
pub(crate) fn of(report: &Report) -> String {
    let mut out = Lines(String::new());
    match report {
        Report::Failing(failing) => out.failing(failing),
        Report::Task(task) => out.task(task),
        Report::Work(work) => out.work(work),
        Report::Changed(changed) => out.changed(changed),
        Report::Deleted(removed) => out.removed(removed),
        Report::Forgotten(forgotten) => out.forgotten(forgotten),
        Report::Retained(Retained { items, tasks, without_time, wrote }) => {
            out.line(format!("items looked at: {items}"));
            out.line(format!("tasks that had to be read for it: {tasks}"));
            let became = if *wrote { "that were given their time" } else { "without a time to go" };
            out.line(format!("tasks {became}: {without_time}"));
            if !wrote && *without_time > 0 {
                out.line("give them theirs: a2a-lambda retain --write");
            }
        }
        Report::Redriven(moved) => out.moved(moved),
        Report::MadeKey(made) => out.made_key(made),
        Report::Keys(keys) => out.keys(keys),
        Report::RevokedKey(revoked) => {
            out.line(format!("revoked: {}", revoked.revoked));
            out.line("API Gateway may still take it for up to AuthorizerResultTtlSeconds");
        }
    }
    out.0
}

struct Lines(String);

impl Lines {
    fn line(&mut self, line: impl AsRef<str>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{}", line.as_ref().trim_end());
    }

    fn failing(&mut self, failing: &Failing) {
        if failing.failing.is_empty() {
            return self.line("no push config is in trouble");
        }
        let heads =
            ["SINCE", "FAILURES", "NEXT ATTEMPT", "TENANT", "TASK", "CONFIG", "URL", "LAST"];
        let mut rows = vec![heads.map(str::to_owned)];
        for line in &failing.failing {
            let Some(trouble) = &line.config.trouble else { continue };
            let TaskKey { tenant, task } = &line.task;
            rows.push([
                trouble.since.to_string(),
                trouble.failures.to_string(),
                trouble.next.map_or_else(|| "disabled".to_owned(), |next| next.to_string()),
                if tenant.as_str().is_empty() { "-".to_owned() } else { tenant.to_string() },
                clean(task.as_str()),
                clean(line.config.id.as_str()),
                clean(&line.config.url),
                trouble.attempts.last().map(|last| clean(&last.told())).unwrap_or_default(),
            ]);
        }
        self.table(&rows);
        if failing.more {
            self.line("there are more: --limit");
        }
    }

    fn table<const COLUMNS: usize>(&mut self, rows: &[[String; COLUMNS]]) {
        let mut widths = [0; COLUMNS];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            self.line(cells.collect::<Vec<_>>().join("  "));
        }
    }

    fn task(&mut self, task: &Pushes) {
        let TaskKey { tenant, task: id } = &task.task;
        self.line(format!("task        {}", clean(id.as_str())));
        if !tenant.as_str().is_empty() {
            self.line(format!("tenant      {tenant}"));
        }
        self.line(format!("owner       {}", clean(&task.owner)));
        self.line(format!("state       {}", task.state));
        self.line(format!("generation  {}", task.generation));
        let pending = match task.pending {
            Pending::Nothing => "nothing is to be sent".to_owned(),
            Pending::Open => "something is to be sent, and nobody is at it yet".to_owned(),
            Pending::Claimed { until } => format!("somebody delivers, until {until} at least"),
            Pending::Waiting { until } => format!("something is to be sent, not before {until}"),
        };
        self.line(format!("pushes      {pending}"));
        if task.configs.is_empty() {
            self.line("configs     none");
        }
        for config in &task.configs {
            self.line("");
            self.config(config, task);
        }
    }

    fn work(&mut self, work: &Work) {
        let TaskKey { tenant, task: id } = &work.task;
        self.line(format!("task      {}", clean(id.as_str())));
        if !tenant.as_str().is_empty() {
            self.line(format!("tenant    {tenant}"));
        }
        self.line(format!("state     {}, after {} turns", work.state, work.turns));
        self.line("");
        if work.attempts.is_empty() {
            self.line("no attempts are known");
        } else {
            let mut rows =
                vec![["TURN", "ATTEMPT", "BEGAN", "TOOK", "OUTCOME", "RUNNER"].map(str::to_owned)];
            rows.extend(work.attempts.iter().map(|of| {
                [
                    of.turn.to_string(),
                    of.attempt.to_string(),
                    of.began_at.to_string(),
                    took(of.millis),
                    of.outcome.unwrap_or("under way").to_owned(),
                    if of.runner.is_empty() { "-".to_owned() } else { clean(&of.runner) },
                ]
            }));
            self.table(&rows);
        }
        self.line("");
        let Some(scope) = &work.scope else { return self.line("no steps are stored") };
        let how = if scope.open { "open" } else { "over" };
        self.line(format!(
            "steps of the scope that began after {} turns, and is {how}",
            scope.number
        ));
        let mut rows =
            vec![["STEP", "TRIES", "BEGUN", "TOOK", "OUTCOME", "BYTES"].map(str::to_owned)];
        rows.extend(scope.steps.iter().map(|step| {
            [
                clean(&step.name),
                step.tries.to_string(),
                step.begun_at.to_string(),
                took(step.millis),
                step.outcome.to_owned(),
                step.bytes.to_string(),
            ]
        }));
        self.table(&rows);
    }

    fn config(&mut self, config: &Config, task: &Pushes) {
        self.line(format!("config      {}", clean(config.id.as_str())));
        self.line(format!("  url       {}", clean(&config.url)));
        self.line(format!("  made      {}, by A2A {}", config.created_at, config.version));
        let sent = if config.introduced {
            format!("all up to generation {} of {}", config.delivered, task.generation)
        } else {
            format!("nothing yet, and then the task as of generation {}", config.delivered.0.max(1))
        };
        self.line(format!("  sent      {sent}"));
        let Some(trouble) = &config.trouble else {
            return self.line("  trouble   none");
        };
        let next = match trouble.next {
            Some(next) => format!("next attempt at {next}"),
            None => "disabled".to_owned(),
        };
        let failures = trouble.failures;
        let ours = match trouble.ours {
            0 => String::new(),
            ours => format!(", not sent by our own fault: {ours}"),
        };
        let since = trouble.since;
        self.line(format!("  trouble   since {since}, failures: {failures}{ours}, {next}"));
        for tried in &trouble.attempts {
            let (at, generation, reason) = (tried.at, tried.generation, clean(&tried.told()));
            self.line(format!("    {at}  generation {generation}  {reason}"));
        }
    }

    fn changed(&mut self, changed: &Changed) {
        let Config { id, delivered, .. } = &changed.config;
        let (done, id, task) = (changed.done, clean(id.as_str()), clean(&named(&changed.task)));
        self.line(format!("{done}: config {id} is sent what came after generation {delivered}"));
        self.line(format!("how far it is: a2a-lambda show {task}"));
    }

    fn made_key(&mut self, made: &MadeKey) {
        self.line(&made.key);
        self.line("");
        self.line("This is the only time that the key is shown.");
        self.line(format!("to revoke it: a2a-lambda revoke-key {}", made.about.id));
    }

    fn keys(&mut self, keys: &Keys) {
        if keys.keys.is_empty() {
            return self.line("there are no API keys");
        }
        let heads = ["ID", "OWNER", "TENANT", "SCOPES", "MADE", "EXPIRES"];
        let mut rows = vec![heads.map(str::to_owned)];
        for key in &keys.keys {
            let expires = match key.expires_at {
                Some(at) if key.expired => format!("{at} (over)"),
                Some(at) => at.to_string(),
                None => "never".to_owned(),
            };
            rows.push([
                key.id.to_string(),
                clean(&key.owner),
                key.tenant.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                if key.scopes.is_empty() { "-".to_owned() } else { clean(&key.scopes.join(",")) },
                key.created_at.to_string(),
                expires,
            ]);
        }
        self.table(&rows);
    }

    fn removed(&mut self, removed: &Removed) {
        self.line(format!("deleted: {}", clean(&named(&removed.task))));
        if !removed.whole {
            self.line("the sweep deletes the rest: it is new, or there is much stored of it");
        }
    }

    fn forgotten(&mut self, forgotten: &Forgotten) {
        let (owner, context) = (clean(&forgotten.owner), clean(&forgotten.context));
        self.line(format!("tasks deleted: {}", forgotten.tasks));
        match (forgotten.whole, forgotten.again_at) {
            (true, _) if forgotten.tasks == 0 => self.line(format!(
                "nothing is stored of {context} of {owner}. `show TASK` prints a task's owner, such as \
                 jwt:alice"
            )),
            (true, _) => self.line(format!("nothing is left of {context} of {owner}")),
            (false, Some(at)) => self.line(format!("more is left: run it again after {at}")),
            (false, None) => self.line("more is left: run it again"),
        }
    }

    fn moved(&mut self, moved: &Outcome) {
        self.line(format!("{} signals moved", moved.moved));
        for Left { message_id, reason } in &moved.left {
            self.line(format!("left in the dead-letter queue: {message_id}: {}", clean(reason)));
        }
        for Left { message_id, reason } in &moved.failed {
            self.line(format!("failed: {message_id}: {}", clean(reason)));
        }
        if moved.more {
            self.line("there may be more: the limit was reached");
        }
    }
}

/// A duration, as long as it is known.
fn took(millis: Option<u64>) -> String {
    millis.map_or_else(
        || "-".to_owned(),
        |millis| format!("{}.{:03} s", millis / 1_000, millis % 1_000),
    )
}

/// Names and reasons come from other parties, who must not control the terminal.
fn clean(text: &str) -> String {
    // This includes characters that change the direction of writing, and so the meaning of a line.
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_do_not_write_to_the_terminal() {
        let cleaned = clean("a\u{1b}[2J\nb\u{202e}c ü");
        assert_eq!(cleaned, "a\\u{1b}[2J\\nb\\u{202e}c ü");
    }
}
