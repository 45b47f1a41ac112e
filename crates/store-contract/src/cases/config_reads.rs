//! Reading push configs: the requested ones, of one task, and no others.

use a2a_lambda_core::push::Sealed;

use crate::bench::{Bench, key};
use crate::configs::{ODD_IDS, config, config_ids};

pub(crate) async fn of_nothing_are_empty(bench: Bench) {
    let task = bench.submit().await;
    for ids in [&[][..], &["a"], &["a", "b"], ODD_IDS] {
        for key in [task.key(), &key("", "missing")] {
            assert_eq!(bench.configs_of(key, ids).await, [], "{ids:?}");
        }
    }
}

pub(crate) async fn find_exactly_the_requested_configs(bench: Bench) {
    let task = bench.submit().await;
    let all = ["a", "b", "c", "d", "e", "f"];
    for id in all {
        bench.put_config(task.key(), &config(id, id)).await;
    }
    // Each selection of them, with some missing ones.
    for which in 0..1_u32 << all.len() {
        let chosen = |(place, id): (usize, &'static str)| (which >> place & 1 > 0).then_some(id);
        let chosen: Vec<_> = all.into_iter().enumerate().filter_map(chosen).collect();
        let expected: Vec<_> = chosen.iter().map(|id| config(id, id)).collect();
        let mut asked = chosen;
        asked.reverse();
        if which % 2 > 0 {
            asked.extend(["g", "A"]);
        }
        assert_eq!(bench.configs_of(task.key(), &asked).await, expected, "{asked:?}");
    }
}

/// More data than one answer of some stores can have.
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
    let found = bench.all_configs(task.key()).await;
    assert!(found == all, "{:?}", config_ids(&found));
    for some in [&all[..40], &all[97..], &[all[3].clone(), all[98].clone()]] {
        let found = bench.configs_of(task.key(), &config_ids(some)).await;
        assert!(found == some, "{:?}", config_ids(&found));
    }
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
        assert_eq!(bench.configs_of(task, &["x", "y", "z"]).await, own, "{task}");
        assert_eq!(bench.configs_of(task, &["y"]).await, own[1..2], "{task}");
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

/// A read skips the configs that refused requests left behind, at no extra cost.
pub(crate) async fn skip_other_configs(bench: Bench) {
    let task = bench.submit().await;
    for number in 0..60 {
        let mut left = config(&format!("left {number}"), "left");
        left.secrets = Sealed::new("s".repeat(32_000));
        bench.put_config(task.key(), &left).await;
    }
    for id in ["a", "b"] {
        bench.put_config(task.key(), &config(id, id)).await;
    }
    let both = [config("a", "a"), config("b", "b")];
    assert_eq!(bench.configs_of(task.key(), &["a", "b"]).await, both);
    assert_eq!(bench.configs_of(task.key(), &["b"]).await, both[1..]);
}
