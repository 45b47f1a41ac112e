//! The work on a task, as operators and owners see it.

use a2a_lambda_core::attempts::AttemptRecord;
use a2a_lambda_core::operations::callbacks::{Callbacks, Said};
use a2a_lambda_core::operator::{OperateError, Operator};
use a2a_lambda_core::policy::Retries;
use a2a_lambda_core::{End, Failure, StepError, StepWork, TaskWork};
use a2a_lambda_protocol::{ErrorKind, Json};
use a2a_lambda_testing::caller;

use crate::support::{World, script, secs};

fn told(work: &TaskWork) -> (Vec<String>, Vec<String>) {
    let attempt = |of: &AttemptRecord| {
        let outcome = of.end.map_or("under way", |end| end.outcome.name());
        format!("{}.{} {outcome} {}", of.turn, of.attempt, of.runner)
    };
    let step = |of: &StepWork| {
        let took = of.took.map_or("-".to_owned(), |took| took.as_secs().to_string());
        format!("{} {} {} {took} s {} bytes", of.name, of.tries, of.outcome, of.bytes)
    };
    let steps = work.scope.iter().flat_map(|scope| &scope.steps);
    (work.attempts.records().iter().map(attempt).collect(), steps.map(step).collect())
}

/// A task that dies once, plans, fails to charge, and asks for an approval.
fn world() -> World {
    let agent = script!(|turn, diary| {
        let plan = turn.step("plan").run(async |_| {
            turn.sleep(secs(7)).await;
            Ok("hush-plan".to_owned())
        });
        plan.await?;
        let retries = Retries { max_attempts: 2, first: secs(1), most: secs(1) };
        let charge = turn.step("charge").with("hush-card").once().retries(retries);
        let charged: Result<(), _> =
            charge.run(async |_| Err(Failure::retryable("hush-reason"))).await;
        assert!(matches!(charged, Err(StepError::Failed { .. })), "{charged:?}");
        let approval = turn.callback("approve", secs(600)).await?;
        diary.note(approval.token());
        approval.result::<String>().await?;
        Ok(End::completed())
    });
    World::under(|policy| {
        policy.callback_url = Some("https://hook.test/callbacks".to_owned());
    })
    .with(agent)
}

#[tokio::test(start_paused = true)]
async fn the_work_on_a_task_is_shown_without_what_is_in_it() {
    let world = world();
    let key = world.submit("hello").await;
    let operator = Operator::new(world.healthy());
    let work = operator.work(&key).await.unwrap();
    assert_eq!((told(&work), work.scope), ((vec![], vec![]), None));

    assert!(!world.attend_killed_after(&key, secs(3)).await);
    let (attempts, steps) = told(&operator.work(&key).await.unwrap());
    assert_eq!((attempts, steps), (vec!["1.1 under way double".to_owned()], vec![]));

    tokio::time::sleep(secs(60)).await;
    world.attend(&key).await;
    let work = operator.work(&key).await.unwrap();
    let (attempts, steps) = told(&work);
    assert_eq!(attempts, ["1.1 died double", "1.2 suspended double"]);
    let expected = [
        "plan 1 done 7 s 11 bytes",
        "charge 2 failed 1 s 11 bytes",
        "approve 1 waiting - s 0 bytes",
    ];
    assert_eq!(steps, expected);
    assert_eq!(work.scope.as_ref().map(|scope| (scope.number, scope.is_open)), Some((0, true)));
    assert_eq!(world.operations().work(&World::alice(), key.task.as_str()).await.unwrap(), work);
    let token = world.diary.read().pop().unwrap();
    let shown = format!("{work:?}");
    assert!(!shown.contains("hush") && !shown.contains(&token), "{shown}");

    tokio::time::sleep(secs(40)).await;
    let yes = Said::Result(Json::from_value("yes").unwrap());
    Callbacks::new(world.healthy()).answer(&token, &yes).await.unwrap();
    world.settle(&key).await;
    let work = operator.work(&key).await.unwrap();
    let (attempts, steps) = told(&work);
    assert_eq!(attempts[2..], ["2.1 settled double"]);
    assert_eq!(steps[2], "approve 1 answered 40 s 5 bytes");
    assert!(!work.scope.unwrap().is_open, "it is over, and still shown");
}

#[tokio::test(start_paused = true)]
async fn another_s_task_has_no_work_to_show() {
    let world = world();
    let key = world.submit("hello").await;
    for (owner, id) in [("bob", key.task.as_str()), ("alice", "unknown"), ("alice", "")] {
        let error = world.operations().work(&caller("", owner), id).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TaskNotFound, "{owner} {id}");
    }
    let unknown = Operator::new(world.healthy()).work(&World::key("unknown")).await;
    assert!(matches!(unknown, Err(OperateError::NoSuchTask)), "{unknown:?}");
}
