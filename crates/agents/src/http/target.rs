//! The URLs of an agent.

use std::fmt;

use http::Uri;
use http::uri::{Parts, PathAndQuery};

use crate::url::{self, NoUrl};

/// The name of agents at a URL.
const NAME: &str = "http";
const INVOCATIONS: &str = "/invocations";
const COMPLETIONS: &str = "/chat/completions";
const PING: &str = "/ping";

/// The URLs of an agent, by its contract.
///
/// `Debug` shows no query, which may have a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The URL itself: of AG-UI.
    pub(super) itself: Uri,
    /// `{url}/invocations`: of `AgentCore`.
    pub(crate) invocations: Uri,
    /// `{url}/ping`: of `AgentCore`.
    pub(crate) ping: Uri,
    /// `{url}/chat/completions`: of `OpenAI`.
    pub(super) completions: Uri,
}

impl Target {
    /// The agent at a URL of `http` or `https`. The URL may end with the path of the agent's contract;
    /// if not, that is added. A query is kept, and goes along with each request.
    pub(crate) fn parse(url: &str) -> Result<Self, NoUrl> {
        let uri = url::parse(NAME, url)?;
        let beside = |own, path| beside(&uri, own, path).ok_or(NoUrl::Malformed(NAME));
        let invocations = beside(INVOCATIONS, INVOCATIONS)?;
        let ping = beside(INVOCATIONS, PING)?;
        let completions = beside(COMPLETIONS, COMPLETIONS)?;
        Ok(Self { itself: uri, invocations, ping, completions })
    }

    /// The agent that a host serves at `/invocations`, or at `/v1/chat/completions`.
    #[cfg(any(feature = "lambda", feature = "process"))]
    pub(crate) fn served_at(host: &str) -> Result<Self, NoUrl> {
        let completions = Self::parse(&format!("{host}/v1"))?.completions;
        let target = Self::parse(&format!("{host}{INVOCATIONS}"))?;
        Ok(Self { completions, ..target })
    }

    /// The agent at this URL. The URL is the same for every contract.
    pub(super) fn at(url: Uri) -> Self {
        let (itself, invocations) = (url.clone(), url.clone());
        Self { itself, invocations, ping: url.clone(), completions: url }
    }

    /// Its host, if it is reached by TLS.
    pub(super) fn tls_host(&self) -> Option<&str> {
        self.itself.host().filter(|_| self.itself.scheme_str() == Some("https"))
    }
}

/// The same URL with this path behind that of the agent, which may end with its own.
fn beside(uri: &Uri, own: &str, path: &str) -> Option<Uri> {
    let base = uri.path().trim_end_matches('/');
    let base = base.strip_suffix(own).unwrap_or(base);
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts: Parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{base}{path}{query}").parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.invocations.authority().map(http::uri::Authority::as_str);
        f.debug_tuple("Target").field(&host).field(&self.invocations.path()).finish()
    }
}
