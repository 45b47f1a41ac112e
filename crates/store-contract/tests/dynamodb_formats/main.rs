//! The formats of the items on DynamoDB: the present writes, and all readable formats.
//!
//! `crates/dynamodb/tests/formats` has a folder for each format that a release has written. Its
//! files must not change. `docs/formats.md` says how to add a format.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod items;
mod life;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use a2a_lambda_core::engine::chain;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::log::fold_listed;
use a2a_lambda_core::machine::{Change, NewPush, Pause, Stamp, TurnEnd};
use a2a_lambda_core::steps::{Put, ScopeKey, StepRecord, StepRecords};
use a2a_lambda_core::store::{Committed, Depth, Guard, ListQuery, due_shard};
use a2a_lambda_core::{
    Caller, Command, Head, Owner, PushConfig, PushConfigs, Registration, Snapshot, StoreError,
    TaskKey, TaskStore,
};
use a2a_lambda_protocol::Timestamp;
use serde_json::{Value, json};

use items::Item;
use life::{KEPT, NEWEST, Point, Table, points, retention, runner, stamp};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dynamodb/tests/formats")
}

/// The file of a point, in the folder of its items' format.
fn file(point: &Point) -> PathBuf {
    folder().join(point.format.to_string()).join(format!("{}.json", point.name))
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn read(file: &Path) -> Vec<Item> {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Writes missing files and keeps existing ones.
#[tokio::test]
#[ignore = "it is run once, by who adds a format: docs/formats.md"]
async fn write_the_files_of_a_new_format() {
    for point in points().await {
        let file = file(&point);
        if !file.exists() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, serde_json::to_string_pretty(&point.items).unwrap() + "\n").unwrap();
        }
    }
}

#[tokio::test]
async fn items_are_written_in_the_present_format() {
    let points = points().await;
    for point in &points {
        let (mut items, mut expected) = (in_one(&point.items), in_one(&read(&file(point))));
        if was_moved_by_its_claim(point) {
            let heads = items.iter_mut().chain(&mut expected).filter(|item| item["sk"]["S"] == "H");
            for head in heads {
                head.retain(|name, _| !["lp", "ls", "st"].contains(&name.as_str()));
            }
        }
        for (item, expected) in items.iter().zip(&expected) {
            let name = point.name;
            assert_eq!(item, expected, "{name}: a change needs a new format, see docs/formats.md");
        }
        assert_eq!(items.len(), expected.len(), "{}", point.name);
    }
    for format in names(&folder()) {
        let of_format = points.iter().filter(|point| point.format.to_string() == format);
        let files: BTreeSet<String> =
            of_format.map(|point| format!("{}.json", point.name)).collect();
        assert_eq!(names(&folder().join(format)), files, "each file is of a point");
    }
}

/// Whether an earlier release has written the file: its claims moved tasks in lists.
fn was_moved_by_its_claim(point: &Point) -> bool {
    point.task.head.listed_as_submitted.is_some() && point.name != "running-unlisted"
}

/// The items with the whole log in one segment: a format does not determine how much is inline.
fn in_one(items: &[Item]) -> Vec<Item> {
    let is_segment = |item: &Item| item["sk"]["S"].as_str().unwrap().starts_with("S#");
    let (mut segments, mut others): (Vec<Item>, Vec<Item>) =
        items.iter().cloned().partition(is_segment);
    let Some(mut all) = segments.pop() else { return others };
    let head = others.iter_mut().find(|item| item["sk"]["S"] == "H").unwrap();
    head.remove("lb");
    let inline = head.remove("log").unwrap();
    let logs = segments.iter().map(|item| item["log"].clone());
    let logs = logs.chain([all["log"].clone(), inline]);
    let log: Vec<Value> = logs.flat_map(|log| log["L"].as_array().unwrap().clone()).collect();
    // A name ends with the positions of the item.
    let name = all["sk"]["S"].as_str().unwrap().to_owned();
    all.insert("sk".to_owned(), json!(name.rsplitn(3, '#').last()));
    all.insert("log".to_owned(), json!(log));
    others.push(all);
    others
}

fn without_number(items: &[Item]) -> Vec<Item> {
    let mut items = items.to_vec();
    for item in &mut items {
        item.remove("v");
    }
    items
}

#[tokio::test]
async fn items_of_every_release_are_read_and_their_tasks_continue() {
    let written: BTreeSet<String> = (1..=NEWEST).map(|format| format.to_string()).collect();
    assert_eq!(names(&folder()), written);
    for point in points().await {
        let items = read(&file(&point));
        let mut point = point;
        if was_moved_by_its_claim(&point) {
            point.task.head.listed_as_submitted = None;
        }
        for newest in 1..=NEWEST {
            goes_on(&point, &items, newest).await;
            if point.format == 1 {
                // Items had no number before there were formats.
                goes_on(&point, &without_number(&items), newest).await;
            }
        }
    }
}

/// The task of a point can be read from these items and changed.
async fn goes_on(point: &Point, items: &[Item], newest: u64) {
    let Point { name, task, configs, steps, .. } = point;
    let table = Table::with(items, newest).await;
    let key = &task.head.key;
    let read = table.store.read(key, Depth::Full).await.unwrap().unwrap();
    assert_eq!(read, *task, "{name}");
    is_listed_everywhere(&table, task).await;
    let registrations = task.head.registrations();
    assert_eq!(table.store.get(key, registrations).await.unwrap(), *configs, "{name}");
    for config in configs {
        let moved = PushConfig { write: WriteId::new("later"), ..config.clone() };
        assert!(table.store.advance(key, &config.write, &moved).await.unwrap(), "{name}");
    }
    let scope = ScopeKey::of(&task.head);
    assert_eq!(table.store.steps(&scope).await.unwrap(), *steps, "{name}");
    for step in steps {
        let later = StepRecord { write: WriteId::new("later"), ..step.clone() };
        let put = table.store.put_step(&scope, Some(&step.write), &later).await.unwrap();
        assert_eq!(put, Put::Stored, "{name}");
    }
    let base = table.store.read(key, Depth::Tail).await.unwrap().unwrap();
    let next = next(&base, newest);
    let committed = table.store.commit(&base, guard(&base), &next).await.unwrap();
    assert!(matches!(committed, Committed::Done(_)), "{name}: {committed:?}");
    let read = table.store.read(key, Depth::Full).await.unwrap().unwrap();
    assert_eq!(read.head, *next.head(), "{name}");
    is_listed_everywhere(&table, &read).await;
    // An item has the number of the lowest format with all of its attributes.
    let new = ["i", "ttl", "lo", "del", "tp"];
    let has_new =
        |item: &Item| item["sk"]["S"] == "H" && new.iter().any(|name| item.contains_key(*name));
    for item in table.items(key).await {
        let is_named = item["sk"]["S"]
            .as_str()
            .unwrap()
            .split('#')
            .nth(1)
            .is_some_and(|of| of.len() == 16 && !item.contains_key("id"));
        let number = item.get("v").map_or("1", |number| number["N"].as_str().unwrap());
        let has = |name| item.contains_key(name);
        let expected = match () {
            () if has("so") || has("wk") || has("ra") => "4",
            () if has("cx") => "3",
            // Records of steps have formats of their own.
            () if has("rec") => "1",
            () if has_new(&item) || is_named => "2",
            () => "1",
        };
        assert_eq!(number, expected, "{name}: {item:?}");
    }
}

/// Functions before and after the switch find a task by its owner, its context and its state.
async fn is_listed_everywhere(table: &Table, task: &Snapshot) {
    let Head { key, owner, context, .. } = &task.head;
    let all = all_of(key, owner);
    let of_context = ListQuery { context: Some(context.clone()), ..all.clone() };
    let of_state = ListQuery { state: Some(task.head.listed_state()), ..all.clone() };
    let expected = usize::from(task.head.is_listed());
    for query in [all, of_context, of_state] {
        for newest in 2..=NEWEST {
            let store = table.store.clone().writing(newest);
            let page = store.list(&query).await.unwrap();
            assert_eq!((page.tasks.len(), page.total), (expected, Some(expected as u64)));
            let query = ListQuery { only_status: true, ..query.clone() };
            for outline in store.list(&query).await.unwrap().outlines {
                assert_eq!(outline.status, fold_listed(&task.head, &task.tail).status);
            }
        }
    }
}

fn all_of(key: &TaskKey, owner: &Owner) -> ListQuery {
    let caller = Caller { tenant: key.tenant.clone(), owner: owner.clone() };
    ListQuery { limit: 10, count: true, ..a2a_lambda_testing::listing(&caller) }
}

/// A change that is legal in every phase.
fn next(base: &Snapshot, newest: u64) -> Change {
    let command = if base.head.is_terminal() {
        let id = a2a_lambda_core::ids::ConfigId::parse("new").unwrap();
        Command::RegisterPush(NewPush { registration: Registration::new(&id, "2"), most: 9 })
    } else {
        Command::Cancel
    };
    let (retention, runner) = (retention(newest), runner(newest));
    base.head.apply(command, &Stamp { retention, runner, ..stamp(200, "w-next") }).unwrap()
}

fn guard(base: &Snapshot) -> Guard {
    Guard { revision: base.head.revision, leased_until: None }
}

/// Faults of an item, and their names in an error.
fn damages() -> [(&'static str, Value, &'static str); 4] {
    [
        ("v", json!({ "N": "99" }), "format 99"),
        ("v", json!({ "N": "0" }), "format 0"),
        ("v", json!({ "S": "1" }), "a format that is no number"),
        ("zz", json!({ "S": "new" }), "an unknown attribute \"zz\""),
    ]
}

#[tokio::test]
async fn an_item_of_another_format_is_refused_by_name_and_nothing_is_written() {
    let mut refused = BTreeSet::new();
    for point in points().await {
        for place in 0..point.items.len() {
            for (attribute, value, found) in damages() {
                let mut items = point.items.clone();
                items[place].insert(attribute.to_owned(), value);
                let table = Table::of(&items).await;
                let name = items[place]["sk"]["S"].as_str().unwrap();
                let kind = match name.split('#').next().unwrap() {
                    "H" => "head",
                    "C" => "push config",
                    "P" => "parcel",
                    "S" => "segment",
                    "D" => "step",
                    other => panic!("{other}"),
                };
                let key = &point.task.head.key;
                let reads = match kind {
                    "push config" | "step" => "format 1",
                    "head" => "formats 1 to 4",
                    _ => "formats 1 to 2",
                };
                let expected = format!(
                    "the stored task {key} is of another release: the {kind} has {found}, and this \
                     release reads {reads}"
                );
                for error in errors(&table, &point, kind, attribute == "v").await {
                    assert!(matches!(error, StoreError::OtherRelease { .. }), "{error:?}");
                    assert!(!error.is_retryable() && !error.certainly_not_applied());
                    assert_eq!(chain(&error), expected, "{}", point.name);
                }
                assert_eq!(table.items(key).await, items, "{}: something was written", point.name);
                refused.insert(kind);
            }
        }
    }
    assert_eq!(refused.len(), 5, "{refused:?}");
}

/// Runs the operations on a faulty item of this kind. All of them must fail.
async fn errors(table: &Table, point: &Point, kind: &str, is_numbered: bool) -> Vec<StoreError> {
    let Point { task, configs, submission, .. } = point;
    let (store, key) = (&table.store, &task.head.key);
    let mut errors = Vec::new();
    if kind == "push config" {
        errors.push(store.get(key, task.head.registrations()).await.unwrap_err());
        // A reader may have read the config earlier.
        let config = PushConfig { write: WriteId::new("later"), ..configs[0].clone() };
        assert!(!store.advance(key, &WriteId::new("before"), &config).await.unwrap());
        return errors;
    }
    if kind == "step" {
        return step_errors(table, point).await;
    }
    errors.push(store.read(key, Depth::Full).await.unwrap_err());
    if kind != "head" {
        assert_eq!(store.read(key, Depth::Tail).await.unwrap().unwrap().head, task.head);
        return errors;
    }
    errors.push(store.read(key, Depth::Tail).await.unwrap_err());
    errors.push(store.read(key, Depth::After(task.head.position)).await.unwrap_err());
    let again = Head::submit(submission.clone(), &stamp(0, "w-other"));
    errors.push(store.create(&again).await.unwrap_err());
    let query = all_of(key, &submission.owner);
    if task.head.is_listed() {
        errors.push(store.list(&query).await.unwrap_err());
    }
    if is_numbered {
        // A writer of another release read the task earlier and writes now. A write does not notice
        // an unknown attribute: that is why the number must be raised.
        errors.push(store.commit(task, guard(task), &next(task, 1)).await.unwrap_err());
        let token = a2a_lambda_core::LeaseToken::new("lease");
        if task.head.is_held_by(&token) {
            let until = Timestamp::from_millis(i64::MAX);
            errors.push(store.renew(key, &token, until).await.unwrap_err());
        }
    }
    // The sweep finds the item, and so does the sweep of a release that can read it.
    let found =
        store.due(due_shard(key), Timestamp::from_millis(i64::MAX), None, 10).await.unwrap();
    assert_eq!(found.len(), usize::from(task.head.due.is_some()));
    errors
}

/// The faults of the one record that cannot be read. The others can, and so can the task.
async fn step_errors(table: &Table, point: &Point) -> Vec<StoreError> {
    let Point { task, steps, .. } = point;
    let (store, scope) = (&table.store, ScopeKey::of(&task.head));
    let mut errors = vec![store.steps(&scope).await.unwrap_err()];
    for step in steps {
        match store.step(&scope, &step.key).await {
            Ok(read) => assert_eq!(read.as_ref(), Some(step)),
            Err(error) => {
                errors.push(error);
                let other = StepRecord { write: WriteId::new("other"), ..step.clone() };
                errors.push(store.put_step(&scope, None, &other).await.unwrap_err());
                let before = WriteId::new("before");
                errors.push(store.put_step(&scope, Some(&before), &other).await.unwrap_err());
            }
        }
    }
    assert_eq!(errors.len(), 4);
    let read = store.read(&task.head.key, Depth::Full).await.unwrap();
    assert_eq!(read.as_ref(), Some(task));
    errors
}

#[tokio::test]
async fn a_record_that_is_damaged_is_corrupt() {
    let points = points().await;
    let point = points.iter().find(|point| point.name == "waiting-scope").unwrap();
    let is_record = |item: &Item| item.contains_key("rec");
    let place = point.items.iter().position(is_record).unwrap();
    let rec = point.items[place]["rec"]["S"].as_str().unwrap();
    for (attribute, value) in [
        ("rec", json!({ "S": "{" })),
        ("rec", json!({ "S": rec.replace("\"k\"", "\"zz\":1,\"k\"") })),
        ("rec", json!({ "S": rec.replace("begun", "unheard") })),
        ("rec", json!({ "N": "1" })),
    ] {
        let mut items = point.items.clone();
        items[place].insert(attribute.to_owned(), value);
        let table = Table::of(&items).await;
        for error in step_errors(&table, point).await {
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        }
        assert_eq!(table.items(&point.task.head.key).await, items);
    }
}

/// A wait in an open scope writes no status. The lists keep its message, and read no head for it.
#[tokio::test]
async fn a_commit_that_changes_only_the_format_keeps_the_list_s_message() {
    let points = points().await;
    let point = points.iter().find(|point| point.name == "waiting-scope").unwrap();
    let head = |items: &[Item]| items.iter().find(|item| item["sk"]["S"] == "H").unwrap().clone();
    let state = |items: &[Item]| {
        let head = head(items);
        (head["v"]["N"].as_str().unwrap().to_owned(), head["st"]["L"][1]["S"].clone())
    };
    let (number, message) = state(&point.items);
    assert_eq!(number, "4");
    assert!(message.as_str().unwrap().contains("well under way"), "{message}");
    // The scope ends without a status, too.
    let table = Table::of(&point.items).await;
    let key = &point.task.head.key;
    let mut base = point.task.clone();
    let token = a2a_lambda_core::LeaseToken::new("lease");
    let claim = Command::Claim { token: token.clone(), max_attempts: 5 };
    let turn = TurnEnd::new(token, base.head.given, Vec::new());
    let wake_at = Timestamp::from_millis(1_800_000_000_000);
    let park = Command::Park { turn, pause: Pause::until(wake_at, None) };
    for (seconds, command, expected) in [(70, claim, "4"), (71, park, "3")] {
        let stamp = Stamp { retention: Some(KEPT), ..stamp(seconds, &format!("w-{seconds}")) };
        let base = &mut base;
        *base = a2a_lambda_testing::carry_out(&table.store, base, command, &stamp).await;
        let items = table.items(key).await;
        assert_eq!(state(&items), (expected.to_owned(), message.clone()));
    }
    let query = ListQuery { only_status: true, ..all_of(key, &base.head.owner) };
    assert_eq!(table.store.list(&query).await.unwrap().outlines.len(), 1, "without its head");
}

/// An operator takes the switch back while a scope is open: its end is written in the older format.
#[tokio::test]
async fn the_end_of_a_scope_after_the_switch_was_taken_back_has_the_older_format() {
    let points = points().await;
    let point = points.iter().find(|point| point.name == "waiting-scope").unwrap();
    let table = Table::with(&point.items, 2).await;
    let key = &point.task.head.key;
    let token = a2a_lambda_core::LeaseToken::new("lease");
    let claim = Command::Claim { token: token.clone(), max_attempts: 5 };
    let turn = TurnEnd::new(token, point.task.head.given, Vec::new());
    let wake_at = Timestamp::from_millis(1_800_000_000_000);
    let park = Command::Park { turn, pause: Pause::until(wake_at, None) };
    let mut base = point.task.clone();
    for (seconds, command) in [(70, claim), (71, park)] {
        let stamp = Stamp { retention: Some(KEPT), ..stamp(seconds, &format!("w-{seconds}")) };
        base = a2a_lambda_testing::carry_out(&table.store, &base, command, &stamp).await;
    }
    let items = table.items(key).await;
    let head = items.iter().find(|item| item["sk"]["S"] == "H").unwrap();
    assert_eq!(head["v"]["N"], "2");
    assert!(!head.contains_key("cx") && head["st"]["S"] == "WORKING", "{head:?}");
    is_listed_everywhere(&table, &table.store.read(key, Depth::Full).await.unwrap().unwrap()).await;
}

/// A release whose claims move their tasks takes this entry for moved. It changes the state alone.
#[tokio::test]
async fn a_task_that_an_earlier_release_left_among_the_submitted_ones_moves_with_the_next_commit() {
    let points = points().await;
    let point = points.iter().find(|point| point.name == "running-unlisted").unwrap();
    let token = a2a_lambda_core::LeaseToken::new("lease");
    let turn = TurnEnd::new(token.clone(), point.task.head.given, Vec::new());
    let park = Command::Park { turn, pause: Pause::until(Timestamp::from_millis(0), None) };
    let emit = Command::Emit { token: token.clone(), updates: Vec::new() };
    let claim = Command::Claim { token, max_attempts: 5 };
    for (earlier, next) in [(emit.clone(), emit), (park, claim)] {
        let key = &point.task.head.key;
        let stamp = |seconds| Stamp {
            retention: Some(KEPT),
            runner: runner(NEWEST),
            ..stamp(seconds, &format!("w-{seconds}"))
        };
        let table = Table::of(&point.items).await;
        a2a_lambda_testing::carry_out(&table.store, &point.task, earlier, &stamp(5)).await;
        let mut items = table.items(key).await;
        let of_head = |item: &&Item| item["sk"]["S"] == "H";
        let before = point.items.iter().find(of_head).unwrap();
        let head = items.iter_mut().find(|item| item["sk"]["S"] == "H").unwrap();
        for name in ["lp", "ls"] {
            head.insert(name.to_owned(), before[name].clone());
        }

        let table = Table::of(&items).await;
        let left = table.store.read(key, Depth::Full).await.unwrap().unwrap();
        is_listed_everywhere(&table, &left).await;
        a2a_lambda_testing::carry_out(&table.store, &left, next, &stamp(6)).await;
        let moved = table.store.read(key, Depth::Full).await.unwrap().unwrap();
        assert_eq!(moved.head.listed_as_submitted, None);
        is_listed_everywhere(&table, &moved).await;
        let items = table.items(key).await;
        let partition = items.iter().find(of_head).unwrap()["lp"]["S"].as_str().unwrap();
        assert!(partition.starts_with("!W"), "{partition}");
    }
}

#[tokio::test]
async fn an_entry_of_the_due_index_that_cannot_be_read_hides_no_other() {
    let points = points().await;
    let submitted = points.iter().find(|point| point.name == "submitted").unwrap();
    let head = &submitted.items[0];
    let foreign = (0..5).map(|number| {
        let mut item = head.clone();
        // It is due before the others.
        item.insert("dt".to_owned(), json!({ "N": number.to_string() }));
        let (pk, sk) = match number {
            0 => ("no tenant".to_owned(), "H"),
            1 => ("a/b#task".to_owned(), "H"),
            _ => (format!("#{number}"), "Z#1"),
        };
        item.insert("pk".to_owned(), json!({ "S": pk }));
        item.insert("sk".to_owned(), json!({ "S": sk }));
        item
    });
    let items: Vec<Item> = foreign.chain([head.clone()]).collect();
    let table = Table::of(&items).await;
    let key = &submitted.task.head.key;
    let until = Timestamp::from_millis(i64::MAX);
    for limit in [1, 2, 10] {
        let found = table.store.due(due_shard(key), until, None, limit).await.unwrap();
        assert_eq!(found.iter().map(|due| &due.key).collect::<Vec<_>>(), [key], "{limit}");
    }
}

#[tokio::test]
async fn a_purge_leaves_no_item() {
    for point in points().await {
        let table = Table::of(&point.items).await;
        let key = &point.task.head.key;
        while !table.store.purge(&point.task.head, 2).await.unwrap() {}
        assert_eq!(
            table.items(key).await,
            Vec::<Item>::new(),
            "{} of {}",
            point.name,
            point.format
        );
    }
}

/// Items that are named by positions alone have format 1, and belong to no task with an
/// incarnation.
#[tokio::test]
async fn the_log_of_an_earlier_task_of_format_1_is_not_read() {
    let points = points().await;
    let of = |format: u64, name: &str| {
        points.iter().find(|point| point.format == format && point.name == name).unwrap()
    };
    let (old, new) = (of(1, "running-large"), of(2, "running-large"));
    let mut items = new.items.clone();
    let is_head = |item: &&Item| item["sk"]["S"] == "H";
    items.extend(old.items.iter().filter(|item| !is_head(item)).cloned());
    let table = Table::of(&items).await;
    let key = &new.task.head.key;
    assert_eq!(table.store.read(key, Depth::Full).await.unwrap().as_ref(), Some(&new.task));
    for known in 0..new.task.head.position.0 {
        let known = a2a_lambda_core::Position(known);
        let read = table.store.read(key, Depth::After(known)).await.unwrap().unwrap();
        assert_eq!(read.after(known), new.task.after(known));
    }
}
