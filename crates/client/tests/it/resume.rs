//! Streams that are cut go on.

use a2a_lambda_client::{Error, Limits, SendOptions};

use crate::support::{Server, WAYS, text, word};

fn repeating() -> SendOptions {
    SendOptions { idempotency_key: Some("k1".to_owned()), repeats: true }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_anywhere_has_every_event_once() {
    for way in WAYS {
        let mut expected = None;
        for cut in 0..6 {
            let server = Server::new();
            // The first stream is cut, and the one after it, too, behind one event.
            server.cut([cut + 1, 1].into_iter().skip(usize::from(expected.is_none()) * 2));
            let client = server.client(*way);
            let mut stream =
                client.stream(text("tck-stream-artifact-chunked"), &repeating()).await.unwrap();
            let mut words = Vec::new();
            while let Some(event) = stream.next().await.unwrap() {
                words.push((event.id, word(&event.response)));
            }
            let resumed = usize::try_from(stream.resumed()).unwrap();
            assert_eq!(server.sent("last-event-id"), resumed, "{way:?}");
            assert_eq!(words, *expected.get_or_insert(words.clone()), "{way:?} cut after {cut}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_before_its_first_event_is_resumed_only_if_it_may_be_sent_again() {
    for way in WAYS {
        for (options, works) in [(repeating(), true), (SendOptions::default(), false)] {
            let server = Server::new();
            server.cut([0, 0]);
            let client = server.client(*way);
            let mut stream = client.stream(text("tck-stream-001"), &options).await.unwrap();
            let mut last = Ok(None);
            loop {
                match stream.next().await {
                    Ok(Some(event)) => last = Ok(Some(word(&event.response))),
                    Ok(None) => break,
                    Err(error) => last = Err(error),
                }
            }
            match last {
                Ok(last) => assert!(works && last.unwrap().ends_with("COMPLETED"), "{way:?}"),
                Err(error) => assert!(!works && matches!(error, Error::Cut(Some(_))), "{error:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_away_for_good_is_not_asked_for_ever() {
    for way in WAYS {
        let server = Server::new();
        server.cut(std::iter::once(1).chain(std::iter::repeat_n(0, 100)));
        let client = server.client(*way);
        let mut stream = client.stream(text("tck-cancel"), &repeating()).await.unwrap();
        stream.next().await.unwrap().unwrap();
        let error = stream.next().await.unwrap_err();
        assert!(matches!(error, Error::Cut(Some(_))) && error.is_retryable(), "{error:?}");
        assert_eq!(stream.resumed(), client_limit(), "{way:?}");
        assert_eq!(stream.next().await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_again_as_often_as_the_limits_say() {
    for way in WAYS {
        for (resends, resumes, sent) in [(0, 5, 1), (1, 5, 2), (5, 5, 6), (5, 0, 1)] {
            let server = Server::new();
            server.cut(std::iter::repeat_n(0, 100));
            let limits = Limits { resends, resumes, ..Limits::default() };
            let client = server.client_within(*way, limits);
            let mut stream = client.stream(text("tck-stream-001"), &repeating()).await.unwrap();
            let error = stream.next().await.unwrap_err();
            assert!(matches!(error, Error::Cut(_)), "{error:?}");
            assert_eq!(server.sent("idempotency-key"), sent, "{way:?} {resends} {resumes}");
        }
    }
}

fn client_limit() -> u32 {
    Limits::default().resumes
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_the_user_is_the_last_event_of_a_stream_that_was_cut() {
    for way in WAYS {
        let server = Server::new();
        let client = server.client(*way);
        let whole = async |server: &Server, cut: Option<usize>| {
            server.cut(cut);
            let mut stream = client.stream(text("tck-input-required"), &repeating()).await.unwrap();
            let mut words = Vec::new();
            while let Some(event) = stream.next().await.unwrap() {
                words.push(word(&event.response));
            }
            words
        };
        let words = whole(&server, None).await;
        let again = whole(&server, Some(words.len())).await;
        assert!(again.last().unwrap().ends_with("INPUT_REQUIRED"), "{way:?}: {again:?}");
    }
}

/// As with servers of other makes: a subscription begins with the task, and there is none to a task
/// that is over.
#[tokio::test(start_paused = true)]
async fn a_stream_without_ids_goes_on_with_the_task_as_it_is() {
    for way in WAYS {
        for cuts in [vec![1], vec![2, 0], vec![2, 1, 0], vec![3, 0, 0, 0]] {
            let mut server = Server::new();
            server.hides_ids = true;
            server.cut(cuts.clone());
            let client = server.client(*way);
            let mut stream =
                client.stream(text("tck-stream-artifact-chunked"), &repeating()).await.unwrap();
            let mut last = None;
            while let Some(event) = stream.next().await.unwrap() {
                last = Some(event);
            }
            let last = word(&last.unwrap().response);
            assert!(last.ends_with("COMPLETED"), "{way:?} {cuts:?}: {last}");
            assert_eq!(server.sent("last-event-id"), 0, "{way:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_to_a_task_that_is_over_is_the_task() {
    for way in WAYS {
        let client = Server::new().client(*way);
        let mut stream = client.stream(text("tck-complete-task"), &repeating()).await.unwrap();
        while stream.next().await.unwrap().is_some() {}
        let task = stream.task().unwrap();
        // With and without the events that came.
        for last in [Some(stream.last_event()), None] {
            let mut watched = client.subscribe(task, last).await.unwrap();
            let event = watched.next().await.unwrap().unwrap();
            assert_eq!(word(&event.response), "task COMPLETED", "{way:?}");
            assert_eq!(watched.next().await.unwrap(), None, "{way:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_begins_behind_an_event_and_sees_the_end() {
    for way in WAYS {
        let server = Server::new();
        let client = server.client(*way);
        let mut stream = client.stream(text("test-stream-ticks"), &repeating()).await.unwrap();
        let first = stream.next().await.unwrap().unwrap();
        let mut watched = client.subscribe(stream.task().unwrap(), Some(&first.id)).await.unwrap();
        loop {
            let (event, seen) = (stream.next().await.unwrap(), watched.next().await.unwrap());
            assert_eq!(event, seen, "{way:?}");
            if event.is_none() {
                break;
            }
        }
    }
}
