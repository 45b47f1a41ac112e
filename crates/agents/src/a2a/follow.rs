//! Waits for a remote task, and shows what it has.

use std::time::Duration;

use a2a_lambda_client::{Error, EventStream};
use a2a_lambda_core::steps::Answer;
use a2a_lambda_core::{End, StepError, StopReason, Turn};
use a2a_lambda_protocol::{
    ErrorKind, GetTaskRequest, Json, Task, TaskPushNotificationConfig, TaskStatus, Timestamp,
};
use tracing::debug;

use super::fault::{Fault, When};
use super::mirror::{Mirror, end};
use super::remote::Asked;
use super::send::Opened;
use super::sent::RemoteTask;
use super::{A2aAgent, Stop};

/// The id of the push config at the remote task.
const CONFIG: &str = "a2a-lambda";
/// How long a push is waited for: not longer than records are kept.
const PATIENCE: Duration = Duration::from_hours(28 * 24);

/// The polls of a remote task without pushes.
const POLLS: Schedule = Schedule { first: Duration::from_secs(5), most: Duration::from_mins(5) };
/// The polls beside pushes, for one that is lost.
const NET: Schedule = Schedule { first: Duration::from_mins(5), most: Duration::from_hours(1) };

/// How often a remote task is read before it counts as forgotten: a server of several instances may know
/// it in one of them only.
const LOOKS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// When a task is polled: the waits double.
#[derive(Clone, Copy)]
struct Schedule {
    first: Duration,
    most: Duration,
}

impl Schedule {
    /// The first poll behind this time, of those since `begun`.
    fn next(self, begun: Timestamp, now: Timestamp) -> Timestamp {
        let (mut at, mut wait) = (begun.saturating_add(self.first), self.first);
        while at <= now {
            wait = wait.saturating_mul(2).min(self.most);
            if wait == self.most {
                // Equal waits from here on.
                let late = now.saturating_since(at).as_millis();
                let whole = late / self.most.as_millis().max(1) + 1;
                let whole = u32::try_from(whole).unwrap_or(u32::MAX);
                return at.saturating_add(self.most.saturating_mul(whole));
            }
            at = at.saturating_add(wait);
        }
        at
    }
}

/// Why a stream is not followed any more.
enum Watched {
    Settled(TaskStatus),
    /// It has ended, or there is no time for more of it.
    Left,
}

impl A2aAgent {
    /// Follows a remote task until it settles, or parks the turn until there may be news of it.
    pub(super) async fn follow(
        &self,
        turn: &Turn,
        round: u32,
        task: &RemoteTask,
        opened: Option<Opened>,
        asked: &Asked,
        mirror: &mut Mirror<'_>,
    ) -> Result<End, Stop> {
        let RemoteTask { link, at, settled } = task;
        if let Some(task) = settled
            && let Some(status) = mirror.task(task.clone()).await?
        {
            return Ok(end(&status, link)?);
        }
        let sent = Timestamp::from_millis(*at);
        let until = sent.saturating_add(self.settings.stream_for);
        let is_own = opened.is_some();
        if let Some(mut stream) = self.stream(turn, task, opened, until, asked, mirror).await? {
            let watched = self.watch(turn, &link.task, &mut stream, until, mirror).await?;
            if let Watched::Settled(status) = watched {
                // A stream that was cut may have missed something.
                if is_own && stream.resumed() == 0 {
                    return Ok(end(&status, link)?);
                }
            }
        }
        match turn.stop_reason() {
            Some(StopReason::OutOfTime) => return Ok(End::again()),
            Some(_) => return Err(StepError::Over.into()),
            None => {}
        }
        let waits = self.waits_for_push(turn, round, task, asked).await?;
        let now = self.get(turn, &link.task, asked).await?;
        if let Some(status) = mirror.task(now).await? {
            return Ok(end(&status, link)?);
        }
        let schedule = if waits { NET } else { POLLS };
        Ok(End::park_until(schedule.next(sent, turn.now())))
    }

    /// The stream to be watched, if there is time for one: that of the message, or one that goes on.
    async fn stream(
        &self,
        turn: &Turn,
        task: &RemoteTask,
        opened: Option<Opened>,
        until: Timestamp,
        asked: &Asked,
        mirror: &mut Mirror<'_>,
    ) -> Result<Option<EventStream>, Fault> {
        let id = &task.link.task;
        if let Some(Opened { stream, first }) = opened {
            // Its status is recorded, if it has settled.
            mirror.event(id, first.response).await?;
            return Ok(Some(stream));
        }
        if !asked.streams || turn.now() >= until {
            return Ok(None);
        }
        match asked.client.subscribe(id, None).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => {
                debug!(error = %error, "the remote task's stream cannot be followed");
                Ok(None)
            }
        }
    }

    async fn watch(
        &self,
        turn: &Turn,
        id: &str,
        stream: &mut EventStream,
        until: Timestamp,
        mirror: &mut Mirror<'_>,
    ) -> Result<Watched, Fault> {
        loop {
            let left = until.saturating_since(turn.now());
            let next = tokio::select! {
                biased;
                _ = turn.stopped() => return Ok(Watched::Left),
                next = stream.next() => next,
                () = turn.sleep(left) => return Ok(Watched::Left),
            };
            match next {
                Ok(Some(event)) => {
                    if let Some(status) = mirror.event(id, event.response).await? {
                        return Ok(Watched::Settled(status));
                    }
                }
                Ok(None) => return Ok(Watched::Left),
                // The task itself says how it goes on.
                Err(error) => {
                    debug!(error = %error, "the remote task's stream has ended early");
                    return Ok(Watched::Left);
                }
            }
        }
    }

    /// Whether the remote agent pushes to a callback of this scope, which has not come yet.
    async fn waits_for_push(
        &self,
        turn: &Turn,
        round: u32,
        task: &RemoteTask,
        asked: &Asked,
    ) -> Result<bool, Stop> {
        if !asked.pushes {
            return Ok(false);
        }
        let callback = match turn.callback(format!("remote-{round}"), PATIENCE).await {
            Ok(callback) => callback,
            // The deployment has none.
            Err(StepError::NoCallbackUrl | StepError::Vault(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let url = callback.url();
        let config = || TaskPushNotificationConfig {
            id: CONFIG.to_owned(),
            ..TaskPushNotificationConfig::of(&task.link.task, url)
        };
        let register = turn.step("register").with(&round).run(|_| async {
            match asked.client.create_push_config(config()).await {
                Ok(_) => Ok(true),
                Err(error) if error.is_retryable() && error.kind().is_none() => {
                    Err(self.failure(turn, &error.into(), When::Later))
                }
                // The error may repeat the URL, which is a secret.
                Err(error) => {
                    debug!(kind = ?error.kind(), "the remote agent takes no push config");
                    Ok(false)
                }
            }
        });
        match register.await {
            Ok(true) => {}
            // The next poll tries again.
            Ok(false) | Err(StepError::Attempt { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        match callback.answer::<Json>().await {
            Err(StepError::Suspended { .. }) => Ok(true),
            Ok(Answer::Given(_) | Answer::GaveUp(_) | _) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The remote task as it is.
    async fn get(&self, turn: &Turn, id: &str, asked: &Asked) -> Result<Task, Fault> {
        let mut pause = FIRST_PAUSE;
        for look in 1..=LOOKS {
            let history_length = Some(0);
            let request = GetTaskRequest { history_length, ..GetTaskRequest::of(id) };
            let got = tokio::select! {
                biased;
                _ = turn.stopped() => return Err(Fault::Stopped),
                got = asked.client.get(request) => got,
            };
            match got {
                Ok(task) if task.id == id => return Ok(task),
                Ok(_) => return Err(Fault::NotContract("it is another task".to_owned())),
                Err(Error::Agent(error)) if error.kind == Some(ErrorKind::TaskNotFound) => {
                    if look < LOOKS {
                        turn.sleep(pause).await;
                        pause *= 2;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::Forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_farther_and_farther_apart() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let mut now = at(0);
        let mut polls = Vec::new();
        for _ in 0..10 {
            now = POLLS.next(at(0), now);
            polls.push(now.as_millis() / 1_000);
        }
        assert_eq!(polls, [5, 15, 35, 75, 155, 315, 615, 915, 1_215, 1_515]);
        for (passed, expected) in [(4, 5), (5, 15), (14, 15), (316, 615), (1_000_000, 1_000_215)] {
            assert_eq!(POLLS.next(at(0), at(passed)), at(expected), "{passed}");
        }
    }
}
