//! The memory and the session of a conversation, as agents use them.

mod deleted;
mod histories;
mod session;

use a2a_lambda_core::conversation::{Budget, ConversationKey, MemoryItem};
use a2a_lambda_core::{
    Company, ContextId, End, Failure, Operator, Owner, Runner, StepError, TaskKey, Tenant, Turn,
};
use a2a_lambda_protocol::{Json, Message, Part, PartContent, TaskState};

use crate::support::{Fault, Kind, Scripted, World, script, secs, status_text};

const CONTEXT: &str = "trip";
const PLENTY: Budget = Budget::tokens(100_000);

/// Alice's conversation.
fn trip() -> ConversationKey {
    ConversationKey {
        tenant: Tenant::default(),
        owner: Owner::parse("alice").unwrap(),
        context: ContextId::parse(CONTEXT).unwrap(),
    }
}

fn parts_text(parts: &[Part]) -> String {
    let texts = parts.iter().map(|part| match &part.content {
        PartContent::Text(text) => text.as_str(),
        _ => "?",
    });
    texts.collect::<Vec<_>>().join("|")
}

/// Items in short: `u:hi a:hello call:1 result:1`.
fn short(items: &[MemoryItem]) -> String {
    let one = |item: &MemoryItem| match item {
        MemoryItem::User(parts) => format!("u:{}", parts_text(parts)),
        MemoryItem::Agent(parts) => format!("a:{}", parts_text(parts)),
        MemoryItem::ToolCall { id, .. } => format!("call:{id}"),
        MemoryItem::ToolResult { id, .. } => format!("result:{id}"),
        _ => "?".to_owned(),
    };
    items.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn call(id: &str) -> MemoryItem {
    let arguments = Json::from_value("").unwrap();
    MemoryItem::ToolCall { id: id.to_owned(), name: "tool".to_owned(), arguments }
}

fn result(id: &str) -> MemoryItem {
    let result = Json::from_value("").unwrap();
    MemoryItem::ToolResult { id: id.to_owned(), result, failed: false }
}

fn exchange(turn: &Turn) -> [MemoryItem; 2] {
    [MemoryItem::user(turn.text()), MemoryItem::agent(turn.text().to_uppercase())]
}

impl World {
    /// Sends a message of a conversation.
    async fn say(&self, context: &str, text: &str) -> TaskKey {
        let message = Message { context_id: context.to_owned(), ..crate::support::user(text) };
        Self::key(&self.post(message).await.unwrap().id)
    }

    /// The conversation's memory, a text for each entry.
    fn remembered(&self) -> Vec<String> {
        let (entries, _) = self.memory.stored_conversation(&trip());
        entries.iter().map(|entry| short(&entry.items)).collect()
    }
}

/// An agent that remembers each exchange, and answers with its earlier memory.
fn remembers() -> Scripted {
    script!(|turn, diary| {
        let before = short(&turn.memory().load(PLENTY).await?);
        diary.note(before.clone());
        turn.memory().append(exchange(turn)).await?;
        Ok(End::Completed(format!("[{before}]").into()))
    })
}

#[tokio::test(start_paused = true)]
async fn tasks_of_one_conversation_share_their_memory_and_others_see_nothing_of_it() {
    let world = World::new(remembers());
    for (text, before) in [("hi", ""), ("more", "u:hi a:HI"), ("end", "u:hi a:HI u:more a:MORE")] {
        let key = world.say(CONTEXT, text).await;
        assert_eq!(status_text(&world.settle(&key).await), format!("[{before}]"));
    }
    for message in [
        crate::support::user("x"),
        Message { context_id: "other".to_owned(), ..crate::support::user("y") },
    ] {
        let key = World::key(&world.post(message).await.unwrap().id);
        assert_eq!(status_text(&world.settle(&key).await), "[]", "another context");
    }
    for (tenant, owner) in [("", "bob"), ("acme", "alice")] {
        let message = Message { context_id: CONTEXT.to_owned(), ..crate::support::user("z") };
        let caller = a2a_lambda_testing::caller(tenant, owner);
        let task = world.post_as(&caller, message).await.unwrap().id;
        let key = TaskKey { tenant: caller.tenant, ..World::key(&task) };
        assert_eq!(status_text(&world.settle(&key).await), "[]", "{owner} of {tenant:?} (I8)");
    }
    assert_eq!(world.remembered().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_dies_around_an_append_makes_one_entry() {
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::LoseAnswer, Fault::LoseRequest] {
        let world = World::new(remembers());
        world.say(CONTEXT, "hi").await;
        world.faults.fail_nth(Kind::PutEntry, 1, fault);
        let key = world.list_one().await;
        world.attend_killed_after(&key, secs(5)).await;
        world.faults.heal();
        assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
        assert_eq!(world.remembered(), ["u:hi a:HI"], "{fault:?}");
        assert!(world.diary.read().iter().all(String::is_empty), "{fault:?}: it loads the same");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_run_replaces_what_it_appended() {
    let world = World::new(script!(|turn, _| {
        turn.memory().append([MemoryItem::user(turn.text())]).await?;
        let answer = format!("try {}", turn.attempt());
        turn.memory().append([MemoryItem::agent(answer)]).await?;
        if turn.attempt() < 3 { Err(Failure::retryable("again")) } else { Ok(End::completed()) }
    }));
    let key = world.say(CONTEXT, "hi").await;
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    assert_eq!(world.remembered(), ["u:hi", "a:try 3"]);
    let (entries, _) = world.memory.stored_conversation(&trip());
    assert_eq!(entries.iter().map(|entry| entry.fence).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_scope_of_many_turns_appends_once_and_loads_the_same() {
    let world = World::new(script!(|turn, diary| {
        let memory = turn.memory();
        let before = short(&memory.load(PLENTY).await?);
        memory.append(exchange(turn)).await?;
        let after = short(&memory.load(PLENTY).await?);
        diary.note(format!("{}: [{before}] [{after}]", turn.text()));
        let wake_at = turn.recorded().now().await?.saturating_add(secs(60));
        if turn.now() < wake_at { Ok(End::park_until(wake_at)) } else { Ok(End::completed()) }
    }));
    let first = world.say(CONTEXT, "one").await;
    world.attend(&first).await;
    // Another task of the conversation runs in between.
    let second = world.say(CONTEXT, "two").await;
    world.attend(&second).await;
    world.settle(&first).await;
    world.settle(&second).await;
    let notes = world.diary.read();
    let (one, two) = ("one: [] [u:one a:ONE]", "two: [u:one a:ONE] [u:one a:ONE u:two a:TWO]");
    assert_eq!(notes.iter().filter(|note| *note == one).count(), 2, "{notes:?}");
    assert_eq!(notes.iter().filter(|note| *note == two).count(), 2, "{notes:?}");
    assert_eq!(notes.len(), 4);
    assert_eq!(world.remembered(), ["u:one a:ONE", "u:two a:TWO"]);
}

/// Also where the agent appends inside of a step, which is not done again.
#[tokio::test(start_paused = true)]
async fn a_load_has_what_was_appended_before_it() {
    let world = World::new(script!(|turn, diary| {
        let memory = turn.memory();
        if turn.text() == "in a step" {
            let note = async |_| Ok(memory.append(exchange(turn)).await?);
            turn.step("note").run(note).await?;
        } else {
            memory.append(exchange(turn)).await?;
        }
        diary.note(short(&memory.load(PLENTY).await?));
        if turn.attempt() == 1 { Err(Failure::retryable("again")) } else { Ok(End::completed()) }
    }));
    let mut all = String::new();
    for text in ["hi", "in a step", "bye"] {
        let key = world.say(CONTEXT, text).await;
        assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
        all = format!("{all} u:{text} a:{}", text.to_uppercase()).trim().to_owned();
        let notes = world.diary.read();
        assert_eq!(
            notes[notes.len() - 2..],
            [all.clone(), all.clone()],
            "{text}: in both attempts"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_scope_of_a_task_appends_its_own() {
    let world = World::new(script!(|turn, _| {
        turn.memory().append(exchange(turn)).await?;
        match turn.number() {
            1 => Ok(End::input_required("which?")),
            _ => Ok(End::completed()),
        }
    }));
    let key = world.say(CONTEXT, "go").await;
    world.settle(&key).await;
    world.follow_up(&key, "this").await;
    world.settle(&key).await;
    assert_eq!(world.remembered(), ["u:go a:GO", "u:this a:THIS"]);
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_was_replaced_changes_nothing_of_its_successors_memory() {
    let world = World::new(script!(|turn, diary| {
        let items = || [MemoryItem::agent(format!("attempt {}", turn.attempt()))];
        if turn.attempt() == 1 {
            // It is late: it goes on when its lease is long over.
            tokio::time::sleep(secs(500)).await;
        }
        let done = turn.memory().append(items()).await;
        diary.note(format!("{} {done:?}", turn.attempt()));
        done?;
        tokio::time::sleep(secs(600)).await;
        Ok(End::completed())
    }));
    let key = world.say(CONTEXT, "hi").await;
    let engine = world.healthy();
    // The first runner neither renews its lease nor sees that it is lost.
    world.faults.plan(|call| {
        let is_look = matches!(call.kind, Kind::Read | Kind::Glance) && call.of_kind > 2;
        (is_look || call.kind == Kind::Renew).then_some(Fault::LoseRequest)
    });
    let (late, second) = (world.runner(), Runner::new(engine, world.agents().clone()));
    let deadline = world.now().saturating_add(secs(2_000));
    let late = late.attend(&key, deadline, Company::Alone);
    let second = async {
        tokio::time::sleep(secs(60)).await;
        Box::pin(second.attend(&key, deadline, Company::Alone)).await
    };
    let (_, second) = futures_util::future::join(Box::pin(late), second).await;
    second.unwrap();
    assert_eq!(world.diary.read(), ["2 Ok(())", "1 Err(Over)"]);
    assert_eq!(world.remembered(), ["a:attempt 2"]);
}

#[tokio::test(start_paused = true)]
async fn many_tasks_at_once_lose_nothing() {
    let world = World::new(remembers());
    let mut keys = Vec::new();
    for n in 0..6 {
        keys.push(world.say(CONTEXT, &format!("m{n}")).await);
    }
    futures_util::future::join_all(keys.iter().map(|key| world.attend(key))).await;
    let mut found = world.remembered();
    found.sort();
    let expected: Vec<String> = (0..6).map(|n| format!("u:m{n} a:M{n}")).collect();
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn the_newest_items_of_a_budget_are_loaded_with_calls_and_results_together() {
    let world = World::new(script!(|turn, diary| {
        if turn.text() != "load" {
            for n in 0..40 {
                turn.memory().append([MemoryItem::agent(format!("{n:02}"))]).await?;
            }
            turn.memory().append([call("1"), MemoryItem::agent("x")]).await?;
            turn.memory().append([result("1"), call("lost")]).await?;
            return Ok(End::completed());
        }
        let (one, two) = (MemoryItem::agent("00").bytes(), result("1").bytes());
        let [call, lost] = [call("1").bytes(), call("lost").bytes()];
        for bytes in [0, lost, lost + two, lost + two + one, lost + two + one + call, 1 << 30] {
            let items = turn.memory().load(Budget::bytes(bytes)).await?;
            diary.note(format!(
                "{} {}",
                items.len(),
                short(&items[items.len().saturating_sub(3)..])
            ));
        }
        let tokens = (lost + two + one + call + 5 * one) / 4;
        let items = turn.memory().load(Budget::tokens(tokens)).await?;
        diary.note(short(&items));
        Ok(End::completed())
    }));
    for text in ["append", "load"] {
        let key = world.say(CONTEXT, text).await;
        assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    }
    let expected = [
        "0 ",
        "0 ",
        "0 ",
        "0 ",
        "3 call:1 a:x result:1",
        "43 call:1 a:x result:1",
        "a:36 a:37 a:38 a:39 call:1 a:x result:1",
    ];
    let notes = world.diary.read();
    assert_eq!(notes[..3], expected[..3]);
    assert_eq!(notes[3], "1 a:x", "the call does not fit, and so its result does not come");
    assert_eq!(notes[4..6], expected[4..6]);
    assert!(notes[6].ends_with("a:38 a:39 call:1 a:x result:1"), "{}", notes[6]);
}

#[tokio::test(start_paused = true)]
async fn old_memory_is_not_loaded() {
    let days = |days: u64| secs(days * 86_400);
    for (life, waits, expected) in [(90, 89, "u:hi a:HI"), (90, 91, ""), (0, 9_000, "u:hi a:HI")] {
        let world = World::under(|policy| {
            policy.memory_life = (life > 0).then(|| days(life));
        })
        .with(remembers());
        let key = world.say(CONTEXT, "hi").await;
        world.settle(&key).await;
        world.clock.advance(days(waits));
        // The histories do not stand for it: the task is gone.
        Operator::new(world.engine.clone()).delete(&key, false).await.unwrap();
        let key = world.say(CONTEXT, "later").await;
        assert_eq!(status_text(&world.settle(&key).await), format!("[{expected}]"), "{life}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_fails_the_task_for_good() {
    let world = World::new(script!(|turn, _| {
        let of =
            |bytes: usize| MemoryItem::agent("x".repeat(bytes - MemoryItem::agent("").bytes()));
        let kb = 1_024;
        match turn.text().as_str() {
            "item" => turn.memory().append([of(64 * kb + 1)]).await?,
            "append" => turn.memory().append((0..5).map(|_| of(60 * kb))).await?,
            _ => turn.memory().append((0..4).map(|_| of(64 * kb))).await?,
        }
        Ok(End::completed())
    }));
    for (text, expected) in [
        ("item", "an item of memory is too large (65537 bytes, 65536 at most)"),
        ("append", "the memory of one append is too large (307200 bytes, 262144 at most)"),
        ("fits", ""),
    ] {
        let key = world.say(CONTEXT, text).await;
        let task = world.settle(&key).await;
        assert!(status_text(&task).contains(expected), "{}", status_text(&task));
        let is_done = task.status.state == TaskState::Completed;
        assert_eq!(is_done, expected.is_empty());
        assert_eq!(world.head(&key).await.turn, 1, "no other attempt");
    }
}

#[tokio::test(start_paused = true)]
async fn without_scopes_there_is_no_memory() {
    let world = World::under(|policy| policy.scopes = false).with(script!(|turn, diary| {
        let error = turn.memory().load(PLENTY).await.unwrap_err();
        diary.note(format!("{}", matches!(error, StepError::NotYet)));
        let error = turn.session().get::<u32>("n").await.unwrap_err();
        diary.note(format!("{}", matches!(error, StepError::NotYet)));
        Ok(End::completed())
    }));
    let key = world.say(CONTEXT, "hi").await;
    world.settle(&key).await;
    assert_eq!(world.diary.read(), ["true", "true"]);
}
