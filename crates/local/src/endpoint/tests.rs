use std::num::NonZeroUsize;

use super::*;
use crate::queue::QueueConfig;

fn queue() -> Queue {
    let config = QueueConfig {
        capacity: NonZeroUsize::MIN,
        max_receive_count: None,
        dead_letter_capacity: NonZeroUsize::MIN,
    };
    Queue::new(config, || 0)
}

#[tokio::test]
async fn a_message_that_is_sent_is_in_the_queue() {
    let queue = queue();
    let body = r#"{"QueueUrl":"http://q","MessageBody":"hello"}"#;
    let (status, _) = sqs(&queue, "SendMessage", body.as_bytes());
    assert_eq!(status, StatusCode::OK);
    let received = queue.receive(1, Duration::ZERO, Duration::ZERO).await.unwrap();
    assert_eq!(received[0].body, "hello");
}

#[tokio::test]
async fn a_delay_is_kept() {
    let queue = queue();
    let body = r#"{"QueueUrl":"http://q","MessageBody":"hello","DelaySeconds":900}"#;
    assert_eq!(sqs(&queue, "SendMessage", body.as_bytes()).0, StatusCode::OK);
    assert_eq!((queue.depth().delayed, queue.depth().visible), (1, 0));
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_as_aws_does() {
    for (operation, body, expected) in [
        ("ReceiveMessage", "{}", "UnsupportedOperation"),
        ("SendMessage", "{", "SerializationException"),
        ("SendMessage", r#"{"QueueUrl":"q","MessageBody":""}"#, "InvalidMessageContents"),
        ("SendMessage", r#"{"QueueUrl":"q","MessageBody":"a","New":1}"#, "SerializationException"),
    ] {
        let (status, answer) = sqs(&queue(), operation, body.as_bytes());
        assert_eq!(status, StatusCode::BAD_REQUEST, "{operation} {body}");
        assert!(answer.contains(expected), "{operation} {body}: {answer}");
    }
}

#[test]
fn what_is_not_for_sqs_goes_to_the_database() {
    let database = EmbeddedDynamoDb::memory().unwrap();
    let (status, body) = dynamodb(&database, "DynamoDB_20120810.ListTables", b"{}");
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"TableNames":[]}"#));
}
