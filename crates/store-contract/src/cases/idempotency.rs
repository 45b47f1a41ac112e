//! Idempotency keys (invariant I9): the same key leads to the same task, by its id alone.

use a2a_lambda_core::Terms;
use a2a_lambda_core::machine::Submission;
use a2a_lambda_core::request_key::Fingerprint;
use a2a_lambda_core::store::Created;
use a2a_lambda_protocol::Message;

use crate::bench::{Bench, alices, key, owner, tenant};
use crate::content::user_message;

/// The change of a request with an idempotency key.
fn request(bench: &Bench, tenant_name: &str, owner_name: &str, message: Message) -> Submission {
    let (tenant, owner) = (tenant(tenant_name), owner(owner_name));
    let request = Fingerprint::new(&tenant, &owner, "key", &message, &Terms::default(), None);
    let key = key(tenant_name, &request.task_id());
    Submission { key, owner, message, request: Some(request), ..bench.submission() }
}

pub(crate) async fn the_same_key_meets_the_first_task(bench: Bench) {
    let message = user_message("m", "once");
    let first = request(&bench, "", "alice", message.clone());
    let fingerprint = first.request.clone();
    let task = bench.submit_this(first).await;
    bench.tick();
    let again = bench.decide_submit(request(&bench, "", "alice", message));
    match bench.create(&again).await {
        Created::Before(existing) => {
            task.check(&existing);
            assert_eq!(existing.head.request, fingerprint);
        }
        Created::Now(_) => panic!("two tasks under one key"),
    }
    assert_eq!(bench.list_ids(&alices()).await, [task.id()]);
}

pub(crate) async fn other_content_under_the_key_is_told_apart(bench: Bench) {
    let task = bench.submit_this(request(&bench, "", "alice", user_message("m", "one"))).await;
    let other = bench.decide_submit(request(&bench, "", "alice", user_message("m", "two")));
    let Created::Before(existing) = bench.create(&other).await else {
        panic!("two tasks under one key");
    };
    let (found, asked) = (existing.head.request.expect("kept"), other.head().request.clone());
    let asked = asked.expect("given");
    assert_eq!(found.key, asked.key);
    assert_ne!(found.content, asked.content);
    task.verify().await;
}

pub(crate) async fn another_owners_key_makes_another_task(bench: Bench) {
    let message = user_message("m", "hello");
    for (tenant, owner) in [("", "alice"), ("", "bob"), ("acme", "alice")] {
        bench.submit_this(request(&bench, tenant, owner, message.clone())).await.verify().await;
    }
}

pub(crate) async fn the_fingerprint_stays_for_the_tasks_life(bench: Bench) {
    let first = request(&bench, "", "alice", user_message("m", "hello"));
    let fingerprint = first.request.clone();
    let mut task = bench.submit_this(first).await;
    task.claim().await;
    task.ask().await;
    task.message("an answer").await;
    task.complete().await;
    task.verify().await;
    assert_eq!(bench.read(task.key()).await.head.request, fingerprint);
}
