//! A receiver with scripted answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) line: String,
    /// The names in lower case, sorted.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The answer to a request.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Listen for the next request.
    Listen,
    Close,
    /// Say no more, and listen no more, but keep the connection.
    Hang,
    Reset,
}

impl Reply {
    pub(crate) fn raw(text: impl Into<Vec<u8>>) -> Self {
        Self { bytes: text.into(), then: Then::Listen }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::with(status, "")
    }

    /// With more headers, each with its line break.
    pub(crate) fn with(status: u16, headers: &str) -> Self {
        Self::raw(format!("HTTP/1.1 {status} Said\r\n{headers}content-length: 0\r\n\r\n"))
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::raw(format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n{body}"))
    }

    pub(crate) fn close(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    pub(crate) fn hang(self) -> Self {
        Self { then: Then::Hang, ..self }
    }

    pub(crate) fn reset(self) -> Self {
        Self { then: Then::Reset, ..self }
    }
}

type Replies = Arc<dyn Fn(usize, &Received) -> Reply + Send + Sync>;

/// A server at a port of its own.
pub(crate) struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    /// A receiver that answers with the result of a function of the request and of the number of
    /// earlier ones.
    pub(crate) async fn start(
        replies: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(replies, None).await
    }

    /// The same with TLS.
    pub(crate) async fn start_with(
        replies: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            received: Arc::default(),
            connections: Arc::default(),
        };
        let (received, connections) = (server.received.clone(), server.connections.clone());
        let replies: Replies = Arc::new(replies);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let (received, replies, tls) = (received.clone(), replies.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => plain(stream, &received, &replies).await,
                        Some(tls) => {
                            // A client that does not trust it breaks off here.
                            if let Ok(mut stream) = tls.accept(stream).await {
                                serve(&mut stream, &received, &replies).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The only request that came.
    pub(crate) fn only(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.into_iter().next().unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn plain(mut stream: TcpStream, received: &Mutex<Vec<Received>>, replies: &Replies) {
    if serve(&mut stream, received, replies).await == Then::Reset {
        // Closed with no time to linger, a connection is reset.
        stream.set_zero_linger().unwrap();
    }
}

async fn serve(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    received: &Mutex<Vec<Received>>,
    replies: &Replies,
) -> Then {
    while let Some(request) = read(stream).await {
        let number = {
            let mut received = received.lock().unwrap();
            received.push(request.clone());
            received.len() - 1
        };
        let reply = replies(number, &request);
        // A client that has heard enough closes.
        if stream.write_all(&reply.bytes).await.is_err() || stream.flush().await.is_err() {
            return Then::Close;
        }
        match reply.then {
            Then::Listen => {}
            Then::Hang => std::future::pending().await,
            then => return then,
        }
    }
    Then::Close
}

/// The next request; `None` if the connection ends.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    let mut headers: Vec<_> = lines.map(header).collect();
    headers.sort();
    let mut received = Received { line, headers, body: Vec::new() };
    let length = received.header("content-length").map_or(0, |it| it.parse().unwrap());
    received.body = vec![0; length];
    stream.read_exact(&mut received.body).await.ok()?;
    Some(received)
}
