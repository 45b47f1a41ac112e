use std::collections::BTreeSet;
use std::path::Path;

use http::StatusCode;
use http_body_util::BodyExt;

use super::*;

/// Far more than is needed.
const DEADLINE: Duration = Duration::from_mins(1);

fn function() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/processes/function.sh")
}

fn processes(most: usize) -> Processes {
    Processes::at_most(most, function(), vec![("SOME".to_owned(), "variable".to_owned())]).unwrap()
}

/// The process that answers.
async fn pid(processes: &Processes) -> Bytes {
    processes.invoke(r#""pid""#, DEADLINE).await.unwrap()
}

/// The streaming process, which continues while the test holds the stream.
async fn hold(processes: &Processes) -> (Bytes, ResponseBody) {
    let response = processes.stream(r#""hold""#, DEADLINE).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    (first, body)
}

async fn status(processes: &Processes, event: &str) -> StatusCode {
    processes.stream(event, DEADLINE).await.status()
}

#[tokio::test]
async fn a_process_that_has_answered_serves_the_next_event() {
    let processes = processes(8);
    let first = pid(&processes).await;
    assert_eq!(pid(&processes).await, first);
    // An error that it reports is an answer of a kind.
    assert_eq!(processes.invoke(r#""report""#, DEADLINE).await, None);
    assert_eq!(status(&processes, r#""report""#).await, StatusCode::BAD_GATEWAY);
    assert_eq!(pid(&processes).await, first);
}

#[tokio::test]
async fn another_process_is_started_when_all_are_busy() {
    let processes = processes(8);
    let (first, _held) = hold(&processes).await;
    let (second, _held_too) = hold(&processes).await;
    let third = pid(&processes).await;
    let fourth = pid(&processes).await;
    assert_eq!(third, fourth, "it was free");
    assert_eq!(BTreeSet::from([first, second, third]).len(), 3);
}

#[tokio::test]
async fn events_at_once_have_processes_of_their_own_up_to_the_limit() {
    let processes = processes(3);
    let answers = (0..9).map(|_| pid(&processes));
    let answers = futures_util::future::join_all(answers).await;
    let different: BTreeSet<_> = answers.into_iter().collect();
    assert!((1..=3).contains(&different.len()), "{different:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_process_busy() {
    let processes = processes(8);
    let (held, body) = hold(&processes).await;
    drop(body);
    assert_ne!(pid(&processes).await, held);
}

#[tokio::test]
async fn a_process_that_dies_before_it_answers_is_noticed_and_replaced() {
    let processes = processes(1);
    let first = pid(&processes).await;
    assert_eq!(processes.invoke(r#""die""#, DEADLINE).await, None);
    assert_eq!(status(&processes, r#""die""#).await, StatusCode::BAD_GATEWAY);
    assert_ne!(pid(&processes).await, first);
}

#[tokio::test]
async fn a_free_process_that_has_died_is_given_no_event() {
    let processes = processes(1);
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let pid = processes.invoke(r#""pid and die""#, DEADLINE).await.unwrap();
        assert!(seen.insert(pid), "each is another process");
    }
}

#[tokio::test]
async fn a_process_that_is_killed_amid_its_answer_is_replaced() {
    let processes = processes(1);
    let response = processes.stream(r#""break""#, DEADLINE).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let mut came = Vec::new();
    let error = loop {
        match body.frame().await.expect("no end that looks like one") {
            Ok(frame) => came.extend(frame.into_data().unwrap()),
            Err(error) => break error,
        }
    };
    assert_eq!(came, b"half");
    assert_eq!(error.to_string(), "the function did not complete its answer");
    pid(&processes).await;
}

#[tokio::test]
async fn a_process_that_is_too_slow_is_ended_and_replaced() {
    let processes = processes(1);
    // It is made known to be up before its time is counted.
    let first = pid(&processes).await;
    assert_eq!(processes.invoke(r#""hold""#, Duration::from_millis(20)).await, None);
    assert_ne!(pid(&processes).await, first);
}

#[tokio::test]
async fn a_head_may_come_in_pieces() {
    let response = processes(1).stream(r#""divided""#, DEADLINE).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello");
}

#[tokio::test]
async fn a_head_that_is_none_is_a_bad_gateway_and_the_process_serves_on() {
    let processes = processes(1);
    let first = pid(&processes).await;
    assert_eq!(status(&processes, r#""garbage""#).await, StatusCode::BAD_GATEWAY);
    assert_eq!(pid(&processes).await, first);
    // An answer that is not streamed has no head, either.
    assert_eq!(status(&processes, r#""pid""#).await, StatusCode::BAD_GATEWAY);
    assert_eq!(pid(&processes).await, first);
}

#[tokio::test]
async fn a_process_that_cannot_start_is_not_waited_for() {
    let variables = vec![("FAIL".to_owned(), "yes".to_owned())];
    let processes = Processes::at_most(1, function(), variables).unwrap();
    for _ in 0..2 {
        assert_eq!(processes.invoke(r#""pid""#, DEADLINE).await, None);
        assert_eq!(status(&processes, r#""pid""#).await, StatusCode::BAD_GATEWAY);
    }
}

#[test]
fn an_executable_that_is_not_there_is_named() {
    let error = Processes::of(PathBuf::from("/nowhere/request"), Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "there is no executable /nowhere/request");
}
