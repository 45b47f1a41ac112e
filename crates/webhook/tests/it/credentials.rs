//! The secrets that are taken. None of them is shown.

use a2a_lambda_core::push::Secret;
use a2a_lambda_webhook::{
    ExtraRoots, MAX_KEYS, SigningKeys, SigningKeysError, WebhookConfig, WebhookError,
    check_credentials,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::support::own;

fn hmac(bytes: usize) -> String {
    format!("whsec_{}", STANDARD.encode(vec![b'h'; bytes]))
}

fn ed25519(bytes: &[u8]) -> String {
    format!("whsk_{}", STANDARD.encode(bytes))
}

#[test]
fn keys_are_of_two_kinds() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let whole = [&[7; 32], pair.public_key().as_ref()].concat();
    for text in
        [hmac(24), hmac(64), ed25519(&[7; 32]), ed25519(&whole), vec![hmac(32); 4].join("\n")]
    {
        SigningKeys::parse(&text).unwrap();
    }
    let public = format!("whpk_{}", STANDARD.encode(pair.public_key()));
    let keys = format!("  {}\t{}\n", hmac(24), ed25519(&whole));
    let keys = SigningKeys::parse(&keys).unwrap();
    assert_eq!(keys.public_keys(), [public]);
    assert_eq!(format!("{keys:?}"), "[\"HMAC\", \"Ed25519\"]");

    let not_its_own = [[7; 32], [8; 32]].concat();
    for (text, expected) in [
        (String::new(), SigningKeysError::Count),
        (" \n".to_owned(), SigningKeysError::Count),
        (vec![hmac(32); MAX_KEYS + 1].join(" "), SigningKeysError::Count),
        (STANDARD.encode([1; 32]), SigningKeysError::Kind),
        ("whpk_AAAA".to_owned(), SigningKeysError::Kind),
        ("WHSEC_AAAA".to_owned(), SigningKeysError::Kind),
        ("whsec_".to_owned(), SigningKeysError::Hmac),
        ("whsec_hush!".to_owned(), SigningKeysError::Hmac),
        (hmac(23), SigningKeysError::Hmac),
        (hmac(65), SigningKeysError::Hmac),
        ("whsk_".to_owned(), SigningKeysError::Ed25519),
        ("whsk_hush!".to_owned(), SigningKeysError::Ed25519),
        (ed25519(&[7; 31]), SigningKeysError::Ed25519),
        (ed25519(&[7; 33]), SigningKeysError::Ed25519),
        (ed25519(&not_its_own), SigningKeysError::Ed25519),
    ] {
        assert_eq!(SigningKeys::parse(&text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn credentials_are_checked_before_they_are_kept() {
    let check = |scheme: &str, text: &str| check_credentials(scheme, &Secret::new(text));
    for (scheme, credentials) in [
        ("", ""),
        ("Bearer", "abc"),
        ("Bearer", ""),
        ("Custom-1", "a=b, c=\"d\""),
        ("StandardWebhooks", &hmac(32)),
        ("standardwebhooks", &format!("{} {}", hmac(24), hmac(64))),
    ] {
        assert_eq!(check(scheme, credentials), Ok(()), "{scheme} {credentials}");
    }
    for (scheme, credentials) in [
        ("", "hush"),
        ("Bearer", "hush\n"),
        ("Bearer", "hush\0"),
        ("Bearer", "hüsh"),
        ("Be arer", "hush"),
        ("Bearer:", "hush"),
        ("Bärer", "hush"),
        ("StandardWebhooks", ""),
        ("StandardWebhooks", "hush"),
        ("StandardWebhooks", "whsec_hush"),
        ("StandardWebhooks", &ed25519(&[7; 32])),
        ("StandardWebhooks", &vec![hmac(32); 5].join(" ")),
    ] {
        let refused = check(scheme, credentials).unwrap_err();
        assert!(!refused.0.contains("sh") || !refused.0.contains("hush"), "{refused}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let config = WebhookConfig {
        signing_keys: SigningKeys::parse(&format!("{} {}", hmac(32), ed25519(&[7; 32]))).unwrap(),
        ..WebhookConfig::default()
    };
    let shown = format!("{config:?}");
    let webhook = own(config).unwrap();
    let shown = format!("{shown} {webhook:?}");
    for secret in [STANDARD.encode([b'h'; 32]), STANDARD.encode([7; 32])] {
        assert!(!shown.contains(&secret[..8]), "{shown}");
    }
    assert!(shown.contains("HMAC") && !shown.contains("7, 7"), "{shown}");
}

#[test]
fn an_unusable_setting_is_refused() {
    for user_agent in ["a\nb", "ä"] {
        let config =
            WebhookConfig { user_agent: user_agent.to_owned(), ..WebhookConfig::default() };
        let error = own(config).unwrap_err();
        assert!(matches!(error, WebhookError::UserAgent));
    }
    for text in ["", "hush", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
        ExtraRoots::from_pem(text).unwrap_err();
    }
}
