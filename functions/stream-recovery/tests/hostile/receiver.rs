//! A receiver of pushes that behaves, at random, in all ways of receivers.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use a2a_lambda_core::TaskKey;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::Random;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::shared::{PATIENCE, now};

/// Of a thousand requests so many fail in each of these ways. A request that is `Before` is reset
/// unread; one that is `Lost` is attended to, but its answer is lost.
const FAILURES: [(Act, u64); 9] = [
    (Act::Answer(500), 50),
    (Act::Answer(503), 40),
    (Act::Busy(1), 25),
    (Act::Busy(2), 25),
    (Act::Redirect, 40),
    (Act::ResetBefore, 40),
    (Act::ResetAfter, 40),
    (Act::Lose, 30),
    (Act::Hang, 20),
];

/// How long those may take that are answered with success, in milliseconds.
const MAX_DELAY: u64 = 50;

/// How many successes are kept for who waits for one.
const SUCCESSES_KEPT: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Answer(u16),
    /// 429, with so many seconds in `Retry-After`.
    Busy(u64),
    Redirect,
    ResetBefore,
    ResetAfter,
    Lose,
    Hang,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It is being attended to.
    UnderWay,
    /// It was answered with this status.
    Answered(u16),
    /// It was answered with 429, and so many seconds in `Retry-After`.
    Busy(u64),
    /// Its connection was reset, unanswered.
    Reset,
    /// It was attended to, and then its connection was reset, unanswered.
    Lost,
    /// It was not answered until the sender had enough of it.
    Hung,
    /// Its sender was gone before it could be answered.
    SenderGone,
}

impl Outcome {
    /// Whether its sender knows that it has arrived.
    pub(crate) fn is_success(self) -> bool {
        self == Self::Answered(200)
    }

    /// The name in a report.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Answered(status) => status.to_string(),
            Self::Busy(seconds) => format!("429 for {seconds} s"),
            other => format!("{other:?}"),
        }
    }
}

/// A request that was read.
#[derive(Clone)]
pub(crate) struct Arrival {
    /// The number in its path, which tells the config.
    pub(crate) config: usize,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Timestamp,
    pub(crate) outcome: Outcome,
    /// When its attempt was over, at the earliest.
    pub(crate) over_at: Timestamp,
    /// The places of its begin and its end in the order of all events here.
    pub(crate) begin: usize,
    pub(crate) end: usize,
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, at, outcome, over_at, begin, end, body, .. } = self;
        let (at, over_at) = (at.as_millis(), over_at.as_millis());
        let body = String::from_utf8_lossy(body);
        write!(f, "{id} from {begin} at {at} to {end} at {over_at}: {outcome:?} to {body}")
    }
}

/// The receiver's record.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) arrivals: Vec<Arrival>,
    /// Requests that were reset before they were read.
    pub(crate) unread: usize,
    /// Requests of where redirects point to: must be none.
    pub(crate) followed: usize,
    /// Requests that were no pushes: must be none.
    pub(crate) others: Vec<String>,
    events: usize,
}

impl Seen {
    fn event(&mut self) -> usize {
        self.events += 1;
        self.events
    }
}

/// A receiver, at a port of its own. It stops when this is dropped.
pub(crate) struct Receiver {
    url: String,
    shared: Arc<Shared>,
    /// Aborts the server when dropped.
    _server: JoinSet<()>,
}

struct Shared {
    dice: Mutex<Random>,
    seen: Mutex<Seen>,
    /// The target of redirects.
    elsewhere: String,
    /// Told of each success, by its task's id.
    successes: broadcast::Sender<String>,
}

impl Receiver {
    pub(crate) async fn start(dice: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let elsewhere = format!("{url}/elsewhere");
        let (successes, _) = broadcast::channel(SUCCESSES_KEPT);
        let (dice, seen) = (Mutex::new(dice), Mutex::default());
        let shared = Arc::new(Shared { dice, seen, elsewhere, successes });
        let mut server = JoinSet::new();
        server.spawn(listen(listener, shared.clone()));
        Self { url, shared, _server: server }
    }

    /// The URL of a config's pushes.
    pub(crate) fn url(&self, config: usize) -> String {
        format!("{}/hook/{config}", self.url)
    }

    /// Waits until something of one of these tasks is answered with success, just now.
    pub(crate) async fn success_of(&self, tasks: &[TaskKey]) {
        let mut successes = self.shared.successes.subscribe();
        loop {
            // Missed times are too long ago.
            let Ok(id) = successes.recv().await else { continue };
            if tasks.iter().any(|task| task.task.as_str() == id) {
                return;
            }
        }
    }

    /// Takes the record so far.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.shared.seen())
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// The reaction to a request, and its delay.
    fn act(&self) -> (Act, Duration) {
        let mut dice = self.dice.lock().unwrap();
        let delay = Duration::from_millis(dice.below(MAX_DELAY + 1));
        let mut rolled = dice.below(1_000);
        for (act, share) in FAILURES {
            if rolled < share {
                return (act, delay);
            }
            rolled -= share;
        }
        (Act::Answer(200), delay)
    }

    fn announce(&self, place: usize) {
        if self.successes.receiver_count() > 0 {
            let body: Value = serde_json::from_slice(&self.seen().arrivals[place].body).unwrap();
            let places = ["/task/id", "/statusUpdate/taskId", "/artifactUpdate/taskId", "/id"];
            let id = places.iter().find_map(|place| body.pointer(place)?.as_str());
            // Whether anybody still listens is of no interest.
            let _ = self.successes.send(id.unwrap().to_owned());
        }
    }

    /// Records the outcome of an arrival before its sender can know it.
    fn over(&self, place: usize, outcome: Outcome) {
        let mut seen = self.seen();
        let end = seen.event();
        let arrival = &mut seen.arrivals[place];
        (arrival.outcome, arrival.over_at, arrival.end) = (outcome, now(), end);
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                let shared = shared.clone();
                connections.spawn(async move { serve(stream, &shared).await });
            }
            Some(served) = connections.join_next() => served.unwrap(),
        }
    }
}

/// Serves a connection until either side ends it.
async fn serve(mut stream: TcpStream, shared: &Shared) {
    // An error is the sender's end.
    while matches!(stream.peek(&mut [0]).await, Ok(1..)) {
        let (act, delay) = shared.act();
        if act == Act::ResetBefore {
            shared.seen().unread += 1;
            return reset(stream);
        }
        let Some(request) = Request::read(&mut stream).await else { return };
        let Some(place) = shared.note(request) else { return };
        sleep(delay).await;
        let (outcome, answer) = match act {
            Act::Answer(status) => (Outcome::Answered(status), answer(status, "")),
            Act::Busy(seconds) => {
                let header = format!("retry-after: {seconds}\r\n");
                (Outcome::Busy(seconds), answer(429, &header))
            }
            Act::Redirect => {
                let header = format!("location: {}\r\n", shared.elsewhere);
                (Outcome::Answered(302), answer(302, &header))
            }
            Act::ResetBefore | Act::ResetAfter => {
                shared.over(place, Outcome::Reset);
                return reset(stream);
            }
            Act::Lose => {
                shared.over(place, Outcome::Lost);
                return reset(stream);
            }
            Act::Hang => {
                // Until the sender hangs up.
                let _ = timeout(PATIENCE, stream.read(&mut [0])).await;
                return shared.over(place, Outcome::Hung);
            }
        };
        if matches!(stream.try_read(&mut [0]), Ok(0)) {
            return shared.over(place, Outcome::SenderGone);
        }
        shared.over(place, outcome);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return shared.over(place, Outcome::SenderGone);
        }
        if outcome.is_success() {
            shared.announce(place);
        }
    }
}

fn reset(stream: TcpStream) {
    // Closed with no time to linger, a connection is reset.
    stream.set_zero_linger().unwrap();
    drop(stream);
}

fn answer(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\n{headers}content-length: 0\r\n\r\n")
}

struct Request {
    path: String,
    head: String,
    body: Vec<u8>,
}

impl Request {
    /// The next request of a connection; `None` if it ends before that.
    async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let head_end = loop {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            more(stream, &mut bytes).await?;
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let request = Self { path, head, body: Vec::new() };
        let length: usize = request.header("content-length").parse().unwrap();
        while bytes.len() < head_end + length {
            more(stream, &mut bytes).await?;
        }
        assert_eq!(bytes.len(), head_end + length, "one request at a time");
        Some(Self { body: bytes.split_off(head_end), ..request })
    }

    /// A header's value; empty if it is absent.
    fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim())
    }
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    stream.read_buf(bytes).await.ok().filter(|count| *count > 0).map(drop)
}

impl Shared {
    /// Records an arrival, and returns its place; `None` if it is not a push.
    fn note(&self, request: Request) -> Option<usize> {
        let mut seen = self.seen();
        let number = request.path.strip_prefix("/hook/").and_then(|number| number.parse().ok());
        let Some(config) = number.filter(|_| request.head.starts_with("POST ")) else {
            seen.followed += usize::from(request.path == "/elsewhere");
            seen.others.push(request.head);
            return None;
        };
        let event = seen.event();
        let header = |name| request.header(name).to_owned();
        let arrival = Arrival {
            config,
            id: header("webhook-id"),
            token: header("x-a2a-notification-token"),
            content_type: header("content-type"),
            body: request.body.clone(),
            at: now(),
            outcome: Outcome::UnderWay,
            over_at: now(),
            begin: event,
            end: event,
        };
        seen.arrivals.push(arrival);
        Some(seen.arrivals.len() - 1)
    }
}
