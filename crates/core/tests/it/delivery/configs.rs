//! Configs that are made, replaced and deleted while something is under way to their receivers.

use a2a_lambda_core::{Delivered, End, ProtocolVersion};

use super::{config, sent, url};
use crate::support::{
    Fault, Kind, Manner, Scripted, World, after, completes, millis, script, secs, to,
};

/// An agent that shows something after each of these pauses.
fn shows_after(pauses: &'static [u64]) -> Scripted {
    script!(|turn, _| {
        for pause in pauses {
            turn.sleep(secs(*pause)).await;
            turn.progress("more").await?;
        }
        Ok(End::completed())
    })
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_deleted_during_its_attempt_is_sent_nothing_more() {
    let (world, key) = World::pushing_to("hook", completes()).await;
    world.cancel(&key).await;
    world.receivers.script(&url("hook"), |_| Manner::Slow(secs(5)));
    let deleting = after(secs(2), world.unregister(&key, "hook"));
    let (delivered, ()) = tokio::join!(world.deliver(&key), deleting);
    assert_eq!(delivered, sent(1));
    assert_eq!(world.told("hook").len(), 1);
    let head = world.head(&key).await;
    assert_eq!((head.pushes, head.due), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_replaced_during_its_attempt_begins_anew() {
    for after_ms in [500, 2_000] {
        let (world, key) = World::pushing_to("hook", completes()).await;
        world.cancel(&key).await;
        world.receivers.script(&url("hook"), |_| Manner::Slow(secs(5)));
        let replacing = after(millis(after_ms), world.register(&key, "hook"));
        let (delivered, ()) = tokio::join!(world.deliver(&key), replacing);
        assert_eq!(delivered, sent(2), "after {after_ms} ms");
        assert_eq!(world.told("hook"), ["task SUBMITTED", "task CANCELED"]);
        assert_eq!(world.deliver(&key).await, Delivered::Nothing);
    }
}

/// The result of the attempt is stored before the config is replaced. The deliverer hears of it
/// after it has seen the new config.
#[tokio::test(start_paused = true)]
async fn a_config_that_is_replaced_while_the_last_attempt_is_noted_is_sent_the_task() {
    let world = World::new(completes());
    let key = world.done().await;
    world.register(&key, "hook").await;
    world.faults.fail_nth(Kind::AdvanceConfig, 1, Fault::SlowAnswer(secs(5)));
    let replacing = after(millis(500), world.register(&key, "hook"));
    let (delivered, ()) = tokio::join!(world.deliver(&key), replacing);
    assert_eq!(delivered, sent(2));
    assert_eq!(world.told("hook"), ["task COMPLETED"; 2]);
    assert!(world.config_of(&key, "hook").await.delivery.introduced);
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_made_beside_a_silent_agent_is_sent_the_task_soon() {
    let (world, key) = World::pushing_to("hook", shows_after(&[20])).await;
    let registering = async {
        tokio::time::sleep(secs(5)).await;
        world.register(&key, "second").await;
        tokio::time::sleep(secs(2)).await;
        assert_eq!(world.told("second"), ["task WORKING"]);
    };
    tokio::join!(world.attend(&key), registering);
    assert_eq!(world.told("second"), ["task WORKING", "status WORKING", "status COMPLETED"]);
}

/// The only config of a task is deleted, the sweep finds that there is none, and another is made:
/// its runner, which knows the first one, takes note.
#[tokio::test(start_paused = true)]
async fn a_runner_takes_note_that_all_configs_are_others_now() {
    let (world, key) = World::pushing_to("first", shows_after(&[5, 300])).await;
    let meanwhile = async {
        tokio::time::sleep(secs(10)).await;
        world.unregister(&key, "first").await;
        tokio::time::sleep(secs(60)).await;
        for _ in 0..3 {
            world.sweep().await;
            tokio::time::sleep(secs(60)).await;
        }
        assert_eq!(world.head(&key).await.pushes, None, "there is no config");
        world.register(&key, "second").await;
    };
    tokio::join!(world.attend(&key), meanwhile);
    assert_eq!(world.told("first"), ["task SUBMITTED", "status WORKING", "status WORKING"]);
    world.live(&key, secs(5)).await;
    let told = world.told("second");
    assert_eq!(told, ["task WORKING", "status WORKING", "status COMPLETED"]);
}

#[tokio::test(start_paused = true)]
async fn a_config_that_a_refused_message_had_replaced_goes_on() {
    let (world, key) = World::pushing_to("hook", completes()).await;
    // The message is refused because the task ends between the read and the commit.
    world.faults.fail_nth(Kind::PutConfig, 1, Fault::SlowAnswer(secs(1)));
    let request = a2a_lambda_testing::pushing(to(&key, "more"), Some(config("hook")));
    let options = a2a_lambda_core::SendOptions::default();
    let (operations, alice) = (world.operations(), World::alice());
    let canceling = async {
        tokio::time::sleep(millis(500)).await;
        world.cancel(&key).await;
        world.deliver(&key).await;
    };
    let (refused, ()) =
        tokio::join!(Box::pin(operations.send(&alice, request, &options)), canceling);
    refused.unwrap_err();
    world.live(&key, secs(5)).await;
    let taken = world.taken("hook");
    assert_eq!(taken.last().unwrap(), "status CANCELED", "{taken:?}");
    let delivery = world.config_of(&key, "hook").await.delivery;
    assert_eq!(delivery.cursor, world.head(&key).await.position);
}

#[tokio::test(start_paused = true)]
async fn a_config_of_a_follow_up_gets_the_later_updates() {
    let world = World::new(script!(|turn, _| {
        Ok(if turn.number() == 1 { End::input_required("which?") } else { End::completed() })
    }));
    let key = world.attended("go").await;
    let message = a2a_lambda_protocol::Message {
        task_id: key.task.as_str().to_owned(),
        ..crate::support::user("this")
    };
    let options = a2a_lambda_core::SendOptions::default();
    world.submit_with(message, config("hook"), &options).await;
    world.live(&key, secs(5)).await;
    let all = ["task INPUT_REQUIRED", "status WORKING", "status COMPLETED"];
    assert_eq!(world.told("hook"), all);
    world.register_by(&key, "hook", ProtocolVersion::V0_3).await;
    assert_eq!(world.deliver(&key).await, sent(1));
}
