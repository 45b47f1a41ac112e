//! An agent runs again from its top, and its recorded steps answer from their records.

use a2a_lambda_core::policy::Retries;
use a2a_lambda_core::{End, Failure, StepError, Turn};
use a2a_lambda_protocol::{Part, TaskState};
use futures_util::future::join;

use crate::support::{Diary, World, artifacts, millis, script, secs, status_text};

/// A step that notes its work and its key, and returns its name.
async fn noted(turn: &Turn, diary: &Diary, name: &str) -> Result<String, StepError> {
    turn.step(name)
        .run(|run| async move {
            diary.note(format!("{name} {}", run.idempotency_key()));
            Ok(name.to_owned())
        })
        .await
}

/// The notes of the diary, without the task's id.
fn notes(world: &World, task: &str) -> Vec<String> {
    world.diary.read().iter().map(|note| note.replace(task, "T")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_recorded_step_is_not_run_again_in_another_attempt_or_turn() {
    let world = World::new(script!(|turn, diary| {
        let first = noted(turn, &diary, "first").await?;
        if turn.number() == 1 && turn.attempt() == 1 {
            return Err(Failure::retryable("again"));
        }
        let second = noted(turn, &diary, "second").await?;
        if turn.number() == 1 {
            return Ok(End::again());
        }
        let again = noted(turn, &diary, "first").await?;
        Ok(End::Completed(format!("{first} {second} {again}: {}", turn.text()).into()))
    }));
    let key = world.submit("hello").await;
    let task = world.settle(&key).await;
    assert_eq!(status_text(&task), "first second first: hello");
    let notes = notes(&world, key.task.as_str());
    let names: Vec<&str> = notes.iter().filter_map(|note| note.split(' ').next()).collect();
    assert_eq!(names, ["first", "second", "first"], "each once");
    assert!(notes[0].starts_with("first T-1.") && notes[0] != notes[2], "keys differ: {notes:?}");
    let head = world.head(&key).await;
    assert_eq!((head.turn, head.scope_turns, head.consumed), (2, 0, head.last_message));
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_dies_repeats_the_step_that_was_not_recorded() {
    let world = World::new(script!(|turn, diary| {
        noted(turn, &diary, "first").await?;
        turn.step("slow")
            .run(|run| {
                diary.note(format!("slow {}", run.idempotency_key()));
                async move {
                    turn.sleep(secs(10)).await;
                    Ok(())
                }
            })
            .await?;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    assert!(!world.attend_killed_after(&key, secs(5)).await);
    assert_eq!(world.settle(&key).await.status.state, TaskState::Completed);
    let notes = world.diary.read();
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(notes[0].starts_with("first") && notes[1] == notes[2], "one key: {notes:?}");
}

#[tokio::test(start_paused = true)]
async fn an_at_most_once_step_is_not_begun_again() {
    let world = World::new(script!(|turn, diary| {
        // A prompt may hold the time.
        let arguments = if turn.text() == "other" { turn.attempt() } else { 0 };
        let charged = turn
            .step("charge")
            .with(&arguments)
            .once()
            .run(|_| {
                diary.note("charge");
                async move {
                    turn.sleep(secs(10)).await;
                    Ok(7)
                }
            })
            .await;
        match charged {
            Ok(charged) => Ok(End::Completed(format!("charged {charged}").into())),
            Err(error @ (StepError::Unknown { .. } | StepError::Diverged { .. })) => {
                diary.note(error.to_string());
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }));
    let unknown = "the step \"charge\" was interrupted, and its outcome is unknown";
    let diverged = "the step \"charge\" was begun with other arguments before";
    for (text, why) in [("hello", unknown), ("other", diverged)] {
        let key = world.submit(text).await;
        assert!(!world.attend_killed_after(&key, secs(5)).await);
        let task = world.settle(&key).await;
        assert_eq!((task.status.state, &*status_text(&task)), (TaskState::Failed, why));
    }
    let key = world.submit("well").await;
    assert_eq!(status_text(&world.settle(&key).await), "charged 7");
    assert_eq!(world.diary.read(), ["charge", unknown, "charge", diverged, "charge"]);
}

#[tokio::test(start_paused = true)]
async fn an_at_most_once_step_is_not_begun_again_inside_a_step_that_differs() {
    let world = World::new(script!(|turn, diary| {
        let outer = turn.step("outer").with(&turn.attempt()).run(|_| async {
            turn.step("charge").once().run(|_| note(&diary, "charge")).await?;
            Err::<(), _>(Failure::retryable("not now"))
        });
        Ok(outer.await.map(|()| End::completed())?)
    }));
    let key = world.submit("hello").await;
    assert_eq!(
        status_text(&world.settle(&key).await),
        "the step \"charge\" was begun with other arguments before"
    );
    assert_eq!(world.diary.read(), ["charge"]);
}

#[tokio::test(start_paused = true)]
async fn steps_side_by_side_and_inside_others_keep_their_records() {
    let world = World::new(script!(|turn, diary| {
        let outer = |name: &'static str, wait: u64| {
            let diary = diary.clone();
            turn.step("outer").run(move |_| {
                let diary = diary.clone();
                async move {
                    turn.sleep(secs(wait)).await;
                    let inner = noted(turn, &diary, "inner").await?;
                    turn.sleep(secs(wait)).await;
                    Ok(format!("{name} {inner}"))
                }
            })
        };
        let (one, two) = join(outer("one", 3), outer("two", 1)).await;
        Ok(End::Completed(format!("{}, {}", one?, two?).into()))
    }));
    let key = world.submit("hello").await;
    // The second is recorded. Of the first, only the inner step is.
    assert!(!world.attend_killed_after(&key, secs(5)).await);
    assert_eq!(status_text(&world.settle(&key).await), "one inner, two inner");
    let notes = world.diary.read();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_ne!(notes[0], notes[1]);
}

#[tokio::test(start_paused = true)]
async fn after_a_difference_later_records_are_found() {
    let world = World::new(script!(|turn, diary| {
        let prompt = turn.attempt();
        turn.step("model").with(&prompt).run(|_| note(&diary, "model")).await?;
        turn.step("tool").with("rates").run(|_| note(&diary, "tool")).await?;
        if prompt == 1 { Err(Failure::retryable("again")) } else { Ok(End::completed()) }
    }));
    let key = world.submit("hello").await;
    world.settle(&key).await;
    assert_eq!(world.diary.read(), ["model", "tool", "model"]);
}

fn note(diary: &Diary, text: &str) -> std::future::Ready<Result<(), Failure>> {
    diary.note(text);
    std::future::ready(Ok(()))
}

#[tokio::test(start_paused = true)]
async fn what_a_recorded_step_has_shown_is_not_shown_again_and_other_work_begins_anew() {
    let world = World::new(script!(|turn, _| {
        for name in ["kept", "repeated"] {
            turn.step(name)
                .run(|_| async move {
                    let mut chunks = turn.chunked(name);
                    chunks.push([Part::text(format!("{name} of {} ", turn.attempt()))]).await?;
                    turn.sleep(secs(3)).await;
                    chunks.finish([Part::text("end")]).await?;
                    Ok(())
                })
                .await?;
        }
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    assert!(!world.attend_killed_after(&key, secs(5)).await);
    let task = world.settle(&key).await;
    let shown = artifacts(&task);
    let parts: Vec<&str> =
        shown.iter().filter_map(|shown| shown.split_once(": ")).map(|p| p.1).collect();
    assert_eq!(parts, ["kept of 1 |end", "repeated of 2 |end"], "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn work_that_fails_for_good_is_recorded_and_other_failures_are_the_agents() {
    let world = World::new(script!(|turn, diary| {
        let bad = turn
            .step("bad")
            .run(|_| async {
                diary.note("bad");
                Err::<(), _>(Failure::permanent("no such order"))
            })
            .await;
        let retries = Retries { max_attempts: 3, first: secs(1), most: secs(1) };
        let tried = turn
            .step("tried")
            .retries(retries)
            .run(|run| {
                diary.note(format!("try {}", run.attempt));
                async move {
                    if run.attempt < 3 { Err(Failure::retryable("busy")) } else { Ok(run.attempt) }
                }
            })
            .await?;
        turn.step("late")
            .run(|_| async {
                diary.note("late");
                if turn.attempt() == 1 { Err(Failure::retryable("later")) } else { Ok(()) }
            })
            .await?;
        let bad = bad.err().map(|error| error.to_string()).unwrap_or_default();
        Ok(End::Completed(format!("{bad}, {tried}").into()))
    }));
    let key = world.submit("hello").await;
    assert_eq!(status_text(&world.settle(&key).await), "no such order, 3");
    let notes = world.diary.read();
    assert_eq!(notes, ["bad", "try 1", "try 2", "try 3", "late", "late"]);
}

#[tokio::test(start_paused = true)]
async fn two_runners_use_the_result_that_was_recorded_first() {
    let world = World::new(script!(|turn, diary| {
        let fence = turn.fence();
        let result = turn
            .step("slow")
            .run(|_| async move {
                // The first runner is replaced meanwhile, and is done after the second.
                tokio::time::sleep(if fence == 1 { secs(100) } else { secs(1) }).await;
                Ok(fence)
            })
            .await?;
        diary.note(format!("runner {fence} has {result}"));
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    // The first runner's renewals are lost.
    world.faults.plan(|call| {
        (call.kind == a2a_lambda_testing::Kind::Renew && call.of_kind < 100)
            .then_some(a2a_lambda_testing::Fault::LoseRequest)
    });
    let first = world.attend(&key);
    let second = async {
        tokio::time::sleep(secs(95)).await;
        let runner = a2a_lambda_core::Runner::new(world.healthy(), world.agents().clone());
        let deadline = world.now().saturating_add(secs(100));
        Box::pin(runner.attend(&key, deadline, a2a_lambda_core::Company::Alone)).await.unwrap();
    };
    join(first, second).await;
    tokio::time::sleep(millis(1)).await;
    let notes = world.diary.read();
    assert!(notes.iter().all(|note| note.ends_with("has 2")), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_first_runner_that_is_late_finds_the_records_of_the_next() {
    use a2a_lambda_testing::{Fault, Kind};
    let world = World::new(script!(|turn, diary| {
        // The first runner does not get to its first step before it is replaced.
        tokio::time::sleep(if turn.fence() == 1 { secs(100) } else { secs(1) }).await;
        noted(turn, &diary, "charge").await?;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    // It hears nothing of its lease.
    world.faults.plan(|call| {
        let is_lost = call.kind == Kind::Renew || call.kind == Kind::Read && call.of_kind > 2;
        is_lost.then_some(Fault::LoseRequest)
    });
    let first = world.attend_for(&key, secs(300));
    let second = async {
        tokio::time::sleep(secs(90)).await;
        let runner = a2a_lambda_core::Runner::new(world.healthy(), world.agents().clone());
        let deadline = world.now().saturating_add(secs(100));
        Box::pin(runner.attend(&key, deadline, a2a_lambda_core::Company::Alone)).await.unwrap();
    };
    let (_, ()) = join(first, second).await;
    assert_eq!(world.diary.read().len(), 1, "{:?}", world.diary.read());
}

#[tokio::test(start_paused = true)]
async fn recorded_facts_are_the_same_in_every_run() {
    let world = World::new(script!(|turn, diary| {
        let recorded = turn.recorded();
        let facts = (recorded.now().await?, recorded.uuid().await?, recorded.random().await?);
        let more = (recorded.now().await?, recorded.uuid().await?);
        assert_ne!(facts.1, more.1);
        diary.note(format!("{facts:?} {more:?}"));
        turn.sleep(secs(1)).await;
        if turn.number() < 3 { Ok(End::again()) } else { Ok(End::completed()) }
    }));
    let key = world.submit("hello").await;
    world.settle(&key).await;
    let notes = world.diary.read();
    assert!(notes.len() == 3 && notes[0] == notes[1] && notes[1] == notes[2], "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn another_try_at_a_step_finds_what_the_first_has_recorded_inside() {
    let world = World::new(script!(|turn, diary| {
        let diary = &diary;
        let order =
            turn.step("order").retries(Retries { max_attempts: 3, first: secs(1), most: secs(1) });
        order
            .run(async |run| {
                turn.step("charge").once().run(|_| note(diary, "charge")).await?;
                turn.step("reserve").run(|_| note(diary, "reserve")).await?;
                turn.chunked("receipt")
                    .finish([Part::text(format!("try {}", run.attempt))])
                    .await?;
                if run.attempt < 3 { Err(Failure::retryable("busy")) } else { Ok(()) }
            })
            .await?;
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    let task = world.settle(&key).await;
    assert_eq!(world.diary.read(), ["charge", "reserve"]);
    let shown = artifacts(&task);
    assert!(shown.len() == 1 && shown[0].ends_with("try 3"), "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_a_run_was_told_is_unknown_stays_so() {
    let world = World::new(script!(|turn, diary| {
        let first = turn.fence() == 1;
        let paid = turn.step("pay").once().run(async |_| {
            // The first runner is replaced meanwhile.
            tokio::time::sleep(if first { secs(100) } else { secs(0) }).await;
            Ok(())
        });
        let paid = paid.await.map_err(|error| error.to_string());
        diary.note(format!("{} {paid:?}", turn.fence()));
        Ok(End::completed())
    }));
    let key = world.submit("hello").await;
    world.faults.plan(|call| {
        (call.kind == a2a_lambda_testing::Kind::Renew)
            .then_some(a2a_lambda_testing::Fault::LoseRequest)
    });
    let second = async {
        tokio::time::sleep(secs(95)).await;
        let runner = a2a_lambda_core::Runner::new(world.healthy(), world.agents().clone());
        let deadline = world.now().saturating_add(secs(100));
        Box::pin(runner.attend(&key, deadline, a2a_lambda_core::Company::Alone)).await.unwrap();
    };
    join(world.attend(&key), second).await;
    let notes = world.diary.read();
    assert!(notes.iter().all(|note| note.contains("its outcome is unknown")), "{notes:?}");
    let (_, record) = world.memory.stored_steps(&key).pop().unwrap();
    assert_eq!(record.state.name(), "unknown");
}
