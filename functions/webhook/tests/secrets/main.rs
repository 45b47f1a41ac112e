//! A token is shown by no log, no answer and no `Debug`. In a process of its own: a test beside it without a
//! subscriber could decide that a line is of no interest to anybody.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../it/support.rs"]
mod support;

use std::io;
use std::sync::{Arc, Mutex};

use a2a_lambda_testing::Fault;
use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{World, event};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_in_no_log_and_no_answer() {
    let world = World::new().await;
    let token = world.path.rsplit('/').next().unwrap().to_owned();
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(lines.clone())
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut answers = Vec::new();
    for fault in [true, false] {
        if fault {
            world.doubles.store.plan(|_| Some(Fault::Refuse));
        } else {
            world.doubles.store.heal();
        }
        let broken = format!("{}\u{7f}\"", world.path);
        for (method, path) in
            [("GET", &world.path), ("POST", &world.path), ("PUT", &world.path), ("POST", &broken)]
        {
            let html = ("accept", "text/html");
            answers.push(world.send(method, path, &[], "1").await);
            answers.push(world.send(method, path, &[html], "2").await);
        }
    }
    let mut unreadable = event!("function-url");
    unreadable["rawPath"] = json!({ "token": token });
    answers.push(world.handle(&unreadable).await);
    assert!(answers.iter().any(|answer| answer.status == 503));
    for answer in answers {
        assert!(!answer.event.to_string().contains(&token), "{answer:?}");
    }
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(lines.contains("callback_not_answered") && lines.contains("callback_refused"));
    assert!(!lines.contains(&token), "{lines}");
    assert!(!format!("{:?}", world.context).contains("vault"));
}
