//! The URLs that are taken, by their text alone.

use a2a_lambda_core::{Always, NotAdmitted, PushError, Webhook};
use a2a_lambda_webhook::{AllowedHosts, MAX_URL_BYTES, WebhookConfig};

use crate::support::{Network, PUBLIC, plain, push};

/// URLs that attackers have used elsewhere. None may be taken, at admission or later, and nothing
/// may be looked up or dialed for it.
const HOSTILE: &[&str] = &[
    // Not absolute, not of the web.
    "",
    " ",
    "/",
    "/path",
    "//hooks.example.com/",
    "hooks.example.com",
    "hooks.example.com/path",
    "https",
    "https:",
    "https:/",
    "https://",
    "https:///",
    "https:///hooks.example.com/",
    "https:hooks.example.com",
    "https:/hooks.example.com",
    "https:\\\\hooks.example.com\\",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com:6379/_INFO",
    "unix:///var/run/docker.sock",
    "data:text/plain,hi",
    "javascript:alert(1)",
    "ws://hooks.example.com/",
    "httpss://hooks.example.com/",
    "http+unix://hooks.example.com/",
    // Loopback, in every form that a parser somewhere takes.
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0X7F.0.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.001/",
    "https://0127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.1../",
    "https://127.0.0.1.5/",
    "https://127.0.0.256/",
    "https://127..0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0x0/",
    "https://00000000000/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::ffff:0:127.0.0.1]/",
    // Metadata services.
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://[fd00:ec2::254]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2001::5601:5601]/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://168.63.129.16/",
    "https://metadata.google.internal/",
    "https://ip-10-0-0-1.ec2.internal/",
    // Networks that are not public.
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[fc00::1]/",
    "https://[fd12::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[2002:808:808::1]/",
    // Names of private networks.
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://localhost.localdomain/",
    "https://printer.local/",
    "https://db.internal/",
    "https://DB.Internal/",
    "https://db.internal./",
    "https://wiki.corp/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    "https://db/",
    "https://redis:6379/",
    // Malformed names.
    "https://hooks.example.com./",
    "https://.hooks.example.com/",
    "https://hooks..example.com/",
    "https://./",
    "https://-hooks.example.com/",
    "https://hooks-.example.com/",
    "https://hooks!.example.com/",
    "https://hooks,example.com/",
    "https://*.example.com/",
    "https://hooks.example.1/",
    "https://hooks.example.0x7f/",
    "https://127.0.0.1.nip.10/",
    // Brackets.
    "https://[]/",
    "https://[/",
    "https://]/",
    "https://[::1/",
    "https://::1/",
    "https://::1]/",
    "https://[127.0.0.1]/",
    "https://[hooks.example.com]/",
    "https://[::1]hooks.example.com/",
    "https://hooks.example.com[::1]/",
    "https://[::1][::2]/",
    "https://[v1.x]/",
    // Users.
    "https://user@hooks.example.com/",
    "https://user:password@hooks.example.com/",
    "https://@hooks.example.com/",
    "https://:@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com:443@127.0.0.1/",
    "https://127.0.0.1@hooks.example.com/",
    "https://hooks.example.com%40127.0.0.1/",
    "https://a@b@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://127.0.0.1\\@hooks.example.com/",
    "https://hooks.example.com\\.evil.example/",
    // Other characters.
    "https://１２７.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://loc\u{200b}alhost/",
    "https://ｌocalhost/",
    "https://höoks.example.com/",
    "https://hooks.example.com/ö",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.%31/",
    "https://%6c%6f%63alhost/",
    "https://hooks.example.com%00.evil.example/",
    "https://hooks.example.com%2f@127.0.0.1/",
    "https://hooks.example.com\t/",
    "https://hooks.example.com\r\nhost: db/",
    "https://hooks.example.com/a\r\nx: y",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/a\0b",
    " https://hooks.example.com/",
    "https://hooks.example.com/ ",
    "https://hooks.example.com/<a>",
    "https://hooks.example.com/\"a\"",
    // Fragments.
    "https://hooks.example.com/#a",
    "https://hooks.example.com#@127.0.0.1/",
    "https://127.0.0.1#.hooks.example.com/",
    "https://hooks.example.com?@127.0.0.1/#",
    // Ports.
    "https://hooks.example.com:/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:00/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:25/",
    "https://hooks.example.com:53/",
    "https://hooks.example.com:1023/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:65979/",
    "https://hooks.example.com:000443/",
    "https://hooks.example.com:4294967739/",
    "https://hooks.example.com:-443/",
    "https://hooks.example.com:+443/",
    "https://hooks.example.com:0x1bb/",
    "https://hooks.example.com:443:443/",
    "https://hooks.example.com:443a/",
    "https://hooks.example.com:%34%34%33/",
    "https://[2606:4700::1111]:22/",
    "https://[2606:4700::1111]443/",
];

/// The result for a URL with the scheme `http`, where that is allowed.
async fn refused(url: &str, config: WebhookConfig) -> Result<(), String> {
    let network = Network::new(&[&[PUBLIC]], None);
    let webhook = network.webhook(config);
    let admitted = webhook.admit(url).await;
    let posted = webhook.post(push(url), &Always).await;
    let untouched = network.look_ups() == 0 && network.dialed().is_empty();
    match (admitted, posted) {
        (Err(NotAdmitted(one)), Err(PushError::Refused(NotAdmitted(other))))
            if one == other && untouched =>
        {
            Ok(())
        }
        other => Err(format!("{url:?}: {other:?} {:?}", network.dialed())),
    }
}

#[tokio::test]
async fn hostile_urls_are_refused_and_nothing_is_dialed() {
    assert!(HOSTILE.len() >= 60);
    let mut taken = Vec::new();
    for url in HOSTILE {
        taken.extend(refused(url, WebhookConfig::default()).await.err());
        let plain_url = url.replacen("https:", "http:", 1);
        taken.extend(refused(&plain_url, plain()).await.err());
    }
    assert!(taken.is_empty(), "{taken:#?}");
}

#[tokio::test]
async fn plain_http_is_refused_if_not_allowed() {
    for url in ["http://hooks.example.com/", "HTTP://hooks.example.com/", "http://8.8.8.8/"] {
        refused(url, WebhookConfig::default()).await.unwrap();
    }
}

#[tokio::test]
async fn long_urls_are_refused() {
    let long = |bytes: usize| format!("https://hooks.example.com/{}", "a".repeat(bytes - 26));
    let network = Network::new(&[], None);
    network.webhook(WebhookConfig::default()).admit(&long(MAX_URL_BYTES)).await.unwrap();
    refused(&long(MAX_URL_BYTES + 1), WebhookConfig::default()).await.unwrap();
    let label = "a".repeat(63);
    let name = format!("{label}.{label}.{label}.{}", &label[..61]);
    assert_eq!(name.len(), 253);
    network.webhook(WebhookConfig::default()).admit(&format!("https://{name}/")).await.unwrap();
    for name in [format!("a.{name}"), format!("{label}a.example.com")] {
        refused(&format!("https://{name}/"), WebhookConfig::default()).await.unwrap();
    }
}

#[tokio::test]
async fn public_urls_are_admitted_without_being_looked_at() {
    for url in [
        "https://hooks.example.com",
        "https://hooks.example.com/",
        "https://HOOKS.Example.COM/",
        "HTTPS://hooks.example.com/",
        "https://hooks.example.com:443/",
        "https://hooks.example.com:80/",
        "https://hooks.example.com:8443/a/b?c=d&e=%20f",
        "https://hooks.example.com:65535/",
        "https://hooks.example.com?a=b",
        "https://xn--hks-tna.example.com/",
        "https://a_b.example.com/",
        "https://1.example.com/",
        "https://1-2-3.e--f.example/",
        "https://localhost.example.com/",
        "https://internal.example.com/",
        "https://notlocalhost.com/",
        "https://8.8.8.8/",
        "https://93.184.215.14:8443/",
        "https://[2606:4700::1111]/",
        "https://[2606:4700::1111]:8443/",
        "https://hooks.example.com/@user",
        "https://hooks.example.com/?next=https://127.0.0.1/",
        "https://hooks.example.com/..%2f..%2f",
    ] {
        let network = Network::new(&[], None);
        let admitted = network.webhook(WebhookConfig::default()).admit(url).await;
        assert_eq!(admitted, Ok(()), "{url}");
        assert_eq!((network.look_ups(), network.dialed()), (0, vec![]));
    }
}

#[tokio::test]
async fn local_urls_are_taken_where_allowed_but_for_metadata_services() {
    let local = || WebhookConfig { allow_local: true, ..plain() };
    for url in [
        "http://localhost:9000/",
        "http://127.0.0.1:9000/",
        "http://receiver:8080/",
        "http://10.0.0.1/",
        "http://192.168.1.2/",
        "http://[::1]:9000/",
        "http://[fd12::1]/",
        "https://hooks.internal/",
    ] {
        let network = Network::new(&[], None);
        assert_eq!(network.webhook(local()).admit(url).await, Ok(()), "{url}");
    }
    for url in [
        "http://169.254.169.254/",
        "http://169.254.170.2/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://0.0.0.0/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://user@localhost/",
        "http://localhost:22/",
    ] {
        refused(url, local()).await.unwrap();
    }
}

#[tokio::test]
async fn only_allowed_hosts_are_taken_if_there_is_a_list() {
    let config = || WebhookConfig {
        allowed_hosts: Some(
            AllowedHosts::parse("hooks.example.com, *.Example.org,8.8.8.8,").unwrap(),
        ),
        ..WebhookConfig::default()
    };
    for host in ["hooks.example.com", "HOOKS.example.com", "a.example.org", "a.b.example.org"] {
        let url = format!("https://{host}/");
        assert_eq!(Network::new(&[], None).webhook(config()).admit(&url).await, Ok(()), "{url}");
    }
    for host in [
        "example.org",
        "example.com",
        "a.hooks.example.com",
        "hooks.example.com.evil.example",
        "evilexample.org",
        "example.org.evil.example",
        "a.example.org@evil.example",
        "8.8.4.4",
    ] {
        refused(&format!("https://{host}/"), config()).await.unwrap();
    }
    // To be on the list makes nothing public.
    let allowed_hosts = Some(AllowedHosts::parse("127.0.0.1,localhost").unwrap());
    for url in ["https://127.0.0.1/", "https://localhost/"] {
        let allowed_hosts = allowed_hosts.clone();
        refused(url, WebhookConfig { allowed_hosts, ..WebhookConfig::default() }).await.unwrap();
    }
}

#[test]
fn a_list_of_hosts_has_hosts() {
    let many = vec!["a.example"; 257].join(",");
    for list in [
        "",
        " , ",
        "*",
        "*.",
        "*.*.example",
        "a b",
        "https://a.example",
        "a.example:1",
        "*.1.2.3.4",
        &many,
    ] {
        AllowedHosts::parse(list).unwrap_err();
    }
}

#[tokio::test]
async fn only_allowed_ports_are_taken_if_there_is_a_list() {
    let config = || WebhookConfig { allowed_ports: Some(vec![443]), ..WebhookConfig::default() };
    let network = Network::new(&[], None);
    network.webhook(config()).admit("https://hooks.example.com/").await.unwrap();
    refused("https://hooks.example.com:8443/", config()).await.unwrap();
}
