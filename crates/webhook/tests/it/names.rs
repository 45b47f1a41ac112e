//! The addresses of names when the client dials.

use a2a_lambda_core::{Always, Answer, PushError, Webhook};
use a2a_lambda_webhook::WebhookConfig;

use crate::support::{Network, PUBLIC, Reply, Server, URL, own, plain, push};

const OTHER: &str = "8.8.8.8";
const V6: &str = "2606:4700::1111";

#[tokio::test]
async fn a_name_with_any_address_that_is_not_public_is_refused() {
    for answer in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["172.20.0.1"],
        &["192.168.0.1"],
        &["169.254.169.254"],
        &["169.254.170.2"],
        &["100.64.0.1"],
        &["100.100.100.200"],
        &["168.63.129.16"],
        &["0.0.0.0"],
        &["255.255.255.255"],
        &["224.0.0.1"],
        &["198.18.0.1"],
        &["192.0.0.1"],
        &["::1"],
        &["::"],
        &["fd00:ec2::254"],
        &["fe80::1"],
        &["ff02::1"],
        &["::ffff:127.0.0.1"],
        &["::ffff:93.184.215.14"],
        &["64:ff9b::7f00:1"],
        &["64:ff9b::5db8:d70e"],
        &["2002:7f00:1::"],
        &["2001::1"],
        &["2001:db8::1"],
        // The good ones do not make up for it, wherever they are.
        &[PUBLIC, "127.0.0.1"],
        &["127.0.0.1", PUBLIC],
        &[PUBLIC, OTHER, V6, "10.0.0.1"],
        &[PUBLIC, "::1"],
        &[V6, "::1"],
        &["fd12::1", V6],
        &[PUBLIC, OTHER, "1.1.1.1", "9.9.9.9", "1.0.0.1", "169.254.169.254"],
    ] {
        let server = Server::start(|_, _| Reply::status(200)).await;
        let network = Network::new(&[answer], Some(&server));
        for config in [plain(), WebhookConfig::default()] {
            let url = if config.allow_http { URL } else { "https://hooks.example.com/" };
            let refused = network.webhook(config).post(push(url), &Always).await;
            assert!(matches!(refused, Err(PushError::Refused(_))), "{answer:?}: {refused:?}");
            // The party that gave the name must not learn the address.
            let text = format!("{refused:?}");
            assert!(answer.iter().all(|it| !text.contains(it)), "{text}");
        }
        assert_eq!((network.look_ups(), network.dialed()), (2, vec![]), "{answer:?}");
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection() {
    let server = Server::start(|_, _| Reply::status(200)).await;
    // A second look-up would find a local address.
    let network = Network::new(&[&[PUBLIC], &["127.0.0.1"]], Some(&server));
    let answer = network.webhook(plain()).post(push(URL), &Always).await.unwrap();
    assert_eq!(answer, Answer { status: 200, retry_after: None });
    assert_eq!((network.look_ups(), network.dialed()), (1, vec![format!("{PUBLIC}:80")]));
}

#[tokio::test]
async fn a_name_that_changes_is_refused_at_the_next_connection() {
    for later in [&["127.0.0.1"][..], &[PUBLIC, "10.0.0.1"], &["::1"]] {
        let server = Server::start(|_, _| Reply::with(200, "connection: close\r\n").close()).await;
        let network = Network::new(&[&[PUBLIC], later], Some(&server));
        let webhook = network.webhook(plain());
        webhook.post(push(URL), &Always).await.unwrap();
        let refused = webhook.post(push(URL), &Always).await;
        assert!(matches!(refused, Err(PushError::Refused(_))), "{refused:?}");
        assert_eq!((network.look_ups(), network.dialed().len()), (2, 1));
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn a_name_without_addresses_is_unreachable() {
    for answers in [&[][..], &[&[][..]]] {
        let network = Network::new(answers, None);
        let error = network.webhook(plain()).post(push(URL), &Always).await;
        assert!(matches!(error, Err(PushError::Unreachable(_))), "{error:?}");
        assert_eq!((network.look_ups(), network.dialed()), (1, vec![]));
    }
}

#[tokio::test]
async fn a_name_with_too_many_addresses_is_refused() {
    let many: Vec<String> = (0..65).map(|it| format!("93.184.215.{it}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let network = Network::new(&[&many], None);
    let refused = network.webhook(plain()).post(push(URL), &Always).await;
    assert!(matches!(refused, Err(PushError::Refused(_))), "{refused:?}");
    assert_eq!(network.dialed(), Vec::<String>::new());
    // Addresses beyond the number that is tried are still checked.
    let mut last_is_bad = many[..63].to_vec();
    last_is_bad.push("127.0.0.1");
    let network = Network::new(&[&last_is_bad], None);
    let refused = network.webhook(plain()).post(push(URL), &Always).await;
    assert!(matches!(refused, Err(PushError::Refused(_))), "{refused:?}");
    assert_eq!(network.dialed(), Vec::<String>::new());
}

#[tokio::test]
async fn some_addresses_of_each_family_are_tried() {
    let answer = [PUBLIC, "8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4", V6, "2606:4700::1112"];
    let network = Network::new(&[&answer], None);
    let error =
        network.webhook(plain()).post(push("http://hooks.example.com:8080/"), &Always).await;
    assert!(matches!(error, Err(PushError::Unreachable(_))), "{error:?}");
    let tried = ["93.184.215.14:8080", "8.8.8.1:8080", "8.8.8.2:8080"];
    let tried = [&tried[..], &["[2606:4700::1111]:8080", "[2606:4700::1112]:8080"]].concat();
    assert_eq!(
        (network.look_ups(), network.dialed()),
        (1, tried.iter().map(ToString::to_string).collect())
    );
}

#[tokio::test]
async fn addresses_are_dialed_without_a_look_up() {
    for (url, dialed) in [
        ("http://93.184.215.14/", "93.184.215.14:80"),
        ("http://93.184.215.14:8080/", "93.184.215.14:8080"),
        ("https://93.184.215.14/", "93.184.215.14:443"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]:443"),
        ("http://[2606:4700::1111]:8080/", "[2606:4700::1111]:8080"),
    ] {
        let network = Network::new(&[], None);
        network.webhook(plain()).post(push(url), &Always).await.unwrap_err();
        assert_eq!((network.look_ups(), network.dialed()), (0, vec![dialed.to_owned()]));
    }
}

#[tokio::test]
async fn local_addresses_are_dialed_where_allowed_but_for_metadata_services() {
    let local = || WebhookConfig { allow_local: true, ..plain() };
    let server = Server::start(|_, _| Reply::status(200)).await;
    for address in ["127.0.0.1", "10.0.0.1", "::1", "fd12::1"] {
        let network = Network::new(&[&[address]], Some(&server));
        network.webhook(local()).post(push("http://receiver/"), &Always).await.unwrap();
    }
    for address in ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "0.0.0.0"] {
        let network = Network::new(&[&[address]], Some(&server));
        let refused = network.webhook(local()).post(push("http://receiver/"), &Always).await;
        assert!(matches!(refused, Err(PushError::Refused(_))), "{refused:?}");
        assert_eq!(network.dialed(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_machine_s_own_network_is_guarded_too() {
    let server = Server::start(|_, _| Reply::status(204)).await;
    let url = format!("http://localhost:{}/", server.address().port());
    let local = WebhookConfig { allow_local: true, ..plain() };
    let webhook = own(local).unwrap();
    assert_eq!(webhook.post(push(&url), &Always).await.unwrap().status, 204);
    let webhook = own(plain()).unwrap();
    assert!(matches!(webhook.post(push(&url), &Always).await, Err(PushError::Refused(_))));
    assert_eq!(server.connections(), 1);
}
