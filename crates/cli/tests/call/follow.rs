//! A task's updates as they come, until it is over.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use crate::scripted::{Answer, Scripted, chunk, status, task};
use crate::started;

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_is_shown_before_the_next_one_comes() {
    for (command, path) in
        [(["stream", "hi"], "/message:stream"), (["watch", "t"], "/tasks/t:subscribe")]
    {
        let events = vec![
            task("WORKING", &[]),
            chunk("a", "answer", "one ", false),
            chunk("a", "answer", "two", true),
            status("COMPLETED"),
        ];
        let agent = Scripted::start(true, [(path, Answer::Events(events))]).await;
        agent.events.forget_permits(usize::MAX);
        let mut child = started(&[command[0], &agent.url, command[1]], &[]);
        let mut out = child.stdout.take().unwrap();
        for shown in ["task t of context c\nWORKING\n", "answer: one ", "two", "\nCOMPLETED\n"] {
            agent.events.add_permits(1);
            let mut read = vec![0; shown.len()];
            let reading = out.read_exact(&mut read);
            let reading = tokio::time::timeout(Duration::from_secs(30), reading).await;
            reading.expect("it comes before the next event").unwrap();
            assert_eq!(String::from_utf8(read).unwrap(), shown, "{command:?}");
        }
        assert!(child.wait().await.unwrap().success());
        assert_eq!(agent.left(), 0);
    }
}
