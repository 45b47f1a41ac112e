//! Beside the agent, by the runner that has committed.

use a2a_lambda_core::{Delivered, Mark};

use super::{sent, url};
use crate::delivery::streams;
use crate::support::{Manner, World, after, millis, scripted, secs};

#[tokio::test(start_paused = true)]
async fn every_update_is_pushed_in_order() {
    let (world, key) = World::pushing_to("hook", streams(&["a", "b", "c"], 100)).await;
    assert_eq!(world.told("hook"), [""; 0]);
    world.attend(&key).await;
    let expected = [
        "task SUBMITTED",
        "status WORKING",
        "artifact \"a\"",
        "artifact \"b\"",
        "artifact \"c\"",
        "status COMPLETED",
    ];
    assert_eq!(world.told("hook"), expected);
    let head = world.head(&key).await;
    assert_eq!(head.mark(), None, "all was delivered");
    assert_eq!(head.due, None);
    assert_eq!(world.deliver(&key).await, Delivered::Nothing);
    let ids: Vec<_> =
        world.receivers.arrived(&url("hook")).into_iter().map(|a| a.push.id).collect();
    let mut different = ids.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), ids.len());
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_is_sent_chunks_as_one_and_holds_up_no_other() {
    // An earlier deliverer may have sent that many pushes, each of one chunk.
    let world = World::under(|policy| {
        policy.push_note_every = 1;
    })
    .with(streams(&["a", "b", "c", "d", "e", "f"], 200));
    world.receivers.script(&url("slow"), |_| Manner::Slow(millis(350)));
    let key = world.submit_for("slow").await;
    world.register(&key, "fast").await;
    world.attend(&key).await;
    let fast = world.told("fast");
    assert_eq!(fast.len(), 1 + 1 + 6 + 1, "{fast:?}");
    let slow = world.told("slow");
    assert!(slow.len() < fast.len(), "{slow:?}");
    let text: String = slow
        .iter()
        .filter_map(|told| told.strip_prefix("artifact \""))
        .map(|text| text.trim_end_matches('"'))
        .collect();
    assert_eq!(text, "abcdef");
    assert_eq!(slow.last().unwrap(), "status COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn the_mark_s_holder_pushes_a_cancel() {
    let world = World::new(scripted(|_, _| Box::pin(std::future::pending())));
    let key = world.submit_for("hook").await;
    let canceling = after(secs(3), world.cancel(&key));
    tokio::join!(world.attend(&key), canceling);
    assert_eq!(world.told("hook"), ["task SUBMITTED", "status WORKING", "status CANCELED"]);
    assert_eq!(world.head(&key).await.mark(), None);
}

#[tokio::test(start_paused = true)]
async fn the_sweep_delivers_a_dead_runner_s_pushes() {
    let world = World::new(streams(&["a"], 10_000));
    world.receivers.script(
        &url("hook"),
        |n| {
            if n == 3 { Manner::Hangs } else { Manner::Answers(200) }
        },
    );
    let key = world.submit_for("hook").await;
    assert!(!world.attend_killed_after(&key, secs(5)).await);
    assert_eq!(world.told("hook").len(), 3, "the last one is under way");
    assert!(matches!(world.head(&key).await.mark(), Some(Mark::Claimed { .. })));
    tokio::time::sleep(secs(70)).await;
    let swept = world.sweep().await;
    assert_eq!((swept.dead_leases, swept.failed), (1, 0), "{swept:?}");
    world.settle(&key).await;
    let told = world.told("hook");
    assert_eq!(told[..3], told[3..6], "{told:?}");
    let ids = world.ids("hook");
    assert_eq!(ids[..3], ids[3..6]);
    assert_eq!(told[6..], ["artifact \"a\"", "status COMPLETED"]);
}

#[tokio::test(start_paused = true)]
async fn a_config_of_a_task_that_is_over_is_sent_the_task() {
    let (world, key) = World::with_attended("go", streams(&["a"], 0)).await;
    world.register(&key, "late").await;
    assert_eq!(world.head(&key).await.mark(), Some(&Mark::Open));
    assert_eq!(world.deliver(&key).await, sent(1));
    assert_eq!(world.told("late"), ["task COMPLETED"]);
    assert_eq!(world.deliver(&key).await, Delivered::Nothing);
}

/// A receiver may have a push that it did not acknowledge: the push is repeated unchanged, and
/// later chunks follow it.
#[tokio::test(start_paused = true)]
async fn a_failed_push_is_repeated_unchanged() {
    let world = World::new(streams(&["a", "b", "c", "d", "e", "f", "g", "h"], 1_000));
    world.receivers.script(&url("hook"), |n| Manner::Answers(if n == 4 { 503 } else { 200 }));
    world.attended_for("hook").await;
    let told = world.told("hook");
    assert_eq!(told[3..5], ["artifact \"b\""; 2], "{told:?}");
    let ids = world.ids("hook");
    assert_eq!(ids[3], ids[4]);
    assert!(told[5].starts_with("artifact \"cde"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_is_tried_again_beside_a_silent_agent() {
    let world = World::new(streams(&["a"], 60_000));
    world.receivers.script(&url("hook"), |n| Manner::Answers(if n == 3 { 503 } else { 200 }));
    world.attended_for("hook").await;
    let arrived = world.receivers.arrived(&url("hook"));
    let wait = arrived[3].at.saturating_since(arrived[2].at);
    assert!(wait >= secs(5) && wait <= millis(5_600), "{wait:?}");
}

/// Another deliverer's clock may be ahead: to it, the claim ends that much earlier.
#[tokio::test(start_paused = true)]
async fn a_claim_is_renewed_for_clocks_that_are_ahead() {
    let world = World::new(streams(&["a"], 60_000));
    world.receivers.script(&url("hook"), |_| Manner::Slow(millis(9_400)));
    let key = world.submit_for("hook").await;
    let other = async {
        // The third POST has begun, and the claim would end 30 s after the first.
        tokio::time::sleep(millis(19_100)).await;
        let head = world.head(&key).await;
        let until = head.mark().map(|mark| mark.free_from(world.now()));
        let policy = &world.engine.policy;
        let least = world.now().saturating_add(policy.push_timeout + policy.clock_skew);
        assert!(until >= Some(least), "{until:?}");
        assert_eq!(world.told("hook").len(), 3);
    };
    tokio::join!(world.attend(&key), other);
}
