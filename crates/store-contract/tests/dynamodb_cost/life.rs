//! The cost of whole tasks: a request, a runner, and a store whose requests are counted.

use std::time::Duration;

use a2a_lambda_core::End;
use a2a_lambda_protocol::{Artifact, Part, TaskPushNotificationConfig};
use a2a_lambda_testing::{Arrived, Scripted, pushing, script, user};

use super::meter::Written;
use super::stage::Stage;

/// Shows this many artifacts, and waits before each.
fn artifacts(times: usize, pause: Duration) -> Scripted {
    script!(|turn, _| {
        for _ in 0..times {
            turn.sleep(pause).await;
            turn.artifact(Artifact::new(turn.artifact_id(), [Part::text("it")])).await?;
        }
        Ok(End::Completed("done".into()))
    })
}

/// Shows one artifact, in chunks of this many bytes.
fn paced_chunks(bytes: usize) -> Scripted {
    script!(|turn, _| {
        let mut chunks = turn.chunked("chunks");
        for _ in 0..100 {
            turn.sleep(Duration::from_millis(50)).await;
            chunks.push([Part::text("x".repeat(bytes))]).await?;
        }
        Ok(End::Completed("done".into()))
    })
}

/// The result of a task.
struct Life {
    requests: Vec<&'static str>,
    read: f64,
    written: Written,
    told: Vec<String>,
}

impl Life {
    fn units(&self) -> f64 {
        self.written.table + self.written.list + self.written.context + self.written.due
    }
}

/// The life of a task to its end. Its sender does not wait.
async fn life(agent: Scripted, push: bool) -> Life {
    let stage = Stage::of(agent).await;
    let config = push.then(|| TaskPushNotificationConfig::of("", "https://hook.test/"));
    stage.send(pushing(user("hello"), config)).await;
    stage.attend_signaled().await;
    let told = stage.doubles.receivers.all().iter().map(Arrived::told).collect();
    let (requests, read, written) = stage.meter.take_both();
    Life { requests, read, written, told }
}

#[tokio::test(start_paused = true)]
async fn a_task_without_a_config_takes_eight_units() {
    let life = life(artifacts(1, Duration::from_millis(5)), false).await;
    assert_eq!(life.requests, ["PutItem", "GetItem", "UpdateItem", "UpdateItem"]);
    assert_eq!((life.units(), life.read), (8.0, 0.5), "{:?}", life.written);
}

/// A longer turn is moved in lists by a commit of its own. The runner also looks whether it was
/// canceled.
#[tokio::test(start_paused = true)]
async fn a_turn_of_more_than_a_second_takes_three_units_more() {
    let life = life(artifacts(1, Duration::from_secs(2)), false).await;
    let requests = ["PutItem", "GetItem", "UpdateItem", "UpdateItem", "GetItem", "UpdateItem"];
    assert_eq!(life.requests, requests);
    assert_eq!((life.units(), life.read), (11.0, 1.5), "{:?}", life.written);
}

/// The settlement of the only delivery implies the cursor, so that no write of its own is needed.
#[tokio::test(start_paused = true)]
async fn a_task_with_a_config_takes_ten_units_and_seven_requests() {
    let life = life(artifacts(1, Duration::from_millis(5)), true).await;
    assert_eq!(
        life.told,
        ["task SUBMITTED", "status WORKING", "artifact \"it\"", "status COMPLETED"]
    );
    let requests =
        ["PutItem", "PutItem", "GetItem", "UpdateItem", "GetItem", "UpdateItem", "UpdateItem"];
    assert_eq!(life.requests, requests);
    assert_eq!((life.units(), life.read), (10.0, 1.5), "{:?}", life.written);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_is_written_every_eight_pushes() {
    let life = life(artifacts(14, Duration::from_secs(1)), true).await;
    assert_eq!(life.told.len(), 17);
    let puts = life.requests.iter().filter(|name| **name == "PutItem").count();
    assert_eq!(puts, 1 + 1 + 2, "{:?}", life.requests);
}

/// Updates within 150 ms share a commit, and no commit pays for earlier entries again.
#[tokio::test(start_paused = true)]
async fn a_hundred_paced_chunks_take_at_most_two_units_each() {
    for (bytes, most) in [(1_024, 200.0), (100, 120.0)] {
        let life = life(paced_chunks(bytes), false).await;
        let commits = life.requests.iter().filter(|name| **name == "UpdateItem").count();
        assert!((30..50).contains(&commits), "{commits} commits");
        assert!(life.units() <= most, "{} units for chunks of {bytes} bytes", life.units());
        // The runner reads the head at the claim, and every 1.5 s: the task may have been canceled.
        assert!(life.read <= 4.0, "{} read units", life.read);
    }
}
