//! Pushes while the store fails and deliverers die: all arrive, in order, and a repetition under
//! the same id has the same bytes.

use a2a_lambda_core::{End, Mark};
use a2a_lambda_protocol::Part;

use super::{sent, url};
use crate::delivery::streams;
use crate::support::{Call, Fault, Kind, Manner, World, after, millis, script, secs};

/// Asserts that a receiver had all of a task, in order, apart from repetitions.
fn assert_complete(world: &World, name: &str, place: &str) {
    let told = world.taken(name);
    assert_eq!(told.first().unwrap(), "task SUBMITTED", "{place}: {told:?}");
    assert_eq!(told[1], "status WORKING", "{place}: {told:?}");
    assert_eq!(told.last().unwrap(), "status COMPLETED", "{place}: {told:?}");
    let chunks = told.iter().filter_map(|told| told.strip_prefix("artifact \""));
    let text: String = chunks.map(|text| text.trim_end_matches('"')).collect();
    assert_eq!(text, "abcdef", "{place}: {told:?}");
    // In order, each at its first attempt.
    let mut known = Vec::new();
    for id in world.ids(name) {
        if !known.contains(&id) {
            known.push(id);
        }
    }
    let number = |id: &String| id.rsplit('_').next().unwrap().parse::<u64>().unwrap();
    let numbers: Vec<u64> = known.iter().map(number).collect();
    assert!(numbers.is_sorted(), "{place}: {numbers:?}");
}

/// A task that ran without a deliverer, and then ended.
async fn backlog(world: &World) -> a2a_lambda_core::TaskKey {
    let key = world.submit_for("hook").await;
    world.receivers.script(&url("hook"), |_| Manner::Down);
    world.attend(&key).await;
    world.receivers.script(&url("hook"), |_| Manner::Answers(200));
    tokio::time::sleep(secs(10)).await;
    key
}

#[tokio::test(start_paused = true)]
async fn every_push_arrives_in_order_when_a_delivery_fails() {
    let calls = {
        let world = World::new(streams(&["a", "b", "c", "d", "e", "f"], 0));
        let key = backlog(&world).await;
        world.faults.heal();
        world.deliver(&key).await;
        world.faults.count()
    };
    assert!(calls > 6, "{calls}");
    let kinds = ["lose request", "lose answer", "refuse", "hang before", "hang after"];
    for kind in kinds {
        for number in 1..=calls + 1 {
            let place = format!("{kind} {number}");
            let world = World::new(streams(&["a", "b", "c", "d", "e", "f"], 0));
            let key = backlog(&world).await;
            world.faults.plan(move |call: Call<'_>| match kind {
                // Each try of it is lost.
                "lose request" if (number..number + 4).contains(&call.number) => {
                    Some(Fault::LoseRequest)
                }
                "lose answer" if (number..number + 4).contains(&call.number) => {
                    Some(Fault::LoseAnswer)
                }
                "refuse" if call.number == number => Some(Fault::Refuse),
                "hang before" if call.number == number => Some(Fault::HangBefore),
                "hang after" if call.number == number => Some(Fault::HangAfter),
                _ => None,
            });
            let deadline = world.now().saturating_add(secs(60));
            let delivering = Box::pin(a2a_lambda_core::deliver(&world.engine, &key, deadline));
            let _ = tokio::time::timeout(secs(40), delivering).await;
            world.faults.heal();
            world.live(&key, secs(200)).await;
            assert_complete(&world, "hook", &place);
            let head = world.head(&key).await;
            assert_eq!((head.mark(), head.due), (None, None), "{place}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_push_arrives_in_order_when_deliveries_beside_the_agent_fail() {
    let agent = || streams(&["a", "b", "c", "d", "e", "f"], 300);
    let calls = {
        let world = World::new(agent());
        world.attended_for("hook").await;
        world.faults.count()
    };
    for fault in [Fault::LoseAnswer, Fault::HangBefore, Fault::HangAfter] {
        for number in 1..=calls {
            let place = format!("{fault:?} {number}");
            let (world, key) = World::pushing_to("hook", agent()).await;
            world.receivers.script(&url("hook"), |_| Manner::Slow(millis(500)));
            world.faults.plan(move |call: Call<'_>| (call.number == number).then_some(fault));
            world.attend_killed_after(&key, secs(8)).await;
            world.faults.heal();
            world.live(&key, secs(300)).await;
            // An attempt at the agent's work that died is made again, and shows its chunks again.
            let told = world.taken("hook");
            assert_eq!(told[0], "task SUBMITTED", "{place}");
            assert_eq!(told.last().unwrap(), "status COMPLETED", "{place}");
            let log = world.snapshot(&key).await;
            let shown = log.tail.iter().filter_map(|entry| match &entry.event {
                a2a_lambda_core::Event::Artifact(change) => {
                    change.artifact.parts[0].as_text().map(str::to_owned)
                }
                _ => None,
            });
            let chunks = told.iter().filter_map(|told| told.strip_prefix("artifact \""));
            let sent: String = chunks.map(|text| text.trim_end_matches('"')).collect();
            assert_eq!(sent, shown.collect::<String>(), "{place}: {told:?}");
            assert_eq!((log.head.mark(), log.head.due), (None, None), "{place}");
        }
    }
}

/// A deliverer sends several chunks as one and dies before it can say so; by the next time, more
/// chunks have come.
#[tokio::test(start_paused = true)]
async fn merged_chunks_are_repeated_unchanged() {
    for fault in [Fault::HangBefore, Fault::LoseAnswer, Fault::LoseRequest, Fault::HangAfter] {
        for number in 1..12 {
            let world = World::new(streams(&["a", "b", "c", "d", "e", "f"], 400));
            let key = world.submit_for("hook").await;
            world.receivers.script(&url("hook"), |_| Manner::Slow(millis(900)));
            world.faults.plan(move |call: Call<'_>| {
                let hit = call.kind == Kind::AdvanceConfig && call.of_kind >= number;
                hit.then_some(fault)
            });
            let attended = world.attend_killed_after(&key, secs(6)).await;
            let _ = attended;
            world.faults.heal();
            world.live(&key, secs(300)).await;
            let told = world.taken("hook");
            assert_eq!(told.last().unwrap(), "status COMPLETED", "{fault:?} {number}");
        }
    }
}

/// The runner's commits are claimed for the deliverer beside it, which must live.
#[tokio::test(start_paused = true)]
async fn a_failure_beside_a_long_run_does_not_hold_up_its_pushes() {
    let world = World::new(script!(|turn, _| {
        for n in 0..60 {
            turn.progress(format!("{n}")).await?;
            turn.sleep(secs(10)).await;
        }
        Ok(End::completed())
    }));
    world.faults.plan(|call: Call<'_>| {
        (call.kind == Kind::GetConfigs && call.of_kind <= 4).then_some(Fault::LoseRequest)
    });
    let key = world.attended_for("hook").await;
    let log = world.snapshot(&key).await.tail;
    let arrived = world.receivers.arrived(&url("hook"));
    assert_eq!(arrived.len(), 63);
    let late = arrived[5].at.saturating_since(log[5].at);
    assert!(late <= secs(1), "{late:?}");
}

/// The store fails the deliverer during an attempt: the result is kept.
#[tokio::test(start_paused = true)]
async fn a_failure_keeps_unfinished_pushes() {
    let (world, key) = World::with_attended("go", streams(&[], 0)).await;
    world.register(&key, "slow").await;
    world.receivers.script(&url("slow"), |_| Manner::Slow(secs(5)));
    world.faults.fail_nth(Kind::GetConfigs, 2, Fault::Refuse);
    let registering = after(secs(1), world.register(&key, "new"));
    let deadline = world.now().saturating_add(secs(60));
    let delivering = Box::pin(a2a_lambda_core::deliver(&world.engine, &key, deadline));
    let (delivered, ()) = tokio::join!(delivering, registering);
    delivered.unwrap_err();
    assert!(matches!(world.head(&key).await.mark(), Some(Mark::Claimed { .. })));
    world.faults.heal();
    world.live(&key, secs(200)).await;
    assert_eq!(world.told("slow"), ["task COMPLETED"], "once");
    assert_eq!(world.told("new"), ["task COMPLETED"]);
}

/// A claim expires while its holder waits for the store: another has it by then, and the first
/// sends nothing afterwards.
#[tokio::test(start_paused = true)]
async fn a_stalled_deliverer_sends_nothing_after_its_claim() {
    let world = World::new(streams(&["a", "b", "c", "d", "e", "f"], 0));
    let key = backlog(&world).await;
    // The note that several chunks are sent as one takes longer than the claim.
    world.faults.fail_nth(Kind::AdvanceConfig, 3, Fault::SlowAnswer(secs(35)));
    let other = after(secs(32), world.deliver(&key));
    tokio::join!(world.deliver(&key), other);
    world.live(&key, secs(200)).await;
    assert_complete(&world, "hook", "");
    let ids = world.ids("hook");
    let mut known = std::collections::BTreeSet::new();
    let again = ids.iter().skip(1).find(|id| !known.insert(*id));
    assert_eq!(again, None, "the first one had failed, and nothing else is sent twice");
}

/// The deliverer beside a runner renews its claim, and that commit is late. The claim expires
/// meanwhile: another deliverer sends the due pushes, and the runner's next commit takes the mark
/// again.
#[tokio::test(start_paused = true)]
async fn a_late_claimer_does_not_repeat_another_s_push() {
    let world = World::new(streams(&["a", "b"], 45_000));
    let fails = [3, 4];
    world
        .receivers
        .script(&url("hook"), move |n| Manner::Answers(if fails.contains(&n) { 503 } else { 200 }));
    let key = world.submit_for("hook").await;
    // The third commit renews the claim for the third attempt at "a", some 35 s after the second.
    world.faults.fail_nth(Kind::Commit, 3, Fault::SlowRequest(secs(20)));
    let other = after(secs(40), world.deliver(&key));
    let (_, delivered) = tokio::join!(world.attend(&key), other);
    assert_eq!(delivered, sent(1));
    let a = "artifact \"a\"";
    let expected =
        ["task SUBMITTED", "status WORKING", a, a, a, "artifact \"b\"", "status COMPLETED"];
    assert_eq!(world.told("hook"), expected);
}

/// Another deliverer sends a chunk alone and dies before it writes so. The deliverer beside the runner
/// goes on with that chunk: it must not send it together with the next ones.
#[tokio::test(start_paused = true)]
async fn a_chunk_that_another_may_have_sent_is_not_merged() {
    let world = World::new(script!(|turn, _| {
        let mut text = turn.chunked("text");
        for (chunk, pause) in [("a", 33), ("b", 37), ("c", 0), ("d", 0)] {
            text.push(vec![Part::text(chunk)]).await?;
            turn.sleep(secs(pause)).await;
        }
        Ok(End::completed())
    }));
    world.receivers.script(&url("slow"), |_| Manner::Slow(secs(9)));
    let key = world.submit_for("hook").await;
    // The first three are the runner's: of the task, that it is at work, and "a".
    world.faults.fail_nth(Kind::AdvanceConfig, 4, Fault::HangBefore);
    let other = async {
        tokio::time::sleep(secs(31)).await;
        world.register(&key, "slow").await;
        tokio::time::timeout(secs(6), world.deliver(&key)).await.unwrap_err();
        assert_eq!(world.told("hook").last().unwrap(), "artifact \"b\"");
    };
    tokio::join!(world.attend(&key), other);
    let chunks: Vec<String> = world
        .taken("hook")
        .iter()
        .filter_map(|told| told.strip_prefix("artifact ").map(str::to_owned))
        .collect();
    assert_eq!(chunks.concat().replace('"', ""), "abcd");
}
