//! The agent in a deployment in small. Days go by, and the tests take no time.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda::testing::{Bed, TaskView, at_every_crash};
use a2a_lambda_example_human_in_the_loop::{Approval, Ledger, PATIENCE};
use serde::Serialize;

const RECEIVER: &str = "https://hooks.example.com/a2a";
const HOUR: Duration = Duration::from_hours(1);

fn bed() -> (Bed, Arc<Ledger>) {
    let ledger = Arc::<Ledger>::default();
    (Bed::new(Approval { ledger: ledger.clone() }), ledger)
}

/// The question that the agent has asked last, and the link.
fn asked(task: &TaskView) -> (String, String) {
    let said = task.said();
    let (question, link) = said.rsplit_once(' ').unwrap_or_default();
    (question.to_owned(), link.to_owned())
}

/// The form that the page behind the link sends.
#[derive(Serialize)]
struct Form {
    decision: &'static str,
    comment: &'static str,
}

async fn decide(bed: &Bed, task: &TaskView, decision: &'static str) -> TaskView {
    bed.answer_callback(&asked(task).1, &Form { decision, comment: "" }).await;
    bed.settle(task).await
}

#[tokio::test]
async fn it_asks_and_goes_on_with_the_answer() {
    let (bed, ledger) = bed();
    for decision in ["approve", "decline"] {
        let task = bed.send("12 EUR").await.working();
        assert_eq!(asked(&task).0, "Shall I pay 12 EUR?");
        bed.advance(PATIENCE / 2).await;
        let task = decide(&bed, &task, decision).await;
        assert_eq!(ledger.paid(), ["12 EUR"]);
        if decision == "approve" {
            task.completed().with_artifact("receipt", "Paid: 12 EUR");
        } else {
            task.rejected().saying("It is not approved, so it is not paid.");
        }
    }
    let task = bed.send(" ").await.input_required().saying("What shall I pay?");
    let task = bed.answer(&task, "99 EUR").await.working();
    assert_eq!(asked(&task).0, "Shall I pay 99 EUR?");
}

#[tokio::test]
async fn a_silent_approver_is_reminded_and_may_still_answer() {
    let (bed, ledger) = bed();
    let task = bed.send("12 EUR").await.working();
    bed.push_to(&task, RECEIVER).await;
    bed.advance(HOUR * 25).await;
    let task = bed.read(&task).await.working();
    assert_eq!(asked(&task).0, "Still open: shall I pay 12 EUR?");
    // The reminder reaches who does not look.
    bed.assert_pushed(RECEIVER, &["task WORKING", "status WORKING"]);
    decide(&bed, &task, "approve").await.completed();
    assert_eq!(ledger.paid(), ["12 EUR"]);
}

#[tokio::test]
async fn it_gives_up_after_the_last_reminder() {
    let (bed, ledger) = bed();
    let task = bed.send("12 EUR").await.working();
    bed.advance(PATIENCE * 4).await;
    let task = bed.read(&task).await.rejected();
    assert_eq!(task.said(), "Nobody has approved it, so it is not paid.");
    let reminders = task.history().iter().filter(|line| line.contains("Still open")).count();
    assert_eq!(reminders, 2, "{task}");
    assert_eq!(ledger.paid(), [""; 0]);
}

/// A process dies at each step, and the approved payment happens once.
#[tokio::test]
async fn a_crash_pays_nothing_twice() {
    let ledger = Arc::<Ledger>::default();
    let crashes = at_every_crash(
        || Bed::new(Approval { ledger: ledger.clone() }),
        async |bed| {
            let before = ledger.paid().len();
            let task = bed.send("12 EUR").await.working();
            let task = decide(&bed, &task, "approve").await;
            task.completed().with_artifact("receipt", "Paid: 12 EUR");
            assert!(ledger.paid().len() <= before + 1, "{:?}", ledger.paid());
        },
    );
    assert!(crashes.await >= 12, "claims, records and ends of two turns, before and after");
}
