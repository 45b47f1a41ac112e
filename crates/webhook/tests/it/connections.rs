//! Connections that are used again, and those that must not be.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use a2a_lambda_core::{Always, PushError, Wanted, Webhook};
use async_trait::async_trait;
use tokio::io::AsyncReadExt as _;

use crate::support::{Network, PUBLIC, Reply, URL, plain, push, serving};

/// Says yes so many times, and counts.
struct Wants {
    times: usize,
    asked: AtomicUsize,
    network: Arc<Network>,
    /// How many connections there were each time.
    dialed: std::sync::Mutex<Vec<usize>>,
}

impl Wants {
    fn new(times: usize, network: &Arc<Network>) -> Self {
        let network = network.clone();
        Self { times, asked: AtomicUsize::new(0), network, dialed: std::sync::Mutex::default() }
    }

    fn dialed(&self) -> Vec<usize> {
        self.dialed.lock().unwrap().clone()
    }
}

#[async_trait]
impl Wanted for Wants {
    async fn is_still_wanted(&self) -> bool {
        self.dialed.lock().unwrap().push(self.network.dialed().len());
        self.asked.fetch_add(1, Ordering::Relaxed) < self.times
    }
}

#[tokio::test]
async fn a_push_that_finds_its_connection_dead_is_sent_on_a_fresh_one() {
    type Then = fn(Reply) -> Reply;
    for then in [Reply::close as Then, Reply::reset] {
        let replies = move |number, _: &_| {
            if number == 1 { then(Reply::raw("")) } else { Reply::status(200) }
        };
        let (server, network, webhook) = serving(replies, plain()).await;
        webhook.post(push(URL), &Always).await.unwrap();
        let wants = Wants::new(2, &network);
        assert_eq!(webhook.post(push(URL), &wants).await.unwrap().status, 200);
        // Whether it is wanted was asked for each of the two connections, when it was up.
        assert_eq!(wants.dialed(), [1, 2]);
        assert_eq!((server.received().len(), server.connections()), (3, 2));
    }
}

#[tokio::test]
async fn a_push_is_not_sent_again_once_an_answer_has_begun_or_it_is_not_wanted() {
    let replies = move |number, _: &_| match number {
        1 => Reply::raw("HTTP/1.1 2").close(),
        3 => Reply::raw("").close(),
        _ => Reply::status(200),
    };
    let (server, network, webhook) = serving(replies, plain()).await;
    for (number, is_answered) in [(0, true), (1, false), (2, true)] {
        let answer = webhook.post(push(URL), &Always).await;
        assert_eq!(answer.is_ok(), is_answered, "{number}: {answer:?}");
    }
    let error = webhook.post(push(URL), &Wants::new(1, &network)).await.unwrap_err();
    assert!(matches!(error, PushError::Withdrawn), "{error:?}");
    assert_eq!(server.received().len(), 4);
}

/// A receiver in a thread of its own: the runtime learns nothing of it in between.
#[tokio::test]
async fn a_connection_that_was_closed_is_not_written_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let network = Network::at(&[&[PUBLIC]], Some(listener.local_addr().unwrap()));
    let (tell, closed) = mpsc::channel();
    let server = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"POST /a?b=c HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            drop(stream);
            tell.send(()).unwrap();
        }
    });
    let webhook = network.webhook(plain());
    for connections in 1..=3 {
        let wants = Wants::new(1, &network);
        assert_eq!(webhook.post(push(URL), &wants).await.unwrap().status, 200);
        assert_eq!(wants.dialed(), [connections], "once, on the fresh connection");
        closed.recv().unwrap();
    }
    server.join().unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_servers_close_theirs() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let network = Network::at(&[&[PUBLIC]], Some(listener.local_addr().unwrap()));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let mut requests = 0;
        while stream.read(&mut request).await.unwrap() > 0 {
            requests += 1;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
        }
        requests
    });
    let webhook = network.webhook(plain());
    webhook.post(push(URL), &Always).await.unwrap();
    after(Duration::from_millis(3_900)).await;
    webhook.post(push(URL), &Always).await.unwrap();
    assert_eq!(network.dialed().len(), 1);
    after(Duration::from_secs(5)).await;
    // The server sees the end without another push.
    assert_eq!(server.await.unwrap(), 2);
}

/// Lets time pass, and runs the work that is due by then.
async fn after(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_connection_is_not_used_again_after_a_freeze() {
    let (server, network, webhook) = serving(|_, _| Reply::status(200), plain()).await;
    // The runtime's clock stands still: only the time of day tells.
    for (passed_ms, connections) in
        [(0, 1), (1_000, 1), (3_999, 1), (4_000, 2), (3_600_000, 3), (-500, 3), (-60_000, 4)]
    {
        network.clock.step(passed_ms);
        webhook.post(push(URL), &Always).await.unwrap();
        assert_eq!(server.connections(), connections, "{passed_ms}");
    }
}

#[tokio::test]
async fn few_idle_connections_are_kept_for_a_receiver() {
    struct Together(Arc<tokio::sync::Barrier>);
    #[async_trait]
    impl Wanted for Together {
        async fn is_still_wanted(&self) -> bool {
            self.0.wait().await;
            true
        }
    }
    let gate = Arc::new(tokio::sync::Barrier::new(10));
    let (_server, network, webhook) = serving(|_, _| Reply::status(200), plain()).await;
    for connections in [10, 16] {
        let post = |_| {
            let (webhook, gate) = (webhook.clone(), gate.clone());
            tokio::spawn(async move { webhook.post(push(URL), &Together(gate)).await.unwrap() })
        };
        let posts: Vec<_> = (0..10).map(post).collect();
        for post in posts {
            post.await.unwrap();
        }
        assert_eq!(network.dialed().len(), connections);
    }
}

#[tokio::test]
async fn nothing_is_written_of_a_push_that_is_not_wanted() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let network = Network::at(&[&[PUBLIC]], Some(listener.local_addr().unwrap()));
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.map(|_| heard)
    });
    let wants = Wants::new(0, &network);
    let error = network.webhook(plain()).post(push(URL), &wants).await.unwrap_err();
    assert!(matches!(error, PushError::Withdrawn), "{error:?}");
    assert_eq!(wants.dialed(), [1]);
    assert_eq!(heard.await.unwrap().unwrap(), b"");
}

/// The receiver closes its connection while it is asked whether the push is wanted.
#[tokio::test]
async fn a_connection_that_dies_while_the_push_is_asked_after_is_not_written_to() {
    struct Closing(mpsc::Sender<()>, std::sync::Mutex<mpsc::Receiver<()>>, AtomicUsize);
    #[async_trait]
    impl Wanted for Closing {
        async fn is_still_wanted(&self) -> bool {
            if self.2.fetch_add(1, Ordering::Relaxed) == 0 {
                self.0.send(()).unwrap();
                self.1.lock().unwrap().recv().unwrap();
            }
            true
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let network = Network::at(&[&[PUBLIC]], Some(listener.local_addr().unwrap()));
    let (close, to_close) = mpsc::channel();
    let (tell, closed) = mpsc::channel();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            if to_close.recv().is_ok() {
                drop(stream);
                tell.send(()).unwrap();
            }
        }
    });
    let webhook = network.webhook(plain());
    webhook.post(push(URL), &Always).await.unwrap();
    let closing = Closing(close, std::sync::Mutex::new(closed), AtomicUsize::new(0));
    assert_eq!(webhook.post(push(URL), &closing).await.unwrap().status, 200);
    assert_eq!((closing.2.load(Ordering::Relaxed), network.dialed().len()), (2, 2));
    drop(closing);
    server.join().unwrap();
}
