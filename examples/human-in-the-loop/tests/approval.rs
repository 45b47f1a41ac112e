//! The agent in a deployment in small. Days go by, and the tests take no time.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda::testing::{Bed, at_every_crash};
use a2a_lambda_example_human_in_the_loop::{Approval, Ledger, PATIENCE};

const RECEIVER: &str = "https://hooks.example.com/a2a";
const HOUR: Duration = Duration::from_hours(1);

fn bed() -> (Bed, Arc<Ledger>) {
    let ledger = Arc::<Ledger>::default();
    (Bed::new(Approval { ledger: ledger.clone() }), ledger)
}

#[tokio::test]
async fn it_asks_and_goes_on_with_the_answer() {
    let (bed, ledger) = bed();
    let task = bed.send("12 EUR").await.input_required().saying("Shall I pay 12 EUR? yes or no");
    bed.advance(PATIENCE / 2).await;
    let task = bed.answer(&task, "perhaps").await.input_required();
    assert_eq!(task.said(), "yes or no? It is about 12 EUR");
    assert_eq!(ledger.paid(), [""; 0]);
    bed.answer(&task, "Yes").await.completed().with_artifact("receipt", "Paid: 12 EUR");
    assert_eq!(ledger.paid(), ["12 EUR"]);

    let task = bed.send(" ").await.input_required().saying("What shall I pay?");
    let task = bed.answer(&task, "99 EUR").await.input_required();
    bed.answer(&task, "no").await.rejected();
    assert_eq!(ledger.paid(), ["12 EUR"]);
}

#[tokio::test]
async fn a_silent_user_is_reminded_and_may_still_answer() {
    let (bed, ledger) = bed();
    let task = bed.send("12 EUR").await.input_required();
    bed.push_to(&task, RECEIVER).await;
    bed.advance(HOUR * 23).await;
    bed.read(&task).await.saying("Shall I pay 12 EUR? yes or no");
    bed.advance(HOUR * 2).await;
    let task = bed.read(&task).await.input_required();
    assert_eq!(task.said(), "Still open: shall I pay 12 EUR? yes or no");
    // The reminder reaches who does not look.
    let told = ["task INPUT_REQUIRED", "status WORKING", "status INPUT_REQUIRED"];
    bed.assert_pushed(RECEIVER, &told);
    let pushes = bed.receivers().arrived(RECEIVER);
    assert!(pushes[2].json().to_string().contains("Still open"), "{pushes:?}");
    bed.answer(&task, "yes").await.completed();
    assert_eq!(ledger.paid(), ["12 EUR"]);
}

#[tokio::test]
async fn it_gives_up_after_the_last_reminder() {
    let (bed, ledger) = bed();
    let task = bed.send("12 EUR").await.input_required();
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
            let task = bed.send("12 EUR").await.input_required();
            bed.answer(&task, "yes").await.completed().with_artifact("receipt", "Paid: 12 EUR");
            assert!(ledger.paid().len() <= before + 1, "{:?}", ledger.paid());
        },
    );
    assert!(crashes.await >= 8, "the claim and the end of two turns, before and after");
}
