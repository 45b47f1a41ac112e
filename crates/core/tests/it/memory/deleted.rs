//! The deletion of a conversation.

use a2a_lambda_core::conversation::{ConversationKey, Memory as _};
use a2a_lambda_core::store::{Depth, TaskStore as _};
use a2a_lambda_core::{ContextDeleted, End, Failure, OperateError, Operator, Owner, TaskKey};
use a2a_lambda_protocol::{Message, Part};

use super::{CONTEXT, exchange, trip};
use crate::support::{Fault, Scripted, World, script, secs, user};

/// An agent that leaves something of everything: memory, session, a record, an artifact.
fn leaves_much() -> Scripted {
    script!(|turn, _| {
        turn.memory().append(exchange(turn)).await?;
        turn.session().set("seen", &turn.text(), None).await.map(drop)?;
        turn.step("one").run(|_| async { Ok(1) }).await?;
        turn.chunked("large").finish([Part::text("x".repeat(20_000))]).await?;
        match turn.text().as_str() {
            "ask" => Ok(End::input_required("which?")),
            "run" => {
                turn.stopped().await;
                Err(Failure::retryable("stopped"))
            }
            _ => Ok(End::completed()),
        }
    })
}

impl World {
    async fn delete_context(&self) -> ContextDeleted {
        Operator::new(self.engine.clone()).delete_context(&trip()).await.unwrap()
    }

    async fn assert_nothing_is_stored(&self, tasks: &[TaskKey]) {
        for key in tasks {
            assert!(self.memory.read(key, Depth::Tail).await.unwrap().is_none());
            assert_eq!(self.memory.stored_steps(key), []);
            assert_eq!(self.memory.stored_configs(key), []);
        }
        assert_eq!(self.memory.stored_conversation(&trip()), (Vec::new(), Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_it_is_left() {
    let world = World::new(leaves_much());
    let mut keys = Vec::new();
    for text in ["one", "two", "ask"] {
        let key = world.say(CONTEXT, text).await;
        world.settle(&key).await;
        keys.push(key);
    }
    world.register(&keys[0], "hook").await;
    let elsewhere = world.say("other", "elsewhere").await;
    world.settle(&elsewhere).await;
    let of_bob = Message { context_id: CONTEXT.to_owned(), ..user("bob's") };
    let bob = a2a_lambda_testing::caller("", "bob");
    let of_bob = World::key(&world.post_as(&bob, of_bob).await.unwrap().id);
    world.settle(&of_bob).await;
    world.clock.advance(secs(120));
    let whole = ContextDeleted { tasks: 3, whole: true, again_at: None };
    assert_eq!(world.delete_context().await, whole);
    world.assert_nothing_is_stored(&keys).await;
    assert_eq!(world.delete_context().await, ContextDeleted { tasks: 0, ..whole }, "a repetition");
    for key in [elsewhere, of_bob] {
        world.task(&key).await;
        assert_eq!(world.memory.stored_steps(&key).len(), 3, "others' stay");
    }
    let bobs = ConversationKey { owner: Owner::parse("bob").unwrap(), ..trip() };
    assert_eq!(world.memory.stored_conversation(&bobs).0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_running_task_is_canceled_and_its_memory_goes_once_its_agent_has_stopped() {
    let world = World::new(leaves_much());
    let key = world.say(CONTEXT, "run").await;
    let delete = async {
        tokio::time::sleep(secs(100)).await;
        let first = world.delete_context().await;
        assert!(!first.whole && first.again_at > Some(world.now()), "{first:?}");
        assert_eq!(world.remembered(), ["u:run a:RUN"]);
        let again = world.delete_context().await;
        assert_eq!(again, ContextDeleted { tasks: 0, ..first }, "it is too early");
        tokio::time::sleep(secs(31)).await;
        assert!(world.delete_context().await.whole);
    };
    futures_util::future::join(Box::pin(world.attend(&key)), delete).await;
    world.assert_nothing_is_stored(&[key]).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_task_becomes_invisible_and_goes_after_a_minute() {
    let world = World::new(leaves_much());
    let key = world.say(CONTEXT, "new").await;
    world.attend(&key).await;
    let first = world.delete_context().await;
    assert!(!first.whole && first.tasks == 0, "{first:?}");
    assert!(world.engine.read(&key, Depth::Tail).await.unwrap().is_none(), "no client sees it");
    let wait = first.again_at.unwrap().saturating_since(world.now());
    tokio::time::sleep(wait).await;
    assert_eq!(
        world.delete_context().await,
        ContextDeleted { tasks: 1, whole: true, again_at: None }
    );
    world.assert_nothing_is_stored(&[key]).await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_ends_anywhere_is_completed_by_a_repetition() {
    for last in 1.. {
        let world = World::new(leaves_much());
        let mut keys = Vec::new();
        for text in ["one", "ask"] {
            let key = world.say(CONTEXT, text).await;
            world.settle(&key).await;
            keys.push(key);
        }
        world.clock.advance(secs(120));
        world.faults.plan(move |call| (call.number == last).then_some(Fault::HangAfter));
        let operator = Operator::new(world.engine.clone());
        let first = tokio::time::timeout(secs(10), operator.delete_context(&trip())).await;
        world.faults.heal();
        assert!(world.delete_context().await.whole, "after request {last}");
        world.assert_nothing_is_stored(&keys).await;
        if first.is_ok() {
            assert!(last > 10, "every request was the last once");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_bounded_and_a_repetition_goes_on() {
    let world = World::under(|policy| policy.purge_items = 2).with(script!(|turn, _| {
        turn.memory().append(exchange(turn)).await?;
        Ok(End::completed())
    }));
    let mut keys = Vec::new();
    for n in 0..230 {
        let key = world.say(CONTEXT, &n.to_string()).await;
        world.attend(&key).await;
        keys.push(key);
    }
    world.clock.advance(secs(120));
    let mut calls = Vec::new();
    while calls.last().is_none_or(|last: &ContextDeleted| !last.whole) {
        calls.push(world.delete_context().await);
    }
    let tasks: Vec<usize> = calls.iter().map(|call| call.tasks).collect();
    assert_eq!(tasks[..2], [200, 30]);
    assert!(calls.len() > 3, "items of memory are deleted in parts, too: {calls:?}");
    world.assert_nothing_is_stored(&keys).await;
}

#[tokio::test(start_paused = true)]
async fn two_operators_do_not_undo_each_other() {
    let world = World::new(leaves_much());
    let key = world.say(CONTEXT, "one").await;
    world.settle(&key).await;
    world.clock.advance(secs(120));
    let operator = Operator::new(world.engine.clone());
    let of = trip();
    let (one, two) = futures_util::future::join(
        Box::pin(operator.delete_context(&of)),
        Box::pin(operator.delete_context(&of)),
    )
    .await;
    for outcome in [one, two] {
        assert!(matches!(outcome, Ok(_) | Err(OperateError::Contended)), "{outcome:?}");
    }
    assert!(world.delete_context().await.whole);
    world.assert_nothing_is_stored(&[key]).await;
    assert!(world.memory.forget(&of, 1).await.unwrap());
}
