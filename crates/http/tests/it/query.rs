//! Requests that are in a query (spec section 11.5).

use a2a_lambda_protocol::ErrorKind;

use crate::support::{Answer, Binding, World};

async fn list(world: &World, query: &str) -> Answer {
    world.rest("GET", &format!("/tasks?{query}"), "").await
}

#[tokio::test(start_paused = true)]
async fn values_are_read_by_their_field_s_type() {
    let world = World::new();
    world.task(Binding::Rest, "tck-artifact-text").await;
    for query in [
        "includeArtifacts=true",
        "include_artifacts=true",
        "includeArtifacts=true&pageSize=1",
        "includeArtifacts=%74rue",
        "includeArtifacts=true&status=TASK_STATE_COMPLETED",
        "includeArtifacts=true&historyLength=0&page_size=7&context_id=&page_token=",
        "includeArtifacts=true&statusTimestampAfter=2001-01-01T00%3A00%3A00%2B02%3A00",
        "&&includeArtifacts=true&",
        "includeArtifacts=true&unknown=x&alsoUnknown",
    ] {
        let page = list(&world, query).await.ok();
        assert_eq!(page["totalSize"], 1, "{query}: {page}");
        assert!(page["tasks"][0]["artifacts"].is_array(), "{query}: {page}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_are_not_of_the_type_are_refused() {
    for (query, field) in [
        ("includeArtifacts=yes", "includeArtifacts"),
        ("includeArtifacts=1", "includeArtifacts"),
        ("includeArtifacts=TRUE", "includeArtifacts"),
        ("includeArtifacts", "includeArtifacts"),
        ("pageSize=abc", "pageSize"),
        ("pageSize=", "pageSize"),
        ("pageSize=1.5", "pageSize"),
        ("pageSize=99999999999", "pageSize"),
        ("pageSize=+5", "pageSize"),
        ("page_size=0", "pageSize"),
        ("pageSize=101", "pageSize"),
        ("pageSize=-1", "pageSize"),
        ("historyLength=-1", "historyLength"),
        ("historyLength=all", "historyLength"),
        ("status=COMPLETED", "status"),
        ("status=task_state_completed", "status"),
        ("statusTimestampAfter=yesterday", "statusTimestampAfter"),
        ("statusTimestampAfter=2001-01-01", "statusTimestampAfter"),
        ("pageToken=x", "pageToken"),
    ] {
        let answer = list(&World::new(), query).await;
        answer.names_fields(ErrorKind::InvalidParams, &[field], query);
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_is_given_twice_is_refused() {
    for query in ["pageSize=1&pageSize=1", "pageSize=1&page%53ize=2", "pageSize=1&page_size=2"] {
        list(&World::new(), query).await.refused_as(ErrorKind::InvalidParams, query);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_field_may_be_repeated() {
    for query in ["utm=a&utm=b", "A2A-Version=1.0&A2A-Version=1.0"] {
        list(&World::new(), query).await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn the_query_of_a_task_s_path() {
    let (world, id) = World::with_task("hello").await;
    for (query, status) in [
        ("historyLength=0", 200),
        ("historyLength=1&x=y", 200),
        ("historyLength=-1", 400),
        ("historyLength=x", 400),
        ("id=another", 200),
    ] {
        let response = world.http("GET", &format!("/tasks/{id}?{query}"), "").await;
        assert_eq!(response.status(), status, "{query}: {response:?}");
    }
}
