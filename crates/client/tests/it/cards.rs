//! Cards: fetched, cached, checked; and the interface that is chosen of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use a2a_lambda_client::{
    Binding, CardCache, Client, Config, Credentials, Error, Interface, Limits, Preference,
    SignatureFault, Version, fetch_card,
};
use a2a_lambda_http::{CardSigner, HttpConfig};
use a2a_lambda_https::{self as https, ClientConfig, Guard};
use a2a_lambda_protocol::{AgentCard, AgentInterface};
use a2a_lambda_signing::VerifyingKeys;

use crate::support::{Canned, Server, Then, URL};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA1cKzEP2dkqqjukNFhpxjMzD9JV8myyt4HYw5mD5SDj\n-----END PRIVATE KEY-----";

fn cache() -> CardCache {
    CardCache::new(Arc::new(|| 0))
}

async fn fetched(server: &Server, cache: &CardCache) -> Result<AgentCard, Error> {
    fetch_card(server, URL, &Credentials::none(), None, &Limits::default(), cache).await
}

#[tokio::test(start_paused = true)]
async fn a_card_is_used_while_it_is_fresh_and_asked_for_by_its_tag_afterwards() {
    let server = Server::new();
    let now = Arc::new(AtomicI64::new(0));
    let clock = now.clone();
    let cache = CardCache::new(Arc::new(move || clock.load(Ordering::Relaxed)));
    for (at_ms, asked, by_tag) in
        [(0, 1, 0), (299_999, 1, 0), (300_000, 2, 1), (599_999, 2, 1), (600_000, 3, 2), (-1, 4, 3)]
    {
        now.store(at_ms, Ordering::Relaxed);
        assert!(!fetched(&server, &cache).await.unwrap().name.is_empty());
        let requests = server.asked.lock().unwrap().len();
        assert_eq!((requests, server.sent("if-none-match")), (asked, by_tag), "at {at_ms}");
    }
    let url = server.asked.lock().unwrap()[0].0.clone();
    assert_eq!(url, format!("GET {URL}/.well-known/agent-card.json"));
}

#[tokio::test(start_paused = true)]
async fn a_card_that_must_be_signed_is_signed_by_a_known_key() {
    let jwks = |pem: &str, id: &str| {
        let jwk = CardSigner::from_pem(pem, id, None).unwrap().public_jwk();
        let set = serde_json::json!({ "keys": [jwk] }).to_string();
        VerifyingKeys::from_json(set.as_bytes()).unwrap()
    };
    let (known, stranger) = (jwks(KEY, "k1"), jwks(KEY, "k2"));
    for v0_3 in [true, false] {
        let card_signer = CardSigner::from_pem(KEY, "k1", None).ok();
        let signed = Server::with(HttpConfig { card_signer, v0_3, ..Default::default() });
        let unsigned = Server::with(HttpConfig { v0_3, ..HttpConfig::default() });
        for (server, keys, fault) in [
            (&signed, &known, None),
            (&signed, &stranger, Some(SignatureFault::NoKey)),
            (&unsigned, &known, Some(SignatureFault::Missing)),
        ] {
            let (none, limits, cache) = (Credentials::none(), Limits::default(), cache());
            let card = fetch_card(server, URL, &none, Some(keys), &limits, &cache).await;
            match (card, fault) {
                (Ok(_), None) => {}
                (Err(Error::Signature(found)), Some(fault)) => assert_eq!(found, fault),
                (found, _) => panic!("{found:?}, not {fault:?}"),
            }
        }
        // Another card with the same signatures.
        let mut card = fetched(&signed, &cache()).await.unwrap();
        card.name.push('!');
        let body = serde_json::to_string(&card).unwrap();
        let canned = Canned { status: 200, media_type: "application/json", body, then: Then::End };
        let (none, limits) = (Credentials::none(), Limits::default());
        let forged = fetch_card(&canned, URL, &none, Some(&known), &limits, &cache()).await;
        assert!(matches!(forged, Err(Error::Signature(SignatureFault::Wrong))), "{forged:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_card_is_an_error() {
    for (status, body, expected) in [
        (404, "", "HTTP 404"),
        (301, "", "redirection"),
        (304, "", "redirection"),
        (200, "<html>", "HTML"),
        (200, "{", "JSON at byte"),
        (200, "{}", "names no interface"),
        (200, r#"{"name": 1}"#, "name must be a string"),
    ] {
        let (media_type, then) = ("application/json", Then::End);
        let canned = Canned { status, media_type, body: body.to_owned(), then };
        let (none, limits) = (Credentials::none(), Limits::default());
        let error = fetch_card(&canned, URL, &none, None, &limits, &cache()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{status} {body}: {error}");
    }
    for url in ["agents.example", "ftp://a", "https://u:p@a", "https://a/?q", "", "https://"] {
        let (server, none, limits) = (Server::new(), Credentials::none(), Limits::default());
        let error = fetch_card(&server, url, &none, None, &limits, &cache()).await.unwrap_err();
        assert!(matches!(error, Error::Request(_)), "{url}: {error:?}");
    }
}

/// Over the network: the guard checks the URLs of users, and not those of operators.
#[tokio::test]
async fn a_local_address_is_refused_where_there_is_a_guard_and_else_tried() {
    for guard in [Some(Arc::new(Guard::default())), None] {
        let is_guarded = guard.is_some();
        let wall = Arc::new(|| 0);
        let https = https::Client::new(ClientConfig { guard, ..ClientConfig::new(wall) }).unwrap();
        let (none, limits, url) = (Credentials::none(), Limits::default(), "https://127.0.0.1:1");
        let error = fetch_card(&https, url, &none, None, &limits, &cache()).await.unwrap_err();
        assert_eq!(matches!(error, Error::Forbidden(_)), is_guarded, "{error:?}");
        assert_eq!(matches!(error, Error::Unreachable(_)), !is_guarded, "{error:?}");
        assert!(error.is_certainly_not_applied() && !error.to_string().contains("127"), "{error}");
    }
}

fn card(interfaces: &[(&str, &str, &str)]) -> AgentCard {
    let interface = |&(url, binding, version): &(&str, &str, &str)| AgentInterface {
        url: url.to_owned(),
        protocol_binding: binding.to_owned(),
        protocol_version: version.to_owned(),
        ..AgentInterface::default()
    };
    AgentCard {
        supported_interfaces: interfaces.iter().map(interface).collect(),
        ..AgentCard::default()
    }
}

#[test]
fn the_newest_interface_that_the_agent_prefers_is_chosen() {
    let all = card(&[
        ("https://a/0", "JSONRPC", "0.3"),
        ("https://a/1", "GRPC", "1.0"),
        ("https://a/2", "HTTP+JSON", "1.0"),
        ("https://a/3", "JSONRPC", "1.0.1"),
        ("https://a/4", "JSONRPC", "2.0"),
    ]);
    let choose = |card: &AgentCard, binding, version| {
        Interface::choose(card, Preference { binding, version }).map(|it| it.url.to_string())
    };
    assert_eq!(choose(&all, None, None).unwrap(), "https://a/2");
    assert_eq!(choose(&all, Some(Binding::JsonRpc), None).unwrap(), "https://a/3");
    let old = choose(&all, None, Some(Version::V0_3));
    if cfg!(feature = "v0_3") {
        assert_eq!(old.unwrap(), "https://a/0");
    } else {
        assert!(matches!(old, Err(Error::NoInterface)));
    }
    for none in [card(&[]), card(&[("https://a", "GRPC", "1.0"), ("https://a", "JSONRPC", "2.0")])]
    {
        assert!(matches!(choose(&none, None, None), Err(Error::NoInterface)));
    }
    for url in ["", "a", "ftp://a/", "https://u@a/"] {
        let bad = choose(&card(&[(url, "JSONRPC", "1.0")]), None, None);
        assert!(matches!(bad, Err(Error::NotA2a(_))), "{url}: {bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_leads_elsewhere_is_followed_only_if_that_is_allowed() {
    for (base, leads_elsewhere) in [
        (URL, false),
        ("https://AGENTS.example:443/x", false),
        ("https://agents.example:8443", true),
        ("https://other.example", true),
    ] {
        for other_origins in [false, true] {
            let document = card(&[(base, "JSONRPC", "1.0")]);
            let body = serde_json::to_string(&document).unwrap();
            let canned =
                Canned { status: 200, media_type: "application/json", body, then: Then::End };
            let config = Config { other_origins, ..Config::default() };
            let client = Client::connect(Arc::new(canned), URL, config, None, &cache()).await;
            let is_refused = matches!(client, Err(Error::OtherOrigin(_)));
            assert_eq!(is_refused, leads_elsewhere && !other_origins, "{base}: {client:?}");
        }
    }
}

/// An agent that knows 0.3 only, with the URL at the top of its card.
#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn a_card_of_an_old_agent_leads_to_its_interface() {
    let body = format!(r#"{{"name": "old", "url": "{URL}/rpc", "protocolVersion": "0.3.0"}}"#);
    let canned = Canned { status: 200, media_type: "application/json", body, then: Then::End };
    let config = Config::default();
    let (client, card) =
        Client::connect(Arc::new(canned), URL, config, None, &cache()).await.unwrap();
    assert_eq!(card.name, "old");
    let Interface { url, binding, version, .. } = client.interface();
    assert_eq!(url.to_string(), format!("{URL}/rpc"));
    assert_eq!((*binding, *version), (Binding::JsonRpc, Version::V0_3));
}
