//! Deleted is silent (I14): no push is begun to a config once its DELETE was answered.

use std::time::Duration;

use a2a_lambda_core::{Delivered, End, Tally};

use super::{sent, url};
use crate::support::{Fault, Kind, Scripted, World, completes, millis, script, secs};

/// An agent that shows something every so often.
fn ticks(pause: Duration) -> Scripted {
    script!(|turn, _| {
        for _ in 0..10 {
            turn.sleep(pause).await;
            turn.progress("more").await?;
        }
        Ok(End::completed())
    })
}

const NONE: Tally = Tally { acknowledged: 0, failed: 0, unknown: 0, late: 0 };

/// An ended task without a push, whose receiver takes so long to connect to.
async fn connecting_in(connects_in: Duration) -> (World, a2a_lambda_core::TaskKey) {
    let world = World::new(completes());
    let key = world.done().await;
    world.register(&key, "hook").await;
    world.receivers.connect_in(connects_in);
    world.faults.heal();
    (world, key)
}

#[tokio::test(start_paused = true)]
async fn a_deliverer_reads_an_outdated_view_again() {
    for (connects_in_ms, reads) in [(0, 1), (399, 1), (400, 2), (5_000, 2)] {
        let (world, key) = connecting_in(millis(connects_in_ms)).await;
        assert_eq!(world.deliver(&key).await, sent(1), "after {connects_in_ms} ms");
        // Deliverers that are alone look for more every second, too.
        let looks = usize::try_from(connects_in_ms / 1_000).unwrap();
        let found = world.faults.count_of(Kind::Read);
        assert!((reads..=reads + looks).contains(&found), "after {connects_in_ms} ms: {found}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_deleted_or_replaced_before_the_connection_is_up_is_not_pushed_to() {
    for replaces in [false, true] {
        for changed_after_ms in [1, 100, 600, 1_900] {
            let (world, key) = connecting_in(secs(2)).await;
            let changing = async {
                tokio::time::sleep(millis(changed_after_ms)).await;
                let before = world.now();
                if replaces {
                    world.register(&key, "hook").await;
                } else {
                    world.unregister(&key, "hook").await;
                }
                let waited = world.now().saturating_since(before);
                assert_eq!(waited, millis(500), "somebody may be about to begin a push");
                world.now()
            };
            let (delivered, answered) = tokio::join!(world.deliver(&key), changing);
            let arrived = world.receivers.arrived(&url("hook"));
            if replaces {
                assert_eq!(delivered, sent(1), "to the new one");
                assert!(arrived[0].at > answered, "the old one was not pushed to");
            } else {
                assert_eq!((delivered, arrived.len()), (Delivered::Ran(NONE), 0));
                assert_eq!(world.head(&key).await.pushes, None);
            }
            world.assert_nothing_is_left_behind(&key).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_without_a_deliverer_does_not_wait() {
    let (world, key) = World::with_task("go", completes()).await;
    for _ in 0..2 {
        world.register(&key, "hook").await;
    }
    world.unregister(&key, "hook").await;
    world.unregister(&key, "hook").await;
    assert_eq!(world.passed(), Duration::ZERO);
}

/// The first answer may have been lost, or the deliverer may have died.
#[tokio::test(start_paused = true)]
async fn a_delete_of_a_missing_config_waits_for_outdated_deliverers() {
    let (world, key) = connecting_in(secs(9)).await;
    assert!(tokio::time::timeout(secs(1), world.deliver(&key)).await.is_err());
    tokio::time::sleep(secs(100)).await;
    for id in ["hook", "hook", "none"] {
        let before = world.now();
        world.unregister(&key, id).await;
        assert_eq!(world.now().saturating_since(before), millis(500), "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_another_has_taken_over_begins_nothing() {
    let (world, key) = connecting_in(secs(3)).await;
    let taking_over = async {
        tokio::time::sleep(secs(1)).await;
        world.receivers.connect_in(Duration::ZERO);
        // The other's clock is fast, and sees the claim as over.
        world.clock.step(31_000);
        assert_eq!(world.deliver(&key).await, sent(1));
        world.clock.step(-31_000);
    };
    let (delivered, ()) = tokio::join!(world.deliver(&key), taking_over);
    assert_eq!(delivered, Delivered::Ran(NONE));
    assert_eq!(world.told("hook").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_view_from_the_future_is_read_again() {
    let (world, key) = connecting_in(millis(300)).await;
    let setting_back = async {
        tokio::time::sleep(millis(200)).await;
        world.clock.step(-60_000);
    };
    let (delivered, ()) = tokio::join!(world.deliver(&key), setting_back);
    assert_eq!((delivered, world.faults.count_of(Kind::Read)), (sent(1), 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_while_the_store_does_not_tell() {
    // No answer tells; then one tells, but only of a time before any view.
    for (fault, again_within) in
        [(Fault::LoseRequest, secs(90)), (Fault::SlowAnswer(secs(6)), secs(2))]
    {
        // So long that the claim's view is too old at any width.
        let (world, key) = connecting_in(millis(5_500)).await;
        // The first read is that of the delivery itself.
        world
            .faults
            .plan(move |call| (call.kind == Kind::Read && call.of_kind > 1).then_some(fault));
        let delivered = Box::pin(world.deliver(&key)).await;
        assert!(matches!(delivered, Delivered::Ran(Tally { acknowledged: 0, failed: 0, .. })));
        assert!(world.receivers.arrived(&url("hook")).is_empty());
        let config = world.config_of(&key, "hook").await;
        assert_eq!(config.delivery.trouble, None, "the receiver is not to blame");
        world.faults.heal();
        world.receivers.connect_in(Duration::ZERO);
        world.live(&key, again_within).await;
        assert_eq!(world.told("hook"), ["task COMPLETED"]);
    }
}

/// A slow store delays a push by a few of its answers, and not by the wait after failures. An
/// executor that is signaled of an ended task has glanced at it before, for a claim.
#[tokio::test(start_paused = true)]
async fn a_slow_store_puts_off_no_push_to_a_healthy_receiver() {
    let cases =
        [(300, 900, 4), (450, 0, 3), (450, 900, 4), (1_000, 0, 3), (2_000, 300, 3), (4_000, 0, 4)];
    for ((slow_ms, connects_in_ms, requests), by_executor) in
        cases.into_iter().flat_map(|case| [(case, false), (case, true)])
    {
        let place = format!(
            "{slow_ms} ms, connected in {connects_in_ms} ms, by an executor: {by_executor}"
        );
        let (world, key) = connecting_in(millis(connects_in_ms)).await;
        let slow = Fault::SlowAnswer(millis(slow_ms));
        world.faults.plan(move |_| Some(slow));
        let before = world.now();
        if by_executor {
            world.attend(&key).await;
        } else {
            world.deliver(&key).await;
        }
        let arrived = world.receivers.arrived(&url("hook"));
        assert_eq!(arrived.len(), 1, "{place}");
        let late = arrived[0].at.saturating_since(before);
        let most = (requests + u32::from(by_executor)) * millis(slow_ms) + millis(connects_in_ms);
        assert!(late <= most, "{place}: {late:?}");
        let config = world.config_of(&key, "hook").await;
        assert_eq!(config.delivery.trouble, None, "{place}: nothing counts");
    }
}

/// A delete of a config waits for as long as the deliverer may use its view.
#[tokio::test(start_paused = true)]
async fn a_config_is_silent_once_it_was_deleted_though_the_store_is_slow() {
    for slow_ms in [450, 1_000, 2_000] {
        let mut most = Duration::ZERO;
        for deleted_after_ms in (0..8 * slow_ms).step_by(170) {
            let place = format!("{slow_ms} ms, deleted after {deleted_after_ms} ms");
            let (world, key) = connecting_in(millis(300)).await;
            let slow = Fault::SlowAnswer(millis(slow_ms));
            world.faults.plan(move |_| Some(slow));
            let deleting = async {
                tokio::time::sleep(millis(deleted_after_ms)).await;
                let before = world.now();
                world.unregister(&key, "hook").await;
                most = most.max(world.now().saturating_since(before));
                world.now()
            };
            let (_, answered) = tokio::join!(world.deliver(&key), deleting);
            for arrived in world.receivers.arrived(&url("hook")) {
                assert!(arrived.at <= answered, "{place}");
            }
        }
        // The view that the claim has, and the margin.
        assert_eq!(most, millis((4 * slow_ms).min(5_000) + 100), "{slow_ms} ms");
    }
}

/// The commits of the agent's runner show the task's state to the deliverer beside it. Where two
/// updates come at once, as at the beginning and the end, and the first takes long to send, the
/// second costs a read.
#[tokio::test(start_paused = true)]
async fn updates_that_follow_each_other_closely_cost_no_reads() {
    let reads = async |pause: Duration, connects_in: Duration, pushed: bool| {
        let world = World::new(ticks(pause));
        let key = if pushed { world.submit_for("hook").await } else { world.submit("go").await };
        world.receivers.connect_in(connects_in);
        world.faults.heal();
        world.attend(&key).await;
        let arrived = world.receivers.arrived(&url("hook")).len();
        assert_eq!(arrived, if pushed { 13 } else { 0 });
        world.faults.count_of(Kind::Read)
    };
    for (pause_ms, connects_in_ms, extra) in [(100, 20, 0), (1_000, 200, 2), (1_000, 600, 13)] {
        let (pause, connects_in) = (millis(pause_ms), millis(connects_in_ms));
        let without = reads(pause, connects_in, false).await;
        let with = reads(pause, connects_in, true).await;
        assert!(
            with - without.min(with) <= extra,
            "{pause_ms} ms: {with} reads, {without} without"
        );
    }
}
