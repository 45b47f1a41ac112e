//! The secrets of receivers: sealed where they are kept, opened for their pushes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{
    Delivered, End, Formats, PlainVault, ProtocolVersion, Sealed, Tally, TaskKey, Vault, VaultError,
};
use a2a_lambda_protocol::{AuthenticationInfo, ErrorKind, TaskPushNotificationConfig};
use async_trait::async_trait;

use super::{config, sent, url};
use crate::support::{World, script, secs};

/// A vault that opens as its `mood` says: 0 well, 1 unavailable, 2 damaged, 3 without a key, 4
/// after a long time.
#[derive(Default)]
struct Moody(AtomicU8);

#[async_trait]
impl Vault for Moody {
    fn has_key(&self) -> bool {
        true
    }

    async fn seal(&self, secrets: &PushSecrets, context: &str) -> Result<Sealed, VaultError> {
        PlainVault.seal(secrets, context).await
    }

    async fn open(&self, sealed: &Sealed, context: &str) -> Result<PushSecrets, VaultError> {
        match self.0.load(Ordering::SeqCst) {
            1 => return Err(VaultError::Unavailable("no answer".into())),
            2 => return Err(VaultError::Damaged),
            3 => return Err(VaultError::NoKey),
            5 => return Err(Formats::new("envelope", 1, 1).check(99).unwrap_err().into()),
            4 => {
                tokio::time::sleep(secs(25)).await;
                self.0.store(0, Ordering::SeqCst);
            }
            _ => {}
        }
        PlainVault.open(sealed, context).await
    }
}

/// A task that is over, with a receiver that has secrets.
async fn world() -> (World, TaskKey, Arc<Moody>) {
    let mut world = World::new(script(|_, _| Box::pin(async { Ok(End::completed()) })));
    let vault = Arc::new(Moody::default());
    world.engine.vault = vault.clone();
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
    (world, key, vault)
}

#[tokio::test(start_paused = true)]
async fn secrets_are_opened_for_the_push() {
    let (world, key, _) = world().await;
    assert_eq!(world.deliver(&key).await, sent(1));
    let push = &world.receivers.arrived(&url("hook"))[0].push;
    assert_eq!(push.scheme, "Bearer");
    assert_eq!(push.secrets.token.reveal(), "for you");
    assert_eq!(push.secrets.credentials.reveal(), "hush");
}

/// Whatever is wrong with the key, the operator sees it, the receiver is not blamed, and the waits
/// grow.
#[tokio::test(start_paused = true)]
async fn secrets_that_do_not_open_are_never_the_receivers_fault() {
    for (mood, cause) in [
        (1, "the key for secrets cannot be had: no answer"),
        (2, "the secrets cannot be opened: they were sealed by another key, or are damaged"),
        (3, "there is no key to seal secrets with"),
        (5, "the envelope has format 99, and this release reads format 1"),
    ] {
        let (world, key, vault) = world().await;
        vault.0.store(mood, Ordering::SeqCst);
        for number in 0..20 {
            let failed = Delivered::Ran(Tally { failed: 1, ..Tally::default() });
            assert_eq!(world.deliver(&key).await, failed);
            let delivery = world.config_of(&key, "hook").await.delivery;
            assert!(!delivery.is_disabled() && !delivery.introduced);
            let trouble = delivery.trouble.unwrap();
            assert_eq!((trouble.failures, trouble.ours), (0, number + 1));
            let last = trouble.attempts.last().unwrap();
            assert_eq!(last.cause.as_deref(), Some(cause));
            assert_eq!(last.reason, "this service could not send the push", "nothing of the key");
            let wait = trouble.next.unwrap().saturating_since(world.now());
            let at_least = secs(30 << number.min(7)).min(secs(3_600));
            assert!(wait >= at_least && wait <= at_least + at_least / 10, "{wait:?}");
            let signals = world.queue.take().len() + world.timer.take().len();
            assert_eq!(signals, 1, "one signal for it");
            tokio::time::sleep(wait).await;
        }
        assert!(world.told("hook").is_empty(), "nothing is sent");
        vault.0.store(0, Ordering::SeqCst);
        assert_eq!(world.deliver(&key).await, sent(1));
        assert_eq!(world.config_of(&key, "hook").await.delivery.trouble, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_is_slow_does_not_let_an_attempt_outlast_its_claim() {
    let (world, key, vault) = world().await;
    vault.0.store(4, Ordering::SeqCst);
    let tally = Tally { late: 1, ..Tally::default() };
    assert_eq!(world.deliver(&key).await, Delivered::Ran(tally), "it is left to the next");
    assert!(world.told("hook").is_empty());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(world.deliver(&key).await, sent(1));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_not_admitted_gets_no_config() {
    let (world, key, _) = world().await;
    world.receivers.refuse("it is not public");
    let task_id = key.task.as_str().to_owned();
    let config = TaskPushNotificationConfig { task_id, ..config("other") };
    let (operations, alice) = (world.operations(), World::alice());
    let made = operations.create_push_config(&alice, config, ProtocolVersion::V1_0).await;
    assert_eq!(made.unwrap_err().kind, ErrorKind::InvalidParams);
}
