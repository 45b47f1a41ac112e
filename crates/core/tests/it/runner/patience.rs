//! Questions with a limited wait.

use a2a_lambda_core::head::{Impatience, Patience};
use a2a_lambda_core::{Attended, End};
use a2a_lambda_protocol::TaskState;

use crate::support::{World, ran, script, secs, status_text};

/// An agent that asks at first, waits an hour, and reports the state of the next turn.
fn asking(impatience: Impatience) -> World {
    World::new(script!(|turn, diary| {
        diary.note(format!("{} {:?}", turn.number(), turn.text()));
        if turn.number() > 1 {
            return Ok(End::completed());
        }
        let until = turn.now().saturating_add(secs(3_600));
        let patience = Some(Patience { until, then: impatience });
        Ok(End::InputRequired { question: "which?".into(), checkpoint: None, patience })
    }))
}

/// Lets the hour pass; the signal for its end is lost or not.
async fn pass_an_hour(world: &World, loses_signal: bool) {
    tokio::time::sleep(secs(3_600)).await;
    if loses_signal {
        world.queue.take_times();
        world.timer.take_times();
        tokio::time::sleep(secs(60)).await;
        let swept = world.sweep().await;
        assert_eq!((swept.due, swept.late_users, swept.signaled()), (1, 1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_goes_on_without_an_answer() {
    for loses_signal in [false, true] {
        let world = asking(Impatience::Wake);
        let key = world.submit("hello").await;
        assert_eq!(world.attend(&key).await, ran(1, TaskState::InputRequired));
        assert!(matches!(world.attend(&key).await, Attended::NotBefore { .. }));
        pass_an_hour(&world, loses_signal).await;
        assert_eq!(world.attend(&key).await, ran(1, TaskState::Completed));
        assert_eq!(world.diary.read(), ["1 \"hello\"", "2 \"\""]);
        world.task(&key).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_without_an_answer_fails_and_says_why() {
    for loses_signal in [false, true] {
        let world = asking(Impatience::Fail);
        let key = world.attended("hello").await;
        pass_an_hour(&world, loses_signal).await;
        assert_eq!(world.attend(&key).await, ran(0, TaskState::Failed));
        assert_eq!(status_text(&world.task(&key).await), "nobody answered in time");
    }
}
