//! A memory without items: the histories of the conversation's tasks stand for it.

use a2a_lambda_core::{End, Failure, Reply};
use a2a_lambda_protocol::{Message, Part};

use super::{CONTEXT, PLENTY, short};
use crate::support::{Scripted, World, millis, script, secs, user};

/// An agent that asks once, shows an artifact, and notes the items that it loads.
fn forgets() -> Scripted {
    script!(|turn, diary| {
        let before = short(&turn.memory().load(PLENTY).await?);
        diary.note(format!("{}: {before}", turn.text()));
        if turn.text() == "ask" {
            return Ok(End::input_required("which?"));
        }
        turn.chunked("answer").finish([Part::text(turn.text().to_uppercase())]).await?;
        if turn.text() == "retry" && turn.attempt() < 3 {
            return Err(Failure::retryable("again"));
        }
        Ok(End::Completed(Reply::from("bye")))
    })
}

#[tokio::test(start_paused = true)]
async fn the_histories_of_the_conversations_tasks_stand_for_an_empty_memory() {
    let world = World::new(forgets());
    let first = world.say(CONTEXT, "hi").await;
    world.settle(&first).await;
    world.clock.advance(secs(1));
    let second = world.say(CONTEXT, "ask").await;
    world.settle(&second).await;
    world.say("other", "elsewhere").await;
    let of_bob = Message { context_id: CONTEXT.to_owned(), ..user("of bob") };
    world.post_as(&a2a_lambda_testing::caller("", "bob"), of_bob).await.unwrap();
    world.follow_up(&second, "this").await;
    world.settle(&second).await;
    world.clock.advance(secs(1));
    let third = world.say(CONTEXT, "retry").await;
    world.settle(&third).await;
    let before = "u:hi a:HI a:bye";
    let asked = format!("{before} u:ask a:which?");
    let all = format!("{asked} u:this a:THIS a:bye");
    let notes = world.diary.read();
    let told = |text: &str| {
        let of: Vec<&String> = notes.iter().filter(|note| note.starts_with(text)).collect();
        assert!(of.iter().all(|note| *note == of[0]), "{of:?}");
        of[0].clone()
    };
    assert_eq!(told("hi: "), "hi: ");
    assert_eq!(told("ask: "), format!("ask: {before}"));
    assert_eq!(told("this: "), format!("this: {asked}"));
    assert_eq!(told("retry: "), format!("retry: {all}"));
    assert_eq!(notes.len(), 8, "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_few_of_the_newest_tasks_are_read_and_items_that_no_memory_holds_are_left_out() {
    let world = World::under(|policy| {
        policy.max_memory_tasks = 2;
        policy.max_memory_item_bytes = 40;
    })
    .with(forgets());
    for text in ["one", "two two two two two two two two", "three"] {
        let key = world.say(CONTEXT, text).await;
        world.settle(&key).await;
        world.clock.advance(millis(1_000));
    }
    let key = world.say(CONTEXT, "four").await;
    // It is among the newest itself.
    world.settle(&key).await;
    assert_eq!(world.diary.read()[3], "four: u:three a:THREE a:bye");
}

#[tokio::test(start_paused = true)]
async fn the_first_append_ends_that() {
    let world = World::new(script!(|turn, diary| {
        let before = short(&turn.memory().load(PLENTY).await?);
        diary.note(before);
        if turn.text() == "append" {
            turn.memory().append(super::exchange(turn)).await?;
        }
        Ok(End::completed())
    }));
    for text in ["plain", "append", "then"] {
        let key = world.say(CONTEXT, text).await;
        world.settle(&key).await;
        world.clock.advance(secs(1));
    }
    assert_eq!(world.diary.read(), ["", "u:plain", "u:append a:APPEND"]);
}
