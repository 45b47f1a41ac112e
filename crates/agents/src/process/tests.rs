//! Processes: this very executable, told by a variable to serve.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command as Blocking;
use std::sync::Arc;

use a2a_lambda_https::{Answer, Chunks, Client, ClientConfig, Request, Transport};
use a2a_lambda_runtime::SystemClock;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::Command;
use super::keeper::{Keeper, NotStarted};
use crate::http::Target;

/// The variable with the status of each answer of the child: the end of the status line.
const SERVES: &str = "PROCESS_TEST_SERVES";

/// The child. As a test it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "this is another process, and no function")]
fn serves() {
    let Ok(status) = std::env::var(SERVES) else { return };
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    for stream in TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let begin = stream.read(&mut [0; 1024]).unwrap_or_default();
        if begin > 1 {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        } else {
            // It was asked to stay.
            std::thread::spawn(move || stream.read(&mut [0; 1]));
        }
    }
}

fn command(words: &[&str], environment: &[(&str, &str)]) -> Command {
    let owned = |text: &&str| (*text).to_owned();
    let environment = environment.iter().map(|(name, value)| (owned(name), owned(value)));
    Command { words: words.iter().map(owned).collect(), environment: environment.collect() }
}

fn keeper(command: Command) -> Keeper {
    let client = Client::new(ClientConfig::new(Arc::new(SystemClock))).unwrap();
    Keeper::new(command, None, Arc::new(client))
}

/// A keeper of a child that answers so.
fn serving(status: &str) -> Keeper {
    let own = std::env::current_exe().unwrap();
    let words = [own.to_str().unwrap(), "--exact", "process::tests::serves", "--nocapture"];
    keeper(command(&words, &[(SERVES, status)]))
}

/// A connection that breaks when the process ends.
fn connected(target: &Target) -> TcpStream {
    let port = target.invocations.port_u16().unwrap();
    let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    stream.write_all(b"x").unwrap();
    stream
}

fn wait_for_its_end(mut stream: TcpStream) {
    assert!(!matches!(stream.read(&mut [0; 1]), Ok(1..)));
}

#[tokio::test]
async fn a_process_is_kept_and_started_again_when_it_has_ended() {
    let keeper = serving("200 OK");
    let first = keeper.target().await.unwrap();
    let id = keeper.id().await.unwrap();
    assert_eq!(keeper.target().await.unwrap(), first);
    let stream = connected(&first);
    assert!(Blocking::new("kill").args(["-9", &id.to_string()]).status().unwrap().success());
    wait_for_its_end(stream);
    // Its end is known here a moment later than there.
    while keeper.id().await == Some(id) {
        keeper.target().await.unwrap();
        tokio::task::yield_now().await;
    }
    let again = keeper.target().await.unwrap();
    let stream = connected(&again);
    drop(keeper);
    wait_for_its_end(stream);
}

#[tokio::test]
async fn a_process_that_does_not_start_says_why() {
    for (words, status, said) in [
        (&["sh", "-c", "echo no model >&2; exit 3"][..], "exit status: 3", "no model"),
        (&["no-such-program"], "exit status: 127", "not found"),
    ] {
        match keeper(command(words, &[("PATH", "/usr/bin:/bin")])).target().await {
            Err(NotStarted::Ended { status: found, last }) => {
                assert!(found == status && last.contains(said), "{found} {last}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Another program's answers are not the agent's.
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = std::num::NonZeroU16::new(other.local_addr().unwrap().port());
    let client = Client::new(ClientConfig::new(Arc::new(SystemClock))).unwrap();
    let taken = Keeper::new(command(&["true"], &[]), port, Arc::new(client));
    assert!(matches!(taken.target().await, Err(NotStarted::Taken(..))));
    let found = serving("404 Not Found").target().await;
    assert!(matches!(found, Err(NotStarted::NoPing(404))), "{found:?}");
}

/// Another program, which answers each request as soon as the child has ended.
#[derive(Debug)]
struct Other(PathBuf);

#[async_trait]
impl Transport for Other {
    async fn exchange(&self, _: &Request) -> Result<Answer, a2a_lambda_https::Error> {
        // The thread is the runtime's only one, which learns nothing meanwhile.
        let id = loop {
            let written = std::fs::read_to_string(&self.0).unwrap_or_default();
            if let Some(id) = written.strip_suffix('\n') {
                break id.to_owned();
            }
            std::thread::yield_now();
        };
        let status = format!("/proc/{id}/stat");
        while std::fs::read_to_string(&status).is_ok_and(|status| !status.contains(") Z ")) {
            std::thread::yield_now();
        }
        Ok(Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Box::new(NoBody) })
    }
}

struct NoBody;

#[async_trait]
impl Chunks for NoBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, a2a_lambda_https::Error> {
        Ok(None)
    }
}

#[tokio::test]
async fn an_answer_to_a_ping_is_another_program_s_if_the_process_has_ended() {
    let file = std::env::temp_dir().join(format!("a2a-lambda-ping-{}", std::process::id()));
    let script = format!("echo $$ >{}; echo Address already in use; exit 1", file.display());
    let command = command(&["sh", "-c", &script], &[("PATH", "/usr/bin:/bin")]);
    let found = Keeper::new(command, None, Arc::new(Other(file.clone()))).target().await;
    std::fs::remove_file(&file).unwrap();
    match found {
        Err(NotStarted::Ended { last, .. }) => assert_eq!(last, "Address already in use"),
        other => panic!("{other:?}"),
    }
}
