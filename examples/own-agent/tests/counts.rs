//! The agent, in a deployment in small. Nothing waits in real time.

use a2a_lambda::testing::{Bed, at_every_crash, made_of};
use own_agent::agents;

/// A bed for the agent that this value of `UNIT` makes.
async fn bed(unit: &str) -> Result<Bed, String> {
    Ok(Bed::of(made_of(agents, &[("UNIT", unit)]).await?).build())
}

#[tokio::test]
async fn each_line_is_counted() -> Result<(), String> {
    let task = bed("words").await?.send("never lose\na task").await.completed();
    assert_eq!(task.artifact_text("count"), "2 words\n2 words\nThat is all.");
    let task = bed("letters").await?.send("a b").await.completed();
    assert_eq!(task.artifact_text("count"), "2 letters\nThat is all.");
    Ok(())
}

#[tokio::test]
async fn without_a_text_it_asks_for_one() -> Result<(), String> {
    let bed = bed("words").await?;
    let task = bed.send(" ").await.input_required().saying("Which text shall I count?");
    bed.answer(&task, "now").await.completed().with_artifact("count", "1 words\nThat is all.");
    Ok(())
}

/// Its process dies at each step, and the task ends with the same answer.
#[tokio::test]
async fn a_crash_changes_nothing() -> Result<(), String> {
    let agents = made_of(agents, &[]).await?;
    let crashes = at_every_crash(
        || Bed::of(agents.clone()).build(),
        async |bed| {
            let task = bed.send("never lose\na task").await.completed();
            assert_eq!(task.artifact_text("count"), "2 words\n2 words\nThat is all.");
        },
    );
    assert!(crashes.await > 0);
    Ok(())
}
