//! All under tokio's paused clock: a wait that nothing ends jumps straight to its end.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const AT_ONCE: Duration = Duration::ZERO;
const VISIBILITY: Duration = Duration::from_secs(30);
const ALMOST_VISIBILITY: Duration = Duration::from_millis(29_999);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn config() -> QueueConfig {
    QueueConfig {
        capacity: NonZeroUsize::new(100).unwrap(),
        max_receive_count: None,
        dead_letter_capacity: NonZeroUsize::new(2).unwrap(),
    }
}

fn queue() -> Queue {
    Queue::new(config(), || 1_000)
}

fn send(queue: &Queue, body: &str) -> String {
    queue.send(body.to_owned(), AT_ONCE).expect("the queue has room")
}

async fn receive(queue: &Queue) -> Vec<Message> {
    queue.receive(MAX_BATCH, VISIBILITY, AT_ONCE).await.expect("the arguments are in bounds")
}

async fn receive_one(queue: &Queue) -> Message {
    receive(queue).await.pop().expect("a message is visible")
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_received_message_is_hidden_until_its_visibility_timeout() {
    let queue = queue();
    let id = send(&queue, "signal");

    let first = receive_one(&queue).await;
    assert_eq!((first.id.as_str(), first.receive_count), (id.as_str(), 1));

    tokio::time::advance(ALMOST_VISIBILITY).await;
    assert_eq!(receive(&queue).await, []);

    tokio::time::advance(Duration::from_millis(1)).await;
    let second = receive_one(&queue).await;
    assert_eq!((second.id, second.body.as_str(), second.receive_count), (id, "signal", 2));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_is_never_redelivered() {
    let queue = queue();
    send(&queue, "signal");
    let message = receive_one(&queue).await;

    assert!(queue.delete(&message.receipt_handle));
    assert!(!queue.delete(&message.receipt_handle), "a second delete finds nothing");
    tokio::time::advance(VISIBILITY).await;
    assert_eq!(receive(&queue).await, []);
    assert_eq!(queue.depth(), QueueDepth::default());
}

#[tokio::test(start_paused = true)]
async fn a_handle_works_past_its_timeout_until_the_message_is_given_out_again() {
    let queue = queue();
    send(&queue, "late");
    let message = receive_one(&queue).await;
    tokio::time::advance(VISIBILITY * 2).await;
    assert!(queue.delete(&message.receipt_handle), "nobody else received it");

    send(&queue, "contested");
    let first = receive_one(&queue).await;
    tokio::time::advance(VISIBILITY).await;
    let second = receive_one(&queue).await;
    assert!(!queue.delete(&first.receipt_handle), "the second receiver holds it");
    assert_eq!(
        queue.change_visibility(&first.receipt_handle, AT_ONCE),
        Err(VisibilityError::StaleHandle)
    );
    assert!(queue.delete(&second.receipt_handle));
}

#[tokio::test(start_paused = true)]
async fn messages_come_in_the_order_of_their_delays() {
    let queue = queue();
    for (body, delay) in [("900", 900), ("2", 2), ("0 first", 0), ("1", 1), ("0 second", 0)] {
        queue.send(body.to_owned(), seconds(delay)).unwrap();
    }
    assert_eq!(queue.depth(), QueueDepth { visible: 2, delayed: 3, ..QueueDepth::default() });

    let mut received = Vec::new();
    let started = Instant::now();
    while received.len() < 5 {
        for message in queue.receive(MAX_BATCH, MAX_VISIBILITY, MAX_WAIT).await.unwrap() {
            received.push((message.body, started.elapsed().as_secs()));
        }
    }
    let expected = [("0 first", 0), ("0 second", 0), ("1", 1), ("2", 2), ("900", 900)];
    assert_eq!(received, expected.map(|(body, at)| (body.to_owned(), at)));
}

#[tokio::test(start_paused = true)]
async fn a_receive_waits_for_the_first_message_and_no_longer_than_asked() {
    let queue = Arc::new(queue());
    let started = Instant::now();
    assert_eq!(queue.receive(1, VISIBILITY, seconds(20)).await, Ok(vec![]));
    assert_eq!(started.elapsed(), seconds(20));

    let receiver = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.receive(1, VISIBILITY, seconds(20)).await }
    });
    tokio::time::sleep(seconds(3)).await;
    send(&queue, "signal");
    let messages = receiver.await.unwrap().unwrap();
    assert_eq!(bodies(&messages), ["signal"]);
    assert_eq!(started.elapsed(), seconds(23), "a send ends the wait at once");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_receive_gets_a_returned_message() {
    let queue = Arc::new(queue());
    send(&queue, "signal");
    let message = receive_one(&queue).await;
    let receiver = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.receive(1, VISIBILITY, seconds(20)).await }
    });
    tokio::time::sleep(seconds(5)).await;

    let given_back_at = Instant::now();
    queue.change_visibility(&message.receipt_handle, AT_ONCE).unwrap();
    assert_eq!(receiver.await.unwrap().unwrap()[0].receive_count, 2);
    assert_eq!(given_back_at.elapsed(), AT_ONCE);
}

#[tokio::test(start_paused = true)]
async fn visibility_is_extended_from_now_and_bounded_from_the_receive() {
    let queue = queue();
    send(&queue, "signal");
    let message = receive_one(&queue).await;

    tokio::time::advance(seconds(20)).await;
    queue.change_visibility(&message.receipt_handle, VISIBILITY).unwrap();
    tokio::time::advance(seconds(29)).await;
    assert_eq!(receive(&queue).await, []);

    let too_long = VisibilityError::TooLong { visibility: MAX_VISIBILITY };
    assert_eq!(queue.change_visibility(&message.receipt_handle, MAX_VISIBILITY), Err(too_long));
    tokio::time::advance(seconds(1)).await;
    assert_eq!(
        queue.change_visibility(&message.receipt_handle, VISIBILITY),
        Err(VisibilityError::NotInFlight)
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_received_too_often_becomes_one_of_few_dead_letters() {
    let limit = NonZeroU32::new(2);
    let queue = Queue::new(QueueConfig { max_receive_count: limit, ..config() }, || 1_000);
    for body in ["one", "two", "three"] {
        send(&queue, body);
    }
    for receive_count in [1, 2] {
        let messages = receive(&queue).await;
        assert_eq!(bodies(&messages), ["one", "two", "three"]);
        assert!(messages.iter().all(|message| message.receive_count == receive_count));
        tokio::time::advance(VISIBILITY).await;
    }

    assert_eq!(receive(&queue).await, []);
    let depth = QueueDepth { dead: 2, dead_dropped: 1, ..QueueDepth::default() };
    assert_eq!(queue.depth(), depth);
    let dead = queue.drain_dead_letters();
    let dead: Vec<_> = dead.iter().map(|dead| (dead.body.as_str(), dead.receive_count)).collect();
    assert_eq!(dead, [("two", 2), ("three", 2)]);
    assert_eq!(queue.dead_letters(), []);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_put_back_as_far_as_there_is_room() {
    let limit = NonZeroU32::new(1);
    let capacity = NonZeroUsize::new(2).unwrap();
    let queue = Queue::new(QueueConfig { max_receive_count: limit, capacity, ..config() }, || 1);
    assert_eq!(queue.redrive(), 0);
    for body in ["one", "two"] {
        send(&queue, body);
    }
    receive(&queue).await;
    tokio::time::advance(VISIBILITY).await;
    assert_eq!(receive(&queue).await, []);
    send(&queue, "three");
    assert_eq!(queue.redrive(), 1, "there is room for one");
    let messages = receive(&queue).await;
    assert_eq!(bodies(&messages), ["three", "one"]);
    assert_eq!(messages[1].receive_count, 1, "it is new");
    assert_eq!(queue.dead_letters()[0].body, "two");
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_and_gives_no_message_twice() {
    let queue = queue();
    for number in 0..12 {
        send(&queue, &number.to_string());
    }
    // Visible again at once: the next receive may have them, this one may not.
    let first = queue.receive(MAX_BATCH, AT_ONCE, AT_ONCE).await.unwrap();
    let distinct: HashSet<_> = first.iter().map(|message| &message.id).collect();
    assert_eq!((first.len(), distinct.len()), (10, 10));
    assert_eq!(receive(&queue).await.len(), 10);
    assert_eq!(receive(&queue).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn timestamps_come_from_the_clock_given() {
    let clock = Arc::new(AtomicU64::new(1_000));
    let now = Arc::clone(&clock);
    let queue = Queue::new(config(), move || now.load(Ordering::Relaxed));
    send(&queue, "signal");
    for (now_ms, receive_count) in [(2_000, 1), (3_000, 2)] {
        clock.store(now_ms, Ordering::Relaxed);
        let message = receive_one(&queue).await;
        assert_eq!(message.receive_count, receive_count);
        assert_eq!((message.sent_at_ms, message.first_received_at_ms), (1_000, 2_000));
        tokio::time::advance(VISIBILITY).await;
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_received_and_deleted_as_messages_are() {
    let (once, room) = (NonZeroU32::new(1), NonZeroUsize::new(3).unwrap());
    let config = QueueConfig { max_receive_count: once, dead_letter_capacity: room, ..config() };
    let queue = Queue::new(config, || 0);
    for body in ["one", "two", "three"] {
        send(&queue, body);
    }
    queue.receive(3, AT_ONCE, AT_ONCE).await.unwrap();
    assert!(queue.receive(3, AT_ONCE, AT_ONCE).await.unwrap().is_empty());
    assert_eq!(queue.depth().dead, 3);

    let first = queue.receive_dead_letters(2, VISIBILITY).unwrap();
    let bodies = |taken: &[(_, DeadLetter)]| {
        taken.iter().map(|(_, letter)| letter.body.clone()).collect::<Vec<_>>()
    };
    assert_eq!(bodies(&first), ["one", "two"]);
    let rest = queue.receive_dead_letters(MAX_BATCH, VISIBILITY).unwrap();
    assert_eq!(bodies(&rest), ["three"], "the others are hidden");
    assert!(queue.delete_dead_letter(&first[0].0));
    assert!(!queue.delete_dead_letter(&first[0].0));
    tokio::time::advance(VISIBILITY).await;
    let again = queue.receive_dead_letters(MAX_BATCH, VISIBILITY).unwrap();
    assert_eq!(bodies(&again), ["two", "three"]);
    assert!(!queue.delete_dead_letter(&first[1].0), "it was given to another since");
    assert_eq!(queue.redrive(), 2, "hidden or not");

    let refused = queue.receive_dead_letters(MAX_BATCH + 1, VISIBILITY);
    assert_eq!(refused, Err(ReceiveError::BatchSize { asked: MAX_BATCH + 1 }));
}

#[tokio::test(start_paused = true)]
async fn a_value_out_of_bounds_is_refused() {
    let one = NonZeroUsize::new(1).unwrap();
    let queue = Queue::new(QueueConfig { capacity: one, ..config() }, || 0);

    let over = MAX_DELAY + Duration::from_millis(1);
    assert_eq!(queue.send("x".to_owned(), over), Err(SendError::Delay { delay: over }));
    for bytes in [0, MAX_BODY_BYTES + 1] {
        assert_eq!(queue.send("x".repeat(bytes), AT_ONCE), Err(SendError::BodySize { bytes }));
    }
    for asked in [0, MAX_BATCH + 1] {
        let refused = queue.receive(asked, VISIBILITY, AT_ONCE).await;
        assert_eq!(refused, Err(ReceiveError::BatchSize { asked }));
    }
    let (visibility, wait) = (MAX_VISIBILITY + seconds(1), MAX_WAIT + seconds(1));
    let refused = queue.receive(1, visibility, AT_ONCE).await;
    assert_eq!(refused, Err(ReceiveError::Visibility { visibility }));
    let refused = queue.receive(1, VISIBILITY, wait).await;
    assert_eq!(refused, Err(ReceiveError::Wait { wait }));

    queue.send("x".repeat(MAX_BODY_BYTES), MAX_DELAY).unwrap();
    assert_eq!(queue.send("y".to_owned(), AT_ONCE), Err(SendError::Full { capacity: 1 }));
}

#[test]
fn a_receipt_handle_reads_back_from_its_text() {
    let handle = ReceiptHandle { number: 7, receive: 3 };
    assert_eq!(handle.to_string().parse(), Ok(handle));
    for wrong in ["", "7", "7-", "-3", "7-3-1", "a-b", "7-4294967296"] {
        assert!(wrong.parse::<ReceiptHandle>().is_err(), "{wrong:?}");
    }
}

/// Not paused: real threads contend for the messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_two_receivers_hold_a_message_at_a_time() {
    const MESSAGES: usize = 2_000;
    const RECEIVERS: usize = 8;
    let capacity = NonZeroUsize::new(MESSAGES).unwrap();
    let queue = Arc::new(Queue::new(QueueConfig { capacity, ..config() }, || 0));
    let mut receivers = tokio::task::JoinSet::new();
    for _ in 0..RECEIVERS {
        let queue = Arc::clone(&queue);
        receivers.spawn(async move {
            let mut ids = Vec::new();
            loop {
                let messages = queue.receive(3, VISIBILITY, Duration::from_millis(500)).await;
                let messages = messages.unwrap();
                if messages.is_empty() {
                    return ids;
                }
                ids.extend(messages.into_iter().map(|message| message.id));
            }
        });
    }
    for number in 0..MESSAGES {
        send(&queue, &number.to_string());
        if number % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }

    let received: Vec<_> = receivers.join_all().await.into_iter().flatten().collect();
    let distinct: HashSet<_> = received.iter().collect();
    assert_eq!((received.len(), distinct.len()), (MESSAGES, MESSAGES));
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_is_given_up_takes_nothing() {
    let queue = queue();
    let waiting = queue.receive(1, VISIBILITY, seconds(20));
    assert!(tokio::time::timeout(seconds(1), waiting).await.is_err());
    send(&queue, "signal");
    assert_eq!(receive_one(&queue).await.receive_count, 1);
}
