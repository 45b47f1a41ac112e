//! Callbacks: steps whose result comes from outside.

use a2a_lambda_core::operations::callbacks::{Accepted, CallbackError, Callbacks, Said};
use a2a_lambda_core::{CallbackAnswer as Answer, End, Phase};
use a2a_lambda_protocol::{Json, TaskState};

use crate::support::{Scripted, World, script, secs, status_text};

/// Asks for an approval within an hour, and ends with the answer.
fn asks() -> Scripted {
    script!(|turn, diary| {
        let approval = turn.callback("approve", secs(3_600)).await?;
        let seen = approval.url().to_owned();
        let mail = turn.step("mail").with(&seen).run(async |_| {
            diary.note(seen.clone());
            Ok(())
        });
        mail.await?;
        let answer = match approval.answer::<String>().await? {
            Answer::Given(answer) => answer,
            Answer::GaveUp(reason) => format!("gave up: {reason}"),
            _ => "nobody answered".to_owned(),
        };
        Ok(End::Completed(answer.into()))
    })
}

fn with_callbacks(agent: Scripted) -> World {
    World::under(|policy| {
        policy.callback_url = Some("https://hook.test/callbacks/".to_owned());
    })
    .with(agent)
}

fn said(text: &str) -> Said {
    Said::Result(Json::from_value(text).unwrap())
}

impl World {
    /// The token of the URL that the agent has mailed.
    fn token(&self) -> String {
        let url = self.diary.read().pop().unwrap();
        url.strip_prefix("https://hook.test/callbacks/").unwrap().to_owned()
    }

    async fn answer(&self, token: &str, said: &Said) -> Result<Accepted, CallbackError> {
        Callbacks::new(self.healthy()).answer(token, said).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_waits_for_its_callback_at_no_cost_and_wakes_once() {
    let world = with_callbacks(asks());
    let key = world.attended("hello").await;
    let head = world.head(&key).await;
    let until = world.now().saturating_add(secs(3_600));
    assert_eq!((head.phase.clone(), head.scope_turns), (Phase::Waiting { until }, 1));
    let token = world.token();
    assert_eq!(world.answer(&token, &said("yes")).await.unwrap(), Accepted::Answered);
    assert_eq!(world.answer(&token, &said("yes")).await.unwrap(), Accepted::Repeated);
    let other = world.answer(&token, &said("no")).await;
    assert!(matches!(other, Err(CallbackError::Answered)), "{other:?}");
    let task = world.settle(&key).await;
    assert_eq!((&*status_text(&task), world.head(&key).await.turn), ("yes", 2));
    assert_eq!(world.diary.read().len(), 1, "one mail");
    assert_eq!(world.answer(&token, &said("yes")).await.unwrap(), Accepted::Repeated);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_before_the_task_waits_is_kept() {
    let world = with_callbacks(script!(|turn, diary| {
        let approval = turn.callback("approve", secs(3_600)).await?;
        diary.note(approval.url());
        turn.sleep(secs(10)).await;
        // The turn has looked before the answer came.
        let early = approval.answer::<String>().await;
        turn.sleep(secs(10)).await;
        let answer = early?;
        Ok(End::Completed(format!("{answer:?}").into()))
    }));
    for wait in [5, 15] {
        let key = world.submit("hello").await;
        let answer = async {
            tokio::time::sleep(secs(wait)).await;
            world.answer(&world.token(), &said("yes")).await.unwrap();
        };
        futures_util::future::join(world.attend(&key), answer).await;
        let begun = world.passed();
        assert_eq!(status_text(&world.settle(&key).await), "Given(\"yes\")");
        assert!(world.passed() < begun + secs(30), "it does not wait for the sweep");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_patience_and_heartbeats_extend_it() {
    let world = with_callbacks(asks());
    let key = world.attended("hello").await;
    let token = world.token();
    tokio::time::sleep(secs(3_000)).await;
    assert_eq!(world.answer(&token, &Said::Heartbeat).await.unwrap(), Accepted::Extended);
    tokio::time::sleep(secs(3_500)).await;
    let looked = Callbacks::new(world.healthy()).look(&token).await.unwrap();
    assert_eq!((&*looked.name, looked.until > world.now()), ("approve", true));
    let task = world.settle(&key).await;
    assert_eq!(status_text(&task), "nobody answered");
    let late = world.answer(&token, &said("yes")).await;
    assert!(matches!(late, Err(CallbackError::Over)), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_forged_token_is_unknown_and_a_genuine_one_ends_with_its_scope() {
    let world = with_callbacks(asks());
    let key = world.attended("hello").await;
    let token = world.token();
    for forged in ["", "x", &token[1..], &format!("{token}x"), &"x".repeat(10_000)] {
        let refused = world.answer(forged, &said("yes")).await;
        assert!(matches!(refused, Err(CallbackError::Unknown)), "{forged}: {refused:?}");
    }
    let large = world.answer(&token, &said(&"x".repeat(360_000))).await;
    assert!(matches!(large, Err(CallbackError::TooLarge { .. })), "{large:?}");
    assert!(!world.head(&key).await.woken);
    world.cancel(&key).await;
    let looked = Callbacks::new(world.healthy()).look(&token).await;
    assert!(matches!(looked, Err(CallbackError::Over)), "{looked:?}");
    for said in [said("yes"), Said::Heartbeat] {
        let over = world.answer(&token, &said).await;
        assert!(matches!(over, Err(CallbackError::Over)), "{over:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_other_side_gives_up() {
    let world = with_callbacks(asks());
    let key = world.attended("hello").await;
    let gave_up = Said::GivesUp("closed".to_owned());
    assert_eq!(world.answer(&world.token(), &gave_up).await.unwrap(), Accepted::Answered);
    assert_eq!(status_text(&world.settle(&key).await), "gave up: closed");
}

#[tokio::test(start_paused = true)]
async fn a_lost_signal_or_answer_is_made_good_by_a_repetition() {
    use a2a_lambda_testing::{Fault, Kind};
    let world = with_callbacks(asks());
    let key = world.attended("hello").await;
    let token = world.token();
    // The record is stored, and the task does not hear of it.
    world.faults.fail_each(Kind::Commit, Fault::Refuse);
    let callbacks = Callbacks::new(world.engine.clone());
    assert!(callbacks.answer(&token, &said("yes")).await.is_err());
    world.faults.heal();
    assert_eq!(callbacks.answer(&token, &said("yes")).await.unwrap(), Accepted::Repeated);
    let begun = world.passed();
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    assert!(world.passed() < begun + secs(30));
}

#[tokio::test(start_paused = true)]
async fn callbacks_need_a_url() {
    let (world, key) = World::with_task("hello", asks()).await;
    let task = world.settle(&key).await;
    assert_eq!(
        (task.status.state, &*status_text(&task)),
        (TaskState::Failed, "callbacks need the URL of the webhook function (CALLBACK_URL)")
    );
}
