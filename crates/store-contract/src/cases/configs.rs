//! Push configs: the store keeps them whole, each with its own task, and separate from the task.

use a2a_lambda_core::ProtocolVersion;

use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::machine::{Command, Finish};
use a2a_lambda_core::push::{Attempt, DeliveryRecord, MAX_ATTEMPTS_KEPT, Sealed, Trouble};
use a2a_lambda_core::store::{DUE_SHARDS, Depth, ListQuery};
use a2a_lambda_core::{Generation, Position, PushConfig, TaskKey};
use a2a_lambda_protocol::Timestamp;
use tokio::task::JoinSet;

use crate::bench::{Bench, alices, key};
use crate::configs::{
    ODD_IDS, ODD_TEXTS, bare_config, config, config_ids, failing_config, failing_of, stored_as,
    trouble, with_trouble,
};
use crate::content::chunk_of;

/// Tasks whose names become equal if a store joins or cuts them carelessly.
const CONFUSABLE: &[(&str, &str)] = &[
    ("", "task"),
    ("", "a#task"),
    ("", "#task"),
    ("", "a"),
    ("", "a#"),
    ("a", "task"),
    ("a", "#task"),
    ("a", "task#"),
    ("a", "task#C#config"),
    ("a", "task/config"),
    ("a", "Task"),
    ("A", "task"),
    ("a", "tas"),
    ("aa", "task"),
];

pub(super) fn confusable() -> impl Iterator<Item = TaskKey> {
    CONFUSABLE.iter().map(|(tenant, task)| key(tenant, task))
}

/// Puts a config and reads it back, alone and in the list.
pub(super) async fn keeps(bench: &Bench, task: &TaskKey, config: &PushConfig) {
    bench.put_config(task, config).await;
    let id = config.id.as_str();
    let read = bench.config(task, id).await.expect("the config that was put");
    assert_same(&read, config);
    let listed = bench.all_configs(task).await;
    let listed = listed.iter().find(|listed| listed.id == config.id);
    assert_same(listed.expect("it is listed"), config);
}

/// Like `assert_eq!`, but it shows the differences in secrets.
pub(super) fn assert_same(found: &PushConfig, expected: &PushConfig) {
    assert_eq!(found.secrets.as_str(), expected.secrets.as_str(), "the secrets");
    assert_eq!(found, expected);
}

pub(crate) async fn one_is_read_back(bench: Bench) {
    let task = bench.submit().await;
    keeps(&bench, task.key(), &config("config", "one")).await;
}

pub(crate) async fn one_without_anything_optional_is_read_back(bench: Bench) {
    let task = bench.submit().await;
    keeps(&bench, task.key(), &bare_config("config")).await;
    let scheme = "Bearer".to_owned();
    keeps(&bench, task.key(), &PushConfig { scheme, ..bare_config("config") }).await;
    let secrets = Sealed::new("sealed");
    keeps(&bench, task.key(), &PushConfig { secrets, ..bare_config("config") }).await;
}

pub(crate) async fn both_versions_are_kept(bench: Bench) {
    let task = bench.submit().await;
    for version in [ProtocolVersion::V1_0, ProtocolVersion::V0_3, ProtocolVersion::V1_0] {
        keeps(&bench, task.key(), &PushConfig { version, ..config("config", "one") }).await;
    }
}

pub(crate) async fn any_time_and_any_cursor_are_kept(bench: Bench) {
    let task = bench.submit().await;
    for (ms, cursor) in [(-1, 1), (0, 0), (1, u64::MAX), (253_402_300_799_999, 1 << 53)] {
        let mut config = config("config", "one");
        config.created_at = Timestamp::from_millis(ms);
        let (cursor, delivered) = (Position(cursor), Generation(cursor));
        let (batch, trouble) = (Some(cursor), Some(trouble(ms)));
        let config = stored_as(config, |record| {
            let DeliveryRecord { replays, introduced, .. } = *record;
            *record = DeliveryRecord { cursor, delivered, replays, introduced, batch, trouble };
        });
        keeps(&bench, task.key(), &config).await;
    }
}

/// Each part alone, and each together with each other.
pub(crate) async fn every_part_of_the_delivery_is_kept(bench: Bench) {
    let task = bench.submit().await;
    let disabled = Trouble { next: None, ..trouble(5) };
    let unexplained = Trouble { attempts: Vec::new(), failures: 0, ..trouble(5) };
    let at_length = Trouble { failures: u32::MAX, ..trouble(-5) };
    for introduced in [false, true] {
        for batch in [None, Some(Position(0)), Some(Position(7))] {
            for trouble in [None, Some(&disabled), Some(&unexplained), Some(&at_length)] {
                let (cursor, delivered) = (Position(5), Generation(4));
                let (replays, trouble) = (u32::from(introduced), trouble.cloned());
                let delivery =
                    DeliveryRecord { cursor, delivered, replays, introduced, batch, trouble };
                let delivery = delivery.into();
                keeps(&bench, task.key(), &PushConfig { delivery, ..config("config", "one") })
                    .await;
            }
        }
    }
    keeps(&bench, task.key(), &bare_config("config")).await;
}

/// A store must not change a byte of a sealed text.
pub(crate) async fn every_character_of_its_texts_is_kept(bench: Bench) {
    let task = bench.submit().await;
    let ascii: String = (0..=127_u8).map(char::from).collect();
    for text in ODD_TEXTS.iter().copied().chain([ascii.as_str()]) {
        let secrets = Sealed::new(text);
        keeps(&bench, task.key(), &PushConfig { secrets, ..config("config", "one") }).await;
        let url = format!("https://example.com/{text}");
        let (scheme, write) = (text.to_owned(), WriteId::new(text));
        keeps(&bench, task.key(), &PushConfig { url, scheme, write, ..bare_config("config") })
            .await;
        let mut trouble = trouble(3);
        text.clone_into(&mut trouble.attempts[1].reason);
        trouble.attempts[0].reason.clear();
        keeps(&bench, task.key(), &with_trouble(bare_config("config"), Some(trouble))).await;
    }
}

/// The largest config that the operations accept, with the most trouble that a config remembers.
pub(crate) async fn a_large_one_is_kept(bench: Bench) {
    let task = bench.submit().await;
    let secrets = Sealed::new("+/8=".repeat(16 * 1024));
    let url = format!("https://example.com/{}", "u".repeat(2_048));
    let config = PushConfig { secrets, url, ..config(&"i".repeat(256), "failing") };
    // JSON spells each of these characters with six bytes.
    let reason = "\u{1}".repeat(200);
    let attempt = Attempt { reason, ..trouble(3).attempts[0].clone() };
    let trouble = Trouble { attempts: vec![attempt; MAX_ATTEMPTS_KEPT], ..trouble(3) };
    let config = with_trouble(config, Some(trouble));
    keeps(&bench, task.key(), &config).await;
}

pub(crate) async fn any_id_is_taken_as_it_is(bench: Bench) {
    let task = bench.submit().await;
    let longest = ["x".repeat(256), "é".repeat(128), "#".repeat(256), "🦀".repeat(64)];
    let ids: Vec<&str> =
        ODD_IDS.iter().copied().chain(longest.iter().map(String::as_str)).collect();
    for (number, id) in ids.iter().enumerate() {
        keeps(&bench, task.key(), &config(id, &number.to_string())).await;
    }
    for (number, id) in ids.iter().enumerate() {
        let read = bench.config(task.key(), id).await;
        assert_eq!(read, Some(config(id, &number.to_string())), "{id:?}");
    }
    for (number, id) in ids.iter().enumerate() {
        bench.delete_config(task.key(), id).await;
        assert_eq!(bench.config(task.key(), id).await, None, "{id:?}");
        assert_eq!(bench.all_configs(task.key()).await.len(), ids.len() - number - 1, "{id:?}");
    }
}

pub(crate) async fn another_put_replaces_it_whole(bench: Bench) {
    let task = bench.submit().await;
    keeps(&bench, task.key(), &config("other", "other")).await;
    for label in ["one", "two"] {
        keeps(&bench, task.key(), &config("config", label)).await;
        keeps(&bench, task.key(), &bare_config("config")).await;
    }
    let all = [bare_config("config"), config("other", "other")];
    assert_eq!(bench.all_configs(task.key()).await, all);
}

/// A replaced config and its successor have one id and two registrations.
pub(crate) async fn makings_of_one_config_are_apart(bench: Bench) {
    let task = bench.submit().await;
    let first = config("config", "one");
    let registration = Registration::new(&first.id, "2");
    let second = PushConfig { registration, ..failing_config("config", 5) };
    let get = async |of: &PushConfig| {
        let found = bench.configs().get(task.key(), std::slice::from_ref(&of.registration)).await;
        found.expect("get").pop()
    };
    for config in [&first, &second] {
        bench.put_config(task.key(), config).await;
    }
    assert_eq!(bench.all_configs(task.key()).await.len(), 2);
    let next = PushConfig { write: WriteId::new("next"), ..second.clone() };
    assert!(bench.advance_config(task.key(), &second.write, &next).await);
    assert_eq!((get(&first).await, get(&second).await), (Some(first.clone()), Some(next.clone())));
    bench.configs().delete(task.key(), &first.registration).await.expect("delete");
    assert_eq!((get(&first).await, get(&second).await), (None, Some(next.clone())));
    assert_eq!(bench.all_failing().await, failing_of(task.key(), &next).as_slice());
    bench.configs().delete(task.key(), &second.registration).await.expect("delete");
    assert_eq!(bench.all_configs(task.key()).await, []);
}

pub(crate) async fn the_same_put_twice_is_one(bench: Bench) {
    let task = bench.submit().await;
    for _ in 0..3 {
        keeps(&bench, task.key(), &config("config", "one")).await;
    }
    assert_eq!(bench.all_configs(task.key()).await, [config("config", "one")]);
}

pub(crate) async fn a_missing_one_is_none(bench: Bench) {
    let task = bench.submit().await;
    assert_eq!(bench.config(task.key(), "config").await, None);
    keeps(&bench, task.key(), &config("config", "one")).await;
    for missing in ["confi", "config2", "Config", "config#", "#config", "H"] {
        assert_eq!(bench.config(task.key(), missing).await, None, "{missing:?}");
    }
    assert_eq!(bench.config(&key("", "missing"), "config").await, None);
}

/// The caller checks whether the task exists.
pub(crate) async fn one_of_a_missing_task_is_kept(bench: Bench) {
    let missing = key("acme", "missing");
    assert_eq!(bench.all_configs(&missing).await, []);
    bench.delete_config(&missing, "config").await;
    keeps(&bench, &missing, &config("config", "one")).await;
    for depth in [Depth::Tail, Depth::After(Position(0)), Depth::Full] {
        assert_eq!(bench.try_read(&missing, depth).await, None, "{depth:?}");
    }
}

pub(crate) async fn deleted_it_is_gone(bench: Bench) {
    let task = bench.submit().await;
    for id in ["a", "b", "c"] {
        keeps(&bench, task.key(), &config(id, id)).await;
    }
    bench.delete_config(task.key(), "b").await;
    assert_eq!(bench.config(task.key(), "b").await, None);
    assert_eq!(bench.all_configs(task.key()).await, [config("a", "a"), config("c", "c")]);
    keeps(&bench, task.key(), &config("b", "again")).await;
}

pub(crate) async fn deleting_it_again_changes_nothing(bench: Bench) {
    let task = bench.submit().await;
    for id in ["a", "b"] {
        keeps(&bench, task.key(), &config(id, id)).await;
    }
    for _ in 0..3 {
        bench.delete_config(task.key(), "b").await;
        assert_eq!(bench.all_configs(task.key()).await, [config("a", "a")]);
    }
}

pub(crate) async fn deleting_a_missing_one_changes_nothing(bench: Bench) {
    let mut task = bench.submit().await;
    bench.delete_config(task.key(), "config").await;
    keeps(&bench, task.key(), &config("config", "one")).await;
    for missing in ["confi", "config2", "Config", "config#", "#config", "H"] {
        bench.delete_config(task.key(), missing).await;
        assert_eq!(bench.all_configs(task.key()).await, [config("config", "one")]);
    }
    task.claim().await;
    task.verify().await;
}

pub(crate) async fn tasks_and_tenants_have_their_own(bench: Bench) {
    for (number, task) in confusable().enumerate() {
        for other in confusable().skip(number) {
            assert_eq!(bench.config(&other, "config").await, None, "{other} has that of another");
        }
        keeps(&bench, &task, &config("config", &number.to_string())).await;
        keeps(&bench, &task, &config(&format!("of {number}"), "own")).await;
    }
    for (number, task) in confusable().enumerate() {
        let own = config("config", &number.to_string());
        assert_eq!(bench.config(&task, "config").await, Some(own), "{task}");
        let all = bench.all_configs(&task).await;
        assert_eq!(config_ids(&all), ["config", &format!("of {number}")], "{task}");
    }
}

pub(crate) async fn deleting_is_of_one_task_alone(bench: Bench) {
    for task in confusable() {
        keeps(&bench, &task, &config("config", "one")).await;
    }
    for (number, task) in confusable().enumerate() {
        bench.delete_config(&task, "config").await;
        for (place, other) in confusable().enumerate() {
            let left = usize::from(place > number);
            assert_eq!(bench.all_configs(&other).await.len(), left, "{other} after {task}");
        }
    }
}

/// The head, the log and the indexes have nothing of a config.
pub(crate) async fn the_task_does_not_have_them(bench: Bench) {
    let mut task = bench.claimed().await;
    task.emit(vec![chunk_of(3_000, "large"), chunk_of(10, "small")]).await;
    let query = ListQuery { count: true, ..alices() };
    let due = bench.all_due(Timestamp::MAX).await;
    for (number, id) in ODD_IDS.iter().enumerate() {
        keeps(&bench, task.key(), &config(id, &number.to_string())).await;
    }
    task.verify().await;
    // The base is still valid.
    task.emit(vec![chunk_of(3_000, "larger")]).await;
    task.verify().await;
    let page = bench.page(&query).await;
    assert_eq!((page.tasks.len(), page.total, page.next), (1, Some(1), None));
    task.check(&page.tasks[0]);
    assert_eq!(bench.all_due(Timestamp::MAX).await, due);
    for shard in 0..DUE_SHARDS {
        assert!(bench.due(shard, Timestamp::MAX, 10).await.len() <= 1);
    }
    for id in ODD_IDS {
        bench.delete_config(task.key(), id).await;
    }
    task.verify().await;
}

pub(crate) async fn they_survive_commits(bench: Bench) {
    let mut task = bench.submit().await;
    let all: Vec<_> = ["C#", "a", "b"].map(|id| config(id, id)).into();
    for config in &all {
        keeps(&bench, task.key(), config).await;
    }
    task.claim().await;
    for number in 0..20 {
        task.emit(vec![chunk_of(450 * number, &format!("chunk {number}"))]).await;
        assert_eq!(bench.all_configs(task.key()).await, all);
    }
    task.renew(crate::bench::LEASE).await;
    task.finish(Finish::Completed(None)).await;
    assert_eq!(bench.all_configs(task.key()).await, all);
    for config in &all {
        keeps(&bench, task.key(), config).await;
    }
    task.verify().await;
}

pub(crate) async fn a_task_that_is_over_takes_them(bench: Bench) {
    let mut task = bench.submit().await;
    task.apply(Command::Cancel).await;
    keeps(&bench, task.key(), &config("config", "one")).await;
    task.verify().await;
}

/// A read returns one writer's complete config, for any order of the writes.
pub(crate) async fn of_those_put_at_once_one_stays(bench: Bench) {
    let task = bench.submit().await;
    for _ in 0..8 {
        let writers: JoinSet<()> = (0..8)
            .map(|writer| {
                let (bench, key) = (bench.clone(), task.key().clone());
                async move { bench.put_config(&key, &config("config", &writer.to_string())).await }
            })
            .collect();
        writers.join_all().await;
        let all = bench.all_configs(task.key()).await;
        assert_eq!(all.len(), 1);
        let whole = (0..8).any(|writer| all[0] == config("config", &writer.to_string()));
        assert!(whole, "a mixture of several: {:?}", all[0]);
    }
}
