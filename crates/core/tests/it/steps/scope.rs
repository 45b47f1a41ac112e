//! Scopes: which turns see the same messages and records.

use a2a_lambda_core::{Company, End, Failure, Runner};
use a2a_lambda_protocol::TaskState;
use a2a_lambda_testing::{Fault, Kind};

use crate::support::{World, after, script, secs, status_text, text_of};

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_inside_a_scope_is_the_next_scopes() {
    let world = World::new(script!(|turn, diary| {
        diary.note(format!("turn {}: {}", turn.number(), turn.text()));
        let wake_at = turn.recorded().now().await?.saturating_add(secs(60));
        if turn.now() < wake_at && turn.text() == "first" {
            return Ok(End::park_until(wake_at));
        }
        Ok(End::completed())
    }));
    let key = world.attended("first").await;
    world.follow_up(&key, "second").await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    let notes = world.diary.read();
    // The message wakes the task once, and the agent waits on.
    assert_eq!(notes, ["turn 1: first", "turn 2: first", "turn 3: first", "turn 4: second"]);
    let head = world.head(&key).await;
    assert_eq!((head.scope_turns, head.consumed), (0, head.last_message));
}

#[tokio::test(start_paused = true)]
async fn an_agent_reads_its_inbox_once_and_sees_the_same_again() {
    let world = World::new(script!(|turn, diary| {
        let before: Vec<String> = turn.inbox().await?.iter().map(text_of).collect();
        turn.step("wait")
            .run(|_| async {
                turn.sleep(secs(10)).await;
                Ok(())
            })
            .await?;
        let after: Vec<String> = turn.inbox().await?.iter().map(text_of).collect();
        diary.note(format!("{} {before:?} {after:?}", turn.text()));
        if turn.number() == 1 { Ok(End::again()) } else { Ok(End::completed()) }
    }));
    let key = world.submit("first").await;
    let mail = after(secs(5), world.follow_up(&key, "second"));
    futures_util::future::join(world.attend(&key), mail).await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    assert_eq!(world.diary.read(), [r#"first [] ["second"]"#, r#"first [] ["second"]"#]);
    let head = world.head(&key).await;
    assert_eq!((head.turn, head.consumed), (2, head.last_message), "it is no input of another");
}

#[tokio::test(start_paused = true)]
async fn two_runners_read_the_same_inbox() {
    let world = World::new(script!(|turn, diary| {
        let inbox: Vec<String> = turn.inbox().await?.iter().map(text_of).collect();
        diary.note(format!("{} {inbox:?}", turn.fence()));
        Ok(End::completed())
    }));
    let key = world.submit("first").await;
    let clock = world.clock.clone();
    // The first runner reads the task before the message, and records its inbox after the second has.
    // Until then it hears nothing of its lease.
    world.faults.plan(move |call| match call.kind {
        Kind::PutStep => Some(Fault::SlowRequest(secs(100))),
        Kind::Renew => Some(Fault::LoseRequest),
        Kind::Read if call.of_kind > 2 && clock.passed() < secs(99) => Some(Fault::LoseRequest),
        _ => None,
    });
    let second = async {
        tokio::time::sleep(secs(50)).await;
        world.follow_up(&key, "second").await;
        let runner = Runner::new(world.healthy(), world.agents().clone());
        let deadline = world.now().saturating_add(secs(100));
        Box::pin(runner.attend(&key, deadline, Company::Alone)).await.unwrap();
    };
    let (_, ()) = futures_util::future::join(world.attend_for(&key, secs(300)), second).await;
    assert_eq!(world.diary.read(), [r#"2 ["second"]"#, r#"1 ["second"]"#]);
}

#[tokio::test(start_paused = true)]
async fn a_question_or_a_checkpoint_ends_the_scope() {
    let world = World::new(script!(|turn, diary| {
        let number = turn
            .step("number")
            .run(|_| async {
                diary.note(format!("work of {}", turn.number()));
                Ok(turn.number())
            })
            .await?;
        diary.note(format!("{number}: {}", turn.text()));
        match number {
            1 => Ok(End::input_required("which?")),
            2 => Ok(End::continue_with(&number)?),
            _ => Ok(End::completed()),
        }
    }));
    let key = world.submit("first").await;
    world.settle(&key).await;
    world.follow_up(&key, "second").await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    let notes = world.diary.read();
    assert_eq!(notes, ["work of 1", "1: first", "work of 2", "2: second", "work of 3", "3: "]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_invocation_ends_goes_on_in_another() {
    let world = World::new(script!(|turn, diary| {
        for number in 0..20 {
            turn.step("page")
                .with(&number)
                .run(|_| async move {
                    turn.sleep(secs(100)).await;
                    Ok(())
                })
                .await?;
            diary.note(format!("turn {} page {number}", turn.number()));
        }
        Ok(End::Completed("all".into()))
    }));
    let key = world.submit("hello").await;
    assert_eq!(status_text(&world.settle(&key).await), "all");
    let head = world.head(&key).await;
    assert!(head.turn >= 3, "{head:?}");
    assert_eq!(head.attempt, 0);
}

#[tokio::test(start_paused = true)]
async fn records_go_with_the_task() {
    let world = World::under(|policy| {
        let ended = Some(secs(3_600));
        policy.retention =
            Some(a2a_lambda_core::Retention { ended, ..a2a_lambda_core::Retention::FOREVER });
    })
    .with(script!(|turn, _| {
        turn.step("one").run(|_| async { Ok(1) }).await?;
        if turn.text() == "fail" { Err(Failure::permanent("no")) } else { Ok(End::completed()) }
    }));
    for text in ["complete", "fail"] {
        let key = world.submit(text).await;
        world.settle(&key).await;
        assert_eq!(world.memory.stored_steps(&key).len(), 1);
        world.clock.advance(secs(3 * 3_600));
        world.sweep().await;
        assert_eq!(world.memory.stored_steps(&key), []);
    }
}
