//! Faults on this side.

use a2a_lambda_core::{Failure, Formats, StoreError};
use a2a_lambda_protocol::ErrorKind;
use a2a_lambda_testing::script;
use serde_json::json;

use crate::support::{BINDINGS, World, call_request, follow_up, operations};

const SECRET: &str = "arn:aws:dynamodb:secret-table";

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_said_to_and_no_more_of_it() {
    let unavailable = || StoreError::Unavailable(SECRET.into());
    let throttled = || StoreError::Throttled(SECRET.into());
    let refused = || StoreError::Refused(SECRET.into());
    let corrupt = || StoreError::Corrupt { key: SECRET.into(), source: SECRET.into() };
    let other_release = || StoreError::OtherRelease {
        key: SECRET.into(),
        source: Formats::new(SECRET, 1, 1).check(2).unwrap_err(),
    };
    let stores: [(fn() -> StoreError, _); 5] = [
        (unavailable, ErrorKind::Unavailable),
        (throttled, ErrorKind::Unavailable),
        (refused, ErrorKind::Internal),
        (corrupt, ErrorKind::Internal),
        // A function of the other release can do it.
        (other_release, ErrorKind::Unavailable),
    ];
    for (error, kind) in stores {
        for binding in BINDINGS {
            let follow_up = ("SendMessage", follow_up("t", "hi"));
            for (operation, params) in operations().into_iter().chain([follow_up]) {
                if operation == "GetExtendedAgentCard" {
                    // It is made of nothing that is stored.
                    continue;
                }
                let world = World::with_broken_store(error);
                let request = call_request(binding, operation, params.clone(), &[]);
                let response = world.request(request).await;
                let text = String::from_utf8_lossy(response.body()).into_owned();
                assert!(!text.contains("secret"), "{operation}: {text}");
                world.call(binding, operation, params).await.refused_as(kind, operation);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_store_says_when_to_try_again() {
    for binding in BINDINGS {
        for (error, told) in [
            ((|| StoreError::Throttled(SECRET.into())) as fn() -> StoreError, Some("5")),
            (|| StoreError::Unavailable(SECRET.into()), None),
        ] {
            let world = World::with_broken_store(error);
            let start = tokio::time::Instant::now();
            let request = call_request(binding, "SendMessage", follow_up("t", "hi"), &[]);
            let response = world.request(request).await;
            let header = response.headers().get("retry-after").map(|it| it.to_str().unwrap());
            assert_eq!(header, told, "{binding:?}");
            if told.is_some() {
                assert_eq!(response.status(), 503, "{binding:?}");
                assert!(start.elapsed().as_millis() <= 50, "a sender is told soon");
                let text = String::from_utf8_lossy(response.body()).into_owned();
                assert!(text.contains("overloaded; try again in 5 s"), "{text}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_s_errors_are_not_shown() {
    let by_error = || Failure::from(std::io::Error::other(SECRET));
    let by_panic = || panic!("{SECRET}");
    let by_cause = || Failure::permanent("It did not work.").caused_by(SECRET);
    let failures: [fn() -> Failure; 3] = [by_error, by_panic, by_cause];
    for failure in failures {
        for binding in BINDINGS {
            let world = World::with_agent(script!(|_, _| { Err(failure()) }));
            let task = world.task(binding, "hi").await;
            assert!(!task.to_string().contains("secret"), "{task}");
            // Attempts and the waits between them last longer than a sender is kept waiting.
            tokio::time::sleep(std::time::Duration::from_mins(30)).await;
            let task = world.call(binding, "GetTask", json!({ "id": task["id"] })).await.ok();
            assert_eq!(task["status"]["state"], "TASK_STATE_FAILED", "{task}");
            assert!(!task.to_string().contains("secret"), "{task}");
        }
    }
}
