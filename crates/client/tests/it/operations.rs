//! Each operation, over each binding and version.

use a2a_lambda_client::{Error, EventStream, Fault, SendOptions, Version};
use a2a_lambda_protocol::{
    CancelTaskRequest, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    GetTaskPushNotificationConfigRequest, GetTaskRequest, ListTaskPushNotificationConfigsRequest,
    ListTasksRequest, Part, PartContent, SendMessageConfiguration, SendMessageResponse, Task,
    TaskPushNotificationConfig, TaskState,
};

use crate::support::{Server, WAYS, text, word};

fn task(response: SendMessageResponse) -> Task {
    let SendMessageResponse::Task(task) = response else { panic!("not a task: {response:?}") };
    task
}

fn at_once() -> SendMessageConfiguration {
    let return_immediately = true;
    SendMessageConfiguration { return_immediately, ..SendMessageConfiguration::default() }
}

#[tokio::test(start_paused = true)]
async fn a_message_becomes_a_task_that_can_be_read_listed_and_canceled() {
    for way in WAYS {
        let server = Server::new();
        let client = server.client(*way);
        let options = SendOptions::default();
        let done = task(client.send(text("tck-artifact-data"), &options).await.unwrap());
        assert_eq!(done.status.state, TaskState::Completed, "{way:?}");
        let PartContent::Data(data) = &done.artifacts[0].parts[0].content else {
            panic!("{way:?}")
        };
        assert_eq!(data.as_str(), r#"{"key":"value","count":42}"#, "{way:?}");
        let request = GetTaskRequest::of(&done.id);
        assert_eq!(client.get(request).await.unwrap().artifacts, done.artifacts, "{way:?}");

        let request = a2a_lambda_protocol::SendMessageRequest {
            configuration: Some(at_once()),
            ..text("tck-cancel")
        };
        let open = task(client.send(request, &options).await.unwrap());
        assert!(!open.status.state.is_terminal(), "{way:?}");
        let cancel = CancelTaskRequest::of(&open.id);
        let canceled = client.cancel(cancel.clone()).await.unwrap();
        assert_eq!(canceled.status.state, TaskState::Canceled, "{way:?}");
        let error = client.cancel(cancel).await.unwrap_err();
        assert_eq!(error.kind(), Some(ErrorKind::TaskNotCancelable), "{way:?}");

        let request = ListTasksRequest {
            page_size: Some(1),
            include_artifacts: Some(true),
            ..ListTasksRequest::default()
        };
        let listed = client.list(request).await;
        if way.1 == Version::V1_0 {
            let listed = listed.unwrap();
            assert_eq!((listed.tasks.len(), listed.total_size), (1, 2), "{way:?}");
        } else {
            let error = listed.unwrap_err();
            assert!(error.to_string().contains("0.3 has no ListTasks"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_every_kind_of_part_arrives_and_may_be_answered_by_a_message() {
    for way in WAYS {
        let client = Server::new().client(*way);
        let mut request = text("tck-message-response");
        let parts = &mut request.message.as_mut().unwrap().parts;
        parts.push(Part::raw(b"\x00\xff".to_vec()).with_media_type("a/b").with_filename("f"));
        parts.push(Part::url("https://example.com/f"));
        let sent = client.send(request, &SendOptions::default()).await.unwrap();
        assert!(matches!(sent, SendMessageResponse::Message(_)), "{way:?}: {sent:?}");
        let mut stream =
            client.stream(text("tck-message-response"), &SendOptions::default()).await.unwrap();
        assert_eq!(word(&stream.next().await.unwrap().unwrap().response), "message", "{way:?}");
        assert_eq!(stream.next().await.unwrap(), None, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_the_events_of_its_task() {
    for way in WAYS {
        let client = Server::new().client(*way);
        for (said, last) in [
            ("tck-stream-artifact-chunked", "COMPLETED"),
            ("tck-input-required", "INPUT_REQUIRED"),
            ("tck-task-failure", "FAILED"),
        ] {
            let mut stream = client.stream(text(said), &SendOptions::default()).await.unwrap();
            let mut words = Vec::new();
            while let Some(event) = stream.next().await.unwrap() {
                words.push(word(&event.response));
            }
            assert!(words[0].starts_with("task "), "{way:?}: {words:?}");
            assert_eq!(words.last().unwrap(), last, "{way:?}: {words:?}");
            assert_eq!(stream.resumed(), 0, "{way:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn push_configs_are_made_read_listed_and_removed() {
    for way in WAYS {
        let client = Server::new().client(*way);
        let done = client.send(text("tck-complete-task"), &SendOptions::default()).await.unwrap();
        let task_id = task(done).id;
        let config = TaskPushNotificationConfig {
            id: "c1".to_owned(),
            token: "s3cret".to_owned(),
            ..TaskPushNotificationConfig::of(&task_id, "https://hooks.example.com/a")
        };
        let made = client.create_push_config(config.clone()).await.unwrap();
        let name = |it: &TaskPushNotificationConfig| (it.task_id.clone(), it.id.clone());
        assert_eq!((name(&made), &made.url), (name(&config), &config.url), "{way:?}");
        let one = GetTaskPushNotificationConfigRequest::of(&task_id, "c1");
        assert_eq!(name(&client.push_config(one).await.unwrap()), name(&config), "{way:?}");
        let all = ListTaskPushNotificationConfigsRequest::of(task_id);
        let listed = client.push_configs(all.clone()).await.unwrap();
        assert_eq!(listed.configs.iter().map(name).collect::<Vec<_>>(), [name(&config)], "{way:?}");
        let one = DeleteTaskPushNotificationConfigRequest::of(config.task_id, config.id);
        client.delete_push_config(one).await.unwrap();
        assert!(client.push_configs(all).await.unwrap().configs.is_empty(), "{way:?}");
    }
}

/// The error of a stream: in 0.3 some are within the stream.
async fn refused(stream: Result<EventStream, Error>) -> Error {
    match stream {
        Err(error) => error,
        Ok(mut stream) => stream.next().await.unwrap_err(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_agent_s_errors_are_the_protocol_s() {
    for way in WAYS {
        let client = Server::new().client(*way);
        let request = GetTaskRequest::of("a/b:c d");
        let error = client.get(request).await.unwrap_err();
        assert_eq!(error.kind(), Some(ErrorKind::TaskNotFound), "{way:?}: {error:?}");
        assert_eq!((error.fault(), error.is_retryable()), (Fault::Caller, false), "{way:?}");
        let mut request = text("x");
        request.message.as_mut().unwrap().parts.clear();
        for error in [
            client.send(request.clone(), &SendOptions::default()).await.unwrap_err(),
            refused(client.stream(request, &SendOptions::default()).await).await,
        ] {
            assert_eq!(error.kind(), Some(ErrorKind::InvalidParams), "{way:?}: {error:?}");
            assert!(error.is_certainly_not_applied(), "{way:?}");
        }
        let error = refused(client.subscribe("none", None).await).await;
        assert_eq!(error.kind(), Some(ErrorKind::TaskNotFound), "{way:?}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_sent_twice_under_a_key_is_one_task() {
    for way in WAYS {
        let client = Server::new().client(*way);
        let options =
            SendOptions { idempotency_key: Some("k1".to_owned()), ..SendOptions::default() };
        let first = task(client.send(text("tck-complete-task"), &options).await.unwrap());
        let second = task(client.send(text("tck-complete-task"), &options).await.unwrap());
        assert_eq!(first.id, second.id, "{way:?}");
    }
}
