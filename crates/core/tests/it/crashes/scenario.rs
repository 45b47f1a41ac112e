//! The actors that are killed, and what is expected of the task then.

use std::future::{Ready, ready};

use a2a_lambda_core::conversation::{Budget, ConversationKey, Held, MemoryItem, Swap};
use a2a_lambda_core::head::{Impatience, Patience};
use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::operations::callbacks::{Callbacks, Said};
use a2a_lambda_core::{
    Company, ContextId, End, Engine, Failure, Operations, ProtocolVersion, Runner, deliver, sweep,
};
use a2a_lambda_protocol::{
    CancelTaskRequest, DeleteTaskPushNotificationConfigRequest, Json, Message, Part,
    SendMessageRequest, TaskPushNotificationConfig, TaskState,
};

use a2a_lambda_testing::{pushing, sending};

use crate::delivery::config;
use crate::support::{Diary, Scripted, World, script, secs, user};

/// The context of the task that remembers.
const CONTEXT: &str = "trip";

/// An agent whose work is the text of the first message.
pub(crate) fn agent() -> Scripted {
    script!(|turn, diary| {
        let told = turn.task().history.first().and_then(|it| it.parts.first()?.as_text());
        let told = told.unwrap_or_default().to_owned();
        let in_a = |seconds| turn.now().saturating_add(secs(seconds));
        match (told.as_str(), turn.number()) {
            ("ask", 1) => return Ok(End::input_required("which one?")),
            ("ask for an hour", 1) => {
                let patience = Some(Patience { until: in_a(3_600), then: Impatience::Wake });
                let question = "which one?".into();
                return Ok(End::InputRequired { question, checkpoint: None, patience });
            }
            ("nap", 1) => return Ok(End::ParkUntil { wake_at: in_a(60), checkpoint: None }),
            ("sleep", 1) => {
                return Ok(End::ParkUntil { wake_at: in_a(1_800), checkpoint: None });
            }
            ("go on", 1) => return Ok(End::Continue { checkpoint: Some(Json::parse("1")?) }),
            ("fail", 1) if turn.attempt() == 1 => return Err(Failure::retryable("not now")),
            ("work", _) => {
                turn.progress("half").await?;
                let mut chunks = turn.chunked("result");
                chunks.push([Part::text("a")]).await?;
                // Long enough for the lease to be renewed.
                turn.sleep(secs(12)).await;
                chunks.finish([Part::text("b")]).await?;
            }
            ("wait", 1) => turn.sleep(secs(5)).await,
            ("pay and mail", _) => {
                turn.step("pay").once().run(|_| done(&diary, "pay")).await?;
                turn.step("mail")
                    .run(|run| done(&diary, format!("mail {}", run.idempotency_key())))
                    .await?;
            }
            ("get an answer", _) => {
                let approval = turn.callback("approve", secs(1_800)).await?;
                diary.note(approval.token());
                let answer = approval.answer::<String>().await?;
                return Ok(End::Completed(format!("{answer:?}").into()));
            }
            ("remember", _) => {
                let memory = turn.memory();
                diary.note(format!("{}", memory.load(Budget::tokens(1_000)).await?.len()));
                memory.append([MemoryItem::user(turn.text())]).await?;
                let held: Held<u32> = turn.session().get("n").await?;
                let next = held.value.unwrap_or_default() + 1;
                let swap = turn.session().set("n", &next, Some(&held.version)).await?;
                let answer = if swap == Swap::Lost { "lost" } else { "counted" };
                memory.append([MemoryItem::agent(answer)]).await?;
            }
            _ => {}
        }
        Ok(End::completed())
    })
}

/// The work of a step.
fn done(diary: &Diary, what: impl Into<String>) -> Ready<Result<(), Failure>> {
    diary.note(what);
    ready(Ok(()))
}

/// The actor that is killed, and its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Send,
    SendWithConfig,
    SendInline,
    FollowUpToQuestion,
    FollowUpToSleeper,
    FollowUpToQueued,
    CancelQueued,
    CancelQuestion,
    Work,
    Ask,
    AskForAnHour,
    Nap,
    Sleep,
    GoOn,
    Fail,
    PayAndMail,
    Remember,
    GetAnswer,
    Answer,
    FinishWithMail,
    WorkWithConfig,
    Deliver,
    CreateConfig,
    ReplaceConfig,
    DeleteConfig,
    FollowUpWithConfig,
    SweepLostSignal,
    SweepDeadLease,
    SweepWakeTime,
    SweepLateUser,
    SweepPush,
}

impl Scenario {
    pub(crate) const ALL: [Self; 31] = [
        Self::Send,
        Self::SendWithConfig,
        Self::SendInline,
        Self::FollowUpToQuestion,
        Self::FollowUpToSleeper,
        Self::FollowUpToQueued,
        Self::CancelQueued,
        Self::CancelQuestion,
        Self::Work,
        Self::Ask,
        Self::AskForAnHour,
        Self::Nap,
        Self::Sleep,
        Self::GoOn,
        Self::Fail,
        Self::PayAndMail,
        Self::Remember,
        Self::GetAnswer,
        Self::Answer,
        Self::FinishWithMail,
        Self::WorkWithConfig,
        Self::Deliver,
        Self::CreateConfig,
        Self::ReplaceConfig,
        Self::DeleteConfig,
        Self::FollowUpWithConfig,
        Self::SweepLostSignal,
        Self::SweepDeadLease,
        Self::SweepWakeTime,
        Self::SweepLateUser,
        Self::SweepPush,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendWithConfig => "send with a push config",
            Self::SendInline => "send and run inline: updates, chunks, finish",
            Self::FollowUpToQuestion => "follow-up to a question",
            Self::FollowUpToSleeper => "follow-up to a parked task",
            Self::FollowUpToQueued => "follow-up to a queued task",
            Self::CancelQueued => "cancel of a queued task",
            Self::CancelQuestion => "cancel of a question",
            Self::Work => "run: updates, chunks, finish",
            Self::Ask => "run: park for the user",
            Self::AskForAnHour => "run: park for the user, for an hour",
            Self::Nap => "run: park until in a minute",
            Self::Sleep => "run: park until in half an hour",
            Self::GoOn => "run: continue",
            Self::Fail => "run: fail, to be tried again",
            Self::PayAndMail => "run: a step at most once, a step at least once, finish",
            Self::Remember => "run: load, append, count, append, finish",
            Self::GetAnswer => "run: park for a callback",
            Self::Answer => "answer to a callback",
            Self::FinishWithMail => "run: finish with mail",
            Self::SweepLostSignal => "sweep of a lost signal",
            Self::SweepDeadLease => "sweep of a dead lease",
            Self::SweepWakeTime => "sweep of a wake time",
            Self::SweepLateUser => "sweep of a late user",
            Self::WorkWithConfig => "run: updates, chunks, finish, pushed beside",
            Self::Deliver => "stream recovery: deliver",
            Self::CreateConfig => "create a push config",
            Self::ReplaceConfig => "replace a push config",
            Self::DeleteConfig => "delete a push config",
            Self::FollowUpWithConfig => "follow-up with a push config that replaces one",
            Self::SweepPush => "sweep of pushes",
        }
    }

    pub(crate) fn makes_a_task(self) -> bool {
        matches!(self, Self::Send | Self::SendWithConfig | Self::SendInline)
    }

    /// Whether a config takes the place of another at the same receiver.
    pub(crate) fn replaces(self) -> bool {
        matches!(self, Self::ReplaceConfig | Self::FollowUpWithConfig)
    }

    /// The text of the task's first message.
    fn told(self) -> &'static str {
        match self {
            Self::Send
            | Self::SendWithConfig
            | Self::SendInline
            | Self::Work
            | Self::SweepLostSignal
            | Self::WorkWithConfig
            | Self::CreateConfig
            | Self::ReplaceConfig
            | Self::DeleteConfig => "work",
            Self::FollowUpWithConfig
            | Self::FollowUpToQuestion
            | Self::CancelQuestion
            | Self::Ask => "ask",
            Self::FollowUpToSleeper | Self::Sleep | Self::SweepWakeTime => "sleep",
            Self::FollowUpToQueued
            | Self::CancelQueued
            | Self::FinishWithMail
            | Self::Deliver
            | Self::SweepPush
            | Self::SweepDeadLease => "wait",
            Self::AskForAnHour | Self::SweepLateUser => "ask for an hour",
            Self::Nap => "nap",
            Self::GoOn => "go on",
            Self::Fail => "fail",
            Self::PayAndMail => "pay and mail",
            Self::Remember => "remember",
            Self::GetAnswer | Self::Answer => "get an answer",
        }
    }

    /// Brings the world to where the actor comes in.
    pub(crate) async fn prepare(self, world: &World) {
        if self.makes_a_task() {
            return;
        }
        let key = match self {
            Self::WorkWithConfig
            | Self::Deliver
            | Self::SweepPush
            | Self::ReplaceConfig
            | Self::DeleteConfig
            | Self::FollowUpWithConfig => {
                let options = SendOptions::default();
                world.submit_with(user(self.told()), config("hook"), &options).await
            }
            Self::Remember => {
                let message = Message { context_id: CONTEXT.to_owned(), ..user(self.told()) };
                World::key(&world.post(message).await.unwrap().id)
            }
            _ => world.submit(self.told()).await,
        };
        match self {
            Self::Deliver => drop(world.try_cancel(&key).await),
            Self::SweepPush => {
                world.cancel(&key).await;
                tokio::time::sleep(secs(61)).await;
            }
            Self::FollowUpToQuestion
            | Self::CancelQuestion
            | Self::FollowUpToSleeper
            | Self::CreateConfig
            | Self::ReplaceConfig
            | Self::DeleteConfig
            | Self::FollowUpWithConfig
            | Self::Answer => {
                world.attend(&key).await;
            }
            Self::SweepLostSignal => tokio::time::sleep(secs(61)).await,
            Self::SweepDeadLease => {
                world.attend_killed_after(&key, secs(1)).await;
                tokio::time::sleep(secs(61)).await;
            }
            Self::SweepWakeTime | Self::SweepLateUser => {
                world.attend(&key).await;
                tokio::time::sleep(secs(3_661)).await;
            }
            _ => {}
        }
        // Only these scenarios keep a signal under way, beside the actor's work.
        match self {
            Self::FollowUpToQueued | Self::CancelQueued => {}
            Self::FollowUpToSleeper => drop(world.queue.take_times()),
            _ => {
                world.queue.take_times();
                world.timer.take_times();
            }
        }
    }

    /// Does the actor's work, by its own engine.
    pub(crate) async fn act(self, world: &World, engine: Engine) {
        let operations = Operations::new(engine.clone());
        let key = super::the_task(world).await;
        let id = key.as_ref().map(|key| key.task.as_str().to_owned()).unwrap_or_default();
        match self {
            Self::Send => post(&operations, user("work"), false).await,
            Self::SendWithConfig => post(&operations, user("work"), true).await,
            Self::SendInline => {
                let operations = operations.inline(world.agents().clone());
                let waits = SendMessageRequest { configuration: None, ..sending(user("work")) };
                let options = SendOptions::default();
                Box::pin(operations.send(&World::alice(), waits, &options)).await.unwrap();
            }
            Self::FollowUpToQuestion | Self::FollowUpToSleeper | Self::FollowUpToQueued => {
                post(&operations, Message { task_id: id, ..user("more") }, false).await;
            }
            Self::CancelQueued | Self::CancelQuestion => {
                operations.cancel(&World::alice(), &CancelTaskRequest::of(id)).await.unwrap();
            }
            Self::Deliver => {
                let deadline = world.now().saturating_add(secs(60));
                Box::pin(deliver(&engine, &key.unwrap(), deadline)).await.unwrap();
            }
            Self::FollowUpWithConfig => {
                post(&operations, Message { task_id: id, ..user("more") }, true).await;
            }
            Self::DeleteConfig => {
                let request = DeleteTaskPushNotificationConfigRequest::of(id, "hook");
                operations.delete_push_config(&World::alice(), &request).await.unwrap();
            }
            Self::CreateConfig | Self::ReplaceConfig => {
                let config = TaskPushNotificationConfig { task_id: id, ..config("hook") };
                let version = ProtocolVersion::V1_0;
                operations.create_push_config(&World::alice(), config, version).await.unwrap();
            }
            Self::Answer => {
                let token = world.diary.read().pop().expect("a callback");
                let said = Said::Result(Json::from_value("yes").unwrap());
                Callbacks::new(engine).answer(&token, &said).await.unwrap();
            }
            Self::SweepLostSignal
            | Self::SweepDeadLease
            | Self::SweepWakeTime
            | Self::SweepLateUser
            | Self::SweepPush => {
                sweep(&engine, world.now().saturating_add(secs(60))).await;
            }
            _ => {
                let runner = Runner::new(engine, world.agents().clone());
                let deadline = world.now().saturating_add(secs(900));
                let key = key.expect("a task");
                let attend = Box::pin(runner.attend(&key, deadline, Company::Alone));
                let mail = async {
                    if self == Self::FinishWithMail {
                        tokio::time::sleep(secs(2)).await;
                        world.follow_up(&key, "more").await;
                    }
                };
                tokio::join!(async { attend.await.unwrap() }, mail);
            }
        }
    }

    /// The state that the task must come to, if these effects were carried out.
    pub(crate) fn expected(self, effects: &[String]) -> TaskState {
        let canceled = effects.iter().any(|effect| effect.starts_with("commit canceled"));
        let is_answered = effects.iter().any(|effect| effect.starts_with("commit submitted"));
        match self {
            Self::CancelQueued | Self::CancelQuestion if canceled => TaskState::Canceled,
            Self::Deliver | Self::SweepPush => TaskState::Canceled,
            // Nobody knows whether it was paid.
            Self::PayAndMail if recorded(effects) == 1 => TaskState::Failed,
            Self::FollowUpToQuestion | Self::FollowUpWithConfig if is_answered => {
                TaskState::Completed
            }
            Self::Ask
            | Self::CancelQuestion
            | Self::FollowUpToQuestion
            | Self::FollowUpWithConfig => TaskState::InputRequired,
            _ => TaskState::Completed,
        }
    }

    pub(crate) fn artifacts(self, state: TaskState) -> Vec<String> {
        let works = self.told() == "work" && state == TaskState::Completed;
        if works { vec!["1-1: a|b".to_owned()] } else { Vec::new() }
    }

    /// Checks the effects of the steps, and that the answer of a callback is known.
    pub(crate) fn assert_steps(self, world: &World, status: &str, effects: &[String], place: &str) {
        match self {
            Self::PayAndMail => {
                let notes = world.diary.read();
                let mails = match recorded(effects) {
                    1 => 0,
                    // The mail was sent, and that is not recorded: it is sent again, under its key.
                    2 => 2,
                    _ => 1,
                };
                let (paid, mailed): (Vec<_>, Vec<_>) = notes.iter().partition(|it| *it == "pay");
                assert_eq!((paid.len(), mailed.len()), (1, mails), "{place}: {notes:?}");
                assert!(mailed.iter().all(|it| *it == mailed[0]), "{place}: {notes:?}");
            }
            Self::Remember => {
                assert!(world.diary.read().iter().all(|loaded| loaded == "0"), "{place}");
                let (entries, values) = world.memory.stored_conversation(&conversation());
                let items: Vec<_> = entries.iter().flat_map(|entry| entry.items.clone()).collect();
                let said = [MemoryItem::user("remember"), MemoryItem::agent("counted")];
                assert_eq!(items, said, "{place}");
                let count = values[0].value.as_ref().unwrap().as_str();
                assert_eq!((values.len(), count), (1, "1"), "{place}");
            }
            Self::GetAnswer => assert_eq!(status, "TimedOut", "{place}"),
            Self::Answer if recorded(effects) == 0 => assert_eq!(status, "TimedOut", "{place}"),
            Self::Answer => assert_eq!(status, "Given(\"yes\")", "{place}"),
            _ => {}
        }
    }

    /// How often each message is in the history.
    pub(crate) fn messages(self, effects: &[String]) -> Vec<(&'static str, usize)> {
        let mut messages = vec![(self.told(), 1)];
        match self {
            Self::FollowUpToQuestion | Self::FollowUpToSleeper | Self::FollowUpToQueued => {
                messages.push(("more", usize::from(!effects.is_empty())));
            }
            Self::FollowUpWithConfig => {
                let is_accepted = effects.iter().any(|effect| effect.starts_with("commit"));
                messages.push(("more", usize::from(is_accepted)));
            }
            _ => {}
        }
        messages
    }
}

/// The conversation of the task that remembers.
fn conversation() -> ConversationKey {
    let (alice, context) = (World::alice(), ContextId::parse(CONTEXT).unwrap());
    ConversationKey { tenant: alice.tenant, owner: alice.owner, context }
}

/// How many records of steps were made.
fn recorded(effects: &[String]) -> usize {
    effects.iter().filter(|effect| *effect == "record a step").count()
}

async fn post(operations: &Operations, message: Message, with_config: bool) {
    let request = pushing(message, with_config.then(|| config("hook")));
    operations.send(&World::alice(), request, &SendOptions::default()).await.unwrap();
}
