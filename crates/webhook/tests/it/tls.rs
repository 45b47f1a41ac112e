//! That a receiver is who its URL names.

use std::sync::Arc;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{Always, PushError, Webhook};
use a2a_lambda_webhook::{ExtraRoots, WebhookConfig};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Network, PUBLIC, Reply, Server, push};

/// An authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        Self::named("test")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn trusted(&self) -> WebhookConfig {
        // As a variable has it that has lost its line breaks.
        let pem = self.pem.replace('\n', " ");
        let extra_roots = ExtraRoots::from_pem(&pem).unwrap();
        WebhookConfig { extra_roots, ..WebhookConfig::default() }
    }

    /// A server with a certificate for this name.
    async fn serve(&self, name: &str) -> Server {
        self.serve_with(CertificateParams::new(vec![name.to_owned()]).unwrap()).await
    }

    async fn serve_with(&self, params: CertificateParams) -> Server {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Server::start_with(|_, _| Reply::status(200), Some(TlsAcceptor::from(Arc::new(config))))
            .await
    }
}

#[tokio::test]
async fn a_receiver_with_the_url_s_name_is_pushed_to() {
    let authority = Authority::new();
    for (name, url, dialed) in [
        ("hooks.example.com", "https://hooks.example.com/a", "93.184.215.14:443"),
        ("hooks.example.com", "https://HOOKS.example.com:8443/a", "93.184.215.14:8443"),
        ("*.example.com", "https://hooks.example.com/a", "93.184.215.14:443"),
        ("8.8.8.8", "https://8.8.8.8/a", "8.8.8.8:443"),
        ("2606:4700::1111", "https://[2606:4700::1111]/a", "[2606:4700::1111]:443"),
    ] {
        let server = authority.serve(name).await;
        let network = Network::new(&[&[PUBLIC], &["127.0.0.1"]], Some(&server));
        let answer = network.webhook(authority.trusted()).post(push(url), &Always).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(network.dialed(), [dialed]);
        assert_eq!(server.only().line, "POST /a HTTP/1.1");
    }
}

#[tokio::test]
async fn a_receiver_with_another_name_is_told_nothing() {
    let authority = Authority::new();
    for (name, url) in [
        ("other.example.com", "https://hooks.example.com/"),
        ("example.com", "https://hooks.example.com/"),
        ("*.hooks.example.com", "https://hooks.example.com/"),
        ("hooks.example.com", "https://93.184.215.14/"),
        // The certificate is for the name, not for its address.
        (PUBLIC, "https://hooks.example.com/"),
    ] {
        let server = authority.serve(name).await;
        let network = Network::new(&[&[PUBLIC]], Some(&server));
        let error =
            network.webhook(authority.trusted()).post(push(url), &Always).await.unwrap_err();
        assert!(matches!(error, PushError::Unreachable(_)), "{error:?}");
        assert_eq!(server.received(), []);
    }
}

#[tokio::test]
async fn a_receiver_of_an_unknown_authority_is_told_nothing() {
    let authority = Authority::new();
    let server = authority.serve("hooks.example.com").await;
    for config in [WebhookConfig::default(), Authority::new().trusted()] {
        let network = Network::new(&[&[PUBLIC]], Some(&server));
        let error = network.webhook(config).post(push("https://hooks.example.com/"), &Always).await;
        assert!(matches!(error, Err(PushError::Unreachable(_))), "{error:?}");
    }
    assert_eq!(server.received(), []);
}

/// The text for an operator. Owners learn only that the receiver cannot be reached.
#[tokio::test]
async fn a_certificate_s_fault_is_named() {
    let authority = Authority::new();
    let named = || CertificateParams::new(vec!["hooks.example.com".to_owned()]).unwrap();
    let other = || CertificateParams::new(vec!["other.example.com".to_owned()]).unwrap();
    let mut expired = named();
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = named();
    early.not_before = date_time_ymd(4000, 1, 1);
    let stranger = Authority::named("stranger");
    for (of, params, text) in [
        (&authority, expired, "TLS failed: the certificate has expired"),
        (&authority, early, "TLS failed: the certificate is not valid yet"),
        (&authority, other(), "TLS failed: the certificate is for another name"),
        (&stranger, named(), "TLS failed: the certificate's issuer is not trusted"),
    ] {
        let server = of.serve_with(params).await;
        let network = Network::new(&[&[PUBLIC]], Some(&server));
        let webhook = network.webhook(authority.trusted());
        let error = webhook.post(push("https://hooks.example.com/"), &Always).await.unwrap_err();
        assert_eq!(error.to_string(), "the receiver cannot be reached");
        let error = chain(&error);
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_receiver_without_tls_is_told_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let mut heard = Vec::new();
        // It may end by a reset.
        let _ = stream.read_to_end(&mut heard).await;
        heard
    });
    let network = Network::at(&[&[PUBLIC]], Some(address));
    let webhook = network.webhook(WebhookConfig::default());
    let error = webhook.post(push("https://hooks.example.com/"), &Always).await.unwrap_err();
    assert!(matches!(error, PushError::Unreachable(_)), "{error:?}");
    let heard = server.await.unwrap();
    assert!(!String::from_utf8_lossy(&heard).contains("POST"));
}
