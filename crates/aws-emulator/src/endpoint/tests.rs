use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use serde_json::{Value, json};

use super::sqs::answer as sqs;
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
    let body = r#"{"QueueUrl":"http://q","MessageBody":"hello","MessageGroupId":"g"}"#;
    let (status, _) = sqs(&queue, "SendMessage", body.as_bytes());
    assert_eq!(status, StatusCode::OK);
    let received = queue.receive(1, Duration::ZERO, Duration::ZERO).await.unwrap();
    assert_eq!(received[0].body, "hello");
}

#[tokio::test]
async fn a_delay_is_kept() {
    let queue = queue();
    let body =
        r#"{"QueueUrl":"http://q","MessageBody":"hello","DelaySeconds":900,"MessageGroupId":"g"}"#;
    assert_eq!(sqs(&queue, "SendMessage", body.as_bytes()).0, StatusCode::OK);
    assert_eq!((queue.depth().delayed, queue.depth().visible), (1, 0));
}

#[tokio::test]
async fn invalid_requests_are_refused_as_by_aws() {
    for (operation, body, expected) in [
        ("ListQueues", "{}", "UnsupportedOperation"),
        ("ReceiveMessage", "{}", "SerializationException"),
        ("ReceiveMessage", r#"{"QueueUrl":"http://q/signals"}"#, "UnsupportedOperation"),
        (
            "ChangeMessageVisibilityBatch",
            r#"{"QueueUrl":"http://q/signals-dead","Entries":[]}"#,
            "UnsupportedOperation",
        ),
        ("SendMessage", "{", "SerializationException"),
        (
            "SendMessage",
            r#"{"QueueUrl":"q","MessageBody":"","MessageGroupId":"g"}"#,
            "InvalidMessageContents",
        ),
        ("SendMessage", r#"{"QueueUrl":"q","MessageBody":"a","New":1}"#, "unknown field"),
        ("SendMessage", r#"{"QueueUrl":"q","MessageBody":"a"}"#, "MessageGroupId"),
        (
            "SendMessage",
            r#"{"QueueUrl":"q","MessageBody":"a","MessageGroupId":""}"#,
            "MessageGroupId",
        ),
    ] {
        let (status, answer) = sqs(&queue(), operation, body.as_bytes());
        assert_eq!(status, StatusCode::BAD_REQUEST, "{operation} {body}");
        assert!(answer.contains(expected), "{operation} {body}: {answer}");
    }
}

#[tokio::test]
async fn dead_letters_are_received_and_deleted() {
    let two = NonZeroUsize::new(2).unwrap();
    let config = QueueConfig {
        capacity: two,
        max_receive_count: Some(NonZeroU32::MIN),
        dead_letter_capacity: two,
    };
    let queue = Queue::new(config, || 0);
    let asked = |operation: &str, body: Value| -> Value {
        let (status, answer) = sqs(&queue, operation, body.to_string().as_bytes());
        assert_eq!(status, StatusCode::OK, "{operation}: {answer}");
        serde_json::from_str(&answer).unwrap()
    };
    let entry =
        |id: &str, body: &str| json!({ "Id": id, "MessageBody": body, "MessageGroupId": "g" });
    let entries = [entry("0", "one"), entry("1", "two"), entry("2", "too much")];
    let sent = asked("SendMessageBatch", json!({ "QueueUrl": "http://q", "Entries": entries }));
    assert_eq!(sent["Successful"].as_array().unwrap().len(), 2);
    assert_eq!(sent["Failed"][0]["Id"], "2");
    for _ in 0..2 {
        queue.receive(2, Duration::ZERO, Duration::ZERO).await.unwrap();
    }

    let dead = "http://q/000000000000/signals-dead";
    let request = json!({ "QueueUrl": dead, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1 });
    let received = asked("ReceiveMessage", request.clone());
    let [one, two] = received["Messages"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&one["Body"], &two["Body"]), (&json!("one"), &json!("two")));
    assert_eq!(asked("ReceiveMessage", request)["Messages"], json!([]), "they are hidden");
    let entries = [
        json!({ "Id": "0", "ReceiptHandle": one["ReceiptHandle"] }),
        json!({ "Id": "1", "ReceiptHandle": "nonsense" }),
    ];
    let deleted = asked("DeleteMessageBatch", json!({ "QueueUrl": dead, "Entries": entries }));
    assert_eq!(deleted["Successful"], json!([{ "Id": "0" }]));
    assert_eq!(deleted["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    assert_eq!(queue.dead_letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn records_are_hidden_for_another_time_and_deleted() {
    let queue = queue();
    let asked = |operation: &str, entry: Value| -> Value {
        let bad = json!({ "Id": "bad", "ReceiptHandle": "nonsense", "VisibilityTimeout": 7 });
        let mut entries = vec![entry, bad];
        if operation == "DeleteMessageBatch" {
            entries[1].as_object_mut().unwrap().remove("VisibilityTimeout");
        }
        let body = json!({ "QueueUrl": "http://q/signals", "Entries": entries });
        let (status, answer) = sqs(&queue, operation, body.to_string().as_bytes());
        assert_eq!(status, StatusCode::OK, "{operation}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let failed = answer["Failed"].as_array().and_then(|failed| failed.last());
        assert_eq!(failed.unwrap()["Code"], "ReceiptHandleIsInvalid");
        answer
    };
    queue.send("hello".to_owned(), Duration::ZERO).unwrap();
    let hour = Duration::from_hours(1);
    let receipt = queue.receive(1, hour, Duration::ZERO).await.unwrap()[0].receipt_handle;
    let hide = json!({ "Id": "0", "ReceiptHandle": receipt.to_string(), "VisibilityTimeout": 7 });
    let hidden = asked("ChangeMessageVisibilityBatch", hide.clone());
    assert_eq!(hidden["Successful"], json!([{ "Id": "0" }]));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(queue.receive(1, hour, Duration::ZERO).await.unwrap().is_empty());
    tokio::time::advance(Duration::from_secs(1)).await;
    let again = &queue.receive(1, hour, Duration::ZERO).await.unwrap()[0];
    assert_eq!(again.receive_count, 2);

    let stale = asked("ChangeMessageVisibilityBatch", hide);
    assert_eq!(stale["Failed"].as_array().unwrap().len(), 2, "{stale}");
    let delete = json!({ "Id": "0", "ReceiptHandle": again.receipt_handle.to_string() });
    assert_eq!(asked("DeleteMessageBatch", delete)["Successful"], json!([{ "Id": "0" }]));
    assert_eq!(queue.depth().in_flight, 0);
}

#[tokio::test]
async fn other_requests_than_sqs_s_go_to_the_database() {
    let database = EmbeddedDynamoDb::memory().unwrap();
    let (status, body) = dynamodb(&database, "DynamoDB_20120810.ListTables", b"{}").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"TableNames":[]}"#));
}

#[test]
fn a_function_has_its_rights_and_others_have_all() {
    let rights = Rights::new().unwrap();
    let refused = |caller: &str, target: &str, body: &str| {
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential={caller}/20260101/us-east-1/a/aws4_request, SignedHeaders=a"
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::try_from(signed).unwrap());
        rights.refusal(&headers, target, body.as_bytes())
    };
    let query = "DynamoDB_20120810.Query";
    let due = r#"{"TableName":"tasks","IndexName":"due"}"#;
    assert_eq!(refused("scheduled-recovery", query, due), None);
    assert_eq!(
        refused("request", query, due).unwrap(),
        "request has no right to dynamodb:Query on table/index/due: see infra/tests/calls.json"
    );
    assert_eq!(refused("operator", query, due), None);
    assert_eq!(rights.refusal(&HeaderMap::new(), query, due.as_bytes()), None);

    for (target, body, expected) in [
        ("AmazonSQS.DeleteMessageBatch", r#"{"QueueUrl":"http://q/signals"}"#, true),
        ("AmazonSQS.DeleteMessageBatch", r#"{"QueueUrl":"http://q/signals-dead"}"#, false),
        ("AmazonSQS.DeleteMessageBatch", "{}", false),
        ("AmazonSQS.PurgeQueue", r#"{"QueueUrl":"http://q/signals"}"#, false),
        ("DynamoDB_20120810.PutItem", r#"{"TableName":"tasks"}"#, true),
        ("DynamoDB_20120810.TransactWriteItems", "{}", false),
        ("DynamoDB_20120810.DeleteItem", r#"{"TableName":"tasks"}"#, false),
        ("PutItem", r#"{"TableName":"tasks"}"#, false),
        ("", "", false),
    ] {
        assert_eq!(refused("sqs-executor", target, body).is_none(), expected, "{target} {body}");
    }
}

#[tokio::test]
async fn a_function_without_the_right_is_refused() {
    let database = EmbeddedDynamoDb::memory().unwrap();
    let endpoint = Endpoint::start(database, Arc::new(queue())).await.unwrap();
    let stream = tokio::net::TcpStream::connect(endpoint.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    for (caller, expected) in [("request", StatusCode::BAD_REQUEST), ("operator", StatusCode::OK)] {
        let request = Request::post("/")
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("AWS4-HMAC-SHA256 Credential={caller}/x"))
            .header(TARGET, "DynamoDB_20120810.ListTables");
        let request = request.body(Full::new(Bytes::from("{}"))).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), expected, "{caller}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let is_denied = String::from_utf8_lossy(&body).contains("AccessDeniedException");
        assert_eq!(is_denied, caller == "request", "{body:?}");
    }
}
