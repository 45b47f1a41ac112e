//! Tasks that expire: from their time on they are there for nobody, and not before. What is stored of
//! them goes, and their ids are free.

mod given;

use std::time::Duration;

use a2a_lambda_core::operations::{GetOptions, SendOptions};
use a2a_lambda_core::operator::{Deleted, OperateError, Operator};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{
    Delivered, End, Policy, ProtocolVersion, PushConfig, Registration, Retention, TaskKey,
    TaskStore,
};
use a2a_lambda_protocol::{
    A2aError, Artifact, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    GetTaskPushNotificationConfigRequest, GetTaskRequest, ListTaskPushNotificationConfigsRequest,
    ListTasksRequest, Message, Part, SendMessageRequest, Task, TaskPushNotificationConfig,
    TaskState,
};
use a2a_lambda_testing::{push_config, sending, task_of};

use crate::delivery::{config, url};
use crate::support::{
    Fault, Kind, Manner, Scripted, World, completes, drain, event, history, millis, script, secs,
    subscribe, told_by, user,
};

const KEPT: Duration = secs(1_000);
const WAITS: Duration = secs(2_000);
const PURGED_AFTER: Duration = secs(100);

fn keeping(agent: Scripted) -> World {
    keeping_with(agent, |_| {})
}

fn keeping_with(agent: Scripted, adjust: impl FnOnce(&mut Policy)) -> World {
    World::under(|policy| {
        policy.retention =
            Some(Retention { ended: Some(KEPT), waiting: Some(WAITS), purge_after: PURGED_AFTER });
        adjust(policy);
    })
    .with(agent)
}

/// Asks which one, and completes with an artifact when it is told.
fn asks() -> Scripted {
    script!(|turn, _| {
        if turn.number() == 1 {
            return Ok(End::input_required("which one?"));
        }
        turn.artifact(Artifact::new("out", [Part::text(turn.text())])).await?;
        Ok(End::completed())
    })
}

/// As [`completes`], with more to store than a head has room for.
fn says_much() -> Scripted {
    script!(|turn, _| {
        turn.artifact(Artifact::new("out", [Part::text("x".repeat(10_000))])).await?;
        Ok(End::completed())
    })
}

async fn send(world: &World, message: Message, key: Option<&str>) -> Result<Task, A2aError> {
    let options = SendOptions { idempotency_key: key.map(str::to_owned), ..SendOptions::default() };
    let operations = world.operations();
    Box::pin(operations.send(&World::alice(), sending(message), &options)).await.map(task_of)
}

/// A task that has just ended, of a request under a key.
async fn ended(world: &World) -> TaskKey {
    let key = World::key(&send(world, user("first"), Some("key")).await.unwrap().id);
    world.attend(&key).await;
    world.queue.take_times();
    assert!(world.head(&key).await.is_terminal());
    key
}

/// The answer of each operation on a task.
async fn operations(world: &World, key: &TaskKey) -> Vec<(&'static str, Option<ErrorKind>)> {
    let (ops, alice) = (world.operations(), World::alice());
    let id = || key.task.as_str();
    let get = GetTaskRequest::of(id());
    let cancel = CancelTaskRequest::of(id());
    let follow_up = Message { task_id: id().to_owned(), ..user("more") };
    let list = ListTasksRequest::default();
    let make = TaskPushNotificationConfig { task_id: id().to_owned(), ..config("hook") };
    let read = GetTaskPushNotificationConfigRequest::of(id(), "hook");
    let configs = ListTaskPushNotificationConfigsRequest::of(id());
    let delete = DeleteTaskPushNotificationConfigRequest::of(id(), "hook");
    let listed = ops.list(&alice, &list).await.unwrap();
    assert_eq!(listed.tasks.len(), usize::try_from(listed.total_size).unwrap());
    let is_listed = listed.tasks.iter().any(|task| task.id == key.task.as_str());
    let kind = |error: A2aError| error.kind;
    vec![
        ("list", (!is_listed).then_some(ErrorKind::TaskNotFound)),
        ("get", ops.get(&alice, &get).await.err().map(kind)),
        ("cancel", ops.cancel(&alice, &cancel).await.err().map(kind)),
        ("follow up", send(world, follow_up, None).await.err().map(kind)),
        ("subscribe", subscribe(world, key, Some(1)).await.err().map(kind)),
        (
            "make a config",
            Box::pin(ops.create_push_config(&alice, make, ProtocolVersion::V1_0))
                .await
                .err()
                .map(kind),
        ),
        ("read a config", ops.get_push_config(&alice, &read).await.err().map(kind)),
        ("list configs", ops.list_push_configs(&alice, &configs).await.err().map(kind)),
        ("deliveries", ops.push_deliveries(&alice, key.task.as_str()).await.err().map(kind)),
        ("delete a config", ops.delete_push_config(&alice, &delete).await.err().map(kind)),
    ]
}

async fn assert_gone(world: &World, key: &TaskKey) {
    for (what, error) in operations(world, key).await {
        assert_eq!(error, Some(ErrorKind::TaskNotFound), "{what}");
    }
    let deadline = world.now().saturating_add(secs(60));
    let delivered = Box::pin(a2a_lambda_core::deliver(&world.engine, key, deadline)).await;
    assert_eq!(delivered.unwrap(), Delivered::NoSuchTask);
    assert_eq!(world.attend(key).await, a2a_lambda_core::Attended::NoSuchTask);
}

async fn is_stored(world: &World, key: &TaskKey) -> bool {
    world.memory.read(key, Depth::Tail).await.unwrap().is_some()
}

#[tokio::test(start_paused = true)]
async fn a_task_is_visible_until_it_expires() {
    for agent in [completes(), says_much()] {
        let world = keeping(agent);
        let key = ended(&world).await;
        let over = world.head(&key).await.status_at.saturating_add(KEPT);
        tokio::time::sleep(over.saturating_since(world.now()).saturating_sub(millis(1))).await;
        for (what, error) in operations(&world, &key).await {
            assert_ne!(error, Some(ErrorKind::TaskNotFound), "{what}, a millisecond before");
        }
        // The store has not deleted anything, and nobody has swept.
        tokio::time::sleep(secs(1)).await;
        assert!(is_stored(&world, &key).await);
        assert_gone(&world, &key).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_that_are_not_over_do_not_expire() {
    let world = keeping_with(asks(), |policy| {
        policy.retention = Some(Retention { ended: Some(KEPT), ..Retention::FOREVER });
    });
    let key = world.attended("go").await;
    tokio::time::sleep(KEPT * 10).await;
    world.sweep().await;
    assert_eq!(world.head(&key).await.state(), TaskState::InputRequired);
    world.follow_up(&key, "blue").await;
    world.attend(&key).await;
    assert_eq!(world.head(&key).await.state(), TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn the_sweep_deletes_a_task_s_items_after_its_expiry() {
    let world = keeping(says_much());
    let key = ended(&world).await;
    world.register(&key, "hook").await;
    tokio::time::sleep((KEPT + PURGED_AFTER).saturating_sub(secs(2))).await;
    world.sweep().await;
    assert!(is_stored(&world, &key).await, "somebody's clock may be behind");
    assert_eq!(world.memory.stored_configs(&key).len(), 1);
    tokio::time::sleep(secs(3)).await;
    let swept = world.sweep().await;
    assert_eq!((swept.due, swept.expired, swept.failed), (1, 1, 0), "{swept:?}");
    assert!(!is_stored(&world, &key).await && world.memory.stored_configs(&key).is_empty());
    assert_eq!(world.sweep().await.due, 0);
}

#[tokio::test(start_paused = true)]
async fn a_small_task_is_left_to_the_store() {
    let world = keeping(completes());
    let key = ended(&world).await;
    tokio::time::sleep(KEPT + PURGED_AFTER + secs(1)).await;
    assert_eq!(world.sweep().await.due, 0, "no sweep is needed");
    assert_eq!(world.memory.let_die(world.now()), std::slice::from_ref(&key));
    assert_gone(&world, &key).await;
}

#[tokio::test(start_paused = true)]
async fn a_purge_goes_on_where_it_was_cut() {
    let world = keeping_with(says_much(), |policy| policy.purge_items = 1);
    let key = ended(&world).await;
    for name in ["a", "b", "c"] {
        world.register(&key, name).await;
    }
    tokio::time::sleep(KEPT + PURGED_AFTER + secs(1)).await;
    let mut sweeps = 0;
    while is_stored(&world, &key).await {
        world.sweep().await;
        sweeps += 1;
        assert!(sweeps < 10, "it comes to no end");
    }
    assert!(sweeps >= 3, "{sweeps} sweeps");
    assert!(world.memory.stored_configs(&key).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_is_canceled_when_its_user_never_answers() {
    let world = keeping(asks());
    let key = world.attended_for("hook").await;
    let asked_at = world.head(&key).await.status_at;
    tokio::time::sleep(
        asked_at.saturating_add(WAITS).saturating_since(world.now()).saturating_sub(secs(1)),
    )
    .await;
    assert_eq!(world.sweep().await.lapsed, 0);
    assert_eq!(world.head(&key).await.state(), TaskState::InputRequired);
    let mut tail = subscribe(&world, &key, None).await.unwrap();
    event(&mut tail).await;
    tokio::time::sleep(secs(1)).await;
    let swept = world.sweep().await;
    assert_eq!((swept.due, swept.lapsed, swept.failed), (1, 1, 0), "{swept:?}");
    let text = "canceled: nobody answered for 2000 seconds";
    assert_eq!(history(&world.task(&key).await).last().map(String::as_str), Some("which one?"));
    let message = world.task(&key).await.status.message.unwrap();
    assert_eq!(message.parts[0].as_text(), Some(text));
    assert_eq!(told_by(&drain(&mut tail).await), [format!("4 CANCELED {text}")]);
    // The deliverer that the table's stream wakes tells its receivers.
    world.deliver(&key).await;
    assert_eq!(world.told("hook").last().unwrap(), "status CANCELED");
    // Then it expires as others do.
    tokio::time::sleep(KEPT).await;
    assert_gone(&world, &key).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_begins_the_wait_anew() {
    let world = keeping(script!(|_, _| { Ok(End::input_required("more?")) }));
    let key = world.attended("go").await;
    for _ in 0..3 {
        tokio::time::sleep(WAITS.saturating_sub(secs(10))).await;
        world.sweep().await;
        world.follow_up(&key, "more").await;
        world.attend(&key).await;
        assert_eq!(world.head(&key).await.state(), TaskState::InputRequired);
    }
    tokio::time::sleep(WAITS).await;
    assert_eq!(world.sweep().await.lapsed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_task_has_expired_makes_a_new_task() {
    for agent in [completes(), says_much()] {
        let world = keeping(agent);
        let key = ended(&world).await;
        let again = send(&world, user("first"), Some("key")).await.unwrap();
        assert_eq!(
            (again.id.as_str(), again.status.state),
            (key.task.as_str(), TaskState::Completed)
        );
        tokio::time::sleep(KEPT + secs(1)).await;
        // Another message: of the earlier request nothing is remembered.
        let new = send(&world, user("second"), Some("key")).await.unwrap();
        assert_eq!((new.id.as_str(), new.status.state), (key.task.as_str(), TaskState::Submitted));
        assert_eq!(history(&new), ["second"]);
        let repeated = send(&world, user("second"), Some("key")).await.unwrap();
        assert_eq!((&repeated.id, history(&repeated)), (&new.id, history(&new)));
        world.attend(&key).await;
        let task = world.task(&key).await;
        assert_eq!(
            (task.status.state, history(&task)),
            (TaskState::Completed, vec!["second".to_owned()])
        );
        // The sweep of the earlier task leaves the later one alone.
        tokio::time::sleep(PURGED_AFTER).await;
        world.sweep().await;
        assert_eq!(world.task(&key).await, task);
    }
}

/// An agent's requests for the later task do not repeat those of the earlier one.
#[tokio::test(start_paused = true)]
async fn a_new_task_of_the_id_has_other_idempotency_keys() {
    let world = keeping(script!(|turn, diary| {
        let note = async |step: a2a_lambda_core::StepRun| {
            diary.note(step.idempotency_key());
            Ok(())
        };
        turn.step("pay").run(note).await?;
        Ok(End::Completed("done".into()))
    }));
    let key = ended(&world).await;
    tokio::time::sleep(KEPT + secs(1)).await;
    send(&world, user("second"), Some("key")).await.unwrap();
    world.attend(&key).await;
    let keys = world.diary.read();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
    assert!(keys.iter().all(|of| of.starts_with(key.task.as_str())), "{keys:?}");
}

/// The runner of its request begins with the task as the store has it.
#[tokio::test(start_paused = true)]
async fn a_new_task_of_the_id_that_runs_at_once_knows_of_the_earlier_ones_items() {
    let world = keeping(says_much());
    let key = ended(&world).await;
    tokio::time::sleep(KEPT + secs(1)).await;
    let options = SendOptions { idempotency_key: Some("key".to_owned()), ..SendOptions::default() };
    let (ops, alice) = (world.operations().inline(world.agents().clone()), World::alice());
    let request = SendMessageRequest { configuration: None, ..sending(user("second")) };
    let sent = ops.send(&alice, request, &options);
    let new = task_of(Box::pin(sent).await.unwrap());
    assert_eq!((new.id.as_str(), new.status.state), (key.task.as_str(), TaskState::Completed));
    assert!(world.head(&key).await.has_leftovers, "somebody must delete them");
}

#[tokio::test(start_paused = true)]
async fn of_requests_at_once_for_an_expired_task_one_makes_the_new_one() {
    let world = keeping(completes());
    let key = ended(&world).await;
    tokio::time::sleep(KEPT + secs(1)).await;
    let send = || send(&world, user("second"), Some("key"));
    let (a, b, c) = tokio::join!(send(), send(), send());
    for task in [a, b, c] {
        let task = task.unwrap();
        assert_eq!(
            (task.id.as_str(), history(&task)),
            (key.task.as_str(), vec!["second".to_owned()])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_task_of_the_id_has_its_own_configs() {
    let world = keeping(completes());
    let options = SendOptions { idempotency_key: Some("key".to_owned()), ..SendOptions::default() };
    let key = world.submit_with(user("go"), config("old"), &options).await;
    world.attend(&key).await;
    // Long enough for its leftovers to be known as older.
    tokio::time::sleep(KEPT + secs(4_000)).await;
    let again = world.submit_with(user("go"), config("new"), &options).await;
    assert_eq!(again, key);
    world.attend(&key).await;
    let names: Vec<_> =
        world.configs(&key).await.into_iter().map(|config| config.id.to_string()).collect();
    assert_eq!(names, ["new"]);
    assert_eq!(world.told("new").len(), 3, "{:?}", world.told("new"));
    let told_before = world.told("old").len();
    tokio::time::sleep(KEPT + PURGED_AFTER + secs(4_000)).await;
    world.sweep().await;
    assert!(!is_stored(&world, &key).await);
    assert!(world.memory.stored_configs(&key).is_empty(), "those of the earlier task go, too");
    assert_eq!(world.told("old").len(), told_before);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_pushed_of_a_task_that_has_expired() {
    let world = keeping(completes());
    let key = world.submit_for("hook").await;
    world.receivers.script(&url("hook"), |_| Manner::Answers(500));
    world.attend(&key).await;
    let over = world.head(&key).await.status_at.saturating_add(KEPT);
    while world.now() < over {
        world.live(&key, secs(60)).await;
    }
    let told = world.told("hook").len();
    assert!(told >= 4, "it is tried until then: {told}");
    world.receivers.script(&url("hook"), |_| Manner::Answers(200));
    let end = world.now().saturating_add(PURGED_AFTER + secs(120));
    while world.now() < end {
        for signal in world.queue.take_arrived(world.now()) {
            world.attend(&signal.key()).await;
        }
        world.sweep().await;
        tokio::time::sleep(secs(10)).await;
    }
    assert_eq!(world.told("hook").len(), told);
    assert!(!is_stored(&world, &key).await && world.memory.stored_configs(&key).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_push_that_waits_for_the_store_is_not_begun_after_the_time() {
    // The deliverer's view is older than it may be, and the task expires while it is read.
    let world = keeping(completes());
    let key = world.submit_for("hook").await;
    world.receivers.script(&url("hook"), |_| Manner::Answers(500));
    world.attend(&key).await;
    let over = world.head(&key).await.status_at.saturating_add(KEPT);
    // The next attempt is due by then.
    tokio::time::sleep(over.saturating_since(world.now()).saturating_sub(millis(300))).await;
    world.receivers.connect_in(millis(600));
    let told = world.told("hook").len();
    world.deliver(&key).await;
    assert!(world.now() >= over);
    assert_eq!(world.told("hook").len(), told);
}

#[tokio::test(start_paused = true)]
async fn an_operator_deletes_a_task() {
    let world = keeping(says_much());
    let operator = Operator::new(world.engine.clone());
    let key = ended(&world).await;
    world.register(&key, "hook").await;
    tokio::time::sleep(secs(60)).await;
    assert_eq!(operator.delete(&key, false).await.unwrap(), Deleted::Whole);
    assert!(!is_stored(&world, &key).await && world.memory.stored_configs(&key).is_empty());
    assert_gone(&world, &key).await;
    let again = operator.delete(&key, false).await;
    assert!(matches!(again, Err(OperateError::NoSuchTask)), "{again:?}");
    // Its key makes a new task.
    let new = send(&world, user("second"), Some("key")).await.unwrap();
    assert_eq!((new.id.as_str(), new.status.state), (key.task.as_str(), TaskState::Submitted));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_not_over_is_deleted_only_if_it_may_be_canceled() {
    let world = keeping(asks());
    let operator = Operator::new(world.engine.clone());
    let key = world.attended("go").await;
    let refused = operator.delete(&key, false).await;
    let Err(OperateError::NotEnded { state }) = refused else { panic!("{refused:?}") };
    assert_eq!(state, "input-required");
    assert_eq!(world.head(&key).await.state(), TaskState::InputRequired);
    assert_eq!(operator.delete(&key, true).await.unwrap(), Deleted::InPart, "it is new");
    assert_gone(&world, &key).await;
}

#[tokio::test(start_paused = true)]
async fn a_runner_and_a_stream_of_a_deleted_task_end() {
    let world = keeping(script!(|turn, _| {
        turn.sleep(secs(600)).await;
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    let mut tail = subscribe(&world, &key, None).await.unwrap();
    let operator = Operator::new(world.healthy());
    let delete = async {
        tokio::time::sleep(secs(5)).await;
        assert_eq!(operator.delete(&key, true).await.unwrap(), Deleted::InPart);
    };
    let begin = world.now();
    let (attended, events, ()) = tokio::join!(world.attend(&key), drain(&mut tail), delete);
    assert_eq!(attended, a2a_lambda_core::Attended::Stopped);
    assert!(world.now().saturating_since(begin) < secs(20), "all are told soon");
    assert!(told_by(&events).len() >= 2, "{:?}", told_by(&events));
    assert_gone(&world, &key).await;
}

/// The runner of a sender looks at the task for the sender's stream, too.
#[tokio::test(start_paused = true)]
async fn the_sender_of_a_deleted_task_is_shown_nothing_of_a_later_one() {
    let world = keeping(script!(|turn, diary| {
        if turn.text() == "second" {
            return Ok(End::input_required("which?"));
        }
        turn.sleep(millis(1_300)).await;
        diary.note(format!("{:?}", turn.inbox().await));
        diary.note(format!("{:?}", turn.stopped().await));
        Ok(End::completed())
    }));
    let options = SendOptions { idempotency_key: Some("key".to_owned()), ..SendOptions::default() };
    let (ops, alice) = (world.operations().inline(world.agents().clone()), World::alice());
    let request = SendMessageRequest { configuration: None, ..sending(user("first")) };
    let mut tail = Box::pin(ops.send_streaming(&alice, request, &options)).await.unwrap();
    // The runner commits nothing before its first look.
    world.faults.fail_nth(Kind::Commit, 1, Fault::SlowRequest(secs(100)));
    let anew = async {
        tokio::time::sleep(millis(1_200)).await;
        let key = world.list_one().await;
        Operator::new(world.healthy()).delete(&key, true).await.unwrap();
        send(&world, user("second"), Some("key")).await.unwrap();
        world.attend(&key).await;
        world.cancel(&key).await;
    };
    let (events, ()) = tokio::join!(drain(&mut tail), anew);
    assert_eq!(told_by(&events), ["2 task WORKING"]);
    assert_eq!(world.diary.read(), ["Err(Over)", "Superseded"]);
}

/// I12: the record of its begin is deleted before the second runner looks for it.
#[tokio::test(start_paused = true)]
async fn a_step_of_a_deleted_task_is_not_begun_again() {
    let world = keeping(script!(|turn, diary| {
        turn.sleep(millis(500)).await;
        let charged = turn.step("charge").once().run(async |_| {
            diary.note("charges");
            turn.sleep(secs(60)).await;
            Ok(())
        });
        diary.note(format!("{:?}", charged.await));
        Ok(End::completed())
    }));
    let key = world.submit("go").await;
    assert!(!world.attend_killed_after(&key, secs(1)).await);
    tokio::time::sleep(secs(60)).await;
    let operator = Operator::new(world.healthy());
    let delete = async {
        tokio::time::sleep(millis(250)).await;
        assert_eq!(operator.delete(&key, true).await.unwrap(), Deleted::Whole);
    };
    tokio::join!(world.attend(&key), delete);
    assert_eq!(world.diary.read(), ["charges", "Err(Over)"]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_client_learns_that_its_task_is_deleted() {
    let world = keeping(asks());
    let key = world.attended("go").await;
    let (operator, ops) = (Operator::new(world.healthy()), world.operations());
    let request = GetTaskRequest::of(key.task.as_str());
    let known = world.head(&key).await.generation;
    let options = GetOptions { newer_than: Some(known), answer_by: None };
    let alice = World::alice();
    let delete = async {
        tokio::time::sleep(secs(5)).await;
        operator.delete(&key, true).await.unwrap();
    };
    let (read, ()) = tokio::join!(ops.get_newer(&alice, &request, &options), delete);
    // It may have seen the task canceled, in between.
    match read {
        Ok((task, _)) => assert_eq!(task.status.state, TaskState::Canceled),
        Err(error) => assert_eq!(error.kind, ErrorKind::TaskNotFound),
    }
    assert_gone(&world, &key).await;
}

#[tokio::test(start_paused = true)]
async fn the_sweep_completes_a_deletion() {
    let world = keeping_with(says_much(), |policy| policy.purge_items = 1);
    let key = ended(&world).await;
    // The config that a request stored long ago. The request came to nothing.
    let left = PushConfig { url: url("left"), ..push_config("left") };
    for number in 0..60 {
        // More than one deletion goes through, page by page.
        let registration = Registration::new(&left.id, &number.to_string());
        let stored = PushConfig { registration, ..left.clone() };
        world.healthy().put_config(&key, &stored).await.unwrap();
    }
    tokio::time::sleep(secs(60)).await;
    let operator = Operator::new(world.engine.clone());
    assert_eq!(operator.delete(&key, false).await.unwrap(), Deleted::InPart);
    assert_gone(&world, &key).await;
    assert!(is_stored(&world, &key).await);
    for _ in 0..20 {
        world.sweep().await;
    }
    assert!(!is_stored(&world, &key).await && world.memory.stored_configs(&key).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_restart_leaves_expired_tasks_alone() {
    let world = keeping(says_much());
    ended(&world).await;
    let restarted =
        a2a_lambda_core::restart(&world.engine, a2a_lambda_core::Former::Ended).await.unwrap();
    assert_eq!((restarted.signaled, restarted.voided, restarted.failed), (0, 0, 0));
    assert!(world.queue.take_times().is_empty());
}

/// Nothing of it is there where an earlier release is in use, too.
#[tokio::test(start_paused = true)]
async fn without_retention_tasks_are_kept_for_ever() {
    let world = World::new(says_much());
    let key = ended(&world).await;
    tokio::time::sleep(secs(100_000_000)).await;
    assert_eq!(world.sweep().await.due, 0);
    for (what, error) in operations(&world, &key).await {
        assert_ne!(error, Some(ErrorKind::TaskNotFound), "{what}");
    }
}
