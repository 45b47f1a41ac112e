use a2a_lambda_core::engine::chain;
use a2a_lambda_runtime::Reader;
use a2a_lambda_runtime::testing::{ZEROS, lookup, secrets};
use a2a_lambda_testing::TestClock;

use super::*;
use crate::clients::http_client;
use crate::test_server::{TestResult, environment, serve};

/// An answer of KMS with the data key of 32 `k`s, encrypted to `encrypted key`.
pub(super) const GENERATED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\n\
     connection: close\r\n\r\n{\"CiphertextBlob\":\"ZW5jcnlwdGVkIGtleQ==\",\
     \"Plaintext\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\",\"KeyId\":\"arn:aws:kms:key\"}";

/// The vault of a function with these variables.
fn with(endpoint: &str, pairs: &[(&str, &str)]) -> Result<Arc<dyn Vault>, ConfigError> {
    let lookup = lookup(pairs);
    let variables = Variables::new(Reader::Request, &lookup);
    vault(&variables, &environment(endpoint), &http_client(), Arc::new(TestClock::by_hand()))
}

const NOWHERE: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn without_a_key_only_the_absence_of_secrets_is_kept() -> TestResult {
    for pairs in [&[][..], &[("PUSH_SECRETS_KEY", ""), ("PUSH_KMS_KEY", "")]] {
        let vault = with(NOWHERE, pairs)?;
        assert!(!vault.has_key());
        let error = vault.seal(&secrets(), "c").await.unwrap_err();
        assert!(matches!(error, VaultError::NoKey), "{error:?}");
        let error = vault.open(&Sealed::new("l1.AAAA"), "c").await.unwrap_err();
        assert!(matches!(error, VaultError::NoKey), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_absence_of_secrets_needs_no_key() -> TestResult {
    let (local, kms) = (("PUSH_SECRETS_KEY", ZEROS), ("PUSH_KMS_KEY", "alias/a2a"));
    for pairs in [&[][..], &[local], &[kms], &[local, kms]] {
        let vault = with(NOWHERE, pairs)?;
        assert_eq!(vault.has_key(), !pairs.is_empty());
        let sealed = vault.seal(&PushSecrets::default(), "c").await?;
        assert!(sealed.is_empty());
        assert_eq!(vault.open(&sealed, "other").await?, PushSecrets::default());
    }
    Ok(())
}

#[tokio::test]
async fn with_both_keys_kms_seals_and_both_open() -> TestResult {
    let (address, served) = serve(&[GENERATED]).await?;
    let endpoint = format!("http://{address}");
    let (local, kms) = (("PUSH_SECRETS_KEY", ZEROS), ("PUSH_KMS_KEY", "alias/a2a"));
    let before = with(&endpoint, &[local])?;
    let sealed_before = before.seal(&secrets(), "c").await?;

    let vault = with(&endpoint, &[local, kms])?;
    let sealed = vault.seal(&secrets(), "c").await?;

    assert!(sealed.as_str().starts_with("k1."));
    for sealed in [&sealed, &sealed_before] {
        assert_eq!(vault.open(sealed, "c").await?, secrets());
    }
    assert_eq!(served.await??.len(), 1);
    let error = vault.open(&Sealed::new("mm.AAAA"), "c").await.unwrap_err();
    assert!(matches!(error, VaultError::Damaged), "{error:?}");

    // One that has only the other's key says so.
    let after = with(NOWHERE, &[kms])?;
    for (vault, sealed) in [(&before, &sealed), (&after, &sealed_before)] {
        let error = vault.open(sealed, "c").await.unwrap_err();
        assert!(matches!(error, VaultError::NoKey), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_form_of_another_release_is_named() -> TestResult {
    let (local, kms) = (("PUSH_SECRETS_KEY", ZEROS), ("PUSH_KMS_KEY", "alias/a2a"));
    for pairs in [&[local][..], &[kms], &[local, kms]] {
        let vault = with(NOWHERE, pairs)?;
        for form in ["l2", "k10", "a1"] {
            let sealed = Sealed::new(format!("{form}.AAAA"));
            let error = vault.open(&sealed, "c").await.unwrap_err();
            assert!(matches!(error, VaultError::OtherRelease(_)), "{error:?}");
            let expected = format!(
                "the envelope of the secrets has form {form}, and this release reads forms l1 and k1"
            );
            assert_eq!(error.to_string(), expected);
        }
        for damaged in ["AAAA", "", ".", "l.AAAA", "l100.AAAA", "L2.AAAA", "lä.AAAA", "ä1.AAAA"] {
            let sealed = Sealed::new(damaged);
            let opened = vault.open(&sealed, "c").await;
            let is_none = sealed.is_empty() && opened.is_ok();
            assert!(is_none || matches!(opened, Err(VaultError::Damaged)), "{damaged}");
        }
    }
    Ok(())
}

#[test]
fn a_key_that_cannot_be_used_is_named_and_not_shown() {
    let short = "c2hvcnQ=";
    let second = format!("{ZEROS} hunter2!");
    for (value, reason) in [
        (" \n", "it has no key"),
        ("hunter2!", "key 1 in it is not base64"),
        (&ZEROS[..43], "key 1 in it is not base64"),
        (&second, "key 2 in it is not base64"),
        (short, "key 1 in it has 5 bytes, not 32"),
    ] {
        let error = with(NOWHERE, &[("PUSH_SECRETS_KEY", value)]).map(drop).unwrap_err();
        assert_eq!(
            chain(&error),
            format!(
                "the environment variable PUSH_SECRETS_KEY must be one key or several separated \
                 by whitespace, each of them 32 random bytes in base64 (make one by: openssl rand \
                 -base64 32): {reason}"
            )
        );
        let shown = format!("{error:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(short), "{shown}");
    }
}

#[test]
fn a_malformed_kms_key_is_refused_at_the_start() {
    let long = format!("alias/{}", "a".repeat(2_048));
    for value in ["a2a", "alias", "arn", "arn:aws:kms: ", "alias/ä", &long] {
        let error = with(NOWHERE, &[("PUSH_KMS_KEY", value)]).map(drop).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable PUSH_KMS_KEY must be the id of a KMS key, its ARN, or an \
             alias, which begins with alias/"
        );
    }
    for value in [
        "alias/a2a",
        "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "mrk-1234abcd12ab34cd56ef1234567890ab",
    ] {
        assert!(with(NOWHERE, &[("PUSH_KMS_KEY", value)]).is_ok_and(|it| it.has_key()), "{value}");
    }
}
