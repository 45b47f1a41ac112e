//! The secrets of receivers: sealed where they are kept, opened for their pushes.

use a2a_lambda_core::{Delivered, End, ProtocolVersion, Tally, TaskKey};
use a2a_lambda_protocol::{AuthenticationInfo, ErrorKind, TaskPushNotificationConfig};

use super::{config, sent, url};
use crate::support::{VaultFault, World, script, secs};

/// A task that is over, with a receiver that has secrets.
async fn world() -> (World, TaskKey) {
    let world = World::new(script!(|_, _| { Ok(End::completed()) }));
    let key = world.done().await;
    let authentication =
        Some(AuthenticationInfo { scheme: "Bearer".into(), credentials: "hush".into() });
    let config = TaskPushNotificationConfig {
        task_id: key.task.as_str().to_owned(),
        token: "for you".into(),
        authentication,
        ..config("hook")
    };
    let (operations, alice) = (world.operations(), World::alice());
    let made = operations.create_push_config(&alice, config, ProtocolVersion::V1_0).await;
    made.unwrap();
    (world, key)
}

#[tokio::test(start_paused = true)]
async fn secrets_are_opened_for_the_push() {
    let (world, key) = world().await;
    assert_eq!(world.deliver(&key).await, sent(1));
    let push = &world.receivers.arrived(&url("hook"))[0].push;
    assert_eq!(push.scheme, "Bearer");
    assert_eq!(push.secrets.token.reveal(), "for you");
    assert_eq!(push.secrets.credentials.reveal(), "hush");
}

/// For any fault of the key, the operator sees it, the receiver is not blamed, and the waits grow.
#[tokio::test(start_paused = true)]
async fn secrets_that_do_not_open_are_never_the_receivers_fault() {
    for (fault, cause) in [
        (VaultFault::Unavailable, "the key for secrets is not available: no answer"),
        (
            VaultFault::Damaged,
            "the secrets cannot be opened: they were sealed by another key, or are damaged",
        ),
        (VaultFault::NoKey, "there is no key to seal secrets with"),
        (VaultFault::OtherRelease, "the envelope has format 99, and this release reads format 1"),
    ] {
        let (world, key) = world().await;
        world.vault.set_fault(Some(fault));
        for number in 0..20 {
            let failed = Delivered::Ran(Tally { failed: 1, ..Tally::default() });
            assert_eq!(world.deliver(&key).await, failed);
            let delivery = world.config_of(&key, "hook").await.delivery;
            assert!(!delivery.is_disabled() && !delivery.introduced);
            let trouble = delivery.trouble.clone().unwrap();
            assert_eq!((trouble.failures, trouble.ours), (0, number + 1));
            let last = trouble.attempts.last().unwrap();
            assert_eq!(last.cause.as_deref(), Some(cause));
            assert_eq!(last.reason, "this service could not send the push", "nothing of the key");
            let wait = trouble.next.unwrap().saturating_since(world.now());
            let at_least = secs(30 << number.min(7)).min(secs(3_600));
            assert!(wait >= at_least && wait <= at_least + at_least / 10, "{wait:?}");
            let signals = world.queue.take_times().len() + world.timer.take_times().len();
            assert_eq!(signals, 1, "one signal for it");
            tokio::time::sleep(wait).await;
        }
        assert!(world.told("hook").is_empty(), "nothing is sent");
        world.vault.set_fault(None);
        assert_eq!(world.deliver(&key).await, sent(1));
        assert_eq!(world.config_of(&key, "hook").await.delivery.trouble, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_is_slow_does_not_let_an_attempt_outlast_its_claim() {
    let (world, key) = world().await;
    world.vault.set_fault(Some(VaultFault::SlowOnce(secs(25))));
    let tally = Tally { late: 1, ..Tally::default() };
    assert_eq!(world.deliver(&key).await, Delivered::Ran(tally), "it is left to the next");
    assert!(world.told("hook").is_empty());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(world.deliver(&key).await, sent(1));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_not_admitted_gets_no_config() {
    let (world, key) = world().await;
    world.receivers.refuse("it is not public");
    let task_id = key.task.as_str().to_owned();
    let config = TaskPushNotificationConfig { task_id, ..config("other") };
    let (operations, alice) = (world.operations(), World::alice());
    let made = operations.create_push_config(&alice, config, ProtocolVersion::V1_0).await;
    assert_eq!(made.unwrap_err().kind, ErrorKind::InvalidParams);
}
