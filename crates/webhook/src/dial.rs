//! From a name to a connection. The name is looked up once, all its addresses are checked, and the
//! connection is made to one of exactly these: a name that stands for something else a moment later
//! (DNS rebinding) gains nothing by it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use a2a_lambda_core::NotAdmitted;
use async_trait::async_trait;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::guard::{Guard, Host};

/// More addresses than this, no honest name has.
const MAX_ADDRESSES: usize = 64;
/// How many addresses of a family are tried. Of each family some are, as a machine may reach but one.
const MAX_TRIED_PER_FAMILY: usize = 3;
/// One address is tried for this long, then the next one.
const TRY_TIMEOUT: Duration = Duration::from_secs(3);
/// From the look-up to the end of the TLS handshake. A push has its own limit; this one is for what
/// the client goes on with after the push that asked for it has taken another connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Finds the addresses of names.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a host name, those that are to be tried first at the beginning.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Opens connections.
#[async_trait]
pub trait Dial: Send + Sync + 'static {
    /// A connection to exactly this address.
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The network of the machine: the system's resolver, and TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNetwork;

#[async_trait]
impl Resolve for SystemNetwork {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        // One more than there may be, so that it shows.
        Ok(found.map(|address| address.ip()).take(MAX_ADDRESSES + 1).collect())
    }
}

#[async_trait]
impl Dial for SystemNetwork {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        // A push is written whole: there is nothing to wait for.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("the connection is refused here")]
    Refused(#[source] NotAdmitted),
    #[error("the host name cannot be looked up")]
    NotFound(#[source] io::Error),
    #[error("the host name has no address")]
    NoAddress,
    #[error("no address of the host can be connected to")]
    Unreachable(#[source] io::Error),
    #[error("no connection in {} ms", .0.as_millis())]
    TimedOut(Duration),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Connects to hosts by TCP, guarded.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) guard: Arc<Guard>,
    pub(crate) resolve: Arc<dyn Resolve>,
    pub(crate) dial: Arc<dyn Dial>,
}

impl Dialer {
    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        let host = uri.host().map(Host::parse).transpose().map_err(DialError::Refused)?;
        let is_https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let addresses = self.addresses(host).await?;
        let mut tried = [0; 2];
        let mut last = DialError::NoAddress;
        for address in addresses {
            let tried = &mut tried[usize::from(address.is_ipv6())];
            if *tried == MAX_TRIED_PER_FAMILY {
                continue;
            }
            *tried += 1;
            match timeout(TRY_TIMEOUT, self.dial.dial(SocketAddr::new(address, port))).await {
                Ok(Ok(stream)) => return Ok(TokioIo::new(stream)),
                Ok(Err(error)) => last = DialError::Unreachable(error),
                Err(_) => last = DialError::TimedOut(TRY_TIMEOUT),
            }
        }
        Err(last)
    }

    /// The addresses of a host: all may be connected to, else there is none. A name with good and
    /// bad ones is not taken at its good ones, as it is no receiver's.
    async fn addresses(&self, host: Option<Host>) -> Result<Vec<IpAddr>, DialError> {
        let addresses = match host {
            None => Vec::new(),
            Some(Host::Address(address)) => vec![address],
            Some(Host::Name(name)) => {
                self.resolve.resolve(&name).await.map_err(DialError::NotFound)?
            }
        };
        if addresses.len() > MAX_ADDRESSES {
            let text = format!("the URL's host has more than {MAX_ADDRESSES} addresses");
            return Err(DialError::Refused(NotAdmitted(text)));
        }
        let mut checked = addresses.iter().map(|address| self.guard.check_address(*address));
        checked.try_for_each(|it| it).map_err(DialError::Refused)?;
        Ok(addresses)
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Connecting<Self::Response, DialError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// The dialer with TLS over it, whose server name is the URL's host; and a limit of time.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) HttpsConnector<Dialer>);

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Connecting<Self::Response, BoxError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            match timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(DialError::TimedOut(CONNECT_TIMEOUT).into()),
            }
        })
    }
}
