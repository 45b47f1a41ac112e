//! A network in which every name and address is the test's.

mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::Push;
use a2a_lambda_core::push::{PushSecrets, Secret};
use a2a_lambda_https::testing::Names;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::{TestClock, TestIds};
use a2a_lambda_webhook::{Dial, HttpWebhook, WebhookConfig, WebhookError};
use async_trait::async_trait;
use tokio::net::TcpStream;

pub(crate) use server::{Received, Reply, Server};

/// Any public address.
pub(crate) const PUBLIC: &str = "93.184.215.14";
/// 2001-09-09T01:46:41.5Z.
pub(crate) const AT: Timestamp = Timestamp::from_millis(1_000_000_001_500);
pub(crate) const URL: &str = "http://hooks.example.com/a?b=c";

/// The answers for names, and the server that takes all connections, if there is one.
pub(crate) struct Network {
    names: Arc<Names>,
    dial: Box<dyn Fn() -> Option<io::Result<SocketAddr>> + Send + Sync>,
    dialed: Mutex<Vec<SocketAddr>>,
    /// The time of day.
    pub(crate) clock: Arc<TestClock>,
}

impl Network {
    pub(crate) fn new(answers: &[&[&str]], server: Option<&Server>) -> Arc<Self> {
        Self::at(answers, server.map(Server::address))
    }

    /// The same for any server.
    pub(crate) fn at(answers: &[&[&str]], server: Option<SocketAddr>) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|it| it.parse().unwrap()).collect();
        let refused = io::ErrorKind::ConnectionRefused;
        Self::by(Names::in_turn(answers.iter().map(parse)), move || {
            Some(server.ok_or(refused.into()))
        })
    }

    /// Names with these answers. Each connection goes to the next server, or fails with the given
    /// error. `None` hangs.
    pub(crate) fn by(
        names: Arc<Names>,
        dial: impl Fn() -> Option<io::Result<SocketAddr>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { names, dial: Box::new(dial), dialed: Mutex::default(), clock: wall() })
    }

    pub(crate) fn dialed(&self) -> Vec<String> {
        self.dialed.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    pub(crate) fn look_ups(&self) -> usize {
        self.names.asked().len()
    }

    pub(crate) fn webhook(self: &Arc<Self>, config: WebhookConfig) -> HttpWebhook {
        let clock = self.clock.clone();
        HttpWebhook::with_network(config, token(), clock, self.names.clone(), self.clone()).unwrap()
    }
}

#[async_trait]
impl Dial for Network {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialed.lock().unwrap().push(address);
        match (self.dial)() {
            Some(server) => TcpStream::connect(server?).await,
            None => std::future::pending().await,
        }
    }
}

/// A server, and a webhook that finds it at a public address.
pub(crate) async fn serving(
    replies: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    config: WebhookConfig,
) -> (Server, Arc<Network>, HttpWebhook) {
    let server = Server::start(replies).await;
    let network = Network::new(&[&[PUBLIC]], Some(&server));
    let webhook = network.webhook(config);
    (server, network, webhook)
}

/// Allows plain HTTP, so that the test can read the requests.
pub(crate) fn plain() -> WebhookConfig {
    WebhookConfig { allow_http: true, ..WebhookConfig::default() }
}

pub(crate) fn push(url: &str) -> Push {
    Push {
        id: "p-1".to_owned(),
        at: AT,
        url: url.to_owned(),
        scheme: String::new(),
        secrets: PushSecrets::default(),
        content_type: "application/a2a+json",
        body: br#"{"task":{}}"#.to_vec(),
        traceparent: None,
        // Only for a call that hangs. None does.
        timeout: Duration::from_mins(1),
    }
}

pub(crate) fn with_scheme(scheme: &str, credentials: &str) -> Push {
    let credentials = Secret::new(credentials);
    let secrets = PushSecrets { token: Secret::default(), credentials };
    Push { scheme: scheme.to_owned(), secrets, ..push(URL) }
}

/// Ids that are all the same, and need encoding in a query.
pub(crate) fn token() -> Arc<TestIds> {
    Arc::new(TestIds::always("to ken&1"))
}

/// A clock that stands until a test moves it.
pub(crate) fn wall() -> Arc<TestClock> {
    Arc::new(TestClock::by_hand().starting_at(Timestamp::from_millis(0)))
}

/// A webhook over the machine's own network.
pub(crate) fn own(config: WebhookConfig) -> Result<HttpWebhook, WebhookError> {
    HttpWebhook::new(config, token(), wall())
}
