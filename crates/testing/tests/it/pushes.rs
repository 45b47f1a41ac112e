//! Pushes, and receivers that do not take them.

use std::time::Duration;

use a2a_lambda_testing::{Bed, Input, Manner};

use crate::agents::{Told, complaint, secs};

const URL: &str = "https://receiver.example/hook";

#[tokio::test]
async fn updates_are_pushed_while_the_agent_works() {
    let bed = Bed::new(Told);
    bed.send(Input::from("hi").pushing_to(URL)).await.completed();
    let told = [
        "task SUBMITTED",
        "status WORKING",
        "status WORKING",
        "artifact \"hi done\"",
        "artifact \"\"",
        "status COMPLETED",
    ];
    bed.assert_pushed(URL, &told);
}

#[tokio::test]
async fn a_receiver_that_is_down_is_told_when_it_is_up_again() {
    let bed = Bed::new(Told);
    let task = bed.send("ask").await.input_required();
    bed.push_to(&task, URL).await;
    bed.receivers().set(URL, Manner::Down);
    bed.answer(&task, "this").await.completed();
    bed.advance(Duration::from_mins(30)).await;
    bed.assert_pushed(URL, &[]);
    let tried = bed.receivers().arrived(URL).len();
    assert!(tried > 3, "{tried}");

    bed.receivers().set(URL, Manner::Answers(200));
    bed.advance(Duration::from_hours(4)).await;
    let taken = bed.receivers().told(URL);
    assert_eq!(taken.last().unwrap(), "status COMPLETED");
}

#[tokio::test]
async fn a_push_that_was_not_made_is_complained_of() {
    let bed = Bed::new(Told);
    bed.send(Input::from("reject").pushing_to(URL)).await.rejected();
    let said = complaint(|| bed.assert_pushed(URL, &["task SUBMITTED"]));
    assert!(
        said.contains("has taken [\"task SUBMITTED\", \"status WORKING\", \"status REJECTED\"]"),
        "{said}"
    );
    assert!(bed.passed() < secs(60));
}
