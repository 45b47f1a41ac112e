//! Listing push configs: by ascending id, as many as asked for, from any place.

use a2a_lambda_core::TaskKey;
use a2a_lambda_core::vault::Sealed;

use crate::bench::{Bench, key};
use crate::configs::{ODD_IDS, config, config_id, config_ids, walk_configs};

/// Puts configs of these ids, and returns the ids in the order of their bytes.
async fn put_all<'a>(bench: &Bench, task: &TaskKey, ids: &[&'a str]) -> Vec<&'a str> {
    for id in ids {
        bench.put_config(task, &config(id, "one")).await;
    }
    let mut sorted = ids.to_vec();
    sorted.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    sorted
}

pub(crate) async fn of_nothing_are_empty(bench: Bench) {
    let task = bench.submit().await;
    for limit in [1, 100] {
        for after in [None, Some("\u{1}"), Some("config"), Some("\u{10ffff}")] {
            for key in [task.key(), &key("", "missing")] {
                assert_eq!(bench.config_page(key, after, limit).await, []);
            }
        }
    }
}

pub(crate) async fn are_in_the_order_of_bytes(bench: Bench) {
    let task = bench.submit().await;
    // Neither as they were put, nor by length, nor as numbers, nor regardless of case.
    let sorted = put_all(&bench, task.key(), ODD_IDS).await;
    let found = bench.all_configs(task.key()).await;
    assert_eq!(config_ids(&found), sorted);
}

pub(crate) async fn of_any_size_show_each_once(bench: Bench) {
    let task = bench.submit().await;
    let sorted = put_all(&bench, task.key(), ODD_IDS).await;
    for limit in (1..=sorted.len() + 2).chain([1_000, usize::MAX]) {
        let found = walk_configs(bench.configs(), task.key(), limit).await.expect("list");
        assert_eq!(config_ids(&found), sorted, "in pages of {limit}");
    }
}

/// A page that is shorter than was asked for is the end, so that no other may be.
pub(crate) async fn are_as_full_as_can_be(bench: Bench) {
    let task = bench.submit().await;
    let sorted = put_all(&bench, task.key(), ODD_IDS).await;
    for (place, after) in sorted.iter().enumerate() {
        for limit in 1..=sorted.len() {
            let page = bench.config_page(task.key(), Some(after), limit).await;
            let end = sorted.len().min(place + 1 + limit);
            assert_eq!(config_ids(&page), sorted[place + 1..end], "{limit} behind {after:?}");
        }
    }
}

/// The place need not be that of a config that there is, or was.
pub(crate) async fn begin_at_any_place(bench: Bench) {
    let task = bench.submit().await;
    let sorted = put_all(&bench, task.key(), &["C#", "b", "b#", "d", "é"]).await;
    let longest = "b".repeat(256);
    for after in ODD_IDS.iter().copied().chain(["c", "bb", "b\u{10ffff}", &longest]) {
        let page = bench.config_page(task.key(), Some(after), 100).await;
        let expected: Vec<_> =
            sorted.iter().copied().filter(|id| id.as_bytes() > after.as_bytes()).collect();
        assert_eq!(config_ids(&page), expected, "behind {after:?}");
    }
}

/// What is deleted or put between two pages does not make the next repeat or leave out others.
pub(crate) async fn bear_changes_between_them(bench: Bench) {
    let task = bench.submit().await;
    let sorted = put_all(&bench, task.key(), &["a", "b", "c", "d", "e", "f"]).await;
    let page = bench.config_page(task.key(), None, 2).await;
    assert_eq!(config_ids(&page), sorted[..2]);
    // The last one shown, and one before it, go; another comes before it.
    for id in ["a", "b"] {
        bench.delete_config(task.key(), id).await;
    }
    put_all(&bench, task.key(), &["aa"]).await;
    let page = bench.config_page(task.key(), Some("b"), 2).await;
    assert_eq!(config_ids(&page), sorted[2..4]);
    bench.delete_config(task.key(), "e").await;
    let page = bench.config_page(task.key(), Some("d"), 2).await;
    assert_eq!(config_ids(&page), sorted[5..]);
}

/// More than an answer of some stores has room for.
pub(crate) async fn of_large_configs_are_whole(bench: Bench) {
    let task = bench.submit().await;
    let large = |number: usize| {
        let mut config = config(&format!("{number:03}"), &number.to_string());
        config.secrets = Sealed::new(format!("{number}{}", "s".repeat(32_000)));
        config
    };
    let all: Vec<_> = (0..100).map(large).collect();
    for config in &all {
        bench.put_config(task.key(), config).await;
    }
    for limit in [7, 40, 100, 101, usize::MAX] {
        let found = walk_configs(bench.configs(), task.key(), limit).await.expect("list");
        assert!(found == all, "in pages of {limit}: {:?}", config_ids(&found));
    }
    let page = bench.config_page(task.key(), None, 90).await;
    assert_eq!(page.len(), 90, "there are more, and so this is not the end");
}

pub(crate) async fn are_of_one_task(bench: Bench) {
    let tasks = [key("", "b"), key("", "a"), key("", "b#"), key("b", "b"), key("", "c")];
    for (number, task) in tasks.iter().enumerate() {
        for id in ["x", "y", "z"] {
            bench.put_config(task, &config(id, &number.to_string())).await;
        }
    }
    for (number, task) in tasks.iter().enumerate() {
        let label = number.to_string();
        let own = ["x", "y", "z"].map(|id| config(id, &label));
        for limit in [2, 3, 4, 100] {
            let found = walk_configs(bench.configs(), task, limit).await.expect("list");
            assert_eq!(found, own, "{task} in pages of {limit}");
        }
        let behind = bench.configs().list(task, Some(&config_id("z")), 100).await.expect("list");
        assert_eq!(behind, [], "behind the last of {task}");
    }
}

pub(crate) async fn see_every_write(bench: Bench) {
    let task = bench.submit().await;
    let ids: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    for (number, id) in ids.iter().enumerate() {
        bench.put_config(task.key(), &config(id, "one")).await;
        assert_eq!(config_ids(&bench.all_configs(task.key()).await), ids[..=number]);
        bench.put_config(task.key(), &config(id, "two")).await;
        let last = bench.all_configs(task.key()).await.pop();
        assert_eq!(last, Some(config(id, "two")));
    }
    for (number, id) in ids.iter().enumerate() {
        bench.delete_config(task.key(), id).await;
        assert_eq!(config_ids(&bench.all_configs(task.key()).await), ids[number + 1..]);
    }
}
