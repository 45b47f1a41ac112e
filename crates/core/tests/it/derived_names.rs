//! The names that are derived from a client's request, and stored or sent. The next release must
//! derive the same. Otherwise a repeated request makes a second task, an owner loses their tasks, a
//! receiver takes a push for another, and a sweep does not find due tasks.

use a2a_lambda_core::ids::ConfigId;
use a2a_lambda_core::request_key::Fingerprint;
use a2a_lambda_core::store::{DueShards, context_partition, due_shard};
use a2a_lambda_core::{
    ContextId, Owner, Position, PushConfig, Registration, TaskId, TaskKey, Tenant, Terms,
};
use a2a_lambda_protocol::{
    AuthenticationInfo, Message, Role, TaskPushNotificationConfig, Timestamp,
};
use a2a_lambda_testing::push_config;

fn key() -> TaskKey {
    let task = TaskId::parse("0198d4f2-task").unwrap();
    TaskKey { tenant: Tenant::parse("acme").unwrap(), task }
}

#[test]
fn an_idempotency_key_stands_for_the_same_task_and_request() {
    let message = Message::text("m1", Role::User, "go");
    let terms = Terms {
        accepted_output_modes: vec!["text/plain".to_owned()],
        extensions: vec!["urn:x".to_owned()],
        metadata: None,
    };
    let push = TaskPushNotificationConfig {
        url: "https://hooks.example/1".to_owned(),
        token: "hush".to_owned(),
        authentication: Some(AuthenticationInfo {
            scheme: "Bearer".to_owned(),
            credentials: "secret".to_owned(),
        }),
        ..TaskPushNotificationConfig::default()
    };
    let (tenant, owner) = (&key().tenant, &Owner::parse("alice").unwrap());
    let plain = Fingerprint::new(tenant, owner, "key", &message, &Terms::default(), None);
    let full = Fingerprint::new(tenant, owner, "key", &message, &terms, Some(&push));
    assert_eq!(plain.key, full.key);
    let expected = [
        "7ca5566a-a7ef-8fba-8947-5f1eb15429c3",
        "dfef0e02935a86d4190046da82c832a2",
        "6dceab52139ee50969bfbc85d249010d",
    ];
    assert_eq!([&plain.task_id(), &plain.content, &full.content], expected);
}

#[test]
fn an_owner_keeps_their_name() {
    let long = Owner::of_principal("jwt", &["https://issuer.example", &"a".repeat(300)]);
    assert_eq!(long.as_str(), "sha256:jwt:e7d67f2063e6aa7b1a11625635e9d1d5");
}

#[test]
fn a_config_keeps_its_names() {
    let id = ConfigId::parse("c1").unwrap();
    let registration = Registration::new(&id, "nonce");
    assert_eq!(registration.as_str(), "c30967a83c65a50933460d95d43205f50f3a15d18fcb7b9e");
    assert_eq!(PushConfig::seal_context(&key(), &id), "acme#13#0198d4f2-task#c1");
    let config = PushConfig { registration, ..push_config(id.as_str()) };
    assert_eq!(config.push_id(&key(), Position(7)), "msg_7202a64c0055e0575fa7f65ad7cd937b_7");
}

#[test]
fn a_task_keeps_its_shard() {
    let keys = ["a", "b", "0198d4f2-task", "task"]
        .map(|id| TaskKey { task: TaskId::parse(id).unwrap(), ..key() });
    assert_eq!(keys.each_ref().map(due_shard), [4, 5, 3, 4]);
    for (shards, expected) in [(0, [4, 5, 3, 4]), (8, [4, 5, 3, 4]), (64, [12, 37, 3, 12])] {
        let of = keys.each_ref().map(|key| DueShards::configured(shards).of(key));
        assert_eq!(of, expected, "of {shards}");
    }
}

#[test]
fn a_sweep_asks_used_shards_always_and_the_others_by_turns() {
    let at = |minute: i64| Timestamp::from_millis(minute * 60_000 + 59_999);
    let asked =
        |used, minute| -> Vec<u8> { DueShards::configured(used).swept_at(at(minute)).collect() };
    assert_eq!(asked(8, 0), (0..9).collect::<Vec<u8>>());
    assert_eq!(asked(8, 55)[7..], [7, 63]);
    assert_eq!(asked(8, 56), asked(8, 0));
    assert_eq!(asked(63, 5)[61..], [61, 62, 63]);
    assert_eq!(asked(64, 5), (0..64).collect::<Vec<u8>>());
    assert_eq!(asked(255, 5), asked(64, 5), "the most");
    assert_eq!(DueShards::default().swept_at(at(3)).collect::<Vec<u8>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
    for used in 8..=64 {
        let shards = DueShards::configured(used);
        let mut all: Vec<u8> = Vec::new();
        for minute in 0..56 {
            let asked = asked(used, minute);
            assert_eq!(asked.len(), shards.swept());
            all.extend(asked);
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, shards.all().collect::<Vec<u8>>(), "{used}");
    }
}

#[test]
fn a_context_keeps_its_partition() {
    let (owner, context) = (Owner::parse("alice").unwrap(), ContextId::parse("context").unwrap());
    let partition = context_partition(&key().tenant, &owner, &context);
    assert_eq!(partition, "a2b0915259b9d7d8");
}
