//! From a target to a connection. The client looks a name up once, checks all its addresses, and
//! connects to one of exactly these. So a name whose address changes a moment later (DNS rebinding)
//! gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::error::{ConnectError, Error, is_ours};
use crate::guard::{Guard, Host, Refused, Target};
use crate::link::{Link, Socket, Transport};
use crate::look_ups::{LookUpError, LookUps};
use crate::turns::{Crowded, Turns};

/// More addresses than this, no honest name has.
const MAX_ADDRESSES: usize = 64;
/// How many addresses of a family are tried. Of each family some are, as a machine may reach but one.
const MAX_TRIED_PER_FAMILY: usize = 3;
/// One address is tried for this long, then the next one.
const TRY_TIMEOUT: Duration = Duration::from_secs(3);
/// How many connections are made at a time. Each takes an open file.
const MAX_CONNECTING: usize = 256;
/// How long a host may be silent while others wait to be connected to.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_WAITING: usize = 4096;

/// Opens connections.
#[async_trait]
pub trait Dial: Send + Sync + 'static {
    /// A connection to exactly this address.
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The network of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network;

#[async_trait]
impl Dial for Network {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        // A request is written whole: there is nothing to wait for.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Connects to targets, guarded if there is a guard.
pub(crate) struct Dialer {
    guard: Option<Arc<Guard>>,
    look_ups: LookUps,
    dial: Arc<dyn Dial>,
    tls: TlsConnector,
    turns: Turns,
}

impl Dialer {
    pub(crate) fn new(
        guard: Option<Arc<Guard>>,
        look_ups: LookUps,
        dial: Arc<dyn Dial>,
        tls: rustls::ClientConfig,
    ) -> Self {
        let tls = TlsConnector::from(Arc::new(tls));
        let turns = Turns::new(MAX_CONNECTING, PATIENCE, MAX_WAITING);
        Self { guard, look_ups, dial, tls, turns }
    }

    /// A connection, with TLS up. It must be there before `ends`.
    pub(crate) async fn connect(&self, target: &Target, ends: Instant) -> Result<Link, Error> {
        if let Some(guard) = &self.guard {
            guard.check_target(target).map_err(Error::Refused)?;
        }
        let addresses = self.addresses(&target.host, ends).await?;
        let begun = Instant::now();
        let connecting = async {
            let tried = Instant::now();
            let connected = timeout_at(ends, self.reach(target, &addresses)).await;
            connected.map_err(|_| tried.elapsed())
        };
        match self.turns.take(ends, connecting).await {
            Ok(Ok(connected)) => connected,
            // The time in which this process waited for a turn is not the host's.
            Ok(Err(tried_for)) if tried_for >= PATIENCE.min(begun.elapsed()) => {
                Err(Error::Unreachable(ConnectError::TimedOut(tried_for)))
            }
            Ok(Err(_)) => Err(Error::Ours(Crowded.into())),
            Err(crowded) => Err(Error::Ours(crowded.into())),
        }
    }

    async fn reach(&self, target: &Target, addresses: &[IpAddr]) -> Result<Link, Error> {
        let stream = self.tcp(addresses, target.port).await?;
        let socket = Socket::new(stream);
        let transport = if target.is_https {
            let tls = self.tls.connect(server_name(&target.host)?, socket.clone()).await;
            let tls = tls.map_err(|error| Error::Unreachable(ConnectError::tls(error)))?;
            Transport::Tls(Box::new(tls))
        } else {
            Transport::Plain(socket.clone())
        };
        Link::new(target.clone(), socket, transport).await
    }

    async fn tcp(&self, addresses: &[IpAddr], port: u16) -> Result<TcpStream, Error> {
        let mut tried = [0; 2];
        let mut last = ConnectError::NoAddress;
        for address in addresses {
            let tried = &mut tried[usize::from(address.is_ipv6())];
            if *tried == MAX_TRIED_PER_FAMILY {
                continue;
            }
            *tried += 1;
            match timeout(TRY_TIMEOUT, self.dial.dial(SocketAddr::new(*address, port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) if is_ours(&error) => return Err(Error::Ours(error.into())),
                Ok(Err(error)) => last = ConnectError::Tcp(error),
                Err(_) => last = ConnectError::TimedOut(TRY_TIMEOUT),
            }
        }
        Err(Error::Unreachable(last))
    }

    /// The addresses of a host; an error unless the client may connect to all of them. A name with
    /// both allowed and forbidden addresses is refused: no honest host has one.
    async fn addresses(&self, host: &Host, ends: Instant) -> Result<Arc<[IpAddr]>, Error> {
        let addresses = match host {
            Host::Address(address) => Arc::from([*address]),
            Host::Name(name) => match self.look_ups.addresses(name, ends).await {
                Ok(addresses) => addresses,
                Err(LookUpError::Ours(error)) => return Err(Error::Ours(error.into())),
                Err(error) => return Err(Error::Unreachable(ConnectError::LookUp(error))),
            },
        };
        if addresses.len() > MAX_ADDRESSES {
            let rule = format!("the URL's host has more than {MAX_ADDRESSES} addresses");
            return Err(Error::Refused(Refused::new(rule)));
        }
        if let Some(guard) = &self.guard {
            let mut checked = addresses.iter().map(|address| guard.check_address(*address));
            checked.try_for_each(|it| it).map_err(Error::Refused)?;
        }
        Ok(addresses)
    }
}

/// The name that the certificate must have: the host of the URL.
fn server_name(host: &Host) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|error| Error::Malformed(error.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::Roots;
    use crate::testing::Names;

    #[tokio::test(start_paused = true)]
    async fn a_host_whose_turn_came_late_or_never_is_not_to_blame() {
        // It takes connections and says nothing.
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", server.local_addr().unwrap());
        // At the first time all give up at once. At the second, the last takes the place of a silent
        // host after two seconds.
        for limit in [PATIENCE / 2, PATIENCE + PATIENCE / 4] {
            let look_ups = LookUps::new(Names::in_turn([]));
            let tls = Roots::Amazon.tls().unwrap();
            let dialer = Arc::new(Dialer::new(None, look_ups, Arc::new(Network), tls));
            let connect = |_| {
                let dialer = dialer.clone();
                let target = Target::of(&url.parse().unwrap()).unwrap();
                tokio::spawn(async move {
                    dialer.connect(&target, Instant::now() + limit).await.map(drop)
                })
            };
            let flood: Vec<_> = (0..=MAX_CONNECTING).map(connect).collect();
            for (number, connected) in flood.into_iter().enumerate() {
                match connected.await.unwrap() {
                    Err(Error::Unreachable(ConnectError::TimedOut(after))) => {
                        assert!(after == limit && number < MAX_CONNECTING, "{number}: {after:?}");
                    }
                    Err(Error::Ours(_)) => {
                        let left_its_place = number == 0 && limit > PATIENCE;
                        assert!(left_its_place || number == MAX_CONNECTING, "{number}");
                    }
                    other => panic!("{number}: {other:?}"),
                }
            }
        }
    }
}
