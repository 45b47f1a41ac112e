//! Lies about push configs and the pending-push mark.

use a2a_lambda_core::{Head, Mark, Position, PushConfig, Snapshot};
use a2a_lambda_protocol::Timestamp;

use super::Planted;

/// The head that the actors see.
pub(super) fn head_as(bug: Planted, head: &mut Head) {
    let is_running = head.leased_until().is_some();
    match (bug, &mut head.pushes) {
        (Planted::PushClaimIgnored, Some(pushes)) => {
            if let Some(Mark::Claimed { .. }) = pushes.mark {
                pushes.mark = Some(Mark::Open);
            }
        }
        (Planted::PushEpochIgnored, Some(pushes)) => pushes.epoch = 1,
        (Planted::DeliveriesLookFirst, Some(pushes)) => pushes.epoch = pushes.epoch.min(2),
        (Planted::PushesForgotten, pushes) if is_running => *pushes = None,
        _ => {}
    }
}

/// The config that the actors see.
pub(super) fn config_as(bug: Planted, mut config: PushConfig) -> PushConfig {
    let mut delivery = (*config.delivery).clone();
    match bug {
        Planted::PushCursorBack if delivery.introduced => {
            delivery.cursor = Position(delivery.cursor.0.saturating_sub(1));
        }
        Planted::PushCursorAhead if delivery.introduced => delivery.cursor = delivery.cursor.next(),
        Planted::IntroductionForgotten => delivery.introduced = true,
        Planted::BatchForgotten => delivery.batch = None,
        Planted::TroubleForgotten => delivery.trouble = None,
        Planted::RetriedEarly => {
            if let Some(trouble) = &mut delivery.trouble {
                trouble.next = trouble.next.map(|_| Timestamp::from_millis(0));
            }
        }
        Planted::GivenUpEarly => {
            if let Some(trouble) = &mut delivery.trouble {
                trouble.failures += 6;
            }
        }
        _ => {}
    }
    config.delivery = delivery.into();
    config
}

/// Whether the due index omits a task.
pub(super) fn is_not_swept(bug: Planted, task: Option<&Snapshot>) -> bool {
    bug == Planted::PushesNotSwept
        && task.is_some_and(|task| task.head.rests() && task.head.mark().is_some())
}
