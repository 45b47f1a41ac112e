//! The way of a push: a POST can be lost, and so can its answer.

use std::time::Duration;

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{
    Answer, NotAdmitted, Push, PushError, Sealed, Vault, VaultError, Wanted, Webhook,
};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::actor::{Actor, Fate, rest};
use crate::planted::Planted;
use crate::receiver::Does;
use crate::world::World;
use a2a_lambda_testing::{Random, TestVault};

fn unreachable() -> PushError {
    PushError::Unreachable("the simulation wills it".into())
}

fn no_key() -> VaultError {
    VaultError::Unavailable("the simulation wills it".into())
}

#[async_trait]
impl Webhook for Actor {
    async fn admit(&self, _url: &str) -> Result<(), NotAdmitted> {
        Ok(())
    }

    /// The sender makes the connection, and makes it late if it stalls. A request under way needs
    /// no sender: it arrives even after the sender's death.
    async fn post(&self, push: Push, wanted: &dyn Wanted) -> Result<Answer, PushError> {
        if self.is_over() {
            return std::future::pending().await;
        }
        let world = self.world();
        world.count_step();
        let (fate, there, back) = self.fate();
        let through = push.id.rsplit('_').next().unwrap_or_default();
        let what = match fate {
            Fate::Well => format!("POSTs {through}"),
            fate => format!("POSTs {through} [{fate:?}]"),
        };
        world.note(self.name(), &what, &push.url);
        world.push_begun(&push);
        let (id, timeout) = (push.id.clone(), push.timeout);
        let most_ms = u64::from(world.settings.connect_ms);
        let connects_in = Random::derive(world.seed, &push.id).within(0, most_ms);
        let connects_in = Duration::from_millis(connects_in);
        let given_up_at = Instant::now() + timeout;
        let exchange = async {
            rest(connects_in + there / 2).await;
            match fate {
                Fate::CrashBefore => return self.die().await,
                Fate::Refused => return Err(unreachable()),
                _ => {}
            }
            // A closed connection costs no attempt: the sender tries another one, once.
            let mut does = Does::Closes { has_it: false };
            for _connection in 0..2 {
                if !self.is_wanted(wanted).await {
                    return Err(PushError::Withdrawn);
                }
                world.push_sent(self.name(), &push);
                let journey = carry(world.clone(), self.name().to_owned(), push.clone(), there / 2);
                // It does not arrive after its sender has given up, unless it was sent later.
                if world.planted == Some(Planted::AckTooSoon) {
                    tokio::spawn(journey);
                    return Ok(Answer { status: 200, retry_after: None });
                }
                let now = Instant::now();
                let lost_at = if now < given_up_at { given_up_at } else { now + there / 2 };
                let journey = tokio::spawn(tokio::time::timeout_at(lost_at, journey));
                does = match journey.await {
                    Ok(Ok(does)) => does,
                    _ => Does::Hangs,
                };
                if fate == Fate::CrashAfter || !matches!(does, Does::Closes { .. }) {
                    break;
                }
            }
            match (fate, does) {
                (Fate::CrashAfter, _) => self.die().await,
                (_, Does::Hangs) => std::future::pending().await,
                (_, Does::Refused) => {
                    Err(PushError::Refused(NotAdmitted("the simulation wills it".to_owned())))
                }
                (Fate::AnswerLost, _) | (_, Does::Unreachable | Does::Closes { .. }) => {
                    rest(back).await;
                    Err(unreachable())
                }
                (_, Does::Answers(answer)) => {
                    rest(back).await;
                    Ok(answer)
                }
            }
        };
        let answer = tokio::time::timeout(timeout, exchange).await;
        let answer = answer.unwrap_or(Err(PushError::TimedOut(timeout)));
        world.note(self.name(), "  has an answer", format_args!("{answer:?}"));
        world.push_answered(self.name(), &id, answer.as_ref().ok());
        match answer {
            Ok(_) if world.planted == Some(Planted::AckAssumed) => {
                Ok(Answer { status: 200, retry_after: None })
            }
            answer => answer,
        }
    }
}

/// The way of a POST to its receiver.
async fn carry(world: std::sync::Arc<World>, actor: String, push: Push, there: Duration) -> Does {
    rest(there).await;
    let does = world.receivers.next(world.seed, &push.url, world.now_ms(), world.has_healed());
    match does {
        Does::Answers(answer) => world.push_arrived(&actor, &push, Some(answer.status)),
        Does::Hangs | Does::Closes { has_it: true } => world.push_arrived(&actor, &push, None),
        Does::Closes { has_it: false } | Does::Unreachable | Does::Refused => {}
    }
    does
}

#[async_trait]
impl Vault for Actor {
    fn has_key(&self) -> bool {
        true
    }

    async fn seal(&self, secrets: &PushSecrets, context: &str) -> Result<Sealed, VaultError> {
        self.ask("seal", context, no_key, TestVault::default().seal(secrets, context)).await
    }

    async fn open(&self, sealed: &Sealed, context: &str) -> Result<PushSecrets, VaultError> {
        let is_planted = self.world().planted == Some(Planted::TokenNotChecked);
        let sealed_for =
            serde_json::from_str(sealed.as_str()).map(|(of, _): (String, PushSecrets)| of);
        let own = if is_planted { sealed_for.unwrap_or_default() } else { context.to_owned() };
        self.ask("open", context, no_key, TestVault::default().open(sealed, &own)).await
    }
}
